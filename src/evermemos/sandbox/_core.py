"""The sandbox itself: what goes on between a request and an answer, whatever carries them."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import deque
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from ..errors import ConfigurationError
from . import _conversation_meta, _http, _spec
from ._faults import LONGEST_DELAY, Fault, Reset, is_number
from ._messages import Accepted, Answer, Refused, Request, Unanswerable, answer, now
from ._store import Store

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from ._asgi import SandboxApp
    from ._memories import Behaviour
    from ._spec import Operation
    from ._transport import SandboxTransport

# Bytes of a body. Servers have no limit, and a database that takes documents of 16 MiB.
LARGEST_BODY = 64 * 1024 * 1024
# Bytes of a body that is kept for `Sandbox.requests`.
LARGEST_NOTED = 1024 * 1024

UNAUTHORIZED = answer(401, {"code": "Unauthorized", "message": "Invalid API key", "type": "AuthenticationError"})
# Codes that servers document and do not send.
DOCUMENTED_CODES = {400: "INVALID_PARAMETER", 404: "RESOURCE_NOT_FOUND"}


class Sandbox:
    """An EverMemOS for tests and for trying things out. Safe to use from several threads.

    It serves the operations of openapi.yaml, and keeps what it is told in SQLite, for each API version apart: a record
    of one would lack fields that the other promises. It makes the mistakes of recorded servers
    (docs/server-behaviour.md), but for the races: a change that was acknowledged stays. What they do without their
    database, and that they drop a connection after a 500, can be had with `fail`.

    Of four messages of a group it makes memories, of fewer at a flush or at the end of a conversation that is stored
    whole: an episode for each person, an event_log for each message, and profiles that count. Other kinds can be put in
    with `seed`. Each search is one by words.

    Attributes:
        api_key (str | None): The key that requests must carry, if there is one in particular.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        api_key: str | None = None,
        require_key: bool = False,
        strict: bool = False,
        background: bool = False,
        processing_seconds: float = 0.0,
        extraction: bool = True,
    ) -> None:
        """Open a sandbox.

        Args:
            store (str | os.PathLike[str] | None): File for the records, made if it does not exist. Several processes
                may share it. None keeps the records in memory.
            api_key (str | None): The key that requests must carry. With None any key will do, and none, as on
                self-hosted servers.
            require_key (bool): Whether v0 wants a key where none is set, any key, as the hosted product does.
            strict (bool): Whether to behave as documented where servers do not: an update of an unknown group is
                refused, custom_role is kept, updated_at moves, unknown fields and made-up times are refused, v0 wants
                a key, and error codes are the documented ones.
            background (bool): Whether to answer 202 to a message, as busy servers do.
            processing_seconds (float): How long it takes until memories are there, where the answer does not wait for
                them: with `background`, for a whole conversation, and strictly on v0.
            extraction (bool): Whether memories are made of messages. False is a server without a language model:
                messages wait for ever, a flush makes nothing of them, and memories are only those of `seed`.

        Raises:
            ConfigurationError: If the file cannot be used, or an argument. The message says why.
        """
        if api_key == "":
            raise ConfigurationError("the api_key of the sandbox is empty: expected a key, or None to ask for none")
        if not is_number(processing_seconds, float, 0, LONGEST_DELAY):
            expected = f"expected seconds from 0 to {LONGEST_DELAY:g}"
            raise ConfigurationError(f"processing_seconds is {processing_seconds!r}: {expected}")
        self._requests: deque[Request] = deque(maxlen=1000)
        self.api_key = api_key
        self._require_key = require_key or strict
        # Whether a client that was led here by a URL has nobody else to close the file.
        self.closes_with_client = False
        self._spec = _spec.load(strict=strict)
        self._store = Store(store)
        self._background = background
        self._processing_seconds = processing_seconds
        self._extraction = extraction
        self._meta = _conversation_meta.behaviours(self._store, self._spec)
        self._faults: list[tuple[Fault, int | None]] = []
        self._lock = threading.Lock()

    @property
    def requests(self) -> list[Request]:
        """The last 1000 requests received, the newest last, refused ones included."""
        return list(self._requests)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> AbstractContextManager[str]:
        """Serve over a socket, from a thread, for as long as the context lasts. Needs the extra `sandbox`.

        Args:
            host (str): Name or address to listen on.
            port (int): Port to listen on, 0 for a free one.

        Returns:
            AbstractContextManager[str]: Gives the base URL.

        Raises:
            ConfigurationError: If the address cannot be used, a port that is taken for example, or if uvicorn is
                not installed.
        """
        from ._server import check_installed, serve

        # Here, and not only when the context is entered, which somebody may forget.
        check_installed()
        return serve(self, host, port)

    def transport(self) -> SandboxTransport:
        """Give httpx clients, sync and async, a way here that needs no socket.

        Returns:
            SandboxTransport: The `transport` argument of an httpx client.
        """
        from ._transport import SandboxTransport

        return SandboxTransport(self)

    def asgi(self) -> SandboxApp:
        """Give ASGI servers and frameworks a way here.

        Under another server than the sandbox's own a connection cannot be reset or cut: what `fail` asks for is then
        what that server does when an application fails, status 500 if nothing was answered yet.

        Returns:
            SandboxApp: An ASGI application. It may be mounted under a path of another.
        """
        from ._asgi import SandboxApp

        return SandboxApp(self)

    def fail(
        self,
        operation: str | None = None,
        *,
        times: int | None = 1,
        status: int | None = None,
        retry_after: int | None = None,
        delay: float = 0.0,
        reset: Reset | None = None,
        cut: bool = False,
        content_type: str | None = None,
        body: str | bytes | None = None,
        location: str | None = None,
        applied: bool | None = None,
    ) -> Fault:
        """Let the next requests go wrong. Faults are used up in the order in which they were asked for.

        Args:
            operation (str | None): Which operation, by its id in openapi.yaml, such as update_conversation_meta_v0
                or search_memories_v1. None is any.
            times (int | None): How many requests go wrong. None is all until `recover`.
            status (int | None): HTTP status to answer with, and the body that goes with it.
            retry_after (int | None): Seconds for a Retry-After header.
            delay (float): Seconds that the answer is late.
            reset (str | None): When the connection is reset: "before" the answer, "during" it, or "after" it, as soon
                as the next request comes over the same connection, which is then not received.
            cut (bool): Whether the connection ends in the middle of the answer's body.
            content_type (str | None): Another Content-Type.
            body (str | bytes | None): Another body: broken JSON, or HTML.
            location (str | None): Where to redirect to, with status 307 unless another is given.
            applied (bool | None): Whether the operation is carried out all the same, so that a write takes effect
                though its answer does not say so. None: yes, unless the status is not 200 or nothing is answered. The
                client takes 429, 501 and 503 for the server's word that it was not.

        Returns:
            Fault: What was asked for. The requests that ran into it have it as their `fault`.

        Raises:
            ConfigurationError: If an argument cannot be used.
        """
        if operation is not None and operation not in self._spec.operations:
            known = ", ".join(sorted(self._spec.operations))
            raise ConfigurationError(f"fail: operation is {operation!r}: expected one of {known}")
        if times is not None and not is_number(times, int, 1):
            raise ConfigurationError(f"fail: times is {times!r}: expected an int of 1 or more, or None for no end")
        if location is not None and status is None:
            status = 307
        if applied is None:
            applied = reset != "before" and status in (None, 200)
        content = body.encode() if isinstance(body, str) else body
        fault = Fault(operation, status, retry_after, delay, reset, cut, content_type, content, location, applied)
        if problem := fault.problem():
            raise ConfigurationError(f"fail: {problem}")
        with self._lock:
            self._faults.append((fault, times))
        return fault

    def recover(self) -> None:
        """Forget the faults that were asked for and have not come yet."""
        with self._lock:
            self._faults.clear()

    def seed(self, api: str, memory_type: str, /, **fields: Any) -> str:
        """Put a memory into the sandbox, of a kind that needs a language model or with words of its own.

        It is listed, found and deleted as one that servers made. Where its MemCell, of which `parent_id` is the id,
        is not there yet, it is made with `original_data` for messages.

        Args:
            api (str): The API version that lists it, "v0" or "v1".
            memory_type (str): Its type: episodic_memory, event_log, foresight or profile, on v0 also agent_case or
                agent_skill.
            **fields (Any): Its fields, by the names that this version lists them under. None leaves one out.

        Returns:
            str: Its id.

        Raises:
            ConfigurationError: If no server would list that. The message names the field, and what is expected.
        """
        from ._seeding import seed

        with self._store.session(write=True):
            return seed(self._store, api, memory_type, fields)

    def clear(self) -> None:
        """Drop all records, memories, noted requests and faults, as a new sandbox would."""
        with self._store.session(write=True):
            self._store.clear()
        self._requests.clear()
        self.recover()

    def newest(self, count: int) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
        """Look into the store.

        Args:
            count (int): The most records to read.

        Returns:
            tuple[int, list[tuple[str, dict[str, Any]]]]: How many records there are, and those that were made last,
                each with the API version that it belongs to.
        """
        with self._store.session(write=False):
            return self._store.newest(count)

    def close(self) -> None:
        """Close the store. Records in memory are gone; those in a file are kept."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        """Pickle as a file: only that can be opened elsewhere."""
        if self._store.path is None or self.api_key is not None:
            raise ConfigurationError("a sandbox in memory or with a key cannot be pickled: give it a store and no key")
        options: dict[str, Any] = {
            "require_key": self._require_key,
            "background": self._background,
            "processing_seconds": self._processing_seconds,
            "extraction": self._extraction,
        }
        return partial(Sandbox, self._store.path, strict=self._spec.strict, **options), ()

    def __repr__(self) -> str:
        return f"<Sandbox {self._store.path or 'in memory'}>"

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, base: str | None = None
    ) -> Answer:
        """Answer a request.

        Args:
            method (str): HTTP method.
            target (str): Path and query.
            headers (Mapping[str, str]): Headers, names in any letter case.
            body (bytes): The body, empty when there is none.
            base (str | None): What stands before the path in URLs. None is http and the Host header.

        Returns:
            Answer: What a server would answer.
        """
        fields = {name.lower(): value for name, value in headers.items()}
        path, _, query = target.partition("?")
        path = unquote(path)
        operation = self._spec.routes.get(path, {}).get(method)
        fault = self._next_fault(operation)
        shown = {**fields, "authorization": "[redacted]"} if "authorization" in fields else fields
        kept = body if len(body) <= LARGEST_NOTED else b""
        self._requests.append(Request(method, target, shown, kept, operation and operation.id, fault))
        if fault is None:
            found = self._answer(operation, method, path, query, fields, body, base)
        else:
            given = self._answer(operation, method, path, query, fields, body, base) if fault.applied else None
            found = fault.spoil(given, path, operation.errors if operation else {})
        return _http.finished(found, method, fields)

    def admits(self, authorization: str, *, key_needed: bool) -> bool:
        """Tell whether a request with this Authorization header may come in."""
        if self.api_key is None and not key_needed:
            return True
        scheme, _, key = authorization.partition(" ")
        return scheme.lower() == "bearer" and bool(key) and self.api_key in (None, key)

    @cached_property
    def _others(self) -> dict[str, Behaviour]:
        """What operations do that have nothing to do with conversation metadata. Many programs never ask for one."""
        from . import _memories, _status

        pace = _memories.Pace(self._background, self._processing_seconds, self._extraction)
        set_meta = {api: self._meta[f"create_conversation_meta_{api}"] for api in ("v0", "v1")}
        memories = _memories.behaviours(self._store, self._spec, pace, set_meta)
        return {**memories, **_status.behaviours(self._store, strict=self._spec.strict)}

    def _next_fault(self, operation: Operation | None) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for number, (fault, times) in enumerate(self._faults):
                if fault.operation in (None, operation and operation.id):
                    self._faults[number : number + 1] = [] if times == 1 else [(fault, times and times - 1)]
                    return fault
        return None

    def _answer(
        self,
        operation: Operation | None,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        base: str | None,
    ) -> Answer:
        if operation is None:
            return self._elsewhere(method, path, query, headers, base or f"http://{headers.get('host', 'localhost')}")
        try:
            return self._perform(operation, path, query, headers, body)
        except Unanswerable:
            return answer(500, _failure("SYSTEM_ERROR", "Internal server error", path))

    def _elsewhere(self, method: str, path: str, query: str, headers: Mapping[str, str], base: str) -> Answer:
        """Answer a request for which the spec has no operation."""
        if early := _http.early(method, headers):
            return early
        if path in self._spec.routes:
            # Of several methods servers name one, that of the function whose name comes first.
            return answer(405, {"detail": "Method Not Allowed"}, allow=min(self._spec.routes[path]))
        known = path.rstrip("/")
        if known in self._spec.routes:
            return Answer(307, {"location": f"{base}{known}{'?' if query else ''}{query}"}, b"")
        return answer(404, {"detail": "Not Found"})

    def _perform(self, operation: Operation, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        authorization = headers.get("authorization", "")
        if not operation.is_open and not self.admits(
            authorization, key_needed=operation.key_needed and self._require_key
        ):
            return UNAUTHORIZED
        try:
            if len(body) > LARGEST_BODY:
                raise Refused(413, f"The body is larger than {LARGEST_BODY} bytes, the most that the sandbox takes.")
            carry_out = self._prepared(operation, query, headers, body)
            with self._store.session(write=operation.writes):
                told = carry_out()
            if isinstance(told, Refused):
                raise told
            return answer(202, told.content) if isinstance(told, Accepted) else answer(200, told)
        except Refused as refused:
            if refused.detail is not None:
                return answer(refused.status, {"detail": refused.detail})
            status, message = refused.status, refused.message
        except sqlite3.Error as error:
            status, message = 500, f"The sandbox's store failed: {error}"
        code = DOCUMENTED_CODES.get(status, "SYSTEM_ERROR") if self._spec.strict else "HTTP_ERROR"
        return answer(status, _failure(code, message, path))

    def _prepared(
        self, operation: Operation, query: str, headers: Mapping[str, str], body: bytes
    ) -> Callable[[], dict[str, Any] | Accepted | Refused]:
        """Read what an operation is called with, and return what is left to do."""
        strict = self._spec.strict
        if operation.id in self._meta:
            params = _spec.arguments(operation, query, headers, body, strict=strict)
            return partial(self._meta[operation.id], params)
        from . import _memory_requests

        if operation.id not in self._others:
            raise Refused(501, f"The sandbox does not know what {operation.id} does.")
        params = _memory_requests.arguments(operation, query, headers, body, strict=strict)
        return partial(self._others[operation.id], params, headers)


def _failure(code: str, message: str, path: str) -> dict[str, str]:
    return {"status": "failed", "code": code, "message": message, "timestamp": now(), "path": path}


@cache
def _shared() -> Sandbox:
    return Sandbox()


# A cache alone would let two threads make one each.
_sharing = threading.Lock()


def from_url(url: str) -> Sandbox:
    """Open the sandbox that a base URL means.

    Args:
        url (str): `sandbox://memory`, the one that all clients of this process with this URL share, or
            `sandbox:///path/to/file.db`.

    Raises:
        ConfigurationError: If the URL means no sandbox, or the file cannot be used.
    """
    if url.rstrip("/") == "sandbox://memory":
        with _sharing:
            return _shared()
    # httpx.URL writes a path without a host after one slash.
    path = unquote(url.removeprefix("sandbox:").removeprefix("//"))
    if not path.startswith("/") or path.endswith("/") or set("?#") & set(path):
        raise ConfigurationError(f"base_url is {url[:200]!r}: expected sandbox://memory or sandbox:///path/to/file.db")
    # file:///C:/x and the like.
    sandbox = Sandbox(path[1:] if re.match("/[A-Za-z]:/", path) else path)
    sandbox.closes_with_client = True
    return sandbox
