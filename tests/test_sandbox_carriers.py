"""One sandbox behind every carrier: httpx transports, an ASGI application, a server on a socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from evermemos import ConfigurationError
from evermemos.sandbox import Sandbox
from evermemos.sandbox._core import LARGEST_BODY

pytestmark = pytest.mark.socket

V0 = "/api/v0/memories/conversation-meta"
V1 = "/api/v1/memories/conversation-meta"
REQUIRED: dict[str, Any] = {
    "version": "1.0",
    "scene": "assistant",
    "scene_desc": {},
    "name": "N",
    "created_at": "2025-01-15",
}
GROUP: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "group_id": "g", "name": "N"}


def connect(url: str) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0))
    line.settimeout(10)
    return line


def everything(line: socket.socket) -> bytes:
    return b"".join(iter(lambda: line.recv(100_000), b""))


# Over a socket


def test_server_keeps_the_connection(sandbox: Sandbox) -> None:
    with sandbox.serve() as url:
        where = urllib.parse.urlsplit(url)
        assert where.hostname == "127.0.0.1"
        connection = http.client.HTTPConnection("127.0.0.1", where.port or 0)
        connection.connect()
        line = connection.sock
        for name in ("first", "second"):
            connection.request("POST", V1, json.dumps(REQUIRED | {"name": name}), {"X-Name": name})
            answer = connection.getresponse()
            assert (answer.status, answer.version, answer.headers["Content-Type"]) == (200, 11, "application/json")
            assert json.loads(answer.read())["result"]["name"] == name
        connection.request("GET", V1 + "/?group_id=g")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Location"]) == (307, f"{url}{V1}?group_id=g")
        answer.read()
        assert connection.sock is line
        connection.close()
    assert [request.method for request in sandbox.requests] == ["POST", "POST", "GET"]
    assert sandbox.requests[0].headers["x-name"] == "first"


def test_server_answers_head_without_a_body(sandbox: Sandbox) -> None:
    with sandbox.serve() as url, connect(url) as line:
        line.sendall(f"HEAD {V1} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        answer = everything(line)
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.endswith(b"\r\n\r\n")


def test_server_ends_with_its_context(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    threads = set(threading.enumerate())
    with sandbox.serve() as url, httpx.Client(base_url=url) as client:
        client.get(V1)
        idle = connect(url)
        idle.sendall(b"GET /nowhere HTTP/1.1\r\nHost: here\r\n\r\n")
    with idle:
        answer = everything(idle)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b'{"detail":"Not Found"}')
    assert set(threading.enumerate()) == threads
    with pytest.raises(ConnectionRefusedError):
        connect(url)
    assert capfd.readouterr() == ("", "")


def test_server_takes_a_host_and_a_port(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with sandbox.serve("localhost", port) as url:
        assert url == f"http://localhost:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}{V1}").status_code == 404


def test_server_takes_many_connections(sandbox: Sandbox) -> None:
    with sandbox.serve() as url, httpx.Client(base_url=url) as client, ThreadPoolExecutor(64) as pool:
        client.post(V1, json=REQUIRED)
        start = threading.Barrier(64)

        def ask(_: int) -> int:
            start.wait()
            return client.patch(V1, json={"name": "New"}).status_code

        assert list(pool.map(ask, range(64))) == [200] * 64


def test_server_takes_a_body_in_chunks(sandbox: Sandbox) -> None:
    body = json.dumps(REQUIRED).encode()
    with sandbox.serve() as url:
        answer = httpx.post(url + V1, content=iter([body[:20], body[20:]]))
    assert answer.json()["result"]["name"] == "N"


def test_server_drops_a_request_that_is_cut_off(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with sandbox.serve() as url, connect(url) as line:
        line.sendall(f"POST {V1} HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n{{}}".encode())
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    assert not sandbox.requests
    assert capfd.readouterr() == ("", "")


def test_server_waits_for_what_is_under_way_but_not_for_long(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evermemos.sandbox._server.GRACE", 1)
    sandbox.fail(delay=0.3)
    sandbox.fail(delay=300)
    with ThreadPoolExecutor(2) as pool:
        with sandbox.serve() as url:
            under_way = [pool.submit(httpx.get, url + V1, timeout=20) for _ in range(2)]
            while len(sandbox.requests) < 2:
                time.sleep(0.01)
        soon, late = sorted(under_way, key=lambda future: future.exception() is not None)
        assert soon.result().status_code == 404
        assert isinstance(late.exception(), httpx.RemoteProtocolError)
    assert capfd.readouterr() == ("", "")


def test_server_of_a_closed_sandbox_says_so(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with sandbox.serve() as url:
        sandbox.close()
        for path in (V1, "/sandbox/records"):
            answer = httpx.get(url + path)
            assert (answer.status_code, answer.json()) == (500, {"detail": "the sandbox was closed: make a new one"})
    assert capfd.readouterr() == ("", "")


def test_server_that_cannot_start_says_so(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.Server.run", lambda *_: None)
    with pytest.raises(ConfigurationError, match="did not start: its log says why"), sandbox.serve():
        pass


def test_server_tells_of_an_error_of_its_own(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError("on purpose")

    monkeypatch.setattr(sandbox, "handle", fail)
    with sandbox.serve() as url:
        assert httpx.get(url + V1).status_code == 500
    assert "on purpose" in caplog.text


def test_a_port_in_use_is_an_error_that_says_so(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = rf"127\.0\.0\.1 port {port}: Address already in use: choose another port, or 0"
        with pytest.raises(ConfigurationError, match=words), sandbox.serve(port=port):
            pass


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 65536), ("127.0.0.1", -1), ("no such host", 0), ("192.0.2.1", 0)]
)
def test_an_address_that_cannot_be_used(sandbox: Sandbox, host: str, port: int) -> None:
    words = (
        f"cannot listen on {host} port {port}: .*expected a (port from 0 to 65535|name or an address of this machine)"
    )
    with pytest.raises(ConfigurationError, match=words), sandbox.serve(host, port):
        pass


def test_the_extra_that_is_missing_is_named_even_if_the_context_is_not_entered(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="serving the sandbox needs uvicorn and httptools: pip install"):
        sandbox.serve()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_100_mb_is_refused_with_a_clear_error(sandbox: Sandbox, chunked: bool) -> None:
    """Over HTTP and in process; what was stored stays, and the connection goes on."""
    size = 100 * 1024 * 1024
    part = b'{"name": "' + b"x" * (1024 * 1024 - 10)
    with sandbox.serve() as url, httpx.Client(base_url=url) as client:
        client.post(V1, json=REQUIRED)
        headers = {} if chunked else {"Content-Length": str(size)}
        answer = client.patch(V1, content=(part for _ in range(100)), headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (413, "failed")
        assert (
            answer.json()["message"]
            == f"The body is larger than {LARGEST_BODY} bytes, the most that the sandbox takes."
        )
        assert client.get(V1).json()["result"]["name"] == "N"
    inside = sandbox.handle("PATCH", V1, {}, b"x" * (LARGEST_BODY + 1))
    assert inside.status == 413


# As an httpx transport


def test_a_sync_transport_reaches_the_sandbox(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer secret"}
    with httpx.Client(base_url="http://sandbox", transport=sandbox.transport(), headers=headers) as client:
        answer = client.post(V0, json=GROUP)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert client.get(V0, params={"group_id": "g"}).json()["result"]["name"] == "N"
        followed = client.patch(V0 + "/", json={"group_id": "g", "name": "é"}, follow_redirects=True)
        assert [str(step.url) for step in followed.history] == [f"http://sandbox{V0}/"]
        assert followed.json()["result"]["name"] == "é"
        streamed = client.patch(V0, content=iter([b'{"group_id": "g",', b'"name": "O"}']))
        assert streamed.json()["result"]["name"] == "O"
    assert sandbox.requests[1].target == V0 + "?group_id=g"
    assert sandbox.requests[1].headers["host"] == "sandbox"
    assert "secret" not in repr(sandbox.requests)


def test_an_async_transport_reaches_the_sandbox(sandbox: Sandbox) -> None:
    async def talk() -> None:
        async with httpx.AsyncClient(base_url="http://sandbox", transport=sandbox.transport()) as client:
            await client.post(V1, json=REQUIRED)
            answers = await asyncio.gather(*(client.patch(V1, json={"name": f"{n}"}) for n in range(9)))
            assert [answer.json()["result"]["name"] for answer in answers] == [f"{n}" for n in range(9)]
            assert (await client.get(V1)).json()["result"]["name"] == "8"

            async def chunks() -> Any:
                yield b'{"name":'
                yield b'"O"}'

            assert (await client.patch(V1, content=chunks())).json()["result"]["name"] == "O"

    asyncio.run(talk())


# As an ASGI application


def ask(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def talk() -> httpx.Response:
        root = options.pop("root_path", "")
        transport = httpx.ASGITransport(app, root_path=root)
        async with httpx.AsyncClient(base_url="http://asgi", transport=transport) as client:
            return await client.request(method, path, **options)

    return asyncio.run(talk())


def test_the_asgi_application_answers_as_handle_does(sandbox: Sandbox) -> None:
    app = sandbox.asgi()
    assert ask(app, "POST", V1, json=REQUIRED).json()["result"]["is_default"] is True
    answer = ask(app, "GET", V1 + "?group_id=g%20h", headers=[("x-a", "1"), ("X-A", "2")])
    assert answer.json()["message"] == "Using default config"
    assert (sandbox.requests[-1].target, sandbox.requests[-1].headers["x-a"]) == (V1 + "?group_id=g%20h", "1, 2")


@pytest.mark.parametrize("root", ["/memory", "/memory/", "/a b", "/é/x"])
def test_asgi_application_mounted_under_a_path(sandbox: Sandbox, root: str) -> None:
    app, mount = sandbox.asgi(), root.rstrip("/")
    assert ask(app, "POST", mount + V1, json=REQUIRED, root_path=root).status_code == 200
    assert sandbox.requests[-1].target == V1
    page = ask(app, "GET", f"{mount}/docs", root_path=root)
    quoted = urllib.parse.quote(mount)
    assert f'src="{quoted}/docs/swagger-ui-bundle.js"' in page.text
    elsewhere = ask(app, "PATCH", f"{mount}{V1}/?x=1", root_path=root)
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (307, f"http://asgi{quoted}{V1}?x=1")
    document = ask(app, "GET", f"{mount}/openapi.json", root_path=root).json()
    assert [server["url"] for server in document["servers"]] == [quoted]


def test_asgi_server_that_strips_the_mount_itself_or_gives_no_raw_path(sandbox: Sandbox) -> None:
    async def talk() -> None:
        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": V1, "query_string": b"group_id=g", "headers": []}
        await sandbox.asgi()(scope, receive, send)

    sent: list[Any] = []
    asyncio.run(talk())
    assert (sent[0]["status"], sandbox.requests[-1].target) == (404, f"{V1}?group_id=g")


def test_the_asgi_application_ends_lifespans_and_refuses_websockets(sandbox: Sandbox) -> None:
    async def talk(kind: str, *messages: str) -> list[str]:
        incoming = iter([{"type": message} for message in messages])
        sent: list[str] = []

        async def receive() -> Any:
            return next(incoming)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await sandbox.asgi()({"type": kind}, receive, send)
        return sent

    lifespan = talk("lifespan", "lifespan.startup", "lifespan.shutdown")
    assert asyncio.run(lifespan) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asyncio.run(talk("websocket", "websocket.connect")) == ["websocket.close"]
