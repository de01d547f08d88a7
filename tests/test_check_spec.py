"""Every rule of scripts/check_spec.py is broken here in a copy of the real spec, and must name the place."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import check_spec
import pytest
import yaml

SCRIPT = Path(check_spec.__file__)
TEXT = check_spec.SPEC.read_text()
V0 = ("paths", "/api/v0/memories/conversation-meta")
V1 = ("paths", "/api/v1/memories/conversation-meta")
SCHEMAS = ("components", "schemas")
PERSON = (*SCHEMAS, "UserDetail", "properties")
RECORD = (*SCHEMAS, "ConversationMetaResponse")
OK = ("responses", "200", "content", "application/json")
BODY = ("requestBody", "content", "application/json")
JSON = "must be application/json with a schema, and nothing else"
HITS = "x-hits must be true, on an object that requires memories"
AFFECTED = "x-affected must be true, on an object with result and message"
FOUND = (*SCHEMAS, "SearchMemoriesResult")
DELETED = (*SCHEMAS, "DeleteMemoriesResponse")
LISTED = (*SCHEMAS, "GetMemoriesResult", "properties", "memories", "items", "anyOf")
OURS = f"{', '.join(sorted(check_spec.TAKEN))} are taken: use another name"
# Through JSON, so that no part is shared: a seed is put in one place. The copies are JSON too, which is YAML.
DOCUMENT = json.loads(json.dumps(yaml.safe_load(TEXT)))
WHOLE = check_spec.Spec(TEXT)
# By operation, the places of all that it refers to, over any number of steps.
REACHED = {
    place: WHOLE.reached([place])
    for place in (("paths", path, method) for path, item in DOCUMENT["paths"].items() for method in item)
}
DROP = object()
SCENE = {"$ref": "#/components/schemas/Scene"}


@functools.cache
def cut(*places: tuple[Any, ...]) -> str:
    """The spec as JSON, with no more operations and components than these places need."""
    needed = [next((found for found in REACHED.values() if place in found), set()) for place in places]
    kept = set().union(*needed) or next(iter(REACHED.values()))
    paths = {
        path: {method: item[method] for method in item if ("paths", path, method) in kept}
        for path, item in DOCUMENT["paths"].items()
    }
    components = {
        section: {name: named[name] for name in named if ("components", section, name) in kept}
        for section, named in DOCUMENT["components"].items()
    }
    # Operations name these without referring to them.
    components["securitySchemes"] = DOCUMENT["components"]["securitySchemes"]
    paths = {path: item for path, item in paths.items() if item}
    return json.dumps({**DOCUMENT, "paths": paths, "components": components})


class Seed(NamedTuple):
    """A fault: the rule that finds it, where it is put, what is put there, and what the message must contain."""

    rule: str
    place: tuple[Any, ...]
    value: Any
    at: tuple[Any, ...]
    says: str

    def ground(self) -> str:
        return cut(self.place[:3], self.at[:3])

    def sow(self) -> str:
        document = json.loads(self.ground())
        *way, last = self.place
        node = document
        for key in way:
            node = node[key]
        if self.value is DROP:
            del node[last]
        else:
            node[last] = self.value(node.get(last)) if callable(self.value) else self.value
        return json.dumps(document)


def seed(rule: str, place: tuple[Any, ...], value: Any, says: str = "", at: tuple[Any, ...] | None = None) -> Seed:
    return Seed(rule, place, value, place if at is None else at, says)


def add(*items: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda old: [*(old or []), *items]


SEEDS = [
    # The standard.
    seed("openapi", ("openapi",), "3.0.3", "does not match"),
    seed("schema_forms", (*PERSON, "full_name", "type"), "strng", "'strng' is not valid"),
    seed("schema_forms", (*PERSON, "full_name", "exclusiveMinimum"), True, "True is not of type 'number'"),
    seed("openapi", (*V0, "get", "responses", "200", "description"), DROP, "'description' is a required", at=V0),
    seed("openapi", ("paths", "/api/v0/{id}"), lambda _: {"get": {"responses": {}}}, "'id'", at=()),
    # References.
    seed("references", (*PERSON, "extra"), {"$ref": "#/components/schemas/Extrq"}, "did you mean 'Extra'?"),
    seed("references", (*PERSON, "extra"), {"$ref": "other.yaml#/Extra"}, "is not a schema"),
    seed("references", (*V0, "get", "responses", "400"), SCENE, "is not a response in #/components/responses"),
    seed("references", (*SCHEMAS, "Alias"), SCENE, "only a $ref: use #/components/schemas/Scene itself"),
    # Keys.
    seed("known_keys", (*PERSON, "full_name", "exampel"), "x", "unknown key in a schema: did you mean 'example'?"),
    seed("known_keys", (*PERSON, "full_name", "nullable"), True, "OpenAPI 3.0. Write type: [string, 'null']"),
    seed("known_keys", (*PERSON, "full_name", "oneOf"), [{"const": "a"}, {"const": "b"}], "write anyOf, or an enum"),
    seed("known_keys", (*PERSON, "full_name", "x-personal-txt"), True, "did you mean 'x-personal-text'?"),
    seed("known_keys", (*PERSON, "full_name", "x-safe-to-repeat"), True, "nothing reads it here"),
    seed("known_keys", (*SCHEMAS, "Scene", "title"), "Kind", "rename the generated class"),
    seed("known_keys", (*V0, "post", "requestBdy"), {}, "did you mean 'requestBody'?"),
    seed("known_keys", (*V0, "post", "x-safe-to-reapeat"), True, "did you mean 'x-safe-to-repeat'?"),
    seed("known_keys", (*V0, "get", *OK, "exmaples"), {}, "did you mean 'examples'?"),
    seed("known_keys", (*V0, "get", "responses", "200", "contents"), {}, "did you mean 'content'?"),
    seed("known_keys", (*V1, "get", "parameters", 0, "descripton"), "x", "did you mean 'description'?"),
    seed("known_keys", (*V1, "get", "parameters", 0, "explode"), False, "name=a&name=b"),
    seed("known_keys", (*V1, "get", "parameters", 0, "style"), "deepObject", "name=a&name=b"),
    seed("known_keys", (*V0, "get", "responses", "400", "content"), {}, "in a response-reference"),
    # Operations.
    seed("operation_ids", (*V0, "get", "operationId"), DROP, "every operation needs one", at=(*V0, "get")),
    seed("operation_ids", (*V0, "get", "operationId"), "getMetaV0", "in snake_case", at=(*V0, "get")),
    seed("operation_ids", (*V0, "get", "operationId"), "get_meta__v0", "in snake_case", at=(*V0, "get")),
    seed("operation_ids", (*V0, "get", "operationId"), "update_conversation_meta_v0", "twice", at=(*V0, "patch")),
    seed("operation_ids", (*V0, "get", "operationId"), "get_conversation_meta", "version", at=(*V0, "get")),
    seed("operation_ids", (*V0, "get", "operationId"), "get_meta_v1", "version of the path", at=(*V0, "get")),
    seed("declared_names", (*V0, "get", "tags"), ["conversation-mata"], "did you mean 'conversation-meta'?"),
    seed("declared_names", (*V0, "get", "security"), [{"bearrAuth": []}], "did you mean 'bearerAuth'?"),
    seed("declared_names", (*RECORD, "required"), add("scen"), "did you mean 'scene'?"),
    seed("tags must have exactly one entry", (*V0, "get", "tags"), DROP, at=(*V0, "get")),
    seed("tags must have exactly one entry", (*V0, "get", "tags"), add("conversation-meta"), at=(*V0, "get")),
    seed("security is missing: write it on every operation", (*V0, "get", "security"), DROP, at=(*V0, "get")),
    seed("x-safe-to-repeat must be true or false", (*V0, "get", "x-safe-to-repeat"), DROP, at=(*V0, "get")),
    seed("x-safe-to-repeat must be true or false", (*V0, "get", "x-safe-to-repeat"), "yes", at=(*V0, "get")),
    seed("x-personal-text must be true or false", (*PERSON, "full_name", "x-personal-text"), 1, at=PERSON),
    seed("x-personal-text must be true or false", (*PERSON, "extra"), {**SCENE, "x-personal-text": "no"}),
    *(
        seed("statuses", (*V0, "get", "responses", status), DROP, f"document {status} too", (*V0, "get", "responses"))
        for status in ("400", "401", "403", "404", "409", "422", "429", "500", "503", "default")
    ),
    seed("statuses", (*V0, "get", "responses", "200"), DROP, "a success status", (*V0, "get", "responses")),
    seed("statuses", (*V0, "get", "responses"), DROP, "400, 401, 403"),
    # Bodies.
    seed("write required: true", (*V0, "post", "requestBody", "required"), DROP, at=(*V0, "post", "requestBody")),
    seed("write required: true", (*V0, "post", "requestBody", "required"), False, at=(*V0, "post", "requestBody")),
    seed("GET takes no body: use query parameters", (*V0, "get", "requestBody"), {}, at=(*V0, "get")),
    seed(JSON, (*V0, "get", *OK, "schema"), DROP, at=(*V0, "get", "responses", "200", "content")),
    seed(JSON, (*V0, "get", "responses", "200", "content"), DROP),
    seed(JSON, (*V0, "post", "requestBody", "content"), {"multipart/form-data": {"schema": {}}}),
    # What the generator and our codec make of schemas.
    seed("JSON has no bytes: use a plain string", (*PERSON, "full_name", "format"), "binary"),
    seed("JSON has no bytes: use a plain string", (*PERSON, "full_name", "format"), "byte"),
    seed(OURS, (*PERSON, "additional_properties"), {"type": "string"}, at=PERSON),
    seed(OURS, (*PERSON, "to_dict"), {"type": "string"}, at=PERSON),
    seed(OURS, (*PERSON, "hits"), {"type": "string"}, at=PERSON),
    seed("named_components", (*PERSON, "extra"), {"type": "object"}, "without a name"),
    seed("named_components", (*PERSON, "extra"), {"properties": {}}, "without a name"),
    seed("named_components", (*PERSON, "extra"), {"additionalProperties": True}, "without a name"),
    seed("named_components", (*PERSON, "role"), {"type": "string", "enum": ["a"]}, "without a name"),
    seed("named_components", (*PERSON, "extra", "anyOf", 0), {"type": "object"}, "without a name"),
    seed("named_components", (*RECORD, "properties", "tags", "items"), {"type": "object"}, "without a name"),
    seed("named_components", (*SCHEMAS, "UserDetails", "additionalProperties"), {"type": "object"}, "without a name"),
    seed("named_components", (*V1, "get", "parameters", 0, "schema"), {"enum": ["a"]}, "without a name"),
    seed("named_components", (*V0, "post", *BODY, "schema"), {"type": "object"}, "without a name"),
    seed("named_components", (*V0, "get", *OK, "schema"), {"type": "object"}, "without a name"),
    seed("take null out, and write anyOf where the enum is used", (*SCHEMAS, "Scene", "enum"), add(None)),
    seed("an enum has exactly one type, and never null", (*SCHEMAS, "Scene", "type"), ["string", "null"]),
    seed("an enum has exactly one type, and never null", (*SCHEMAS, "Scene", "type"), DROP),
    seed("value_types", (*SCHEMAS, "Scene", "enum"), add(5), "5 is not of type string", at=(*SCHEMAS, "Scene")),
    seed("value_types", (*PERSON, "extra"), {"type": "string", "const": 5}, "5 is not of type string"),
    seed("write anyOf of a $ref and {type: 'null'}", (*SCHEMAS, "Extra", "type"), ["object", "null"]),
    seed("write an enum, as a component", (*PERSON, "role", "anyOf"), [{"const": "a"}, {"const": "b"}]),
    seed(
        "null is for a $ref: write type: [string, 'null']",
        (*PERSON, "full_name", "anyOf"),
        [{"type": "string"}, {"type": "null"}],
    ),
    seed("unions", (*PERSON, "extra", "anyOf"), add({"$ref": "#/components/schemas/UserDetails"}), "look alike"),
    seed("unions", LISTED, lambda old: [old[-1], *old[:-1]], "look alike"),
    seed(
        "unions",
        (*SCHEMAS, "SearchForesightMemory", "properties", "memory_type", "const"),
        "event_log",
        "look alike",
        SCHEMAS,
    ),
    seed(HITS, (*FOUND, "x-hits"), "yes", at=FOUND),
    seed(HITS, (*FOUND, "x-hits"), False, at=FOUND),
    seed(HITS, (*FOUND, "required"), [], at=FOUND),
    seed(HITS, (*FOUND, "properties", "memories"), {"type": "string"}, at=FOUND),
    seed(AFFECTED, (*DELETED, "x-affected"), False, at=DELETED),
    seed(AFFECTED, (*DELETED, "properties", "message"), DROP, at=DELETED),
    # Defaults.
    seed("defaults", (*PERSON, "full_name", "default"), "x", "say it in the description"),
    seed("defaults", (*SCHEMAS, "CreateConversationMetaV0Request", "properties", "tags", "default"), [], "say it"),
    seed("closed_answers", (*SCHEMAS, "PatchConversationMetaResult", "additionalProperties"), False, "leave it open"),
    seed("defaults", (*V1, "get", "parameters", 0, "schema", "default"), "x", "say it in the description"),
    # Examples.
    seed("examples", (*PERSON, "full_name", "example"), 5, "5 is not of type 'string', 'null'"),
    seed("examples", (*PERSON, "full_name", "examples"), ["x", 5], "5 is not", at=(*PERSON, "full_name", "examples/1")),
    seed("examples", (*PERSON, "full_name"), {"format": "date-time", "example": "soon"}, "is not a 'date-time'"),
    seed("examples", (*PERSON, "role", "example"), "admin", "'admin' is not valid"),
    seed("examples", (*V1, "get", "parameters", 0, "example"), 5, "5 is not of type 'string'"),
    seed("examples", (*V0, "post", *BODY, "examples", "assistant", "value", "scene"), "party", "'party'"),
    seed("examples", (*V0, "post", *BODY, "examples", "assistant", "value", "scene"), DROP, "'scene' is a", at=V0),
    seed("examples", ("components", "responses", "NotFound", *OK[2:], "example", "path"), 5, "5 is not of type"),
    seed("examples", (*RECORD, "properties", "is_default", "default"), "no", "'no' is not of type 'boolean'"),
    # Components.
    *(
        seed("unused_components", ("components", section, "Spare"), value, f"no operation uses this {kind}")
        for section, kind, value in (
            ("schemas", "schema", {"type": "string"}),
            ("schemas", "schema", {"type": "object", "properties": {"self": {"$ref": "#/components/schemas/Spare"}}}),
            ("responses", "response", {"description": ""}),
            ("securitySchemes", "security-scheme", {"type": "http", "scheme": "basic"}),
        )
    ),
    seed(
        "unused_components",
        ("components", "parameters"),
        {"Spare": {"name": "spare", "in": "query", "schema": {"type": "string"}}},
        "no operation uses this parameter",
    ),
]


def lines(rule: str, text: str) -> list[str]:
    return check_spec.check(text, [found for found in check_spec.RULES if found.name == rule])


def test_the_spec_has_no_faults() -> None:
    assert check_spec.check(TEXT) == []


@pytest.mark.parametrize("fault", SEEDS, ids=lambda fault: f"{fault.rule[:30]}-{fault.place[-1]}")
def test_a_rule_finds_its_fault(fault: Seed) -> None:
    expected = "/".join(("#", *map(str, fault.at)))
    says = fault.says or fault.rule
    assert lines(fault.rule, fault.ground()) == []
    found = lines(fault.rule, fault.sow())
    assert any(line.startswith(expected) and says in line and "\n" not in line for line in found), found


def test_every_rule_has_a_seed() -> None:
    assert {rule.name for rule in check_spec.RULES} == {fault.rule for fault in SEEDS} | {"yaml_keys"}
    assert len({rule.name for rule in check_spec.RULES}) == len(check_spec.RULES)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  version: 1.0.0\n", "  version: 1.0.0\n  version: 1.0.1\n", "#/info/version: the key stands in line 13 and"),
        ("        '200':", "        200:", "/get/responses/200: the key is not text: quote it"),
    ],
    ids=["twice", "number"],
)
def test_a_key_that_yaml_hides_is_named(old: str, new: str, expected: str) -> None:
    (line,) = lines("yaml_keys", TEXT.replace(old, new, 1))
    assert expected in line


def test_a_merged_key_may_be_overridden() -> None:
    assert lines("yaml_keys", "<<: {a: 1}\na: 2\n") == []


def test_lines_are_those_of_the_file() -> None:
    text = TEXT.replace("    Scene:\n", "    Scene:\n      title: Kind\n")
    (line,) = lines("known_keys", text)
    number = int(line.rpartition("(line ")[2].rstrip(")"))
    assert text.splitlines()[number - 1] == "      title: Kind"


A, B, ANY = {"const": "a"}, {"const": "b"}, {"type": "string"}


@pytest.mark.parametrize(
    ("parts", "faults"),
    [
        ([({"kind": A}, "kind"), ({"kind": B}, "kind")], 0),
        ([({"kind": A}, "kind"), ({"kind": A}, "kind")], 1),
        ([({"kind": A}, "kind"), ({"kind": B}, "")], 1),
        ([({"kind": A}, "kind"), ({"kind": B}, "kind"), ({"kind": ANY}, "kind")], 0),
        ([({"kind": A}, "kind"), ({"kind": B}, "kind"), ({}, "")], 0),
        ([({"kind": A}, "kind"), ({"kind": A}, "kind"), ({"kind": ANY}, "kind")], 1),
        ([({"kind": A}, "kind"), ({"kind": ANY}, "kind"), ({"kind": B}, "kind")], 1),
        ([({"kind": A}, "kind"), ({"kind": ANY}, "kind"), ({"kind": ANY}, "kind")], 1),
        ([({"kind": A}, "kind"), ({"other": B}, "other")], 0),
        ([({"x": ANY, "y": ANY}, "x y"), ({"y": ANY}, "y"), ({}, "")], 0),
        ([({"y": ANY}, "y"), ({"x": ANY, "y": ANY}, "x y"), ({}, "")], 1),
        ([({"x": ANY, "y": ANY}, "y"), ({"y": ANY}, "y")], 1),
        ([({"x": ANY}, "x"), ({"x": ANY}, "")], 1),
        ([({"x": ANY}, "x"), ({"y": ANY}, "y")], 0),
        ([({}, ""), ({"x": ANY}, "x")], 1),
    ],
)
def test_unions_need_what_tells_their_objects_apart(parts: list[tuple[dict[str, Any], str]], faults: int) -> None:
    document = json.loads(cut((*SCHEMAS, "Scene")))
    schemas = document["components"]["schemas"]
    for place, (properties, required) in enumerate(parts):
        schemas[f"Part{place}"] = {"type": "object", "required": required.split(), "properties": properties}
    names = [*(f"Part{place}" for place in range(len(parts))), "Scene"]
    schemas["Either"] = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}
    found = lines("unions", json.dumps(document))
    assert [line.partition(":")[0] for line in found] == ["#/components/schemas/Either/anyOf"] * faults


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "#: not a spec: the top level is not a mapping with"),
        ("- a\n", "#: not a spec: the top level is not a mapping with"),
        ("a: [\n", "#: not a spec: "),
        ("a: &a {b: *a}\n", "#: not a spec: "),
        ("a: b\n---\na: b\n", "#: not a spec: "),
        ("\0", "#: not a spec: "),
        ("openapi: 3.1.0\npaths: []\n", "#/paths: not OpenAPI 3.1: "),
    ],
    ids=["empty", "list", "open", "circle", "two", "binary", "no info"],
)
def test_what_is_no_spec_is_one_line(text: str, expected: str) -> None:
    assert check_spec.check(text)[0].startswith(expected)
    assert not any("\n" in line for line in check_spec.check(text))


def test_what_no_rule_understands_is_a_fault() -> None:
    (line,) = check_spec.check(Seed("", (*PERSON, "extra", "anyOf", 0), True, (), "").sow())
    assert line.startswith("#/components/schemas/UserDetail/properties/extra: cannot be read by the rule ")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.process
def test_the_script_prints_counts_or_faults_and_exits_accordingly(tmp_path: Path) -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("openapi.yaml: no faults in 18 operations, ")

    spec = tmp_path / "openapi.yaml"
    spec.write_text(cut((*V0, "patch")).replace('["provider", "model"]', '["provder", "model"]'))
    done = run(spec)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (1, "", 2)
    assert done.stdout.startswith("#/components/schemas/LlmProviderConfig/required: 'provder' is not declared: did you")

    done = run(tmp_path / "absent.yaml")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (1, "", 1)
    assert "absent.yaml: cannot be read: " in done.stdout
