"""What openapi.yaml allows is accepted, what it forbids is refused, and answers fit it, but for what is explained."""

import json
import os
import re
import urllib.parse
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import pytest
import schemathesis
import yaml
from conftest import CREATE_V1, ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from methods import CREATE_V0
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from evermemos.sandbox import Sandbox

pytestmark = pytest.mark.slow

KEY = "test-key"
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
KNOWN_GROUP = "group_123"
# The schemas of objects with declared fields that lie in a body.
NESTED = ("UserDetail", "UserDetailV0", "LlmCustomSetting", "LlmProviderConfig", "LoadedConversation", "LoadedMessage")
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
V0, V1 = (f"/api/{version}/memories/conversation-meta" for version in ("v0", "v1"))
LOAD = "/api/v1/memories/import"
CREATE_META = {name: value for name, value in CREATE_V1.items() if name != "version"}
MESSAGE = {"message_id": "m", "create_time": "2025-01-15T10:00:00Z", "sender": "user_001", "content": "Hello"}
OPERATIONS = {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item}
# How many cases are made up for an operation, beside those that go through its schema, and how many sequences: more and
# more, until all operations were followed. CI asks for many.
MANY = os.environ.get("EVERMEMOS_TEST_EXAMPLES") == "many"
CASES, SEQUENCES_OF = (25, (40, 80, 160, 320)) if MANY else (10, (10, 40, 160))
# Seeds come from the name of a test: the same cases each time. They do not depend on the machine's speed either.
BOUNDED = settings(
    max_examples=CASES,
    stateful_step_count=6,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


# What is explained


class Finding(NamedTuple):
    """A failed check: its class, whether the case fits the spec, and what was sent and answered."""

    kind: str
    fits: bool
    operation: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    status: int
    answer: Any

    @property
    def words(self) -> str:
        return str(self.answer.get("message")) if isinstance(self.answer, dict) else ""

    @property
    def fields(self) -> Mapping[str, Any]:
        """What was sent, of a conversation that is stored whole its metadata."""
        sent = {**self.query, **(self.body if isinstance(self.body, dict) else {})}
        return {**sent, **(sent.get("conversation_meta") or {})}

    def given(self, name: str) -> bool:
        return self.fields.get(name) is not None


Explanation = Callable[[Finding], bool]


def refused(finding: Finding, status: int) -> bool:
    return (finding.kind, finding.fits, finding.status) == ("RejectedPositiveData", True, status)


def null_body_is_a_server_error(finding: Finding) -> bool:
    """Recorded (patch_body_null): the application stumbles over a body that is null."""
    kinds = ("ServerError", "AcceptedNegativeData")
    what = "(save|update) conversation metadata|store memory"
    words = re.fullmatch(f"Failed to ({what}), please try again later", finding.words)
    return finding.kind in kinds and finding.status == 500 and finding.body is None and words is not None


def participant_needs_a_full_name(finding: Finding) -> bool:
    """Section 4, hazard 5: full_name is required in fact."""
    if not refused(finding, 400) or not finding.given("user_details"):
        return False
    nameless = any(user.get("full_name") is None for user in finding.fields["user_details"].values())
    return nameless and finding.words.startswith("1 validation error for UserDetailModel")


def v0_record_lacks_or_has_what_its_kind_does_not(finding: Finding) -> bool:
    """The default record of v0 has scene and scene_desc and no name, a group's a name and no scene."""
    words = r"(?:Field '\w+': )?(Group-level|Global) config (cannot|requires)\b[^']*'(\w+)'.*"
    rule = re.fullmatch(words, finding.words)
    if not refused(finding, 400) or not finding.operation.endswith(V0) or not rule:
        return False
    kind = "Group-level" if finding.given("group_id") else "Global"
    return (rule[1], rule[2]) == (kind, "cannot" if finding.given(rule[3]) else "requires")


def null_is_no_filter(finding: Finding) -> bool:
    """Recorded: the application drops null from the filter of a deletion."""
    if (finding.kind, finding.fits) != ("AcceptedNegativeData", False) or finding.status not in (200, 404):
        return False
    return finding.operation.startswith("DELETE") and None in finding.fields.values()


def what_is_needed_must_not_be_empty(finding: Finding) -> bool:
    """Recorded: an empty text is none to servers."""
    field = re.fullmatch(r"Missing required field: (\w+)", finding.words)
    adds = finding.operation in ("POST /api/v0/memories", "POST /api/v1/memories")
    return refused(finding, 400) and adds and field is not None and finding.fields.get(field[1]) == ""


def a_boolean_may_be_a_word(finding: Finding) -> bool:
    """Recorded: "yes" and 1 are true to servers."""
    taken = (finding.kind, finding.fits, finding.status) == ("AcceptedNegativeData", False, 200)
    return taken and finding.operation == "POST /api/v0/memories" and finding.fields.get("flush") not in (None, True)


def somebody_must_be_named(finding: Finding) -> bool:
    """Recorded: whose memories are read, which a schema cannot ask for. "__all__" names nobody."""
    words = "Cannot query without any filter." if "v0" in finding.operation else "cannot both be MAGIC_ALL"
    reads = finding.operation.startswith("GET") and "/memories" in finding.operation
    names = ("user_id", "group_ids" if "v0" in finding.operation else "group_id")
    named = [finding.fields[name] for name in names if finding.fields.get(name, "__all__") != "__all__"]
    return refused(finding, 400) and words in finding.words and reads and not named


def v0_searches_no_facts(finding: Finding) -> bool:
    """Recorded: v0 finds neither facts nor foresights, which documents name, and not as many as 0."""
    words = ("Search interface does not support memory_types", "top_k must be -1")
    searches = finding.operation == "GET /api/v0/memories/search"
    return refused(finding, 400) and searches and any(each in finding.words for each in words)


def a_query_is_read_as_far_as_it_can_be(finding: Finding) -> bool:
    """Recorded: of a query servers convert what they need, as Python does, and leave out what they do not know."""
    if (finding.kind, finding.fits, finding.status) != ("AcceptedNegativeData", False, 200):
        return False
    return finding.operation.startswith("GET") and "/memories" in finding.operation and bool(finding.query)


def a_deletion_needs_a_filter(finding: Finding) -> bool:
    """Recorded: an empty id is no filter, nor is the one that means any."""
    filters = [finding.fields.get(name) for name in ("memory_id", "id", "event_id", "user_id", "group_id")]
    left = [value for value in filters if value and value != "__all__"]
    deletes = finding.operation.startswith("DELETE") and not left
    return deletes and any(refused(finding, status) for status in (400, 404, 422))


def an_event_id_is_one_of_mongodb(finding: Finding) -> bool:
    """Recorded: on v1 anything else is not found."""
    words = finding.words == f"Invalid event_id format: {finding.fields.get('event_id')}"
    return refused(finding, 404) and finding.operation == "DELETE /api/v1/memories" and words


def nothing_to_delete_is_not_found(finding: Finding) -> bool:
    """v1 servers say in their own documents that they do not find what they cannot delete."""
    words = "No memories found matching the criteria or already deleted"
    return refused(finding, 404) and (finding.operation, finding.words) == ("DELETE /api/v1/memories", words)


def a_request_must_be_named(finding: Finding) -> bool:
    """Recorded: on v1 in a header, for the hosted product in the query or in the header, which a schema cannot say."""
    asked = re.fullmatch(r"GET /api/v[01]/(status|stats)/request", finding.operation)
    missing = finding.words.startswith("Missing required")
    return refused(finding, 400) and asked is not None and missing and not finding.headers.get("X-Request-Id")


def undeclared_field_is_refused(finding: Finding) -> bool:
    """Strict on purpose: the spec lets undeclared fields by, and a misspelt group_id would change another record."""
    if not refused(finding, 422):
        return False
    method, path = finding.operation.split()
    content = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
    schemas = DOCUMENT["components"]["schemas"]
    top = schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"]
    nested = [schemas[name]["properties"] for name in NESTED]
    for issue in finding.answer["detail"]:
        part, *_, name = issue["loc"]
        declared = name in top if len(issue["loc"]) == 2 else all(name in properties for properties in nested)
        if (part, issue["type"]) != ("body", "extra_forbidden") or declared:
            return False
    return True


def made_up_time_is_refused(finding: Finding) -> bool:
    """A time is ISO 8601 (sections 3 and 5), which a JSON schema cannot say. On purpose v1 is strict about it, only
    then; and strictly what is kept has a time zone."""
    rule = re.match(r"(\w+) is not a time in ISO 8601( with a time zone)?, such as", finding.words)
    if not refused(finding, 400) or not rule:
        return False
    messages = finding.fields.get("conversation_list") or []
    for text in [finding.fields.get(rule[1]), *(message.get(rule[1]) for message in messages)]:
        try:
            if isinstance(text, str) and datetime.fromisoformat(text).tzinfo is None and rule[2]:
                return True
        except ValueError:
            return True
    return False


def made_up_zone_is_refused(finding: Finding) -> bool:
    """Strict on purpose: default_timezone is the name of a time zone."""
    if not refused(finding, 400) or not finding.words.startswith("default_timezone is not the name"):
        return False
    return finding.fields["default_timezone"] not in zoneinfo.available_timezones()


def unknown_group_is_not_found(finding: Finding) -> bool:
    """Section 2: a PATCH of an unknown group is refused, and does not change the default record; on v1 strictly."""
    patched = finding.operation in (f"PATCH {V0}", f"PATCH {V1}") and finding.given("group_id")
    return refused(finding, 404) and patched and finding.body["group_id"] != KNOWN_GROUP


def mongodb_cannot_hold_it(finding: Finding) -> bool:
    """A creation fails then, and an update does not find the record."""
    status = 404 if finding.operation.startswith("PATCH") else 500
    waiting, is_held = [finding.body], True
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            is_held &= not any("\0" in key for key in value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int):
            is_held &= -(2**63) <= value < 2**63
    return finding.status == status and finding.kind in ("RejectedPositiveData", "ServerError") and not is_held


EXPLANATIONS: dict[bool, list[Explanation]] = {
    False: [
        null_body_is_a_server_error,
        participant_needs_a_full_name,
        v0_record_lacks_or_has_what_its_kind_does_not,
        null_is_no_filter,
        what_is_needed_must_not_be_empty,
        a_boolean_may_be_a_word,
        somebody_must_be_named,
        v0_searches_no_facts,
        a_query_is_read_as_far_as_it_can_be,
        a_deletion_needs_a_filter,
        an_event_id_is_one_of_mongodb,
        nothing_to_delete_is_not_found,
        a_request_must_be_named,
        unknown_group_is_not_found,
        mongodb_cannot_hold_it,
    ],
    True: [
        v0_record_lacks_or_has_what_its_kind_does_not,
        undeclared_field_is_refused,
        made_up_time_is_refused,
        made_up_zone_is_refused,
        unknown_group_is_not_found,
        what_is_needed_must_not_be_empty,
        somebody_must_be_named,
        a_deletion_needs_a_filter,
        an_event_id_is_one_of_mongodb,
        nothing_to_delete_is_not_found,
        a_request_must_be_named,
    ],
}
# By explanation, a request that needs it: nothing else explains what is wrong with its answer.
SHOWN: dict[Explanation, tuple[str, str, Any]] = {
    null_body_is_a_server_error: ("PATCH", V1, None),
    participant_needs_a_full_name: ("PATCH", V1, {"user_details": {"u": {}}}),
    v0_record_lacks_or_has_what_its_kind_does_not: ("POST", V0, {**CREATE_V0, "name": "N"}),
    what_is_needed_must_not_be_empty: ("POST", "/api/v0/memories", {**MESSAGE, "content": ""}),
    a_boolean_may_be_a_word: ("POST", "/api/v0/memories", {**MESSAGE, "group_id": "g", "flush": "yes"}),
    v0_searches_no_facts: ("GET", "/api/v0/memories/search", {"user_id": "u", "memory_types": ["event_log"]}),
    a_query_is_read_as_far_as_it_can_be: ("GET", "/api/v0/memories", {"user_id": "u", "page": "1_0"}),
    an_event_id_is_one_of_mongodb: ("DELETE", "/api/v1/memories", {"event_id": "x"}),
    null_is_no_filter: ("DELETE", "/api/v1/memories", {"user_id": "user_001", "group_id": None}),
    somebody_must_be_named: ("GET", "/api/v1/memories", None),
    a_deletion_needs_a_filter: ("DELETE", "/api/v1/memories", {"user_id": ""}),
    nothing_to_delete_is_not_found: ("DELETE", "/api/v1/memories", {"user_id": "nobody"}),
    a_request_must_be_named: ("GET", "/api/v1/stats/request", None),
    made_up_time_is_refused: ("POST", "/api/v0/memories", {**MESSAGE, "create_time": "soon"}),
    undeclared_field_is_refused: ("PATCH", V1, {"mood": "calm"}),
    made_up_zone_is_refused: ("PATCH", V1, {"default_timezone": "Mars/Base"}),
    unknown_group_is_not_found: ("PATCH", V0, {"group_id": "nobody", "tags": []}),
    mongodb_cannot_hold_it: ("PATCH", V1, {"scene_desc": {"a\0": 1}}),
}


# The checks


def loads(content: bytes | str | None) -> Any:
    """Read JSON; what is none stays as it is, and no explanation fits it."""
    try:
        return json.loads(content or b"")
    except ValueError:
        return content


def linked(path: str) -> dict[str, Any]:
    """Write a spec of one path which says that its operations follow one another."""
    item = json.loads(json.dumps(DOCUMENT["paths"][path]))
    group = {"group_id": "$response.body#/result/group_id"} if path == V1 else {}
    for source in ("post", "patch"):
        item[source]["responses"]["200"]["links"] = {
            target: {
                "operationId": operation["operationId"],
                **({"parameters": group} if target == "get" else {"requestBody": group}),
            }
            for target, operation in item.items()
        }
    return {**DOCUMENT, "paths": {path: item}}


def linked_memories(version: str) -> dict[str, Any]:
    """Write a spec which says that memories of a group are read and deleted after its messages were stored."""
    root = f"/api/{version}/memories"
    source, status, group = {
        "v0": (root, "200", "$request.body#/group_id"),
        "v1": (f"{root}/import", "202", "$request.body#/conversation_meta/group_id"),
    }[version]
    document = json.loads(json.dumps(DOCUMENT))
    paths = {path: document["paths"][path] for path in dict.fromkeys((root, f"{root}/search", source))}
    # That times are times, a schema does not say here. What is refused begins no sequence.
    for name in ("AddMemoriesV0Request", "AddMemoriesV1Request", "LoadedConversation", "LoadedMessage"):
        for field in {"create_time", "created_at"} & document["components"]["schemas"][name]["properties"].keys():
            document["components"]["schemas"][name]["properties"][field]["format"] = "date-time"
    parameters = {"group_ids" if version == "v0" else "group_id": group}
    targets = [
        (paths[root]["get"], parameters),
        (paths[f"{root}/search"]["get"], parameters),
        (paths[root]["delete"], None),
    ]
    responses = paths[source]["post"]["responses"]
    if "$ref" in responses[status]:
        responses[status] = dict(document["components"]["responses"][responses[status]["$ref"].rpartition("/")[2]])
    responses[status]["links"] = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            **({"requestBody": {"group_id": group}} if given is None else {"parameters": given}),
        }
        for operation, given in targets
    }
    return {**document, "paths": paths}


class Subject:
    """A sandbox under test."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.sandbox = Sandbox(api_key=KEY, strict=strict)
        self.schema = self.load(DOCUMENT)

    def load(self, document: dict[str, Any]) -> Any:
        schema: Any = schemathesis.openapi.from_dict(document)
        schema.app = self.sandbox.asgi()
        # Narrower than usual: a record is there, so that 404 is no excuse, nor is 500 for what does not fit.
        schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx"]
        schema.config.checks.negative_data_rejection.expected_statuses = ["400", "401", "422"]
        # Recorded servers name GET alone in the Allow of every 405.
        schema.config.checks.allow_header_conformance.enabled = self.strict
        schema.config.headers = {"Authorization": f"Bearer {KEY}"}
        # Going through the schema takes most of the time, and finds the same of both sandboxes for the most part.
        schema.config.phases.coverage.enabled = MANY or not self.strict
        return schema

    def reset(self) -> None:
        """Leave the default records, one group and memories of it, and nothing of the case before."""
        self.sandbox.clear()
        for path, body in (
            (V0, {**CREATE_V0, "scene_desc": {}}),
            (V0, {"created_at": CREATE_V0["created_at"], "scene": None, "name": "N", "group_id": KNOWN_GROUP}),
            (V1, CREATE_V1),
            (LOAD, {"conversation_meta": {**CREATE_META, "group_id": KNOWN_GROUP}, "conversation_list": [MESSAGE]}),
        ):
            answer = self.sandbox.handle("POST", path, {"Authorization": f"Bearer {KEY}"}, json.dumps(body).encode())
            assert answer.status in (200, 202)

    def check(self, case: Any) -> None:
        self.reset()
        self.judge(case, case.call())

    def judge(self, case: Any, response: Any) -> set[Explanation]:
        """Run all checks, raise those failures that nothing explains, and return what explains the others."""
        used: set[Explanation] = set()
        try:
            case.validate_response(response)
        except FailureGroup as group:
            sent = response.request.body
            unexplained = []
            for failure in group.exceptions:
                finding = Finding(
                    type(failure).__name__,
                    case.meta.generation.mode.is_positive,
                    case.operation.label,
                    dict(
                        urllib.parse.parse_qsl(
                            urllib.parse.urlsplit(response.request.url).query, keep_blank_values=True
                        )
                    ),
                    response.request.headers,
                    loads(sent),
                    response.status_code,
                    loads(response.content),
                )
                fitting = [explain for explain in EXPLANATIONS[self.strict] if explain(finding)]
                used.update(fitting)
                if not fitting:
                    unexplained.append(failure)
            if unexplained:
                raise FailureGroup(unexplained, group.message) from None
        return used


LENIENT, STRICT = Subject(strict=False), Subject(strict=True)


@LENIENT.schema.parametrize()  # type: ignore[untyped-decorator]
@BOUNDED
def test_every_operation_keeps_to_the_spec(case: Any) -> None:
    LENIENT.check(case)


@STRICT.schema.parametrize()  # type: ignore[untyped-decorator]
@BOUNDED
def test_every_operation_of_the_strict_sandbox_keeps_to_the_spec(case: Any) -> None:
    STRICT.check(case)


SEQUENCES = {
    "v0": linked(V0),
    "v1": linked(V1),
    "memories v0": linked_memories("v0"),
    "memories v1": linked_memories("v1"),
}


@pytest.fixture(autouse=True)
def nothing_of_what_happens_to_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis takes values from the constants of all local modules: what is tried would depend on other tests."""
    monkeypatch.setattr(providers, "_get_local_constants", Constants)
    monkeypatch.setattr(providers, "CONSTANTS_CACHE", type(providers.CONSTANTS_CACHE)(1024))


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("subject", [LENIENT, STRICT], ids=["lenient", "strict"])
def test_sequences_of_operations_keep_to_the_spec(subject: Subject, name: str) -> None:
    document = SEQUENCES[name]
    schema = subject.load(document)
    schema.config.generation.modes = [POSITIVE]

    class Machine(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            subject.reset()

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            if response.status_code < 300:
                followed.add(case.operation.label)
            subject.judge(case, response)

    followed: set[str] = set()
    wanted = {operation for operation in OPERATIONS if operation.partition(" ")[2] in document["paths"]}
    # What is to be deleted may be nothing, by chance, and is not found then.
    wanted -= {"DELETE /api/v1/memories"}
    for examples in SEQUENCES_OF:
        if not wanted <= followed:
            Machine.run(settings=settings(BOUNDED, max_examples=examples))
    assert wanted <= followed


@pytest.mark.parametrize(
    ("subject", "explain"),
    [(subject, explain) for subject in (LENIENT, STRICT) for explain in EXPLANATIONS[subject.strict]],
    ids=lambda value: value.__name__ if callable(value) else "strict" if value.strict else "lenient",
)
def test_no_explanation_is_stale(subject: Subject, explain: Explanation) -> None:
    method, path, body = SHOWN[explain]
    used: set[Explanation] = set()

    # Whether the case fits the spec is decided again with each part that is replaced, but for a query.
    mode = NEGATIVE if explain is a_query_is_read_as_far_as_it_can_be else POSITIVE

    @settings(BOUNDED, max_examples=1)
    @given(case=subject.schema[path][method].as_strategy(generation_mode=mode))
    def show(case: Any) -> None:
        case.query = body or {} if method == "GET" else {}
        case.headers.pop("X-Request-Id", None)
        if method != "GET":
            case.body = body
        subject.reset()
        used.update(subject.judge(case, case.call()))

    show()
    assert used == {explain}


GOOD = json.dumps({"result": {"id": "1", "scene": "assistant", "name": "N", "conversation_created_at": "2025-01-15"}})


@pytest.mark.parametrize(
    ("operation", "mode", "fault", "kind"),
    [
        ((V1, "GET"), POSITIVE, {"status": 200, "body": '{"status": "ok", "result": {"id": 1}}'}, "JsonSchemaError"),
        ((V1, "GET"), POSITIVE, {"status": 200, "body": '{"status": '}, "MalformedJson"),
        ((V1, "GET"), POSITIVE, {"content_type": "text/html"}, "UndefinedContentType"),
        ((V1, "POST"), POSITIVE, {"status": 400}, "RejectedPositiveData"),
        ((V1, "POST"), POSITIVE, {"status": 500}, "ServerError"),
        ((V1, "POST"), NEGATIVE, {"status": 200, "body": GOOD}, "AcceptedNegativeData"),
        ((V0, "GET"), POSITIVE, {"status": 200, "body": GOOD}, "IgnoredAuth"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_server_that_breaks_the_spec_is_found_out(
    operation: tuple[str, str], mode: GenerationMode, fault: dict[str, Any], kind: str
) -> None:
    subject = Subject(strict=False)
    path, method = operation
    found: set[str] = set()

    @settings(BOUNDED, max_examples=5)
    @given(case=subject.schema[path][method].as_strategy(generation_mode=mode))
    def look(case: Any) -> None:
        subject.reset()
        subject.sandbox.fail(times=None, **fault)
        try:
            subject.judge(case, case.call())
        except FailureGroup as group:
            found.update(type(failure).__name__ for failure in group.exceptions)

    look()
    assert kind in found
