"""A server that is never the limit: it finds the end of each request and answers it with bytes that were made before.

Usage: python benchmarks/server.py [--delay SECONDS] [--size BYTES] [--tls FILE]. It writes its port to standard output
and serves until standard input ends. GET /counters answers with the connections and requests so far, but for itself.
"""

import argparse
import asyncio
import dataclasses
import json
import ssl
import sys

# The published answer to a PATCH (openapi.yaml, patchExample); the tests compare.
ANSWER = {
    "message": "Conversation metadata updated successfully, updated 2 fields",
    "result": {
        "group_id": "group_123",
        "id": "507f1f77bcf86cd799439011",
        "name": "New conversation name",
        "scene": "group_chat",
        "updated_at": "2025-01-15T10:30:00+00:00",
        "updated_fields": ["name", "tags"],
    },
    "status": "ok",
}
SMALL = 300
# What goes into the socket's buffer at once; the rest waits for it to empty.
PART = 1 << 16


def padded(size: int) -> bytes:
    """Return the published answer, made `size` bytes long by a field that the schema does not know."""

    def body(padding: str) -> bytes:
        return json.dumps(
            {**ANSWER, "result": {**ANSWER["result"], "padding": padding}}, separators=(",", ":")
        ).encode()

    return body("x" * (size - len(body(""))))


def written(body: bytes) -> bytes:
    """Return a whole response."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


@dataclasses.dataclass
class Counters:
    """What the server has seen."""

    connections: int = 0
    requests: int = 0


class Connection(asyncio.Protocol):
    """One connection, on which a request follows the answer to the last."""

    def __init__(self, answer: bytes, delay: float, counters: Counters) -> None:
        self.answer = answer
        self.delay = delay
        self.counters = counters
        self.got = b""
        self.unsent = memoryview(b"")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.counters.connections += 1
        self.transport = transport
        if len(self.answer) > PART:
            transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self.got = got = self.got + data if self.got else data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = got[:end].lower()
        start = head.find(b"\r\ncontent-length:")
        length = int(head[start + 17 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(got) < end + 4 + length:
            return
        self.got = b""
        if got.startswith(b"GET /counters "):
            # Whoever asks comes over a connection of its own.
            self.counters.connections -= 1
            self.transport.write(written(json.dumps(dataclasses.asdict(self.counters)).encode()))
            self.transport.close()
            return
        self.counters.requests += 1
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.send)
        else:
            self.send()

    def send(self) -> None:
        if len(self.answer) <= PART:
            self.transport.write(self.answer)
            return
        self.unsent = memoryview(self.answer)
        self.resume_writing()

    def resume_writing(self) -> None:
        # In parts, since asyncio copies what the socket does not take at once.
        while self.unsent and not self.transport.is_closing() and not self.transport.get_write_buffer_size():
            part, self.unsent = self.unsent[:PART], self.unsent[PART:]
            self.transport.write(part)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--size", type=int, default=SMALL)
    parser.add_argument("--tls", help="file with certificate and key")
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.tls)
    answer, counters = written(padded(options.size)), Counters()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(answer, options.delay, counters), "127.0.0.1", ssl=context, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
