"""Where the input of a run comes from."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import AsyncIterable, Iterable
from typing import Any

# Seconds after which what has come so far is handed on, that a slow iterable does not hold back its first items.
PATIENCE = 0.005


class Source:
    """Reads an iterable in parts.

    One that is not asynchronous is read in a thread of its own, since it may wait: it is the only one to touch it.

    Args:
        items (Iterable[Any] | AsyncIterable[Any]): What to read.

    Attributes:
        ended (bool): Whether there is nothing more.
    """

    def __init__(self, items: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._items = items
        self._asynchronous = aiter(items) if isinstance(items, AsyncIterable) else None
        self._wanted: queue.SimpleQueue[tuple[int, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.ended = False

    async def part(self, most: int) -> list[Any]:
        """Return the next items, at least one unless there are no more, and at most so many.

        Raises:
            Exception: Whatever the iterable raises.
        """
        if self._failure is not None:
            raise self._failure
        if self._asynchronous is not None:
            try:
                return [await anext(self._asynchronous)]
            except StopAsyncIteration:
                self.ended = True
                return []
        if self._thread is None:
            # A daemon, since nobody can interrupt one that waits for its iterable.
            self._thread = threading.Thread(target=self._read, name="evermemos-bulk-input", daemon=True)
            self._thread.start()
        future = asyncio.get_running_loop().create_future()
        self._wanted.put((most, future))
        items, self._failure, self.ended = await future
        # What came before it was good.
        if self._failure is not None and not items:
            raise self._failure
        return list(items)

    async def aclose(self) -> None:
        """Stop reading."""
        self.ended = True
        if self._asynchronous is not None:
            if (close := getattr(self._asynchronous, "aclose", None)) is not None:
                await close()
        else:
            self._wanted.put(None)

    def _read(self) -> None:
        iterator: Any = None
        while (order := self._wanted.get()) is not None:
            most, future = order
            items: list[Any] = []
            ended, failure = False, None
            until = time.monotonic() + PATIENCE
            try:
                iterator = iter(self._items) if iterator is None else iterator  # type: ignore[arg-type]
                while len(items) < most and (not items or time.monotonic() < until):
                    items.append(next(iterator))
            except StopIteration:
                ended = True
            except BaseException as error:
                failure = error
            # The loop may be gone.
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_answer, future, (items, failure, ended))
        if (close := getattr(iterator, "close", None)) is not None:
            with contextlib.suppress(Exception):
                close()


def _answer(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
