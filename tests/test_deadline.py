"""How calls keep to a deadline: by the connections themselves where they can, in a thread where they cannot."""

import asyncio
import contextlib
import gc
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from conftest import PATCHED, Flavour, ScriptedServer, Step, http
from test_connections import AGES, DRIPS, PATIENCE, SHORT, SHORTEST, Clock, drip, silent

from evermemos import APITimeoutError, EverMemOS
from evermemos._async.network import AsyncNetwork
from evermemos._deadline import Seconds
from evermemos._sync.network import Network

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"


@pytest.fixture
def flavour(every_flavour: Flavour) -> Flavour:
    return every_flavour


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new", **options)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads of ours that were started."""
    names: list[str] = []
    start = threading.Thread.start

    def noted(self: threading.Thread) -> None:
        names.append(self.name)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", noted)
    return names


def of_ours(started: list[str]) -> list[str]:
    return [name for name in started if "evermemos" in name]


def test_a_call_on_a_connection_that_was_used_before_starts_no_thread(
    flavour: Flavour, serve: Serve, started: list[str]
) -> None:
    server = serve(http(PATCHED))
    client = flavour.client(base_url=server.url, deadline=PATIENCE)
    update(flavour, client)
    # Connecting has no timeout as a whole.
    assert len(of_ours(started)) == (flavour.name == "sync")
    for _ in range(5):
        update(flavour, client)
    assert len(of_ours(started)) == (flavour.name == "sync")
    assert (len(server.requests), server.connections) == (6, 1)


def test_a_call_without_a_deadline_starts_no_thread_at_all(flavour: Flavour, serve: Serve, started: list[str]) -> None:
    update(flavour, flavour.client(base_url=serve(http(PATCHED)).url))
    assert of_ours(started) == []


def test_a_connection_that_was_used_before_waits_until_the_deadline_without_a_thread(
    flavour: Flavour, serve: Serve, started: list[str]
) -> None:
    server = serve(http(PATCHED), silent)
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    with pytest.raises(APITimeoutError, match="deadline") as caught:
        update(flavour, client, deadline=SHORT)
    assert (caught.value.outcome_unknown, server.connections, of_ours(started)) == (True, 1, [])


@pytest.mark.parametrize("kind", DRIPS)
def test_a_connection_that_was_used_before_keeps_to_the_deadline_without_a_thread(
    flavour: Flavour, serve: Serve, clock: Clock, started: list[str], kind: str
) -> None:
    server = serve(http(PATCHED), drip(*DRIPS[kind], clock))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    with pytest.raises(APITimeoutError, match="deadline") as caught:
        update(flavour, client, timeout=None, deadline=AGES)
    has_head = caught.value.status_code == 200
    assert (caught.value.outcome_unknown, caught.value.applied) == (not has_head, has_head)
    assert (server.connections, of_ours(started)) == (1, [])


def stalled(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


class Handshake(ScriptedServer):
    """Takes the greeting of TLS, and goes on as it is told."""

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            step: Any = self.script[0]
            step(connection)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(stalled, id="stalled"),
        # The head of a record of 16,000 bytes.
        pytest.param(drip(b"\x16\x03\x03\x3e\x80", b"\x00"), id="dripping"),
    ],
)
def test_shaking_hands_ends_in_time_and_nothing_was_sent(flavour: Flavour, step: Step) -> None:
    with contextlib.closing(Handshake(step)) as server:
        context = ssl.create_default_context(cafile=CERTIFICATE)
        client = flavour.client(base_url=server.url.replace("http:", "https:"), verify=context, max_retries=1_000)
        with pytest.raises(APITimeoutError) as caught:
            update(flavour, client, deadline=SHORTEST)
        assert not caught.value.outcome_unknown


def test_after_a_handshake_that_takes_too_long_the_connection_is_closed(flavour: Flavour) -> None:
    hung_up = threading.Event()

    def watching(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(1)
        hung_up.set()

    with contextlib.closing(Handshake(watching)) as server:
        client = flavour.client(base_url=server.url.replace("http:", "https:"), max_retries=0)
        with pytest.raises(APITimeoutError):
            update(flavour, client, deadline=SHORT)
        assert hung_up.wait(PATIENCE)


def test_a_connection_that_comes_when_no_time_is_left_to_shake_hands_is_closed() -> None:
    closed: list[httpcore.NetworkStream] = []

    class Stream(httpcore.NetworkStream):
        def write(self, *_: Any, **__: Any) -> None: ...
        def close(self) -> None:
            closed.append(self)

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(self, *_: Any, **__: Any) -> Any:
            return Stream()

    timeout = Seconds.until(time.monotonic() + 0.1, 1_000)
    stream = Network(Backend()).connect_tcp("localhost", 1, timeout)
    timeout.ends_at = 0.0
    with pytest.raises(httpcore.ConnectTimeout):
        stream.start_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "localhost", timeout)
    assert len(closed) == 1


def test_looking_up_a_name_and_shaking_hands_share_the_time(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, passed = socket.getaddrinfo, 0

    def slow(*arguments: Any, **options: Any) -> Any:
        nonlocal passed
        passed += 1_000
        return resolve(*arguments, **options)

    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with contextlib.closing(Handshake(stalled)) as server:
        url = server.url.replace("http://127.0.0.1", "https://localhost")
        client = flavour.client(base_url=url, verify=ssl.create_default_context(cafile=CERTIFICATE), max_retries=0)
        # With the whole deadline again for shaking hands, this would take a quarter of an hour.
        with pytest.raises(APITimeoutError):
            update(flavour, client, deadline=1_000 + SHORTEST)


def test_an_asynchronous_handshake_has_what_connecting_left_of_the_time() -> None:
    class Network(httpcore.AsyncNetworkBackend):
        async def connect_tcp(self, *_: Any, **__: Any) -> Any:
            return Stream()

    class Stream(httpcore.AsyncNetworkStream):
        async def write(self, *_: Any, **__: Any) -> None:
            pass

        async def start_tls(self, *_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

        async def aclose(self) -> None:
            closed.append(self)

    closed: list[Stream] = []

    async def run() -> None:
        timeout = Seconds.until(time.monotonic() + 0.1, 1_000)
        stream = await AsyncNetwork(Network()).connect_tcp("localhost", 1, timeout)
        with pytest.raises(httpcore.ConnectTimeout):
            await stream.start_tls(ssl.create_default_context(), "localhost", timeout)
        assert len(closed) == 1

    asyncio.run(run())
    assert len(closed) == 1


def test_a_connection_that_comes_too_late_is_closed_when_it_comes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, go, hung_up = socket.getaddrinfo, threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        go.wait(PATIENCE)
        return resolve(*arguments, **options)

    class Watched(ScriptedServer):
        def _serve(self, connection: socket.socket) -> None:
            with connection:
                assert connection.recv(1) == b""
                hung_up.set()

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with contextlib.closing(Watched(b"")) as server, warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always")
        with EverMemOS(api_key="k", base_url=server.url, max_retries=0) as client:
            with pytest.raises(APITimeoutError) as caught:
                client.v1.memories.conversation_meta.update(name="new", deadline=SHORTEST)
            assert not caught.value.outcome_unknown
            assert server.connections == 0
            go.set()
            assert hung_up.wait(PATIENCE)
        gc.collect()
        assert server.connections == 1
    assert [str(warning.message) for warning in caught_warnings] == []


class Sleeping(httpx.BaseTransport):
    def __init__(self) -> None:
        self.threads: list[str] = []
        self.go = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.threads.append(threading.current_thread().name)
        self.go.wait(PATIENCE)
        return httpx.Response(200, json=PATCHED)


def test_a_transport_of_ones_own_that_knows_of_no_deadline_is_bounded_by_a_thread() -> None:
    sleeping = Sleeping()
    with httpx.Client(transport=sleeping) as own:
        client = EverMemOS(api_key="k", http_client=own)
        with pytest.raises(APITimeoutError, match="deadline") as caught:
            client.v1.memories.conversation_meta.update(name="new", deadline=SHORT)
        assert (caught.value.outcome_unknown, sleeping.threads) == (True, ["evermemos-deadline"])
        sleeping.go.set()
        assert client.v1.memories.conversation_meta.update(name="new").status == "ok"
        assert sleeping.threads[1] == threading.current_thread().name


class AsyncSleeping(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError


def test_an_asynchronous_transport_of_ones_own_is_cancelled_at_the_deadline() -> None:
    flavour = Flavour("async")
    client = flavour.client(http_client=httpx.AsyncClient(transport=AsyncSleeping()))
    with pytest.raises(APITimeoutError, match="deadline"):
        update(flavour, client, deadline=SHORTEST)
    flavour.finish()
