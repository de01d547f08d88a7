"""Cells of the extra `fast`: a connection that llhttp reads from, in the place of one of httpcore's."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpcore
import httpx

from .._http1_async import Connection, connect_async
from .._short import is_original
from . import cells

if TYPE_CHECKING:
    import ssl

    from .cells import AsyncCell


class AsyncHttp1Cell(httpx.AsyncBaseTransport):
    """A transport of httpx that has one connection.

    Args:
        make_plain (Callable[[], AsyncCell]): Makes a cell of httpx's own for what is meant for these: tracers and mocks
            that replace parts of them.
        origin (httpx.URL): Where it leads.
        verify (ssl.SSLContext): How to check certificates.
    """

    def __init__(self, make_plain: Callable[[], AsyncCell], origin: httpx.URL, verify: ssl.SSLContext) -> None:
        self._make_plain = make_plain
        # As it goes over the wire: Python would translate another name, by rules that are older than those of httpx.
        self._host = origin.raw_host.decode("ascii")
        self._port = origin.port or (443 if origin.scheme == "https" else 80)
        self._verify = verify if origin.scheme == "https" else None
        self._plain: AsyncCell | None = None
        self._connection: Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, over a new connection if there is none to be used again."""
        if is_watched():
            if self._plain is None:
                await self.aclose()
                self._plain = self._make_plain()
            return await self._plain.handle_async_request(request)
        timeouts = request.extensions.get("timeout", {})
        if (connection := self._connection) is None or not await _is_usable(connection):
            await self.aclose()
            connection = await connect_async(self._host, self._port, self._verify, timeouts.get("connect"))
            self._connection = connection
        await connection.ask(request, timeouts)
        return connection.answer.response(_Body(connection, timeouts.get("read")))

    def is_clean(self) -> bool:
        """Whether nothing came behind the last answer."""
        if self._plain is not None:
            return self._plain.is_clean()
        return self._connection is not None and self._connection.is_clean()

    async def aclose(self) -> None:
        """Close the connection."""
        if (plain := self._plain) is not None:
            self._plain = None
            await plain.aclose()
        if (connection := self._connection) is not None:
            self._connection = None
            await connection.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, connection: Connection, seconds: float | None) -> None:
        self._connection: Connection | None = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None and (part := await self._connection.read(self._seconds)):
            yield part

    async def aclose(self) -> None:
        # The next answer over the connection is not for here.
        self._connection = None


async def _is_usable(connection: Connection) -> bool:
    is_fresh = connection.answer.ended_at > time.monotonic() - cells.IDLE
    return is_fresh and not await connection.has_news() and connection.is_clean()


def is_watched() -> bool:
    """Whether somebody has put something of theirs in the place of httpx's own connections."""
    return not (
        is_original(httpx.AsyncHTTPTransport.handle_async_request, "httpx.")
        and is_original(httpcore.AsyncConnectionPool.handle_async_request, "httpcore.")
        and is_original(httpcore.AsyncHTTPConnection.handle_async_request, "httpcore.")
    )
