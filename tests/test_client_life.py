"""Where and how long a client works: threads, event loops, forks, pickles, and the end of it."""

import asyncio
import contextlib
import gc
import os
import pickle
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from conftest import PATCHED, Flavour, ScriptedServer, answer, http

from evermemos import AsyncEverMemOS, ConfigurationError, EverMemOS, EverMemOSError

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
GOOD = http(PATCHED)
LONG = 20.0


@pytest.fixture
def flavour(every_flavour: Flavour) -> Flavour:
    return every_flavour


def update(flavour: Flavour, client: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new")


def authorization(request: bytes) -> str:
    return next(line for line in request.decode().split("\r\n") if line.lower().startswith("authorization: "))[15:]


class Watched:
    """A step of a script that answers once and notes when the client hangs up."""

    def __init__(self) -> None:
        self.hung_up = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(GOOD)
        with contextlib.suppress(OSError):
            connection.recv(1)
        self.hung_up.set()


# The end


@pytest.mark.parametrize("used", [True, False])
def test_a_closed_client_says_so_and_may_be_closed_twice(flavour: Flavour, serve: Serve, *, used: bool) -> None:
    step = Watched()
    client = flavour.client(base_url=serve(step).url)
    twin = client.with_options(timeout=1)
    if used:
        update(flavour, client)
        assert not step.hung_up.is_set()
    flavour.close(client)
    flavour.close(client)
    assert step.hung_up.wait(LONG) if used else True
    for each in (client, twin, client.with_options(timeout=2)):
        with pytest.raises(ConfigurationError, match="closed"):
            update(flavour, each)
    flavour.close(twin)
    assert "test-key" not in repr(client)


def test_a_with_block_closes_the_client(serve: Serve) -> None:
    step = Watched()
    with EverMemOS(base_url=serve(step).url) as client:
        assert client.v1.memories.conversation_meta.update(name="new").status == "ok"
    assert step.hung_up.wait(LONG)
    with pytest.raises(ConfigurationError, match="closed"):
        client.v1.memories.conversation_meta.update(name="new")
    with pytest.raises(KeyError), EverMemOS(base_url="http://localhost") as client:
        raise KeyError
    with pytest.raises(ConfigurationError, match="closed"):
        client.v1.memories.conversation_meta.get()


def test_an_async_with_block_closes_the_client(serve: Serve) -> None:
    step = Watched()

    async def run() -> None:
        async with AsyncEverMemOS(base_url=serve(step).url) as client:
            assert (await client.v1.memories.conversation_meta.update(name="new")).status == "ok"
        with pytest.raises(ConfigurationError, match="closed"):
            await client.v1.memories.conversation_meta.update(name="new")
        with pytest.raises(KeyError):
            async with AsyncEverMemOS(base_url="http://localhost") as client:
                raise KeyError
        with pytest.raises(ConfigurationError, match="closed"):
            await client.v1.memories.conversation_meta.get()

    asyncio.run(run())
    assert step.hung_up.wait(LONG)


def test_a_client_that_nobody_holds_hangs_up_without_a_warning(serve: Serve) -> None:
    step = Watched()
    meta: Any = EverMemOS(base_url=serve(step).url).v1.memories.conversation_meta
    gc.collect()
    assert meta.update(name="new").status == "ok", "a resource keeps its client"
    del meta
    gc.collect()
    assert step.hung_up.wait(LONG)


# Threads, tasks and event loops


def test_one_client_serves_many_threads(serve: Serve) -> None:
    server = serve(GOOD)
    start = threading.Barrier(16)
    with EverMemOS(api_key="k", base_url=server.url) as client:

        def work(_: int) -> set[str]:
            start.wait()
            meta = client.v1.memories.conversation_meta
            return {str(meta.update(name="new").result.id) for _ in range(20)}

        with ThreadPoolExecutor(16) as pool:
            results = list(pool.map(work, range(16)))
    assert results == [{PATCHED["result"]["id"]}] * 16  # type: ignore[index]
    assert len(server.requests) == 320
    assert server.connections <= 16


def test_threads_do_not_get_each_others_answers() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        name = request.url.params["group_id"]
        return answer({"result": {**PATCHED["result"], "group_id": name, "conversation_created_at": "t"}})  # type: ignore[dict-item]

    with httpx.Client(transport=httpx.MockTransport(echo)) as own, ThreadPoolExecutor(16) as pool:
        meta = EverMemOS(api_key="k", http_client=own).v1.memories.conversation_meta
        names = [f"group_{number}" for number in range(320)]
        assert [r.result.group_id for r in pool.map(lambda name: meta.get(group_id=name), names)] == names


def test_one_async_client_serves_many_tasks(serve: Serve) -> None:
    server = serve(GOOD)

    async def run() -> None:
        async with AsyncEverMemOS(api_key="k", base_url=server.url) as client:
            meta = client.v1.memories.conversation_meta
            answers = await asyncio.gather(*(meta.update(name="new") for _ in range(100)))
        assert {answer.status for answer in answers} == {"ok"}

    asyncio.run(run())
    assert len(server.requests) == 100


# A loop that ends takes its connections along, unclosed: asyncio warns of them when they are collected.
unclosed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def use_in_many_loops(client: AsyncEverMemOS) -> list["weakref.ref[asyncio.AbstractEventLoop]"]:
    async def call() -> "weakref.ref[asyncio.AbstractEventLoop]":
        assert (await client.v1.memories.conversation_meta.update(name="new")).status == "ok"
        return weakref.ref(asyncio.get_running_loop())

    return [asyncio.run(call()) for _ in range(5)]


@unclosed
def test_an_async_client_works_in_one_event_loop_after_another_and_does_not_keep_them(serve: Serve) -> None:
    server = serve(GOOD)
    client = AsyncEverMemOS(api_key="k", base_url=server.url)
    loops = use_in_many_loops(client)
    gc.collect()
    assert len(server.requests) == 5
    # The last one stays until another takes its place, and Python may hold on to one more for a while.
    assert sum(loop() is not None for loop in loops) <= 2


def use_in_two_threads(client: AsyncEverMemOS) -> None:
    start = threading.Barrier(2)

    async def calls() -> None:
        start.wait()
        for _ in range(20):
            assert (await client.v1.memories.conversation_meta.update(name="new")).status == "ok"

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(asyncio.run, calls()) for _ in range(2)]:
            future.result()
    asyncio.run(client.aclose())


@unclosed
def test_an_async_client_works_in_two_event_loops_at_once(serve: Serve) -> None:
    server = serve(GOOD)
    use_in_two_threads(AsyncEverMemOS(api_key="k", base_url=server.url))
    gc.collect()
    assert len(server.requests) == 40


@unclosed
def test_an_async_http_client_of_ones_own_in_a_second_event_loop_works_or_says_what_to_do(serve: Serve) -> None:
    server = serve(GOOD)
    client = AsyncEverMemOS(api_key="k", http_client=httpx.AsyncClient(base_url=server.url))
    asyncio.run(client.v1.memories.conversation_meta.update(name="new"))
    try:
        assert asyncio.run(client.v1.memories.conversation_meta.update(name="new")).status == "ok"
    except EverMemOSError as error:
        assert "event loop" in str(error)  # noqa: PT017
    del client
    gc.collect()


# Processes


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own_and_leaves_the_parents_alone(
    flavour: Flavour, serve: Serve
) -> None:
    server = serve(GOOD)
    client = flavour.client(base_url=server.url)
    assert update(flavour, client).status == "ok"
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            method = client.v1.memories.conversation_meta.update
            result = method(name="new") if flavour.name == "sync" else asyncio.run(method(name="new"))
            gc.collect()
            code = 0 if result.status == "ok" else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (len(server.requests), server.connections) == (2, 2)
    assert update(flavour, client).status == "ok"
    assert (len(server.requests), server.connections) == (3, 2), "the parent's connection is used again"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_client_pickles_to_its_settings_and_takes_the_key_from_where_it_arrives(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    server = serve(GOOD)
    client = flavour.client(
        base_url=server.url, timeout=7, deadline=LONG, max_retries=5, default_headers={"X-A": "a"}, proxy=server.url
    )
    update(flavour, client)
    data = pickle.dumps(client, protocol)
    assert b"test-key" not in data
    monkeypatch.setenv("EVERMEMOS_API_KEY", "there")
    twin = pickle.loads(data)
    flavour._clients.append(twin)
    assert type(twin) is type(client)
    assert twin._settings.timeout == 7.0
    assert (twin._settings.deadline, twin._settings.max_retries, twin._settings.base_url) == (LONG, 5, server.url)
    update(flavour, twin)
    assert [authorization(request) for request in server.requests] == ["Bearer test-key", "Bearer there"]
    assert all(b"X-A: a\r\n" in request for request in server.requests)
    assert server.connections == 2


def test_an_unpickled_client_without_a_key_in_the_environment_says_which_variable_to_set(flavour: Flavour) -> None:
    client = pickle.loads(pickle.dumps(flavour.client(base_url="http://localhost:1")))
    with pytest.raises(ConfigurationError, match="EVERMEMOS_API_KEY"):
        update(flavour, client)


def test_a_client_that_needs_no_key_is_unpickled_without_one(flavour: Flavour, serve: Serve) -> None:
    server = serve(GOOD)
    client = pickle.loads(pickle.dumps(flavour.client(base_url=server.url, api_key=None)))
    flavour._clients.append(client)
    update(flavour, client)
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.process
def test_another_process_takes_the_key_from_its_own_environment(flavour: Flavour, serve: Serve) -> None:
    server = serve(GOOD)
    data = pickle.dumps(flavour.client(base_url=server.url))
    code = "import asyncio, pickle, sys; m = pickle.load(sys.stdin.buffer).v1.memories.conversation_meta; "
    call = 'm.update(name="new")' if flavour.name == "sync" else 'asyncio.run(m.update(name="new"))'
    environment = {**os.environ, "EVERMEMOS_API_KEY": "there"}
    subprocess.run([sys.executable, "-c", f"{code}{call}"], input=data, env=environment, check=True, timeout=60)
    assert authorization(server.requests[0]) == "Bearer there"


def test_a_client_with_an_http_client_of_ones_own_refuses_to_be_pickled(flavour: Flavour) -> None:
    client = flavour.client(http_client=flavour.httpx_client(lambda _: answer(PATCHED)))
    for each in (client, client.with_options(timeout=1)):
        with pytest.raises(ConfigurationError, match=r"http_client.*pickled"):
            pickle.dumps(each)
