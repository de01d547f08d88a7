"""Recorded exchanges about conversation metadata: the sandbox answers as two real servers did, one of each version."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from replay import Agreement, Exchange, note, recorded, replayed, shares

from evermemos.sandbox import Sandbox

V0, V1 = "real_server_v0_sample.jsonl", "real_server_v1_meta_fuzz_sample.jsonl"
# The scenarios of the v0 server that are about metadata, and how many of their answers are known.
SCENARIOS = {"A_empty_store": 89, "B_group": 40, "D_default": 45, "E_llm": 51, "G_transport": 49}
KINDS = {"post": 238, "patch": 119, "get": 97, "broken": 52, "content": 26, "method": 20, "encoding": 9, "query": 9}
KINDS |= {"path": 6}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that never stands at a whole millisecond: of one time in a thousand it would not show how exact it is."""
    monkeypatch.setattr(
        "evermemos.sandbox._conversation_meta.now", lambda: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.123456+00:00"
    )


def scenario(exchange: Exchange) -> str:
    return exchange.scenario


def kind(exchange: Exchange) -> str:
    """What a random exchange was made to be: "meta_501_7_3_post-valid" is a post."""
    return exchange.name.rsplit("_", 1)[1].partition("-")[0]


def differing(agreements: list[Agreement]) -> list[tuple[str, object, object]]:
    return [(each.exchange.name, each.wanted, each.answer) for each in agreements if not each.whole]


def test_metadata_on_v0_is_answered_as_recorded(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the environment of the recorded server.
    monkeypatch.setenv("LISTED_WHITE_LIST", "m1,m2")
    agreements = [each for each in replayed(recorded(V0), Sandbox) if each.exchange.scenario in SCENARIOS]
    found = shares(agreements, scenario)
    note(request.config, found, "v0")
    assert {name: share.total for name, share in found.items()} == SCENARIOS
    assert differing(agreements) == []


def test_random_metadata_on_v1_is_answered_as_recorded(request: pytest.FixtureRequest) -> None:
    agreements = sorted(replayed(recorded(V1), Sandbox), key=lambda each: kind(each.exchange))
    found = shares(agreements, kind)
    note(request.config, found, "v1 metadata,")
    assert {name: share.total for name, share in found.items()} == KINDS
    assert differing(agreements) == []
