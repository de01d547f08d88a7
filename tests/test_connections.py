"""What servers do to connections, over real sockets: break, stall and drip them, and point elsewhere."""

import asyncio
import contextlib
import gzip
import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, ScriptedServer, Step, http

from evermemos import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
)

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
# Servers here stall or drip until somebody hangs up: a call that outlived its deadline would never end.
# Seconds in which a request is sent, on a busy machine, too.
SHORT = 0.2
# For deadlines and timeouts within which nothing has to succeed.
SHORTEST = 0.1
# A deadline by a clock that is put forward.
AGES = 1_000
# After so many seconds what was waited for does not come.
PATIENCE = 30.0


@pytest.fixture
def flavour(every_flavour: Flavour) -> Flavour:
    return every_flavour


def http_client(flavour: Flavour, server: ScriptedServer, **settings: Any) -> Any:
    return flavour.client(base_url=server.url, **settings)


def get(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.get, **options)


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new", **options)


class Clock:
    """The clock of this process, which can be put forward. Sleeping does so, and takes no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        monotonic, sleep = time.monotonic, asyncio.sleep

        async def sleep_async(seconds: float) -> None:
            self.advance(seconds)
            await sleep(0)

        monkeypatch.setattr(time, "monotonic", lambda: monotonic() + self._ahead)
        monkeypatch.setattr(time, "sleep", self.advance)
        monkeypatch.setattr(asyncio, "sleep", sleep_async)

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


# Steps of a script


def reset(connection: socket.socket) -> None:
    # Closing a socket that does not linger sends RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def after(data: bytes, then: Callable[[socket.socket], None] = lambda _: None) -> Step:
    """Send something, and then do something else. Without it the server hangs up."""

    def step(connection: socket.socket) -> None:
        connection.sendall(data)
        then(connection)

    return step


def drip(start: bytes, drop: bytes, clock: Clock | None = None) -> Callable[[socket.socket], None]:
    """Send the start, and then drops for ever. By the clock each takes its time, but is never late by itself."""

    def step(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            if clock is not None:
                clock.advance(AGES / 10)
            connection.sendall(drop)
            threading.Event().wait(0.005)

    return step


def chunks(*parts: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BREAKS: dict[str, Step] = {
    "reset before any answer": reset,
    "hung up before any answer": after(b""),
    "cut in the status line": after(b"HTTP/1.1 2"),
    "cut in the headers": after(HEAD + b"Content-Le"),
    "reset in the headers": after(HEAD + b"Content-Le", reset),
    "content-length longer than the body": after(HEAD + b"Content-Length: 1000\r\n\r\n" + json.dumps(RECORD).encode()),
    "reset in the body": after(HEAD + b'Content-Length: 1000\r\n\r\n{"result', reset),
    "cut between chunks": after(chunks(json.dumps(RECORD).encode())),
    "cut in a chunk": after(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc"),
    "no HTTP at all": after(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
}
STALLS: dict[str, Step] = {
    "no answer": silent,
    "half a header": after(HEAD + b"Content-Le", silent),
    "half a body": after(HEAD + b"Content-Length: 1000\r\n\r\n{", silent),
}
# A start, and drops.
DRIPS = {
    "the status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x"),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "the body": (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "an extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a=", b"b"),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\n", b"X-Drip: a\r\n"),
}
# Those of which the head comes: it says that a write was accepted. What came before a reset may be lost with it.
ACCEPTED = {"content-length longer than the body", "cut between chunks", "cut in a chunk", "half a body"}


# Broken and stalled answers


def kind_of(error: APIConnectionError) -> tuple[Any, ...]:
    return type(error), error.outcome_unknown, error.attempts, error.status_code


def expected(fault: str, *, unknown: bool) -> tuple[Any, ...]:
    """The error of one attempt that ends so. The status is known once the head is there."""
    has_head = "body" in fault or "chunk" in fault
    return APITimeoutError if fault in STALLS else APIConnectionError, unknown, 1, 200 if has_head else None


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("fault", [*BREAKS, *STALLS])
def test_a_read_is_repeated_after_a_broken_answer(flavour: Flavour, serve: Serve, fault: str) -> None:
    step = (BREAKS | STALLS)[fault]
    server = serve(step, step, http(RECORD))
    timeout = httpx.Timeout(30, read=SHORTEST if fault in STALLS else 30)
    client = http_client(flavour, server, timeout=timeout)
    with pytest.raises(APIConnectionError) as caught:
        get(flavour, client, max_retries=0)
    assert kind_of(caught.value) == expected(fault, unknown=False)
    assert get(flavour, client, max_retries=50).result.id == RECORD["result"]["id"]  # type: ignore[index]
    assert len(server.requests) == server.connections >= 3


@pytest.mark.parametrize("fault", [*BREAKS, *STALLS])
def test_a_write_is_not_repeated_after_a_broken_answer_and_its_outcome_is_unknown_unless_the_head_said_it(
    flavour: Flavour, serve: Serve, fault: str
) -> None:
    server = serve((BREAKS | STALLS)[fault], http(PATCHED))
    client = http_client(flavour, server)
    with pytest.raises(APIConnectionError, match=r"outcome is unknown|the write was accepted") as caught:
        update(flavour, client, timeout=httpx.Timeout(30, read=SHORTEST if fault in STALLS else 30))
    assert_accepted_by_the_head(caught.value, fault)
    assert kind_of(caught.value) == expected(fault, unknown=not caught.value.applied)
    assert "could not be sent" not in str(caught.value)
    # The client is none the worse for it.
    assert update(flavour, client).status == "ok"
    assert len(server.requests) == 2


def assert_accepted_by_the_head(error: APIConnectionError, fault: str) -> None:
    """Look whether the error of a write says what the server said, and no more."""
    assert error.applied is (error.status_code == 200)
    assert error.outcome_unknown is not error.applied
    assert error.applied or fault not in ACCEPTED


def test_a_slow_answer_is_waited_for(flavour: Flavour, serve: Serve) -> None:
    def slow(connection: socket.socket) -> None:
        threading.Event().wait(0.1)
        connection.sendall(http(PATCHED))

    server = serve(slow)
    assert update(flavour, http_client(flavour, server)).status == "ok"
    assert len(server.requests) == 1


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("method", [get, update])
def test_a_refused_connection_is_tried_again_even_for_a_write(flavour: Flavour, method: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = flavour.client(base_url=f"http://127.0.0.1:{port}", max_retries=1)
    with pytest.raises(APIConnectionError, match="could not be sent") as caught:
        method(flavour, client)
    assert (caught.value.attempts, caught.value.outcome_unknown) == (2, False)


# Connections that the server drops


def gone(closed: threading.Event) -> Callable[[socket.socket], None]:
    def step(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    return step


def trap(connection: socket.socket) -> None:
    """Wait for whatever comes next on this connection, and reset it."""
    connection.recv(1)
    reset(connection)


PACKED = gzip.compress(b'{"message": "boom"}')
FAILURES = {
    "with a length": http({"message": "boom"}, "500 Internal Server Error"),
    "empty": http(b"", "500 Internal Server Error"),
    "in chunks": chunks(b'{"message": ', b'"boom"}', b"", status="500 Internal Server Error"),
    "in one chunk": chunks(b'{"message": "boom"}', b"", status="503 Service Unavailable"),
    "packed": http(PACKED, "502 Bad Gateway", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("dropped", ["at once", "at the next request"])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_write_after_a_500_goes_over_a_fresh_connection(
    flavour: Flavour, serve: Serve, kind: str, dropped: str
) -> None:
    closed = threading.Event()
    server = serve(after(FAILURES[kind], trap if dropped == "at the next request" else gone(closed)), http(PATCHED))
    client = http_client(flavour, server, max_retries=0)
    with pytest.raises(InternalServerError):
        get(flavour, client)
    if dropped == "at once":
        assert closed.wait(PATIENCE)
    assert update(flavour, client).status == "ok"
    assert (len(server.requests), server.connections) == (2, 2)


def test_a_connection_that_was_closed_while_idle_is_not_used_again(flavour: Flavour, serve: Serve) -> None:
    closed = threading.Event()
    server = serve(after(http(PATCHED), gone(closed)), http(PATCHED))
    client = http_client(flavour, server)
    update(flavour, client)
    assert closed.wait(PATIENCE)
    update(flavour, client)
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "422 Unprocessable Entity", "429 Too Many Requests"])
def test_a_connection_is_kept_after_any_other_answer(flavour: Flavour, serve: Serve, status: str) -> None:
    server = serve(http(RECORD, status), http(PATCHED))
    client = http_client(flavour, server, max_retries=0)
    with contextlib.suppress(APIStatusError):
        get(flavour, client)
    update(flavour, client)
    assert (len(server.requests), server.connections) == (2, 1)


# Redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Moved"])
@pytest.mark.parametrize("method", [get, update])
def test_a_redirect_is_not_followed_and_the_error_says_where_it_points(
    flavour: Flavour, serve: Serve, method: Callable[..., Any], status: str
) -> None:
    other = serve(http(RECORD))
    server = serve(http(b"", status, f"Location: {other.url}/api/v1/elsewhere"))
    with pytest.raises(APIStatusError) as caught:
        method(flavour, http_client(flavour, server))
    assert f"{other.url}/api/v1/elsewhere" in str(caught.value)
    assert (caught.value.status_code, len(server.requests), other.connections) == (int(status[:3]), 1, 0)


# Deadlines


@pytest.mark.parametrize("method", [get, update])
def test_a_deadline_bounds_a_call_that_is_not_answered(
    flavour: Flavour, serve: Serve, method: Callable[..., Any]
) -> None:
    client = http_client(flavour, serve(silent), max_retries=1_000)
    with pytest.raises(APITimeoutError, match="deadline") as caught:
        method(flavour, client, deadline=SHORT)
    assert caught.value.outcome_unknown is (method is update)


@pytest.mark.parametrize(
    ("kind", "method"), [(kind, method) for kind, method in zip(DRIPS, itertools.cycle([update, get]), strict=False)]
)
def test_a_deadline_bounds_a_call_however_slowly_its_answer_comes(
    flavour: Flavour, serve: Serve, clock: Clock, kind: str, method: Callable[..., Any]
) -> None:
    server = serve(drip(*DRIPS[kind], clock))
    with pytest.raises(APITimeoutError, match="deadline") as caught:
        method(flavour, http_client(flavour, server, max_retries=1_000), timeout=None, deadline=AGES)
    # Its head says that a write was accepted.
    has_head = caught.value.status_code == 200
    assert (caught.value.outcome_unknown, caught.value.applied) == (
        method is update and not has_head,
        method is update and has_head,
    )
    assert server.connections == 1


@pytest.mark.parametrize("kind", ["the body", "chunks"])
def test_a_call_past_its_deadline_leaves_no_connection_and_no_thread_behind(
    flavour: Flavour, serve: Serve, clock: Clock, kind: str
) -> None:
    hung_up = threading.Event()

    def step(connection: socket.socket) -> None:
        try:
            drip(*DRIPS[kind], clock)(connection)
        except OSError:
            hung_up.set()

    client = http_client(flavour, serve(step))
    with pytest.raises(APITimeoutError):
        get(flavour, client, timeout=None, deadline=AGES)
    assert hung_up.wait(PATIENCE)
    for thread in threading.enumerate():
        if "evermemos" in thread.name:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.usefixtures("clock")
def test_a_deadline_bounds_a_call_that_the_server_refuses_for_ever(flavour: Flavour, serve: Serve) -> None:
    server = serve(http({"message": "busy"}, "503 Service Unavailable"))
    with pytest.raises(APIError) as caught:
        get(flavour, http_client(flavour, server, max_retries=1_000_000), deadline=60)
    assert caught.value.attempts == len(server.requests) > 1


class SlowReader(ScriptedServer):
    received = 0

    def _receive(self, connection: socket.socket) -> bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        while part := connection.recv(65536):
            self.received += len(part)
            threading.Event().wait(0.02)
        return b""


def test_a_deadline_bounds_a_call_that_the_server_is_slow_to_read(flavour: Flavour) -> None:
    size = 16_000_000
    with contextlib.closing(SlowReader(b"")) as server:
        with pytest.raises(APITimeoutError) as caught:
            update(flavour, http_client(flavour, server), deadline=SHORT, extra_body={"pad": "x" * size})
        assert caught.value.outcome_unknown
        assert 0 < server.received < size
