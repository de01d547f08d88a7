"""A connection of the extra `fast`, a blocking socket."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpcore
import httpx

from ._deadline import left
from ._http1 import MOST_UNSENT, Answer, news_of
from ._sync.network import Network

if TYPE_CHECKING:
    import socket

# Bytes that are read at once.
MOST_READ = 64 * 1024


def connect_sync(host: str, port: int, verify: ssl.SSLContext | None, seconds: float | None) -> Connection:
    """Return a new connection, in TLS if there is a context for it.

    Raises:
        httpx.ConnectTimeout, httpx.ConnectError: If there is none.
    """
    try:
        stream = Network(httpcore.SyncBackend()).connect_tcp(host, port, seconds)
        if verify is not None:
            # A context may have been used for HTTP/2 elsewhere.
            verify.set_alpn_protocols(["http/1.1"])
            stream = stream.start_tls(verify, host, seconds)
    except httpcore.ConnectTimeout:
        raise httpx.ConnectTimeout("") from None
    except httpcore.ConnectError as error:
        raise httpx.ConnectError(str(error)) from error
    return Connection(stream.get_extra_info("socket"))


class Connection:
    """One connection, over which one request after another is answered."""

    def __init__(self, connection: socket.socket) -> None:
        self.answer = Answer()
        self._socket = connection
        self._news = news_of(connection)

    def is_clean(self) -> bool:
        """Whether the last answer is over, and nothing came behind it."""
        return self.answer.is_complete and not self.answer.is_dirty

    def has_news(self) -> bool:
        """Whether something has come that nobody asked for."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return self._news()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, request: httpx.Request, timeouts: dict[str, float | None]) -> None:
        """Send a request, and read the head of its answer.

        Raises:
            httpx.TransportError: If there is none.
        """
        whole = self.answer.begin(request)
        try:
            for start in range(0, len(whole), MOST_UNSENT):
                self._socket.settimeout(left(timeouts.get("write"), httpx.WriteTimeout))
                self._socket.sendall(whole[start : start + MOST_UNSENT])
        except TimeoutError:
            raise httpx.WriteTimeout("") from None
        except OSError:
            # A server may answer before it has read everything, and hang up: its answer is looked for in any case.
            self.answer.is_dirty = True
        while not self.answer.has_head:
            self._receive(timeouts.get("read"))

    def read(self, seconds: float | None) -> bytes:
        """Return the next part of the body, or b"" at its end.

        Raises:
            httpx.TransportError: If the body is cut.
        """
        while not self.answer.waiting and not self.answer.is_complete:
            if self.answer.error is not None:
                raise self.answer.error
            self._receive(seconds)
        return self.answer.take()

    def _receive(self, seconds: float | None) -> None:
        try:
            self._socket.settimeout(left(seconds, httpx.ReadTimeout))
            data = self._socket.recv(MOST_READ)
        except TimeoutError:
            raise httpx.ReadTimeout("") from None
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        if data:
            self.answer.feed(data)
        else:
            self.answer.end()
