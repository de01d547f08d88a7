"""Handles of conversations: the right record or none, merged changes, lost updates noticed, writers that take turns."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import inspect
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer

from evermemos import (
    APITimeoutError,
    AsyncEverMemOS,
    ConfigurationError,
    EverMemOS,
    FieldsNotAppliedError,
    InternalServerError,
    LostUpdateError,
    NotFoundError,
    RequestValidationError,
    ScopeMismatchError,
    _conversation,
    _turns,
)
from evermemos.sandbox import Sandbox

NEW: dict[str, Any] = {name: value for name, value in CREATE_V1.items() if name != "version"}
NEW_V0: dict[str, Any] = {name: NEW[name] for name in ("created_at", "scene", "scene_desc")}
USERS: dict[str, Any] = {"u1": {"full_name": "A", "role": "user", "extra": {"n": 1}}, "u2": {"full_name": "B"}}
PERSONAL = "Maria is ill"
CLIENTS: tuple[Any, Any] = (EverMemOS, AsyncEverMemOS)


@pytest.fixture(autouse=True)
def no_queue_is_left() -> Iterator[None]:
    yield
    assert _turns._queues == {}


@pytest.fixture(params=["as servers do", "strict"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(strict=request.param == "strict") as sandbox:
        yield sandbox


class Talk:
    """A handle whose methods can be called alike, sync or async."""

    def __init__(self, flavour: Flavour, handle: Any) -> None:
        self._flavour = flavour
        self.handle = handle

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._flavour.call(getattr(self.handle, name), *args, **kwargs)


@pytest.fixture
def client(flavour: Flavour, sandbox: Sandbox) -> Any:
    return flavour.client(base_url=sandbox)


@pytest.fixture
def conv(flavour: Flavour, client: Any) -> Talk:
    """A conversation that exists, beside a default record."""
    talk = Talk(flavour, client.v1.conversation("g"))
    talk.set(**NEW, tags=["a"], user_details=USERS, description="D")
    Talk(flavour, client.v1.default_conversation()).set(**NEW | {"name": "Default"}, tags=["default"])
    return talk


def default(flavour: Flavour, client: Any) -> dict[str, Any]:
    record: dict[str, Any] = Talk(flavour, client.v1.default_conversation()).get().result.to_dict()
    return record


def methods_of(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [str(request.operation).partition("_")[0] for request in sandbox.requests[since:]]


# The record of its own, or none

CALLS: dict[str, Callable[[Talk], Any]] = {
    "get": lambda conv: conv.get(),
    "update": lambda conv: conv.update(description="changed"),
    "update, verified": lambda conv: conv.update(description="changed", verify=True),
    "add_tags": lambda conv: conv.add_tags("changed"),
    "remove_tags": lambda conv: conv.remove_tags("default"),
    "set_user": lambda conv: conv.set_user("changed", full_name="C"),
    "remove_user": lambda conv: conv.remove_user("u1"),
    "clear": lambda conv: conv.clear("tags"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("group_id", ["unknown", "G", "g "])
def test_an_unknown_group_is_an_error_and_the_default_record_stays(
    flavour: Flavour, sandbox: Sandbox, client: Any, conv: Talk, call: str, group_id: str
) -> None:
    before, since = default(flavour, client), len(sandbox.requests)
    other = Talk(flavour, client.v1.conversation(group_id))
    assert other.exists() is False
    with pytest.raises(NotFoundError):
        CALLS[call](other)
    assert set(methods_of(sandbox, since)) == {"get"}
    assert default(flavour, client) == before


@pytest.mark.parametrize("call", CALLS)
def test_without_any_record_everything_is_not_found(flavour: Flavour, client: Any, call: str) -> None:
    for handle in (client.v1.conversation("g"), client.v1.default_conversation(), client.v0.default_conversation()):
        talk = Talk(flavour, handle)
        assert talk.exists() is False
        with pytest.raises(NotFoundError):
            CALLS[call](talk)
        with pytest.raises(NotFoundError):
            talk.effective()


def test_a_record_that_vanishes_before_the_write_is_a_scope_mismatch(flavour: Flavour) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        changed = {**PATCHED, "result": {**PATCHED["result"], "group_id": None}}  # type: ignore[dict-item]
        return answer(RECORD if request.method == "GET" else changed)

    talk = Talk(flavour, flavour.client(handler).v1.conversation("group_123"))
    with pytest.raises(ScopeMismatchError):
        talk.update(name="N")
    with pytest.raises(ScopeMismatchError):
        talk.add_tags("a")


@pytest.mark.parametrize("group_id", ["", " ", "\t", None, 5, b"g"])
def test_a_handle_of_no_group_is_refused(flavour: Flavour, group_id: Any) -> None:
    with pytest.raises(RequestValidationError, match="group_id"):
        flavour.client().v1.conversation(group_id)


def test_a_handle_knows_its_group(flavour: Flavour) -> None:
    client = flavour.client()
    assert (client.v1.conversation("g").group_id, client.v1.default_conversation().group_id) == ("g", None)
    assert "'g'" in repr(client.v1.conversation("g"))
    assert "default" in repr(client.v1.default_conversation())
    assert "default" in repr(client.v0.default_conversation())
    assert client.v0.conversation("g").group_id == "g"


def test_set_says_whether_it_created_the_record(flavour: Flavour, client: Any) -> None:
    v1 = [client.v1.conversation("g"), client.v1.conversation("h"), client.v1.default_conversation()]
    # The default record answers for the group, and is not the group's.
    for handle in (*reversed(v1), client.v0.default_conversation()):
        talk = Talk(flavour, handle)
        new = NEW if handle in v1 else NEW_V0
        first, second = (talk.set(**new, description=f"D{n}", verify=True) for n in range(2))
        assert (first.created, second.created) == (True, False)
        assert first.response.result.id == second.response.result.id
        assert second.response.result.description == "D1"
        assert talk.exists() is True
        assert talk.get().result.group_id == handle.group_id


def test_set_of_v1_replaces_and_set_of_v0_merges(flavour: Flavour, client: Any, conv: Talk) -> None:
    conv.set(**NEW)
    assert (conv.get().result.tags, conv.get().result.description) == ([], None)
    v0 = Talk(flavour, client.v0.default_conversation())
    v0.set(**NEW_V0, tags=["a"])
    v0.set(**NEW_V0)
    assert v0.get().result.tags == ["a"]


def test_effective_takes_from_the_default_record_what_the_group_has_not(
    flavour: Flavour, client: Any, conv: Talk
) -> None:
    conv.clear("tags")
    fields = conv.effective()
    assert (fields["tags"].value, fields["tags"].source) == (["default"], "default")
    assert (fields["description"].value, fields["description"].source) == ("D", "group")
    assert fields["name"].source == "group"
    # Neither has one.
    assert (fields["default_timezone"].value, fields["default_timezone"].source) == (None, "group")
    assert set(fields) == {*NEW, "version", "description", "tags", "user_details", "default_timezone"} - {
        "created_at"
    } | {"conversation_created_at"}
    assert "D" not in repr(fields["description"]).replace("EffectiveField", "")
    for handle in (client.v1.conversation("unknown"), client.v1.default_conversation()):
        others = Talk(flavour, handle).effective()
        assert {field.source for field in others.values()} == {"default"}
        assert others["name"].value == "Default"


def test_effective_without_a_default_record_is_the_groups_own(flavour: Flavour, client: Any) -> None:
    talk = Talk(flavour, client.v1.conversation("g"))
    talk.set(**NEW)
    assert {field.source for field in talk.effective().values()} == {"group"}
    v0 = Talk(flavour, client.v0.default_conversation())
    v0.set(**NEW_V0)
    assert {field.source for field in v0.effective().values()} == {"default"}
    assert "llm_custom_setting" in v0.effective()


# Changes of a part


def test_tags_are_added_once_and_removed(sandbox: Sandbox, conv: Talk) -> None:
    assert conv.add_tags("b", "a", "c", "b").result.tags == ["a", "b", "c"]
    assert conv.remove_tags("a", "nothing of the kind").result.tags == ["b", "c"]
    since = len(sandbox.requests)
    assert conv.add_tags("b").result.tags == conv.remove_tags("x").result.tags == conv.add_tags().result.tags
    # What is there already is not written.
    assert methods_of(sandbox, since) == ["get"] * 3


def test_a_user_is_changed_and_the_others_stay(sandbox: Sandbox, conv: Talk) -> None:
    first = conv.set_user("u1", full_name="New").result.user_details
    assert (first["u1"].full_name, first["u1"].role, first["u1"].extra) == ("New", "user", {"n": 1})
    assert first["u2"].full_name == "B"
    second = conv.set_user("u3", full_name="C", role="assistant", extra={"m": [1, {"x": None}]}).result.user_details
    assert list(second) == ["u1", "u2", "u3"]
    assert second["u3"].extra == {"m": [1, {"x": None}]}
    assert conv.set_user("u1", role=None, extra=None).result.user_details["u1"].role is None
    since = len(sandbox.requests)
    conv.set_user("u3", full_name="C", role="assistant", extra={"m": [1, {"x": None}]})
    assert methods_of(sandbox, since) == ["get"]
    assert list(conv.remove_user("u1").result.user_details) == ["u2", "u3"]
    assert list(conv.remove_user("u1").result.user_details) == ["u2", "u3"]


def test_fields_are_cleared(flavour: Flavour, client: Any, conv: Talk) -> None:
    record = conv.clear("description", "tags", "user_details", "scene_desc", "default_timezone", verify=True).result
    assert (record.description, record.tags, record.user_details, record.scene_desc) == ("", [], {}, {})
    assert record.name == NEW["name"]
    v0 = Talk(flavour, client.v0.default_conversation())
    v0.set(**NEW_V0, llm_custom_setting={"boundary": {"provider": "p", "model": "m"}}, tags=["a"], verify=True)
    cleared = v0.clear("llm_custom_setting", verify=True).result.llm_custom_setting
    assert cleared is None or not any(value for value in cleared.to_dict().values())
    assert v0.get().result.tags == ["a"]
    for wrong in ("llm_custom_setting", "name", "nothing"):
        with pytest.raises(RequestValidationError, match="fields"):
            conv.clear(wrong)


def test_what_was_read_is_written_back_though_no_argument_may_be_so(flavour: Flavour) -> None:
    """A newer server may know roles and fields of users that the spec does not."""
    users = {"u": {"full_name": "U", "role": "Moderator", "badge": 7}}
    server = Stored(user_details=users)
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    talk.set_user("w", full_name="W")
    assert server.record["user_details"] == {**users, "w": {"full_name": "W"}}


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda conv: conv.add_tags(["a", "b"]), "tags[0]"),
        (lambda conv: conv.remove_tags(5), "tags[0]"),
        (lambda conv: conv.set_user("u", role="boss"), "user_details.u.role"),
        (lambda conv: conv.set_user(5, full_name="A"), "user_details"),
        (lambda conv: conv.remove_user(5), "user_details"),
        (lambda conv: conv.update(default_timezone="Nowhere"), "default_timezone"),
        (lambda conv: conv.update(user_details={"u": {"fullname": "A"}}), "user_details.u.fullname"),
        (lambda conv: conv.set(**{**NEW, "created_at": "today"}), "created_at"),
    ],
)
def test_arguments_are_checked_before_anything_is_sent(
    flavour: Flavour, call: Callable[[Talk], Any], field: str
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError

    with pytest.raises(RequestValidationError) as raised:
        call(Talk(flavour, flavour.client(handler).v1.conversation("g")))
    assert raised.value.field == field


# Other writers


class Stored:
    """A server of one group, whose record a test may change before and after each write."""

    def __init__(self, **fields: Any) -> None:
        self.record: dict[str, Any] = {**RECORD["result"], "group_id": "g", "tags": ["a"], **fields}  # type: ignore[dict-item]
        self.methods: list[str] = []
        self.before_patch: Callable[[dict[str, Any]], None] = lambda record: None
        self.after_patch: Callable[[dict[str, Any]], None] = lambda record: None
        self.ignored: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.methods.append(request.method)
        if request.method == "GET":
            return answer({"status": "ok", "result": copy.deepcopy(self.record)})
        self.before_patch(self.record)
        body = json.loads(request.content)
        given = {name: value for name, value in body.items() if name != "group_id" and name not in self.ignored}
        self.record.update(given)
        self.after_patch(self.record)
        return answer({"status": "ok", "result": {"id": "1", "group_id": "g", "updated_fields": list(given)}})


def test_a_writer_between_write_and_read_back_is_noticed_and_the_change_made_anew(flavour: Flavour) -> None:
    server = Stored()
    foreign = iter([["a", "theirs"]])
    server.after_patch = lambda record: record.update(tags=next(foreign, record["tags"]))
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    assert talk.add_tags("mine").result.tags == ["a", "theirs", "mine"]
    assert server.methods == ["GET", "PATCH", "GET", "PATCH", "GET"]


def test_a_writer_who_brings_back_what_was_taken_away_is_noticed(flavour: Flavour) -> None:
    server = Stored(user_details={"u": {"full_name": "U", "role": "user"}})
    foreign = iter([{"u": {"full_name": "U", "role": "user"}}])
    server.after_patch = lambda record: record.update(user_details=next(foreign, record["user_details"]))
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    assert talk.set_user("u", role=None).result.user_details["u"].role is None
    assert server.methods == ["GET", "PATCH", "GET", "PATCH", "GET"]


@pytest.mark.parametrize("verify", [False, True])
def test_a_writer_who_keeps_the_change_is_left_alone(flavour: Flavour, verify: bool) -> None:
    server = Stored()
    server.after_patch = lambda record: record["tags"].insert(0, "theirs")
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    assert talk.add_tags("mine", verify=verify).result.tags == ["theirs", "a", "mine"]
    assert server.methods == ["GET", "PATCH", "GET"]


def test_a_writer_of_another_field_between_read_and_write_loses_nothing(flavour: Flavour) -> None:
    server = Stored(description="old")
    server.before_patch = lambda record: record.update(description="theirs")
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    assert talk.add_tags("mine").result.description == "theirs"


def test_a_writer_between_read_and_write_who_reads_back_too_notices_and_nothing_is_lost(flavour: Flavour) -> None:
    """Two processes. Without server support only the one that was written over can see it, in its own read-back."""
    server = Stored()
    ours = Talk(flavour, flavour.client(server).v1.conversation("g"))
    begun, written_over = threading.Event(), threading.Event()

    def theirs(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and not begun.is_set():
            response = server(request)
            begun.set()
            # Their answer is late, so that their read-back comes after our write.
            assert written_over.wait(10)
            return response
        return server(request)

    def before(record: dict[str, Any]) -> None:
        server.before_patch = lambda record: None
        thread.start()
        assert begun.wait(10)

    # The base URL of another process's client is of no concern to our turns; here it must differ.
    other = EverMemOS(
        base_url="http://localhost:1", http_client=httpx.Client(transport=httpx.MockTransport(theirs))
    ).v1.conversation("g")
    thread = threading.Thread(target=other.add_tags, args=("theirs",))
    server.before_patch = before
    assert ours.add_tags("ours").result.tags == ["a", "ours"]
    written_over.set()
    thread.join(10)
    assert server.record["tags"] == ["a", "ours", "theirs"]


@pytest.mark.parametrize("call", [lambda talk: talk.add_tags(PERSONAL), lambda talk: talk.set_user("u", full_name="U")])
def test_a_change_that_is_always_written_over_is_an_error_with_both_versions(
    flavour: Flavour, call: Callable[[Talk], Any]
) -> None:
    server = Stored(user_details={"w": {"full_name": PERSONAL}})
    kept = copy.deepcopy(server.record)
    server.after_patch = lambda record: record.update(copy.deepcopy(kept))
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    with pytest.raises(LostUpdateError) as raised:
        call(talk)
    error = raised.value
    assert server.methods == ["GET", *["PATCH", "GET"] * (1 + 5)]
    ((field, sent),) = (error.sent or {}).items()
    assert error.found == {field: kept[field]}
    assert sent == (["a", PERSONAL] if field == "tags" else {**kept["user_details"], "u": {"full_name": "U"}})
    assert (error.operation, error.outcome_unknown) == ("update_conversation_meta_v1", False)
    for twin in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert PERSONAL not in f"{twin} {twin!r} {vars(twin)} {twin.args}"
        assert PERSONAL not in "".join(traceback.format_exception(twin))
        assert PERSONAL.encode() not in pickle.dumps(twin)
        assert str(twin) == str(error)
        assert twin is error or (twin.sent, twin.found) == (None, None)


def test_a_write_that_failed_is_not_repeated_and_the_next_writer_gets_the_turn(
    flavour: Flavour, client: Any, sandbox: Sandbox, conv: Talk
) -> None:
    since = len(sandbox.requests)
    sandbox.fail("update_conversation_meta_v1", status=500)
    with pytest.raises(InternalServerError) as raised:
        conv.add_tags("b")
    assert raised.value.outcome_unknown
    assert methods_of(sandbox, since) == ["get", "update"]
    assert conv.add_tags("c").result.tags[-1] == "c"


def test_reads_are_repeated(sandbox: Sandbox, conv: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0)
    since = len(sandbox.requests)
    sandbox.fail("get_conversation_meta_v1", status=500)
    conv.add_tags("b")
    assert methods_of(sandbox, since) == ["get", "get", "update", "get"]
    sandbox.fail("get_conversation_meta_v1", status=500)
    with pytest.raises(InternalServerError):
        conv.add_tags("c", max_retries=0)


# Verified writes


def test_what_a_server_does_not_keep_is_named(flavour: Flavour) -> None:
    talk = Talk(flavour, flavour.client(base_url=Sandbox()).v1.conversation("g"))
    users = {"u.1": {"full_name": PERSONAL, "custom_role": PERSONAL}, "u2": {"full_name": "B"}}
    calls: list[Callable[[bool], Any]] = [
        lambda verify: talk.set(**NEW, user_details=users, verify=verify),
        lambda verify: talk.update(user_details=users, tags=["a"], verify=verify),
        lambda verify: talk.set_user("u.1", custom_role=PERSONAL, verify=verify),
    ]
    for call in calls:
        call(False)
        with pytest.raises(FieldsNotAppliedError) as raised:
            call(True)
        error = raised.value
        assert error.fields == ["user_details['u.1'].custom_role"]
        assert error.fields[0] in str(error)
        assert 'custom_role="extra"' in str(error)
        for twin in (error, pickle.loads(pickle.dumps(error))):
            assert PERSONAL not in f"{twin} {twin!r} {vars(twin)}"
            assert twin.fields == error.fields


def test_what_a_server_keeps_is_found(flavour: Flavour, client: Any, conv: Talk) -> None:
    users = {"u": {"full_name": "U", "role": "user", "custom_role": None, "extra": {"a": [None, {"b": None}]}}}
    fields = {"user_details": users, "tags": ["x"], "description": None, "default_timezone": "Europe/Paris"}
    assert conv.update(**fields, scene_desc={"a": None, "b": 1}, verify=True).result.updated_fields
    assert conv.update(tags=[], description="", user_details={}, verify=True)
    assert conv.update(verify=True).result.updated_fields == []
    assert conv.set(**{**NEW, **fields, "created_at": "2025-01-15T11:00:00.000+01:00"}, verify=True)
    v0 = Talk(flavour, client.v0.default_conversation())
    llm = {"boundary": {"provider": "p", "model": "m"}, "extraction": None}
    assert v0.set(**NEW_V0, **fields, llm_custom_setting=llm, verify=True).created
    assert v0.update(llm_custom_setting=llm, user_details={"u": {"full_name": "U"}}, verify=True)


SENT: dict[str, Any] = {
    **NEW,
    "description": "D",
    "tags": ["a"],
    "user_details": {"u": {"full_name": "U", "role": "user", "extra": {"a": 1}}},
}
FOUND: dict[str, Any] = {**SENT, "conversation_created_at": "2025-01-15T11:00:00+01:00", "created_at": "2026-01-01"}


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({}, []),
        ({"user_details": {"u": {**SENT["user_details"]["u"], "role": "USER", "custom_role": None}}}, []),
        ({"description": None}, ["description"]),
        ({"description": "E"}, ["description"]),
        ({"tags": ["a", "b"]}, ["tags"]),
        ({"tags": None}, ["tags"]),
        ({"scene_desc": {"a": 1}}, ["scene_desc"]),
        ({"scene_desc": None}, []),
        ({"scene_desc": {"a": None, "b": None}}, []),
        ({"conversation_created_at": "2025-01-15T10:00:00+01:00"}, ["created_at"]),
        ({"conversation_created_at": "2025-01-15T10:00:00"}, ["created_at"]),
        ({"conversation_created_at": "long ago"}, ["created_at"]),
        ({"conversation_created_at": None}, ["created_at"]),
        ({"user_details": {}}, ["user_details.u"]),
        ({"user_details": None}, ["user_details.u"]),
        ({"user_details": {**SENT["user_details"], "w": {}}}, ["user_details.w"]),
        ({"user_details": {"u": {"full_name": "U"}}}, ["user_details.u.role", "user_details.u.extra"]),
        ({"user_details": {"u": {**SENT["user_details"]["u"], "extra": {"a": 2}}}}, ["user_details.u.extra"]),
    ],
)
def test_sent_and_found_are_compared(change: dict[str, Any], paths: list[str]) -> None:
    found = _conversation.gaps(SENT, {**FOUND, **change})
    assert [".".join(path) for path in found] == paths


@pytest.mark.parametrize(
    "call", [lambda talk: talk.update(tags=["b"], verify=True), lambda talk: talk.add_tags("b", verify=True)]
)
def test_a_field_that_the_answer_does_not_name_is_not_applied(flavour: Flavour, call: Callable[[Talk], Any]) -> None:
    server = Stored()

    def handler(request: httpx.Request) -> httpx.Response:
        response = server(request)
        if request.method == "GET":
            return response
        return answer({"status": "ok", "result": {"id": "1", "group_id": "g", "updated_fields": ["name"]}})

    with pytest.raises(FieldsNotAppliedError) as raised:
        call(Talk(flavour, flavour.client(handler).v1.conversation("g")))
    assert raised.value.fields == ["tags"]


def test_a_field_that_the_server_ignores_is_named_once(flavour: Flavour) -> None:
    server = Stored()
    server.ignored = {"tags"}
    talk = Talk(flavour, flavour.client(server).v1.conversation("g"))
    with pytest.raises(FieldsNotAppliedError) as raised:
        talk.update(tags=["b"], name="N", verify=True)
    assert raised.value.fields == ["tags"]


# Writers take turns


def test_threads_that_add_tags_to_one_group_lose_none(sandbox: Sandbox) -> None:
    with EverMemOS.sandbox(sandbox) as client, ThreadPoolExecutor(8) as pool:
        client.v1.conversation("g").set(**NEW)
        tags = [f"t{n}" for n in range(40)]
        list(pool.map(lambda tag: client.v1.conversation("g").add_tags(tag), tags))
        assert sorted(client.v1.conversation("g").get().result.tags or []) == sorted(tags)


@pytest.fixture
def slow() -> Iterator[tuple[Sandbox, str]]:
    """A sandbox over HTTP, whose reads take a while: without turns most tags would be lost."""
    with Sandbox() as sandbox, sandbox.serve() as url:
        EverMemOS(base_url=url).v1.conversation("g").set(**NEW)
        yield sandbox, url


@pytest.mark.socket
def test_tasks_and_threads_that_add_tags_to_one_group_lose_none(slow: tuple[Sandbox, str]) -> None:
    sandbox, url = slow
    sandbox.fail("get_conversation_meta_v1", delay=0.002, times=10_000)

    async def add(prefix: str, count: int) -> None:
        async with AsyncEverMemOS(base_url=url) as client:
            await asyncio.gather(*(client.v1.conversation("g").add_tags(f"{prefix}{n}") for n in range(count)))

    def add_in_threads() -> None:
        with EverMemOS(base_url=url) as client, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: client.v1.conversation("g").add_tags(f"s{n}"), range(8)))

    with ThreadPoolExecutor(3) as pool:
        for job in [
            pool.submit(lambda: asyncio.run(add("a", 64))),
            pool.submit(lambda: asyncio.run(add("b", 8))),
            pool.submit(add_in_threads),
        ]:
            job.result(60)
    sandbox.recover()
    with EverMemOS(base_url=url) as client:
        assert len(client.v1.conversation("g").get().result.tags or []) == 64 + 8 + 8
    writes = [request for request in sandbox.requests if request.operation == "update_conversation_meta_v1"]
    # Nobody had to repeat anything.
    assert len(writes) <= 80


KEY: _turns.Key = ("http://localhost:1995", "v1", "g")


def waiting() -> int:
    return len(_turns._queues.get(KEY, ()))


async def until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.001)


def test_a_cancelled_waiter_leaves_and_the_next_one_gets_the_turn() -> None:
    async def main() -> list[str]:
        done: list[str] = []

        async def write(name: str) -> None:
            async with _turns.Turn(KEY, None):
                done.append(name)

        async with _turns.Turn(KEY, None):
            tasks = [asyncio.create_task(write(name)) for name in "abc"]
            await until(lambda: waiting() == 4)
            tasks[1].cancel()
            await until(lambda: waiting() == 3)
        # Cancelled when it has the turn already, and does not know it yet.
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, True, False]
        return done

    assert asyncio.run(main()) == ["c"]


def test_cancelling_at_any_moment_leaves_no_turn_behind() -> None:
    async def main() -> None:
        at_once = 0

        async def write() -> None:
            nonlocal at_once
            async with _turns.Turn(KEY, None):
                at_once += 1
                try:
                    assert at_once == 1
                    await asyncio.sleep(0)
                finally:
                    at_once -= 1

        for n in range(200):
            tasks = [asyncio.create_task(write()) for _ in range(4)]
            for _ in range(n % 12):
                await asyncio.sleep(0)
            tasks[n % 4].cancel()
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
            assert waiting() == 0

    asyncio.run(main())


@pytest.mark.socket
def test_a_cancelled_call_of_a_handle_gives_its_turn_away(slow: tuple[Sandbox, str]) -> None:
    sandbox, url = slow

    async def main() -> Any:
        async with AsyncEverMemOS(base_url=url) as client:
            conv = client.v1.conversation("g")
            sandbox.fail("get_conversation_meta_v1", delay=30)
            first = asyncio.create_task(conv.add_tags("first"))
            await until(lambda: bool(sandbox.requests) and sandbox.requests[-1].fault is not None)
            second = asyncio.create_task(conv.add_tags("second"))
            await asyncio.sleep(0.02)
            first.cancel()
            return (await asyncio.wait_for(second, 10)).result.tags

    assert asyncio.run(main()) == ["second"]


def test_the_wait_for_a_turn_ends_with_the_deadline(flavour: Flavour, client: Any, conv: Talk) -> None:
    turn = _turns.Turn((client._settings.base_url, "v1", "g"), None)
    with turn:
        with pytest.raises(APITimeoutError, match="nothing was sent"):
            conv.add_tags("b", deadline=0.05)
        # Another record is not waited for, nor is a read.
        assert conv.get(deadline=5).result.tags == ["a"]
        assert Talk(flavour, client.v1.default_conversation()).add_tags("b", deadline=5)
    assert conv.add_tags("b", deadline=5).result.tags == ["a", "b"]


@pytest.mark.socket
def test_a_deadline_is_for_all_calls_together(slow: tuple[Sandbox, str], flavour: Flavour) -> None:
    sandbox, url = slow
    client = flavour.client(base_url=url, deadline=0.3, max_retries=0)
    sandbox.fail("get_conversation_meta_v1", delay=0.2, times=3)
    # Any one of them would be in time.
    with pytest.raises(APITimeoutError):
        Talk(flavour, client.v1.conversation("g")).add_tags("b")
    sandbox.recover()


def test_options_are_those_of_every_call_and_no_others(flavour: Flavour, sandbox: Sandbox, conv: Talk) -> None:
    since = len(sandbox.requests)
    conv.add_tags("b", timeout=3, deadline=None, max_retries=0, extra_headers={"X-A": "1"})
    assert [request.headers.get("x-a") for request in sandbox.requests[since:]] == ["1"] * 3
    with pytest.raises(TypeError, match="extra_query"):
        conv.get(extra_query={})
    with pytest.raises(ConfigurationError, match="deadline"):
        conv.get(deadline=0)


def test_a_thread_does_not_wait_for_a_task_of_its_own() -> None:
    async def main() -> None:
        async with _turns.Turn(KEY, None):
            with pytest.raises(ConfigurationError, match="AsyncEverMemOS"), _turns.Turn(KEY, None):
                raise AssertionError
            with _turns.Turn((*KEY[:2], "other"), None):
                pass

    asyncio.run(main())


def test_a_waiter_whose_loop_was_closed_is_passed_over() -> None:
    loop = asyncio.new_event_loop()

    async def write() -> None:
        async with _turns.Turn(KEY, None):
            raise AssertionError

    with _turns.Turn(KEY, None):
        task = loop.create_task(write())
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert waiting() == 2
        loop.close()
    assert waiting() == 0
    with _turns.Turn(KEY, 5):
        pass
    # It complains of being destroyed while it waits.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()


def test_a_task_that_was_thrown_away_leaves_the_queue() -> None:
    loop = asyncio.new_event_loop()

    async def write() -> None:
        async with _turns.Turn(KEY, None):
            await asyncio.sleep(60)

    task = loop.create_task(write())
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert waiting() == 1
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()
    assert waiting() == 0


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_threads_that_it_does_not_have() -> None:
    with _turns.Turn(KEY, None):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException), _turns.Turn(KEY, 1):
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_many_groups_leave_nothing_behind(flavour: Flavour, client: Any) -> None:
    for n in range(50):
        Talk(flavour, client.v1.conversation(f"g{n}")).set(**NEW)
    assert _turns._queues == {}


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_handles_of_both_clients_have_the_same_methods_and_each_says_what_it_does(version: str) -> None:
    sync, asynchronous = (type(getattr(cls(api_key="k"), version).default_conversation()) for cls in CLIENTS)
    names = {name for name in dir(sync) if not name.startswith("_") and name != "group_id"}
    assert names == {name for name in dir(asynchronous) if not name.startswith("_") and name != "group_id"}
    changes = {"add_tags", "remove_tags", "set_user", "remove_user", "clear"}
    assert names == {"get", "exists", "effective", "set", "update", *changes}
    for name in names:
        one, other = getattr(sync, name), getattr(asynchronous, name)
        assert str(inspect.signature(one)) == str(inspect.signature(other))
        assert inspect.getdoc(one) == inspect.getdoc(other)
        assert inspect.iscoroutinefunction(other)
        assert not inspect.iscoroutinefunction(one)
        parameters = inspect.signature(one).parameters
        assert ("verify" in parameters) is (name not in {"get", "exists", "effective"})
        described = [name for name in parameters if name not in ("self", "options")]
        assert [name for name in described if f"\n    {name}: " not in inspect.getdoc(one)] == []  # type: ignore[operator]


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("name", ["set", "update"])
def test_arguments_are_those_of_the_plain_method(version: str, name: str) -> None:
    api = getattr(EverMemOS(api_key="k"), version)
    plain = inspect.signature(getattr(api.memories.conversation_meta, {"set": "create"}.get(name, name))).parameters
    handle = inspect.signature(getattr(api.default_conversation(), name)).parameters
    options = {"timeout", "deadline", "max_retries", "extra_headers", "extra_query", "extra_body", "group_id"}
    # The default record of v0 has no name.
    options |= {"name"} if version == "v0" else set()
    assert set(plain) - options == set(handle) - {"verify", "options"}
    assert {name: plain[name].annotation for name in set(plain) & set(handle)} == {
        name: handle[name].annotation for name in set(plain) & set(handle)
    }


@pytest.mark.process
def test_a_plain_call_loads_nothing_of_the_handles() -> None:
    program = """
import sys, evermemos
evermemos.EverMemOS.sandbox().with_options(timeout=1).v0.memories.conversation_meta.create(
    created_at="2025-01-15T10:00:00Z", scene="assistant", scene_desc={})
print([name for name in sys.modules if name.endswith(("handle", "conversation", "_turns", "_custom_role"))
       and name.startswith("evermemos.")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
