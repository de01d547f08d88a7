"""Asynchronous connections by aiohttp, which costs a third of httpcore, where the extra `fast` is installed.

httpx-aiohttp carries the requests. What it leaves open is settled here: errors that mean what they say, since a write
is repeated on their word; no cookies, proxies, retries or headers of aiohttp's own; connections that are closed after a
status of 500 or above; and tracers and mocks, which look for httpx's own connections, and find them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import httpcore
import httpx
from httpx_aiohttp import AiohttpTransport

from ._short import is_original

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Generator

    from ._async.cells import AsyncCells

_OF_THE_PARENT: list[AiohttpTransport] = []

# Bytes of a body that aiohttp warns of, for it writes without pause.
LARGE = 1 << 20
# What a request is never repeated after, unless it is safe to: it may have been sent. The first that fits counts.
ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.ReadError),
    (TimeoutError, httpx.ReadTimeout),
)


def fast_transport(cells: AsyncCells, *, verify: ssl.SSLContext, limit: int, idle: float) -> FastTransport:
    """Return a transport that takes the connections of aiohttp, or those of `cells` where somebody watches them."""

    def session() -> aiohttp.ClientSession:
        made = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=verify, limit=limit, keepalive_timeout=idle),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Answer,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        # It would repeat a GET or a DELETE by itself.
        made._retry_connection = False  # noqa: SLF001
        return made

    return FastTransport(AiohttpTransport(verify=verify, client=session), cells)


class _Answer(aiohttp.ClientResponse):
    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        await super().start(connection)
        if self.status >= 500:
            # An answer without a body has given its connection back by now.
            protocol.close() if connection.protocol is None else protocol.force_close()
        return self


class FastTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections of aiohttp."""

    keeps_deadline = True

    def __init__(self, transport: AiohttpTransport, cells: AsyncCells) -> None:
        self._transport = transport
        self._cells = cells
        self._in_flight = 0
        self._process = os.getpid()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: If there is no answer.
        """
        if is_watched() or len(request.content) > LARGE:
            return await self._cells.handle_async_request(request)
        if not self._in_flight:
            # Perhaps the event loop had no time for a while: let it hear of connections that were closed meanwhile.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self._in_flight += 1
        try:
            with _as_httpx_errors():
                response = await self._transport.handle_async_request(request)
        finally:
            self._in_flight -= 1
        response.stream = _Stream(cast("httpx.AsyncByteStream", response.stream))
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()
        await self._cells.aclose()

    def __del__(self) -> None:
        if self._process != os.getpid():
            # After a fork the event loop's selector is shared: whoever closes the connections here takes them from it.
            _OF_THE_PARENT.append(self._transport)
        elif isinstance(session := self._transport.client, aiohttp.ClientSession) and session.connector is not None:
            # As a file does, and before the session finds itself unclosed and says so on stderr. The first step is all
            # there is to do; the rest waits until the other side has taken note.
            with contextlib.suppress(Exception):
                next(session.connector.close().__await__(), None)


class _Stream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        with _as_httpx_errors():
            await self._stream.aclose()


def is_watched() -> bool:
    """Whether somebody has put something of theirs in the place of httpx's own connections."""
    return not (
        is_original(httpx.AsyncHTTPTransport.handle_async_request, "httpx.")
        and is_original(httpcore.AsyncConnectionPool.handle_async_request, "httpcore.")
    )


@contextlib.contextmanager
def _as_httpx_errors() -> Generator[None]:
    try:
        yield
    except Exception as error:
        cause = error.__cause__ if isinstance(error, httpx.TransportError) else error
        for kind, meant in ERRORS:
            if isinstance(cause, kind):
                # These two would show the query, and what came instead of HTTP.
                hidden = isinstance(cause, (aiohttp.ClientResponseError, aiohttp.InvalidURL))
                raise meant("" if hidden else f"{type(cause).__name__}: {cause}".rstrip(": ")) from cause
        raise
