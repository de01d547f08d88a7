"""A connection of the extra `fast`, a protocol of asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from ._deadline import Seconds
from ._http1 import MOST_UNSENT, Answer, news_of

if TYPE_CHECKING:
    import ssl

# Bytes of a body that may wait to be taken.
MOST_WAITING = 256 * 1024


async def connect_async(host: str, port: int, verify: ssl.SSLContext | None, seconds: float | None) -> Connection:
    """Return a new connection, in TLS if there is a context for it.

    Raises:
        httpx.ConnectTimeout, httpx.ConnectError: If there is none.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_left(seconds)):
            # Addresses in turn: racing them, asyncio loses sight of connections when it is cancelled.
            transport, connection = await loop.create_connection(lambda: Connection(loop), host, port)
            if verify is not None:
                await connection.shake_hands(transport, verify, host)
    except TimeoutError:
        raise httpx.ConnectTimeout("") from None
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error
    return connection


class Connection(asyncio.Protocol):
    """One connection, over which one request after another is answered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answer = Answer()
        self._loop = loop
        self._transport: Any = None
        self._error: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._is_writing_paused = self._is_reading_paused = False

    async def shake_hands(self, transport: Any, verify: ssl.SSLContext, name: str) -> None:
        """Go on in TLS."""
        # A context may have been used for HTTP/2 elsewhere.
        verify.set_alpn_protocols(["http/1.1"])
        try:
            self._transport = await self._loop.start_tls(transport, self, verify, server_hostname=name)
        except BaseException:
            # asyncio leaves it open if it is interrupted early.
            transport.abort()
            raise

    def is_clean(self) -> bool:
        """Whether the last answer is over, and nothing came behind it."""
        if self._error is not None or self.answer.is_dirty or self._is_reading_paused:
            return False
        return self.answer.is_complete and not self._transport.is_closing()

    async def has_news(self) -> bool:
        """Whether something has come that the event loop had no time for yet."""
        # After this the requests of all tasks that are ready leave one right behind the other: a server that sleeps
        # is woken for the first of them, not for each, and with 64 in flight a fifth of a call's CPU was that.
        await asyncio.sleep(0)
        return self._news()

    async def aclose(self) -> None:
        """Close the connection, whatever is under way."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    async def ask(self, request: httpx.Request, timeouts: dict[str, float | None]) -> None:
        """Send a request, and read the head of its answer.

        Raises:
            httpx.TransportError: If there is none.
        """
        answer = self.answer
        whole = answer.begin(request)
        for start in range(0, len(whole), MOST_UNSENT):
            self._transport.write(whole[start : start + MOST_UNSENT] if len(whole) > MOST_UNSENT else whole)
            while self._is_writing_paused and not answer.has_head:
                await self._wait(timeouts.get("write"), httpx.WriteTimeout)
            if answer.has_head or self._transport.is_closing():
                # A server that has answered already wants no more of it.
                answer.is_dirty |= self._is_writing_paused or start + MOST_UNSENT < len(whole)
                break
        while not answer.has_head:
            await self._wait(timeouts.get("read"), httpx.ReadTimeout)

    async def read(self, seconds: float | None) -> bytes:
        """Return the next part of the body, or b"" at its end.

        Raises:
            httpx.TransportError: If the body is cut.
        """
        while not self.answer.waiting and not self.answer.is_complete:
            if self.answer.error is not None:
                raise self.answer.error
            await self._wait(seconds, httpx.ReadTimeout)
        part = self.answer.take()
        if self._is_reading_paused:
            self._is_reading_paused = False
            self._transport.resume_reading()
        return part

    async def _wait(self, seconds: float | None, late: type[httpx.TimeoutException]) -> None:
        """Wait until anything happens."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        self._late = late
        if (seconds := _left(seconds)) is not None:
            self._due = self._loop.time() + seconds
            # A timer that comes too early looks again; making one for every answer would cost more than that.
            if self._timer is None or self._timer.when() > self._due:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = self._loop.call_at(self._due, self._look_at_the_time)
        else:
            self._due = float("inf")
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look_at_the_time(self) -> None:
        self._timer = None
        if self._waiter is None or self._due == float("inf"):
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look_at_the_time)
        else:
            self._fail(self._late(""))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        if self._error is None:
            self._error = error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._error)

    # Called by asyncio

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._news = news_of(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        try:
            self.answer.feed(data)
        except httpx.RemoteProtocolError as error:
            self._fail(error)
        if self.answer.waiting > MOST_WAITING and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()
        # Whatever it is: the timeout is for each part.
        self._wake()

    def eof_received(self) -> None:
        # Over TLS the connection is closed only some turns of the event loop later.
        self.answer.is_dirty = True

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            if exc is not None:
                raise httpx.ReadError(str(exc))
            self.answer.end()
            self._wake()
        except httpx.TransportError as error:
            self._fail(error)

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._wake()


def _left(seconds: float | None) -> float | None:
    return max(seconds.left(), 0.0) if isinstance(seconds, Seconds) else seconds
