"""Turns: of the writers of one record in this process, threads and tasks of event loops, one writes at a time.

They queue up, first come, first served; whoever is first in the queue has the turn. A queue ends with its last writer.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from .errors import APITimeoutError, ConfigurationError

# Server, API version and group; None is the default record.
Key = tuple[str, str, str | None]

# Reentrant: a task that was thrown away leaves its queue when it is collected, which may be in the midst of this.
_guard = threading.RLock()
_queues: dict[Key, deque[Turn]] = {}


class Turn:
    """A place in the queue of a record, for `with` and `async with`: the block begins when the turn has come.

    Args:
        key (Key): Which record.
        seconds (float | None): How long to wait at most. None is no limit.

    Raises:
        APITimeoutError: If the turn did not come in time.
        ConfigurationError: If it cannot come: the thread that waits is that of a task which is to finish before.
    """

    def __init__(self, key: Key, seconds: float | None) -> None:
        self._key = key
        self._seconds = seconds
        self.loop = _running_loop()
        self.wake: Callable[[], Any] = int

    def __enter__(self) -> Self:
        woken = threading.Event()
        self.wake = woken.set
        try:
            if not self._is_first_at_once(blocks=True) and not woken.wait(self._seconds):
                raise _too_late()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        self.wake = lambda: loop.call_soon_threadsafe(_resolve, woken)
        try:
            if not self._is_first_at_once():
                async with asyncio.timeout(self._seconds):
                    await woken
        except TimeoutError:
            self._leave()
            raise _too_late() from None
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _is_first_at_once(self, *, blocks: bool = False) -> bool:
        with _guard:
            queue = _queues.setdefault(self._key, deque())
            if blocks and self.loop is not None and any(turn.loop is self.loop for turn in queue):
                raise ConfigurationError(
                    "another task of this thread is writing the same record, and this would keep it from ever "
                    "finishing: use AsyncEverMemOS in event loops"
                )
            queue.append(self)
            return queue[0] is self

    def _leave(self) -> None:
        """Leave the queue, from whichever place, and see to it that the first one knows of its turn."""
        with _guard:
            queue = _queues.get(self._key)
            if queue is None or self not in queue:
                return
            queue.remove(self)
            while queue:
                try:
                    # It may know already, and is not woken twice by that.
                    queue[0].wake()
                except RuntimeError:
                    # Its event loop was closed: nobody waits there any more.
                    queue.popleft()
                else:
                    return
            _queues.pop(self._key, None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _resolve(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _too_late() -> APITimeoutError:
    return APITimeoutError("the deadline was over before the other writers of this record were done; nothing was sent")


def _forget() -> None:
    """Start anew in a forked process, where the other threads, and those that they wait for, are not."""
    global _guard
    _guard = threading.RLock()
    _queues.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
