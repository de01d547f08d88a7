"""The connections of the extra `fast`: the same outcomes as by httpx's own, whatever servers do."""

import asyncio
import contextlib
import gc
import itertools
import os
import socket
import ssl
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, ScriptedServer, Step, http, use_http1
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_connections import (
    BREAKS,
    HEAD,
    SHORT,
    STALLS,
    after,
    assert_accepted_by_the_head,
    chunks,
    drip,
    reset,
    silent,
)

from evermemos import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncEverMemOS

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
LONG = 20.0
RECORD_BYTES = http(RECORD).partition(b"\r\n\r\n")[2]


@pytest.fixture(autouse=True)
def with_http1(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the extra is used, whosever turn it is."""
    use_http1(monkeypatch)
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0)


@pytest.fixture
def fast(flavour: Flavour) -> Flavour:
    return flavour


@pytest.fixture
def fast_async() -> Iterator[Flavour]:
    flavour = Flavour("async")
    yield flavour
    flavour.finish()


def get(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.get, **options)


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new", **options)


def transport(flavour: Flavour, client: Any) -> Any:
    def found() -> Any:
        return client._pool.client(client._settings)._transport

    async def found_in_loop() -> Any:
        return found()

    return flavour.call(found if flavour.name == "sync" else found_in_loop)


def test_the_extra_is_what_is_tested_here(fast: Flavour) -> None:
    cell = transport(fast, fast.client(base_url="http://localhost:1"))._make()
    assert type(cell).__name__ == {"sync": "Http1Cell", "async": "AsyncHttp1Cell"}[fast.name]


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
            use_http1(monkeypatch, is_used=False)
        server = serve((BREAKS | STALLS)[fault])
        client = fast.client(base_url=server.url, max_retries=1)
        with pytest.raises(APIConnectionError) as caught:
            method(fast, client, timeout=httpx.Timeout(LONG, read=0.3 if fault in STALLS else LONG))
        error = caught.value
        what = (type(error), error.outcome_unknown, error.applied, error.attempts, error.status_code)
        outcomes.append((*what, len(server.requests)))
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
    + b'Transfer-Encoding: chunked\r\n\r\n%x;a=b;c="d"\r\n%b\r\n0;b\r\nX-Trailer: a\r\nContent-Type: a/b\r\n\r\n'
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
    fast_async: Flavour, number: int
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
        client = fast_async.client(base_url=server.url, timeout=LONG)
        method = client.v1.memories.conversation_meta.update

        async def run() -> None:
            await asyncio.gather(*(method(name="new") for _ in range(number)))
            server.close_now.set()
            for _ in range(number):
                # Blocks the loop.
                assert server.closed.acquire(timeout=LONG)
            await asyncio.gather(*(method(name="new") for _ in range(number)))

        fast_async.call(run)
        assert len(server.requests) == 2 * number


def test_requests_that_are_ready_together_leave_one_right_behind_the_other(
    fast_async: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = fast_async.client(base_url=serve(http(PATCHED)).url)
    method = client.v1.memories.conversation_meta.update
    order = []
    for module, name in (("_short", "prepare"), ("_http1", "Answer.begin")):
        function = attrgetter(name)(import_module(f"evermemos.{module}"))

        def spy(*arguments: Any, name: str = name, function: Any = function) -> Any:
            order.append(name)
            return function(*arguments)

        monkeypatch.setattr(f"evermemos.{module}.{name}", spy)

    async def run() -> None:
        await asyncio.gather(*(method(name="new") for _ in range(8)))
        order.clear()
        await asyncio.gather(*(method(name="new") for _ in range(8)))

    fast_async.call(run)
    assert order == ["prepare"] * 8 + ["Answer.begin"] * 8


# Large ones


def hold(_: socket.socket) -> None:
    threading.Event().wait(2)


@pytest.mark.parametrize(
    "then", [hold, lambda connection: connection.close(), reset], ids=["waits", "closes", "resets"]
)
def test_a_server_that_answers_413_before_it_has_read_the_body_is_understood(
    fast: Flavour, then: Callable[[socket.socket], None]
) -> None:
    class Hasty(ScriptedServer):
        def _receive(self, connection: socket.socket) -> bytes:
            return connection.recv(1000)

    server = Hasty(after(http({"message": "too much"}, "413 Content Too Large"), then))
    with contextlib.closing(server):
        client = fast.client(base_url=server.url, timeout=LONG)
        with pytest.raises(APIError) as caught:
            update(fast, client, extra_body={"pad": "x" * 32_000_000})
        # A reset may take the answer along.
        assert caught.value.status_code == 413 or (then is not hold and caught.value.outcome_unknown)
        if then is hold:
            assert isinstance(caught.value, APIStatusError)
            with pytest.raises(APIStatusError):
                update(fast, client)
            assert server.connections == 2, "what is left of the body is not sent before the next request"


def test_a_large_body_that_is_read_slowly_has_the_write_timeout_for_each_part_of_it(fast: Flavour) -> None:
    class Slow(ScriptedServer):
        def _receive(self, connection: socket.socket) -> bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            if not (data := connection.recv(1000)):
                return b""
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            got = len(body)
            while got < length:
                got += len(part := connection.recv(1 << 18))
                if not part:
                    return b""
                threading.Event().wait(0.005)
            return data

    with contextlib.closing(Slow(http(PATCHED))) as server:
        client = fast.client(base_url=server.url, timeout=httpx.Timeout(LONG, write=0.5))
        assert update(fast, client, extra_body={"pad": "x" * 32_000_000}).status == "ok"


def test_an_answer_that_is_read_slowly_waits_outside_of_memory(fast_async: Flavour, serve: Serve) -> None:
    from evermemos._http1_async import connect_async

    size = 64_000_000
    blocked = threading.Event()

    def flood(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size)
        connection.settimeout(0.5)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < size:
                try:
                    sent += connection.send(bytes(65536))
                except TimeoutError:
                    blocked.set()
                    connection.settimeout(LONG)

    server = serve(flood)

    async def run() -> tuple[int, int]:
        where = httpx.URL(server.url)
        connection = await connect_async(where.host, where.port or 80, None, LONG)
        await connection.ask(httpx.Request("GET", where), {})
        tracemalloc.start()
        await asyncio.to_thread(blocked.wait, LONG)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        read = 0
        while part := await connection.read(LONG):
            read += len(part)
        await connection.aclose()
        return most, read

    most, read = fast_async.call(run)
    assert most < 4_000_000
    assert read >= size


# TLS


class TlsServer(ScriptedServer):
    """Shakes hands first."""

    def __init__(self, *script: Step) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(CERTIFICATE)
        super().__init__(*script)
        self.port = self.url.rpartition(":")[2]
        self.url = f"https://localhost:{self.port}"

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            super()._serve(self.context.wrap_socket(connection, server_side=True))


@pytest.fixture
def tls() -> Iterator[Callable[..., TlsServer]]:
    with contextlib.ExitStack() as stack:
        yield lambda *script: stack.enter_context(contextlib.closing(TlsServer(*script)))


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


def test_tls_is_spoken_and_its_connection_used_again(fast: Flavour, tls: Callable[..., TlsServer]) -> None:
    server = tls(http(RECORD))
    client = fast.client(base_url=server.url, verify=trusting())
    for _ in range(3):
        assert get(fast, client).result.id == RECORD["result"]["id"]  # type: ignore[index]
    assert (len(server.requests), server.connections) == (3, 1)


def test_http_1_is_agreed_on_whatever_the_context_was_used_for(fast: Flavour, tls: Callable[..., TlsServer]) -> None:
    server, verify = tls(http(RECORD)), trusting()
    server.context.set_alpn_protocols(["h2", "http/1.1"])
    verify.set_alpn_protocols(["h2", "http/1.1"])
    client = fast.client(base_url=server.url, verify=verify)
    get(fast, client)
    ((_, cell),) = transport(fast, client)._idle
    connection = cell._connection
    spoken = connection._socket if fast.name == "sync" else connection._transport.get_extra_info("ssl_object")
    assert spoken.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("fault", BREAKS)
def test_a_write_over_tls_is_not_repeated_after_a_broken_answer(
    fast: Flavour, tls: Callable[..., TlsServer], fault: str
) -> None:
    server = tls(BREAKS[fault], http(PATCHED))
    client = fast.client(base_url=server.url, verify=trusting())
    with pytest.raises(APIConnectionError, match=r"outcome is unknown|the write was accepted") as caught:
        update(fast, client)
    assert (caught.value.attempts, len(server.requests)) == (1, 1)
    assert_accepted_by_the_head(caught.value, fault)
    assert update(fast, client).status == "ok"


@pytest.mark.parametrize("is_trusted", [True, False], ids=["a wrong name", "an untrusted certificate"])
def test_a_certificate_that_does_not_do_is_an_error_at_once(
    fast: Flavour, tls: Callable[..., TlsServer], monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    server = tls(http(PATCHED))
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **options: resolve("127.0.0.1", *more, **options))
    url = f"https://api.example:{server.port}" if is_trusted else server.url
    client = fast.client(base_url=url, verify=trusting() if is_trusted else True)
    with pytest.raises(APIConnectionError, match=r"could not be sent.*certificate") as caught:
        update(fast, client)
    assert (caught.value.attempts, caught.value.outcome_unknown, server.requests) == (1, False, [])


def test_plain_http_where_tls_is_expected_is_an_error_of_ours(fast: Flavour, serve: Serve) -> None:
    server = serve(http(PATCHED))
    client = fast.client(base_url=server.url.replace("http:", "https:"), max_retries=1, timeout=0.5)
    with pytest.raises(APIConnectionError) as caught:
        update(fast, client)
    assert not caught.value.outcome_unknown


# Hosts


def test_an_address_of_version_6_is_reached(fast: Flavour) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("the machine has no IPv6")
    server = ScriptedServer(http(PATCHED))
    with listener, contextlib.closing(server):
        port = listener.getsockname()[1]
        threading.Thread(target=lambda: server._serve(listener.accept()[0]), daemon=True).start()
        assert update(fast, fast.client(base_url=f"http://[::1]:{port}")).status == "ok"
        assert f"Host: [::1]:{port}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("straße.localhost", "xn--strae-oqa.localhost"),
        ("bücher.localhost", "xn--bcher-kva.localhost"),
        ("xn--strae-oqa.localhost", "xn--strae-oqa.localhost"),
        ("under_score.localhost", "under_score.localhost"),
        ("UPPER.localhost", "upper.localhost"),
    ],
)
def test_a_host_is_asked_for_by_the_name_that_httpx_has_for_it(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str, asked: str
) -> None:
    server = serve(http(PATCHED))
    resolve, names = socket.getaddrinfo, []

    def record(name: Any, *more: Any, **options: Any) -> Any:
        names.append(name if isinstance(name, str) else name.decode())
        return resolve("127.0.0.1", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", record)
    client = flavour.client(base_url=server.url.replace("127.0.0.1", host))
    assert update(flavour, client).status == "ok"
    assert names == [asked]
    assert f"Host: {asked}:".encode() in server.requests[0]


@pytest.mark.parametrize("host", ["a" * 64 + ".localhost", "a..localhost", "xn--a.localhost", "xn--.localhost"])
def test_a_host_that_cannot_be_is_an_error_of_ours(flavour: Flavour, host: str) -> None:
    from evermemos import EverMemOSError

    with pytest.raises(EverMemOSError):
        get(flavour, flavour.client(base_url=f"http://{host}:1", max_retries=0))


# Cancelled


@pytest.mark.parametrize("after_steps", range(12))
def test_a_call_that_is_cancelled_at_any_await_leaves_nothing_behind(
    fast_async: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, after_steps: int
) -> None:
    monkeypatch.setattr("evermemos._async.cells.LIMIT", 1)

    def in_parts(connection: socket.socket) -> None:
        data = chunks(*(RECORD_BYTES[start : start + 40] for start in range(0, len(RECORD_BYTES), 40)), b"")
        for start in range(0, len(data), 50):
            connection.sendall(data[start : start + 50])
            threading.Event().wait(0.005)

    server = serve(in_parts, http(RECORD))
    client = fast_async.client(base_url=server.url, timeout=httpx.Timeout(LONG, pool=0.1))
    method = client.v1.memories.conversation_meta

    async def run() -> None:
        task = asyncio.ensure_future(method.get())
        for _ in range(after_steps):
            await asyncio.sleep(0.002 if after_steps > 6 else 0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        for _ in range(3):
            assert (await method.get()).status == "ok"
        own = client._pool.client(client._settings)._transport
        assert (own._slots._value, len(own._idle)) == (1, 1)

    fast_async.call(run)


# Deadlines

DRIPS: dict[str, Step] = {
    "no answer": silent,
    "the status line": drip(b"HTTP/1.1 200 ", b"O"),
    "headers": drip(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x"),
    "interim answers": drip(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "the body": drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "an extension": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a=", b"b"),
    "trailers": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\n", b"X-Drip: a\r\n"),
}


@pytest.mark.parametrize("is_reused", [False, True])
@pytest.mark.parametrize("kind", DRIPS)
def test_a_deadline_holds_for_whatever_drips(fast: Flavour, serve: Serve, kind: str, is_reused: bool) -> None:
    server = serve(*[http(PATCHED)] * is_reused, DRIPS[kind])
    client = fast.client(base_url=server.url)
    if is_reused:
        update(fast, client)
    with pytest.raises(APITimeoutError, match="deadline") as caught:
        update(fast, client, deadline=SHORT)
    is_accepted = kind in ("the body", "chunks", "an extension", "trailers")
    assert (caught.value.outcome_unknown, caught.value.applied) == (not is_accepted, is_accepted)
    assert server.connections == 1


def test_a_head_that_comes_in_parts_has_the_read_timeout_for_each(fast: Flavour, serve: Serve) -> None:
    def slowly(connection: socket.socket) -> None:
        for part in (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200", b" OK\r\nX-A: 1\r\n", b"X-B: 2\r\n"):
            connection.sendall(part)
            threading.Event().wait(0.4)
        connection.sendall(http(PATCHED).partition(b"\r\n")[2])

    client = fast.client(base_url=serve(slowly).url, max_retries=0)
    assert update(fast, client, timeout=httpx.Timeout(LONG, read=1.2)).status == "ok"


@pytest.mark.parametrize("drop", [b"", b"\x16\x03\x03\x00\x02\x02"], ids=["stalled", "dripping"])
def test_a_deadline_holds_for_shaking_hands(fast: Flavour, drop: bytes) -> None:
    class Handshake(ScriptedServer):
        def _serve(self, connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                # The head of a record of 16,000 bytes.
                (drip(b"\x16\x03\x03\x3e\x80", b"\x00") if drop else silent)(connection)

    with contextlib.closing(Handshake(b"")) as server:
        client = fast.client(base_url=server.url.replace("http:", "https:"), verify=trusting(), max_retries=100)
        with pytest.raises(APITimeoutError) as caught:
            update(fast, client, deadline=SHORT)
        assert not caught.value.outcome_unknown


def test_a_deadline_holds_for_a_connection_that_is_never_made(fast: Flavour) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener, contextlib.ExitStack() as stack:
        for _ in range(8):
            # Fills the queue of the listener: further ones get no answer.
            full = stack.enter_context(socket.socket())
            full.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                full.connect(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(APITimeoutError) as caught:
            update(fast, fast.client(base_url=url), deadline=SHORT)
        assert not caught.value.outcome_unknown


# Loops and processes


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_event_loop_after_another_has_connections_of_its_own(serve: Serve) -> None:
    server = serve(http(PATCHED))
    client = AsyncEverMemOS(api_key="k", base_url=server.url)

    async def calls() -> None:
        for _ in range(2):
            assert (await client.v1.memories.conversation_meta.update(name="new")).status == "ok"
        # Or it would be found open whenever Python lets go of the event loop.
        await client._pool.client(client._settings)._transport._idle[0][1].aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    for _ in range(5):
        asyncio.run(calls())
    gc.collect()
    assert (len(server.requests), server.connections) == (10, 5)


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_the_connection_of_its_parent_alone(fast: Flavour, serve: Serve) -> None:
    server = serve(http(PATCHED))
    client = fast.client(base_url=server.url)
    update(fast, client)
    if (child := os.fork()) == 0:
        code = 1
        with contextlib.suppress(BaseException):
            answer = client.v1.memories.conversation_meta.update(name="new")
            code = (answer if fast.name == "sync" else asyncio.run(answer)).status != "ok"
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    update(fast, client)
    assert (len(server.requests), server.connections) == (3, 2)


NEVER_CLOSED = """
import asyncio, sys
from evermemos import AsyncEverMemOS, EverMemOS
def made():
    cls = EverMemOS if sys.argv[2] == "sync" else AsyncEverMemOS
    client = cls(api_key="k", base_url=sys.argv[1])
    return client, client.v1.memories.conversation_meta.update
async def run():
    client, update = made()
    await update(name="new")
    await asyncio.gather(*(update(name="new") for _ in range(4)))
    return client
def main():
    if sys.argv[2] == "async":
        return asyncio.run(run())
    client, update = made()
    update(name="new")
    return client
client = main() if sys.argv[3] == "kept" else main() and None
assert "evermemos._http1" in sys.modules
"""


@pytest.mark.process
@pytest.mark.parametrize("kind", ["kept", "dropped"])
@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_client_that_is_never_closed_says_nothing(serve: Serve, name: str, kind: str) -> None:
    server = serve(http(PATCHED))
    # An event loop is over by then, and what is left in it says so to those who ask.
    warnings = ["-W", "always"] if name == "sync" else []
    command = [sys.executable, *warnings, "-c", NEVER_CLOSED, server.url, name, kind]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("fault", [*BREAKS, *STALLS, *BROKEN])
def test_no_error_shows_the_group_that_was_asked_for(fast: Flavour, serve: Serve, fault: str) -> None:
    step = (BREAKS | STALLS).get(fault) or after(BROKEN[fault])
    client = fast.client(base_url=serve(step).url, max_retries=0, timeout=httpx.Timeout(LONG, read=0.3))
    with pytest.raises(APIError) as caught:
        get(fast, client, group_id="secret-group")
    shown: BaseException | None = caught.value
    while shown is not None:
        assert "secret-group" not in f"{shown} {shown!r} {vars(shown)}"
        shown = shown.__cause__ or shown.__context__


# Fuzzed


Parsed = tuple[int, list[tuple[bytes, bytes]], bytes]
ASKED = httpx.Request("GET", "http://localhost/")


def parsed_by_us(parts: list[bytes]) -> tuple[Parsed, bool]:
    """Return the answer that the parts are, and whether the connection could be used again."""
    from evermemos._http1 import Answer

    answer = Answer()
    answer.begin(ASKED)
    for part in parts:
        answer.feed(part)
    is_clean = answer.is_complete and not answer.is_dirty
    if not answer.is_complete:
        answer.end()
    response = answer.response(httpx.ByteStream(b""))
    headers = [(name.lower(), value) for name, value in response.headers.raw]
    return (response.status_code, headers, answer.take()), is_clean


class Wire(httpcore.NetworkStream):
    def __init__(self, parts: list[bytes]) -> None:
        self.parts = list(parts)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.parts.pop(0) if self.parts else b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...

    def close(self) -> None: ...


def parsed_by_httpcore(parts: list[bytes]) -> Parsed:
    with httpcore.HTTP11Connection(httpcore.Origin(b"http", b"localhost", 80), Wire(parts)) as connection:
        response = connection.request("GET", "http://localhost/", headers={"Host": "localhost"})
        return response.status, [(name.lower(), value) for name, value in response.headers], response.content


names = st.from_regex(rb"[Xx]-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
values = st.from_regex(rb"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True)
fields = st.lists(st.tuples(names, values), max_size=5)
bodies = st.lists(st.binary(min_size=1, max_size=60), max_size=4)


@st.composite
def valid_answers(draw: st.DrawFn) -> bytes:
    data = b""
    for status in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2)):
        data += b"HTTP/1.1 %d Wait\r\nX-Interim: a\r\n\r\n" % status
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 404, 422, 500, 503]))
    reason = draw(st.from_regex(rb"[A-Za-z][ -~]{0,12}", fullmatch=True))
    head = b"HTTP/1.1 %d %b\r\n" % (status, reason)
    head += b"".join(b"%b:%b%b\r\n" % (name, draw(st.sampled_from([b"", b" "])), value) for name, value in draw(fields))
    parts = draw(bodies)
    body = b"".join(parts)
    if status in (204, 304):
        return data + head + b"\r\n"
    framing = draw(st.sampled_from(["length", "chunks", "end"]))
    if framing == "length":
        return data + head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    if framing == "end":
        return data + head + b"Connection: close\r\n\r\n" + body
    extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b c"']))
    trailer = b"".join(b"%b: %b\r\n" % field for field in draw(fields))
    written = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    return data + head + b"Transfer-Encoding: chunked\r\n\r\n" + written + b"0\r\n" + trailer + b"\r\n"


def split(data: bytes, at: list[int]) -> list[bytes]:
    cuts = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in itertools.pairwise(cuts)]


places = st.lists(st.integers(0, 1 << 16), max_size=12)
fuzzed = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@fuzzed
@given(valid_answers(), places, st.booleans())
def test_a_valid_answer_is_read_as_httpx_reads_it_however_it_is_split(
    data: bytes, at: list[int], is_byte_by_byte: bool
) -> None:
    parts = [bytes([byte]) for byte in data] if is_byte_by_byte else split(data, at)
    parsed, is_usable = parsed_by_us(parts)
    assert parsed == parsed_by_httpcore([data])
    # After a failure, and where the body ends with the connection, it is not used again.
    assert is_usable is (parsed[0] < 500 and (b"connection", b"close") not in parsed[1])


@fuzzed
@given(valid_answers(), places, st.data())
def test_a_spoilt_answer_is_an_error_of_httpx_or_read_in_full(data: bytes, at: list[int], draw: st.DataObject) -> None:
    spoilt = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(spoilt)))
        kind = draw.draw(st.sampled_from(["put", "cut", "drop", "twice"]))
        if kind == "put":
            spoilt[place:place] = draw.draw(st.sampled_from([b"\0", b"\r", b"\n", b"\r\n", b":", b" ", b"\xff", b"0"]))
        elif kind == "cut":
            del spoilt[place:]
        elif kind == "drop":
            del spoilt[place : place + 1]
        else:
            spoilt += data
    try:
        (status, headers, body), is_usable = parsed_by_us(split(bytes(spoilt), at))
    except httpx.TransportError:
        return
    assert 200 <= status <= 999
    assert not any({*b"\r\n\0"} & {*name, *value} for name, value in headers)
    assert len(body) <= len(spoilt)
    lengths = [int(value) for name, value in headers if name == b"content-length"]
    if lengths and status not in (204, 304):
        assert len(body) == lengths[0]
    assert not (is_usable and status >= 500)


@fuzzed
# Ends of lines alone are nothing that follows: parsers pass over them.
@given(valid_answers(), st.binary(min_size=1, max_size=50).filter(lambda more: more.strip(b"\r\n")), places)
def test_whatever_follows_an_answer_is_no_part_of_it_and_its_connection_not_used_again(
    data: bytes, more: bytes, at: list[int]
) -> None:
    expected, could_be_used = parsed_by_us([data])
    if not could_be_used and b"connection: close" in data.lower():
        return
    parsed, is_usable = parsed_by_us(split(data + more, at))
    assert (parsed, is_usable) == (expected, False)
