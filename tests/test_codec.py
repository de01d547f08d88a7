"""The models' codec on what our own openapi.yaml does not have, in a package generated from a spec made for it."""

import copy
import datetime
import importlib
import json
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import attrs
import pytest
from conftest import ROOT
from test_models import found, identical, kind_of

# Keywords, names that the codec and the models use themselves, and names that no attribute can have.
ODD_NAMES = [
    *["class", "from", "None", "type", "_id", "self", "cls", "get", "list", "str", "date", "uuid", "datetime", "value"],
    *["result", "source", "model", "known", "unknown", "error", "MISSING", "UNSET", "Any", "a-b", "1st", "v0"],
    *["größe", "$x", 'quo"te', "it's", "back\\slash", "{brace}", "{0}", "%s", "accepts0", "convert0", "encode"],
]
STRING = {"type": "string"}
SCHEMAS: dict[str, Any] = {
    "Numbers": {
        "type": "object",
        "properties": {
            "i": {"type": "integer"},
            "n": {"type": "number"},
            "b": {"type": "boolean"},
            "in": {"type": ["integer", "null"]},
            "si": {"type": ["string", "integer"]},
            "sb": {"type": ["string", "boolean"]},
        },
    },
    "Plain": {
        "type": "object",
        "required": ["i", "n", "b", "s"],
        "properties": {"i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"}, "s": STRING},
    },
    "Formats": {
        "type": "object",
        "properties": {
            "time": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "key": {"type": "string", "format": "uuid"},
            "times": {"type": "array", "items": {"type": "string", "format": "date-time"}},
            "maybe": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        },
    },
    "Level": {"type": "integer", "enum": [1, 2, 3]},
    "Colour": {"type": "string", "enum": ["red", "green"]},
    "Enums": {
        "type": "object",
        "required": ["level"],
        "properties": {
            "level": {"$ref": "#/components/schemas/Level"},
            "maybe": {"anyOf": [{"$ref": "#/components/schemas/Level"}, {"type": "null"}]},
            "colours": {"type": "array", "items": {"$ref": "#/components/schemas/Colour"}},
        },
    },
    "Cat": {
        "type": "object",
        "required": ["kind", "lives"],
        "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}, "name": STRING},
    },
    "Dog": {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"const": "dog"}, "lives": STRING, "name": STRING},
    },
    "Owner": {
        "type": "object",
        "properties": {
            "pet": {"anyOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]},
            "pets": {
                "type": "array",
                "items": {"oneOf": [{"$ref": "#/components/schemas/Dog"}, {"$ref": "#/components/schemas/Cat"}]},
            },
        },
    },
    "Cow": {
        "type": "object",
        "properties": {"kind": STRING, "milk": {"type": "integer"}},
    },
    "Farm": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog", "Cow")],
        },
    },
    "ABull": {"type": "object", "required": ["horns"], "properties": {"kind": STRING, "horns": {"type": "integer"}}},
    "Barn": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/ABull"}],
        },
    },
    # By their names these come in an order in which the wrong one would win.
    "ATool": {"type": "object"},
    "BSharp": {"type": "object", "required": ["id", "name"], "properties": {"id": STRING, "name": STRING}},
    "CKnife": {
        "type": "object",
        "required": ["id", "blade"],
        "properties": {"id": STRING, "blade": {"type": "integer"}, "name": STRING, "folds": {"type": "boolean"}},
    },
    "DSaw": {
        "type": "object",
        "required": ["id", "blade", "teeth"],
        "properties": {"id": STRING, "blade": {"type": "integer"}, "teeth": {"type": "integer"}, "name": STRING},
    },
    "Box": {
        "type": "object",
        "properties": {
            "tools": {
                "type": "array",
                "items": {
                    "anyOf": [{"$ref": f"#/components/schemas/{n}"} for n in ("DSaw", "CKnife", "BSharp", "ATool")]
                },
            },
            "best": {"anyOf": [{"$ref": "#/components/schemas/DSaw"}, {"$ref": "#/components/schemas/BSharp"}]},
        },
    },
    "Some": {"type": "object", "minProperties": 2, "properties": {"a": STRING, "b": STRING}},
    "Matrix": {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}},
    },
    "Lists": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}},
    "Cats": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Cat"}},
    "Anything": {"type": "object", "required": ["any"], "properties": {"any": {}}},
    "Unions": {
        "type": "object",
        "properties": {
            "list": {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/Cat"}}, {"type": "null"}]},
            "items": {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Cat"}, {"type": "null"}]}},
            "words": {"type": "array", "items": {"type": ["string", "null"]}},
            "lists": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "array", "items": STRING}]},
            "colour": {"anyOf": [{"$ref": "#/components/schemas/Colour"}, {"type": "integer"}]},
        },
    },
    "Nullable": {
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/components/schemas/Cat"}, {"type": "null"}]},
    },
    "Mixed": {"type": "object", "properties": {"id": STRING}, "additionalProperties": {"type": "integer"}},
    "Closed": {"type": "object", "properties": {"id": STRING}, "additionalProperties": False},
    "ClosedEmpty": {"type": "object", "additionalProperties": False},
    "Odd": {"type": "object", "required": ["class"], "properties": dict.fromkeys(ODD_NAMES, STRING)},
    "Node": {
        "type": "object",
        "required": ["value"],
        "properties": {
            "value": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            "next": {"anyOf": [{"$ref": "#/components/schemas/Node"}, {"type": "null"}]},
        },
    },
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The models of the spec above, made with our configuration and templates."""
    folder = tmp_path_factory.mktemp("codec")
    reply = {"description": "Any", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    spec = {
        "openapi": "3.1.0",
        "info": {"title": "Odd", "version": "1"},
        "paths": {"/": {"get": {"operationId": "get_node", "tags": ["odd"], "responses": {"200": reply}}}},
        "components": {"schemas": SCHEMAS},
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    scripts = Path(sys.executable).parent
    command: list[str | Path] = [scripts / "openapi-python-client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", folder / "spec.json", "--output-path", folder / "odd_api"]
    command += ["--config", ROOT / "generator-config.yaml", "--custom-template-path", ROOT / "scripts/templates"]
    env = {**os.environ, "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module("odd_api.models")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "odd_api"]:
        del sys.modules[name]


TIME, DAY, KEY = "2025-01-15T10:00:00+00:00", "2025-01-15", "12345678-1234-5678-1234-567812345678"
SAW, KNIFE, SHARP = (
    {"id": "s", "blade": 1, "teeth": 9},
    {"id": "k", "blade": 2, "folds": True},
    {"id": "n", "name": "x"},
)
PLAIN: dict[str, Any] = {"i": 1, "n": 1.5, "b": True, "s": "x"}
CAT, DOG = {"kind": "cat", "lives": 9}, {"kind": "dog", "lives": "one"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Numbers", {}),
        ("Numbers", {"i": 1, "n": 1, "b": True, "in": None, "si": 1, "sb": True}),
        ("Numbers", {"i": -(10**30), "n": 1.5, "b": False, "in": 0, "si": "1", "sb": "True", "new": 1.5}),
        ("Plain", {"i": 1, "n": 1, "b": False, "s": ""}),
        ("Plain", {"i": 0, "n": 0.5, "b": True, "s": "1"}),
        ("Formats", {"time": TIME, "day": DAY, "key": KEY, "times": [TIME, TIME], "maybe": TIME}),
        ("Formats", {"maybe": None, "times": []}),
        ("Enums", {"level": 1, "maybe": 3, "colours": ["red", "green"]}),
        ("Enums", {"level": 2, "maybe": None, "colours": []}),
        ("Owner", {"pet": CAT, "pets": [CAT, DOG, DOG]}),
        ("Owner", {"pet": DOG, "pets": []}),
        (
            "Farm",
            {"tom": CAT, "rex": DOG, "vera": {"kind": "cow", "milk": 5}, "new": {"kind": "ufo", "eyes": 3}, "no": {}},
        ),
        ("Box", {"tools": [SAW, KNIFE, SHARP, {"id": "a"}, {}, {"blade": 1, "teeth": 2}], "best": SAW}),
        ("Some", {"a": "x", "b": "y"}),
        ("Some", {"a": "x", "new": 1}),
        ("Matrix", {"rows": [[1, 2], [], [3]]}),
        ("Lists", {"a": [1], "b": [], "": [2, 3]}),
        ("Cats", {"tom": CAT}),
        ("Anything", {"any": None}),
        ("Anything", {"any": [1, {"a": ["x"]}]}),
        ("Unions", {"list": [CAT], "items": [None, CAT], "words": ["a", None], "lists": ["a"], "colour": "red"}),
        ("Unions", {"list": None, "items": [], "words": [], "lists": [1], "colour": 1}),
        ("Nullable", {"tom": CAT, "rex": None}),
        ("Mixed", {"id": "x", "a": 1, "b": 2}),
        ("Closed", {"id": "x"}),
        ("Closed", {}),
        ("ClosedEmpty", {}),
        ("Odd", {name: f"the {name}" for name in ODD_NAMES}),
        ("Odd", {"class": "x", "class_": "y", "additional_properties": {"class": 1}, "field_1st": 5}),
        ("Node", {"value": 1, "children": [{"value": 2, "next": {"value": 3, "next": None}}], "next": {"value": 4}}),
    ],
)
def test_what_conforms_comes_back_as_it_was(odd: ModuleType, name: str, body: dict[str, Any]) -> None:
    parsed = getattr(odd, name).from_dict(copy.deepcopy(body))
    for twin in (parsed, copy.deepcopy(parsed), pickle.loads(pickle.dumps(parsed)), attrs.evolve(parsed)):
        assert twin == parsed
        assert identical(twin.to_dict(), body)


@pytest.mark.parametrize(
    ("name", "body", "path", "got"),
    [
        *(("Numbers", {"i": v}, ("i",), got) for v, got in [(True, "bool True"), (1.5, "float 1.5"), ("1", "str")]),
        *(("Numbers", {"n": value}, ("n",), got) for value, got in [(True, "bool True"), ("1", "str"), (None, "null")]),
        *(("Numbers", {"b": value}, ("b",), got) for value, got in [(1, "int 1"), (0.0, "float 0.0"), ("true", "str")]),
        *(("Numbers", {"in": value}, ("in",), got) for value, got in [(False, "bool False"), (2.5, "float 2.5")]),
        *(("Numbers", {"si": value}, ("si",), got) for value, got in [(False, "bool False"), (2.5, "float 2.5")]),
        *(("Numbers", {"sb": value}, ("sb",), got) for value, got in [(0, "int 0"), (None, "null"), ([0], "list")]),
        *(
            ("Plain", {**PLAIN, "i": v}, ("i",), got)
            for v, got in [(True, "bool True"), (0.5, "float 0.5"), ("1", "str")]
        ),
        *(
            ("Plain", {**PLAIN, "n": v}, ("n",), got)
            for v, got in [(False, "bool False"), ("1", "str"), (None, "null")]
        ),
        *(("Plain", {**PLAIN, "b": v}, ("b",), got) for v, got in [(1, "int 1"), ("true", "str"), (None, "null")]),
        *(("Plain", {**PLAIN, "s": v}, ("s",), got) for v, got in [(1, "int 1"), (True, "bool True"), (None, "null")]),
        *(("Formats", {"time": value}, ("time",), got) for value, got in [("soon", "str 'soon'"), (5, "int 5")]),
        ("Formats", {"day": "2025-02-30"}, ("day",), "str '2025-02-30'"),
        ("Formats", {"key": "x"}, ("key",), "str 'x'"),
        ("Formats", {"times": [TIME, "soon"]}, ("times", 1), "str 'soon'"),
        ("Formats", {"maybe": "soon"}, ("maybe",), "str 'soon'"),
        ("Enums", {}, ("level",), "nothing"),
        *(("Enums", {"level": v}, ("level",), got) for v, got in [(4, "int 4"), (True, "bool True"), ("1", "str '1'")]),
        ("Enums", {"level": 1, "maybe": 0}, ("maybe",), "int 0"),
        ("Enums", {"level": 1, "colours": ["red", "blue"]}, ("colours", 1), "str 'blue'"),
        ("Enums", {"level": 1, "colours": [["red"]]}, ("colours", 0), "list"),
        ("Owner", {"pet": {"kind": "cat"}}, ("pet", "lives"), "nothing"),
        ("Owner", {"pet": {"kind": "cat", "lives": "9"}}, ("pet", "lives"), "str"),
        ("Owner", {"pets": [CAT, {"kind": "dog", "lives": 9}]}, ("pets", 1, "lives"), "int 9"),
        ("Owner", {"pet": "cat"}, ("pet",), "str"),
        ("Farm", {"tom": {"kind": "cat"}}, ("tom", "lives"), "nothing"),
        ("Farm", {"rex": {"kind": "dog", "lives": 9}}, ("rex", "lives"), "int 9"),
        ("Farm", {"vera": {"kind": "cow", "milk": "5"}}, ("vera", "milk"), "str"),
        ("Farm", {"vera": 5}, ("vera",), "int 5"),
        ("Box", {"tools": [{**SAW, "teeth": "9"}]}, ("tools", 0, "teeth"), "str"),
        ("Box", {"tools": [SAW, {**KNIFE, "folds": 1}]}, ("tools", 1, "folds"), "int 1"),
        ("Box", {"tools": [{**SHARP, "id": None}]}, ("tools", 0, "id"), "null"),
        ("Box", {"tools": [SAW, "x"]}, ("tools", 1), "str"),
        ("Box", {"best": KNIFE}, ("best",), "dict"),
        ("Some", {}, (), "dict"),
        ("Some", {"a": "x"}, (), "dict"),
        ("Some", {"a": "x", "b": 5}, ("b",), "int 5"),
        ("Matrix", {"rows": [[1], [2, "3"]]}, ("rows", 1, 1), "str"),
        ("Matrix", {"rows": [[1], {}]}, ("rows", 1), "dict"),
        ("Lists", {"a": [1], "b": [None]}, ("b", 0), "null"),
        ("Lists", {"a": {}}, ("a",), "dict"),
        ("Cats", {"tom": CAT, "rex": DOG}, ("rex", "kind"), "str 'dog'"),
        ("Anything", {}, ("any",), "nothing"),
        ("Unions", {"list": [CAT, None]}, ("list", 1), "null"),
        ("Unions", {"list": "x"}, ("list",), "str"),
        ("Unions", {"items": [None, {"kind": "cat"}]}, ("items", 1, "lives"), "nothing"),
        ("Unions", {"items": [5]}, ("items", 0), "int 5"),
        ("Unions", {"words": ["a", None, 5]}, ("words", 2), "int 5"),
        ("Unions", {"words": {"a": "b"}}, ("words",), "dict"),
        ("Unions", {"lists": [None]}, ("lists",), "list"),
        *(("Unions", {"colour": value}, ("colour",), got) for value, got in [("x", "str 'x'"), (True, "bool True")]),
        ("Nullable", {"tom": None, "rex": DOG}, ("rex", "kind"), "str 'dog'"),
        ("Nullable", {"tom": 5}, ("tom",), "int 5"),
        ("Mixed", {"id": "x", "a": "1"}, ("a",), "str"),
        ("Closed", {"id": "x", "more": 1}, ("more",), None),
        ("ClosedEmpty", {"more": 1}, ("more",), None),
        *(("Odd", {"class": "x", name: 5}, (name,), "int 5") for name in ODD_NAMES),
        ("Odd", {"from": "x"}, ("class",), "nothing"),
        ("Node", {"value": 1, "children": [{"value": 1, "next": {}}]}, ("children", 0, "next", "value"), "nothing"),
    ],
)
def test_what_breaks_the_schema_is_refused_at_its_place(
    odd: ModuleType, name: str, body: dict[str, Any], path: tuple[str | int, ...], got: str | None
) -> None:
    error_class = importlib.import_module("odd_api.types").DecodeError
    with pytest.raises(error_class) as raised:
        getattr(odd, name).from_dict(body)
    assert raised.value.path == path
    assert raised.value.expected
    assert got is None or raised.value.got == got


@pytest.mark.parametrize("pet", [{"kind": "cow"}, {"kind": 5}, {"kind": None}, {"lives": 9}, {}, CAT | {"kind": "dog"}])
def test_an_object_that_fits_no_member_of_a_union_is_described_as_what_it_is(odd: ModuleType, pet: Any) -> None:
    body = {"pet": pet}
    with pytest.raises(ValueError, match=r"^\$\.pet") as raised:
        odd.Owner.from_dict(body)
    error: Any = raised.value
    assert error.got.split()[0] == kind_of(found(body, error.path))


def test_an_object_of_another_kind_is_the_member_without_a_constant(odd: ModuleType) -> None:
    farm = odd.Farm.from_dict({"tom": CAT, "rex": DOG, "vera": {"kind": "cow"}, "new": {"eyes": 3}})
    assert [type(animal) for animal in farm.values()] == [odd.Cat, odd.Dog, odd.Cow, odd.Cow]
    barn = odd.Barn.from_dict({"tom": {**CAT, "horns": 2}, "vic": {"kind": "bull", "horns": 2}, "new": {"horns": 1}})
    assert [type(animal) for animal in barn.values()] == [odd.Cat, odd.ABull, odd.ABull]


@pytest.mark.parametrize("wrap", [dict, MappingProxyType])
def test_an_object_without_a_constant_is_the_first_member_whose_required_fields_it_has(
    odd: ModuleType, wrap: Any
) -> None:
    tools = [SAW, KNIFE, SHARP, {**SHARP, "folds": True}, {**KNIFE, "name": "x"}, {"id": "a", "teeth": 1}, {}]
    box = odd.Box.from_dict({"tools": list(map(wrap, tools))})
    kinds = [odd.DSaw, odd.CKnife, odd.BSharp, odd.BSharp, odd.CKnife, odd.ATool, odd.ATool]
    assert [type(tool) for tool in box.tools] == kinds
    assert box.to_dict() == {"tools": tools}


@pytest.mark.parametrize("name", ["DSaw", "CKnife", "BSharp", "ATool"])
@pytest.mark.parametrize("body", [SAW, KNIFE, SHARP, {"id": "a"}, {**KNIFE, "name": "x"}])
def test_what_is_known_to_be_of_a_kind_is_read_anew(odd: ModuleType, body: dict[str, Any], name: str) -> None:
    reread = importlib.import_module("odd_api.types").reread
    wanted = getattr(odd, name)
    (tool,) = odd.Box.from_dict({"tools": [body]}).tools
    again = reread(tool, wanted, odd.ATool)
    required = {"DSaw": {"id", "blade", "teeth"}, "CKnife": {"id", "blade"}, "BSharp": {"id", "name"}, "ATool": set()}
    assert type(again) is (wanted if body.keys() >= required[name] else odd.ATool)
    assert identical(again.to_dict(), body)


def test_values_are_of_the_types_that_the_schema_names(odd: ModuleType) -> None:
    formats = odd.Formats.from_dict({"time": TIME, "day": DAY, "key": KEY, "maybe": TIME})
    assert formats.time == formats.maybe == datetime.datetime(2025, 1, 15, 10, tzinfo=datetime.UTC)
    assert formats.day == datetime.date(2025, 1, 15)
    assert formats.key == uuid.UUID(KEY)
    owner = odd.Owner.from_dict({"pet": CAT, "pets": [DOG, CAT]})
    assert [type(pet) for pet in (owner.pet, *owner.pets)] == [odd.Cat, odd.Dog, odd.Cat]
    node = odd.Node.from_dict({"value": 1, "next": {"value": 2}, "children": [{"value": 3}]})
    assert isinstance(node.next_, odd.Node)
    assert isinstance(node.children[0], odd.Node)
    assert odd.Odd.from_dict({"class": "x", "from": "y"}).from_ == "y"


@pytest.mark.parametrize("text", ["2025-01-15T10:00:00Z", "2025-01-15T10:00:00.5+08:00"])
def test_a_time_in_another_spelling_is_the_same_time_when_it_comes_back(odd: ModuleType, text: str) -> None:
    back = odd.Formats.from_dict({"time": text}).to_dict()["time"]
    assert datetime.datetime.fromisoformat(back) == datetime.datetime.fromisoformat(text)


def test_a_whole_number_written_with_a_point_is_an_integer(odd: ModuleType) -> None:
    assert odd.Numbers.from_dict({"i": 5.0}).i == 5


def test_a_chain_a_hundred_models_deep_comes_back_as_it_was(odd: ModuleType) -> None:
    body: dict[str, Any] = {"value": 0}
    for value in range(100):
        body = {"value": value, "next": body}
    assert odd.Node.from_dict(body).to_dict() == body
