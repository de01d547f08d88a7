"""The sandbox as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import quote

from ..errors import ConfigurationError
from . import _pages
from ._core import LARGEST_BODY
from ._messages import answer as make_answer
from ._messages import headers_of

if TYPE_CHECKING:
    from ._core import Sandbox
    from ._messages import Answer

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

# The ASGI extension by which our own server hands over the connection of a request, so that it can be broken.
CONNECTION = "evermemos.connection"


class Connection(Protocol):
    """A connection of our own server."""

    def close(self) -> None:
        """End it regularly."""

    def reset(self) -> None:
        """End it with a reset, so that a read of the client fails."""

    def reset_at_next_request(self) -> None:
        """Do that when something comes again."""


class SandboxApp:
    """Carries the requests of an ASGI server to a sandbox, and shows its pages at / and /docs.

    A connection reset needs the sandbox's own server: under another, the connection is closed as that does it when an
    application fails.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        """Lead to `sandbox`."""
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return
        method, root = scope["method"], scope.get("root_path", "").rstrip("/")
        # As it was sent, but where a part of it must go: that is given decoded.
        path = (scope.get("raw_path") or b"").decode("latin-1")
        if root or not path:
            path = quote(scope["path"].removeprefix(root)) or "/"
        headers = headers_of(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        base = f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}{quote(root)}"
        try:
            page = method == "GET" and _pages.page(self._sandbox, path, root, headers.get("authorization", ""))
            answer = page or self._sandbox.handle(method, target, headers, body, base=base)
        except ConfigurationError as error:
            # The sandbox was closed and its server was not.
            answer = make_answer(500, {"detail": str(error)})
        if answer.fault is not None and answer.fault.delay and await _is_gone_within(answer.fault.delay, receive):
            return
        await _send(answer, scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _read(receive: Receive) -> bytes | None:
    """Read the body, or None if the client went away. Of a body that is too large the rest is read and dropped.

    A client that is still sending would not see an answer.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        if size <= LARGEST_BODY:
            parts.append(part)
        size += len(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    fault, body = answer.fault, answer.body
    if fault is not None and fault.reset == "before":
        _connection(scope).reset()
        await _until_gone(receive)
        return
    is_broken = fault is not None and (fault.cut or fault.reset == "during")
    # Of an empty body too something is missing then.
    headers = {"content-length": str(len(body) or int(is_broken)), **answer.headers}
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    if is_broken:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        if fault is not None and fault.reset:
            _connection(scope).reset()
        else:
            _connection(scope).close()
        await _until_gone(receive)
        return
    await send({"type": "http.response.body", "body": body})
    if fault is not None and fault.reset == "after":
        _connection(scope).reset_at_next_request()


def _connection(scope: Scope) -> Connection:
    connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
    if connection is None:
        raise ConnectionResetError("the sandbox was asked to break this connection")
    return connection


async def _is_gone_within(seconds: float, receive: Receive) -> bool:
    """Wait, and tell whether the client has given up meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _until_gone(receive)
            return True
    return False


async def _until_gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection is gone: it would complain about half an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
