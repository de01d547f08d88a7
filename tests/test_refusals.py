"""What is refused before a byte is sent: the error names the field, the value and what is allowed."""

import math
import pickle
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from conftest import CREATE_V1, Flavour
from evermemos_api.models import LlmProviderConfig, UserDetail
from evermemos_api.operations import SAFE_TO_REPEAT
from methods import CREATE_V0
from test_requests import Wire

from evermemos import APIError, EverMemOSError, RequestValidationError, _params

MESSAGE = {"message_id": "m", "create_time": "2025-01-15T10:00:00Z", "sender": "user_001", "content": "words"}
TEXT = "a person's own words"


@pytest.fixture
def wire(flavour: Flavour) -> Wire:
    return Wire(flavour)


def refusal(wire: Wire, method: str, arguments: dict[str, Any]) -> RequestValidationError:
    """Call, and return the error; nothing may have been sent."""
    with pytest.raises(RequestValidationError) as raised:
        wire.call(method, **arguments)
    error = raised.value
    assert wire.requests == []
    assert isinstance(error, ValueError)
    assert isinstance(error, EverMemOSError)
    assert not isinstance(error, APIError)
    assert error.field in str(error) or not error.field.isprintable()
    assert str(error).isprintable()
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.field) == (str(error), error.field)
    return error


def user(**fields: Any) -> dict[str, Any]:
    return {"user_details": {"user_001": fields}}


def engine(**fields: Any) -> dict[str, Any]:
    return {"llm_custom_setting": {"boundary": {"provider": "p", "model": "m", **fields}}}


ROLES, SCENES = ["'user'", "'assistant'"], ["'group_chat'", "'assistant'"]
WITH_GROUP = ["v1.create", "v1.update", "v1.get"]
ZONES = ["Mars/Phobos", "GMT+25", "+08:00", "CEST", " ", "Europe", "../UTC", "/UTC", "UTC\0", "x" * 999]
NO_OBJECTS: list[tuple[Any, str]] = [(5, "int"), ([], "list"), (False, "bool")]
NO_DICTS: tuple[Any, ...] = ("abc", [1], 5)
USER_KEYS = ["full_name", "role", "custom_role", "extra"]


@pytest.mark.parametrize(
    ("arguments", "field", "mentions"),
    [
        # Unknown keys
        (user(ful_name="x"), "user_details.user_001.ful_name", ["did you mean 'full_name'"]),
        (user(fullName="x"), "user_details.user_001.fullName", ["did you mean 'full_name'"]),
        (user(rol="user"), "user_details.user_001.rol", ["did you mean 'role'"]),
        (user(customrole="x"), "user_details.user_001.customrole", ["did you mean 'custom_role'"]),
        (user(zzz=1), "user_details.user_001.zzz", USER_KEYS),
        (
            {"user_details": {"u": UserDetail(additional_properties={"rool": "x"})}},
            "user_details.u.rool",
            ["did you mean 'role'"],
        ),
        ({"llm_custom_setting": {"boundry": None}}, "llm_custom_setting.boundry", ["did you mean 'boundary'"]),
        ({"llm_custom_setting": {"zzz": None}}, "llm_custom_setting.zzz", ["boundary", "extraction", "extra"]),
        (engine(modell="x"), "llm_custom_setting.boundary.modell", ["did you mean 'model'"]),
        (engine(api_key="x"), "llm_custom_setting.boundary.api_key", ["provider", "model", "extra"]),
        # Words
        (user(role="admin"), "user_details.user_001.role", ["'admin'", *ROLES]),
        (user(role=""), "user_details.user_001.role", ["''", *ROLES]),
        (user(role=5), "user_details.user_001.role", ["int 5", *ROLES]),
        ({"user_details": {"u": UserDetail(role="boss")}}, "user_details.u.role", ["'boss'", *ROLES]),  # type: ignore[arg-type]
        # Types, at every level
        *(
            ({name: value}, name, [got, "str", "null"])
            for name in ("description", "default_timezone")
            for value, got in [(5, "int"), (True, "bool"), (["x"], "list"), ({"a": 1}, "dict"), (1.5, "float")]
        ),
        *(
            ({name: value}, name, [got, "object", "null"])
            for name in ("scene_desc", "user_details", "llm_custom_setting")
            for value, got in [*NO_OBJECTS, ("", "str")]
        ),
        *(({"tags": value}, "tags", [got, "list", "null"]) for value, got in [("ab", "str"), (5, "int"), ({}, "dict")]),
        *(({"tags": ["a", value]}, "tags[1]", [got, "str"]) for value, got in [(5, "int"), (None, "null")]),
        *(
            ({"user_details": {"u": value}}, "user_details.u", [got, "object"])
            for value, got in [*NO_OBJECTS, (None, "null")]
        ),
        *((user(**{n: 5}), f"user_details.user_001.{n}", ["int", "str", "null"]) for n in ("full_name", "custom_role")),
        *((user(extra=value), "user_details.user_001.extra", ["object", "null"]) for value, _ in NO_OBJECTS),
        ({"llm_custom_setting": {"boundary": []}}, "llm_custom_setting.boundary", ["list", "object", "null"]),
        ({"llm_custom_setting": {"extraction": "x"}}, "llm_custom_setting.extraction", ["str", "object", "null"]),
        (
            {"llm_custom_setting": {"extraction": {"model": "m"}}},
            "llm_custom_setting.extraction.provider",
            ["nothing", "str"],
        ),
        (engine(model=5), "llm_custom_setting.boundary.model", ["int 5", "str"]),
        (engine(model=None), "llm_custom_setting.boundary.model", ["null", "str"]),
        (engine(extra=[]), "llm_custom_setting.boundary.extra", ["list", "object"]),
        (
            {"llm_custom_setting": {"boundary": LlmProviderConfig("p", 5)}},  # type: ignore[arg-type]
            "llm_custom_setting.boundary.model",
            ["int 5", "str"],
        ),
        # Zones
        ({"default_timezone": "Asia/Shangai"}, "default_timezone", ["'Asia/Shangai'", "did you mean 'Asia/Shanghai'"]),
        ({"default_timezone": "europe/pariss"}, "default_timezone", ["did you mean 'Europe/Paris'"]),
        *(({"default_timezone": zone}, "default_timezone", [repr(zone)[1:5], "IANA time zone"]) for zone in ZONES),
        # What JSON cannot carry
        *(
            ({"scene_desc": {"x": [value]}}, "scene_desc.x[0]", [kind])
            for value, kind in [
                (math.nan, "nan"),
                (math.inf, "inf"),
                (-math.inf, "-inf"),
                (object(), "object"),
                ({1}, "set"),
                (b"x", "bytes"),
                (Decimal(1), "Decimal"),
                (1j, "complex"),
                (time(), "time"),
                ("half \ud800", "surrogate"),
                (10**5000, ""),
            ]
        ),
        *(
            ({"scene_desc": {"x": {key: 1}}}, "scene_desc.x", [kind])
            for key, kind in [(1, "int"), (None, "null"), (True, "bool"), (b"a", "bytes"), ("\udfff", "surrogate")]
        ),
        ({"description": "half \udc00"}, "description", ["surrogate"]),
        ({"user_details": {5: {}}}, "user_details", ["int 5", "str"]),
        ({"tags": [10**5000]}, "tags[0]", ["int"]),
        # The places of what is refused may be anything
        ({"user_details": {"line\nbreak": {"role": "x"}}}, None, ["break", *ROLES]),
        ({"user_details": {"a.b: c": {"role": "x"}}}, None, ["a.b: c", *ROLES]),
    ],
)
def test_a_wrong_argument_is_refused_by_name_with_what_is_allowed(
    wire: Wire, arguments: dict[str, Any], field: str | None, mentions: list[str]
) -> None:
    error = refusal(wire, "v0.update", arguments)
    assert field in (None, error.field)
    assert error.field
    assert [text for text in mentions if text not in str(error)] == []


@pytest.mark.parametrize(
    ("method", "field", "value", "mentions"),
    [
        *(("v1.create", name, 5, ["int", "str"]) for name in ("version", "name", "created_at", "group_id")),
        *(("v1.create", name, None, ["null", "str"]) for name in ("version", "name", "created_at")),
        ("v1.create", "scene_desc", None, ["null", "object"]),
        ("v1.create", "scene_desc", [], ["list", "object"]),
        *(("v1.create", "scene", value, SCENES) for value in ("group-chat", "GROUP_CHAT", "", None, 5)),
        *(("v0.create", "scene", value, SCENES) for value in ("solo", "Assistant", "assistant ")),
        *(
            (method, "created_at", value, ["time zone", repr(value)])
            for method in ("v0.create", "v1.create")
            for value in ("2025-01-15T10:00:00", "2025-01-15", "2025-01-15 10:00")
        ),
        *(
            (method, "created_at", value, ["time zone", "2025-01-15"])
            for method in ("v0.create", "v1.create")
            for value in (datetime(2025, 1, 15, 10), date(2025, 1, 15))  # noqa: DTZ001
        ),
        *(
            (method, "created_at", value, ["ISO 8601", repr(value)])
            for method in ("v0.create", "v1.create")
            for value in ("yesterday", "", "15.01.2025", "2025-02-30T10:00:00Z", "1736935200", "2025-01-15x10:00:00Z")
        ),
        *(("v1.create", "created_at", value, ["str"]) for value in (1736935200, 1.5, True, ["2025-01-15T10:00:00Z"])),
        *((m, "group_id", value, [repr(value), "None"]) for m in WITH_GROUP for value in ("", " ", "\t\n")),
        *((m, "group_id", value, ["str"]) for m in WITH_GROUP for value in (5, ["g"], True)),
        *((m, "group_id", "half \ud800", ["surrogate"]) for m in WITH_GROUP),
        pytest.param("v1.get", "group_id", 10**5000, ["too long"], id="v1.get-huge"),
        *(("v1.get", "on_missing", value, ["'default'", "'error'"]) for value in ("raise", "", None, True, ["error"])),
    ],
)
def test_a_wrong_value_of_a_parameter_is_refused(
    wire: Wire, method: str, field: str, value: Any, mentions: list[str]
) -> None:
    required = {"v0.create": CREATE_V0, "v1.create": CREATE_V1}.get(method, {})
    error = refusal(wire, method, {**required, field: value})
    assert error.field == field
    assert [text for text in mentions if text not in str(error)] == []


@pytest.mark.parametrize("method", ["v0.update", "v1.get"])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("extra_body", value) for value in (*NO_DICTS, {"a": math.nan}, {"a": "\ud800"}, {1: 1}, {"a": {1}})),
        *(("extra_query", value) for value in (*NO_DICTS, {"a": None}, {"a": {}}, {1: "x"}, {"a": "\ud800"})),
        ("extra_query", {"\ud800": "a"}),
    ],
)
def test_what_cannot_be_sent_is_refused_in_the_extras_too(wire: Wire, method: str, option: str, value: Any) -> None:
    with pytest.raises(EverMemOSError) as raised:
        wire.call(method, **{option: value})
    assert isinstance(raised.value, ValueError)
    assert wire.requests == []


def cycle() -> dict[str, Any]:
    circle: dict[str, Any] = {"a": []}
    circle["a"].append(circle)
    return circle


@pytest.mark.parametrize("value", [cycle(), {"a": cycle()}])
def test_what_contains_itself_is_refused_by_name(wire: Wire, value: Any) -> None:
    error = refusal(wire, "v1.update", {"name": "x", "scene_desc": value})
    assert error.field.startswith("scene_desc")
    assert "contains itself" in str(error)


# Every field of a request that openapi.yaml marks as personal, with the method and the arguments that hold it.
PERSONAL: dict[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "name": lambda value: ("v1.update", {"name": value}),
    "description": lambda value: ("v1.update", {"description": value}),
    "scene_desc": lambda value: ("v1.update", {"scene_desc": value}),
    "tags": lambda value: ("v1.update", {"tags": value}),
    "full_name": lambda value: ("v1.update", user(full_name=value)),
    "custom_role": lambda value: ("v1.update", user(custom_role=value)),
    "extra": lambda value: ("v1.update", user(extra=value)),
    "refer_list": lambda value: (
        "v1.memories.load",
        {"conversation_meta": {"group_id": "g"}, "conversation_list": [{"refer_list": [[value]]}]},
    ),
    "content": lambda value: ("v1.memories.add", {**MESSAGE, "content": value}),
    "sender_name": lambda value: ("v1.memories.add", {**MESSAGE, "sender_name": value}),
    "group_name": lambda value: ("v0.memories.add", {**MESSAGE, "group_name": value}),
}


@pytest.mark.parametrize("name", PERSONAL)
@pytest.mark.parametrize(
    "value", [{"a": TEXT, "b": {1, 2}}, {"a": TEXT + "\ud800"}, [TEXT, {"a": TEXT}], (TEXT, 5), TEXT.encode(), [[TEXT]]]
)
def test_what_a_personal_field_holds_is_never_in_a_message(wire: Wire, name: str, value: Any) -> None:
    method, arguments = PERSONAL[name](value)
    assert_hidden(refusal(wire, method, arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        {"scene_desc": TEXT},
        {"tags": TEXT},
        user(extra=TEXT),
        engine(extra=[TEXT]),
        {"llm_custom_setting": {"extra": TEXT}},
        {"llm_custom_setting": TEXT},
        {"user_details": TEXT},
        {"user_details": [TEXT]},
        {"user_details": {"user_001": TEXT}},
        {"user_details": {"user_001": [TEXT]}},
        {"user_details": {"full_name": TEXT, "role": "user"}},
        {"user_details": {"nickname": TEXT}},
        user(nickname=TEXT),
        engine(note=TEXT),
    ],
)
def test_what_a_person_wrote_into_a_wrong_place_is_not_in_a_message_either(
    wire: Wire, arguments: dict[str, Any]
) -> None:
    assert_hidden(refusal(wire, "v0.update", arguments))


def assert_hidden(error: RequestValidationError) -> None:
    assert TEXT not in f"{error} {error!r} {vars(error)}"


def test_a_message_says_that_the_check_can_be_switched_off(wire: Wire) -> None:
    assert "validate=False" in str(refusal(wire, "v0.update", user(role="admin")))


def components(schema: Any, spec: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """All component schemas that a schema leads to."""
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "$ref" and (name := value.rpartition("/")[2]) not in found:
            found[name] = spec["components"]["schemas"][name]
            components(found[name], spec, found)
        elif isinstance(value, (dict, list)):
            components(value, spec, found)
    return found


def operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in spec["paths"].values():
        yield from item.values()


def test_all_personal_fields_of_the_spec_are_tried_above(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]

    def is_personal(schema: dict[str, Any]) -> bool:
        targets = [schema, *schema.get("anyOf", ())]
        named = [schemas[target["$ref"].rpartition("/")[2]] for target in targets if "$ref" in target]
        return any(target.get("x-personal-text") for target in (*targets, *named))

    requests = components([o["requestBody"] for o in operations(spec) if "requestBody" in o], spec, {})
    properties = [item for schema in requests.values() for item in schema.get("properties", {}).items()]
    assert {name for name, schema in properties if is_personal(schema)} == set(PERSONAL)


def test_operations_that_are_safe_to_repeat_are_those_that_the_spec_marks(spec: dict[str, Any]) -> None:
    assert all(isinstance(operation["x-safe-to-repeat"], bool) for operation in operations(spec))
    safe = {operation["operationId"] for operation in operations(spec) if operation["x-safe-to-repeat"]}
    assert safe == SAFE_TO_REPEAT


@pytest.mark.parametrize(
    "name", ["UserDetail", "LlmProviderConfig", "LlmCustomSetting", "LoadedConversation", "LoadedMessage"]
)
def test_typed_dicts_have_the_keys_of_the_schemas(spec: dict[str, Any], name: str) -> None:
    schema = spec["components"]["schemas"][name]
    typed = getattr(_params, f"{name}Param")
    assert set(typing.get_type_hints(typed)) == set(schema["properties"])
    assert typed.__required_keys__ == set(schema.get("required", ()))


def test_literal_types_have_the_words_of_the_schemas(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    for name, schema in {
        "Scene": "Scene",
        "Role": "UserRole",
        "MemoryType": "MemoryType",
        "RetrieveMethod": "RetrieveMethod",
    }.items():
        assert sorted(typing.get_args(getattr(_params, name))) == sorted(schemas[schema]["enum"])
    extra = typing.get_type_hints(_params.UserDetailParam)["extra"]
    assert typing.get_origin(typing.get_args(extra)[0]) is Mapping
