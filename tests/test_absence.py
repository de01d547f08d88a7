"""A 404 is not absence: `set` of a single conversation, and when the answer to a POST shows an older record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from conftest import CREATE_V1, Flavour
from outages import KINDS, Kind, Outage, Outages, waited

from evermemos import _absence
from evermemos.errors import APIConnectionError, ConfigurationError, InternalServerError, NotFoundError

if TYPE_CHECKING:
    from cli_tools import Cli

NEW: dict[str, Any] = {name: value for name, value in CREATE_V1.items() if name != "version"}
NEW_V0: dict[str, Any] = {name: NEW[name] for name in ("created_at", "scene", "scene_desc")}
# How each handle is made of a client, and what its `set` takes.
HANDLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "v1 group": (lambda client: client.v1.conversation("g"), NEW),
    "v1 default": (lambda client: client.v1.default_conversation(), NEW),
    "v0 default": (lambda client: client.v0.default_conversation(), NEW_V0),
}


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0)
    monkeypatch.setattr("evermemos._absence.clock", waited.get)


@pytest.fixture
def sandbox() -> Iterator[Outages]:
    with Outages() as sandbox:
        yield sandbox


class Setter:
    """Calls `set` of a handle."""

    def __init__(self, flavour: Flavour, sandbox: Outages, name: str) -> None:
        make, self._fields = HANDLES[name]
        self._flavour, self._sandbox, self._handle = flavour, sandbox, make(flavour.client(base_url=sandbox))

    def __call__(self, **options: Any) -> Any:
        self._sandbox.log.clear()
        return self._flavour.call(self._handle.set, **self._fields, **options)

    def methods(self) -> list[str]:
        return [each.partition(" ")[0] for each in self._sandbox.log]


@pytest.fixture(params=HANDLES)
def set_(request: pytest.FixtureRequest, flavour: Flavour, sandbox: Outages) -> Setter:
    return Setter(flavour, sandbox, request.param)


def test_set_takes_two_requests_and_says_whether_it_created_the_record(set_: Setter) -> None:
    assert [set_().created, set_().created] == [True, False]
    assert set_.methods() == ["GET", "POST"]


def test_a_slow_404_is_asked_again_before_set_writes(set_: Setter, sandbox: Outages) -> None:
    sandbox.outages = [Outage(0, 2, "slow")]
    assert set_().created is True
    assert set_.methods() == ["GET", "GET", "GET", "POST"]
    assert set_().created is False
    assert set_.methods() == ["GET", "GET", "GET", "POST"]


@pytest.mark.parametrize("retries", [0, 3])
def test_set_writes_nothing_while_404s_are_slow(retries: int, set_: Setter, sandbox: Outages) -> None:
    sandbox.outages = [Outage(0, 99, "slow")]
    with pytest.raises(InternalServerError, match=r"more than 2 s.*database is away.*Nothing was written") as caught:
        set_(max_retries=retries)
    assert (caught.value.status_code, caught.value.outcome_unknown) == (404, False)
    assert set_.methods() == ["GET"] * (1 + retries)


def test_a_record_that_a_quick_404_hid_is_not_said_to_be_created(set_: Setter, sandbox: Outages) -> None:
    set_()
    sandbox.outages = [Outage(0, 1, "quick")]
    assert set_().created is False
    assert len(sandbox.replaced) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_that_lasts_makes_set_fail_without_a_word_of_creation(
    kind: Kind, set_: Setter, sandbox: Outages
) -> None:
    sandbox.outages = [Outage(0, 99, kind)]
    with pytest.raises((InternalServerError, APIConnectionError)):
        set_()
    assert sandbox.created == []


def test_the_default_record_that_answers_for_a_group_proves_its_absence(flavour: Flavour, sandbox: Outages) -> None:
    sandbox.put(None)
    set_ = Setter(flavour, sandbox, "v1 group")
    assert set_().created is True
    assert set_.methods() == ["GET", "POST"]


def test_wrong_retries_are_refused_before_anything_is_sent(set_: Setter) -> None:
    for wrong in (-1, "3", True):
        with pytest.raises(ConfigurationError, match="max_retries"):
            set_(max_retries=wrong)
    assert set_.methods() == []


@pytest.mark.socket
@pytest.mark.process
def test_the_command_line_says_of_a_record_that_was_hidden_that_it_was_replaced(cli: Cli, sandbox: Outages) -> None:
    arguments = ("set", "g", "--name", "N", "--scene", "assistant", "--created-at", "2025-01-15T10:00:00+00:00")
    assert json.loads(cli.good(*arguments))["action"] == "created"
    sandbox.log.clear()
    sandbox.outages = [Outage(0, 1, "quick")]
    assert json.loads(cli.good(*arguments))["action"] == "replaced"


@pytest.mark.parametrize(
    ("created_at", "seen", "is_older"),
    [
        # In microseconds it is new, whatever clocks say.
        ("2026-01-01T00:00:00.123456+00:00", "2027-01-01T00:00:00.000000+00:00", False),
        # From before the 404 of this attempt: older. From after it: new, by chance in whole milliseconds.
        ("2026-01-01T00:00:00.123000+00:00", "2026-01-01T00:00:00.124001+00:00", True),
        ("2026-01-01T00:00:00.123000+00:00", "2026-01-01T00:00:00.122999+00:00", False),
        ("2026-01-01T00:00:00.123000+00:00", "2026-01-01T00:00:00.123000+00:00", False),
        # A server that writes whole seconds.
        ("2026-01-01T00:00:07+00:00", "2026-01-01T00:00:07.999999+00:00", False),
        ("2026-01-01T00:00:06+00:00", "2026-01-01T00:00:07.000001+00:00", True),
        # Other zones, and what cannot be compared.
        ("2026-01-01T01:00:00.123000+01:00", "2026-01-01T00:00:00.124001+00:00", True),
        ("2026-01-01T00:00:00.123000", "2026-01-01T00:00:00.124001+00:00", False),
        ("yesterday", "2026-01-01T00:00:00.124001+00:00", False),
        (None, "2026-01-01T00:00:00.124001+00:00", False),
        ("2026-01-01T00:00:00.123000+00:00", None, False),
    ],
)
def test_an_older_record_is_told_by_times_of_the_server(created_at: Any, seen: str | None, is_older: bool) -> None:
    assert _absence.is_older(created_at, None if seen is None else datetime.fromisoformat(seen)) is is_older


@pytest.mark.parametrize("seconds", [0.0, 1.9, 2.1])
def test_an_answer_is_slow_after_two_seconds(seconds: float) -> None:
    started = waited.get()
    waited.set(started + seconds)
    assert _absence.is_slow(started) is (seconds > 2)


def test_an_error_says_when_the_server_answered_by_its_own_clock(flavour: Flavour, sandbox: Outages) -> None:
    meta = flavour.client(base_url=sandbox).v1.memories.conversation_meta
    with pytest.raises(NotFoundError) as caught:
        flavour.call(meta.get, group_id="unknown")
    assert caught.value.server_time is not None
    assert caught.value.server_time.tzinfo is not None
