"""The sandbox answers as the recorded server does, over every carrier."""

import doctest
import itertools
import json
import re
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import REPLAYED
from evermemos_api import models

import evermemos.sandbox
from evermemos.sandbox import Sandbox

V0 = "/api/v0/memories/conversation-meta"
V1 = "/api/v1/memories/conversation-meta"
SAMPLE = Path(__file__).parent / "data" / "real_server_v1_sample.jsonl"
EXCHANGES = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
REQUIRED: dict[str, Any] = {
    "version": "1.0",
    "scene": "assistant",
    "scene_desc": {},
    "name": "N",
    "created_at": "2025-01-15",
}
GLOBAL: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "scene": "assistant", "scene_desc": {"a": 1}}
GROUP: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "group_id": "g", "name": "N"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second and stands at 123 microseconds, so that a cut time shows."""
    start = datetime(2026, 1, 1, microsecond=123, tzinfo=UTC)
    seconds = itertools.count()
    monkeypatch.setattr(
        "evermemos.sandbox._conversation_meta.now",
        lambda: (start + timedelta(seconds=next(seconds))).isoformat(timespec="microseconds"),
    )


class Talk:
    """Shorthand for talking to one path of a sandbox."""

    def __init__(self, sandbox: Sandbox, path: str = V1) -> None:
        self.sandbox = sandbox
        self.path = path

    def raw(self, method: str, body: bytes = b"", query: str = "") -> tuple[int, Any]:
        answer = self.sandbox.handle(method, self.path + query, {"Authorization": "Bearer any"}, body)
        assert answer.headers["content-type"] == "application/json"
        return answer.status, json.loads(answer.body)

    def get(self, group_id: str | None = None) -> tuple[int, Any]:
        return self.raw("GET", query="" if group_id is None else "?" + urllib.parse.urlencode({"group_id": group_id}))

    def post(self, **body: Any) -> tuple[int, Any]:
        return self.raw("POST", json.dumps(body).encode())

    def patch(self, **body: Any) -> tuple[int, Any]:
        return self.raw("PATCH", json.dumps(body).encode())

    def record(self, group_id: str | None = None) -> dict[str, Any]:
        status, content = self.get(group_id)
        assert status == 200
        result: dict[str, Any] = content["result"]
        assert result["group_id"] == group_id
        return result


@pytest.fixture
def v1(sandbox: Sandbox) -> Talk:
    return Talk(sandbox)


@pytest.fixture
def v0(sandbox: Sandbox) -> Talk:
    return Talk(sandbox, V0)


# What was recorded


def sent(exchange: dict[str, Any]) -> bytes:
    """Give the bytes of the recorded request.

    The recording holds a body that was sent as JSON parsed, and one that was sent as bytes as a str, so that a str may
    be either. It was sent as JSON when the answer gives it back as `input`: the server has parsed it.
    """
    body = exchange["request"]["body"]
    if body is None:
        return b""
    issues = exchange["response"]["body"].get("detail", [])
    if isinstance(body, str) and all(issue["input"] != body for issue in issues):
        return body.encode()
    return json.dumps(body).encode()


def masked(value: Any, names: dict[str, str], key: str = "") -> Any:
    """Replace ids and times by names in the order of their first use, and keep how exact a time is."""
    if isinstance(value, dict):
        return {k: masked(v, names, k) for k, v in value.items()}
    if isinstance(value, str) and key == "id":
        assert re.fullmatch("[0-9a-f]{24}", value)
        return names.setdefault(value, f"id {len(names)}")
    if isinstance(value, str) and key in ("created_at", "updated_at", "timestamp"):
        assert TIME.fullmatch(value)
        if key == "timestamp":
            return "time"
        name = names.setdefault(value[:-9], f"time {len(names)}")
        return f"{name}, {'milliseconds' if value.endswith('000+00:00') else 'microseconds'}"
    return value


def test_the_recording_is_whole() -> None:
    assert len(EXCHANGES) == 102
    # The only str that was sent as JSON, and those that were sent as bytes.
    strings = {e["name"]: sent(e) for e in EXCHANGES if isinstance(e["request"]["body"], str)}
    assert strings == {
        "patch_malformed_json": b'{"group_id": "group_123", ',
        "patch_empty_body_json_type": b"",
        "patch_body_null": b"null",
        "patch_body_string": b'"x"',
    }


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("scenario", "total"), [("A_empty_store", 33), ("B_patch", 69)])
def test_a_recorded_scenario_is_answered_as_the_server_did(
    sandbox: Sandbox, scenario: str, total: int, request: pytest.FixtureRequest
) -> None:
    there: dict[str, str] = {}
    here: dict[str, str] = {}
    differing = []
    exchanges = [exchange for exchange in EXCHANGES if exchange["scenario"] == scenario]
    for exchange in exchanges:
        asked, response = exchange["request"], exchange["response"]
        target = asked["path"]
        if asked["query"] is not None:
            target += "?" + urllib.parse.urlencode(asked["query"])
        answer = sandbox.handle(asked["method"], target, {}, sent(exchange))
        expected = response["status"], masked(response["body"], there)
        got = answer.status, masked(json.loads(answer.body), here)
        if got != expected:
            differing.append((exchange["seq"], exchange["name"], expected, got))
    request.config.stash.setdefault(REPLAYED, {})[scenario] = len(exchanges) - len(differing), len(exchanges)
    assert not differing
    assert len(exchanges) == total


# v1: what a user must be protected from


@pytest.mark.parametrize("key", ["group_id", "groupId", "group_ids"])
@pytest.mark.parametrize("group_id", ["nope", "", "g ", "G"])
def test_v1_patch_of_an_unknown_group_changes_the_default(v1: Talk, key: str, group_id: str) -> None:
    v1.post(**REQUIRED, group_id="g")
    default = v1.post(**REQUIRED)[1]["result"]
    status, content = v1.patch(**{key: group_id, "name": "New"})
    assert (status, content["message"]) == (200, "Conversation metadata updated successfully, updated 1 fields")
    assert (content["result"]["id"], content["result"]["group_id"]) == (default["id"], None)
    assert (v1.record()["name"], v1.record("g")["name"]) == ("New", "N")
    nothing = v1.patch(**{key: group_id})
    assert (nothing[0], nothing[1]["message"]) == (200, "No fields need updating")
    assert nothing[1]["result"]["id"] == default["id"]


@pytest.mark.parametrize("group_id", ["g", ""])
def test_v1_patch_of_a_known_group_leaves_the_default_alone(v1: Talk, group_id: str) -> None:
    v1.post(**REQUIRED)
    v1.post(**REQUIRED, group_id=group_id)
    result = v1.patch(group_id=group_id, name="New")[1]["result"]
    assert result["group_id"] == group_id
    assert (v1.record()["name"], v1.record(group_id)["name"]) == ("N", "New")
    assert (v1.record()["is_default"], v1.record(group_id)["is_default"]) == (True, False)


@pytest.mark.parametrize(
    ("group_id", "message"),
    [
        ("nope", "Using default config"),
        ("G", "Using default config"),
        ("", "Conversation metadata retrieved successfully"),
        (None, "Conversation metadata retrieved successfully"),
    ],
)
def test_v1_get_of_an_unknown_group_gives_the_default(v1: Talk, group_id: str | None, message: str) -> None:
    v1.post(**REQUIRED, group_id="g", description="of the group")
    v1.post(**REQUIRED)
    status, content = v1.get(group_id)
    assert (status, content["message"]) == (200, message)
    assert (content["result"]["is_default"], content["result"]["group_id"]) == (True, None)
    assert content["result"]["description"] is None
    own = v1.get("g")[1]
    assert own["message"] == "Conversation metadata retrieved successfully"
    assert (own["result"]["is_default"], own["result"]["description"]) == (False, "of the group")


def test_v1_there_is_one_default_and_post_replaces_it_whole(v1: Talk) -> None:
    full = {"tags": ["t"], "description": "d", "default_timezone": "UTC", "user_details": {"u": {"full_name": "U"}}}
    first = v1.post(**REQUIRED, **full)[1]["result"]
    second = v1.post(**REQUIRED, group_id=None)[1]["result"]
    assert (second["id"], second["created_at"]) == (first["id"], v1.record()["created_at"])
    assert [second[name] for name in full] == [[], None, None, {}]
    assert second["is_default"] is True


def test_v1_get_result_posted_back_is_corrupt(v1: Talk) -> None:
    v1.post(**REQUIRED, group_id="g")
    record = v1.record("g")
    assert record["conversation_created_at"] == "2025-01-15"
    v1.post(**record)
    assert v1.record("g")["conversation_created_at"] == record["created_at"]


@pytest.mark.usefixtures("clock")
def test_v1_never_moves_updated_at(v1: Talk) -> None:
    v1.post(**REQUIRED)
    before = v1.record()["updated_at"]
    patched = v1.patch(name="New")[1]["result"]
    v1.post(**REQUIRED)
    assert patched["updated_at"] == v1.record()["updated_at"] == before == "2026-01-01T00:00:00.000000+00:00"


@pytest.mark.parametrize("role", ["user", "USER", "Assistant", "", None])
def test_v1_keeps_three_fields_of_a_user(v1: Talk, role: str | None) -> None:
    user = {
        "full_name": "U",
        "role": role,
        "custom_role": "lead",
        "email": "e",
        "extra": {"custom_role": "lead", "x": 1.5},
    }
    v1.post(**REQUIRED, user_details={"u": user, "v": {"full_name": "V"}})
    assert v1.record()["user_details"] == {
        "u": {"full_name": "U", "role": role, "extra": {"custom_role": "lead", "x": 1.5}},
        "v": {"full_name": "V", "role": None, "extra": None},
    }


@pytest.mark.parametrize("path", [V0, V1])
@pytest.mark.parametrize("user", [{}, {"full_name": None}])
def test_user_without_a_name_is_refused(sandbox: Sandbox, path: str, user: dict[str, Any]) -> None:
    talk = Talk(sandbox, path)
    body = GLOBAL if path == V0 else REQUIRED
    status, content = talk.post(**body, user_details={"u": user})
    assert (status, content["status"], content["code"], content["path"]) == (400, "failed", "HTTP_ERROR", path)
    assert content["message"].startswith("1 validation error for UserDetailModel\nfull_name\n")
    assert TIME.fullmatch(content["timestamp"])
    assert talk.get()[0] == 404


def test_v1_takes_any_text_for_times_and_zones(v1: Talk) -> None:
    v1.post(**(REQUIRED | {"created_at": "yesterday"}), default_timezone="Mars/Phobos")
    record = v1.record()
    assert (record["conversation_created_at"], record["default_timezone"]) == ("yesterday", "Mars/Phobos")


def test_v1_writes_ignore_the_query(v1: Talk) -> None:
    v1.post(**REQUIRED, group_id="g")
    assert v1.raw("POST", json.dumps(REQUIRED).encode(), "?group_id=h")[1]["result"]["group_id"] is None
    assert v1.raw("PATCH", b'{"name": "New"}', "?group_id=g")[1]["result"]["group_id"] is None
    assert (v1.record()["name"], v1.record("g")["name"]) == ("New", "N")


@pytest.mark.parametrize("path", [V0, V1])
def test_an_unknown_scene_is_refused(sandbox: Sandbox, path: str) -> None:
    talk = Talk(sandbox, path)
    status, content = talk.post(**(REQUIRED if path == V1 else GLOBAL) | {"scene": "party"})
    assert status == 400
    assert (
        content["message"] == "Field 'scene': invalid scene value: party, allowed values: ['group_chat', 'assistant']"
    )
    assert talk.get()[0] == 404


# What does not fit the schema


def issue(kind: str, place: str, words: str, given: Any) -> dict[str, Any]:
    loc = ["body", *(int(part) if part.isdecimal() else part for part in place.split(".") if part)]
    return {"type": kind, "loc": loc, "msg": words, "input": given}


def missing(place: str, given: Any) -> dict[str, Any]:
    return issue("missing", place, "Field required", given)


def no_text(place: str, given: Any) -> dict[str, Any]:
    return issue("string_type", place, "Input should be a valid string", given)


def no_object(place: str, given: Any) -> dict[str, Any]:
    return issue("dict_type", place, "Input should be a valid dictionary", given)


def no_list(place: str, given: Any) -> dict[str, Any]:
    return issue("list_type", place, "Input should be a valid list", given)


def no_model(place: str, given: Any) -> dict[str, Any]:
    words = "Input should be a valid dictionary or object to extract fields from"
    return issue("model_attributes_type", place, words, given)


BAD_ROLE = {
    **issue("value_error", "user_details.u", "Value error, Invalid role 'x'. Must be one of: ['user', 'assistant']", 0),
    "input": {"role": "x"},
    "ctx": {"error": {}},
}


@pytest.mark.parametrize(
    ("body", "issues"),
    [
        ({}, [missing(name, {}) for name in REQUIRED]),
        ([], [no_model("", [])]),
        (
            dict.fromkeys(REQUIRED),
            [
                *(no_text(name, None) for name in ("version", "scene")),
                no_object("scene_desc", None),
                *(no_text(name, None) for name in ("name", "created_at")),
            ],
        ),
        (
            REQUIRED | {"tags": ["t", 1, None], "user_details": {}, "group_id": 5, "description": {}},
            [no_text("description", {}), no_text("group_id", 5), no_text("tags.1", 1), no_text("tags.2", None)],
        ),
        (REQUIRED | {"tags": "t"}, [no_list("tags", "t")]),
        (REQUIRED | {"user_details": []}, [no_object("user_details", [])]),
        (REQUIRED | {"user_details": {"u": None}}, [no_model("user_details.u", None)]),
        (
            # The role is looked at once its neighbours are in order.
            REQUIRED | {"user_details": {"u": {"full_name": 1, "role": "x", "custom_role": 2, "extra": []}}},
            [
                no_text("user_details.u.full_name", 1),
                no_text("user_details.u.custom_role", 2),
                no_object("user_details.u.extra", []),
            ],
        ),
        (REQUIRED | {"user_details": {"u": {"role": "x"}}}, [BAD_ROLE]),
    ],
)
def test_v1_post_that_does_not_fit(v1: Talk, body: Any, issues: list[Any]) -> None:
    assert v1.raw("POST", json.dumps(body).encode()) == (422, {"detail": issues})
    assert v1.get()[0] == 404


@pytest.mark.parametrize(
    ("body", "issues"),
    [
        ({"scene_desc": {}}, [missing("created_at", {"scene_desc": {}})]),
        (GLOBAL | {"scene": 1}, [no_text("scene", 1)]),
        (GLOBAL | {"llm_custom_setting": []}, [no_model("llm_custom_setting", [])]),
        (GLOBAL | {"llm_custom_setting": {"extra": 1}}, [no_object("llm_custom_setting.extra", 1)]),
        (
            GLOBAL | {"llm_custom_setting": {"boundary": {"model": 1}, "extraction": None}},
            [
                missing("llm_custom_setting.boundary.provider", {"model": 1}),
                no_text("llm_custom_setting.boundary.model", 1),
            ],
        ),
    ],
)
def test_v0_post_that_does_not_fit(v0: Talk, body: Any, issues: list[Any]) -> None:
    assert v0.raw("POST", json.dumps(body).encode()) == (422, {"detail": issues})
    assert v0.get()[0] == 404


@pytest.mark.parametrize("path", [V0, V1])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("body", [b'{"name": "\xff"}', b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_a_400(sandbox: Sandbox, path: str, method: str, body: bytes) -> None:
    answer = Talk(sandbox, path).raw(method, body)
    assert answer == (400, {"detail": "There was an error parsing the body"})
    assert sandbox.requests[-1].body == body


@pytest.mark.parametrize("path", [V0, V1])
@pytest.mark.parametrize(("method", "verb"), [("POST", "save"), ("PATCH", "update")])
def test_a_write_without_a_body_is_refused(sandbox: Sandbox, path: str, method: str, verb: str) -> None:
    status, content = Talk(sandbox, path).raw(method)
    assert (status, content["message"]) == (400, "Expecting value: line 1 column 1 (char 0)")
    status, content = Talk(sandbox, path).raw(method, b"null")
    assert (status, content["message"]) == (
        500,
        f"Failed to {verb} conversation metadata, please try again later",
    )


@pytest.mark.parametrize("path", [V0, V1])
def test_a_get_is_read_by_its_body_first(sandbox: Sandbox, path: str) -> None:
    talk = Talk(sandbox, path)
    talk.post(**GROUP, **({} if path == V0 else {"version": "1", "scene": "assistant", "scene_desc": {}}))
    assert talk.raw("GET", b'{"group_id": "g"}')[1]["result"]["group_id"] == "g"
    assert talk.raw("GET", b"null", "?group_id=g")[1]["result"]["group_id"] == "g"
    assert talk.raw("GET", b'{"group_id": 5}') == (422, {"detail": [no_text("group_id", 5)]})
    assert talk.raw("GET", b"[]", "?group_id=g") == (422, {"detail": [no_model("", [])]})
    invalid = issue("json_invalid", "1", "JSON decode error", {})
    context = {"error": "Expecting property name enclosed in double quotes"}
    assert talk.raw("GET", b"{", "?group_id=g") == (422, {"detail": [{**invalid, "ctx": context}]})


# v0


def test_v0_keeps_the_default_record(v0: Talk) -> None:
    setting = {"boundary": {"provider": "p", "model": "m", "temperature": 1}, "colour": "red"}
    status, content = v0.post(**GLOBAL, llm_custom_setting=setting, tags=["t"], name=None)
    assert (status, content["message"]) == (200, "Conversation metadata saved successfully")
    result = content["result"]
    assert {name: value for name, value in result.items() if name not in ("id", "created_at", "updated_at")} == {
        "group_id": None,
        "name": None,
        "scene": "assistant",
        "scene_desc": {"a": 1},
        "description": None,
        "conversation_created_at": GLOBAL["created_at"],
        "default_timezone": "UTC",
        "llm_custom_setting": {
            "boundary": {"provider": "p", "model": "m", "extra": None},
            "extraction": None,
            "extra": None,
        },
        "user_details": {},
        "tags": ["t"],
        "is_default": True,
    }
    changed = {"llm_custom_setting": {"extra": {"x": {}}}, "scene_desc": {}, "tags": []}
    patched = v0.patch(**changed, scene="group_chat")[1]["result"]
    assert patched["updated_fields"] == ["scene_desc", "llm_custom_setting", "tags"]
    assert (patched["id"], patched["scene"]) == (result["id"], "assistant")
    both: dict[str, Any] = {"boundary": None, "extraction": None, "extra": {"x": {}}}
    assert v0.record().items() >= (changed | {"llm_custom_setting": both}).items()


@pytest.mark.parametrize("empty", [{}, {"boundary": None, "extraction": None, "extra": None}, {"temperature": 1}])
def test_v0_models_that_are_all_empty_are_left_alone(v0: Talk, empty: dict[str, Any]) -> None:
    v0.post(**GLOBAL, llm_custom_setting={"boundary": {"provider": "p", "model": "m"}})
    before = v0.record()
    assert v0.patch(llm_custom_setting=empty)[1]["message"] == "No fields need updating"
    assert v0.post(**GLOBAL, llm_custom_setting=empty)[1]["result"] == v0.record() == before
    # An object with an empty extra alone is the nearest to a way of clearing them.
    assert v0.patch(llm_custom_setting={"extra": {}})[1]["result"]["updated_fields"] == ["llm_custom_setting"]
    assert v0.record()["llm_custom_setting"] is None


def test_v0_takes_the_models_that_the_environment_lists(v0: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTED_WHITE_LIST", " m2, m1 ,")
    monkeypatch.setenv("EMPTY_WHITE_LIST", " , ")
    v0.post(**GLOBAL)
    for step in ("boundary", "extraction"):
        for provider, model in (("listed", "m1"), ("LISTED", "m2"), ("listed", ""), ("empty", "m"), ("", "m")):
            assert v0.patch(llm_custom_setting={step: {"provider": provider, "model": model}})[0] == 200
        for body in ({}, {"group_id": "g", "name": "N", "created_at": "x"}):
            wrong = {"llm_custom_setting": {step: {"provider": "Listed", "model": "M1"}}}
            status, content = v0.post(**body, **wrong) if body else v0.patch(**wrong)
            words = f"Model 'M1' is not allowed for provider 'Listed' (task: {step}). Allowed models: m1, m2."
            assert (status, content["message"]) == (400, f"Field 'llm_custom_setting.{step}.model': {words}")
    assert v0.get("g")[1]["result"]["is_default"] is True


NO_NAME = "Name is only for group-level config. Please remove 'name' field or provide a group_id."
NO_SCENE = "is inherited from global config. Please remove '{}' field or use group_id=null for global config."


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (GLOBAL | {"scene": None}, "scene", "Global config requires 'scene' field to be set."),
        ({"created_at": "x", "name": "N"}, "scene", "Global config requires 'scene' field to be set."),
        (GLOBAL | {"scene_desc": None}, "scene_desc", "Global config requires 'scene_desc' field to be set."),
        (GLOBAL | {"name": "N"}, "name", f"Global config cannot set 'name'. {NO_NAME}"),
        (GLOBAL | {"name": "", "scene": "party"}, "name", f"Global config cannot set 'name'. {NO_NAME}"),
        (GROUP | {"name": None}, "name", "Group-level config requires 'name' field to be set."),
        (
            {"group_id": "g", "created_at": "x", "scene": "party", "scene_desc": {}},
            "scene",
            f"Group-level config cannot set 'scene'. Scene {NO_SCENE.format('scene')}",
        ),
        (
            GROUP | {"scene_desc": {}},
            "scene_desc",
            f"Group-level config cannot set 'scene_desc'. Scene description {NO_SCENE.format('scene_desc')}",
        ),
    ],
)
def test_v0_post_of_what_does_not_go_with_the_record(v0: Talk, body: dict[str, Any], field: str, message: str) -> None:
    status, content = v0.post(**body)
    assert (status, content["status"], content["message"]) == (400, "failed", f"Field '{field}': {message}")
    assert v0.get(body.get("group_id"))[0] == 404
    # Participants are looked at before.
    assert v0.post(**body, user_details={"u": {}})[1]["message"].startswith("1 validation error for UserDetailModel")


def test_v0_post_of_a_group_drops_the_models(v0: Talk) -> None:
    setting = {"boundary": {"provider": "p", "model": "m"}}
    assert v0.post(**GROUP, llm_custom_setting=setting)[1]["result"]["llm_custom_setting"] is None
    assert v0.record("g")["llm_custom_setting"] is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"name": "New"},
            "Global config cannot update fields: ['name']."
            " These fields can only be set in group-level config (with group_id).",
        ),
        (
            {"group_id": "g", "scene_desc": {}, "llm_custom_setting": {"extra": {}}},
            "Group-level config cannot update fields: ['llm_custom_setting', 'scene_desc']."
            " These fields can only be set in global config (group_id=null).",
        ),
    ],
)
def test_v0_patch_of_what_does_not_go_with_the_record(v0: Talk, body: dict[str, Any], message: str) -> None:
    v0.post(**GLOBAL)
    v0.post(**GROUP)
    before = v0.record(), v0.record("g")
    status, content = v0.patch(**body, tags=["t"])
    assert (status, content["message"]) == (400, message)
    assert (v0.record(), v0.record("g")) == before
    # Nothing is wrong with an empty choice of models, and a scene is not looked at.
    assert v0.patch(group_id="g", llm_custom_setting={}, scene="party")[1]["message"] == "No fields need updating"


@pytest.mark.usefixtures("clock")
def test_v0_post_merges_and_nothing_moves_updated_at(v0: Talk) -> None:
    users = {"u": {"full_name": "U", "role": None, "extra": None}}
    first = v0.post(**GROUP, description="d", tags=["t"], user_details=users)[1]["result"]
    assert first["created_at"] == first["updated_at"] == "2026-01-01T00:00:00.000123+00:00"
    stored = v0.record("g")
    assert stored["created_at"] == stored["updated_at"] == "2026-01-01T00:00:00.000000+00:00"
    assert (stored["default_timezone"], stored["user_details"]) == ("UTC", users)
    changed = {"name": "M", "tags": [], "default_timezone": ""}
    left_alone: dict[str, Any] = {"description": None, "user_details": {}}
    second = v0.post(**GROUP | changed | left_alone | {"created_at": "2025-02-02"})[1]["result"]
    assert second == v0.record("g") == stored | changed | {"conversation_created_at": "2025-02-02"}
    patched = v0.patch(group_id="g", name="O", user_details={})[1]["result"]
    assert patched["updated_at"] == v0.record("g")["updated_at"] == stored["updated_at"]
    assert v0.record("g")["user_details"] == {}
    assert v0.patch(group_id="g", name=None)[1]["message"] == "No fields need updating"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"group_id": "nope"}, "Specified conversation metadata not found: group_id=nope"),
        ({"group_id": "G"}, "Specified conversation metadata not found: group_id=G"),
        ({"group_id": ""}, "Default config not found"),
    ],
)
def test_v0_patch_of_an_unknown_group_changes_nothing(v0: Talk, body: dict[str, Any], message: str) -> None:
    v0.post(**GLOBAL)
    v0.post(**GROUP)
    status, content = v0.patch(**body, description="new")
    assert (status, content["message"]) == (404, message)
    assert v0.record()["description"] is None


def test_v0_get_of_an_unknown_group_gives_the_default(v0: Talk) -> None:
    v0.post(**GLOBAL)
    content = v0.get("nope")[1]
    assert (content["message"], content["result"]["is_default"]) == ("Using default config", True)


@pytest.mark.parametrize("role", ["user", "TOOL", "", None])
def test_v0_keeps_three_fields_of_a_user(v0: Talk, role: str | None) -> None:
    user = {"full_name": "U", "role": role, "extra": {"custom_role": "lead"}}
    v0.post(**GROUP, user_details={"u": user | {"email": "e", "custom_role": "lead"}})
    assert v0.record("g")["user_details"] == {"u": user}


def test_only_v0_has_tools_among_participants(v0: Talk, v1: Talk) -> None:
    user = {"full_name": "U", "role": "robot"}
    for talk, body, roles in ((v0, GROUP, ["user", "assistant", "tool"]), (v1, REQUIRED, ["user", "assistant"])):
        status, content = talk.post(**body, user_details={"u": user})
        words = f"Value error, Invalid role 'robot'. Must be one of: {roles}"
        assert (status, content["detail"][0]["msg"]) == (422, words)
    assert v1.post(**REQUIRED, user_details={"u": user | {"role": "tool"}})[0] == 422


def test_versions_have_records_of_their_own(v0: Talk, v1: Talk) -> None:
    v0.post(**GLOBAL)
    assert v1.get()[0] == 404
    v1.post(**REQUIRED)
    assert (v0.record()["scene_desc"], v1.record()["scene_desc"]) == ({"a": 1}, {})


def test_answers_fit_the_spec(v0: Talk, v1: Talk) -> None:
    written = models.ConversationMetaEnvelope, models.PatchConversationMetaResponse
    for talk, body, (envelope, patched) in (
        (v1, REQUIRED, written),
        (v0, GLOBAL, (models.ConversationMetaEnvelopeV0, written[1])),
        (v0, GROUP, (models.ConversationMetaEnvelopeV0, written[1])),
    ):
        group_id = body.get("group_id")
        envelope.from_dict(talk.post(**body, user_details={"u": {"full_name": "U"}})[1])
        envelope.from_dict(talk.get(group_id)[1])
        for change in (dict[str, Any](tags=[]), {}):
            patched.from_dict(talk.patch(group_id=group_id, **change)[1])


# Who may ask, and where


@pytest.mark.parametrize("option", [{}, {"require_key": True}, {"strict": True}])
@pytest.mark.parametrize(
    ("api_key", "authorization", "v0_status", "v1_status"),
    [
        (None, None, 401, 200),
        (None, "Bearer any", 200, 200),
        (None, "bearer any", 200, 200),
        (None, "Bearer", 401, 200),
        (None, "Bearer ", 401, 200),
        (None, "Basic any", 401, 200),
        ("right", None, 401, 401),
        ("right", "Bearer right", 200, 200),
        ("right", "Bearer wrong", 401, 401),
        ("right", "Bearer right ", 401, 401),
        ("right", "Basic right", 401, 401),
        ("right", "right", 401, 401),
    ],
)
def test_a_key_is_asked_for_where_there_is_one_and_on_v0_where_that_is_wanted(
    api_key: str | None, authorization: str | None, v0_status: int, v1_status: int, option: dict[str, Any]
) -> None:
    sandbox = Sandbox(api_key=api_key, **option)
    if api_key is None and not option:
        v0_status = 200
    headers = {} if authorization is None else {"AUTHORIZATION": authorization}
    v1_body = REQUIRED | {"created_at": GLOBAL["created_at"]}
    for path, body, status in ((V0, GLOBAL, v0_status), (V1, v1_body, v1_status)):
        answer = sandbox.handle("POST", path, headers, json.dumps(body).encode())
        assert answer.status == status
        if status == 401:
            assert json.loads(answer.body) == {
                "code": "Unauthorized",
                "message": "Invalid API key",
                "type": "AuthenticationError",
            }
            # A refused write has not been applied.
            allowed = {"Authorization": f"Bearer {api_key or 'any'}"}
            assert sandbox.handle("GET", path, allowed, b"").status == 404
    assert "right" not in repr(sandbox.requests)
    assert "right" not in repr(sandbox)


@pytest.mark.parametrize("target", ["/", "", "//", "/api/v2/memories/conversation-meta", V1 + "/g", V1.upper(), "x?y"])
def test_an_unknown_path_is_a_404(sandbox: Sandbox, target: str) -> None:
    answer = sandbox.handle("GET", target, {}, b"")
    assert (answer.status, json.loads(answer.body)) == (404, {"detail": "Not Found"})


def test_an_escaped_path_is_the_same_path(sandbox: Sandbox) -> None:
    answer = sandbox.handle("GET", V1.replace("-", "%2D"), {}, b"")
    assert (answer.status, json.loads(answer.body)["path"]) == (404, V1)


@pytest.mark.parametrize(
    ("target", "headers", "location"),
    [
        (V1 + "/", {"Host": "here:1995"}, f"http://here:1995{V1}"),
        (V0 + "//", {"Host": "here"}, f"http://here{V0}"),
        (V1 + "/?group_id=g%20h&x", {"Host": "here"}, f"http://here{V1}?group_id=g%20h&x"),
        (V1 + "/", {}, f"http://localhost{V1}"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_trailing_slash_is_redirected(
    sandbox: Sandbox, method: str, target: str, headers: dict[str, str], location: str
) -> None:
    answer = sandbox.handle(method, target, headers, b"{}")
    assert (answer.status, answer.headers["location"], answer.body) == (307, location, b"")


# What was received


def test_large_bodies_are_not_kept(sandbox: Sandbox) -> None:
    for size in (1024 * 1024, 1024 * 1024 + 1):
        sandbox.handle("PATCH", V1, {}, b"x" * size)
    assert [len(request.content) for request in sandbox.requests] == [1024 * 1024, 0]


def test_requests_are_noted(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer secret", "X-Trace": "1"}
    sandbox.handle("POST", V1 + "?a=1", headers, b'{"name": ["x"]}')
    sandbox.handle("GET", "/nowhere", {}, b"")
    sandbox.handle("PATCH", V0, {}, b"{")
    noted = [(each.method, each.target, each.headers, each.body, each.operation) for each in sandbox.requests]
    shown = {"authorization": "[redacted]", "x-trace": "1"}
    assert noted == [
        ("POST", V1 + "?a=1", shown, {"name": ["x"]}, "create_conversation_meta_v1"),
        ("GET", "/nowhere", {}, b"", None),
        ("PATCH", V0, {}, b"{", "update_conversation_meta_v0"),
    ]
    assert "secret" not in repr(sandbox.requests)
    assert "['x']" not in repr(sandbox.requests)
    assert "Not Found" not in repr(sandbox.handle("GET", "/nowhere", {}, b""))


def test_noted_requests_are_bounded(sandbox: Sandbox) -> None:
    for number in range(1010):
        sandbox.handle("GET", f"/{number}", {}, b"")
    assert [request.target for request in sandbox.requests] == [f"/{number}" for number in range(10, 1010)]


def test_a_noted_body_is_no_way_into_a_record(sandbox: Sandbox, v1: Talk) -> None:
    v1.post(**REQUIRED, tags=["t"])
    sandbox.requests[-1].body["tags"].append("u")
    assert v1.record()["tags"] == ["t"]


# Threads


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads take turns so often that a gap in the locking shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless")
def test_no_acknowledged_change_is_lost(sandbox: Sandbox, v1: Talk) -> None:
    # Each field of each group has one writer, who must find each change of its own after the answer.
    fields: list[Callable[[int], dict[str, Any]]] = [
        lambda n: {"name": f"{n}"},
        lambda n: {"description": f"{n}"},
        lambda n: {"tags": [f"{n}"]},
        lambda n: {"scene_desc": {"n": n}},
    ]
    for group in range(16):
        v1.post(**REQUIRED, group_id=f"{group}")
    start = threading.Barrier(64)

    def write(writer: int) -> list[tuple[dict[str, Any], Any]]:
        group, field = f"{writer % 16}", fields[writer // 16]
        lost = []
        start.wait()
        for n in range(20):
            status, _ = v1.patch(group_id=group, **field(n))
            record = v1.record(group)
            if status != 200 or record != record | field(n):
                lost.append((field(n), record))
        return lost

    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(write, range(64))) == [[]] * 64
    assert len(sandbox.requests) == 1000


@pytest.mark.usefixtures("restless")
def test_parallel_first_posts_make_one_record(v1: Talk) -> None:
    start = threading.Barrier(64)

    def create(_: int) -> str:
        start.wait()
        return str(v1.post(**REQUIRED, group_id="g")[1]["result"]["id"])

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(create, range(64))) == {v1.record("g")["id"]}


# The tests themselves


def test_an_answer_that_does_not_fit_the_spec_would_be_noticed(
    v1: Talk, answers_fit_the_spec: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evermemos.sandbox._conversation_meta._ok", lambda *_: {"result": {"id": 5}})
    v1.post(**REQUIRED)
    assert f"('{V1}', 'POST', '200'): \"scene\" is a required property" in answers_fit_the_spec
    answers_fit_the_spec.clear()


# The package


def test_the_example_of_the_docstring_runs() -> None:
    result = doctest.testmod(evermemos.sandbox)
    assert (result.attempted, result.failed) == (9, 0)


@pytest.mark.process
def test_import_loads_nothing_of_the_client() -> None:
    # The parent package is a stand-in, so that only what the sandbox itself imports is seen.
    program = """
import importlib, sys, types
parent = types.ModuleType("evermemos")
parent.__path__ = [sys.argv[1]]
sys.modules["evermemos"] = parent
for name in sys.argv[2:]:
    importlib.import_module(name)
print(sorted(name for name in sys.modules if name.startswith("evermemos")))
"""
    package = Path(evermemos.sandbox.__file__).parent
    modules = [f"evermemos.sandbox.{path.stem}" for path in package.glob("_[a-z]*.py")]
    command = [sys.executable, "-W", "error", "-c", program, str(package.parent), *modules]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == str(sorted(["evermemos", "evermemos.errors", "evermemos.sandbox", *modules]))
