"""What is sent for which arguments, and what is refused before a byte is sent."""

import copy
import inspect
import json
import math
from collections import OrderedDict, UserList, deque
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer
from evermemos_api.models import Extra, LlmCustomSetting, LlmProviderConfig, SceneDesc, UserDetail, UserDetails
from evermemos_api.types import UNSET
from methods import CREATE_V0, METHODS, find

from evermemos import EverMemOS, RequestValidationError

VALUES: dict[str, Any] = {
    "name": "Project Discussion Group",
    "description": "What it is about",
    "group_id": "group_123",
    "default_timezone": "Asia/Shanghai",
    "scene_desc": {"type": "project_discussion", "deep": [{"a": None}, 1.5, True]},
    "tags": ["work", "technical"],
    "user_details": {"user_001": {"full_name": "John Smith", "role": "user", "custom_role": None, "extra": {"a": 1}}},
    "llm_custom_setting": {"boundary": {"provider": "p", "model": "m", "extra": None}, "extraction": None},
}
OPTIONS = {"timeout", "deadline", "max_retries", "extra_headers", "extra_query", "extra_body"}


def optional_parameters() -> list[tuple[str, str]]:
    """Every method with each of its parameters that may be left out, by their signatures."""
    client = EverMemOS(api_key="k")
    found = [
        (method, parameter.name)
        for method in METHODS
        for parameter in inspect.signature(find(client, method)).parameters.values()
        if parameter.default is UNSET and parameter.name not in OPTIONS
    ]
    client.close()
    return found


class Wire:
    """Calls methods by names such as v1.update, and keeps the requests that came through."""

    def __init__(self, flavour: Flavour, **settings: Any) -> None:
        self.requests: list[httpx.Request] = []
        self.flavour = flavour
        self.client = flavour.client(self._answer, **settings)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = copy.deepcopy(PATCHED if request.method == "PATCH" else RECORD)
        del reply["result"]["group_id"]  # type: ignore[attr-defined]
        return answer(reply)

    def call(self, method: str, /, **arguments: Any) -> Any:
        return self.flavour.call(find(self.client, method), **arguments)

    def body(self, method: str, /, **arguments: Any) -> Any:
        """Call, and return the body that was sent."""
        self.call(method, **arguments)
        return json.loads(self.requests[-1].content)


@pytest.fixture
def wire(flavour: Flavour) -> Wire:
    return Wire(flavour)


@pytest.mark.parametrize(("method", "name"), [case for case in optional_parameters() if not case[0].endswith(".get")])
def test_what_is_left_out_is_not_sent_and_none_is_sent_as_null(wire: Wire, method: str, name: str) -> None:
    required = METHODS[method][0]
    assert wire.body(method, **required) == required
    assert wire.body(method, **required, **{name: UNSET}) == required
    assert wire.body(method, **required, **{name: None}) == {**required, name: None}
    assert wire.body(method, **required, **{name: VALUES[name]}) == {**required, name: VALUES[name]}


def test_every_optional_parameter_is_tried_above() -> None:
    assert {name for _, name in optional_parameters()} == set(VALUES)
    assert len(optional_parameters()) == 8 + 8 + 1 + 5 + 7 + 1


@pytest.mark.parametrize(
    ("arguments", "query"),
    [({}, b""), ({"group_id": None}, b""), ({"group_id": "a b&c=ä"}, b"group_id=a+b%26c%3D%C3%A4")],
)
def test_get_sends_its_group_in_the_query_and_no_body(wire: Wire, arguments: dict[str, Any], query: bytes) -> None:
    for method in ("v0.get", "v1.get"):
        wire.call(method, **arguments)
        assert wire.requests[-1].url.query.replace(b"%20", b"+") == query
        assert wire.requests[-1].content == b""


def test_null_is_a_scene_of_v0(wire: Wire) -> None:
    assert wire.body("v0.create", **{**CREATE_V0, "scene": None})["scene"] is None


@pytest.mark.parametrize("empty", [{"description": ""}, {"tags": []}, {"user_details": {}}, {"default_timezone": ""}])
def test_what_is_empty_is_sent_as_it_is_because_it_clears(wire: Wire, empty: dict[str, Any]) -> None:
    assert wire.body("v1.update", **empty) == empty


JOHN = {"full_name": "John Smith", "role": "user", "extra": {"department": "Engineering"}}
ENGINE = {"provider": "openrouter", "model": "m", "extra": {"temperature": 0}}


@pytest.mark.parametrize(
    ("field", "plain", "others"),
    [
        (
            "user_details",
            {"user_001": JOHN, "bot_001": {"full_name": None}},
            [
                UserDetails.from_dict({"user_001": JOHN, "bot_001": {"full_name": None}}),
                UserDetails({"user_001": UserDetail.from_dict(JOHN), "bot_001": UserDetail(full_name=None)}),
                {"user_001": UserDetail.from_dict(JOHN), "bot_001": {"full_name": None}},
                {"user_001": {**JOHN, "extra": Extra({"department": "Engineering"})}, "bot_001": UserDetail(None)},
                MappingProxyType({"user_001": OrderedDict(JOHN), "bot_001": MappingProxyType({"full_name": None})}),
                {"user_001": {**JOHN, "custom_role": UNSET}, "bot_001": {"full_name": None}},
            ],
        ),
        (
            "llm_custom_setting",
            {"boundary": ENGINE, "extraction": None},
            [
                LlmCustomSetting.from_dict({"boundary": ENGINE, "extraction": None}),
                LlmCustomSetting(LlmProviderConfig("openrouter", "m", Extra({"temperature": 0})), None),
                {"boundary": LlmProviderConfig.from_dict(ENGINE), "extraction": None},
            ],
        ),
        ("scene_desc", {"bot_ids": ["b"]}, [SceneDesc({"bot_ids": ["b"]}), SceneDesc({"bot_ids": ("b",)})]),
        ("tags", ["a", "b"], [("a", "b"), UserList(["a", "b"]), deque(["a", "b"])]),
    ],
)
def test_models_and_plain_values_make_the_same_body(wire: Wire, field: str, plain: Any, others: list[Any]) -> None:
    for value in (plain, *others):
        assert wire.body("v0.update", **{field: value}) == {field: plain}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (datetime(2025, 1, 15, 10, tzinfo=UTC), "2025-01-15T10:00:00+00:00"),
        (datetime(2025, 1, 15, 10, 0, 0, 123456, UTC), "2025-01-15T10:00:00.123456+00:00"),
        (datetime(2025, 1, 15, 10, tzinfo=ZoneInfo("Asia/Shanghai")), "2025-01-15T10:00:00+08:00"),
        (datetime(2025, 1, 15, 10, tzinfo=timezone(timedelta(hours=-3.5))), "2025-01-15T10:00:00-03:30"),
        ("2025-01-15T10:00:00+00:00", "2025-01-15T10:00:00+00:00"),
        ("2025-01-15T10:00:00Z", "2025-01-15T10:00:00Z"),
        ("2025-01-15T10:00:00.5-03:30", "2025-01-15T10:00:00.5-03:30"),
        ("2025-01-15T10:00+08:00", "2025-01-15T10:00+08:00"),
    ],
)
@pytest.mark.parametrize("method", ["v0.create", "v1.create"])
def test_created_at_is_an_aware_datetime_or_iso_8601(wire: Wire, method: str, value: Any, sent: str) -> None:
    assert wire.body(method, **{**METHODS[method][0], "created_at": value})["created_at"] == sent


def test_what_the_caller_passes_in_is_not_changed(wire: Wire) -> None:
    arguments = {name: value for name, value in VALUES.items() if name != "llm_custom_setting"}
    arguments |= {"extra_body": {"more": {"a": [1]}}, "extra_query": {"q": ["1"]}, "extra_headers": {"x-a": "1"}}
    before = copy.deepcopy(arguments)
    wire.call("v1.update", **arguments)
    wire.call("v1.get", extra_query=arguments["extra_query"], extra_body=arguments["extra_body"])
    assert arguments == before


def test_extra_body_query_and_headers_are_sent_unchecked_and_the_body_overrides(wire: Wire) -> None:
    extra: dict[str, Any] = {
        "extra_body": {"description": None, "groupId": "x", "user_details": {"u": {"role": "admin"}}},
        "extra_query": {"a": "1", "repeated": ["x", "y"], "n": 5},
        "extra_headers": {"X-More": "1", "Accept": "application/x-json"},
    }
    assert wire.body("v1.update", description="x", name="n", **extra) == {"name": "n", **extra["extra_body"]}
    request = wire.requests[-1]
    assert request.url.params.multi_items() == [("a", "1"), ("repeated", "x"), ("repeated", "y"), ("n", "5")]
    assert request.headers["x-more"] == "1"
    assert request.headers.get_list("accept") == ["application/x-json"]

    assert wire.body("v1.get", group_id="g", **extra) == extra["extra_body"]
    assert wire.requests[-1].url.params["group_id"] == "g"
    assert wire.requests[-1].url.params["a"] == "1"


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("depth", [*range(50, 1100, 75), 10_000, 100_000])
def test_deep_nesting_is_sent_or_refused_and_nothing_else(wire: Wire, depth: int) -> None:
    try:
        sent = wire.body("v1.update", scene_desc=nested(depth))
    except RequestValidationError:
        assert wire.requests == []
        assert depth > 100
    else:
        assert sent == {"scene_desc": nested(depth)}
        assert depth < 10_000


LENIENT: dict[str, Any] = {
    "group_id": "",
    "default_timezone": "Mars/Phobos",
    "user_details": {"u": {"role": "admin", "email": "a@b", "full_name": 5}, "v": "John"},
    "tags": "not a list",
    "description": 5,
}


def test_validate_false_sends_unknown_keys_values_and_zones_unchanged(flavour: Flavour) -> None:
    wire = Wire(flavour, validate=False)
    assert wire.body("v1.update", **LENIENT) == LENIENT
    odd = {**CREATE_V1, **LENIENT, "scene": "duel", "created_at": "yesterday", "version": 1, "scene_desc": []}
    assert wire.body("v1.create", **odd) == odd
    setting = {"boundary": {"modell": "m"}, "more": 1}
    assert wire.body("v0.update", llm_custom_setting=setting) == {"llm_custom_setting": setting}
    wire.call("v1.get", group_id="")
    assert wire.requests[-1].url.query == b"group_id="


def test_with_options_switches_the_check_off_for_the_copy_alone(wire: Wire) -> None:
    strict = wire.client
    wire.client = strict.with_options(validate=False)
    assert wire.body("v1.update", **LENIENT) == LENIENT
    wire.client = wire.client.with_options(validate=True)
    with pytest.raises(RequestValidationError):
        wire.call("v1.update", **LENIENT)
    wire.client = strict
    with pytest.raises(RequestValidationError):
        wire.call("v1.update", **LENIENT)


@pytest.mark.parametrize("value", [math.nan, object(), {1: "a"}, "\ud800"])
def test_what_json_cannot_carry_is_refused_even_without_the_check(flavour: Flavour, value: Any) -> None:
    wire = Wire(flavour, validate=False)
    for arguments in ({"scene_desc": {"x": value}}, {"extra_body": {"x": [value]}}):
        with pytest.raises(RequestValidationError):
            wire.call("v1.update", **arguments)
    assert wire.requests == []
