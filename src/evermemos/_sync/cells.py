# Derived from _async/cells.py by `make generate`. Edit that file instead.
"""Connections: one transport of httpx for each, and of those that are idle the one used last first.

httpcore's pool looks at every connection whenever a request starts or ends, polls the idle ones, and hands one of them
to several that wait: with 64 calls in flight it spends most of its time there and opens nearly a connection a request
(docs/decisions.md has the figures). A connection without a pool has nothing to look through.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx

from .._http import acquire_sync, slots_sync
from .._short import is_original
from .network import Network

if TYPE_CHECKING:
    import ssl
    from typing import TypeAlias

    from .http1 import Http1Cell

    AnyCell: TypeAlias = "Cell | Http1Cell"

# Requests in flight, and so connections, of one client: a quarter of the 1,024 files that a process may commonly have
# open. Further requests wait, as long as the timeout for a connection from the pool says.
LIMIT = 256
# Seconds that a connection may be idle. Servers commonly close theirs after 5 (uvicorn) to 75 (nginx).
IDLE = 5.0


class Cell(httpx.HTTPTransport):
    """A transport of httpx that has one connection in the place of a pool.

    Args:
        origin (httpx.URL): Where it leads.
        verify (ssl.SSLContext): How to check certificates.
        proxy (httpx.Proxy | None): The proxy to go by, if any.
    """

    def __init__(self, origin: httpx.URL, *, verify: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        self._pool: Any
        self._is_pooled = False
        self._of: Any = {"verify": verify, "proxy": proxy}
        # Any, because it is another class where anyio is missing.
        network: Any = httpcore.SyncBackend()
        self._network = Network(network)
        port = origin.port or (443 if origin.scheme == "https" else 80)
        self._connect = partial(
            httpcore.HTTPConnection,
            httpcore.Origin(origin.raw_scheme, origin.raw_host, port),
            ssl_context=verify,
            keepalive_expiry=IDLE,
            network_backend=self._network,
        )
        self._pool = self._connect()
        if proxy is not None:
            # A tunnel is made by a pool only.
            self._use_pool()

    def _use_pool(self) -> None:
        super().__init__(**self._of, limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE))
        self._pool._network_backend = self._network  # noqa: SLF001
        self._is_pooled = True

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, over a new connection if the other side has closed this one."""
        if not self._is_pooled:
            is_watched = not is_original(httpcore.ConnectionPool.handle_request, "httpcore.")
            if is_watched or self._pool.is_closed() or self._pool.has_expired():
                self._pool.close()
                self._pool = self._connect()
            if is_watched:
                self._use_pool()
        return super().handle_request(request)

    def is_clean(self) -> bool:
        """Whether nothing came behind the last answer. httpcore would take it for the next one."""
        at: Any = next(iter(self._pool.connections), None) if self._is_pooled else self._pool
        while at is not None:
            if (state := getattr(at, "_h11_state", None)) is not None:
                return not state.trailing_data[0]
            at = getattr(at, "_connection", None)
        return True


class Cells(httpx.BaseTransport):
    """Sends each request over the connection that was used last, or a new one.

    Args:
        origin (httpx.URL): Where all of them lead.
        make (Callable[[], Cell | Http1Cell]): Makes a transport for one connection.
    """

    # Network does.
    keeps_deadline = True

    def __init__(self, origin: httpx.URL, make: Callable[[], AnyCell]) -> None:
        self._origin = (origin.raw_scheme, origin.netloc)
        self._make = make
        self._slots = slots_sync(LIMIT)
        self._idle: deque[tuple[float, AnyCell]] = deque()
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.PoolTimeout: If no connection is free in time.
            httpx.TransportError: If there is no answer.
        """
        if (request.url.raw_scheme, request.url.netloc) != self._origin:
            raise httpx.UnsupportedProtocol("the connections of this client lead to its base_url only")
        acquire_sync(self._slots, request.extensions.get("timeout", {}).get("pool"))
        cell = None
        try:
            cell = self._take() or self._make()
            response = cell.handle_request(request)
        except BaseException:
            self.drop(cell)
            raise
        response.stream = _Stream(cast("httpx.SyncByteStream", response.stream), self, cell)
        return response

    def _take(self) -> AnyCell | None:
        # Without looking first: another thread may be as fast.
        try:
            return self._idle.pop()[1]
        except IndexError:
            return None

    def give_back(self, cell: AnyCell) -> None:
        """Keep a connection whose answer was read, and close those that were idle for too long."""
        now = time.monotonic()
        self._idle.append((now, cell))
        self._slots.release()
        try:
            while self._is_closed or self._idle[0][0] < now - IDLE:
                self._idle.popleft()[1].close()
        except IndexError:
            pass

    def drop(self, cell: AnyCell | None) -> None:
        """Close a connection of which nobody knows what is still on its way over it."""
        self._slots.release()
        if cell is not None:
            cell.close()

    def close(self) -> None:
        """Close the idle connections now, and the others when their answer is read."""
        self._is_closed = True
        while cell := self._take():
            cell.close()


def cells_to(origin: httpx.URL, *, verify: ssl.SSLContext, proxy: httpx.Proxy | None) -> Cells:
    """Return the connections to a server, those of the extra `fast` where it is installed and no proxy is used."""
    make: Any = partial(Cell, origin, verify=verify, proxy=proxy)
    if proxy is None:
        with contextlib.suppress(ImportError):
            from .http1 import Http1Cell

            make = partial(Http1Cell, make, origin, verify)
    cells = Cells(origin, make)
    # httpcore's SOCKS client reads without any timeout.
    cells.keeps_deadline = proxy is None or not proxy.url.scheme.startswith("socks")
    return cells


class _Stream(httpx.SyncByteStream):
    """The body of an answer, which gives the connection back when it is closed."""

    def __init__(self, stream: httpx.SyncByteStream, cells: Cells, cell: AnyCell) -> None:
        self._stream = stream
        self._cells = cells
        self._cell: AnyCell | None = cell

    def __iter__(self) -> Iterator[bytes]:
        return self._stream.__iter__()

    def close(self) -> None:
        if (cell := self._cell) is None:
            return
        self._cell = None
        try:
            self._stream.close()
        except BaseException:
            self._cells.drop(cell)
            raise
        if cell.is_clean():
            self._cells.give_back(cell)
        else:
            self._cells.drop(cell)
