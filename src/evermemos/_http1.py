"""HTTP/1.1 for the extra `fast`: what is read of an answer by llhttp, the parser of Node.js, with httptools.

A connection writes a request in one piece and hands what comes to the parser; there is nothing in between, where httpx,
httpcore and h11 have a layer each (docs/decisions.md has the figures). One kind of connection is a protocol of asyncio,
`_http1_async`, one a blocking socket, `_http1_sync`; each is kept in a cell, `_async/http1.py`, like any other.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

import httptools
import httpx

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

# Bytes of a head that are read, as httpcore does, and of a request that are handed on before it is waited for the
# server to take them.
LARGEST_HEAD = 100 * 1024
MOST_UNSENT = 256 * 1024


class Answer:
    """One answer after another, as far as each has come.

    Attributes:
        has_head, is_complete (bool): How far it has come.
        is_dirty (bool): Whether the connection must not be used again: something came that nobody asked for, or one
            side means to end.
        waiting (int): Bytes of the body that were not taken yet.
        error (httpx.RemoteProtocolError | None): What is wrong with a body whose head has come.
        ended_at (float): When it was complete, as time.monotonic() says.
    """

    def __init__(self) -> None:
        self.has_head = False
        self.is_complete = True
        self.is_dirty = False
        self.waiting = 0
        self.error: httpx.RemoteProtocolError | None = None
        self.ended_at = 0.0

    def begin(self, request: httpx.Request) -> bytes:
        """Expect the answer to a request, and return the bytes to send for it."""
        # A parser of its own for every answer: what one leaves behind is of no concern to the next.
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._reason = b""
        self.waiting = self._head_size = 0
        self.error = None
        self.has_head = self.is_complete = False
        fields = b"".join([b"%b: %b\r\n" % field for field in request.headers.raw])
        # Few say so.
        self.is_dirty = b"close" in fields and request.headers.get("connection", "").lower() == "close"
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode("ascii"), request.url.raw_path, fields)
        return head + request.content

    def response(self, stream: Any) -> httpx.Response:
        """Return the answer, of which the head has come, with a stream of its body."""
        version = b"HTTP/" + self._parser.get_http_version().encode("ascii")
        extensions = {"http_version": version, "reason_phrase": self._reason}
        return httpx.Response(self._status, headers=self._headers, stream=stream, extensions=extensions)

    def feed(self, data: bytes) -> None:
        """Read what came. An error in a body is kept until the body is read: the head counts by itself.

        Raises:
            httpx.RemoteProtocolError: If it is not an answer.
        """
        if self.is_complete:
            self.is_dirty = True
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_dirty = True
            if not self.is_complete:
                error = httpx.RemoteProtocolError("the answer is not HTTP")
                if not self.has_head:
                    raise error from None
                self.error = error
        if not self.has_head:
            self._head_size += len(data)
            if self._head_size > LARGEST_HEAD:
                raise httpx.RemoteProtocolError(f"the head of the answer is larger than {LARGEST_HEAD} bytes")

    def end(self) -> None:
        """Read the end of the connection.

        Raises:
            httpx.RemoteProtocolError: If it cuts the answer.
        """
        names = {name.lower() for name, _ in self._headers} if self.has_head else set[bytes]()
        if not self.has_head or self.is_complete or names & {b"content-length", b"transfer-encoding"}:
            missing = "in the middle of an answer" if self.has_head else "without an answer"
            raise httpx.RemoteProtocolError(f"the server closed the connection {missing}")
        self.is_complete = self.is_dirty = True

    def take(self) -> bytes:
        """Return what has come of the body and was not taken yet."""
        part = b"".join(self._parts)
        self._parts.clear()
        self.waiting = 0
        return part

    # Called by the parser

    def on_message_begin(self) -> None:
        # A second answer to one request, which nothing is taken of.
        self.is_dirty |= self.is_complete

    def on_status(self, reason: bytes) -> None:
        if not self.has_head:
            self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        # Those that follow a body in chunks are none of the head.
        if not self.has_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if not self.has_head:
            self._status = self._parser.get_status_code()
            self.has_head = self._status >= 200

    def on_body(self, part: bytes) -> None:
        if not self.is_complete:
            self._parts.append(part)
            self.waiting += len(part)

    def on_message_complete(self) -> None:
        if not self.has_head:
            # An interim answer, such as 103 Early Hints, comes before the real one.
            self._reason, self._headers = b"", []
        elif not self.is_complete:
            self.is_complete = True
            self.ended_at = time.monotonic()
            # Servers drop their side of the connection after they failed.
            self.is_dirty |= self._status >= 500 or not self._parser.should_keep_alive()


def news_of(connection: socket.socket) -> Callable[[], bool]:
    """Return what says whether something has come that was not read yet, such as the end of the connection."""
    if not hasattr(select, "poll"):
        return lambda: connection.fileno() < 0 or bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return lambda: connection.fileno() < 0 or bool(poll.poll(0))
