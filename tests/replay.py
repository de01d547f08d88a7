"""Recorded exchanges, sent to a sandbox again, and its answers compared with those of the server."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from conftest import REPLAYED
from pytest import Config  # noqa: PT013

from evermemos.sandbox import Sandbox

DATA = Path(__file__).parent / "data"
# The day of the recordings.
RECORDED = "2026-11-27"
ID = re.compile("[0-9a-f]{24}")
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.(\d{6}))?(Z|\+00:00)")
BASE = "http://server.test:99"


class Exchange(NamedTuple):
    """A recorded exchange.

    Attributes:
        name (str): What it was for.
        scenario (str): The sequence that it belongs to.
        fresh (bool): Whether the store was empty before.
        method (str): HTTP method.
        target (str): Path and query.
        headers (dict[str, str]): The headers that mattered.
        content (bytes): The body as it was sent.
        response (dict[str, Any] | None): Status, headers and body of the answer. None where they are withheld.
    """

    name: str
    scenario: str
    fresh: bool
    method: str
    target: str
    headers: dict[str, str]
    content: bytes
    response: dict[str, Any] | None


@cache
def recorded(file: str) -> list[Exchange]:
    """Read the exchanges of a file in tests/data."""
    lines = gzip.decompress((DATA / f"{file}.gz").read_bytes()).decode().splitlines()
    return [_exchange(json.loads(line)) for line in lines]


def _exchange(line: dict[str, Any]) -> Exchange:
    request = line["request"]
    content = (request["body_latin1"] or "").encode("latin-1")
    about = (line["name"], line["scenario"], line["fresh"], request["method"], request["target"])
    return Exchange(*about, dict(request["headers"]), content, line["response"])


class Agreement(NamedTuple):
    """Whether the sandbox answered as the server did.

    Attributes:
        exchange (Exchange): What was recorded.
        status (bool): Whether the statuses agree.
        whole (bool): Whether status, content type and body agree, ids and times masked.
        answer (tuple[int, str | None, Any]): What the sandbox answered, masked.
        wanted (tuple[int, str | None, Any]): What the server answered, masked.
    """

    exchange: Exchange
    status: bool
    whole: bool
    answer: tuple[int, str | None, Any]
    wanted: tuple[int, str | None, Any]


def replayed(
    exchanges: list[Exchange], make: Callable[[], Sandbox], before: Callable[[Sandbox, Exchange], None] | None = None
) -> Iterator[Agreement]:
    """Send exchanges to a sandbox in their order, and compare the answers that are known.

    Args:
        exchanges (list[Exchange]): What was recorded.
        make (Callable[[], Sandbox]): Makes an empty sandbox.
        before (Callable[[Sandbox, Exchange], None] | None): What happened on the server before an exchange.
    """
    sandbox = make()
    there, here = Masks(RECORDED), Masks(f"{datetime.now(UTC):%Y-%m-%d}")
    for exchange in exchanges:
        if exchange.fresh:
            sandbox.clear()
        if before:
            before(sandbox, exchange)
        answer = sandbox.handle(exchange.method, exchange.target, exchange.headers, exchange.content, base=BASE)
        response = exchange.response
        if response is None:
            continue
        given = answer.status, answer.headers.get("content-type"), here.masked(_read(answer.body))
        wanted = response["status"], response["headers"].get("content-type"), there.masked(_read(response["body"]))
        yield Agreement(exchange, given[0] == wanted[0], given == wanted, given, wanted)


def _read(body: Any) -> Any:
    """Read the body of an answer. That of a recorded one is its JSON already."""
    if not isinstance(body, bytes):
        return body or None
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()


class Masks:
    """Replaces ids and times that a server made up by names, and keeps which are the same and how exact a time is.

    Each answer has names of its own: one that differs does not make all differ that follow.

    Args:
        today (str): The day on which the server ran.
    """

    def __init__(self, today: str) -> None:
        self._today = today
        self._names: dict[str, str] = {}

    def masked(self, value: Any) -> Any:
        self._names.clear()
        return self._masked(value, "")

    def _masked(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {name: self._masked(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self._masked(each, name) for each in value]
        if not isinstance(value, str):
            return value
        if ID.fullmatch(value) or UUID.fullmatch(value):
            kind = "id" if len(value) == 24 else "uuid"
            return self._names.setdefault(value, f"{kind} {len(self._names)}")
        time = TIME.fullmatch(value)
        if time and time[1] == self._today:
            # Of the time of an answer nobody knows: one in a thousand ends in three zeros.
            exact = "milliseconds" if (time[2] or "000").endswith("000") else "microseconds"
            return f"time with {time[3]}" if name == "timestamp" else f"time in {exact} with {time[3]}"
        return value


class Shares(NamedTuple):
    """How many exchanges agree.

    Attributes:
        status (int): Of how many the statuses agree.
        whole (int): Of how many the whole answers agree.
        total (int): How many there are.
    """

    status: int
    whole: int
    total: int


def shares(agreements: list[Agreement], scenario_of: Callable[[Exchange], str]) -> dict[str, Shares]:
    """Count what agrees, by scenario."""
    found = {}
    for scenario, group in groupby(agreements, lambda each: scenario_of(each.exchange)):
        each = list(group)
        found[scenario] = Shares(sum(a.status for a in each), sum(a.whole for a in each), len(each))
    return found


def note(config: Config, found: dict[str, Shares], file: str) -> None:
    """Have the shares shown after the tests."""
    table = config.stash.setdefault(REPLAYED, {})
    for scenario, share in found.items():
        table[f"{file} {scenario}"] = share.whole, share.total
