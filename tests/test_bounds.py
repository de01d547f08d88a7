"""How much of an answer is read, and how it is unpacked, over real sockets."""

import contextlib
import functools
import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import RECORD, Flavour, ScriptedServer, Step, http

from evermemos import APIConnectionError, APIError, APIResponseValidationError, APIStatusError, InternalServerError

Serve = Callable[..., ScriptedServer]
MB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def http_client(flavour: Flavour, server: ScriptedServer, **settings: Any) -> Any:
    return flavour.client(base_url=server.url, **settings)


def get(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.get, **options)


# Answers that are too large


@contextlib.contextmanager
def memory_below(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def flood(start: bytes, part: bytes) -> Step:
    """Send the start, and then parts for as long as they are taken."""

    def step(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(part)

    return step


@functools.cache
def bomb(encoding: str) -> bytes:
    """100 MiB of zeros, in a thousandth of that."""
    packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15}[encoding])
    return b"".join([*(packer.compress(bytes(MB)) for _ in range(100)), packer.flush()])


def bombing(encoding: str, status: str = "200 OK") -> Step:
    return lambda connection: connection.sendall(http(bomb(encoding), status, f"Content-Encoding: {encoding}"))


def in_one_chunk(connection: socket.socket) -> None:
    head = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(b"%b%x\r\n%b\r\n0\r\n\r\n" % (head, len(bomb("gzip")), bomb("gzip")))


OPEN = HEAD + b"Connection: close\r\n\r\n"
FLOODS: dict[str, Step] = {
    "an announced length": flood(HEAD + b"Content-Length: 100000000\r\n\r\n", bytes(65536)),
    "no length": flood(OPEN, bytes(65536)),
    "chunks": flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(65536) + b"\r\n"),
    "a gzip bomb": bombing("gzip"),
    "a gzip bomb in one chunk": in_one_chunk,
    "a deflate bomb": bombing("deflate"),
    "an error": flood(b"HTTP/1.1 500 Internal Server Error\r\n\r\n", bytes(65536)),
    "a bomb for an error": bombing("gzip", "500 Internal Server Error"),
}


@pytest.mark.socket
@pytest.mark.parametrize("kind", FLOODS)
def test_an_answer_over_the_bound_is_an_error_and_never_in_memory(flavour: Flavour, serve: Serve, kind: str) -> None:
    assert max(len(bomb("gzip")), len(bomb("deflate"))) < 100 * MB / 900
    client = http_client(flavour, serve(FLOODS[kind]), max_response_bytes=MB, max_retries=0, deadline=60)
    with memory_below(6 * MB), pytest.raises(APIError) as caught:
        get(flavour, client)
    if "error" in kind:
        assert isinstance(caught.value, InternalServerError)
        assert caught.value.status_code == 500
    else:
        assert isinstance(caught.value, APIResponseValidationError)
        assert str(MB) in str(caught.value)


@pytest.mark.socket
@pytest.mark.parametrize("packed", [False, True])
def test_the_bound_counts_the_unpacked_body_to_the_byte(flavour: Flavour, serve: Serve, *, packed: bool) -> None:
    body = json.dumps(RECORD).encode()
    server = serve(http(gzip.compress(body), "200 OK", "Content-Encoding: gzip") if packed else http(body))
    assert get(flavour, http_client(flavour, server, max_response_bytes=len(body))).status == "ok"
    with pytest.raises(APIResponseValidationError, match=f"at most {len(body) - 1} bytes"):
        get(flavour, http_client(flavour, server, max_response_bytes=len(body) - 1))


def announcing(length: int) -> Step:
    return lambda connection: connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % length)


@pytest.mark.socket
def test_the_bound_is_64_mib_by_default(flavour: Flavour, serve: Serve) -> None:
    client = http_client(flavour, serve(announcing(64 * MB), announcing(64 * MB + 1)))
    with pytest.raises(APIConnectionError):
        get(flavour, client, max_retries=0)
    with pytest.raises(APIResponseValidationError, match=str(64 * MB)):
        get(flavour, client)


# Packed answers

BODY = json.dumps(RECORD).encode()


@pytest.mark.socket
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), "GZIP"),
        (gzip.compress(BODY), "x-gzip"),
        (zlib.compress(BODY), "deflate"),
        (BODY, "identity"),
    ],
    ids=["gzip", "GZIP", "x-gzip", "deflate", "identity"],
)
def test_a_packed_answer_is_read(flavour: Flavour, serve: Serve, content: bytes, encoding: str) -> None:
    server = serve(http(content, "200 OK", f"Content-Encoding: {encoding}"))
    assert get(flavour, http_client(flavour, server)).result.id == RECORD["result"]["id"]  # type: ignore[index]
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()


@pytest.mark.socket
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        pytest.param(BODY, "gzip", id="not gzip"),
        pytest.param(gzip.compress(BODY)[:-20], "gzip", id="cut"),
        pytest.param(gzip.compress(BODY)[:-4], "gzip", id="cut in the sum"),
        pytest.param(gzip.compress(BODY)[:-8] + bytes(8), "gzip", id="wrong sum"),
        pytest.param(gzip.compress(BODY)[:30] + bytes(30), "gzip", id="broken inside"),
        pytest.param(BODY, "br", id="unknown"),
        pytest.param(gzip.compress(gzip.compress(BODY)), "gzip, gzip", id="packed twice"),
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "503 Service Unavailable"])
def test_an_answer_that_cannot_be_unpacked_is_an_error_with_its_status(
    flavour: Flavour, serve: Serve, content: bytes, encoding: str, status: str
) -> None:
    server = serve(http(content, status, f"Content-Encoding: {encoding}", "X-Request-Id: req-1"))
    with pytest.raises(APIError) as caught:
        get(flavour, http_client(flavour, server, max_retries=0))
    assert isinstance(caught.value, APIResponseValidationError if status == "200 OK" else APIStatusError)
    assert (caught.value.status_code, caught.value.request_id) == (int(status[:3]), "req-1")
