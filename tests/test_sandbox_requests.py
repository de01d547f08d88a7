"""What the sandbox does in the background, how far that is, and conversations that are stored whole."""

from __future__ import annotations

import json
import re
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


@pytest.mark.parametrize(("background", "strict"), [(True, False), (False, True)])
def test_v0_memories_are_there_when_the_work_is_done(clock: Clock, background: bool, strict: bool) -> None:
    talk = Talk("v0", Sandbox(background=background, processing_seconds=2.5, strict=strict))
    answers = [talk.add() for _ in range(EPISODE)]
    words = "Request accepted, processing in background" if background else "Message accepted and queued for processing"
    assert {answer["message"] for answer in answers} == {words}
    last = answers[-1]["request_id"]
    for time, is_over in ((0, False), (2499, False), (2500, True)):
        clock.time = 1_700_000_000_000 + time
        counts = [EPISODE, 1, 1] if is_over else [0, 0, 0]
        assert [len(talk.listed(kind)) for kind in ("event_log", "episodic_memory", "profile")] == counts
        assert len(talk.facts("line message")) == counts[1]
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


@VERSIONS
def test_an_answer_waits_for_its_memories_unless_they_are_made_in_the_background(api: str, clock: Clock) -> None:
    talk = Talk(api, Sandbox(processing_seconds=2.5))
    assert talk.episode()["result"]["status_info"] == "extracted"
    assert len(talk.listed()) == 1
    talk = Talk(api, Sandbox(background=True, processing_seconds=2.5))
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
    assert status_of(talk, request_id)["data"]["status"] == "success"


def test_v1_throws_a_message_without_a_group_away_in_the_background_too() -> None:
    talk = Talk("v1", Sandbox(background=True))
    request_id = talk.add(group_id="")["request_id"]
    assert (talk.pending(user_id="ann"), status_of(talk, request_id)["found"]) == ([], False)


def test_a_profile_stays_as_it_is_until_the_next_one_is_done(clock: Clock) -> None:
    talk = Talk("v0", Sandbox(background=True, processing_seconds=10))
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
    talk = Talk("v1", Sandbox(background=True, processing_seconds=1))
    talk.episode()
    assert talk.delete(group_id="g")[0] == 404
    clock.time += 1000
    assert talk.delete(group_id="g")[0] == 200
    clock.time -= 1
    assert talk.listed() == []


# How far requests are

PATHS = {"v0": "/status/request", "v1": "/stats/request"}
UNKNOWN = {"success": True, "found": False, "data": None, "message": "Request status does not exist or has expired"}


def status_of(talk: Talk, request_id: str) -> Any:
    status, content = talk.raw("GET", PATHS[talk.api], headers={"X-Request-Id": request_id})
    assert status == 200
    return content


@VERSIONS
def test_requests_are_known_by_the_version_that_took_them(api: str) -> None:
    talk = Talk(api, Sandbox(background=True))
    request_id = talk.add()["request_id"]
    assert status_of(talk, request_id)["found"] is True
    other = Talk("v0" if api == "v1" else "v1", talk.sandbox)
    assert status_of(other, request_id) == UNKNOWN


@VERSIONS
def test_of_a_request_that_was_answered_with_200_nothing_is_known(api: str) -> None:
    talk = Talk(api)
    message = {"message_id": "m", "create_time": "2025-01-15", "sender": "s", "content": "c", "group_id": "g"}
    assert talk.raw("POST", "/memories", message, {"X-Request-Id": "mine"})[0] == 200
    assert talk.pending()[0]["request_id"] == "mine"
    assert status_of(talk, "mine") == UNKNOWN


def test_a_request_has_the_id_that_it_came_with() -> None:
    talk = Talk("v1", Sandbox(background=True))
    message = {"message_id": "m", "create_time": "2025-01-15", "sender": "s", "content": "c", "group_id": "g"}
    for _ in range(2):
        assert talk.raw("POST", "/memories", message, {"X-Request-Id": "mine"})[1]["request_id"] == "mine"
    assert status_of(talk, "mine")["data"]["request_id"] == "mine"
    assert {message["request_id"] for message in talk.pending()} == {"mine"}


def test_a_request_is_forgotten(clock: Clock) -> None:
    talk = Talk("v0", Sandbox(background=True))
    request_id = talk.add()["request_id"]
    clock.time += _status.KEPT * 1000 - 1
    assert status_of(talk, request_id)["data"]["ttl_seconds"] == 1
    clock.time += 1
    assert status_of(talk, request_id)["found"] is False


def test_v0_takes_the_id_of_a_request_from_the_query_the_body_or_the_header() -> None:
    talk = Talk("v0", Sandbox(background=True))
    one, two, three = (talk.add()["request_id"] for _ in range(3))
    path, header = PATHS["v0"], {"X-Request-Id": three}

    def known(query: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return talk.raw("GET", f"{path}{query}", body, headers)[1]["data"]["request_id"]

    assert known(f"?request_id=x&request_id={one}", {"request_id": two}, header) == one
    assert known("", {"request_id": two}, header) == two
    assert known("?request_id=", None, header) == known("", [1], header) == three
    assert talk.raw("GET", path, {"request_id": 5})[1] == UNKNOWN
    words = "Missing required parameter: request_id (query param / body) or X-Request-Id (header)"
    bodies: tuple[Any, ...] = (None, [], {"request_id": ""})
    for body in bodies:
        status, content = talk.raw("GET", f"{path}?request_id=", body)
        assert (status, content["message"]) == (400, words)
    # A body that cannot be read is as none.
    assert (
        talk.sandbox.handle("GET", f"/api/v0{path}?request_id={one}", {"Authorization": "Bearer any"}, b"{").status
        == 200
    )


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id"])
def test_v1_takes_the_id_of_a_request_from_the_header_alone(name: str) -> None:
    talk = Talk("v1", Sandbox(background=True))
    one, other = talk.add()["request_id"], talk.add()["request_id"]
    path = PATHS["v1"]
    assert talk.raw("GET", f"{path}?request_id={other}", headers={name: one})[1]["data"]["request_id"] == one
    for headers in ({}, {name: ""}):
        status, content = talk.raw("GET", f"{path}?request_id={other}", headers=headers)
        assert (status, content["message"]) == (400, "Missing required Header parameter: X-Request-Id")
    # The hosted product reads the query, too.
    strict = Talk("v1", Sandbox(background=True, strict=True))
    one, other = strict.add()["request_id"], strict.add()["request_id"]
    assert strict.raw("GET", f"{path}?request_id={other}", headers={name: one})[1]["data"]["request_id"] == other
    assert strict.raw("GET", f"{path}?request_id=", headers={name: one})[1]["data"]["request_id"] == one


@VERSIONS
def test_messages_that_wait_are_as_they_were_sent(api: str) -> None:
    talk = Talk(api)
    talk.add("wait", sender="ann", sender_name="Ann", group_name="G", refer_list=["m0", ""])
    (message,) = talk.pending()
    made = [message.pop(name) for name in ("created_at", "updated_at")]
    # In milliseconds, as from a database.
    assert [re.sub(r"\d", "0", time) for time in made] == ["0000-00-00T00:00:00.000000+00:00"] * 2
    assert {time[23:] for time in made} == {"000+00:00"}
    assert re.fullmatch("[0-9a-f]{24}", message.pop("id"))
    assert re.fullmatch("[0-9a-f-]{36}", message.pop("request_id"))
    assert json.dumps(message) == json.dumps(
        {
            "message_id": "m1",
            "group_id": "g",
            "user_id": "ann",
            "sender": "ann",
            "sender_name": "Ann",
            "group_name": "G",
            "content": "wait",
            "refer_list": ["m0", ""],
            "message_create_time": "2025-01-15T10:01:00+00:00",
        }
    )
    none: tuple[list[str] | None, ...] = ([], None)
    for refers in none:
        talk.add("elsewhere", group_id="h", sender="bob", refer_list=refers, sender_name="")
    waiting = talk.pending(user_id="bob")
    assert [(each["content"], each["refer_list"], each["sender_name"]) for each in waiting] == [
        ("elsewhere", None, "bob"),
        ("elsewhere", None, "bob"),
    ]
    assert [each["content"] for each in talk.pending(group_id="g")] == ["wait"]
    if api == "v0":
        assert [each["content"] for each in talk.pending(group_ids=["g", "i"])] == ["wait"]


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
    data = status_of(v1, content["request_id"])["data"]
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
    assert facts[-1]["timestamp"] == "2025-01-15T10:00:00.123000Z"
    (episode,) = v1.listed()
    assert (episode["user_id"], episode["participants"]) == (None, [])
    assert episode["summary"] == "unknown: unknown: unknown:"


def test_load_is_queued(clock: Clock) -> None:
    talk = Talk("v1", Sandbox(processing_seconds=3))
    message = {"content": "c", "sender": "ann", "refer_list": [{"message_id": "m0"}, "m1"]}
    _, content = talk.raw("POST", "/memories/import", conversation(message))
    assert talk.listed() == []
    # Of what is referred to only ids have a place in the answer.
    assert [(message["content"], message["refer_list"]) for message in talk.pending()] == [("c", ["m1"])]
    assert status_of(talk, content["request_id"])["data"]["status"] == "start"
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
