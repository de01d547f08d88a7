"""Where the time of a call goes, component by component, and the floors that no client can get below.

Each component is what a call takes up to there, less what it takes up to the component before: alone in a loop, code
runs twice as fast as between other code. CPU, medians of interleaved rounds.

Usage: .venv/bin/python benchmarks/components.py
"""

import asyncio
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import rig
from worker import CALL, PATH, canned_sandbox

from evermemos import UNSET, EverMemOS, _json, _short
from evermemos._call import Call, Options
from evermemos._sync import send as sending
from evermemos._sync.conversation_meta import UPDATE_V1

ROUNDS = 41
CALLS = 200


def main() -> None:
    for name, backend in (("json of the standard library", _json.Standard), ("orjson", _json.Orjson)):
        _json.use(backend)
        print(f"A synchronous call in memory, {name}: CPU in us")
        show(stages())
    with rig.serving() as url:
        print("Floors, one request after the other: CPU of this process in us")
        show({"a bare blocking socket": on_socket(url)}, running=False)
        spent, rate = asyncio.run(on_protocol(url))
        print(f"  {'a bare asyncio.Protocol, 64 in flight':<46} {spent:>6.1f}")
        print(f"Requests/s that the server of the benchmarks answers to it: {rate:,.0f}")


def stages() -> dict[str, Callable[[], object]]:
    client = EverMemOS(api_key="<api_key>", base_url=canned_sandbox(), deadline=60.0)
    meta = client.v1.memories.conversation_meta
    meta.update(**CALL)
    sender = meta._sender
    inner, options = sender._pool.client(client._settings), Options(UNSET, None, None, None, UNSET, UNSET)
    templates = sender._templates

    def checked() -> Call[Any]:
        return Call(client._settings, UPDATE_V1, options, fields=CALL)

    def prepared() -> Any:
        call = checked()
        call.begin()
        return call, *_short.prepare(inner, call, templates)

    def answered() -> object:
        _, request, transport = prepared()
        return transport.handle_request(request)

    def read() -> object:
        call, request, transport = prepared()
        return sending._exchange(inner, call, request, transport)

    def sent() -> Any:
        return sender.send(UPDATE_V1, options, fields=CALL)

    return {
        "arguments checked, body written": checked,
        "request prepared": prepared,
        "transport and httpx.Response (not ours)": answered,
        "answer read": read,
        "retries, deadline, log": sent,
        "answer decoded and checked": lambda: sent().parse(),
        "method and its arguments": lambda: meta.update(**CALL),
    }


def on_socket(url: str) -> Callable[[], bytes]:
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = written()

    def call() -> bytes:
        connection.sendall(request)
        return connection.recv(65536)

    return call


async def on_protocol(url: str) -> tuple[float, float]:
    where, loop, done = urlsplit(url), asyncio.get_running_loop(), asyncio.Event()
    left, request, size = 40_000, written(), len(on_socket(url)())

    class Caller(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            transport.write(request)

        def data_received(self, data: bytes) -> None:
            nonlocal left
            self.got = getattr(self, "got", 0) + len(data)
            if self.got == size:
                self.got = 0
                left -= 1
                self.transport.write(request) if left > 0 else done.set()

    transports = [(await loop.create_connection(Caller, where.hostname, where.port))[0] for _ in range(64)]
    start, begun, total = time.process_time(), time.perf_counter(), left
    await done.wait()
    spent, took = time.process_time() - start, time.perf_counter() - begun
    for transport in transports:
        transport.close()
    return spent / (total - left) * 1e6, (total - left) / took


def written() -> bytes:
    body = _json.dumps(CALL)
    return f"PATCH {PATH} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def show(ways: dict[str, Callable[[], object]], *, running: bool = True) -> None:
    rounds = [{name: cost(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    before = 0.0
    for name in ways:
        spent = statistics.median(each[name] for each in rounds)
        print(f"  {name:<46} {spent - before:>6.1f}")
        before = spent if running else 0.0
    if running:
        print(f"  {'together':<46} {before:>6.1f}\n")


def cost(way: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(CALLS):
        way()
    return (time.process_time() - start) / CALLS * 1e6


if __name__ == "__main__":
    main()
