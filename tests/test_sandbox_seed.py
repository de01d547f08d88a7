"""Memories that a test puts into a sandbox are listed, found and deleted as those of servers are."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from evermemos_api import models
from memories import VERSIONS, Talk

from evermemos import ConfigurationError, EverMemOS
from evermemos.sandbox import Sandbox
from evermemos.sandbox._memory_items import LISTED

# By type, fields that make one, with words to find it by.
FIELDS: dict[str, dict[str, Any]] = {
    "episodic_memory": {"summary": "coffee at noon"},
    "event_log": {"atomic_fact": "coffee is ready"},
    "foresight": {"content": "will drink coffee", "evidence": "said so"},
    "profile": {"profile_data": {"explicit_info": [{"category": "Likes", "description": "coffee"}]}},
    "agent_case": {"task_intent": "make coffee", "approach": "with water", "quality_score": 0.5},
    "agent_skill": {"name": "coffee", "content": "how to make it", "confidence": 0.5},
}
CLASSES = {
    "episodic_memory": models.EpisodicMemory,
    "event_log": models.EventLogMemory,
    "foresight": models.ForesightMemory,
    "profile": models.ProfileMemory,
    "agent_case": models.AgentCaseMemory,
    "agent_skill": models.AgentSkillMemory,
}
KINDS = [(api, kind) for api, kinds in LISTED.items() for kind in kinds]


@pytest.mark.parametrize(("api", "kind"), KINDS)
def test_a_memory_of_each_kind_is_listed_and_typed(api: str, kind: str) -> None:
    talk = Talk(api)
    memory_id = talk.sandbox.seed(api, kind, user_id="ann", group_id="g", **FIELDS[kind])
    assert re.fullmatch("[0-9a-f]{24}", memory_id)
    (item,) = talk.listed(kind)
    assert (item["id"], item["user_id"], list(item)) == (memory_id, "ann", list(LISTED[api][kind]))
    assert {name: item[name] for name in FIELDS[kind]} == FIELDS[kind]
    assert talk.listed(kind, group_id="h") == []
    with EverMemOS.sandbox(talk.sandbox) as client:
        memories = getattr(client, api).memories
        group = {"group_ids": ["g"]} if api == "v0" else {"group_id": "g"}
        (read,) = memories.get(memory_type=kind, **group).result.memories
        if (api, kind) == ("v0", "profile"):
            (read,) = read.profiles
        assert type(read) is CLASSES[kind]


@pytest.mark.parametrize(("api", "kind"), KINDS)
def test_a_memory_of_each_kind_is_found(api: str, kind: str) -> None:
    talk = Talk(api, Sandbox(strict=True))
    talk.sandbox.seed(api, kind, user_id="ann", group_id="g", **FIELDS[kind])
    found = talk.found("coffee", memory_types=kind)
    if kind == "profile":
        # v1 finds no profiles.
        assert found.get("profiles", []) == (
            [
                {
                    "item_type": "explicit_info",
                    "category": "Likes",
                    "trait_name": None,
                    "description": "coffee",
                    "score": 1.0,
                }
            ]
            if api == "v0"
            else []
        )
        return
    (item,) = found["memories"] if api == "v0" else found["memories"][0]["g"]
    assert (item["memory_type"], item["user_id"]) == (kind, "ann")
    assert talk.found("tea", memory_types=kind)["total_count"] == 0


def test_v0_finds_traits_and_facts_of_a_profile(v0: Talk) -> None:
    data = {
        "explicit_info": [{"category": "Likes", "description": "bees"}],
        "implicit_traits": [{"trait": "Calm", "description": "rarely stung by bees"}],
        "other": 5,
    }
    v0.sandbox.seed("v0", "profile", user_id="ann", group_id="g", profile_data=data)
    found = v0.found("bees")["profiles"]
    assert [(item["item_type"], item["category"], item["trait_name"]) for item in found] == [
        ("explicit_info", "Likes", None),
        ("implicit_trait", None, "Calm"),
    ]


@VERSIONS
def test_a_foresight_fits_every_day_on_which_it_holds(api: str) -> None:
    talk = Talk(api)
    period = {"start_time": "2025-01-16", "end_time": "2025-02-16"}
    talk.sandbox.seed(api, "foresight", user_id="ann", group_id="g", content="c", duration_days=31, **period)
    talk.sandbox.seed(api, "foresight", user_id="ann", group_id="g", content="for ever")

    def within(**asked: str) -> list[str]:
        return [item["content"] for item in talk.listed("foresight", **asked)]

    assert sorted(within()) == ["c", "for ever"]
    for start, end, holds in (
        ("2025-02-01", "2025-02-02", True),
        ("2025-02-16T23:00:00Z", "2025-03-01", True),
        ("2025-02-17", "2025-03-01", False),
        ("2025-01-01", "2025-01-16T10:00:00Z", True),
        ("2025-01-01", "2025-01-15", False),
    ):
        # One without days fits no period.
        assert (start, end, within(start_time=start, end_time=end)) == (start, end, ["c"] if holds else [])
    assert within(start_time="2025-02-17") == within(end_time="2025-01-15") == []
    assert within(start_time="2025-02-16") == within(end_time="2025-01-16") == ["c"]


@VERSIONS
def test_what_was_seeded_is_deleted_with_its_memcell(api: str) -> None:
    talk = Talk(api)
    cell = "507f1f77bcf86cd799439020"
    for number in range(2):
        more = {"original_data": [{"content": "said"}]} if api == "v0" else {}
        talk.sandbox.seed(
            api, "event_log", user_id="ann", group_id="g", atomic_fact=f"{number}", parent_id=cell, **more
        )
    other = talk.sandbox.seed(api, "event_log", user_id="ann", group_id="g", atomic_fact="other")
    facts = talk.listed("event_log")
    assert {fact["parent_id"] for fact in facts if fact["id"] != other} == {cell}
    if api == "v0":
        assert [fact["original_data"] for fact in facts] == [[], [{"content": "said"}], [{"content": "said"}]]
        assert talk.delete(memory_id=cell)[1]["message"] == "Delete operation completed, 3 records affected"
        assert [fact["id"] for fact in talk.listed("event_log")] == [other]
        return
    assert talk.delete(event_id=cell)[1]["result"]["count"] == 1
    assert len(talk.listed("event_log")) == 3


def test_fields_have_the_names_of_the_version(v0: Talk, v1: Talk) -> None:
    v1.sandbox.seed("v1", "episodic_memory", user_id="ann", group_id="g", title="T", key_events=["k"], location="Paris")
    (item,) = v1.listed()
    assert (item["title"], item["key_events"], item["location"], item["subject"]) == ("T", ["k"], "Paris", None)
    v0.sandbox.seed("v0", "episodic_memory", user_id="ann", group_id="g", subject="T", keywords=["k"], episode="E")
    (item,) = v0.listed()
    assert (item["subject"], item["keywords"], item["episode"], item["extend"]) == ("T", ["k"], "E", None)


@VERSIONS
def test_times_and_ids_may_be_given(api: str) -> None:
    talk = Talk(api)
    made = {"created_at": "2026-11-01T12:00:00+00:00", "updated_at": "2026-11-02T12:00:00.123456Z"}
    memory_id = "6b0000000000000000000000"
    time = "2025-01-15T12:00:00+02:00"
    fields = {"user_id": "ann", "group_id": "g", "id": memory_id, "timestamp": time, "group_name": None, **made}
    assert talk.sandbox.seed(api, "event_log", atomic_fact="f", **fields) == memory_id
    (item,) = talk.listed("event_log", end_time="2025-01-15T10:00:01Z")
    times = ("timestamp", "created_at", "updated_at")
    assert [item[name] for name in times] == [
        "2025-01-15T10:00:00Z",
        "2026-11-01T12:00:00Z",
        "2026-11-02T12:00:00.123000Z",
    ]


def test_memories_of_messages_and_seeded_ones_are_listed_together(v1: Talk) -> None:
    v1.sandbox.seed("v1", "profile", user_id="ann", group_id="g", profile_data={"skills": []}, version=4)
    v1.episode()
    (profile,) = v1.listed("profile")
    # It goes on from there.
    assert (profile["version"], profile["memcell_count"]) == (5, 2)
    v1.sandbox.clear()
    assert v1.listed("profile") == []


@pytest.mark.parametrize(
    ("api", "kind", "fields", "words"),
    [
        ("v2", "foresight", {}, "seed: api is 'v2': expected one of v0, v1"),
        (
            "v1",
            "agent_case",
            {},
            "seed: memory_type is 'agent_case': v1 has episodic_memory, event_log, foresight, profile",
        ),
        ("v0", "memcell", {}, "seed: memory_type is 'memcell': v0 has episodic_memory, event_log, foresight,"),
        ("v0", "foresight", {}, "seed: foresight needs content"),
        ("v0", "event_log", {"user_id": ""}, "seed: event_log needs user_id and atomic_fact"),
        (
            "v0",
            "foresight",
            {"content": "c", "colour": "red"},
            "seed: foresight of v0 has no colour: it has id, content,",
        ),
        (
            "v1",
            "episodic_memory",
            {"user_id": "u", "episode": "e"},
            "seed: episodic_memory of v1 has no episode: it has",
        ),
        (
            "v0",
            "episodic_memory",
            {"user_id": "u", "start_time": "2025-01-15"},
            "episodic_memory of v0 has no start_time",
        ),
        ("v0", "foresight", {"content": 5}, "seed: content is 5: expected a str, or None"),
        (
            "v0",
            "foresight",
            {"content": "c", "start_time": "soon"},
            "seed: start_time is 'soon': expected a str with a time",
        ),
        (
            "v0",
            "foresight",
            {"content": "c", "duration_days": True},
            "duration_days is True: expected an int of 0 or more",
        ),
        ("v0", "foresight", {"content": "c", "participants": "u"}, "seed: participants is 'u': expected a list of str"),
        ("v0", "profile", {"profile_data": [1]}, r"seed: profile_data is \[1\]: expected a dict, or None"),
        ("v0", "event_log", {"original_data": [1]}, r"seed: original_data is \[1\]: expected a list of dict, or None"),
        ("v0", "agent_skill", {"confidence": "1"}, "seed: confidence is '1': expected a number, or None"),
        ("v0", "event_log", {"vector": ["1"]}, r"seed: vector is \['1'\]: expected a list of numbers, or None"),
    ],
)
def test_what_no_server_would_list_is_refused(api: str, kind: str, fields: dict[str, Any], words: str) -> None:
    with Sandbox() as sandbox, pytest.raises(ConfigurationError, match=words):
        sandbox.seed(api, kind, **fields)


def test_a_refused_memory_leaves_nothing(v0: Talk) -> None:
    with pytest.raises(ConfigurationError):
        v0.sandbox.seed("v0", "foresight", content=5)
    assert json.dumps(v0.sandbox._store.database.execute("SELECT count(*) FROM memory").fetchone()) == "[0]"
