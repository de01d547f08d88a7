"""Where connections may be used: after a fork the parent's are not the child's, nor one event loop's another's."""

from __future__ import annotations

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    import asyncio
    from typing import TypeAlias

    # A process, and an event loop in it.
    Place: TypeAlias = tuple[int, asyncio.AbstractEventLoop | None]


def place_sync() -> Place:
    return os.getpid(), None


def place_async() -> Place:
    import asyncio

    return os.getpid(), asyncio.get_running_loop()


def is_gone(place: Place) -> bool:
    process, loop = place
    return process != os.getpid() or (loop is not None and loop.is_closed())
