"""What the sandbox does in the background, how far that is, and conversations that are stored whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from memories import VERSIONS, Talk, conversation

from evermemos import ConfigurationError
from evermemos.sandbox import Sandbox, _status, _times
from evermemos.sandbox._extraction import EPISODE

META = "/api/v1/memories/conversation-meta"


class Clock:
    """The time of the sandbox, which stands still."""

    def __init__(self) -> None:
        self.time = 1_700_000_000_000

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for module in ("_memories", "_memory_store", "_status"):
        monkeypatch.setattr(f"evermemos.sandbox.{module}.milliseconds", found)
    return found


# Work in the background


@pytest.mark.parametrize("background", [False, True])
def test_v0_memories_are_there_when_the_work_is_done(clock: Clock, background: bool) -> None:
    talk = Talk("v0", Sandbox(background=background, processing_seconds=2.5))
    answers = [talk.add() for _ in range(EPISODE)]
    words = "Request accepted, processing in background" if background else "Message accepted and queued for processing"
    assert {answer["message"] for answer in answers} == {words}
    last = answers[-1]["request_id"]
    for time, is_over in ((0, False), (2499, False), (2500, True)):
        clock.time = 1_700_000_000_000 + time
        counts = [EPISODE, 1, 1] if is_over else [0, 0, 0]
        assert [len(talk.listed(kind)) for kind in ("event_log", "episodic_memory", "profile")] == counts
        assert len(talk.facts("line message")) == counts[0]
        assert len(talk.pending()) == (0 if is_over else EPISODE)
        data = talk.ask("/status/request", request_id=last)["data"]
        assert data["status"] == ("success" if is_over else "start")
    assert data == {
        "request_id": last,
        "url": "/api/v0/memories",
        "method": "POST",
        "http_code": 202 if background else 200,
        "status": "success",
        "time_ms": 2500,
        "start_time": 1_700_000_000_000,
        "end_time": 1_700_000_002_500,
        "ttl_seconds": _status.KEPT - 2,
    }


def test_v1_waits_for_its_memories_unless_it_works_in_the_background(clock: Clock) -> None:
    talk = Talk("v1", Sandbox(processing_seconds=2.5))
    assert talk.episode()["result"]["status_info"] == "extracted"
    assert len(talk.listed()) == 1
    talk = Talk("v1", Sandbox(background=True, processing_seconds=2.5))
    answer = talk.episode()
    assert {**answer, "request_id": 0} == {"message": "Request accepted, processing in background", "request_id": 0}
    assert talk.listed() == []
    clock.time += 2500
    assert len(talk.listed()) == 1


def test_background_without_a_wait_is_done_at_once(clock: Clock) -> None:
    talk = Talk("v1", Sandbox(background=True))
    request_id = talk.episode()["request_id"]
    # Even where a clock is set back.
    clock.time -= 60_000
    assert len(talk.listed()) == 1
    assert talk.ask("/stats/request", request_id=request_id)["data"]["status"] == "success"


def test_a_profile_stays_as_it_is_until_the_next_one_is_done(clock: Clock) -> None:
    talk = Talk("v0", Sandbox(processing_seconds=10))
    counts = []
    for _ in range(3):
        talk.episode()
        clock.time += 5000
        counts.append([profile["memcell_count"] for profile in talk.listed("profile")])
    clock.time += 5000
    counts.append([profile["memcell_count"] for profile in talk.listed("profile")])
    clock.time += 5000
    counts.append([profile["memcell_count"] for profile in talk.listed("profile")])
    assert counts == [[], [1], [2], [3], [3]]


@pytest.mark.parametrize("seconds", [-1, 3601, "1", True, float("nan")])
def test_a_time_that_work_cannot_take(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"processing_seconds is .*: expected seconds from 0 to 3600"):
        Sandbox(processing_seconds=seconds)


def test_memories_that_are_not_there_yet_are_not_deleted(clock: Clock) -> None:
    talk = Talk("v0", Sandbox(processing_seconds=1))
    talk.episode()
    assert talk.delete(group_id="g")[1]["result"]["count"] == 0
    clock.time += 1000
    assert len(talk.listed()) == 1
    clock.time -= 1
    assert talk.listed() == []


# How far requests are


@VERSIONS
def test_requests_are_known_by_the_version_that_took_them(api: str) -> None:
    talk = Talk(api, Sandbox(background=True))
    request_id = talk.add()["request_id"]
    paths = {"v0": "/status/request", "v1": "/stats/request"}
    assert talk.ask(paths[api], request_id=request_id)["found"] is True
    unknown = {"success": True, "found": False, "data": None, "message": "Request status not found or expired"}
    other = Talk("v0" if api == "v1" else "v1", talk.sandbox)
    assert other.ask(paths[other.api], request_id=request_id) == unknown
    assert talk.ask(paths[api], request_id="\ud800".encode("utf-16-le", "surrogatepass")) == unknown


def test_a_request_is_forgotten(v0: Talk, clock: Clock) -> None:
    request_id = v0.add()["request_id"]
    clock.time += _status.KEPT * 1000 - 1
    assert v0.ask("/status/request", request_id=request_id)["data"]["ttl_seconds"] == 1
    clock.time += 1
    assert v0.ask("/status/request", request_id=request_id)["found"] is False


def test_v0_asks_for_the_id_of_a_request(v0: Talk) -> None:
    status, content = v0.raw("GET", "/status/request")
    assert (status, content["detail"][0]["loc"]) == (422, ["query", "request_id"])


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id"])
def test_v1_takes_the_id_of_a_request_from_the_query_before_the_header(name: str) -> None:
    talk = Talk("v1", Sandbox(background=True))
    one, other = talk.add()["request_id"], talk.add()["request_id"]
    path = "/stats/request"
    assert talk.raw("GET", path, headers={name: one})[1]["data"]["request_id"] == one
    assert talk.raw("GET", f"{path}?request_id={other}", headers={name: one})[1]["data"]["request_id"] == other
    assert talk.raw("GET", f"{path}?request_id=", headers={name: one})[1]["data"]["request_id"] == one
    for headers in ({}, {name: ""}):
        status, content = talk.raw("GET", path, headers=headers)
        assert (status, content["status"]) == (400, "failed")


def test_pending_messages_name_their_request(v0: Talk) -> None:
    answer = v0.add("wait", sender="ann", sender_name="Ann", group_name="G", refer_list=["m0"])
    (message,) = v0.pending()
    kept = {name: message[name] for name in message if name not in ("id", "created_at", "updated_at")}
    assert kept == {
        "request_id": answer["request_id"],
        "message_id": "m1",
        "group_id": "g",
        "group_name": "G",
        "user_id": "ann",
        "sender": "ann",
        "sender_name": "Ann",
        "content": "wait",
        "refer_list": ["m0"],
        "message_create_time": "2025-01-15T10:01:00+00:00",
    }
    v0.add("elsewhere", group_id="h", sender="bob")
    assert [each["content"] for each in v0.pending()] == ["wait", "elsewhere"]
    assert [each["content"] for each in v0.pending(user_id="bob")] == ["elsewhere"]
    assert [each["content"] for each in v0.pending(group_ids=["g", "i"])] == ["wait"]


# A whole conversation


def test_load_keeps_all_messages_and_the_metadata(v1: Talk) -> None:
    v1.add("before")
    messages = [{"content": f"c{n}", "sender": "ann", "create_time": 1_736_935_200 + n} for n in range(EPISODE + 1)]
    meta = {"name": "Tours", "tags": ["work"], "user_details": {"ann": {"full_name": "Ann", "custom_role": "lead"}}}
    status, content = v1.raw("POST", "/memories/import", conversation(*messages, **meta, created_at="2025-01-15"))
    assert status == 202
    assert {**content, "request_id": 0} == {
        "status": "queued",
        "message": "Conversation accepted and queued for processing",
        "request_id": 0,
        "total_count": EPISODE + 1,
        "imported_meta": True,
    }
    contents = ["before", *(f"c{n}" for n in range(EPISODE + 1))]
    assert sorted(fact["atomic_fact"] for fact in v1.listed("event_log")) == sorted(contents)
    assert len(v1.listed()) == 2
    assert {memory["group_name"] for memory in v1.listed()} == {"Tours"}
    assert v1.pending() == []
    data = v1.ask("/stats/request", request_id=content["request_id"])["data"]
    assert (data["url"], data["http_code"]) == ("/api/v1/memories/import", 202)
    record = json.loads(v1.sandbox.handle("GET", f"{META}?group_id=g", {}, b"").body)["result"]
    assert (record["name"], record["tags"], record["is_default"]) == ("Tours", ["work"], False)
    assert (record["scene"], record["version"]) == ("group_chat", "1.0")
    assert record["conversation_created_at"] == "2025-01-15"
    assert record["user_details"]["ann"] == {"full_name": "Ann", "role": None, "extra": None}


def test_load_takes_next_to_nothing(v1: Talk) -> None:
    status, content = v1.raw("POST", "/memories/import", {"conversation_meta": {"group_id": "h", "name": None}})
    assert (status, content["total_count"]) == (202, 0)
    record = json.loads(v1.sandbox.handle("GET", f"{META}?group_id=h", {}, b"").body)["result"]
    assert (record["group_id"], record["name"], record["scene_desc"]) == ("h", "h", {})
    refers = [{"message_id": "m0"}, "m1"]
    empty = dict.fromkeys(("message_id", "create_time", "sender", "sender_name", "role", "content", "refer_list"))
    last = {"refer_list": refers, "create_time": 1_736_935_200_123, "group_id": "elsewhere"}
    body = conversation(empty, {}, last)
    assert v1.raw("POST", "/memories/import", body)[0] == 202
    facts = v1.listed("event_log")
    assert [fact["user_id"] for fact in facts] == [None] * 3
    assert facts[-1]["timestamp"] == "2025-01-15T10:00:00.123000+00:00"
    (episode,) = v1.listed()
    assert (episode["user_id"], episode["participants"]) == (None, [])
    assert episode["episode"] == "unknown: \nunknown: \nunknown: "


def test_load_is_queued(clock: Clock) -> None:
    talk = Talk("v1", Sandbox(processing_seconds=3))
    message = {"content": "c", "sender": "ann", "refer_list": [{"message_id": "m0"}, "m1"]}
    _, content = talk.raw("POST", "/memories/import", conversation(message))
    assert talk.listed() == []
    # Of what is referred to only ids have a place in the answer.
    assert [(message["content"], message["refer_list"]) for message in talk.pending()] == [("c", ["m1"])]
    assert talk.ask("/stats/request", request_id=content["request_id"])["data"]["status"] == "start"
    clock.time += 3000
    assert len(talk.listed()) == 1


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ({"user_details": {"u": {"role": "user"}}}, 400),
        ({"scene": "party"}, 400),
        ({"group_id": None}, 422),
        ({"group_id": "g", "tags": "t"}, 422),
    ],
)
def test_load_of_bad_metadata_keeps_nothing(v1: Talk, meta: dict[str, Any], status: int) -> None:
    assert v1.raw("POST", "/memories/import", conversation({"content": "c"}, **meta))[0] == status
    assert (v1.listed("event_log"), v1.pending()) == ([], [])
    assert v1.sandbox.handle("GET", META, {}, b"").status == 404


@pytest.mark.parametrize("time", [True, 1.5, [], 1e300, -1e300])
def test_load_of_messages_at_odd_times(v1: Talk, time: Any) -> None:
    status, _ = v1.raw("POST", "/memories/import", conversation({"content": "c", "create_time": time}))
    assert status == (202 if time in (1e300, -1e300) else 422)


def test_a_strict_sandbox_refuses_times_that_servers_make_up() -> None:
    talk = Talk("v1", Sandbox(strict=True))
    for body in (
        conversation({"content": "c", "create_time": "2025-01-15"}),
        conversation({"content": "c", "create_time": 10**300}),
        conversation(created_at="2025-01-15"),
    ):
        status, content = talk.raw("POST", "/memories/import", body)
        assert (status, content["code"]) == (400, "INVALID_PARAMETER")
    assert talk.pending() == []
    assert talk.raw("POST", "/memories/import", conversation({"colour": "c"}))[0] == 422


# Times


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2025-01-15", "2025-01-15T00:00:00+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (1_736_935_200, "2025-01-15T10:00:00+00:00"),
        (1_736_935_200_000, "2025-01-15T10:00:00+00:00"),
        (-1, "1969-12-31T23:59:59+00:00"),
        ("1736935200", None),
        (10**30, None),
        (-(10**30), None),
    ],
)
def test_a_moment_is_read_as_servers_read_it(value: Any, time: str | None) -> None:
    found = _times.moment(value)
    assert (found and found.isoformat()) == time
