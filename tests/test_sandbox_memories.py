"""The memories of the sandbox: messages in, memories out, listed and deleted as recorded servers do."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import httpx
import pytest
from evermemos_api import models
from hypothesis import given, settings
from hypothesis import strategies as st
from memories import BOUNDED, START, VERSIONS, Talk, conversation

from evermemos.sandbox import Sandbox, _spec
from evermemos.sandbox._extraction import EPISODE, SUBJECT, SUMMARY

DATA = Path(__file__).parent / "data"
V0_META = "/api/v0/memories/conversation-meta"

# What is made of messages


@VERSIONS
def test_messages_wait_until_they_are_an_episode(api: str) -> None:
    talk = Talk(api)
    for n in range(1, EPISODE):
        talk.add()
        assert talk.listed() == talk.listed("event_log") == talk.listed("profile") == []
        assert len(talk.pending()) == n
    talk.add()
    assert [len(talk.listed(kind)) for kind in ("episodic_memory", "event_log", "profile")] == [1, EPISODE, 1]
    assert talk.pending() == []
    talk.add("the next one")
    assert [message["content"] for message in talk.pending()] == ["the next one"]


@VERSIONS
def test_the_answer_to_a_message_says_what_was_made(api: str) -> None:
    talk = Talk(api)
    for _ in range(EPISODE - 1):
        assert talk.add() == {
            "status": "ok",
            "message": "Message queued, awaiting boundary detection",
            "result": {"saved_memories": [], "count": 0, "status_info": "accumulated"},
        }
    # An episode, a profile, and a fact for each message. Of the MemCell nobody hears.
    assert talk.add() == {
        "status": "ok",
        "message": f"Extracted {EPISODE + 2} memories",
        "result": {"saved_memories": [], "count": EPISODE + 2, "status_info": "extracted"},
    }


def test_strictly_v0_answers_as_the_hosted_product_does() -> None:
    talk = Talk("v0", Sandbox(strict=True))
    answer = talk.add(flush=True)
    assert {**answer, "request_id": 0} == {
        "status": "ok",
        "message": "Message accepted and queued for processing",
        "request_id": 0,
    }
    assert talk.ask("/status/request", request_id=answer["request_id"])["found"] is True
    assert len(talk.listed()) == 1


@pytest.mark.parametrize("flush", [True, "yes", "TRUE", "1", 1])
def test_v0_flush_does_not_wait(v0: Talk, flush: Any) -> None:
    v0.add("one")
    v0.add("two", flush=False)
    assert v0.listed() == []
    assert v0.add("three", flush=flush)["result"]["status_info"] == "extracted"
    assert [memory["episode"] for memory in v0.listed()] == ["ann: one\nann: two\nann: three"]


@pytest.mark.parametrize("flush", [False, "no", "on", "y", 0, 0.0])
def test_what_v0_takes_for_no_flush(v0: Talk, flush: Any) -> None:
    assert v0.add("one", flush=flush)["result"]["status_info"] == "accumulated"


@pytest.mark.parametrize(("flush", "kind"), [("x", "bool_parsing"), (5, "bool_parsing"), (None, "bool_type")])
def test_a_flush_that_is_no_boolean_is_refused(v0: Talk, flush: Any, kind: str) -> None:
    message = {"message_id": "m", "create_time": "2025-01-15", "sender": "s", "content": "c", "flush": flush}
    status, content = v0.raw("POST", "/memories", message)
    assert (status, content["detail"][0]["type"]) == (422, kind)


def test_v1_knows_no_flush(v1: Talk) -> None:
    assert v1.add(flush=True)["result"]["status_info"] == "accumulated"


@VERSIONS
def test_without_extraction_messages_wait_for_ever(api: str) -> None:
    talk = Talk(api, Sandbox(extraction=False))
    for _ in range(EPISODE + 1):
        assert talk.add()["result"]["status_info"] == "accumulated"
    assert (talk.listed(), len(talk.pending())) == ([], EPISODE + 1)


def test_without_extraction_nothing_is_made_of_messages_at_a_flush() -> None:
    talk = Talk("v0", Sandbox(extraction=False))
    talk.add()
    assert talk.add(flush=True)["result"] == {"saved_memories": [], "count": 0, "status_info": "accumulated"}
    assert (talk.listed(), talk.listed("event_log"), talk.pending()) == ([], [], [])


@VERSIONS
def test_groups_and_versions_have_messages_of_their_own(api: str) -> None:
    talk = Talk(api)
    other = Talk("v0" if api == "v1" else "v1", talk.sandbox)
    for n in range(EPISODE - 1):
        for group in ("g", "h"):
            talk.add(f"{n} in {group}", group_id=group)
    talk.add("last", group_id="h")
    assert talk.listed(group_id="g") == other.listed(group_id="h") == []
    assert [memory["group_id"] for memory in talk.listed(group_id="h")] == ["h"]
    assert other.pending() == []
    other.add(group_id="g")
    assert other.listed(group_id="g") == []


@VERSIONS
def test_an_episode_is_the_messages_joined(api: str) -> None:
    talk = Talk(api)
    long = "A long first line. " * 30
    talk.add(long, sender="ann", sender_name="Ann", group_name="Older name")
    talk.add("second", sender="bob", minute=0, group_name="Old name")
    talk.add("third", sender="ann", sender_name="Ann", minute=9, group_name="Tours")
    talk.add("fourth", sender="ai", role="Assistant", minute=3, group_name=None)
    lines = f"Ann: {long}\nbob: second\nAnn: third\nai: fourth"
    first, second = talk.listed()
    # One for each person, and none for the AI.
    assert {first["user_id"], second["user_id"]} == {"ann", "bob"}
    for memory in (first, second):
        subject = memory["subject" if api == "v0" else "title"]
        assert memory["episode_id"] == memory["id"]
        assert (len(subject), len(memory["summary"])) == (SUBJECT, SUMMARY)
        assert memory["summary"].startswith("Ann: A long first line. A long")
        assert subject.startswith("A long first line. A long")
        assert (memory["group_id"], memory["group_name"]) == ("g", "Tours")
        assert memory["participants"] == ["ann", "bob", "ai"]
        if api == "v0":
            assert (memory["episode"], memory["timestamp"]) == (lines, "2025-01-15T10:09:00Z")
            assert [each["content"] for each in memory["original_data"]] == [long, "second", "third", "fourth"]
    assert re.fullmatch("[0-9a-f]{24}", first["id"])
    assert first["id"] != second["id"]
    assert {fact["parent_id"] for fact in talk.listed("event_log")} != {first["id"]}


@VERSIONS
def test_each_message_is_a_fact(api: str) -> None:
    talk = Talk(api)
    talk.episode("one", "two", "three", "four", sender="bob", sender_name="Bob")
    facts = talk.listed("event_log")
    assert [fact["atomic_fact"] for fact in facts] == ["four", "three", "two", "one"]
    assert {(fact["user_id"], fact["user_name"], fact["event_type"]) for fact in facts} == {
        ("bob", "Bob", "Conversation")
    }
    assert [fact["timestamp"] for fact in facts] == [f"2025-01-15T10:0{minute}:00Z" for minute in (4, 3, 2, 1)]
    assert len({fact["parent_id"] for fact in facts}) == 1


@VERSIONS
def test_a_profile_counts_for_each_person_of_a_group(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    (first,) = talk.listed("profile")
    talk.episode()
    talk.episode(group_id="h")
    talk.episode(sender="bob")
    # The one of the highest version is the first.
    ann, bob = talk.listed("profile")
    assert (ann["id"], ann["created_at"], ann["group_id"]) == (first["id"], first["created_at"], "g")
    assert [(each["user_id"], each["memcell_count"], each["version"]) for each in (first, ann, bob)] == [
        ("ann", 1, 1),
        ("ann", 2, 2),
        ("bob", 1, 1),
    ]
    words = f"ann wrote {2 * EPISODE} messages in g."
    assert ann["profile_data"] == {
        "explicit_info": [{"category": "Conversations", "description": words}],
        "implicit_traits": [],
    }


@VERSIONS
def test_an_ai_alone_has_memories(api: str) -> None:
    talk = Talk(api)
    talk.episode(sender="ai", role="assistant")
    assert [memory["user_id"] for memory in talk.listed()] == ["ai"]


@VERSIONS
def test_there_are_no_foresights(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    assert talk.listed("foresight") == []


def test_v1_keeps_the_same_message_twice(v1: Talk) -> None:
    for _ in range(EPISODE):
        v1.add("again", message_id="same", minute=1)
    assert [fact["atomic_fact"] for fact in v1.listed("event_log")] == ["again"] * EPISODE


@pytest.mark.parametrize("background", [False, True])
def test_v0_knows_a_message_of_the_same_group_and_sender_again(background: bool) -> None:
    talk = Talk("v0", Sandbox(background=background))
    talk.add("one", message_id="same")
    others: tuple[dict[str, Any], ...] = ({}, {"content": "another text", "flush": True})
    for more in others:
        assert talk.add(**{"message_id": "same", **more}) == {
            "status": "duplicate",
            "message": "Duplicate message: this message has already been processed",
            "result": {"saved_memories": [], "count": 0, "status_info": "duplicate"},
        }
    talk.add("two", message_id="same", sender="bob")
    talk.add("three", message_id="same", group_id="h")
    assert [message["content"] for message in talk.pending(group_ids=["g", "h"])] == ["one", "two", "three"]
    # Also when memories were made of it, until it was deleted.
    talk.add("four", flush=True)
    assert "duplicate" in str(talk.add(message_id="same"))
    talk.delete(group_id="g")
    talk.add("one", message_id="same")
    assert [message["content"] for message in talk.pending()] == ["one"]


@pytest.mark.parametrize("group", ["", None, ...])
def test_v1_throws_a_message_without_a_group_away(v1: Talk, group: Any) -> None:
    message = {"message_id": "m", "create_time": START.isoformat(), "sender": "ann", "content": "c"}
    for _ in range(EPISODE):
        status, content = v1.raw("POST", "/memories", message if group is ... else {**message, "group_id": group})
        assert (status, content["result"]["status_info"]) == (200, "accumulated")
    assert (v1.pending(user_id="ann"), v1.listed("event_log", user_id="ann")) == ([], [])


def test_strictly_v1_keeps_a_message_without_a_group() -> None:
    talk = Talk("v1", Sandbox(strict=True))
    talk.add("kept", group_id=None)
    assert [message["content"] for message in talk.pending(user_id="ann")] == ["kept"]


@pytest.mark.parametrize("group", ["", None])
def test_v0_makes_up_a_group_for_a_sender(v0: Talk, group: str | None) -> None:
    v0.add("one", group_id=group)
    v0.add("two", group_id=group, sender="bob")
    own = f"{md5(b'ann').hexdigest()[:16]}_group"
    assert [(message["group_id"], message["content"]) for message in v0.pending(user_id="ann")] == [(own, "one")]
    assert [message["content"] for message in v0.pending(user_id="bob")] == ["two"]


def meta_of(talk: Talk, group_id: str) -> tuple[int, Any]:
    answer = talk.sandbox.handle("GET", f"{V0_META}?group_id={group_id}", {"Authorization": "Bearer any"}, b"")
    return answer.status, json.loads(answer.body).get("result")


def test_the_first_message_of_a_group_makes_its_metadata_on_v0(v0: Talk, v1: Talk) -> None:
    v0.add(group_name="Tours")
    _, record = meta_of(v0, "g")
    assert (record["group_id"], record["name"], record["is_default"]) == ("g", "Tours", False)
    v0.add(group_name="Another name")
    assert meta_of(v0, "g")[1] == record
    v0.add(group_id="h")
    assert meta_of(v0, "h")[1]["name"] == "h"
    v1.add(group_name="Tours")
    assert v1.sandbox.newest(9) == (0, [])


@VERSIONS
def test_kinds_of_memories_are_told_apart(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    model: Any = models.GetMemoriesResponseV0 if api == "v0" else models.GetMemoriesResponse
    wanted = {
        "episodic_memory": models.EpisodicMemory,
        "event_log": models.EventLogMemory,
        "profile": models.CombinedProfile if api == "v0" else models.ProfileMemory,
    }
    for kind, cls in wanted.items():
        content = talk.ask("/memories", memory_type=kind, **talk.asked({}))
        assert {type(memory) for memory in model.from_dict(content).result.memories} == {cls}


def shape(value: Any) -> Any:
    """The names of objects in their order, whatever stands there."""
    if isinstance(value, dict) and value:
        return {name: shape(each) if name == "metadata" else None for name, each in value.items()}
    return None


@pytest.mark.parametrize("kind", ["episodic_memory", "event_log", "foresight", "profile"])
def test_v1_lists_items_in_the_recorded_shape(v1: Talk, kind: str) -> None:
    lines = (DATA / "real_server_v1_items.jsonl").read_text().splitlines()
    items = {line["memory_type"]: line["item"] for line in map(json.loads, lines)}
    recorded = items[kind]
    v1.episode()
    v1.sandbox.seed("v1", "foresight", user_id="ann", group_id="g", content="will")
    (item, *_) = v1.listed(kind)
    assert json.dumps(shape(item)) == json.dumps(shape(recorded))
    # Fields of a kind have one form, also where they are null for ever.
    for name, value in recorded.items():
        if name in ("created_at", "updated_at", "timestamp"):
            assert (item[name] or "")[-6:] == (value or "")[-6:] if kind == "profile" else True
            assert (item[name] is None) == (value is None)
    always_null = {name for name in recorded if recorded[name] is None and name not in ("vector", "extend")}
    assert {name for name in always_null if item[name] is not None} == set()


@VERSIONS
def test_an_episode_of_a_list_starts_now(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    before = datetime.now(UTC)
    (episode,) = talk.listed()
    assert before <= datetime.fromisoformat(episode["start_time"]) <= datetime.now(UTC)
    assert (episode["end_time"], episode["location"], episode["start_time"][-1]) == (None, "", "Z")


@VERSIONS
def test_what_happened_at_the_same_time_is_listed_the_other_way_round(api: str) -> None:
    talk = Talk(api)
    talk.episode("one", "two", "three", "four", minute=5)
    talk.episode("five", "six", "seven", "eight", minute=5)
    order = ["eight", "seven", "six", "five", "four", "three", "two", "one"]
    assert [fact["atomic_fact"] for fact in talk.listed("event_log")] == order


# Times of messages


@VERSIONS
@pytest.mark.parametrize("time", ["yesterday", "1736935200", "2025-13-01", "0" * 5000, "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_read_is_the_current_one(api: str, time: str) -> None:
    talk = Talk(api)
    before = datetime.now(UTC)
    talk.add(create_time=time)
    written = datetime.fromisoformat(talk.pending()[0]["message_create_time"])
    assert before <= written <= datetime.now(UTC)


@VERSIONS
@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2025-01-15T10:00:00Z", "2025-01-15T10:00:00+00:00"),
        ("2025-01-15T10:00:00.5+02:00", "2025-01-15T08:00:00.500000+00:00"),
        (" 2025-01-15 10:00:00 ", "2025-01-15T10:00:00+00:00"),
        ("2025-01-15", "2025-01-15T00:00:00+00:00"),
        ("20250115T100000Z", "2025-01-15T10:00:00+00:00"),
        ("9999-12-31T23:59:59+14:00", "9999-12-31T09:59:59+00:00"),
    ],
)
def test_times_are_kept_in_utc(api: str, time: str, read: str) -> None:
    talk = Talk(api)
    talk.add(create_time=time)
    assert talk.pending()[0]["message_create_time"] == read
    for _ in range(EPISODE - 1):
        talk.add(create_time=time)
    # Memories have milliseconds.
    assert talk.listed("event_log")[0]["timestamp"] == read.replace("+00:00", "Z")


@VERSIONS
def test_strict_asks_for_times_with_a_zone(api: str) -> None:
    talk = Talk(api, Sandbox(strict=True))
    message = {"message_id": "m", "sender": "s", "content": "c"}
    for time in ("yesterday", "2025-01-15T10:00:00"):
        status, content = talk.raw("POST", "/memories", {**message, "create_time": time})
        assert (status, content["code"]) == (400, "INVALID_PARAMETER")
    assert talk.raw("POST", "/memories", {**message, "create_time": "2025-01-15T10:00:00Z"})[0] == 200


# Messages that do not fit


@VERSIONS
def test_a_message_that_does_not_fit(api: str) -> None:
    talk = Talk(api)
    status, content = talk.raw("POST", "/memories", {"group_id": 1, "role": "king"})
    places = [(issue["type"], issue["loc"][-1]) for issue in content["detail"]]
    assert status == 422
    missing = [("missing", name) for name in ("message_id", "create_time", "sender")]
    assert places == [("string_type", "group_id"), *missing, ("missing", "content")]
    message = {"message_id": "m", "create_time": START.isoformat(), "sender": "s", "content": "c", "group_id": "g"}
    status, content = talk.raw("POST", "/memories", {**message, "role": "king"})
    roles = "['user', 'assistant', 'tool']" if api == "v0" else "['user', 'assistant']"
    assert (status, content["detail"][0]["msg"]) == (422, f"Value error, Invalid role 'king'. Must be one of: {roles}")
    assert talk.raw("POST", "/memories", {**message, "role": "tool"})[0] == (200 if api == "v0" else 422)
    for role in ("USER", "", None):
        assert talk.raw("POST", "/memories", {**message, "role": role})[0] == 200
    strict = Talk(api, Sandbox(strict=True))
    assert strict.raw("POST", "/memories", {**message, "role": "USER"})[0] == 422
    assert strict.raw("POST", "/memories", {**message, "groupId": "g"})[0] == 422


@VERSIONS
def test_what_must_not_be_empty_is_refused_in_the_order_of_servers(api: str) -> None:
    talk = Talk(api)
    order = ["sender", "message_id", "create_time", "content"]
    if api == "v1":
        order = ["message_id", "create_time", "sender", "content"]
    message = dict.fromkeys(order, "")
    for name in order:
        status, content = talk.raw("POST", "/memories", {**message, "group_id": "g"})
        assert (status, content["message"]) == (400, f"Missing required field: {name}")
        message[name] = "x"
    assert talk.raw("POST", "/memories", {**message, "group_id": "g"})[0] == 200


def test_v0_takes_messages_of_agents(v0: Talk) -> None:
    message = {"message_id": "m", "create_time": "2025-01-15", "sender": "s", "content": "c", "group_id": "g"}
    agent = {**message, "raw_data_type": "AgentConversation"}
    words = "AgentConversation requires 'role' field (user, assistant, or tool)"
    status, content = v0.raw("POST", "/memories", agent)
    assert (status, content["message"]) == (400, words)
    assert v0.raw("POST", "/memories", {**agent, "role": "tool", "tool_call_id": "c1", "tool_calls": [{}]})[0] == 200
    for name, value, kind in (("tool_calls", "x", "list_type"), ("raw_data_type", 5, "string_type")):
        status, content = v0.raw("POST", "/memories", {**message, name: value})
        assert (status, content["detail"][0]["type"]) == (422, kind)


@VERSIONS
def test_null_as_a_message_is_refused(api: str) -> None:
    answer = Talk(api).sandbox.handle("POST", f"/api/{api}/memories", {"Authorization": "Bearer any"}, b"null")
    assert (answer.status, json.loads(answer.body)["message"]) == (
        500,
        "Failed to store memory, please try again later",
    )


# Lists


def test_v0_pages_follow_each_other(v0: Talk) -> None:
    for n in range(7):
        v0.add(f"c{n}", flush=True)
    pages = [v0.page("event_log", page=page, page_size=3) for page in (1, 2, 3, 4)]
    contents = [[memory["atomic_fact"] for memory in page["memories"]] for page in pages]
    assert contents == [["c6", "c5", "c4"], ["c3", "c2", "c1"], ["c0"], []]
    assert [(page["total_count"], page["count"]) for page in pages] == [(7, 3), (7, 3), (7, 1), (7, 0)]
    assert v0.page(page=10**40)["memories"] == []
    # What servers take for absent parameters.
    for _ in range(20):
        v0.add(flush=True)
    answer = v0.ask(group_ids="g")
    assert (answer["result"]["count"], answer["result"]["total_count"]) == (20, 27)
    assert answer["message"] == "Memory retrieval successful, retrieved 20 memories"
    assert answer["result"]["metadata"] == {
        "source": "episodic_memory",
        "user_id": "__all__",
        "memory_types": ["episodic_memory"],
        "group_ids": ["g"],
        **dict.fromkeys(("email", "phone", "full_name")),
    }


def test_v0_lists_profiles_as_one_item(v0: Talk) -> None:
    nobody = v0.page("profile", user_id="ann")
    item: dict[str, Any] = {"user_id": "ann", "group_ids": None, "profiles": [], "global_profile": None}
    assert (nobody["memories"], nobody["total_count"], nobody["count"]) == ([item], 0, 1)
    for group in ("g", "h", "i"):
        v0.add(group_id=group, flush=True)
    page = v0.page("profile", user_id="ann", page_size=2)
    (item,) = page["memories"]
    assert ([each["group_id"] for each in item["profiles"]], page["total_count"], page["count"]) == (["i", "h"], 3, 1)
    (item,) = v0.page("profile", group_ids=["g", "h"])["memories"]
    assert (item["user_id"], item["group_ids"], len(item["profiles"])) == ("__all__", ["g", "h"], 2)


def test_v1_lists_as_many_as_the_limit(v1: Talk) -> None:
    for _ in range(3):
        v1.episode()
    facts = v1.page("event_log")
    assert (len(facts["memories"]), facts["total_count"], facts["has_more"]) == (10, 10, True)
    assert facts["metadata"] == {
        "source": "event_log",
        "user_id": "__all__",
        "memory_type": "event_log",
        "group_id": "g",
        "limit": 10,
        **dict.fromkeys(("email", "phone", "full_name")),
    }
    # There is more, servers say, whenever the page is full.
    for limit, offset, has_more in ((12, 0, True), (12, 5, True), (11, 0, True), (13, 0, False), (500, 1, False)):
        given = v1.page("event_log", limit=limit, offset=offset)
        assert given["total_count"] == len(given["memories"]) == min(limit, 12)
        assert given["memories"][:10] == facts["memories"]
        assert given["has_more"] is has_more
    _, content = v1.raw("GET", "/memories?group_id=g&memory_type=event_log", {"limit": None})
    assert (content["result"]["total_count"], content["result"]["has_more"]) == (12, False)
    strict = Talk("v1", Sandbox(strict=True))
    for _ in range(11):
        strict.episode()
    assert strict.page("event_log")["total_count"] == 40
    assert strict.raw("GET", "/memories?group_id=g&offset=1")[0] == 422


@pytest.mark.parametrize("kind", ["base_memory", "preference", "core", "group_profile"])
def test_v1_knows_kinds_that_it_has_none_of(v1: Talk, kind: str) -> None:
    v1.episode()
    page = v1.page(kind)
    assert (page["memories"], page["has_more"], page["metadata"]["source"]) == ([], False, kind)


@VERSIONS
def test_a_list_holds_the_memories_of_its_users_and_groups(api: str) -> None:
    talk = Talk(api)
    for group in ("g", "h"):
        for sender in ("ann", "bob"):
            talk.episode(group_id=group, sender=sender)

    def owners(**params: Any) -> set[tuple[str, str]]:
        return {(memory["group_id"], memory["user_id"]) for memory in talk.listed(**params)}

    both = {("g", "ann"), ("g", "bob")}
    assert owners(group_id="g") == both
    assert owners(group_id="g", user_id="bob") == {("g", "bob")}
    assert owners(user_id="bob") == {("g", "bob"), ("h", "bob")}
    assert owners(group_id="G") == owners(group_id="g", user_id="Bob") == set()
    # Any user, and nobody.
    assert owners(group_id="g", user_id="__all__") == both
    assert owners(group_id="g", user_id="") == set()
    if api == "v0":
        assert owners(group_ids=["g", "h", "i"]) == {*both, ("h", "ann"), ("h", "bob")}
        assert owners(group_ids="g,h") == owners(group_ids="__all__") == set()
    else:
        assert owners(group_id="__all__", user_id="bob") == {("g", "bob"), ("h", "bob")}
        assert owners(group_id="", user_id="bob") == set()


@VERSIONS
def test_items_say_who_a_user_is(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    talk.episode(group_id="h")
    known = {"full_name": "Ann Smith", "extra": {"email": "a@x", "phone": "1"}}
    meta = {"group_id": "g", "name": "N", "created_at": "2025-01-15", "user_details": {"ann": known}}
    more = {} if api == "v0" else {"version": "1", "scene": "assistant", "scene_desc": {}}
    assert talk.raw("POST", "/memories/conversation-meta", {**meta, **more})[0] == 200

    def people(**params: Any) -> set[tuple[str | None, ...]]:
        names = ("full_name", "email", "phone")
        return {tuple(fact["metadata"][name] for name in names) for fact in talk.listed("event_log", **params)}

    assert people(group_id="g") == {("Ann Smith", "a@x", "1")}
    # Only the group that was asked for counts, of several the first.
    assert people(user_id="ann") == people(group_id="h") == {(None, None, None)}
    if api == "v0":
        assert people(group_ids=["g", "h"]) == {("Ann Smith", "a@x", "1")}
        assert people(group_ids=["h", "g"]) == {(None, None, None)}


NOBODY_V0 = "Value error, At least one of user_id or group_ids must be specified. Cannot query without any filter."
NOBODY_V1 = "Value error, user_id and group_id cannot both be MAGIC_ALL"


@VERSIONS
@pytest.mark.parametrize("path", ["/memories", "/memories/search"])
@pytest.mark.parametrize(
    ("query", "strict"), [("", False), ("", True), ("user_id=__all__", False), ("userId=ann", False)]
)
def test_nobody_reads_the_memories_of_everybody(api: str, path: str, query: str, strict: bool) -> None:
    talk = Talk(api, Sandbox(strict=strict))
    talk.episode()
    status, content = talk.raw("GET", f"{path}?{query}")
    assert (status, content["status"]) == (400, "failed")
    assert (NOBODY_V0 if api == "v0" else NOBODY_V1) in content["message"]


@VERSIONS
def test_a_list_holds_the_memories_of_its_time(api: str) -> None:
    talk = Talk(api)
    talk.episode(*(f"c{n}" for n in range(4)), minute=None)
    start, end = ((START + timedelta(minutes=n)).isoformat() for n in (2, 4))

    def within(**period: str) -> list[str]:
        return [fact["atomic_fact"] for fact in talk.listed("event_log", **period)]

    # The time at which it ends is left out.
    assert within(start_time=start, end_time=end) == ["c2", "c1"]
    assert within(end_time=end) == ["c2", "c1", "c0"]
    assert within(start_time=end) == ["c3"]
    # The same time in another zone, in none, and none at all.
    assert within(end_time="2025-01-15T12:03:00+02:00") == within(end_time="2025-01-15T10:03:00") == ["c1", "c0"]
    assert within(start_time="", end_time="") == ["c3", "c2", "c1", "c0"]
    # Of profiles no time is known.
    assert len(talk.listed("profile", end_time="2020-01-01")) == 1


@VERSIONS
def test_periods_that_cannot_be_read_begin_or_end_now(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    assert len(talk.listed(end_time="soon")) == 1
    assert talk.listed(start_time="soon") == []
    # A plus sign that is not escaped is a space.
    name = "group_ids" if api == "v0" else "group_id"
    _, content = talk.raw("GET", f"/memories?{name}=g&start_time=2025-01-15T10:00:00+00:00")
    assert content["result"]["memories"] == []
    strict = Talk(api, Sandbox(strict=True))
    status, content = strict.raw("GET", f"/memories?{name}=g&end_time=soon")
    assert (status, content["message"].partition(" ")[2][:25]) == (400, "is not a time in ISO 8601")


def conversion(name: str, field: str, message: str, kind: str, value: str, of: str) -> str:
    """Write the words of one field that cannot be converted."""
    about = f"[type={kind}, input_value={value}, input_type={of}]"
    link = f"    For further information visit https://errors.pydantic.dev/2.12/v/{kind}"
    return f"{name} conversion failed: 1 validation error for {name}\n{field}\n  {message} {about}\n{link}"


@VERSIONS
def test_queries_of_a_list_that_cannot_be_converted(api: str) -> None:
    talk = Talk(api)
    number = "page_size" if api == "v0" else "limit"
    most = 100 if api == "v0" else 500
    least = ("Input should be greater than or equal to 1", "greater_than_equal", "0", "int")
    above = (f"Input should be less than or equal to {most}", "less_than_equal", str(most + 1), "int")
    literal = "FetchMemRequest conversion failed: invalid literal for int() with base 10: "
    wanted = {
        "memory_type=dream": "FetchMemRequest conversion failed: 'dream' is not a valid MemoryType",
        "memory_type=": "FetchMemRequest conversion failed: '' is not a valid MemoryType",
        f"{number}=0": conversion("FetchMemRequest", number, *least),
        f"{number}={most + 1}": conversion("FetchMemRequest", number, *above),
        f"{number}=ten": f"{literal}'ten'",
        f"{number}=1.5": f"{literal}'1.5'",
        f"{number}=": f"{literal}''",
    }
    for query, words in wanted.items():
        status, content = talk.raw("GET", f"/memories?user_id=u&{query}")
        assert (query, status, content["message"]) == (query, 400, words)
    assert talk.raw("GET", f"/memories?user_id=u&{number}=%205%20")[0] == 200


@VERSIONS
def test_queries_of_a_search_that_cannot_be_converted(api: str) -> None:
    talk = Talk(api)
    name = "RetrieveMemRequest"
    methods = "['keyword', 'vector', 'hybrid', 'rrf', 'agentic']"
    less = "Input should be less than or equal to"
    wanted = {
        "retrieve_method=magic": f"{name} conversion failed: Invalid retrieve_method: magic."
        f" Supported methods: {methods}",
        "top_k=x": f"{name} conversion failed: invalid literal for int() with base 10: 'x'",
        "top_k=101": conversion(name, "top_k", f"{less} 100", "less_than_equal", "101", "int"),
        "radius=near": f"{name} conversion failed: could not convert string to float: 'near'",
        "radius=1.5": conversion(name, "radius", f"{less} 1", "less_than_equal", "1.5", "float"),
        "radius=nan": conversion(name, "radius", f"{less} 1", "less_than_equal", "nan", "float"),
    }
    for query, words in wanted.items():
        status, content = talk.raw("GET", f"/memories/search?user_id=u&{query}")
        assert (query, status, content["message"]) == (query, 400, words)
    for query in ("include_metadata=maybe", "memory_types=dream", "memory_types=", "current_time=x", "colour=red"):
        assert (query, talk.raw("GET", f"/memories/search?user_id=u&{query}")[0]) == (query, 200)


def test_v0_does_not_search_facts_and_foresights(v0: Talk) -> None:
    for kind in ("event_log", "foresight"):
        status, content = v0.raw("GET", f"/memories/search?user_id=u&memory_types={kind}&memory_types=profile")
        assert status == 400
        assert f"Value error, Search interface does not support memory_types: ['{kind}'] [" in content["message"]
    status, content = v0.raw("GET", "/memories/search?user_id=u&top_k=0")
    assert (status, "top_k must be -1 (return all results) or a positive integer" in content["message"]) == (400, True)
    for path, words in (
        ("/memories", "group_ids exceeds maximum limit of 50"),
        ("/memories/search", "group_ids array length cannot exceed 50"),
    ):
        groups = "&".join(f"group_ids=g{n}" for n in range(51))
        status, content = v0.raw("GET", f"{path}?{groups}")
        assert (status, words in content["message"]) == (400, True)
        assert v0.raw("GET", f"{path}?{groups.rpartition('&')[0]}")[0] == 200
    strict = Talk("v0", Sandbox(strict=True))
    assert strict.raw("GET", "/memories/search?user_id=u&memory_types=event_log&top_k=0")[0] == 200


@VERSIONS
def test_strictly_a_query_that_does_not_fit_the_spec_is_refused(api: str) -> None:
    talk = Talk(api, Sandbox(strict=True))
    for query, place, kind in (
        ("memory_type=dream", ["query", "memory_type"], "literal_error"),
        ("page_size=0&limit=0", ["query", "page_size" if api == "v0" else "limit"], "greater_than_equal"),
    ):
        _, content = talk.raw("GET", f"/memories?user_id=u&{query}")
        issue = content["detail"][0]
        assert (issue["type"], issue["loc"]) == (kind, place)


@VERSIONS
def test_reading_goes_by_a_body_before_the_query(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    name = "group_ids" if api == "v0" else "group_id"
    body = {name: ["g"] if api == "v0" else "g", "event_id": "x", "memory_id": "x"}
    for path in ("/memories", "/memories/search"):
        status, content = talk.raw("GET", f"{path}?{name}=h&query=line", body)
        assert (status, len(content["result"]["memories"])) == (200, 1)
    # What can be read as a number is one.
    for numbers in ({"limit": 1.0, "page": 1.0, "page_size": 2.0}, {"limit": "5", "page": " 1 ", "page_size": True}):
        assert talk.raw("GET", "/memories", {**body, **numbers})[0] == 200
    assert talk.raw("GET", "/memories/search", {**body, "top_k": 5.0, "radius": "0.1"})[0] == 200
    status, content = talk.raw("GET", f"/memories?{name}=g", {**body, "memory_type": None})
    assert (status, content["message"]) == (400, "FetchMemRequest conversion failed: None is not a valid MemoryType")


@VERSIONS
def test_a_body_of_a_read_that_does_not_fit_is_refused_by_itself(api: str) -> None:
    talk = Talk(api)
    kinds = "'profile', 'episodic_memory', 'foresight', 'event_log'"
    rest = ", 'agent_case' or 'agent_skill'"
    if api == "v1":
        rest = ", 'base_memory', 'preference', 'core', 'entity', 'relation', 'behavior_history' or 'group_profile'"
    expected = f"{kinds}{rest}"
    size = "page_size" if api == "v0" else "limit"
    most = 100 if api == "v0" else 500
    body = {"user_id": 5, size: most + 1, "memory_type": "x"}
    status, content = talk.raw("GET", "/memories?user_id=u", body)
    text = {"type": "string_type", "loc": ["body", "user_id"], "msg": "Input should be a valid string", "input": 5}
    limit = {
        "type": "less_than_equal",
        "loc": ["body", size],
        "msg": f"Input should be less than or equal to {most}",
        "input": most + 1,
        "ctx": {"le": most},
    }
    enum = {
        "type": "enum",
        "loc": ["body", "memory_type"],
        "msg": f"Input should be {expected}",
        "input": "x",
        "ctx": {"expected": expected},
    }
    assert (status, content["detail"]) == (422, [text, limit, enum])
    for path in ("/memories", "/memories/search"):
        status, content = talk.raw("GET", f"{path}?user_id=u", [])
        assert (status, content["detail"][0]["type"]) == (422, "model_attributes_type")
        assert (
            talk.sandbox.handle("GET", f"/api/{api}{path}?user_id=u", {"Authorization": "Bearer any"}, b"{").status
            == 422
        )


def test_on_v0_a_body_must_name_somebody_by_itself(v0: Talk) -> None:
    for path in ("/memories", "/memories/search"):
        status, content = v0.raw("GET", f"{path}?user_id=u", {})
        (issue,) = content["detail"]
        assert (status, issue["msg"], issue["loc"], issue["ctx"]) == (422, NOBODY_V0, ["body"], {"error": {}})
        status, content = v0.raw("GET", path, {"group_ids": []})
        words = "Value error, group_ids cannot be an empty list when user_id is not specified."
        assert (status, content["detail"][0]["msg"]) == (422, words)


# Deletion


def parents(talk: Talk) -> list[str]:
    """The MemCells of what is listed, the last first."""
    return list(dict.fromkeys(fact["parent_id"] for fact in talk.listed("event_log")))


def test_v1_deletes_memcells_and_goes_on_listing(v1: Talk) -> None:
    v1.episode("coffee")
    v1.episode()
    before = [v1.listed(kind) for kind in ("event_log", "profile")]
    (newest, _) = parents(v1)
    for owner in ({"event_id": newest}, {"group_id": "g"}):
        status, content = v1.delete(**owner)
        assert (status, content) == (
            200,
            {
                "status": "ok",
                "message": "Successfully deleted 1 memory",
                "result": {"filters": list(owner), "count": 1},
            },
        )
    assert [v1.listed(kind) for kind in ("event_log", "profile")] == before
    assert (len(v1.listed()), v1.facts("coffee")) == (2, ["coffee"])
    v1.episode()
    v1.episode()
    status, content = v1.delete(group_id="g", event_id=None, user_id="")
    assert (content["message"], content["result"]) == (
        "Successfully deleted 2 memories",
        {"filters": ["group_id"], "count": 2},
    )


def test_v1_finds_no_memcell_by_a_user_or_by_the_id_of_an_item(v1: Talk) -> None:
    v1.episode()
    (episode,) = v1.listed()
    words = "No memories found matching the criteria or already deleted"
    for filters in ({"user_id": "ann"}, {"user_id": "ann", "group_id": "g"}, {"event_id": episode["id"]}):
        status, content = v1.delete(**filters)
        assert (filters, status, content["message"]) == (filters, 404, words)
    (cell,) = parents(v1)
    assert v1.delete(event_id=cell, group_id="h")[0] == 404
    assert v1.delete(event_id=cell)[0] == 200
    assert v1.delete(event_id=cell)[0] == 404
    status, content = v1.delete(event_id="x")
    assert (status, content["message"]) == (404, "Invalid event_id format: x")


def test_v0_deletes_what_was_made_of_a_memcell(v0: Talk) -> None:
    v0.say("coffee", "tea")
    tea, coffee = parents(v0)
    (_, episode) = v0.listed()
    # The id of an item is none of a MemCell, and any text is an id.
    for memory_id in (episode["id"], "nonsense"):
        assert v0.delete(memory_id=memory_id)[1]["message"] == "Delete operation completed, 0 records affected"
    status, content = v0.delete(memory_id=coffee)
    # The MemCell, an episode and a fact. Only the words tell.
    assert (status, content) == (
        200,
        {
            "status": "ok",
            "message": "Delete operation completed, 3 records affected",
            "result": {"filters": [], "count": 0},
        },
    )
    assert ([memory["subject"] for memory in v0.listed()], v0.facts("coffee tea")) == (["tea"], ["tea"])
    assert v0.delete(id=coffee)[1]["message"] == "Delete operation completed, 0 records affected"
    assert v0.delete(event_id=tea, user_id="bob")[1]["message"] == "Delete operation completed, 0 records affected"


def test_v0_deletes_messages_with_their_group_or_user_and_no_profiles(v0: Talk) -> None:
    for sender in ("ann", "bob"):
        v0.say("said", sender=sender)
        v0.say("elsewhere", sender=sender, group_id="h")
    for sender in ("ann", "bob"):
        v0.add("waits", sender=sender)
    # An episode, a fact and two messages; the MemCell has no user.
    assert v0.delete(user_id="ann", group_id="g")[1]["message"] == "Delete operation completed, 4 records affected"
    assert [message["sender"] for message in v0.pending()] == ["bob"]
    assert [memory["user_id"] for memory in v0.listed()] == ["bob"]
    assert v0.delete(user_id="ann")[1]["message"] == "Delete operation completed, 3 records affected"
    # Both MemCells go with the group.
    assert v0.delete(group_id="g")[1]["message"] == "Delete operation completed, 6 records affected"
    assert (v0.listed(), v0.pending()) == ([], [])
    assert {profile["user_id"] for profile in v0.listed("profile")} == {"ann", "bob"}
    assert [memory["user_id"] for memory in v0.listed(group_id="h")] == ["bob"]


def test_v1_deletion_leaves_messages_that_wait_alone(v1: Talk) -> None:
    v1.episode()
    v1.add("waits")
    assert v1.delete(group_id="g")[0] == 200
    assert [message["content"] for message in v1.pending()] == ["waits"]


@VERSIONS
def test_a_deletion_keeps_to_its_version(api: str) -> None:
    talk = Talk(api)
    other = Talk("v0" if api == "v1" else "v1", talk.sandbox)
    for each in (talk, other):
        each.episode()
    talk.delete(group_id="g")
    assert len(other.listed("event_log")) == EPISODE
    assert other.delete(group_id="g")[0] == 200


@VERSIONS
@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_user_is_dropped_from_a_filter(api: str, empty: str | None) -> None:
    talk = Talk(api)
    for sender in ("ann", "bob"):
        talk.episode(sender=sender)
    status, content = talk.delete(user_id=empty, group_id="g")
    # On v0 two MemCells, two episodes, eight facts and eight messages.
    words = "Successfully deleted 2 memories" if api == "v1" else "Delete operation completed, 20 records affected"
    assert (status, content["message"]) == (200, words)


@pytest.mark.parametrize(
    ("filters", "status", "kind"),
    [
        ({}, 422, "any"),
        ({"colour": "red"}, 422, "any"),
        ({"user_id": "__all__"}, 422, "any"),
        ({"group_id": "__all__", "user_id": "__all__"}, 422, "any"),
        ({"user_id": None}, None, "none"),
        ({"user_id": ""}, None, "none"),
        ({"group_id": ""}, None, "none"),
    ],
)
@VERSIONS
def test_a_deletion_without_a_filter_is_refused(
    api: str, filters: dict[str, Any], status: int | None, kind: str
) -> None:
    talk = Talk(api)
    talk.episode()
    found, content = talk.delete(**filters)
    name = "memory_id" if api == "v0" else "event_id"
    words = f"At least one of {name}, user_id, or group_id must be provided (not MAGIC_ALL)"
    if kind == "any":
        assert (found, content["detail"][0]["msg"]) == (status, f"Value error, {words}")
    else:
        assert (found, content["message"]) == (400 if api == "v0" else 404, "No deletion criteria provided")
    # Without a body, the application says it.
    found, content = talk.raw("DELETE", "/memories")
    assert (found, content["message"].splitlines()[1].partition(" [")[0]) == (400, f"  Value error, {words}")
    assert len(talk.listed()) == 1


@VERSIONS
def test_a_deletion_reads_the_query_too(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    assert talk.raw("DELETE", "/memories?group_id=h", {"group_id": "h"})[0] == (404 if api == "v1" else 200)
    status, content = talk.raw("DELETE", "/memories?group_id=g")
    assert (status, "deleted 1 memory" in content["message"] or ", 10 records" in content["message"]) == (200, True)
    # A body counts more, key by key.
    assert talk.raw("DELETE", "/memories?group_id=g", {"group_id": 5})[0] == 422


def test_v0_takes_three_names_of_an_id(v0: Talk) -> None:
    for name in ("memory_id", "id", "event_id"):
        v0.say("said")
        (cell,) = parents(v0)
        others = {"memory_id": "", "id": "", "event_id": "", name: cell}
        assert (name, v0.delete(**others)[1]["message"]) == (name, "Delete operation completed, 3 records affected")
    for filters in ({"id": ""}, {"event_id": None}):
        assert (filters, v0.delete(**filters)[0]) == (filters, 422)
    for filters in ({"memory_id": ""}, {"memory_id": None}):
        assert (filters, v0.delete(**filters)[0]) == (filters, 400)


@VERSIONS
def test_strictly_a_deletion_deletes_and_counts_memories(api: str) -> None:
    talk = Talk(api, Sandbox(strict=True))
    talk.episode()
    status, content = talk.delete(group_id="g", user_id="ann")
    assert (status, content["message"]) == (200, f"Successfully deleted {EPISODE + 1} memories")
    assert content["result"] == {"filters": ["user_id", "group_id"], "count": EPISODE + 1}
    assert (talk.listed(), talk.listed("event_log"), len(talk.listed("profile"))) == ([], [], 1)
    assert talk.delete(group_id="g")[0] == (200 if api == "v0" else 404)


@VERSIONS
def test_strict_deletion_keeps_to_the_spec(api: str) -> None:
    talk = Talk(api, Sandbox(strict=True))
    assert talk.delete(user_id=None, group_id="g")[0] == 422
    status, content = talk.delete()
    assert (status, content["detail"][0]["type"]) == (422, "too_short")
    assert talk.delete(user="ann")[0] == 422


# Anything that was added and not deleted is found by listing


@settings(BOUNDED, max_examples=40)
@given(data=st.data())
@VERSIONS
def test_what_was_added_and_not_deleted_is_listed_once(api: str, data: st.DataObject) -> None:
    talk = Talk(api, Sandbox(strict=api == "v1"))
    groups, senders = ("g", "h"), ("ann", "bob", "ö")
    kept: dict[str, set[str]] = {group: set() for group in groups}
    waiting: dict[str, list[tuple[str, str]]] = {group: [] for group in groups}
    owner: dict[str, str] = {}
    number = 0
    for _ in range(data.draw(st.integers(1, 25))):
        group, sender = data.draw(st.sampled_from(groups)), data.draw(st.sampled_from(senders))
        if data.draw(st.integers(0, 5)) == 0:
            talk.delete(group_id=group, user_id=sender)
            kept[group] -= {fact for fact in kept[group] if owner[fact] == sender}
            if api == "v0":
                waiting[group] = [each for each in waiting[group] if each[1] != sender]
            continue
        number += 1
        content = f"fact {number}"
        flush = api == "v0" and data.draw(st.booleans())
        # Several at the same time, and not in order.
        talk.add(
            content,
            sender=sender,
            group_id=group,
            minute=data.draw(st.integers(0, 2)),
            **({"flush": True} if flush else {}),
        )
        owner[content] = sender
        waiting[group].append((content, sender))
        if flush or len(waiting[group]) == EPISODE:
            kept[group] |= {fact for fact, _ in waiting[group]}
            waiting[group] = []
    for group in groups:
        assert sorted(every_page(talk, group, data.draw(st.integers(1, 7)))) == sorted(kept[group])
        assert sorted(m["content"] for m in talk.pending(group_id=group)) == sorted(c for c, _ in waiting[group])
        if api == "v1":
            assert sorted(talk.facts("fact", group_id=group, top_k=100)) == sorted(kept[group])


def every_page(talk: Talk, group: str, size: int) -> list[str]:
    if talk.api == "v1":
        return [fact["atomic_fact"] for fact in talk.listed("event_log", group_id=group)]
    found: list[str] = []
    page = 1
    while True:
        result = talk.page("event_log", group_ids=group, page=page, page_size=size)
        found += [fact["atomic_fact"] for fact in result["memories"]]
        if not result["memories"]:
            assert len(found) == result["total_count"]
            return found
        page += 1


# Keys, health, faults, carriers


def test_health_asks_nobody_for_a_key() -> None:
    for sandbox in (Sandbox(), Sandbox(api_key="sesame"), Sandbox(strict=True)):
        answer = sandbox.handle("GET", "/health", {}, b"")
        content = json.loads(answer.body)
        assert (answer.status, content["status"], content["message"]) == (200, "healthy", "System running normally")
        assert abs(datetime.fromisoformat(content["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
        assert sandbox.requests[-1].operation == "get_health"


@pytest.mark.parametrize(
    ("api", "method", "path"),
    [
        (api, method, path)
        for api, status in (("v0", "/status/request"), ("v1", "/stats/request"))
        for method, path in [
            ("GET", "/memories"),
            ("POST", "/memories"),
            ("DELETE", "/memories"),
            ("GET", "/memories/search"),
            ("GET", status),
        ]
    ]
    + [("v1", "POST", "/memories/import")],
)
def test_a_key_is_asked_for_where_servers_ask(api: str, method: str, path: str) -> None:
    assert Sandbox(api_key="sesame").handle(method, f"/api/{api}{path}", {}, b"{}").status == 401
    status = Sandbox(require_key=True).handle(method, f"/api/{api}{path}", {}, b"{}").status
    assert (status == 401) is (api == "v0")
    assert Sandbox().handle(method, f"/api/{api}{path}", {}, b"{}").status != 401


def test_every_operation_can_fail(v0: Talk) -> None:
    operations = _spec.load(strict=False).operations
    assert len(operations) == 18
    sandbox = v0.sandbox
    for path, route in _spec.load(strict=False).routes.items():
        for method, operation in route.items():
            sandbox.fail(operation.id, status=503, retry_after=1)
            headers = {"Authorization": "Bearer any"}
            other = sandbox.handle("GET" if operation.id != "get_health" else "DELETE", "/health", headers, b"")
            assert other.status in (200, 405)
            answer = sandbox.handle(method, path, headers, b"{}")
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert json.loads(answer.body)["type"] == "MemorySpaceNotReady"
    message = {"message_id": "m", "create_time": START.isoformat(), "sender": "s", "content": "c", "flush": True}
    sandbox.fail("add_memories_v0", status=500, applied=True)
    assert v0.raw("POST", "/memories", {**message, "group_id": "g"})[0] == 500
    assert len(v0.listed()) == 1
    sandbox.fail("delete_memories_v0", status=500)
    assert v0.delete(user_id="s")[0] == 500
    assert len(v0.listed()) == 1


def test_a_server_that_lost_its_database_can_be_had(v0: Talk) -> None:
    v0.add("kept")
    lost = json.dumps({"status": "ok", "message": "Message queued, awaiting boundary detection", "result": {}})
    v0.sandbox.fail("add_memories_v0", status=200, content_type="application/json", body=lost, applied=False)
    assert v0.add("lost")["status"] == "ok"
    assert [message["content"] for message in v0.pending()] == ["kept"]


@pytest.mark.socket
def test_memories_are_the_same_over_http() -> None:
    sandbox = Sandbox()
    with sandbox.serve() as url, httpx.Client(base_url=url, headers={"Authorization": "Bearer any"}) as client:
        assert client.get("/health").json()["status"] == "healthy"
        body = conversation({"content": "one coffee", "sender": "ann"}, {"content": "two", "sender": "ann"})
        answer = client.post("/api/v1/memories/import", json=body)
        assert answer.status_code == 202
        headers = {"X-Request-Id": answer.json()["request_id"]}
        assert client.get("/api/v1/stats/request", headers=headers).json()["data"]["status"] == "success"
        params = {"group_id": "g", "query": "coffee", "memory_types": "event_log,episodic_memory"}
        found = client.get("/api/v1/memories/search", params=params).json()["result"]
        assert found["total_count"] == 2
        deleted = client.request("DELETE", "/api/v1/memories", json={"group_id": "g"}).json()
        assert deleted["result"]["count"] == 1
        assert client.get("/api/v1/memories/", params=params).status_code == 307


def test_clear_drops_memories() -> None:
    talk = Talk("v0", Sandbox(background=True))
    talk.say("coffee")
    request_id = talk.add("waits")["request_id"]
    talk.sandbox.clear()
    assert (talk.listed(), talk.listed("event_log"), talk.pending(), talk.facts("coffee")) == ([], [], [], [])
    assert talk.ask("/status/request", request_id=request_id)["found"] is False
    talk.say("tea")
    assert talk.facts("coffee tea") == ["tea"]
