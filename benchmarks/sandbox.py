"""What the sandbox costs: in process, over HTTP, beside the client alone; how much one core serves; how fast it starts;
what reading the memories of one group costs in a small and in a large store.

The server has one core for itself where the system can arrange that, the load comes from another. Rounds alternate
between what is compared; figures are medians. Needs the extra `sandbox`. Usage: .venv/bin/python benchmarks/sandbox.py
[growth], which measures the last part alone
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from evermemos import EverMemOS
from evermemos.sandbox import Sandbox

PATH = "/api/v1/memories/conversation-meta"
KEY = {"authorization": "Bearer any"}
RECORD = {
    "version": "1.0",
    "scene": "group_chat",
    "scene_desc": {"description": "Project discussion group chat", "type": "project_discussion"},
    "name": "Project Discussion Group",
    "created_at": "2025-01-15T10:00:00+00:00",
    "group_id": "group_123",
    "user_details": {"user_001": {"full_name": "John Smith", "role": "user", "extra": {"department": "Engineering"}}},
    "tags": ["work", "technical"],
}
CHANGE = {"group_id": "group_123", "name": "New Conversation Name", "tags": ["tag1", "tag2"]}
BODY = json.dumps(CHANGE).encode()
ROUNDS = 9
CALLS = 300
CONNECTIONS = 16
SECONDS = 1.0
# Messages in the small and in the large store, and of each group.
SIZES = (1_000, 100_000)
GROUP = 40


def main() -> None:
    print(f"Medians of {ROUNDS} interleaved rounds, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    if sys.argv[1:] != ["growth"]:
        with tempfile.TemporaryDirectory() as folder:
            one_at_a_time(Path(folder))
            throughput(Path(folder))
        startup()
    growth()


# One call after the other


def one_at_a_time(folder: Path) -> None:
    sandbox, kept = Sandbox(), Sandbox(folder / "calls.db")
    for each in (sandbox, kept):
        each.handle("POST", PATH, {}, json.dumps(RECORD).encode())
    canned = sandbox.handle("PATCH", PATH, {}, BODY).body
    nowhere = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=canned)))
    with serving() as url, line(url) as connection:
        ask(connection, "POST", json.dumps(RECORD).encode())
        ways: dict[str, Callable[[], object]] = {
            "sandbox alone, in process": lambda: sandbox.handle("PATCH", PATH, {}, BODY),
            "sandbox alone, in process, file": lambda: kept.handle("PATCH", PATH, {}, BODY),
            "sandbox alone, over HTTP (bare socket)": lambda: ask(connection, "PATCH", BODY),
            "client alone (canned answer)": updater(EverMemOS(base_url="http://localhost", http_client=nowhere)),
            "client and sandbox, in process": updater(EverMemOS.sandbox(sandbox)),
            "client and sandbox, over HTTP": updater(EverMemOS(base_url=url)),
        }
        rounds = [{name: seconds_of(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    took = {name: statistics.median(each[name] for each in rounds) for name in ways}
    print(f"{'PATCH, one call after the other':<42} {'us a call':>10} {'calls/s':>9}")
    for name, seconds in took.items():
        print(f"{name:<42} {seconds * 1e6:>10.0f} {1 / seconds:>9.0f}")
    alone = took["client alone (canned answer)"]
    outside, inside = "client and sandbox, over HTTP", "client and sandbox, in process"
    # Of each round, because the machine's speed drifts.
    bare = ratio(rounds, "sandbox alone, over HTTP (bare socket)", "sandbox alone, in process")
    net = (took[outside] - alone) / (took[inside] - alone)
    print(f"\nin process against HTTP: {bare:.1f} times as fast for the sandbox alone, goal 5")
    print(f"                         {ratio(rounds, outside, inside):.1f} times with the client around it,")
    print(f"                         {net:.1f} times without what the client costs\n")


def ratio(rounds: list[dict[str, float]], one: str, other: str) -> float:
    return statistics.median(each[one] / each[other] for each in rounds)


def updater(client: EverMemOS) -> Callable[[], object]:
    update = client.v1.memories.conversation_meta.update
    return lambda: update(group_id=CHANGE["group_id"], name=CHANGE["name"], tags=CHANGE["tags"])


def seconds_of(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        way()
    return (time.perf_counter() - start) / CALLS


# As many as one core serves


def throughput(folder: Path) -> None:
    print(f"{f'requests/s, {CONNECTIONS} connections, server on one core':<42} {'memory':>10} {'file':>9}  goal 3000")
    figures: dict[str, dict[str, list[float]]] = {"GET": {}, "PATCH": {}}
    with serving() as memory, serving("--store", str(folder / "served.db")) as file:
        places = {"memory": memory, "file": file}
        for url in places.values():
            with line(url) as connection:
                ask(connection, "POST", json.dumps(RECORD).encode())
        for _ in range(ROUNDS):
            for method, found in figures.items():
                for place, url in places.items():
                    found.setdefault(place, []).append(asyncio.run(load(url, method)))
    for method, found in figures.items():
        print(f"{method:<42} {statistics.median(found['memory']):>10.0f} {statistics.median(found['file']):>9.0f}")


async def load(url: str, method: str) -> float:
    request = written(method, BODY if method == "PATCH" else b"", "?group_id=group_123" if method == "GET" else "")
    where = httpx.URL(url)
    loop = asyncio.get_running_loop()
    ends = time.perf_counter() + SECONDS
    connections = [Caller(request, ends) for _ in range(CONNECTIONS)]
    start = time.perf_counter()
    for connection in connections:
        await loop.create_connection(lambda connection=connection: connection, where.host, where.port)
    await asyncio.gather(*(connection.done for connection in connections))
    return sum(connection.answers for connection in connections) / (time.perf_counter() - start)


class Caller(asyncio.Protocol):
    """Sends a request again as soon as its answer is there: as little as a load can cost."""

    def __init__(self, request: bytes, ends: float) -> None:
        self.request = request
        self.ends = ends
        self.answers = 0
        self.done = asyncio.get_running_loop().create_future()
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not is_whole(self._got):
            return
        assert self._got.startswith(b"HTTP/1.1 200 "), self._got
        self._got = b""
        self.answers += 1
        if time.perf_counter() < self.ends:
            self.transport.write(self.request)
        else:
            self.transport.close()
            self.done.set_result(None)


# From the command to the first answer


def startup() -> None:
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with serving() as url, line(url) as connection:
            ask(connection, "GET", b"")
            took.append(time.perf_counter() - start)
    print(f"\nstart-up to first answer: {statistics.median(took) * 1000:.0f} ms, goal 300")


# Reading the memories of one group in a small and in a large store


def growth() -> None:
    print(f"\n{f'one group of {GROUP} messages, CPU time':<42} {'us a call in a store of':>24}")
    print(f"{'':<42} {SIZES[0]:>10,} {SIZES[1]:>13,}  growth, goal 1.5")
    for api in ("v0", "v1"):
        stores = [filled(api, messages) for messages in SIZES]
        group, size, kind = {
            "v0": ("group_ids=group_7", "page_size", "episodic_memory"),
            "v1": ("group_id=group_7", "limit", "event_log"),
        }[api]
        targets = {
            "page": f"/api/{api}/memories?{group}&memory_type=event_log&{size}={GROUP}",
            "search": f"/api/{api}/memories/search?{group}&query=coffee+database&memory_types={kind}&top_k={GROUP}",
        }
        for name, target in targets.items():
            rounds = [[cpu_of(store, target) for store in stores] for _ in range(ROUNDS)]
            small, large = (statistics.median(each[number] for each in rounds) for number in range(2))
            print(f"{f'{api} {name}':<42} {small * 1e6:>10.0f} {large * 1e6:>13.0f}  {large / small:.2f}")


def filled(api: str, size: int) -> Sandbox:
    """Make a store of so many messages, in groups, each with the words that are looked for."""
    sandbox = Sandbox()
    for number in range(size):
        message = {
            "message_id": f"message_{number}",
            "create_time": "2025-01-15T10:00:00+00:00",
            "sender": f"user_{number % 7}",
            "content": f"We talked about coffee and about database number {number}.",
            "group_id": f"group_{number // GROUP}",
        }
        answer = sandbox.handle("POST", f"/api/{api}/memories", KEY, json.dumps(message).encode())
        assert answer.status == 200, answer.body
    return sandbox


def cpu_of(sandbox: Sandbox, target: str) -> float:
    start = time.process_time()
    for _ in range(CALLS):
        answer = sandbox.handle("GET", target, KEY, b"")
        assert answer.status == 200, answer.body
    return (time.process_time() - start) / CALLS


# HTTP with next to nothing around it


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Serve a sandbox from a process of its own, on the first core; what measures stays on the others."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pin = ["taskset", "-c", str(cores[0])] if len(cores) > 1 else []
    command = [*pin, sys.executable, "-m", "evermemos.sandbox", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if pin:
            os.sched_setaffinity(0, cores[1:])
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield found[0]
        finally:
            process.terminate()
            process.communicate()
            if pin:
                os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def line(url: str) -> Iterator[socket.socket]:
    where = httpx.URL(url)
    with socket.create_connection((where.host, where.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def written(method: str, body: bytes, query: str = "") -> bytes:
    return f"{method} {PATH}{query} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def ask(connection: socket.socket, method: str, body: bytes) -> bytes:
    connection.sendall(written(method, body))
    answer = connection.recv(65536)
    while not is_whole(answer):
        answer += connection.recv(65536)
    return answer


def is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


if __name__ == "__main__":
    main()
