"""Connections of one client: how many there are, which is used next, and that none is used that is not clean."""

import asyncio
import contextlib
import json
import random
import socket
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, ScriptedServer, Step, http, use_http1
from test_connections import HEAD, after, reset, silent

import evermemos._async.cells
import evermemos._short
import evermemos._sync.cells
from evermemos import APIConnectionError, APIError, APITimeoutError, AsyncEverMemOS, ConfigurationError
from evermemos._async.cells import AsyncCells
from evermemos._sync.cells import Cells

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
LONG = 20.0


@pytest.fixture
def flavour(every_flavour: Flavour) -> Flavour:
    return every_flavour


NOTHING_CANCELS_A_BLOCKING_CALL = pytest.mark.parametrize("every_flavour", ["async", "async fast"], indirect=True)


class Echo:
    """Answers each request with its group_id, and keeps count of connections."""

    def __init__(self) -> None:
        # By connection, what it was asked for.
        self.asked: list[list[str]] = []
        self.open: set[socket.socket] = set()
        self.in_flight = self.most_in_flight = 0
        self.targets: list[str] = []
        self.before: Callable[[str], Any] = lambda _: None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        return len(self.asked)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                asked: list[str] = []
                self.asked.append(asked)
                self.open.add(connection)
                threading.Thread(target=self._serve, args=(connection, asked), daemon=True).start()

    def _serve(self, connection: socket.socket, asked: list[str]) -> None:
        with contextlib.suppress(OSError), connection:
            while group := self._receive(connection):
                asked.append(group)
                with self._lock:
                    self.in_flight += 1
                    self.most_in_flight = max(self.most_in_flight, self.in_flight)
                self.before(group)
                with self._lock:
                    self.in_flight -= 1
                connection.sendall(http({"status": "ok", "result": {**RECORD["result"], "group_id": group}}))  # type: ignore[dict-item]
        self.open.discard(connection)

    def _receive(self, connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (part := connection.recv(65536)):
                return ""
            data += part
        self.targets.append(data.split()[1].decode())
        return urllib.parse.parse_qs(self.targets[-1].partition("?")[2]).get("group_id", ["none"])[0]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(LONG)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


def set_limit(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    for module in (evermemos._async.cells, evermemos._sync.cells):
        monkeypatch.setattr(module, "LIMIT", number)


def set_idle(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for module in (evermemos._async.cells, evermemos._sync.cells):
        monkeypatch.setattr(module, "IDLE", seconds)


def get(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.get, **options)


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new", **options)


def together(flavour: Flavour, client: Any, lines: list[list[str]]) -> list[list[Any]]:
    """Work on lines of calls, each in a thread or task of its own, and return the group of each answer."""
    method = client.v1.memories.conversation_meta.get
    if flavour.name == "sync":
        with ThreadPoolExecutor(len(lines)) as pool:
            return list(pool.map(lambda line: [method(group_id=name).result.group_id for name in line], lines))

    async def work(line: list[str]) -> list[Any]:
        return [(await method(group_id=name)).result.group_id for name in line]

    async def run() -> list[list[Any]]:
        return await asyncio.gather(*map(work, lines))

    found: list[list[Any]] = flavour.call(run)
    return found


def while_under_way(flavour: Flavour, call: Callable[[], Any], between: Callable[[], Any]) -> Any:
    """Begin a call, do something else that may be a coroutine function, and return what came of the call."""
    if flavour.name == "sync":
        future = Future[Any]()
        threading.Thread(target=lambda: future.set_result(call()), daemon=True).start()
        between()
        return future.result(LONG)

    async def run() -> Any:
        task = asyncio.ensure_future(call())
        outcome = await asyncio.to_thread(between)
        if asyncio.iscoroutine(outcome):
            await outcome
        return await task

    return flavour.call(run)


def soon(flavour: Flavour, condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true, while the event loop goes on."""

    async def run() -> None:
        await asyncio.sleep(0.01)

    end = time.monotonic() + LONG
    while not (met := condition()) and time.monotonic() < end:
        flavour.call(run) if flavour.name == "async" else threading.Event().wait(0.01)
    return met


def hold(arrived: threading.Event, release: threading.Event) -> None:
    arrived.set()
    release.wait(LONG)


# How many


def wait_for(number: int) -> Callable[[str], Any]:
    """Hold the first requests until there are so many of them."""
    barrier = threading.Barrier(number)
    left = threading.Semaphore(number)
    return lambda _: barrier.wait(LONG) if left.acquire(blocking=False) else None


@pytest.mark.parametrize("number", [32, 64])
def test_calls_in_flight_open_no_connection_after_the_first_wave(flavour: Flavour, echo: Echo, number: int) -> None:
    client = flavour.client(base_url=echo.url, timeout=LONG)
    echo.before = wait_for(number)
    lines = [[f"{line}-{call}" for call in range(10)] for line in range(number)]
    assert together(flavour, client, [line[:1] for line in lines]) == [line[:1] for line in lines]
    assert echo.connections == number
    assert together(flavour, client, lines) == lines
    assert echo.connections == number


def test_many_that_begin_at_once_open_no_more_connections_than_there_are_of_them(flavour: Flavour, echo: Echo) -> None:
    lines = [[f"{line}-{call}" for call in range(10)] for line in range(64)]
    assert together(flavour, flavour.client(base_url=echo.url, timeout=LONG), lines) == lines
    assert echo.connections <= 64


def test_calls_beyond_the_limit_wait_for_their_turn(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 4)
    echo.before = wait_for(4)
    lines = [[f"{line}-{call}" for call in range(5)] for line in range(20)]
    assert together(flavour, flavour.client(base_url=echo.url, timeout=LONG), lines) == lines
    assert (echo.connections, echo.most_in_flight) == (4, 4)


def test_a_wait_for_a_connection_that_is_too_long_is_an_error_and_nothing_was_sent(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 1)
    client = flavour.client(base_url=echo.url, max_retries=0)
    arrived, release = threading.Event(), threading.Event()
    echo.before = lambda _: hold(arrived, release)
    impatient = {"name": "new", "group_id": "second", "timeout": httpx.Timeout(5, pool=0.05)}
    method = client.v1.memories.conversation_meta.update

    def between() -> Any:
        assert arrived.wait(LONG)
        if flavour.name == "async":
            return late()
        with pytest.raises(APITimeoutError, match="no connection is free") as caught:
            method(**impatient)
        assert not caught.value.outcome_unknown
        release.set()
        return None

    async def late() -> None:
        with pytest.raises(APITimeoutError, match="no connection is free") as caught:
            await method(**impatient)
        assert not caught.value.outcome_unknown
        release.set()

    first = while_under_way(flavour, lambda: client.v1.memories.conversation_meta.get(group_id="first"), between)
    assert release.is_set()
    assert first.result.group_id == "first"
    assert echo.asked == [["first"]]
    assert get(flavour, client, group_id="third").result.group_id == "third"


# Which


def test_the_connection_that_was_used_last_is_used_next(flavour: Flavour, echo: Echo) -> None:
    client = flavour.client(base_url=echo.url)
    both, release = threading.Barrier(2), threading.Event()
    echo.before = lambda group: (
        group in ("a", "b") and both.wait(LONG),
        group == "b" and release.wait(LONG),
    )
    method = client.v1.memories.conversation_meta.get

    async def first() -> None:
        await method(group_id="a")
        release.set()

    def between() -> Any:
        if flavour.name == "async":
            return first()
        method(group_id="a")
        release.set()
        return None

    while_under_way(flavour, lambda: method(group_id="b"), between)
    for name in ("c", "d", "e"):
        get(flavour, client, group_id=name)
    assert sorted(echo.asked) == [["a"], ["b", "c", "d", "e"]]


def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_idle(monkeypatch, 0.0)
    client = flavour.client(base_url=echo.url)
    for name in ("a", "b", "c"):
        get(flavour, client, group_id=name)
        threading.Event().wait(0.01)
    assert echo.asked == [["a"], ["b"], ["c"]]
    assert soon(flavour, lambda: len(echo.open) <= 1)


def test_connections_that_are_idle_for_too_long_are_closed_while_others_are_used(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_idle(monkeypatch, 0.3)
    client = flavour.client(base_url=echo.url, timeout=LONG)
    echo.before = wait_for(8)
    together(flavour, client, [[f"{line}"] for line in range(8)])
    for number in range(12):
        get(flavour, client, group_id=f"more-{number}")
        threading.Event().wait(0.1)
    assert soon(flavour, lambda: len(echo.open) <= 1)


# What is not clean


class Dirty:
    """A step that sends something, says so, and leaves the call hanging."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sent, self.end = threading.Event(), threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self.data)
        self.sent.set()
        self.end.wait(LONG)


@NOTHING_CANCELS_A_BLOCKING_CALL
@pytest.mark.parametrize(
    "sent", [b"", HEAD, HEAD + b'Content-Length: 1000\r\n\r\n{"status', http(RECORD)[:-1]], ids=str
)
def test_a_cancelled_call_frees_its_slot_and_not_its_connection(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    set_limit(monkeypatch, 1)
    step = Dirty(sent)
    server = serve(step, http(PATCHED))
    client = flavour.client(base_url=server.url, timeout=httpx.Timeout(LONG, pool=0.05))

    async def run() -> None:
        task = asyncio.ensure_future(client.v1.memories.conversation_meta.get())
        await asyncio.to_thread(step.sent.wait, LONG)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(3):
            assert (await client.v1.memories.conversation_meta.update(name="new")).status == "ok"

    flavour.call(run)
    step.end.set()
    assert (len(server.requests), server.connections) == (4, 2)


@NOTHING_CANCELS_A_BLOCKING_CALL
def test_a_call_that_is_cancelled_while_it_waits_for_a_slot_takes_none(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 1)
    client = flavour.client(base_url=echo.url, timeout=LONG)
    arrived, release = threading.Event(), threading.Event()
    echo.before = lambda _: hold(arrived, release)
    method = client.v1.memories.conversation_meta.get

    async def run() -> None:
        first = asyncio.ensure_future(method(group_id="first"))
        await asyncio.to_thread(arrived.wait, LONG)
        others = [asyncio.ensure_future(method(group_id=f"other-{number}")) for number in range(5)]
        await asyncio.sleep(0.05)
        for other in others:
            other.cancel()
        release.set()
        assert (await first).result.group_id == "first"
        outcomes = await asyncio.gather(*others, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
        assert (await method(group_id="last")).result.group_id == "last"

    flavour.call(run)
    assert echo.asked == [["first", "last"]]


ERRORS: dict[str, Step] = {
    "reset": reset,
    "hung up": after(b""),
    "cut body": after(HEAD + b"Content-Length: 1000\r\n\r\n{"),
    "too large": HEAD + b"Content-Length: 1000000\r\n\r\n" + b" " * 4096,
    "too large, in chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b" " * 4096 + b"\r\n",
    "not packed as it says": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\nno gzip",
    "500": http({"message": "boom"}, "500 Internal Server Error"),
    "503": http({"message": "busy"}, "503 Service Unavailable"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_call_that_failed_frees_its_slot_and_not_its_connection(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    set_limit(monkeypatch, 1)
    server = serve(ERRORS[kind], http(PATCHED))
    client = flavour.client(
        base_url=server.url, timeout=httpx.Timeout(LONG, pool=0.05), max_retries=0, max_response_bytes=2_000
    )
    with pytest.raises(APIError):
        get(flavour, client)
    for _ in range(3):
        assert update(flavour, client).status == "ok"
    assert (len(server.requests), server.connections) == (4, 2)


def test_many_failures_use_up_no_slots(flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, 2)
    server = serve(*[step for step in ERRORS.values() if not isinstance(step, bytes)] * 3, http(PATCHED))
    client = flavour.client(base_url=server.url, timeout=httpx.Timeout(LONG, pool=0.05), max_retries=0)
    for _ in range(9):
        with pytest.raises(APIConnectionError):
            get(flavour, client)
    assert update(flavour, client).status == "ok"


def test_refused_connections_use_up_no_slots(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = flavour.client(base_url=url, timeout=httpx.Timeout(LONG, pool=0.05), max_retries=0)
    for _ in range(3):
        with pytest.raises(APIConnectionError, match="ConnectError"):
            get(flavour, client)


def test_whatever_goes_wrong_with_a_head_that_has_come_frees_its_slot(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 1)
    client = flavour.client(base_url=serve(http(PATCHED)).url, timeout=httpx.Timeout(LONG, pool=0.05), max_retries=0)

    def fails(*_: Any) -> None:
        raise KeyError("a filter of the log, for instance")

    with monkeypatch.context() as patch:
        patch.setattr(evermemos._short.logger, "isEnabledFor", lambda _: True)
        patch.setattr(evermemos._short.logger, "info", fails)
        for _ in range(3):
            with pytest.raises(KeyError):
                update(flavour, client)
    assert update(flavour, client).status == "ok"


@NOTHING_CANCELS_A_BLOCKING_CALL
def test_calls_that_are_cancelled_at_any_moment_use_up_no_slots_and_answer_nobody_else(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 4)
    client, randomly = flavour.client(base_url=echo.url, timeout=LONG), random.Random(4)

    async def call(group: str) -> None:
        answer = await client.v1.memories.conversation_meta.get(group_id=group)
        assert answer.result.group_id == group

    async def run() -> None:
        tasks = [asyncio.ensure_future(call(f"g{number}")) for number in range(150)]
        for task in tasks:
            await asyncio.sleep(randomly.choice([0, 0, 0.001, 0.003]))
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}

    flavour.call(run)
    echo.before = wait_for(4)
    lines = [[f"{line}-{call}" for call in range(5)] for line in range(4)]
    assert together(flavour, client, lines) == lines


# The end


def test_a_call_that_is_under_way_when_the_client_is_closed_gets_its_answer_and_leaves_no_connection(
    flavour: Flavour, echo: Echo
) -> None:
    client = flavour.client(base_url=echo.url, timeout=LONG)
    arrived, release = threading.Event(), threading.Event()
    echo.before = lambda group: hold(arrived, release) if group == "held" else None
    get(flavour, client, group_id="idle")

    async def close() -> None:
        await client.aclose()
        release.set()

    def between() -> Any:
        assert arrived.wait(LONG)
        if flavour.name == "async":
            return close()
        client.close()
        release.set()
        return None

    held = while_under_way(flavour, lambda: client.v1.memories.conversation_meta.get(group_id="held"), between)
    assert held.result.group_id == "held"
    assert soon(flavour, lambda: not echo.open)


# Proxies


def transport(client: Any) -> Any:
    return client._pool.client(client._settings)._transport


def test_a_proxy_of_the_clients_own_is_gone_to_over_one_connection_after_another(
    flavour: Flavour, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 1)
    client = flavour.client(base_url="http://api.example", api_key=None, proxy=echo.url)
    assert [get(flavour, client, group_id=name).result.group_id for name in "abc"] == ["a", "b", "c"]
    assert echo.asked == [["a", "b", "c"]]
    assert all(target.startswith("http://api.example/api/") for target in echo.targets)

    async def kind() -> Any:
        return transport(client)

    found = transport(client) if flavour.name == "sync" else flavour.call(kind)
    assert isinstance(found, (Cells, AsyncCells))


def test_many_calls_by_a_proxy_get_their_own_answers(flavour: Flavour, echo: Echo) -> None:
    client = flavour.client(base_url="http://api.example", api_key=None, proxy=echo.url, timeout=LONG)
    lines = [[f"{line}-{call}" for call in range(5)] for line in range(16)]
    assert together(flavour, client, lines) == lines
    assert echo.connections <= 16


def test_a_proxy_that_refuses_a_tunnel_frees_its_slot(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, 1)
    proxy = serve(http(b"", "407 Proxy Authentication Required"))
    client = flavour.client(
        base_url="https://api.example", proxy=proxy.url, max_retries=0, timeout=httpx.Timeout(LONG, pool=0.05)
    )
    for _ in range(3):
        with pytest.raises(APIConnectionError, match="ProxyError") as caught:
            update(flavour, client)
        assert not caught.value.outcome_unknown
    assert {request.split()[0] for request in proxy.requests} == {b"CONNECT"}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
@pytest.mark.parametrize(
    ("without", "is_used"),
    [("", True), ("other.example", True), ("127.0.0.1", False), ("*", False)],
)
def test_a_proxy_of_the_environment_is_used_as_httpx_would(
    flavour: Flavour, serve: Serve, echo: Echo, monkeypatch: pytest.MonkeyPatch, name: str, without: str, is_used: bool
) -> None:
    proxy = serve(http(RECORD))
    monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NO_PROXY", without)
    client = flavour.client(base_url=echo.url)
    for _ in range(2):
        get(flavour, client, group_id="a")
    assert (len(proxy.requests), echo.asked) == ((2, []) if is_used else (0, [["a", "a"]]))
    assert all(request.startswith(b"GET " + echo.url.encode()) for request in proxy.requests)


def test_a_body_that_belongs_to_the_answer_is_never_given_to_another(flavour: Flavour, serve: Serve) -> None:
    first = http({**RECORD, "message": "first"})
    server = serve(first + http({**RECORD, "message": "unasked"}), http({**RECORD, "message": "second"}))
    client = flavour.client(base_url=server.url, max_retries=0)
    messages = []
    for _ in range(3):
        with contextlib.suppress(APIError):
            messages.append(get(flavour, client).message)
    assert "unasked" not in json.dumps(messages)
    assert "second" in messages


@pytest.mark.parametrize("give_up", ["anyio", "asyncio"])
def test_a_call_that_is_given_up_while_its_connection_is_closed_frees_its_slot(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, give_up: str
) -> None:
    monkeypatch.setattr(evermemos._async.cells, "LIMIT", 1)
    use_http1(monkeypatch, is_used=False)
    half = after(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000\r\n\r\n{", silent)
    server = serve(half, half, http(PATCHED))

    async def run() -> None:
        async with AsyncEverMemOS(api_key="k", base_url=server.url, timeout=httpx.Timeout(LONG, pool=1)) as client:
            update = client.v1.memories.conversation_meta.update
            for _ in range(2):
                if give_up == "anyio":
                    with anyio.move_on_after(0.2):
                        await update(name="n")
                else:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(update(name="n"), 0.2)
            assert (await update(name="n")).status == "ok"

    asyncio.run(run())


def test_a_proxy_that_httpx_cannot_use_is_refused_before_anything_is_sent(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = flavour.client(base_url="http://localhost:1", proxy="socks5://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ConfigurationError, match="socksio"):
        update(flavour, client)


@pytest.mark.parametrize(("scheme", "keeps"), [("socks5", False), ("socks5h", False), ("http", True)])
def test_connections_by_socks_do_not_say_that_they_keep_to_a_deadline(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, scheme: str, keeps: bool
) -> None:
    # httpcore shakes hands with such a proxy without any timeout, so the call has to be bounded from outside.
    client = flavour.client(base_url="http://localhost:1", proxy=f"{scheme}://127.0.0.1:1")

    async def found() -> Any:
        return client._pool.client(client._settings)

    # The package socksio is not there.
    monkeypatch.setattr(httpx, "HTTPTransport", lambda **_: httpx.MockTransport(lambda _: httpx.Response(200)))
    inner = client._pool.client(client._settings) if flavour.name == "sync" else flavour.call(found)
    assert inner._transport.keeps_deadline is keeps


def test_a_proxy_whose_name_cannot_be_looked_up_is_an_error_of_ours(flavour: Flavour) -> None:
    client = flavour.client(base_url="http://localhost:1", proxy=f"http://{'a' * 70}.invalid", max_retries=0)
    with pytest.raises(APIConnectionError, match="could not be sent"):
        update(flavour, client)
