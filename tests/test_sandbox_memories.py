"""The memories of the sandbox: messages in, memories out, and how far requests are."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from evermemos_api import models
from hypothesis import given, settings
from hypothesis import strategies as st
from memories import BOUNDED, START, VERSIONS, Talk, conversation

from evermemos.sandbox import Sandbox, _spec
from evermemos.sandbox._extraction import EPISODE, SUBJECT, SUMMARY

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


def test_v1_answers_what_was_made(v1: Talk) -> None:
    accumulated = {"saved_memories": [], "count": 0, "status_info": "accumulated"}
    for _ in range(EPISODE - 1):
        answer = v1.add()
        assert (answer["message"], answer["result"]) == ("Message queued, awaiting boundary detection", accumulated)
    # An episode, a profile, and a fact for each message.
    made = EPISODE + 2
    answer = v1.add()
    assert answer["message"] == f"Extracted {made} memories"
    assert answer["result"] == {"saved_memories": [], "count": made, "status_info": "extracted"}


def test_v0_flush_does_not_wait(v0: Talk) -> None:
    v0.add("one")
    v0.add("two", flush=False)
    assert v0.listed() == []
    answer = v0.add("three", flush=True)
    assert {**answer, "request_id": 0} == {
        "status": "ok",
        "message": "Message accepted and queued for processing",
        "request_id": 0,
    }
    assert [memory["episode"] for memory in v0.listed()] == ["ann: one\nann: two\nann: three"]


def test_v1_knows_no_flush(v1: Talk) -> None:
    assert v1.add(flush=True)["result"]["status_info"] == "accumulated"


@VERSIONS
def test_groups_and_versions_have_messages_of_their_own(api: str) -> None:
    talk = Talk(api)
    other = Talk("v0" if api == "v1" else "v1", talk.sandbox)
    for n in range(EPISODE - 1):
        for group in ("g", "h", "", None):
            talk.add(f"{n} in {group}", group_id=group)
    talk.add("last", group_id="h")
    assert talk.listed(group_id="g") == other.listed(group_id="h") == []
    assert [memory["group_id"] for memory in talk.listed(group_id="h")] == ["h"]
    assert len(other.pending(**({"group_id": "g"} if other.api == "v1" else {}))) == 0
    other.add(group_id="g")
    assert other.listed(group_id="g") == []
    talk.add("last", group_id=None)
    assert [memory["group_id"] for memory in talk.listed(user_id="ann", group_id=[])] == [None, "h"]


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
        assert memory["episode"] == lines
        assert memory["episode_id"] == memory["id"]
        assert (len(memory["subject"]), len(memory["summary"])) == (SUBJECT, SUMMARY)
        assert memory["summary"].startswith("Ann: A long first line. A long")
        assert memory["subject"].startswith("A long first line. A long")
        assert (memory["group_id"], memory["group_name"]) == ("g", "Tours")
        assert memory["participants"] == ["ann", "bob", "ai"]
        times = [memory[name] for name in ("start_time", "end_time", "timestamp")]
        assert times == ["2025-01-15T10:00:00+00:00", *["2025-01-15T10:09:00+00:00"] * 2]
    assert re.fullmatch("[0-9a-f]{24}", first["id"])
    assert first["id"] != second["id"]
    assert first["parent_id"] == second["parent_id"]


@VERSIONS
def test_memories_happened_when_the_last_message_was_written(api: str) -> None:
    talk = Talk(api)
    times = ["2025-01-15T10:00:00+00:00", "2025-01-15T11:30:00+02:00", "2025-01-15T12:00:00+01:00"]
    for time in [*times, times[0]]:
        talk.add(create_time=time)
    (episode,) = talk.listed(start_time="2025-01-15T11:00:00Z")
    assert [episode[name] for name in ("start_time", "end_time")] == times[1:]
    assert talk.listed(start_time="2025-01-15T11:00:01Z") == []
    talk.add(minute=0)
    talk.add(minute=300)
    talk.add(sender="bob", minute=600)
    talk.add(sender="bob", minute=0)
    late = (START + timedelta(minutes=300)).isoformat()
    assert [profile["user_id"] for profile in talk.listed("profile", start_time=late)] == ["ann"]


@VERSIONS
def test_each_message_is_a_fact(api: str) -> None:
    talk = Talk(api)
    talk.episode("one", "two", "three", "four", sender="bob", sender_name="Bob")
    facts = talk.listed("event_log")
    assert [fact["atomic_fact"] for fact in facts] == ["four", "three", "two", "one"]
    assert {(fact["user_id"], fact["user_name"], fact["event_type"]) for fact in facts} == {
        ("bob", "Bob", "Conversation")
    }
    assert [fact["timestamp"][14:16] for fact in facts] == ["04", "03", "02", "01"]
    assert {fact["parent_id"] for fact in facts} == {talk.listed()[0]["parent_id"]}


@VERSIONS
def test_a_profile_counts_for_each_person_of_a_group(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    (first,) = talk.listed("profile")
    talk.episode()
    talk.episode(group_id="h")
    talk.episode(sender="bob")
    ann, bob = sorted(talk.listed("profile", group_id="g"), key=lambda profile: str(profile["user_id"]))
    assert (ann["id"], ann["created_at"], ann["group_id"]) == (first["id"], first["created_at"], "g")
    assert [(each["memcell_count"], each["version"]) for each in (first, ann, bob)] == [(1, 1), (2, 2), (1, 1)]
    assert ann["profile_data"] == {"name": "ann", "message_count": 2 * EPISODE}


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
    assert talk.searched("line", memory_types="foresight") == []


@VERSIONS
def test_the_same_message_twice_is_two(api: str) -> None:
    talk = Talk(api)
    for _ in range(EPISODE):
        talk.add("again", message_id="same", minute=1)
    assert [fact["atomic_fact"] for fact in talk.listed("event_log")] == ["again"] * EPISODE


@VERSIONS
def test_kinds_of_memories_are_told_apart(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    model: Any = models.GetMemoriesResponseV0 if api == "v0" else models.GetMemoriesResponse
    wanted = {
        "episodic_memory": models.EpisodicMemory,
        "event_log": models.EventLogMemory,
        "profile": models.ProfileMemory,
    }
    for kind, cls in wanted.items():
        content = talk.ask("/memories", memory_type=kind, **({"group_id": "g"} if api == "v1" else {}))
        assert {type(memory) for memory in model.from_dict(content).result.memories} == {cls}
    found: Any = models.SearchMemoriesResponseV0 if api == "v0" else models.SearchMemoriesResponse
    kinds = ["episodic_memory", "event_log"]
    content = talk.ask("/memories/search", memory_types=kinds, **({"group_id": "g"} if api == "v1" else {}))
    hits = list(found.from_dict(content).result.hits())
    assert len(hits) == 1 + EPISODE


@VERSIONS
def test_what_happened_at_the_same_time_is_listed_the_other_way_round(api: str) -> None:
    talk = Talk(api)
    talk.episode("one", "two", "three", "four", minute=5)
    talk.episode("five", "six", "seven", "eight", minute=5)
    order = ["eight", "seven", "six", "five", "four", "three", "two", "one"]
    assert [fact["atomic_fact"] for fact in talk.listed("event_log")] == order


# Times of messages


@pytest.mark.parametrize("time", ["yesterday", "", "2025-13-01", "0" * 5000])
def test_v1_makes_up_a_time_that_it_cannot_read(v1: Talk, time: str) -> None:
    before = datetime.now(UTC)
    v1.episode(create_time=time)
    written = datetime.fromisoformat(v1.listed()[0]["start_time"])
    assert before <= written <= datetime.now(UTC)


@pytest.mark.parametrize("time", ["yesterday", "", "2025-13-01"])
def test_v0_refuses_a_time_that_it_cannot_read(v0: Talk, time: str) -> None:
    message = {"message_id": "m", "create_time": time, "sender": "s", "content": "c"}
    status, content = v0.raw("POST", "/memories", message)
    assert (status, content["status"]) == (400, "failed")
    assert content["message"].startswith("create_time is not a time in ISO 8601")
    assert v0.pending() == []


@VERSIONS
@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2025-01-15T10:00:00Z", "2025-01-15T10:00:00+00:00"),
        ("2025-01-15T10:00:00.5+02:00", "2025-01-15T10:00:00.500000+02:00"),
        ("2025-01-15T10:00:00", "2025-01-15T10:00:00+00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_times_keep_their_zone(api: str, time: str, read: str) -> None:
    talk = Talk(api)
    talk.episode(create_time=time)
    assert talk.listed()[0]["timestamp"] == read


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
    message = {"message_id": "m", "create_time": START.isoformat(), "sender": "s", "content": "c"}
    status, content = talk.raw("POST", "/memories", {**message, "role": "king"})
    roles = ["user", "assistant", "tool"] if api == "v0" else ["user", "assistant"]
    words = f"Value error, Invalid role 'king'. Must be one of: {roles}"
    assert (status, content["detail"][0]["msg"]) == (422, words)
    assert talk.raw("POST", "/memories", {**message, "role": "USER"})[0] == 200
    strict = Talk(api, Sandbox(strict=True))
    assert strict.raw("POST", "/memories", {**message, "role": "USER"})[0] == 422
    assert strict.raw("POST", "/memories", {**message, "groupId": "g"})[0] == 422


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
    pages = [v0.ask(memory_type="event_log", page=page, page_size=3)["result"] for page in (1, 2, 3, 4)]
    contents = [[memory["atomic_fact"] for memory in page["memories"]] for page in pages]
    assert contents == [["c6", "c5", "c4"], ["c3", "c2", "c1"], ["c0"], []]
    assert [(page["total_count"], page["count"]) for page in pages] == [(7, 3), (7, 3), (7, 1), (7, 0)]
    assert v0.ask(page=10**40)["result"]["memories"] == []
    # What servers take for absent parameters.
    for _ in range(20):
        v0.add(flush=True)
    answer = v0.ask()
    assert (answer["result"]["count"], answer["result"]["total_count"]) == (20, 27)
    assert answer["message"] == "Memory retrieval successful, retrieved 20 memories"
    assert answer["result"]["metadata"] == {
        "source": "fetch_mem_service",
        "user_id": None,
        "group_ids": None,
        "memory_types": ["episodic_memory"],
    }


def test_v1_lists_as_many_as_the_limit(v1: Talk) -> None:
    for _ in range(3):
        v1.episode()
    facts = v1.ask(group_id="g", memory_type="event_log")["result"]
    assert (len(facts["memories"]), facts["total_count"], facts["has_more"]) == (10, 10, True)
    assert facts["metadata"] == {"source": "fetch_mem_service", "user_id": None, "memory_type": "fetch"}
    for limit, offset in ((12, 0), (12, 5), (11, 0), (500, 1)):
        given = v1.ask(group_id="g", memory_type="event_log", limit=limit, offset=offset)["result"]
        assert given["total_count"] == len(given["memories"]) == min(limit, 12)
        assert given["memories"][:10] == facts["memories"]
        assert given["has_more"] is (limit < 12)
    strict = Talk("v1", Sandbox(strict=True))
    for _ in range(11):
        strict.episode()
    assert strict.ask(group_id="g", memory_type="event_log")["result"]["total_count"] == 40
    assert strict.raw("GET", "/memories?group_id=g&offset=1")[0] == 422


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
    assert owners(group_id=[], user_id="bob") == {("g", "bob"), ("h", "bob")}
    assert owners(group_id="G") == owners(group_id="g", user_id="Bob") == set()
    if api == "v0":
        assert owners(group_ids=["g", "h", "i"]) == owners() == {*both, ("h", "ann"), ("h", "bob")}


@pytest.mark.parametrize("path", ["/memories", "/memories/search"])
@pytest.mark.parametrize("query", ["", "?user_id=", "?user_id=&group_id=", "?group_ids=g"])
def test_v1_does_not_read_the_memories_of_everybody(v1: Talk, path: str, query: str) -> None:
    v1.episode()
    status, content = v1.raw("GET", path + query)
    assert (status, content["message"]) == (400, "At least one of user_id or group_id must be provided")


@VERSIONS
def test_a_list_holds_the_memories_of_its_time(api: str) -> None:
    talk = Talk(api)
    for n in range(5):
        talk.add(f"c{n}", minute=n, **({"flush": True} if api == "v0" else {}))
    talk.episode(minute=10)
    start, end = ((START + timedelta(minutes=n)).isoformat() for n in (1, 3))

    def within(**period: str) -> list[str]:
        return [fact["atomic_fact"][1:] for fact in talk.listed("event_log", **period) if fact["atomic_fact"][0] == "c"]

    # v1 leaves out the time at which it ends.
    last = ["3"] if api == "v0" else []
    assert within(start_time=start, end_time=end) == [*last, "2", "1"]
    assert within(end_time=end) == [*last, "2", "1", "0"]
    assert within(start_time=end)[-1] == "3"
    # The same time in another zone, and in none.
    assert within(end_time="2025-01-15T12:01:00+02:00") == within(end_time="2025-01-15T10:01:00") != []


def test_a_time_that_cannot_be_read_is_now_or_refused(v0: Talk, v1: Talk) -> None:
    v1.episode()
    # The current time in their place.
    assert len(v1.listed(end_time="soon")) == 1
    assert v1.listed(start_time="soon") == []
    for talk in (v0, Talk("v1", Sandbox(strict=True))):
        for path in ("/memories?group_id=g&end_time=soon", "/memories/search?group_id=g&start_time="):
            status, content = talk.raw("GET", path.replace("group_id", "group_ids") if talk is v0 else path)
            assert (status, content["message"].partition(" ")[2][:25]) == (400, "is not a time in ISO 8601")


@VERSIONS
@pytest.mark.parametrize(
    ("query", "place", "kind"),
    [
        ("memory_type=dream", "memory_type", "literal_error"),
        ("page_size=0&limit=0", "page_size limit", "greater_than_equal"),
        ("page_size=101&limit=501", "page_size limit", "less_than_equal"),
        ("page_size=ten&limit=ten", "page_size limit", "int_parsing"),
        ("page_size=1.5&limit=1.5", "page_size limit", "int_parsing"),
        ("page=all&offset=all", "page offset", "int_parsing"),
    ],
)
def test_parameters_of_a_list_that_do_not_fit(api: str, query: str, place: str, kind: str) -> None:
    status, content = Talk(api).raw("GET", f"/memories?{query}")
    (issue,) = content["detail"]
    assert (status, issue["type"]) == (422, kind)
    assert issue["loc"] == ["query", place.split()[-1 if api == "v1" else 0]]


@VERSIONS
@pytest.mark.parametrize(
    ("query", "place", "kind"),
    [
        ("memory_types=profile&memory_types=dream", ["memory_types", 1], "literal_error"),
        ("retrieve_method=magic", ["retrieve_method"], "literal_error"),
        ("top_k=101", ["top_k"], "less_than_equal"),
        ("top_k=-2", ["top_k"], "greater_than_equal"),
        ("radius=1.5", ["radius"], "less_than_equal"),
        ("radius=nan", ["radius"], "float_parsing"),
        ("radius=near", ["radius"], "float_parsing"),
        ("include_metadata=maybe", ["include_metadata"], "bool_parsing"),
    ],
)
def test_parameters_of_a_search_that_do_not_fit(api: str, query: str, place: list[Any], kind: str) -> None:
    status, content = Talk(api).raw("GET", f"/memories/search?{query}")
    (issue,) = content["detail"]
    assert (status, issue["type"], issue["loc"]) == (422, kind, ["query", *place])


@VERSIONS
def test_reading_goes_by_a_body_before_the_query(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    name = "group_ids" if api == "v0" else "group_id"
    body = {name: ["g"] if api == "v0" else "g", "memory_type": None, "event_id": "x", "memory_id": "x"}
    for path in ("/memories", "/memories/search"):
        status, content = talk.raw("GET", f"{path}?{name}=h&query=line", body)
        assert (status, len(content["result"]["memories"])) == (200, 1)
    # A number of JSON may have a fraction of nothing.
    assert talk.raw("GET", "/memories", {**body, "limit": 1.0, "page": 1.0, "page_size": 2.0})[0] == 200
    assert talk.raw("GET", "/memories/search", {**body, "top_k": 5.0})[0] == 200


# Deletion


@VERSIONS
def test_deleted_memories_are_gone(api: str) -> None:
    talk = Talk(api)
    talk.episode("coffee")
    (episode,) = talk.listed()
    name = "memory_id" if api == "v0" else "event_id"
    status, content = talk.delete(**{name: episode["id"]})
    assert (status, content) == (
        200,
        {"status": "ok", "message": "Successfully deleted 1 memory", "result": {"filters": [name], "count": 1}},
    )
    assert (talk.listed(), talk.searched("coffee"), talk.searched("")) == ([], [], [])
    # What was made of the same messages stays.
    assert talk.facts("coffee") == ["coffee"]
    status, content = talk.delete(user_id="ann", group_id="g")
    assert content["result"] == {"filters": ["user_id", "group_id"], "count": EPISODE + 1}
    assert content["message"] == f"Successfully deleted {EPISODE + 1} memories"
    assert (talk.listed("event_log"), talk.listed("profile"), talk.facts("coffee")) == ([], [], [])


@VERSIONS
def test_a_deletion_keeps_to_its_filters(api: str) -> None:
    talk = Talk(api)
    other = Talk("v0" if api == "v1" else "v1", talk.sandbox)
    for each in (talk, other):
        for group in ("g", "h"):
            for sender in ("ann", "bob"):
                each.episode(group_id=group, sender=sender)
    (mine,) = talk.listed(group_id="g", user_id="ann")
    name = "memory_id" if api == "v0" else "event_id"
    assert talk.delete(**{name: mine["id"], "user_id": "bob"})[0] == (200 if api == "v0" else 404)
    assert len(talk.listed(group_id="g")) == 2
    assert talk.delete(user_id="ann", group_id="g")[1]["result"]["count"] == EPISODE + 2
    left = {(memory["group_id"], memory["user_id"]) for group in "gh" for memory in talk.listed(group_id=group)}
    assert left == {("g", "bob"), ("h", "ann"), ("h", "bob")}
    assert talk.delete(user_id="bob")[1]["result"]["count"] == 2 * (EPISODE + 2)
    assert [len(other.listed(group_id=group)) for group in "gh"] == [2, 2]


@VERSIONS
def test_messages_that_wait_are_not_deleted(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    talk.add("waits")
    talk.delete(group_id="g")
    assert [message["content"] for message in talk.pending()] == ["waits"]


@VERSIONS
def test_a_profile_that_was_deleted_begins_anew(api: str) -> None:
    talk = Talk(api)
    talk.episode()
    talk.delete(group_id="g")
    talk.episode()
    assert [profile["memcell_count"] for profile in talk.listed("profile")] == [1]


@pytest.mark.parametrize("empty", ["", None])
def test_v1_drops_what_is_empty_from_a_filter(v1: Talk, empty: str | None) -> None:
    for sender in ("ann", "bob"):
        v1.episode(sender=sender)
    status, content = v1.delete(user_id=empty, group_id="g", event_id=empty)
    assert (status, content["result"]) == (200, {"filters": ["group_id"], "count": 2 * (EPISODE + 2)})


@pytest.mark.parametrize(
    "filters", [{}, {"user_id": ""}, {"user_id": None, "group_id": "", "event_id": ""}, {"id": "x"}]
)
def test_v1_refuses_a_deletion_without_a_filter(v1: Talk, filters: dict[str, Any]) -> None:
    v1.episode()
    status, content = v1.delete(**filters)
    assert (status, content["message"]) == (400, "At least one of event_id, user_id, or group_id must be provided")
    assert len(v1.listed()) == 1


def test_v1_does_not_find_what_it_cannot_delete(v1: Talk) -> None:
    v1.episode()
    for _ in range(2):
        status, content = v1.delete(group_id="h")
        assert (status, content["message"]) == (404, "No memories found matching the criteria or already deleted")


@pytest.mark.parametrize("name", ["memory_id", "id", "event_id"])
def test_v0_takes_three_names_of_an_id(v0: Talk, name: str) -> None:
    v0.episode()
    (episode,) = v0.listed()
    assert v0.delete(**{name: "another"})[1]["result"] == {"filters": ["memory_id"], "count": 0}
    others = {"memory_id": "", "id": "", "event_id": "", name: episode["id"]}
    assert v0.delete(**others)[1]["result"] == {"filters": ["memory_id"], "count": 1}
    assert v0.delete(**others)[1]["message"] == "Successfully deleted 0 memories"


@pytest.mark.parametrize("filters", [{}, {"user_id": None}, {"memory_id": "", "id": None}, {"colour": "red"}])
def test_v0_refuses_a_deletion_without_a_filter(v0: Talk, filters: dict[str, Any]) -> None:
    v0.episode()
    status, content = v0.delete(**filters)
    assert (status, content["message"]) == (400, "At least one of memory_id, user_id, or group_id must be provided")
    assert len(v0.listed()) == 1


def test_v0_takes_an_empty_user_at_its_word(v0: Talk) -> None:
    v0.episode()
    assert v0.delete(user_id="", group_id="g")[1]["result"] == {"filters": ["user_id", "group_id"], "count": 0}
    assert v0.listed(user_id="") == []
    assert len(v0.listed()) == 1


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
    talk = Talk(api)
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
        found = talk.facts("fact", **{"group_ids" if api == "v0" else "group_id": group, "top_k": 100})
        assert sorted(found) == sorted(kept[group])


def every_page(talk: Talk, group: str, size: int) -> list[str]:
    if talk.api == "v1":
        return [fact["atomic_fact"] for fact in talk.listed("event_log", group_id=group)]
    found: list[str] = []
    page = 1
    while True:
        params = {"memory_type": "event_log", "group_ids": group, "page": page, "page_size": size}
        result = talk.ask("/memories", **params)["result"]
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
        assert (answer.status, content["status"]) == (200, "healthy")
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
    assert v0.raw("POST", "/memories", message)[0] == 500
    assert len(v0.listed()) == 1
    sandbox.fail("delete_memories_v0", status=500)
    assert v0.delete(user_id="s")[0] == 500
    assert len(v0.listed()) == 1


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
        params = {"group_id": "g", "query": "coffee", "memory_types": ["event_log", "episodic_memory"]}
        found = client.get("/api/v1/memories/search", params=params).json()["result"]
        assert found["total_count"] == 2
        deleted = client.request("DELETE", "/api/v1/memories", json={"group_id": "g"}).json()
        assert deleted["result"]["count"] == 4
        assert client.get("/api/v1/memories/", params=params).status_code == 307


def test_clear_drops_memories(v0: Talk) -> None:
    request_id = v0.episode("coffee")["request_id"]
    v0.add("waits")
    v0.sandbox.clear()
    assert (v0.listed(), v0.listed("event_log"), v0.pending(), v0.facts("coffee")) == ([], [], [], [])
    assert v0.ask("/status/request", request_id=request_id)["found"] is False
    v0.episode("tea")
    assert v0.facts("coffee tea") == ["tea"]
