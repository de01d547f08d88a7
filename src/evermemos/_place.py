"""Where connections may be used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import asyncio


class Place(NamedTuple):
    """Where connections may be used: after a fork the parent's are not the child's, nor one event loop's another's."""

    process: int
    loop: asyncio.AbstractEventLoop | None = None

    def is_gone(self) -> bool:
        return self.process != os.getpid() or (self.loop is not None and self.loop.is_closed())


def place_sync() -> Place:
    return Place(os.getpid())


def place_async() -> Place:
    import asyncio

    return Place(os.getpid(), asyncio.get_running_loop())
