"""A sandbox that loses its database for some of its requests, and a clock by which its answers are late."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from bulk_tools import FULL

from evermemos.bulk._bulk import AsyncBulk
from evermemos.sandbox import Answer, Fault, Sandbox
from evermemos.sandbox._messages import answer, now

# How a server without its database answers: a 404 after 10 to 20 seconds, a 404 at once, 500, or not at all.
Kind = Literal["slow", "quick", "error", "cut"]
KINDS: tuple[Kind, ...] = ("slow", "quick", "error", "cut")
# What the late answers of a task have taken, in seconds. Each task has its own, as if the others waited elsewhere.
waited: ContextVar[float] = ContextVar("waited", default=0.0)


class Outage(NamedTuple):
    """A time without the database.

    Attributes:
        first (int): The first request in it, counted from 0.
        length (int): How many requests come in it.
        kind (Kind): How they are answered.
    """

    first: int
    length: int
    kind: Kind


class Outages(Sandbox):
    """A sandbox with outages. What is written by a request whose connection is cut is a matter of chance.

    Attributes:
        log (list[str]): The requests that have come, as method and group.
        created (list[str | None]): The groups whose record a POST has made, in that order.
        replaced (list[str | None]): The groups whose record a POST has replaced.
        denied (set[str]): Groups of whose record every read is answered with a 404, in no outage, too.
    """

    def __init__(self, outages: Iterable[Outage] = (), seed: int = 0) -> None:
        super().__init__()
        self.outages = list(outages)
        self.chance = random.Random(seed)
        self.log: list[str] = []
        self.created: list[str | None] = []
        self.replaced: list[str | None] = []
        self.denied: set[str] = set()

    def lose_database(self, length: int, kind: Kind, after: int = 0) -> None:
        """Have an outage, after so many more requests."""
        self.outages.append(Outage(len(self.log) + after, length, kind))

    def put(self, group_id: str | None, **fields: Any) -> None:
        """Have a record that was made a second ago."""
        then = as_kept(datetime.fromisoformat(now()) - timedelta(seconds=1))
        record = {
            "id": self.chance.randbytes(12).hex(),
            "group_id": group_id,
            "is_default": group_id is None,
            **FULL,
            **dict.fromkeys(("description", "default_timezone")),
            "tags": [],
            "user_details": {},
            "conversation_created_at": FULL["created_at"],
            "created_at": then,
            "updated_at": then,
            **fields,
        }
        with self._store.session(write=True):
            self._store.put("v1", record)

    def delete(self, group_id: str) -> None:
        """Take a record away, which only somebody with access to the database can."""
        with self._store.session(write=True):
            self._store.database.execute("DELETE FROM conversation_meta WHERE group_id = ?", (json.dumps(group_id),))

    def handle(self, method: str, target: str, headers: Any, body: bytes, **options: Any) -> Answer:
        number, (path, _, query) = len(self.log), target.partition("?")
        group_id = json.loads(body).get("group_id") if body else query.removeprefix("group_id=")
        self.log.append(f"{method} {group_id or 'default'}")
        kind = next((kind for first, length, kind in self.outages if first <= number < first + length), None)
        if method == "GET" and group_id in self.denied:
            kind = "quick"
        if kind in ("slow", "quick") and method != "POST":
            if kind == "slow":
                waited.set(waited.get() + self.chance.uniform(10, 20))
            return refusal(404, "Conversation metadata not found", path)
        if kind == "cut":
            if method != "GET" and self.chance.random() < 0.5:
                self.perform(method, target, headers, body, options)
            return Answer(500, {}, b"", Fault(reset="before"))
        if kind is not None:
            return refusal(500, "Failed to save conversation metadata", path)
        return self.perform(method, target, headers, body, options)

    def perform(self, method: str, target: str, headers: Any, body: bytes, options: Any) -> Answer:
        """Answer with the database there."""
        if method != "POST":
            return super().handle(method, target, headers, body, **options)
        group_id = json.loads(body).get("group_id")
        is_new = self._store.get("v1" if "/v1/" in target else "v0", group_id) is None
        given = super().handle(method, target, headers, body, **options)
        if given.status == 200:
            (self.created if is_new else self.replaced).append(group_id)
        return given


def as_kept(time: datetime) -> str:
    """Write a time as a database keeps it."""
    return time.isoformat(timespec="milliseconds").replace("+", "000+")


def refusal(status: int, message: str, path: str) -> Answer:
    """Make an error in the words of a server."""
    body = {"status": "failed", "code": "HTTP_ERROR", "message": message, "timestamp": now(), "path": path}
    return answer(status, body)


class Interleaved(AsyncBulk):
    """Whose requests overlap, as they do over a network: in process, a call ends before another begins."""

    mix = random.Random()

    def _meta(self, concurrency: int) -> Any:
        meta, close = super()._meta(concurrency)

        def mixed(method: Callable[..., Any]) -> Callable[..., Any]:
            async def call(**arguments: Any) -> Any:
                for _ in range(self.mix.randrange(3)):
                    await asyncio.sleep(0)
                try:
                    return await method(**arguments)
                finally:
                    for _ in range(self.mix.randrange(3)):
                        await asyncio.sleep(0)

            return call

        return SimpleNamespace(get=mixed(meta.get), create=mixed(meta.create), update=mixed(meta.update)), close
