"""Recorded requests on memories, search, deletion and request status, sent to the sandbox again."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

import pytest
from replay import Agreement, Exchange, Shares, note, recorded, replayed

from evermemos.sandbox import Sandbox

V0, V1 = "real_server_v0_sample.jsonl", "real_server_v1_memories_sample.jsonl"
SCENARIOS = ("H_add", "I_get", "J_search", "K_delete", "L_rest", "M_stored")
# What differs, and why. A name that differs no more is an error, too.
DIFFERENT_V0 = {
    "stored_search_keyword": "the server had no Elasticsearch and found nothing",
}
DIFFERENT_V1: dict[str, str] = {}


def store_documents(sandbox: Sandbox, exchange: Exchange) -> None:
    """Seed what was written into the server's database by hand, before it was first asked for."""
    if exchange.name != "stored_episodic_memory":
        return
    made = dict.fromkeys(("created_at", "updated_at"), "2026-11-01T12:00:00+00:00")
    owner = {"user_id": "u_seed", "group_id": "g_seed", "group_name": "Seed", "participants": ["u_seed"], **made}
    cells = {"g_seed": "6a0000000000000000000001", "g_seed2": "6a0000000000000000000002"}
    original = [{"speaker_id": "u_seed", "content": "Bees fly."}]
    for number in range(25):
        group = "g_seed" if number < 23 else "g_seed2"
        sandbox.seed(
            "v0",
            "episodic_memory",
            **{**owner, "group_id": group},
            id=f"6b00000000000000000000{number:02}",
            subject=f"Bees {number}",
            summary=f"s{number}",
            episode=f"Bees fly {number}.",
            keywords=["bees"],
            location="Paris" if number == 0 else "",
            timestamp=f"2025-01-15T10:{number:02}:00Z",
            parent_id=cells[group],
            original_data=original,
        )
    known = {**owner, "user_name": "U", "vector_model": "m", "parent_id": cells["g_seed"]}
    for number in range(3):
        fact = {"id": f"6c000000000000000000000{number}", "atomic_fact": f"Bees fly {number}."}
        sandbox.seed("v0", "event_log", **known, **fact, timestamp=f"2025-01-15T10:0{number}:00Z")
    for number in range(2):
        period = {"start_time": "2025-01-16", "end_time": "2025-02-16", "duration_days": 31}
        foresight = {"id": f"6d000000000000000000000{number}", "content": f"Bees will fly {number}."}
        sandbox.seed("v0", "foresight", **known, **foresight, **period, evidence="They said so.")
    data = {
        "explicit_info": [{"category": "Likes", "description": "Bees"}],
        "implicit_traits": [{"trait": "Calm", "description": "Calm"}],
    }
    cluster: dict[str, Any] = {"cluster_ids": ["c1"], "last_updated_cluster": "c1"}
    profile = {"id": "6e0000000000000000000000", "user_id": "u_seed", "group_id": "g_seed", **made, **cluster}
    sandbox.seed("v0", "profile", **profile, profile_data=data, confidence=0.5)


def of_v0(*, extraction: bool) -> list[Agreement]:
    """Replay the whole file, since its scenarios follow one another, and return what is about memories."""
    found = replayed(recorded(V0), lambda: Sandbox(extraction=extraction), store_documents)
    return [each for each in found if each.exchange.scenario in SCENARIOS]


def shares(agreements: list[Agreement]) -> dict[str, Shares]:
    """Count what agrees by scenario, of the random file by what was asked."""

    def part(each: Agreement) -> str:
        name = each.exchange.scenario
        return each.exchange.name.rpartition("_")[2] if name.startswith("memories") else name

    found = {}
    for name, group in groupby(sorted(agreements, key=part), part):
        parts = list(group)
        found[name] = Shares(sum(a.status for a in parts), sum(a.whole for a in parts), len(parts))
    return found


def differing(agreements: list[Agreement]) -> dict[str, tuple[Any, Any]]:
    return {each.exchange.name: (each.wanted, each.answer) for each in agreements if not each.whole}


def test_the_recordings_are_whole() -> None:
    exchanges = recorded(V0)
    assert (len(exchanges), sum(exchange.response is None for exchange in exchanges)) == (695, 210)
    assert len(recorded(V1)) == 593


def test_v0_is_answered_as_recorded(request: pytest.FixtureRequest) -> None:
    found = of_v0(extraction=False)
    note(request.config, shares(found), "v0")
    assert set(differing(found)) == set(DIFFERENT_V0), differing(found)
    assert [each.exchange.name for each in found if not each.status] == []
    assert len(found) == 211


def test_with_extraction_only_what_two_messages_were_made_into_differs(request: pytest.FixtureRequest) -> None:
    found = of_v0(extraction=True)
    note(request.config, shares(found), "v0 with extraction")
    others = set(differing(found)) - set(DIFFERENT_V0)
    # Two messages of the user u1 were sent with flush.
    asked = {each.exchange.name: f"{each.exchange.target} {each.exchange.content.decode()}" for each in found}
    assert others >= {"add_flush", "add_type_flush_10"}
    about_u1 = re.compile('user_id(=|": ")u1\\b')
    assert [name for name in others if not about_u1.search(asked[name]) and "flush" not in name] == []
    assert [each.exchange.name for each in found if not each.status] == []


def test_v1_is_answered_as_recorded(request: pytest.FixtureRequest) -> None:
    found = list(replayed(recorded(V1), Sandbox))
    note(request.config, shares(found), "v1 memories")
    assert set(differing(found)) == set(DIFFERENT_V1), differing(found)
    assert len(found) == 593
