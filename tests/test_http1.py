"""HTTP/1.1 over asyncio, the extra `fast`: the same outcomes as by httpx's own connections, whatever servers do."""

import asyncio
import contextlib
import functools
import gc
import os
import socket
import ssl
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, ScriptedServer, Step, http
from test_connections import BREAKS, ENDLESS, HEAD, STALLS, after, chunks, drip, reset, silent, soon

from evermemos import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncEverMemOS

Serve = Callable[..., ScriptedServer]
CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
LONG = 20.0
RECORD_BYTES = http(RECORD).partition(b"\r\n\r\n")[2]


@pytest.fixture(autouse=True)
def with_http1(extra_fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the extra is used in both runs."""
    monkeypatch.delitem(sys.modules, "evermemos._http1", raising=False)
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0)


@pytest.fixture
def fast() -> Iterator[Flavour]:
    flavour = Flavour("async")
    yield flavour
    flavour.finish()


def get(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.get, **options)


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new", **options)


def transport(flavour: Flavour, client: Any) -> Any:
    async def found() -> Any:
        return client._pool.client(client._settings)._transport

    return flavour.call(found)


def test_the_extra_is_what_is_tested_here(fast: Flavour) -> None:
    assert type(transport(fast, fast.client(base_url="http://localhost:1"))).__name__ == "Http1Transport"


# Whether it was sent


@pytest.mark.parametrize("step", [after(b""), reset], ids=["hung up", "reset"])
def test_a_write_that_was_read_and_not_answered_is_sent_once_and_its_outcome_is_unknown(
    fast: Flavour, serve: Serve, step: Step
) -> None:
    server = serve(step, http(PATCHED))
    with pytest.raises(APIConnectionError, match="outcome is unknown") as caught:
        update(fast, fast.client(base_url=server.url))
    assert (caught.value.outcome_unknown, caught.value.attempts, len(server.requests)) == (True, 1, 1)
    assert "could not be sent" not in str(caught.value)


@pytest.mark.parametrize("step", [after(b""), reset], ids=["hung up", "reset"])
def test_the_same_goes_for_a_connection_that_was_used_before(fast: Flavour, serve: Serve, step: Step) -> None:
    server = serve(http(PATCHED), step, http(PATCHED))
    client = fast.client(base_url=server.url)
    update(fast, client)
    with pytest.raises(APIConnectionError, match="outcome is unknown") as caught:
        update(fast, client)
    assert (caught.value.outcome_unknown, len(server.requests), server.connections) == (True, 2, 1)


@pytest.mark.parametrize("method", [get, update])
def test_a_refused_connection_is_tried_again_even_for_a_write(fast: Flavour, method: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = fast.client(base_url=f"http://127.0.0.1:{port}", max_retries=2)
    with pytest.raises(APIConnectionError, match="could not be sent") as caught:
        method(fast, client)
    assert (caught.value.attempts, caught.value.outcome_unknown) == (3, False)


@pytest.mark.parametrize("method", [get, update])
@pytest.mark.parametrize("fault", [*BREAKS, *STALLS])
def test_what_breaks_or_stalls_ends_as_it_does_without_the_extra(
    fast: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, fault: str, method: Callable[..., Any]
) -> None:
    outcomes = []
    for is_blocked in (False, True):
        if is_blocked:
            monkeypatch.setitem(sys.modules, "evermemos._http1", None)
        server = serve((BREAKS | STALLS)[fault])
        client = fast.client(base_url=server.url, max_retries=1)
        with pytest.raises(APIConnectionError) as caught:
            method(fast, client, timeout=httpx.Timeout(LONG, read=0.3 if fault in STALLS else LONG))
        error = caught.value
        outcomes.append((type(error), error.outcome_unknown, error.attempts, error.status_code, len(server.requests)))
    assert outcomes[0] == outcomes[1]


# Answers

ANSWERS = {
    "after 100": b"HTTP/1.1 100 Continue\r\n\r\n" + http(RECORD),
    "after 103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n" + http(RECORD),
    "after many": b"HTTP/1.1 102 Processing\r\nX-Long: a\r\n\r\n" * 20 + http(RECORD),
    "chunks": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n"
    % (RECORD_BYTES[:5], len(RECORD_BYTES) - 5, RECORD_BYTES[5:]),
    "chunks with extensions and trailers": HEAD
    + b'Transfer-Encoding: chunked\r\n\r\n%x;a=b;c="d"\r\n%b\r\n0;last\r\nX-Trailer: a\r\nContent-Type: text/html\r\n\r\n'
    % (len(RECORD_BYTES), RECORD_BYTES),
    "no reason": http(RECORD, "200"),
    "an empty header": http(RECORD, "200 OK", "X-Empty:", "X-Blank:  "),
    "odd reason": http(RECORD, "200 \xe4 what else?"),
}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_is_understood_however_it_is_written_and_its_connection_used_again(
    fast: Flavour, serve: Serve, kind: str, size: int
) -> None:
    data = ANSWERS[kind]

    class Pieces(ScriptedServer):
        def _serve(self, connection: socket.socket) -> None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, contextlib.suppress(OSError):
                while request := self._receive(connection):
                    self.requests.append(request)
                    for start in range(0, len(data), size):
                        connection.sendall(data[start : start + size])

    server = Pieces(b"")
    with contextlib.closing(server):
        client = fast.client(base_url=server.url, max_retries=0)
        for _ in range(2):
            assert get(fast, client).result.id == RECORD["result"]["id"]  # type: ignore[index]
        assert (len(server.requests), server.connections) == (2, 1)


ENDING = {
    "HTTP/1.0 without a length": b"HTTP/1.0 200 OK\r\n\r\n" + RECORD_BYTES,
    "HTTP/1.0 with a length": b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(RECORD_BYTES) + RECORD_BYTES,
    "HTTP/1.1 without a length": HEAD + b"\r\n" + RECORD_BYTES,
    "Connection: close": http(RECORD, "200 OK", "Connection: close"),
}


@pytest.mark.parametrize("kind", ENDING)
def test_a_connection_that_ends_with_its_answer_is_not_used_again(fast: Flavour, serve: Serve, kind: str) -> None:
    server = serve(after(ENDING[kind]), http(PATCHED))
    client = fast.client(base_url=server.url, max_retries=0)
    assert get(fast, client).result.id == RECORD["result"]["id"]  # type: ignore[index]
    assert update(fast, client).status == "ok"
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("more", [b"", b"Content-Length: 100\r\n"])
def test_an_answer_that_has_no_body_is_not_waited_for(fast: Flavour, serve: Serve, status: str, more: bytes) -> None:
    head = f"HTTP/1.1 {status}\r\n".encode()
    server = serve(head + more + b"\r\n", http(PATCHED))
    client = fast.client(base_url=server.url, max_retries=0)
    with pytest.raises(APIError) as caught:
        get(fast, client).parse()
    assert caught.value.status_code == int(status[:3])
    assert update(fast, client).status == "ok"


BROKEN = {
    "a head that is too large": HEAD + b"X-Large: " + b"a" * 600_000 + b"\r\n\r\n",
    "a head without end": HEAD + b"X-Many: a\r\n" * 60_000,
    "NUL in a value": HEAD + b"X-Nul: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "NUL in a name": HEAD + b"X\0Nul: a\r\nContent-Length: 2\r\n\r\n{}",
    "no colon": HEAD + b"no colon\r\n\r\n",
    "a length that is no number": HEAD + b"Content-Length: many\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "a length beyond all": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a chunk of no number": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk beyond all": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
    "a chunk that goes on": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    "an unknown version": b"HTTP/9.9 200 OK\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "status 99": b"HTTP/1.1 99 OK\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 OK\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\nabc",
    "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x16",
    "length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_head_is_an_error_of_ours_and_its_connection_is_closed(fast: Flavour, serve: Serve, kind: str) -> None:
    server = serve(after(BROKEN[kind]), http(PATCHED))
    client = fast.client(base_url=server.url, max_retries=0, timeout=LONG)
    with pytest.raises(APIError) as caught:
        update(fast, client)
    assert caught.value.outcome_unknown or caught.value.status_code is not None
    assert update(fast, client).status == "ok"
    assert server.connections == 2


def test_a_folded_header_is_read_or_refused(fast: Flavour, serve: Serve) -> None:
    server = serve(http(RECORD, "200 OK", "X-Folded: a\r\n b"), http(PATCHED))
    client = fast.client(base_url=server.url, max_retries=0)
    with contextlib.suppress(APIConnectionError):
        assert get(fast, client).result.id == RECORD["result"]["id"]  # type: ignore[index]
    assert update(fast, client).status == "ok"


# What nobody asked for


def test_of_two_answers_to_one_request_the_second_is_never_read(fast: Flavour, serve: Serve) -> None:
    server = serve(
        http({**RECORD, "message": "1"}) + http({**RECORD, "message": "unasked"}), http({**RECORD, "message": "2"})
    )
    client = fast.client(base_url=server.url, max_retries=0)
    assert [get(fast, client).message for _ in range(3)] == ["1", "2", "2"]
    assert server.connections == 2


def test_a_connection_over_which_something_came_while_it_was_idle_is_not_used_again(
    fast: Flavour, serve: Serve
) -> None:
    sent, go = threading.Event(), threading.Event()

    def unasked(connection: socket.socket) -> None:
        connection.sendall(http(RECORD))
        go.wait(LONG)
        connection.sendall(http({**RECORD, "message": "unasked"}))
        sent.set()
        silent(connection)

    server = serve(unasked, http({**RECORD, "message": "2"}))
    client = fast.client(base_url=server.url, max_retries=0)
    get(fast, client)
    go.set()
    assert sent.wait(LONG)
    assert get(fast, client).message == "2"
    assert server.connections == 2


@pytest.mark.parametrize("number", [1, 2, 8])
def test_after_the_event_loop_was_blocked_writes_go_over_connections_that_are_still_open(
    fast: Flavour, number: int
) -> None:
    class Closing(ScriptedServer):
        """Closes the first connections after one answer, when told to."""

        def __init__(self) -> None:
            self.close_now, self.closed = threading.Event(), threading.Semaphore(0)
            self.all_in = threading.Barrier(number)
            super().__init__(b"")

        def _serve(self, connection: socket.socket) -> None:
            is_first = self.connections <= number and not self.close_now.is_set()
            with connection, contextlib.suppress(OSError):
                while request := self._receive(connection):
                    self.requests.append(request)
                    if is_first:
                        self.all_in.wait(LONG)
                    connection.sendall(http(PATCHED))
                    if is_first:
                        self.close_now.wait(LONG)
                        connection.shutdown(socket.SHUT_RDWR)
                        self.closed.release()
                        return

    server = Closing()
    with contextlib.closing(server):
        client = fast.client(base_url=server.url, timeout=LONG)
        method = client.v1.memories.conversation_meta.update

        async def run() -> None:
            await asyncio.gather(*(method(name="new") for _ in range(number)))
            server.close_now.set()
            for _ in range(number):
                # Blocks the loop.
                assert server.closed.acquire(timeout=LONG)
            await asyncio.gather(*(method(name="new") for _ in range(number)))

        fast.call(run)
        assert len(server.requests) == 2 * number
