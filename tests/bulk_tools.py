"""What the tests of runs over many records share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from evermemos.bulk import Result
from evermemos.sandbox import Answer, Sandbox

FULL: dict[str, Any] = {
    "version": "1.0",
    "scene": "group_chat",
    "scene_desc": {"type": "project"},
    "name": "Project",
    "created_at": "2025-01-15T10:00:00+00:00",
}
PATH = "/api/v1/memories/conversation-meta"


def record(group_id: str | None, **fields: Any) -> dict[str, Any]:
    return {"group_id": group_id, **FULL, **fields}


def finish(run: Any) -> list[Result]:
    """All results of a run, in the order of the input."""
    if hasattr(run, "__anext__"):

        async def gather() -> list[Result]:
            async with run:
                return [result async for result in run]

        found = asyncio.run(gather())
    else:
        with run:
            found = list(run)
    return sorted(found, key=lambda result: result.index)


def actions(run: Any) -> list[str]:
    return [result.action for result in finish(run)]


def state(sandbox: Sandbox) -> dict[str | None, dict[str, Any]]:
    """What a sandbox holds, without what differs from one to the other."""
    _, newest = sandbox.newest(10_000)
    return {
        kept["group_id"]: {
            name: value for name, value in kept.items() if name not in ("id", "created_at", "updated_at")
        }
        for _, kept in newest
    }


class Logging(Sandbox):
    """Takes down who wrote what, and how many requests were under way at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[str | None, Any]] = []

    def handle(self, method: str, target: str, headers: Any, body: bytes, **options: Any) -> Answer:
        answer = super().handle(method, target, headers, body, **options)
        if method in ("POST", "PATCH") and answer.status == 200:
            sent = json.loads(body)
            self.writes.append((sent.get("group_id"), sent.get("tags")))
        return answer


def per_group(writes: Iterable[tuple[str | None, Any]]) -> dict[str | None, list[Any]]:
    found: dict[str | None, list[Any]] = {}
    for group_id, tags in writes:
        found.setdefault(group_id, []).append(tags)
    return found
