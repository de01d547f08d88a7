"""Where the input of a run comes from."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterable, Iterable
from typing import Any


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
        self._thread: threading.Thread | None = None
        # What the thread has read, and how many items it may read.
        self._read: deque[Any] = deque()
        self._allowed = 0
        self._failure: BaseException | None = None
        self._is_read = self._is_closed = False
        self._changed = threading.Condition()
        self._waiting: asyncio.Future[None] | None = None
        self.ended = False

    async def part(self, most: int) -> list[Any]:
        """Return the next items, at least one unless there are no more, and at most so many.

        Raises:
            Exception: Whatever the iterable raises, after the items before.
        """
        if self._asynchronous is not None:
            try:
                return [await anext(self._asynchronous)]
            except StopAsyncIteration:
                self.ended = True
                return []
        if self._thread is None:
            # A daemon, since nobody can interrupt one that waits for its iterable.
            self._thread = threading.Thread(target=self._run, name="evermemos-bulk-input", daemon=True)
            self._thread.start()
        with self._changed:
            self._allowed = most - len(self._read)
            self._changed.notify()
            waiting = None
            if not self._read and not self._is_read:
                waiting = self._waiting = asyncio.get_running_loop().create_future()
        if waiting is not None:
            await waiting
        with self._changed:
            found = [self._read.popleft() for _ in range(min(most, len(self._read)))]
            self.ended = self._is_read and not self._read and self._failure is None
        if not found and self._failure is not None:
            raise self._failure
        return found

    async def aclose(self) -> None:
        """Stop reading."""
        if self._asynchronous is not None:
            if (close := getattr(self._asynchronous, "aclose", None)) is not None:
                await close()
            return
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _run(self) -> None:
        iterator: Any = None
        try:
            iterator = iter(self._items)  # type: ignore[arg-type]
            while self._may_read():
                item = next(iterator)
                with self._changed:
                    self._read.append(item)
                    self._allowed -= 1
                    self._wake()
        except StopIteration:
            pass
        except BaseException as error:
            self._failure = error
        with self._changed:
            self._is_read = True
            self._wake()
        if (close := getattr(iterator, "close", None)) is not None:
            with contextlib.suppress(Exception):
                close()

    def _may_read(self) -> bool:
        with self._changed:
            while self._allowed <= 0 and not self._is_closed:
                self._changed.wait()
            return not self._is_closed

    def _wake(self) -> None:
        if (waiting := self._waiting) is not None:
            self._waiting = None
            # The loop may be gone.
            with contextlib.suppress(RuntimeError):
                waiting.get_loop().call_soon_threadsafe(_set, waiting)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
