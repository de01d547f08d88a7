"""How a call keeps to its deadline, whatever the server does.

httpx bounds each step: each part of an answer may take as long as the timeout says, and a server that sends byte by
byte is never late. An asynchronous call is cancelled. A blocking read cannot be, so the connections of the synchronous
client are told when the deadline is (`Seconds`), and give each read what is left. What cannot be told runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from threading import Thread
from typing import ParamSpec, TypeVar

import httpcore

P = ParamSpec("P")
T = TypeVar("T")


class Seconds(float):
    """A timeout for one step, as a float, which knows when all of them have to be over."""

    __slots__ = ("ends_at",)
    ends_at: float

    @classmethod
    def until(cls, ends_at: float, seconds: float) -> Seconds:
        made = cls(seconds)
        made.ends_at = ends_at
        return made

    def left(self) -> float:
        """Return the seconds that a step may take which begins now."""
        return min(self, self.ends_at - time.monotonic())


def within_sync(seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function, and raise TimeoutError if it takes longer.

    It runs in a thread, which is left behind if it is late: it ends with the next part of the body, with a read
    timeout, or when its connection is closed.
    """
    return _started(function, *args, **kwargs).result(seconds)


async def within_async(seconds: float, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function, and raise TimeoutError if it takes longer."""
    async with asyncio.timeout(seconds):
        return await function(*args, **kwargs)


def _started(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Call a function in a thread."""
    future = Future[T]()

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="evermemos-deadline").start()
    return future


def left(seconds: float | None, late: type[Exception]) -> float | None:
    """Return the seconds that a step may take which begins now, or raise `late` if there are none."""
    if isinstance(seconds, Seconds) and (seconds := seconds.left()) <= 0:
        raise late("")
    return seconds


def connected_sync(
    timeout: float | None, connect: Callable[P, httpcore.NetworkStream], *args: P.args, **kwargs: P.kwargs
) -> httpcore.NetworkStream:
    """Connect, in a thread if there is a deadline: looking up a name and shaking hands have no timeout as a whole."""
    if not isinstance(timeout, Seconds):
        return connect(*args, **kwargs)
    seconds = left(timeout, httpcore.ConnectTimeout)
    future = _started(connect, *args, **kwargs)
    try:
        return future.result(seconds)
    except TimeoutError:
        future.add_done_callback(_close)
        raise httpcore.ConnectTimeout from None


def _close(late: Future[httpcore.NetworkStream]) -> None:
    if late.exception() is None:
        late.result().close()


async def connected_async(
    timeout: float | None,
    connect: Callable[P, Awaitable[httpcore.AsyncNetworkStream]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> httpcore.AsyncNetworkStream:
    """Connect within what is left, if there is a deadline: each step of it would have its whole timeout."""
    if not isinstance(timeout, Seconds):
        return await connect(*args, **kwargs)
    try:
        async with asyncio.timeout(left(timeout, httpcore.ConnectTimeout)):
            return await connect(*args, **kwargs)
    except TimeoutError:
        raise httpcore.ConnectTimeout from None
