"""The sandbox itself: what goes on between a request and an answer, whatever carries them."""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from ._conversation_meta import ConversationMetaV0, ConversationMetaV1
from ._operation import Operation, Refused, issue, now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from ._transport import SandboxTransport


class Answer(NamedTuple):
    """An HTTP answer.

    Attributes:
        status (int): HTTP status.
        headers (Mapping[str, str]): Headers by their names in lower case.
        body (bytes): The body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Request(NamedTuple):
    """A request that the sandbox has received.

    Attributes:
        method (str): HTTP method.
        target (str): Path and query, as sent.
        headers (Mapping[str, str]): Headers by their names in lower case, without the value of Authorization.
        body (Any): What the JSON says, or the bytes that were sent when they are no JSON.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Any


class Sandbox:
    """A small EverMemOS in memory, for tests and for trying things out. Safe to use from several threads.

    It serves the conversation-meta operations of /api/v0 and /api/v1. Each version has its own records: a record of one
    would lack fields that the other promises. v1 keeps every hazard of recorded servers but the races: a change that
    was acknowledged stays.

    Attributes:
        requests (deque[Request]): The last 1000 requests received, the newest last, refused ones included.
    """

    def __init__(self, api_key: str | None = None) -> None:
        """Make a sandbox without any record.

        Args:
            api_key (str | None): The key that requests must carry. With None, v0 takes any key and v1 asks for none,
                as hosted and self-hosted servers do.
        """
        self.requests: deque[Request] = deque(maxlen=1000)
        self._api_key = api_key
        self._lock = threading.Lock()
        self._routes: dict[str, Mapping[str, Operation]] = {
            "/api/v0/memories/conversation-meta": ConversationMetaV0().operations(),
            "/api/v1/memories/conversation-meta": ConversationMetaV1().operations(),
        }

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> AbstractContextManager[str]:
        """Serve over a socket for as long as the context lasts.

        Args:
            host (str): Name or IPv4 address to listen on.
            port (int): Port to listen on, 0 for a free one.

        Returns:
            AbstractContextManager[str]: Gives the base URL.
        """
        from ._server import serve

        return serve(self, host, port)

    def transport(self) -> SandboxTransport:
        """Give httpx clients, sync and async, a way here that needs no socket.

        Returns:
            SandboxTransport: The `transport` argument of an httpx client.
        """
        from ._transport import SandboxTransport

        return SandboxTransport(self)

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request.

        Args:
            method (str): HTTP method.
            target (str): Path and query.
            headers (Mapping[str, str]): Headers, names in any letter case.
            body (bytes): The body, empty when there is none.

        Returns:
            Answer: What a server would answer.
        """
        fields = {name.lower(): value for name, value in headers.items()}
        self._note(method, target, fields, body)
        path, _, query = target.partition("?")
        path = unquote(path)
        operations = self._routes.get(path)
        if operations is None:
            known = path.rstrip("/")
            if known in self._routes:
                location = f"http://{fields.get('host', 'localhost')}{known}{'?' if query else ''}{query}"
                return Answer(307, {"location": location}, b"")
            return _answer(404, {"detail": "Not Found"})
        if method not in operations:
            return _answer(405, {"detail": "Method Not Allowed"}, allow=", ".join(operations))
        if not self._admits(path, fields.get("authorization", "")):
            problem = {"code": "Unauthorized", "message": "Invalid API key", "type": "AuthenticationError"}
            return _answer(401, problem)
        operation = operations[method]
        try:
            params = _params(operation, query, body)
            with self._lock:
                result = operation.run(params)
        except Refused as refused:
            return _answer(refused.status, _explain(refused, path))
        return _answer(200, result)

    def _note(self, method: str, target: str, fields: dict[str, str], body: bytes) -> None:
        shown = {name: "[redacted]" if name == "authorization" else value for name, value in fields.items()}
        # Parsed once more for the operation: who changes a noted body must not reach a record.
        try:
            content = _loads(body)
        except ValueError:
            content = body
        self.requests.append(Request(method, target, shown, content))

    def _admits(self, path: str, authorization: str) -> bool:
        if self._api_key is None and not path.startswith("/api/v0/"):
            return True
        scheme, _, key = authorization.partition(" ")
        return scheme.lower() == "bearer" and bool(key) and self._api_key in (None, key)


def _params(operation: Operation, query: str, body: bytes) -> dict[str, Any]:
    if operation.on_null and not body:
        raise Refused(400, "Expecting value: line 1 column 1 (char 0)")
    try:
        content = _loads(body) if body else None
    except json.JSONDecodeError as error:
        problem = issue("json_invalid", ("body", error.pos), {}, "JSON decode error", ctx={"error": error.msg})
        raise Refused(422, detail=[problem]) from None
    except ValueError:
        raise Refused(400, detail="There was an error parsing the body") from None
    if content is not None and (issues := operation.check(content, ("body",))):
        raise Refused(422, detail=issues)
    if not operation.on_null:
        return {**dict(parse_qsl(query, keep_blank_values=True)), **(content or {})}
    if content is None:
        raise Refused(500, operation.on_null)
    return dict(content)


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("not a number of JSON")
    return value


def _explain(refused: Refused, path: str) -> dict[str, Any]:
    if refused.detail is not None:
        return {"detail": refused.detail}
    head = {"status": "failed", "code": "HTTP_ERROR", "message": refused.message}
    return {**head, "timestamp": now(), "path": path}


def _answer(status: int, content: dict[str, Any], **headers: str) -> Answer:
    return Answer(status, {"content-type": "application/json", **headers}, json.dumps(content).encode())
