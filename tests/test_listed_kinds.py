"""Memories as recorded servers list them, each of the kind that it is, and what deletions say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Flavour, answer
from evermemos_api import models

from evermemos import RequestValidationError

ITEMS = {
    row["memory_type"]: row["item"]
    for row in map(json.loads, (Path(__file__).parent / "data/real_server_v1_items.jsonl").read_text().splitlines())
}
PROFILE = {name: value for name, value in ITEMS["profile"].items() if name != "metadata"}
CASE = {"id": "c", "task_intent": "", "approach": "Measured", "timestamp": "2025-01-15T10:00:00Z", "user_id": "u"}
SKILL = {"id": "s", "cluster_id": "c1", "name": "Measure", "content": "Measure", "description": None, "confidence": 0}
COMBINED = {"user_id": "__all__", "group_ids": ["g"], "profiles": [PROFILE], "global_profile": None}
KINDS: dict[str, tuple[Any, type]] = {
    "episodic_memory": (ITEMS["episodic_memory"], models.EpisodicMemory),
    "event_log": (ITEMS["event_log"], models.EventLogMemory),
    "foresight": (ITEMS["foresight"], models.ForesightMemory),
    "profile": (PROFILE, models.ProfileMemory),
    "agent_case": (CASE, models.AgentCaseMemory),
    "agent_skill": (SKILL, models.AgentSkillMemory),
}
PLACES: dict[str, Any] = {
    "argument": lambda kind: {"memory_type": kind},
    "extra_query": lambda kind: {"extra_query": {"memory_type": kind}},
    "several in extra_query": lambda kind: {"extra_query": {"memory_type": ["profile", kind]}},
    "extra_body": lambda kind: {"extra_body": {"memory_type": kind}},
    "extra_body over an argument": lambda kind: {"memory_type": "profile", "extra_body": {"memory_type": kind}},
}


def listed(*memories: Any, **more: Any) -> httpx.Response:
    return answer({"status": "ok", "message": "m", "result": {"memories": list(memories), **more}})


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_item_as_servers_list_it_is_of_its_kind_and_comes_back_as_it_was(
    flavour: Flavour, kind: str, version: str
) -> None:
    item, expected = KINDS[kind]
    get = getattr(flavour.client(lambda _: listed(item)), version).memories.get
    memory: Any
    (memory,) = flavour.call(get, user_id="u", extra_query={"memory_type": kind}).result.memories
    assert type(memory).__name__ == expected.__name__
    assert memory.to_dict() == item
    assert memory.additional_properties == {}


def test_an_episode_of_v1_has_its_title_and_a_foresight_its_content(flavour: Flavour) -> None:
    client = flavour.client(lambda _: listed(ITEMS["episodic_memory"]))
    (episode,) = flavour.call(client.v1.memories.get, user_id="u").result.memories
    assert (episode.title, episode.summary, episode.key_events) == ("subj 11", "sum 11", [])
    assert (episode.subject, episode.timestamp, bool(episode.episode)) == (None, None, False)
    client = flavour.client(lambda _: listed(ITEMS["foresight"]))
    (foresight,) = flavour.call(client.v1.memories.get, user_id="u", memory_type="foresight").result.memories
    assert (foresight.content, bool(foresight.foresight)) == ("will 0", False)


@pytest.mark.parametrize("place", PLACES)
def test_the_kind_that_was_asked_for_counts_however_it_was_asked_for(flavour: Flavour, place: str) -> None:
    # Nothing in this item says that it is an episode: it has the fields of an event log as well.
    both = {**ITEMS["event_log"], **ITEMS["episodic_memory"], "timestamp": "2025-01-15T10:00:00Z"}
    client = flavour.client(lambda _: listed(both))
    for kind, expected in (("episodic_memory", models.EpisodicMemory), ("event_log", models.EventLogMemory)):
        response = flavour.call(client.v1.memories.get, user_id="u", **PLACES[place](kind))
        assert type(response.result.memories[0]) is expected


def test_a_kind_that_is_not_known_leaves_memories_as_they_are(flavour: Flavour) -> None:
    client = flavour.client(lambda _: listed(ITEMS["event_log"]))
    kinds: list[Any] = ["base_memory", [], 5]
    for kind in kinds:
        response = flavour.call(client.v1.memories.get, user_id="u", extra_query={"memory_type": kind})
        assert type(response.result.memories[0]) is models.EventLogMemory


# Profiles on v0


@pytest.mark.parametrize("profile", [None, {"id": "1", "user_id": "u", "profile_data": {"a": 1}, "confidence": 0.5}])
def test_a_listing_of_profiles_on_v0_is_one_item_with_all_of_them(flavour: Flavour, profile: Any) -> None:
    item = {**COMBINED, "global_profile": profile}
    client = flavour.client(lambda _: listed(item, total_count=1, count=1))
    response = flavour.call(client.v0.memories.get, group_ids=["g"], memory_type="profile")
    (found,) = response.result.memories
    assert type(found) is models.CombinedProfile
    assert [type(each) for each in found.profiles] == [models.ProfileMemory]
    assert response.to_dict()["result"]["memories"] == [item]


def pages_of(*sizes: int, total: int, profile: Any = None) -> Any:
    """Answer pages of profiles: one item each, whether there is a profile on it or not."""

    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        size = sizes[page - 1] if page <= len(sizes) else 0
        profiles = [{**PROFILE, "id": f"{page}-{number}"} for number in range(size)]
        return listed({**COMBINED, "profiles": profiles, "global_profile": profile}, total_count=total, count=1)

    return handler


@pytest.mark.parametrize(
    ("sizes", "total", "profile", "expected", "pages"),
    [
        ((), 0, None, [], 1),
        ((), 0, {"user_id": "u"}, [0], 1),
        ((1,), 1, None, [1], 1),
        ((2,), 2, None, [2], 2),
        ((2, 2, 1), 5, {"user_id": "u"}, [2, 2, 1], 3),
        ((2, 2), 4, {"user_id": "u"}, [2, 2], 3),
        # A server that says that there are more than it sends.
        ((1,), 5, None, [1], 2),
    ],
)
def test_iter_goes_through_pages_of_profiles_and_leaves_out_items_without_any(
    flavour: Flavour, sizes: Any, total: int, profile: Any, expected: list[int], pages: int
) -> None:
    client = flavour.client(pages_of(*sizes, total=total, profile=profile))
    iterator = client.v0.memories.iter(user_id="u", memory_type="profile", page_size=2)

    async def all_of() -> list[Any]:
        return [memory async for memory in iterator]

    found = list(iterator) if flavour.name == "sync" else flavour.call(all_of)
    assert [len(memory.profiles) for memory in found] == expected
    assert (iterator.pages, iterator.total) == (pages, total)


# Search


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"memory_type": "agent_case", **CASE}, models.SearchAgentCaseMemory),
        ({"memory_type": "agent_skill", "user_id": None, "timestamp": None, **SKILL}, models.SearchAgentSkillMemory),
        ({"memory_type": "agent_skill"}, models.SearchAgentSkillMemory),
    ],
)
def test_what_agents_learnt_is_searched_on_v0_and_found_by_its_kind(flavour: Flavour, item: Any, kind: type) -> None:
    client = flavour.client(lambda _: listed(item))
    kinds = ["agent_case", "agent_skill"]
    response = flavour.call(client.v0.memories.search, user_id="u", memory_types=kinds)
    memory: Any
    ((_, _, memory),) = response.result.hits()
    assert type(memory).__name__ == kind.__name__
    assert memory.to_dict() == item
    with pytest.raises(RequestValidationError, match="memory_types"):
        flavour.call(client.v1.memories.search, user_id="u", memory_types=kinds)


@pytest.mark.parametrize(("version", "is_taken"), [("v0", True), ("v1", False)])
def test_a_tool_writes_messages_on_v0_alone(flavour: Flavour, version: str, is_taken: bool) -> None:
    message = {"message_id": "m", "create_time": "2025-01-15T10:00:00Z", "sender": "t", "content": "c", "group_id": "g"}
    add = getattr(flavour.client(lambda _: answer({"message": "m", "result": {}})), version).memories.add
    if is_taken:
        assert flavour.call(add, **message, role="tool").message == "m"
    else:
        with pytest.raises(RequestValidationError, match="role"):
            flavour.call(add, **message, role="tool")


# Deletions


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_servers_word_for_any_is_no_filter_of_a_deletion(flavour: Flavour, version: str) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer({"result": {}})

    client = flavour.client(handler)
    for name in ("user_id", "group_id"):
        with pytest.raises(RequestValidationError, match=f"{name}: got '__all__'.*more would be deleted"):
            flavour.call(getattr(client, version).memories.delete, **{"user_id": "u", "group_id": "g", name: "__all__"})
    assert seen == []


@pytest.mark.parametrize(
    ("body", "affected"),
    [
        ({"message": "Delete operation completed, 28 records affected", "result": {"filters": [], "count": 0}}, 28),
        ({"message": "Delete operation completed, 0 records affected", "result": {"filters": [], "count": 0}}, 0),
        ({"message": "Successfully deleted 10 memories", "result": {"filters": ["user_id"], "count": 10}}, 10),
        ({"message": "Successfully deleted 11 memories", "result": {}}, 11),
        ({"message": "Deleted 3 of 5", "result": {"count": 0}}, 0),
        ({"message": "Deleted", "result": {"count": 0}}, 0),
        ({"message": "Deleted 3 of 5", "result": {"count": 4}}, 4),
        ({"result": {}}, None),
    ],
)
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_deletion_says_how_many_wherever_the_server_puts_the_number(
    flavour: Flavour, version: str, body: Any, affected: int | None
) -> None:
    client = flavour.client(lambda _: answer(body))
    response = flavour.call(getattr(client, version).memories.delete, group_id="g")
    assert response.affected == affected
    assert response.to_dict() == body
