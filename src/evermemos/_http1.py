"""HTTP/1.1 over asyncio: connections at a fraction of the cost of httpcore's, where the extra `fast` is installed.

A protocol of asyncio writes a request in one piece and hands what comes to llhttp, the parser of Node.js, by httptools.
There is nothing in between, where httpx, httpcore, h11 and anyio have a layer each (docs/decisions.md has the figures).
To the client it is a transport of httpx like any other, with the same errors, timeouts and limits; what is meant for
httpx's own connections (proxies, HTTP/2, tracers and mocks that replace parts of them) is left to these.
"""

from __future__ import annotations

import asyncio
import select
import time
from typing import TYPE_CHECKING, Any

import httpcore
import httptools
import httpx

from ._deadline import Seconds
from ._http import acquire_async, slots_async
from ._short import is_original

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from ._async.cells import AsyncCells

# Bytes of a head that are read, as httpcore does, and of a body that may wait to be read.
LARGEST_HEAD = 100 * 1024
MOST_WAITING = 256 * 1024
# Bytes of a request that are handed on before it is waited for the server to take them.
MOST_UNSENT = 256 * 1024


class Http1Transport(httpx.AsyncBaseTransport):
    """Sends requests to one origin, each over the connection that was used last, or a new one.

    Args:
        cells (AsyncCells): Where requests go that are not for here.
        origin (httpx.URL): Where the connections lead.
        verify (ssl.SSLContext): How to check certificates.
        limit (int): Requests in flight, and so connections; further ones wait.
        idle (float): Seconds that a connection may be idle.
    """

    keeps_deadline = True

    def __init__(
        self, cells: AsyncCells, origin: httpx.URL, *, verify: ssl.SSLContext, limit: int, idle: float
    ) -> None:
        self._cells = cells
        self._origin = (origin.raw_scheme, origin.netloc)
        # As it goes over the wire: Python would translate another name, by rules that are older than those of httpx.
        self._host = origin.raw_host.decode("ascii")
        self._port = origin.port or (443 if origin.scheme == "https" else 80)
        self._verify = verify if origin.scheme == "https" else None
        self._slots = slots_async(limit)
        self._idle_for = idle
        self._idle: list[Connection] = []
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: If there is no answer.
        """
        url = request.url
        if is_watched():
            return await self._cells.handle_async_request(request)
        if (url.raw_scheme, url.netloc) != self._origin:
            raise httpx.UnsupportedProtocol("the connections of this client lead to its base_url only")
        timeouts = request.extensions.get("timeout", {})
        await acquire_async(self._slots, timeouts.get("pool"))
        connection = None
        try:
            connection = self._take() or await self._connect(timeouts.get("connect"))
            await connection.ask(request, timeouts)
        except BaseException:
            self.give_back(connection)
            raise
        return httpx.Response(
            connection.status,
            headers=connection.headers,
            stream=_Body(self, connection, timeouts.get("read")),
            extensions={"http_version": connection.version, "reason_phrase": connection.reason},
        )

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            is_fresh = connection.idle_since > time.monotonic() - self._idle_for
            if is_fresh and connection.is_usable() and not connection.has_news():
                return connection
            connection.close()
        return None

    async def _connect(self, seconds: float | None) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_left(seconds)):
                # Addresses in turn: racing them, asyncio loses sight of connections when it is cancelled.
                transport, connection = await loop.create_connection(lambda: Connection(loop), self._host, self._port)
                if self._verify is not None:
                    await connection.shake_hands(transport, self._verify, self._host)
        except TimeoutError:
            raise httpx.ConnectTimeout("") from None
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        return connection

    def give_back(self, connection: Connection | None) -> None:
        """Keep a connection whose answer was read to its end, else close it, and close what was idle for too long."""
        self._slots.release()
        if connection is not None:
            if connection.is_usable() and not self._is_closed:
                connection.idle_since = time.monotonic()
                self._idle.append(connection)
            else:
                connection.close()
        while self._idle and self._idle[0].idle_since < time.monotonic() - self._idle_for:
            self._idle.pop(0).close()

    async def aclose(self) -> None:
        """Close the idle connections now, and the others when their answer is read."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
        await self._cells.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of an answer, which gives the connection back when it is closed."""

    def __init__(self, transport: Http1Transport, connection: Connection, seconds: float | None) -> None:
        self._transport = transport
        self._connection: Connection | None = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None and (part := await self._connection.read(self._seconds)):
            yield part

    async def aclose(self) -> None:
        if (connection := self._connection) is not None:
            self._connection = None
            self._transport.give_back(connection)


class Connection(asyncio.Protocol):
    """One connection, over which one request after another is answered.

    Attributes:
        status, version, reason, headers: Head of the answer that is being read.
        idle_since (float): When the last answer had been read.
    """

    status: int
    version: bytes
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    idle_since: float

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: Any = None
        self._parser: Any = None
        self._error: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._is_writing_paused = self._is_reading_paused = False
        self._has_head = False
        self._is_complete = True
        # Whether something came that nobody asked for.
        self._is_dirty = False

    def is_usable(self) -> bool:
        """Whether another request may go out: the last answer is over, and both sides mean to go on."""
        if self._error is not None or self._is_dirty or self._is_reading_paused:
            return False
        return self._is_complete and not self._transport.is_closing()

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

    def has_news(self) -> bool:
        """Whether something has come that the event loop had no time for yet, such as the end of the connection."""
        number = self._transport.get_extra_info("socket").fileno()
        if number < 0:
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([number], [], [], 0)[0])
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the connection, whatever is under way."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    async def ask(self, request: httpx.Request, timeouts: dict[str, float | None]) -> None:
        """Send a request, and read the head of its answer.

        Raises:
            httpx.TransportError: If there is none.
        """
        # A parser of its own for every answer: what one leaves behind is of no concern to the next.
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._waiting = self._head_size = 0
        self._has_head = self._is_complete = False
        self.reason, self.headers = b"", []
        fields = b"".join([b"%b: %b\r\n" % field for field in request.headers.raw])
        # Few say so.
        self._is_dirty = b"close" in fields and request.headers.get("connection", "").lower() == "close"
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode("ascii"), request.url.raw_path, fields)
        whole = head + request.content
        for start in range(0, len(whole), MOST_UNSENT):
            self._transport.write(whole[start : start + MOST_UNSENT] if len(whole) > MOST_UNSENT else whole)
            while self._is_writing_paused and not self._has_head:
                await self._wait(timeouts.get("write"), httpx.WriteTimeout)
            if self._has_head or self._transport.is_closing():
                # A server that has answered already wants no more of it.
                self._is_dirty |= self._is_writing_paused or start + MOST_UNSENT < len(whole)
                break
        while not self._has_head:
            await self._wait(timeouts.get("read"), httpx.ReadTimeout)

    async def read(self, seconds: float | None) -> bytes:
        """Return the next part of the body, or b"" at its end.

        Raises:
            httpx.TransportError: If the body is cut.
        """
        while not self._parts and not self._is_complete:
            await self._wait(seconds, httpx.ReadTimeout)
        part = b"".join(self._parts)
        self._parts.clear()
        self._waiting = 0
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

    def data_received(self, data: bytes) -> None:
        if self._is_complete:
            self._is_dirty = True
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_dirty = True
            if not self._is_complete:
                self._fail(httpx.RemoteProtocolError("the answer is not HTTP"))
        if not self._has_head:
            self._head_size += len(data)
            if self._head_size > LARGEST_HEAD:
                self._fail(httpx.RemoteProtocolError(f"the head of the answer is larger than {LARGEST_HEAD} bytes"))
            # The timeout is for each part.
            self._wake()

    def eof_received(self) -> None:
        # Over TLS the connection is closed only some turns of the event loop later.
        self._is_dirty = True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._has_head and not self._is_complete and exc is None and self._ends_with_connection():
            self._is_complete = self._is_dirty = True
            self._wake()
        elif exc is not None:
            self._fail(httpx.ReadError(str(exc)))
        else:
            missing = "in the middle of an answer" if self._has_head else "without an answer"
            self._fail(httpx.RemoteProtocolError(f"the server closed the connection {missing}"))

    def _ends_with_connection(self) -> bool:
        return not {b"content-length", b"transfer-encoding"} & {name.lower() for name, _ in self.headers}

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._wake()

    # Called by the parser

    def on_message_begin(self) -> None:
        # A second answer to one request, which nothing is taken of.
        self._is_dirty |= self._is_complete

    def on_status(self, reason: bytes) -> None:
        if not self._has_head:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        # Those that follow a body in chunks are none of the head.
        if not self._has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._has_head:
            return
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self._has_head = True
            self.version = b"HTTP/" + self._parser.get_http_version().encode("ascii")
            self._wake()

    def on_body(self, part: bytes) -> None:
        if self._is_complete:
            return
        self._parts.append(part)
        self._waiting += len(part)
        if self._waiting > MOST_WAITING and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if not self._has_head:
            # An interim answer, such as 103 Early Hints, comes before the real one.
            self.reason, self.headers = b"", []
            return
        if self._is_complete:
            return
        self._is_complete = True
        # Servers drop their side of the connection after they failed.
        self._is_dirty |= self.status >= 500 or not self._parser.should_keep_alive()
        self._wake()


def is_watched() -> bool:
    """Whether somebody has put something of theirs in the place of httpx's own connections."""
    return not (
        is_original(httpx.AsyncHTTPTransport.handle_async_request, "httpx.")
        and is_original(httpcore.AsyncConnectionPool.handle_async_request, "httpcore.")
        and is_original(httpcore.AsyncHTTPConnection.handle_async_request, "httpcore.")
    )


def _left(seconds: float | None) -> float | None:
    return max(seconds.left(), 0.0) if isinstance(seconds, Seconds) else seconds
