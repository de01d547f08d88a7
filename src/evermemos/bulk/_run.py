"""What a caller holds of a run: an iterator of results, asynchronous or not."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from sys import is_finalizing
from types import TracebackType
from typing import Any, Self, TypeVar

from ._engine import Engine, Result

T = TypeVar("T")
# Seconds that the end of a program waits for a run that it did not close.
LONGEST_STOP = 5.0
OnResult = Callable[[Result], object]
Close = Callable[[], Awaitable[None]]


class _Run:
    """What both kinds of runs have in common."""

    def __init__(self, make: Callable[[], tuple[Engine, Close | None]], on_result: OnResult | None) -> None:
        self._make = make
        self._on_result = on_result
        self._engine: Engine | None = None
        self._close: Close | None = None
        self._ready: deque[Result] = deque()
        self._is_over = False

    @property
    def counts(self) -> dict[str, int]:
        """How many results there are so far, by action. Some may not have been fetched yet."""
        return {} if self._engine is None else dict(self._engine.counts)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return 0 if self._engine is None else self._engine.gate.requests

    @property
    def retried(self) -> int:
        """How many times a record was tried again so far."""
        return 0 if self._engine is None else self._engine.retried

    @property
    def concurrency(self) -> int:
        """How many requests may be in flight now: fewer than asked for while the server has too much to do."""
        return 0 if self._engine is None else int(self._engine.gate.limit)

    def __repr__(self) -> str:
        state = "over" if self._is_over else "not begun" if self._engine is None else "under way"
        return f"<{type(self).__name__} {state}: {self.counts}>"

    async def _part(self) -> list[Result]:
        if self._engine is None:
            # In the loop that is to run it.
            self._engine, self._close = self._make()
        return await self._engine.results()

    async def _end(self) -> None:
        if self._engine is not None:
            await self._engine.aclose()
        if self._close is not None:
            await self._close()

    def _pop(self) -> Result:
        result = self._ready.popleft()
        if self._on_result is not None:
            self._on_result(result)
        return result


class AsyncRun(_Run, AsyncIterator[Result]):
    """A run over many records: an asynchronous iterator of results.

    The run begins with the first result that is asked for, and stands still when too many were not fetched. To end it
    early, close it, or use it as a context manager.
    """

    async def __anext__(self) -> Result:
        if not self._ready and not self._is_over:
            self._ready.extend(await self._part())
        if not self._ready:
            await self.aclose()
            raise StopAsyncIteration
        return self._pop()

    async def finish(self) -> dict[str, int]:
        """Go to the end, and return how many results there were, by action."""
        async for _ in self:
            pass
        return self.counts

    async def aclose(self) -> None:
        """End the run. What is in flight is given up; with a journal it can be gone on with."""
        self._is_over = True
        self._ready.clear()
        await self._end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class Run(_Run, Iterator[Result]):
    """A run over many records: an iterator of results.

    The run begins with the first result that is asked for, and stands still when too many were not fetched. To end it
    early, close it, or use it as a context manager. The requests are made by a thread with an event loop.
    """

    _loop: _Loop | None = None

    def __next__(self) -> Result:
        if not self._ready and not self._is_over:
            self._loop = self._loop or _Loop()
            try:
                self._ready.extend(self._loop.call(self._part()))
            except BaseException:
                # Ctrl-C, too: nothing goes on behind the back of a program that ends.
                self.close()
                raise
        if not self._ready:
            self.close()
            raise StopIteration
        return self._pop()

    def finish(self) -> dict[str, int]:
        """Go to the end, and return how many results there were, by action."""
        for _ in self:
            pass
        return self.counts

    def close(self) -> None:
        """End the run. What is in flight is given up; with a journal it can be gone on with."""
        self._is_over = True
        self._ready.clear()
        if self._loop is not None:
            loop, self._loop = self._loop, None
            try:
                loop.call(self._end())
            finally:
                loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The thread cannot be waited for from within, nor when the interpreter ends, which has stopped it.
        if self._loop is not None and not is_finalizing() and not self._loop.is_here():
            self.close()


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon, so that a program that does not close its runs ends all the same.
        self._thread = threading.Thread(target=self._loop.run_forever, name="evermemos-bulk", daemon=True)
        self._thread.start()
        # At the latest when the program ends: a thread that goes on while the interpreter is taken apart may crash it.
        self._stop = weakref.finalize(self, _stop, self._loop, self._thread)

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def close(self) -> None:
        self._stop()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    asyncio.run_coroutine_threadsafe(_end_all(loop), loop)
    # The last one to hold a run may be its own thread, which cannot wait for itself.
    if thread is not threading.current_thread():
        thread.join(LONGEST_STOP)
    if not thread.is_alive():
        loop.close()


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    # A task that is still there when its loop is closed complains.
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop.stop()
