"""Measures one contender. Runs in the environment of that contender, so it imports little before it is told to.

Usage: python benchmarks/worker.py ours|official|official-aiohttp|httpx|aiohttp. Each line of standard input is
[function, arguments] in JSON, and is answered by a line with figures.
"""

import asyncio
import contextlib
import gc
import http.client
import json
import os
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server import SMALL, padded

CONTENDER = sys.argv[-1]
KEY = "<api_key>"
PATH = "/api/v1/memories/conversation-meta"
CALL: dict[str, Any] = {
    "group_id": "group_123",
    "name": "New Conversation Name",
    "tags": ["tag1", "tag2"],
    "user_details": {
        "user_001": {"full_name": "John Smith", "role": "user"},
        "user_002": {"full_name": "Assistant", "role": "assistant"},
    },
}
# The official SDK knows /api/v0 only, which has no groups.
CALL_V0 = {name: value for name, value in CALL.items() if name in ("tags", "user_details")}
CERTIFICATE = Path(__file__).resolve().parent.parent / "tests" / "data" / "localhost.pem"


# The contenders, each as its documentation shows it, with its own defaults; ours with a deadline besides


def synchronous(url: str | None, stack: contextlib.ExitStack) -> Callable[[], object]:
    """Return the call on a new synchronous client; without a URL its answer comes from memory."""
    import httpx

    if CONTENDER == "ours":
        from evermemos import EverMemOS as Ours

        client = Ours(api_key=KEY, base_url=url or canned_sandbox(), deadline=60.0)
        stack.callback(client.close)
        return partial(client.v1.memories.conversation_meta.update, **CALL)
    transport = {} if url else {"transport": canned_transport()}
    if CONTENDER == "official":
        from evermemos import EverMemOS as Official

        own = {} if url else {"http_client": httpx.Client(**transport)}
        official: Any = stack.enter_context(Official(api_key=KEY, base_url=url or "http://localhost", **own))
        return partial(official.v0.memories.conversation_meta.update, **CALL_V0)
    by_hand = stack.enter_context(httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, **transport))
    target = (url or "http://localhost") + PATH

    def call() -> object:
        return by_hand.patch(target, json=CALL).raise_for_status().json()

    return call


async def asynchronous(url: str, stack: contextlib.AsyncExitStack) -> Callable[[], Awaitable[object]]:
    """Return the call on a new asynchronous client."""
    headers = {"Authorization": f"Bearer {KEY}"}
    if CONTENDER == "ours":
        from evermemos import AsyncEverMemOS as Ours

        ours = Ours(api_key=KEY, base_url=url, deadline=60.0, verify=str(CERTIFICATE))
        client = await stack.enter_async_context(ours)
        return partial(client.v1.memories.conversation_meta.update, **CALL)
    if CONTENDER == "aiohttp":
        import aiohttp

        connector = aiohttp.TCPConnector(ssl=trusting())
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=headers, connector=connector))

        async def call() -> object:
            async with session.patch(url + PATH, json=CALL) as response:
                response.raise_for_status()
                return await response.json()

        return call
    if CONTENDER == "httpx":
        import httpx

        by_hand = await stack.enter_async_context(httpx.AsyncClient(headers=headers, verify=trusting()))

        async def call_httpx() -> object:
            return (await by_hand.patch(url + PATH, json=CALL)).raise_for_status().json()

        return call_httpx
    import evermemos as sdk

    kind: Any = sdk.DefaultAioHttpClient if CONTENDER == "official-aiohttp" else sdk.DefaultAsyncHttpxClient
    official: Any = sdk.AsyncEverMemOS(api_key=KEY, base_url=url, http_client=kind(verify=trusting()))
    await stack.enter_async_context(official)
    return partial(official.v0.memories.conversation_meta.update, **CALL_V0)


@cache
def trusting() -> ssl.SSLContext:
    """Return a context that trusts the server; each contender is given the same."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def canned_transport() -> Any:
    """Return an httpx transport that gives the published answer."""
    import httpx

    class Canned(httpx.BaseTransport):
        body = padded(SMALL)
        # To our client: no thread has to watch over the deadline, for the answer comes at once.
        keeps_deadline = True

        def handle_request(self, _: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers={"content-type": "application/json"}, content=self.body)

    return Canned()


def canned_sandbox() -> Any:
    """Return a sandbox that leads to the same transport: by way of it our client needs no httpx client of the user."""
    from evermemos.sandbox import Sandbox

    class Canned(Sandbox):
        def transport(self) -> Any:
            return canned_transport()

    return Canned()


# The measurements


def sequential(url: str | None, seconds: float) -> dict[str, float]:
    """One call after the other, for some seconds of CPU."""
    with contextlib.ExitStack() as stack:
        call = synchronous(url, stack)
        for _ in range(200):
            call()
        calls, start, now = 0, time.process_time(), 0.0
        while now < seconds:
            for _ in range(50):
                call()
            calls += 50
            now = time.process_time() - start
    return {"cpu": now / calls}


def load(url: str, in_flight: int, seconds: float, warm_up: float) -> dict[str, float]:
    """Calls that run at the same time, each followed by another, in the steady state after the warm-up."""
    return asyncio.run(_load(url, in_flight, seconds, warm_up))


async def _load(url: str, in_flight: int, seconds: float, warm_up: float) -> dict[str, float]:
    async with contextlib.AsyncExitStack() as stack:
        call = await asynchronous(url, stack)
        await call()
        done = 0
        is_over = False

        async def caller() -> None:
            nonlocal done
            while not is_over:
                await call()
                done += 1

        tasks = [asyncio.create_task(caller()) for _ in range(in_flight)]
        await asyncio.sleep(warm_up)
        steady = Steady(url, done)
        await asyncio.sleep(seconds)
        figures = steady.figures(done)
        is_over = True
        finished, late = await asyncio.wait(tasks, timeout=1.0)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in finished:
            task.result()
    return figures


def scaling(url: str, few: int, many: int, seconds: float, warm_up: float) -> dict[str, float]:
    """What a call costs more when many are in flight."""
    little, much = (load(url, number, seconds, warm_up)["cpu"] for number in (few, many))
    return {"ratio": much / little}


def threads(url: str, number: int, seconds: float, warm_up: float) -> dict[str, float]:
    """Threads that share one synchronous client, each making one call after the other."""
    with contextlib.ExitStack() as stack:
        call = synchronous(url, stack)
        # What the first call makes, 64 threads would make 64 times.
        call()
        done = [0] * number
        is_over = False

        def caller(index: int) -> None:
            while not is_over:
                call()
                done[index] += 1

        with ThreadPoolExecutor(number) as pool:
            futures = [pool.submit(caller, index) for index in range(number)]
            try:
                time.sleep(warm_up)
                steady = Steady(url, sum(done))
                time.sleep(seconds)
                figures = steady.figures(sum(done))
            finally:
                is_over = True
        for future in futures:
            future.result()
    return figures


class Steady:
    """The clock, the process's CPU time and the server's counters at the begin of the steady state."""

    def __init__(self, url: str, done: int) -> None:
        self.url = url
        self.seen = counters(url)
        self.done = done
        self.cpu = time.process_time()
        self.clock = time.perf_counter()

    def figures(self, done: int) -> dict[str, float]:
        """Return what happened since."""
        seconds, cpu = time.perf_counter() - self.clock, time.process_time() - self.cpu
        seen = counters(self.url)
        served = seen["requests"] - self.seen["requests"]
        connections = (seen["connections"] - self.seen["connections"]) / max(served, 1)
        answers = done - self.done
        return {"rate": answers / seconds, "cpu": cpu / max(answers, 1), "connections": connections}


def counters(url: str) -> dict[str, int]:
    """Ask the server what it has seen."""
    where = urlsplit(url)
    assert where.hostname is not None
    if where.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            where.hostname, where.port, context=trusting()
        )
    else:
        connection = http.client.HTTPConnection(where.hostname, where.port)
    with contextlib.closing(connection):
        connection.request("GET", "/counters")
        seen: dict[str, int] = json.loads(connection.getresponse().read())
    return seen


def clients(url: str, number: int) -> dict[str, float]:
    """What one more client costs when it is made, and, of 50, when it has sent its first call; memory is resident."""
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            synchronous(url, stack)()
        memory, start = resident(), time.perf_counter()
        calls = [synchronous(url, stack) for _ in range(number)]
        made, made_memory = (time.perf_counter() - start) / number, (resident() - memory) / number
        calls = calls[:50]
        memory, start = resident(), time.perf_counter()
        for call in calls:
            call()
        first, first_memory = time.perf_counter() - start, resident() - memory
        start = time.perf_counter()
        for call in calls:
            call()
        more = (first - (time.perf_counter() - start)) / len(calls)
    used_memory = made_memory + first_memory / len(calls)
    return {"made": made, "made_memory": made_memory, "used": made + more, "used_memory": used_memory}


def soak(calls: int, seconds: float) -> dict[str, float]:
    """Many calls in memory: what stays of them after the first 10,000."""
    with contextlib.ExitStack() as stack:
        call = synchronous(None, stack)
        for _ in range(10_000):
            call()
        memory, ends, done = resident(), time.perf_counter() + seconds, 10_000
        while done < calls and time.perf_counter() < ends:
            for _ in range(1000):
                call()
            done += 1000
        return {"growth": resident() - memory, "calls": done}


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


MEASUREMENTS: dict[str, Callable[..., dict[str, float]]] = {
    each.__name__: each for each in (sequential, load, scaling, threads, clients, soak)
}


def main() -> None:
    for line in sys.stdin:
        function, arguments = json.loads(line)
        print(json.dumps(MEASUREMENTS[function](**arguments)), flush=True)


if __name__ == "__main__":
    main()
