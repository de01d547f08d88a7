"""The sandbox takes what openapi.yaml says: compiled schemas, an edited spec, and the strict behaviour."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from check_spec import KINDS
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import changes, conforming

from evermemos.sandbox import Sandbox, _conversation_meta, _spec
from evermemos.sandbox._schema import _LIMITS, _SILENT, Schemas

V0 = "/api/v0/memories/conversation-meta"
V1 = "/api/v1/memories/conversation-meta"
REQUIRED: dict[str, Any] = {
    "version": "1.0",
    "scene": "assistant",
    "scene_desc": {},
    "name": "N",
    "created_at": "2025-01-15T10:00:00+00:00",
}


def ask(sandbox: Sandbox, method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    answer = sandbox.handle(method, path + query, {"Authorization": "Bearer any"}, content)
    return answer.status, json.loads(answer.body)


# Compiled schemas


@pytest.mark.parametrize(
    ("schema", "value", "kind", "words"),
    [
        ({"type": "string"}, 1, "string_type", "Input should be a valid string"),
        ({"type": "integer"}, 1.5, "int_type", "Input should be a valid integer"),
        ({"type": "integer"}, True, "int_type", "Input should be a valid integer"),
        ({"type": "number"}, "1", "float_type", "Input should be a valid number"),
        ({"type": "boolean"}, [], "bool_type", "Input should be a valid boolean"),
        ({"type": "boolean"}, 2, "bool_parsing", "Input should be a valid boolean, unable to interpret input"),
        ({"type": "array"}, {}, "list_type", "Input should be a valid list"),
        ({"type": "object"}, [], "dict_type", "Input should be a valid dictionary"),
        ({"type": "integer", "minimum": 1}, 0, "greater_than_equal", "Input should be greater than or equal to 1"),
        ({"type": "number", "maximum": 1}, 1.5, "less_than_equal", "Input should be less than or equal to 1"),
        ({"type": "integer", "exclusiveMinimum": 1}, 1, "greater_than", "Input should be greater than 1"),
        ({"type": "integer", "exclusiveMaximum": 1}, 1, "less_than", "Input should be less than 1"),
        ({"type": "string", "minLength": 2}, "a", "string_too_short", "String should have at least 2 characters"),
        ({"type": "string", "maxLength": 2}, "abc", "string_too_long", "String should have at most 2 characters"),
        ({"type": "string", "pattern": "^a"}, "b", "string_pattern_mismatch", "String should match pattern '^a'"),
        ({"type": "array", "minItems": 1}, [], "too_short", "List should have at least 1 items"),
        ({"type": "array", "maxItems": 0}, [1], "too_long", "List should have at most 0 items"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "literal_error", "Input should be 'a' or 'b'"),
        ({"type": "string", "enum": ["a"]}, "c", "literal_error", "Input should be 'a'"),
        ({"type": ["string", "null"]}, 1, "string_type", "Input should be a valid string"),
    ],
)
def test_a_keyword_judges_as_a_validator_does(schema: dict[str, Any], value: Any, kind: str, words: str) -> None:
    check = Schemas({}, {}, closed=False).check(schema)
    (issue,) = check(value, ("body",))
    assert (issue["type"], issue["msg"], issue["input"]) == (kind, words, value)
    validator = jsonschema.Draft202012Validator(schema)
    # Not strictly, "yes" and 1 are booleans.
    check = Schemas({}, {}, closed=True).check(schema)
    others: list[Any] = [value, None, "a", "ab", "abc", 0, 1, 2, 1.0, 1.5, True, [], [1], {}]
    for other in others:
        assert (check(other, ()) == []) is validator.is_valid(other), other


def test_schemas_may_refer_to_themselves_and_join_others() -> None:
    tree = {
        "type": "object",
        "required": ["value"],
        "properties": {
            "value": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "more": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
        "additionalProperties": False,
    }
    check = Schemas({"Tree": tree}, {}, closed=False).check({"$ref": "#/components/schemas/Tree"})
    assert check({"value": 1, "more": [{"value": "a"}]}, ()) == []
    found = check({"value": 1, "more": [{"value": None, "x": 1}, {}]}, ("body",))
    assert [(".".join(map(str, issue["loc"])), issue["type"]) for issue in found] == [
        ("body.more.0.value", "int_type"),
        ("body.more.0.value", "string_type"),
        ("body.more.0.x", "extra_forbidden"),
        ("body.more.1.value", "missing"),
    ]


@pytest.mark.parametrize("schema", [{"type": "array", "uniqueItems": True}, {"type": "string", "maximum": 1}])
def test_a_keyword_that_is_not_understood_is_not_ignored(schema: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match=r"does not understand (uniqueItems of a array|maximum of a string)"):
        Schemas({}, {}, closed=False).check(schema)


def test_silent_keywords_are_some_that_the_spec_may_use() -> None:
    assert {*KINDS["schema"], *KINDS["reference"]} >= _SILENT
    assert set(KINDS["schema"]) >= {name for limits in _LIMITS.values() for name in limits}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data())
@pytest.mark.parametrize("strict", [False, True])
def test_requests_are_taken_and_refused_as_a_validator_would(data: st.DataObject, strict: bool) -> None:
    """The compiled spec against jsonschema, with the spec itself and with the edits that make it a server's."""
    document = _spec.document()
    if not strict:
        _spec._as_servers_do(document)
    name = data.draw(st.sampled_from([name for name in document["components"]["schemas"] if name.endswith("Request")]))
    body = data.draw(conforming(name))
    schema = {"components": document["components"], "$ref": f"#/components/schemas/{name}"}
    check, validator = (
        Schemas(document["components"]["schemas"], {}, closed=False).check(schema),
        jsonschema.Draft202012Validator(schema),
    )
    assert check(body, ()) == []
    for change in changes(body)[:: data.draw(st.integers(1, 5))]:
        changed = change.apply(body)
        assert (check(changed, ()) == []) is validator.is_valid(changed)


# An edited spec


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """openapi.yaml, to be edited before the first sandbox is made."""
    content = _spec.document()
    monkeypatch.setattr(_spec, "document", lambda: content)
    _spec.load.cache_clear()
    yield content
    _spec.load.cache_clear()


def test_a_new_field_is_checked_kept_and_answered(document: dict[str, Any]) -> None:
    for verb in ("Create", "Update"):
        properties = document["components"]["schemas"][f"{verb}ConversationMetaV1Request"]["properties"]
        properties["priority"] = {"type": ["integer", "null"], "minimum": 1}
    document["components"]["schemas"]["UserDetail"]["properties"]["email"] = {"type": ["string", "null"]}
    sandbox = Sandbox()
    status, content = ask(sandbox, "POST", V1, REQUIRED | {"priority": 0})
    assert (status, [issue["loc"] for issue in content["detail"]]) == (422, [["body", "priority"]])
    user = {"full_name": "U", "role": None, "email": "u@example.org", "extra": None}
    assert ask(sandbox, "POST", V1, REQUIRED | {"priority": 1, "user_details": {"u": user}})[0] == 200
    assert ask(sandbox, "PATCH", V1, {"priority": 5, "name": "M"})[1]["result"]["updated_fields"] == [
        "name",
        "priority",
    ]
    record = ask(sandbox, "GET", V1)[1]["result"]
    assert (record["priority"], record["user_details"]) == (5, {"u": user})


def test_a_new_query_parameter_is_read_and_checked(document: dict[str, Any]) -> None:
    document["paths"][V1]["get"]["parameters"] += [
        {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
        {"name": "deep", "in": "query", "schema": {"type": "boolean"}},
        {"name": "ids", "in": "query", "required": True, "schema": {"type": "array", "items": {"type": "string"}}},
        {"name": "kind", "in": "query", "schema": {"$ref": "#/components/schemas/Kind"}},
    ]
    document["components"]["schemas"]["Kind"] = {"type": "string", "enum": ["a", "b"]}
    sandbox = Sandbox()
    ask(sandbox, "POST", V1, REQUIRED)
    assert ask(sandbox, "GET", V1, query="?page=1&deep=true&ids=a&ids=b&kind=a")[0] == 200
    status, content = ask(sandbox, "GET", V1, query="?page=0&deep=maybe&kind=c")
    assert status == 422
    assert [(issue["loc"], issue["type"]) for issue in content["detail"]] == [
        (["query", "page"], "greater_than_equal"),
        (["query", "deep"], "bool_parsing"),
        (["query", "ids"], "missing"),
        (["query", "kind"], "literal_error"),
    ]
    operation = _spec.load(strict=False).routes[V1]["GET"]
    values = _spec.arguments(operation, "page=2&deep=0&ids=a&ids=b", {}, b"", strict=False)
    assert values == {"page": 2, "deep": False, "ids": ["a", "b"]}


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        ("integer", ["1", " 2 ", "+3", "-4", "5.0", "06"], [1, 2, 3, -4, 5, 6]),
        ("number", ["1", "1.5", " -2e3 "], [1.0, 1.5, -2000.0]),
        ("boolean", ["true", "T", "1", "yes", "Y", "on"], [True] * 6),
        ("boolean", ["FALSE", "f", "0", "no", "n", "off"], [False] * 6),
        ("string", ["", "1", "null"], ["", "1", "null"]),
        ("integer", ["", "1.5", "1e3", "0x1", "true", "null", "\u0661", "9" * 5000], "int_parsing"),
        ("number", ["", "nan", "inf", "1e999", "true", "\u0661", "1,5"], "float_parsing"),
        ("boolean", ["", "maybe", "null", "2", "1.0"], "bool_parsing"),
    ],
)
def test_text_in_a_query_is_read_as_fastapi_reads_it(kind: str, texts: list[str], values: Any) -> None:
    check = Schemas({}, {}, closed=False).check
    one = _spec.Parameter(kind, False, False, check({"type": kind}))
    many = _spec.Parameter(kind, True, False, check({"type": "array", "items": {"type": kind}}))
    found, issues = _spec._read(many, texts, ("query", "x"))
    if isinstance(values, list):
        assert (found, issues) == (values, [])
        assert [type(value) for value in found] == [type(value) for value in values]
        # Of several values the last one counts, where there may be one.
        assert _spec._read(one, ["nonsense", texts[-1]], ("query", "x")) == (values[-1], [])
    else:
        expected = [(values, ("query", "x", number), text) for number, text in enumerate(texts)]
        assert [(issue["type"], issue["loc"], issue["input"]) for issue in issues] == expected
        (issue,) = _spec._read(one, texts, ("query", "x"))[1]
        assert (issue["type"], issue["loc"], issue["input"]) == (values, ("query", "x"), texts[-1])


def test_an_operation_that_nobody_has_taught_it_is_checked_and_not_made_up(document: dict[str, Any]) -> None:
    document["paths"]["/api/v1/new"] = {"patch": {**document["paths"][V1]["patch"], "operationId": "new_v1"}}
    sandbox = Sandbox()
    assert ask(sandbox, "GET", "/api/v1/new")[0] == 405
    status, content = ask(sandbox, "PATCH", "/api/v1/new", {})
    assert (status, content["message"]) == (501, "The sandbox does not know what new_v1 does.")
    sandbox.fail("update_conversation_meta_v1", status=503)


def test_every_operation_of_the_spec_does_something() -> None:
    sandbox = Sandbox()
    assert {*sandbox._meta, *sandbox._others} == set(_spec.load(strict=False).operations)


def test_security_comes_from_the_spec(document: dict[str, Any]) -> None:
    document["paths"][V1]["get"]["security"] = [{"bearerAuth": []}]
    assert Sandbox(require_key=True).handle("GET", V1, {}, b"").status == 401
    assert Sandbox().handle("GET", V1, {}, b"").status == 404


# Strict: what is documented, instead of what servers do


@pytest.fixture
def strict() -> Sandbox:
    sandbox = Sandbox(strict=True)
    assert ask(sandbox, "POST", V1, REQUIRED | {"group_id": "g"})[0] == 200
    assert ask(sandbox, "POST", V1, REQUIRED | {"name": "default"})[0] == 200
    return sandbox


def test_strict_update_of_an_unknown_group_changes_nothing(strict: Sandbox) -> None:
    status, content = ask(strict, "PATCH", V1, {"group_id": "G", "name": "new"})
    assert (status, content["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert ask(strict, "GET", V1)[1]["result"]["name"] == "default"
    # That reading falls back to the default record is documented.
    assert ask(strict, "GET", V1, query="?group_id=G")[1]["message"] == "Using default config"


def test_strict_keeps_the_custom_role_and_needs_no_name(strict: Sandbox) -> None:
    users = {"u": {"custom_role": "lead"}}
    ask(strict, "PATCH", V1, {"user_details": users})
    kept = ask(strict, "GET", V1)[1]["result"]["user_details"]["u"]
    assert kept == {"full_name": None, "role": None, "custom_role": "lead", "extra": None}


def test_strict_moves_updated_at(strict: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()
    monkeypatch.setattr(_conversation_meta, "now", lambda: f"2100-01-01T00:00:{next(seconds):02}.000000+00:00")
    before = ask(strict, "GET", V1)[1]["result"]
    patched = ask(strict, "PATCH", V1, {"name": "new"})[1]["result"]["updated_at"]
    after = ask(strict, "GET", V1)[1]["result"]
    assert before["updated_at"] < patched == after["updated_at"]
    assert before["created_at"] == after["created_at"]
    ask(strict, "POST", V1, REQUIRED)
    assert ask(strict, "GET", V1)[1]["result"]["updated_at"] > patched


@pytest.mark.parametrize(
    ("body", "place", "kind"),
    [
        ({"groupId": "g"}, ["body", "groupId"], "extra_forbidden"),
        ({"user_details": {"u": {"mail": "x"}}}, ["body", "user_details", "u", "mail"], "extra_forbidden"),
        ({"user_details": {"u": {"role": "USER"}}}, ["body", "user_details", "u", "role"], "literal_error"),
        (None, ["body"], "missing"),
    ],
)
def test_strict_refuses_what_the_spec_does_not_have(strict: Sandbox, body: Any, place: list[str], kind: str) -> None:
    status, content = ask(strict, "PATCH", V1, body)
    assert (status, [(issue["loc"], issue["type"]) for issue in content["detail"]]) == (422, [(place, kind)])


def test_strict_refuses_null_as_body_unknown_scenes_and_queries(strict: Sandbox) -> None:
    assert strict.handle("PATCH", V1, {}, b"null").status == 422
    assert ask(strict, "POST", V1, REQUIRED | {"scene": "party"})[1]["detail"][0]["type"] == "literal_error"
    assert ask(strict, "PATCH", V1, {}, query="?group_id=g")[1]["detail"][0]["loc"] == ["query", "group_id"]
    assert ask(strict, "GET", V0, query="?group=g")[0] == 422


@pytest.mark.parametrize("time", ["yesterday", "2025-01-15T10:00:00", "2025-01-15"])
def test_strict_asks_for_times_with_a_zone(strict: Sandbox, time: str) -> None:
    status, content = ask(strict, "POST", V1, REQUIRED | {"created_at": time})
    assert (status, content["code"]) == (400, "INVALID_PARAMETER")
    assert re.match("created_at is not a time in ISO 8601 with a time zone", content["message"])


def test_strict_asks_for_time_zones_that_exist(strict: Sandbox) -> None:
    assert ask(strict, "PATCH", V1, {"default_timezone": "Mars/Phobos"})[0] == 400
    assert ask(strict, "PATCH", V1, {"default_timezone": "Europe/Paris"})[0] == 200
    assert ask(strict, "PATCH", V1, {"default_timezone": ""})[0] == 200


def test_a_strict_v0_has_the_documented_fields_only(strict: Sandbox) -> None:
    body = {"created_at": REQUIRED["created_at"], "scene": "assistant", "scene_desc": {}}
    made = ask(strict, "POST", V0, body)[1]["result"]
    assert (made["is_default"], made["group_id"]) == (True, None)
    assert ask(strict, "PATCH", V0, {"tags": ["t"]})[1]["result"]["updated_fields"] == ["tags"]
    assert ask(strict, "POST", V0, body | {"version": "1.0"})[0] == 422
    group = {"created_at": body["created_at"], "group_id": "g", "name": "N", "scene": None}
    assert ask(strict, "POST", V0, group)[1]["result"]["group_id"] == "g"
    assert ask(strict, "PATCH", V0, {"group_id": "h", "tags": []})[0] == 404
    assert ask(strict, "POST", V0, {"created_at": body["created_at"], "scene_desc": {}})[0] == 422
