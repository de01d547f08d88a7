"""How a call keeps to its deadline, whatever the server does.

httpx bounds each step: each part of an answer may take as long as the timeout says, and a server that sends byte by
byte is never late. An asynchronous call is cancelled. A blocking read cannot be, so the connections of the synchronous
client are told when the deadline is (`Seconds`), and give each read what is left. What cannot be told runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import httpcore

if TYPE_CHECKING:
    import ssl

P = ParamSpec("P")
T = TypeVar("T")

# Bytes that are written before the time is looked at again.
WRITTEN_AT_ONCE = 1 << 16


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


def within_sync(
    seconds: float | None, transport: Any, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function, and raise TimeoutError if it takes longer, unless a transport keeps to the deadline by itself.

    The function runs in a thread, which is left behind if it is late: it ends with the next part of the body, with a
    read timeout, or when its connection is closed.
    """
    if seconds is None or getattr(transport, "keeps_deadline", False):
        return function(*args, **kwargs)
    return _started(function, *args, **kwargs).result(seconds)


async def within_async(
    seconds: float | None, transport: Any, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function, and raise TimeoutError if it takes longer, unless a transport keeps the deadline by itself."""
    if seconds is None or getattr(transport, "keeps_deadline", False):
        return await function(*args, **kwargs)
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


class Network(httpcore.NetworkBackend):
    """The network of httpcore, whose every step ends with the deadline if the timeout is `Seconds`."""

    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(
            _connected(timeout, self._network.connect_tcp, host, port, timeout, local_address, socket_options)
        )

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return self._network.connect_unix_socket(path, timeout, socket_options)

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if isinstance(timeout, Seconds) and (timeout := timeout.left()) <= 0:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not isinstance(timeout, Seconds):
            self._stream.write(buffer, timeout)
            return
        for start in range(0, len(buffer), WRITTEN_AT_ONCE):
            if (left := timeout.left()) <= 0:
                raise httpcore.WriteTimeout
            self._stream.write(buffer[start : start + WRITTEN_AT_ONCE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(_connected(timeout, self._stream.start_tls, ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _connected(
    timeout: float | None, connect: Callable[P, httpcore.NetworkStream], *args: P.args, **kwargs: P.kwargs
) -> httpcore.NetworkStream:
    """Connect, in a thread if there is a deadline: looking up a name and shaking hands have no timeout as a whole."""
    if not isinstance(timeout, Seconds):
        return connect(*args, **kwargs)
    if (left := timeout.left()) <= 0:
        raise httpcore.ConnectTimeout
    future = _started(connect, *args, **kwargs)
    try:
        return future.result(left)
    except TimeoutError:
        future.add_done_callback(_close)
        raise httpcore.ConnectTimeout from None


def _close(late: Future[httpcore.NetworkStream]) -> None:
    if late.exception() is None:
        late.result().close()
