"""How fast requests go out: how many at once, how many a second, and when none at all."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..errors import APIError

T = TypeVar("T")

# With these a server says that it has too much to do, and that the request was not worked on.
OVERLOADED = frozenset({429, 503})
# Seconds. A batch can wait longer than a caller who looks at a screen.
LONGEST_PAUSE = 600.0
# Seconds' worth of requests that may go out at once after a lull.
BURST = 0.1


class Gate:
    """Lets the requests of a run through.

    Args:
        concurrency (int): The most requests in flight.
        rate (float | None): The most requests a second.

    Attributes:
        limit (float): How many requests may be in flight now. Halved when the server has too much to do, and grown by
            one for as many good answers as are in flight.
        requests (int): How many went out.
    """

    def __init__(self, concurrency: int, rate: float | None) -> None:
        self._most = concurrency
        self._rate = rate
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        # When the next request may go out, were there no burst.
        self._due = 0.0
        self._halvings = 0
        self.limit = float(concurrency)
        self.requests = 0

    async def send(self, call: Callable[..., Awaitable[T]], **arguments: Any) -> T:
        """Call a method of the client when its turn has come. The client itself tries once: pauses are for all."""
        while True:
            if self._paused_until and (wait := self._paused_until - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            elif self._active >= max(1, int(self.limit)):
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    # Whoever woke this one up meant somebody.
                    self._wake()
                    raise
            elif self._rate is not None and (wait := self._due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            else:
                break
        if self._rate is not None:
            self._due = max(self._due, time.monotonic() - BURST) + 1 / self._rate
        self._active += 1
        self.requests += 1
        halvings = self._halvings
        try:
            answer = await call(**arguments, max_retries=0)
        except APIError as error:
            if error.status_code in OVERLOADED:
                self._refused(error.retry_after, is_news=halvings == self._halvings)
            raise
        finally:
            self._active -= 1
            self._wake()
        if self.limit < self._most:
            self.limit = min(self._most, self.limit + 1 / self.limit)
            self._wake()
        return answer

    def _refused(self, retry_after: float | None, *, is_news: bool) -> None:
        # What was in flight together is refused together, and means one halving.
        if is_news:
            self._halvings += 1
            self.limit = max(1.0, self.limit / 2)
        if retry_after is not None:
            self._paused_until = max(self._paused_until, time.monotonic() + min(retry_after, LONGEST_PAUSE))

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
