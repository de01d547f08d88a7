"""What the tests share: both flavours of the client behind one call, a server that follows a script, no network."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import signal
import socket
import sys
import threading
import urllib.parse
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema_rs
import pytest
import yaml

from evermemos import AsyncEverMemOS, EverMemOS, _json
from evermemos.sandbox import Answer, Sandbox

if TYPE_CHECKING:
    from cli_tools import Cli

# Dask changes how all errors of a process are pickled, and how deep Python may go: its tests run in one of their own.
collect_ignore = [] if any("test_dask" in argument for argument in sys.argv) else ["test_dask.py"]
# Whatever is started in the background of a script ignores Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
pytest_plugins = ["pytester", "evermemos.pytest_plugin", "memories"]
ROOT = Path(__file__).resolve().parent.parent
# The client is synchronous or not, and has the extra `fast` or not. The logic is the same in all four ways, so most
# tests take turns: a test runs in one of them, the next row of its table in the next. What differs by way, such as
# connections and the life of a client, runs in every way, by the fixture `every_flavour`. TURN moves every test on.
WAYS = ("sync", "async", "sync fast", "async fast")
TURN = int(os.environ.get("EVERMEMOS_TEST_TURN", "0"))
# What a test does is in its marks: one that is not marked for it may not do it, so that `make check` is quick.
MARKED_EVENTS = {
    **dict.fromkeys(("socket.connect", "socket.bind"), "socket"),
    **dict.fromkeys(("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"), "process"),
}
# Tests of what `make test` does without. `make test-all` and CI run them.
NEEDS = {"browser": "Chromium and its driver", "terminal": "tmux"}
# The connections of the extra. Kept, because importing them anew for every test costs time, and upsets the parser of
# Python 3.11 now and then.
HTTP1 = {
    name: import_module(name) if find_spec("httptools") else None
    for name in ("evermemos._async.http1", "evermemos._sync.http1")
}
Handler = Callable[[httpx.Request], httpx.Response]
# By scenario, how many recorded exchanges the sandbox answers as the server did, and how many there are.
REPLAYED = pytest.StashKey[dict[str, tuple[int, int]]]()


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    """openapi.yaml."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    return document


@pytest.fixture(autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Choose the way of this test: the one whose turn it is, unless a parameter says so."""
    chosen = getattr(request, "param", None) or way_of(request.node)
    use_fast(monkeypatch, is_used=chosen.endswith("fast"))
    request.node.add_report_section("setup", "way", chosen)
    return str(chosen)


def way_of(item: Any) -> str:
    """Return the way whose turn it is, so that the rows of a table and the tests of a module alternate."""
    rows = item.callspec.indices.values() if hasattr(item, "callspec") else ()
    return WAYS[(zlib.crc32(item.originalname.encode()) + sum(rows) + TURN) % len(WAYS)]


def use_fast(monkeypatch: pytest.MonkeyPatch, *, is_used: bool) -> None:
    """Use the extra `fast` from now on, or do without, though it is installed."""
    monkeypatch.setattr(_json, "_chosen", None if is_used else _json.Standard())
    use_http1(monkeypatch, is_used=is_used)


def use_http1(monkeypatch: pytest.MonkeyPatch, *, is_used: bool = True) -> None:
    """Have the clients that are made from now on use the connections of the extra `fast`, or do without."""
    for name, module in HTTP1.items():
        monkeypatch.setitem(sys.modules, name, module if is_used else None)


@pytest.fixture(params=["plain", "fast"])
def extra(request: pytest.FixtureRequest, way: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with the extra `fast` and without."""
    use_fast(monkeypatch, is_used=request.param == "fast")
    return str(request.param)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine reaches a client."""
    for name in list(os.environ):
        if name.upper().startswith(("EVERMEM", "EVER_MEM", "EVEROS", "EVERMIND")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


@pytest.fixture
def reachable() -> set[str]:
    """The addresses that a test may connect to."""
    return {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def confined(request: pytest.FixtureRequest, reachable: set[str]) -> Iterator[None]:
    """A test that reaches for the network fails, and so does one that does what it is not marked for."""
    marks = {mark.name for mark in request.node.iter_markers()}

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith("socket.") and arguments[0].family not in (socket.AF_INET, socket.AF_INET6):
            return
        if event == "socket.connect" and arguments[1][0] not in reachable:
            raise AssertionError(f"the test reaches for {arguments[1]}")
        if MARKED_EVENTS[event] not in marks:
            raise AssertionError(f"a test that does {event} needs pytest.mark.{MARKED_EVENTS[event]}")

    CONFINEMENT.append(refuse)
    yield
    CONFINEMENT.remove(refuse)


CONFINEMENT: list[Callable[[str, tuple[Any, ...]], None]] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in MARKED_EVENTS and CONFINEMENT:
        CONFINEMENT[-1](event, arguments)


# Hooks cannot be taken out again: there is one for all tests.
sys.addaudithook(watch)


@pytest.fixture(scope="session")
def spec_validators() -> dict[tuple[str, str, str], Any]:
    """A validator for every answer of the spec, by path, method and status."""
    document = json.loads((ROOT / "generated/evermemos_api/openapi.json").read_text())
    found = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
                schema = {"components": document["components"], **response["content"]["application/json"]["schema"]}
                found[path, method.upper(), status] = jsonschema_rs.Draft202012Validator(schema)
    return found


@pytest.fixture(autouse=True)
def answers_fit_the_spec(
    monkeypatch: pytest.MonkeyPatch, spec_validators: dict[tuple[str, str, str], Any]
) -> Iterator[list[str]]:
    """Hold every answer that a sandbox gives in a test against openapi.yaml, but those that were asked to be wrong.

    Gives the list of what was found, which must be empty when the test is over.
    """
    handle = Sandbox.handle
    problems: list[str] = []

    def checked(self: Sandbox, method: str, target: str, *arguments: Any, **options: Any) -> Answer:
        answer = handle(self, method, target, *arguments, **options)
        path = urllib.parse.unquote(target.partition("?")[0])
        place = path, method, str(answer.status)
        validator = spec_validators.get(place) or spec_validators.get((path, method, "default"))
        if validator is not None and answer.fault is None:
            # Gathered, because a server in another thread would swallow the error.
            problems.extend(f"{place}: {error.message}" for error in validator.iter_errors(json.loads(answer.body)))
        return answer

    monkeypatch.setattr(Sandbox, "handle", checked)
    yield problems
    assert problems == []


NOT_RUN = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPLAYED], config.stash[NOT_RUN] = {}, Counter()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        item.config.stash[NOT_RUN].update(mark for mark in NEEDS if item.get_closest_marker(mark))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        not_run: Counter[str] = session.config.stash[NOT_RUN]
        output.update(replayed=session.config.stash[REPLAYED], not_run=dict(not_run))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has to tell. Every worker leaves out the same tests."""
    node.config.stash[REPLAYED].update(getattr(node, "workeroutput", {}).get("replayed", {}))
    not_run: Counter[str] = Counter(getattr(node, "workeroutput", {}).get("not_run", {}))
    node.config.stash[NOT_RUN] |= not_run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if replayed := config.stash[REPLAYED]:
        terminalreporter.section("recorded exchanges that the sandbox answers as the server did")
        for scenario, (agreed, total) in replayed.items():
            terminalreporter.line(f"{scenario:<20} {agreed:>4} of {total}")
    if not_run := [f"{count} tests that need {NEEDS[mark]}" for mark, count in config.stash[NOT_RUN].items()]:
        not_run += ["tests/test_dask.py, which needs a cluster of Dask"] if collect_ignore else []
        terminalreporter.line(f"not run: {'; '.join(not_run)}. `make test-all` and CI run them", yellow=True)


class Answering(Sandbox):
    """Stands for a sandbox, and has a handler answer."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def transport(self) -> Any:
        return httpx.MockTransport(self._handler)


class Flavour:
    """The synchronous or the asynchronous client, called in the same way."""

    def __init__(self, way: str) -> None:
        self.name, _, extra = way.partition(" ")
        self._is_fast = bool(extra)
        self._runner = asyncio.Runner()
        self._clients: list[Any] = []
        self.cls: Any = {"sync": EverMemOS, "async": AsyncEverMemOS}[self.name]

    def client(self, handler: Handler | None = None, **settings: Any) -> Any:
        """Make a client. With a handler it sends nowhere: the handler answers."""
        # Both ways to a handler are taken: an httpx client of the user's own, and the way that sandboxes have.
        if handler is not None and self._is_fast:
            settings["http_client"] = self.httpx_client(handler)
        client = self.cls(**{"api_key": "test-key", **settings})
        if handler is not None and not self._is_fast:
            client._settings = client._settings._replace(sandbox=Answering(handler))
        self._clients.append(client)
        return client

    def httpx_client(self, handler: Handler) -> Any:
        """Make an httpx client of a user's own, which sends nowhere: the handler answers."""
        cls = {"sync": httpx.Client, "async": httpx.AsyncClient}[self.name]
        return cls(transport=httpx.MockTransport(handler))

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of the client and return its result, or raise its error."""
        if not inspect.iscoroutinefunction(method):
            return method(*args, **kwargs)

        return self._runner.run(method(*args, **kwargs))

    def close(self, client: Any) -> None:
        self.call(client.close if self.name == "sync" else client.aclose)

    def finish(self) -> None:
        for client in self._clients:
            self.close(client)
        self._runner.close()


@pytest.fixture
def flavour(way: str) -> Iterator[Flavour]:
    """Give the test a client in the way whose turn it is. All its calls run in one event loop."""
    flavour = Flavour(way)
    yield flavour
    flavour.finish()


@pytest.fixture(params=["sync", "async"])
def both_flavours(request: pytest.FixtureRequest, way: str) -> Iterator[Flavour]:
    """Run the test with each client, with the extra `fast` or without, whosever turn it is."""
    flavour = Flavour(" ".join([request.param, *way.split()[1:]]))
    yield flavour
    flavour.finish()


@pytest.fixture(params=WAYS)
def every_flavour(request: pytest.FixtureRequest, way: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flavour]:
    """Run the test in every way."""
    use_fast(monkeypatch, is_used=request.param.endswith("fast"))
    flavour = Flavour(request.param)
    yield flavour
    flavour.finish()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def cli(sandbox: Sandbox, tmp_path: Path) -> Iterator[Cli]:
    """The command line, in a folder of its own, with the sandbox for a server."""
    from cli_tools import Cli

    with sandbox.serve() as url:
        yield Cli(url, tmp_path)


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    """Make an answer: a dict or list is sent as JSON, bytes and str as they are. `x_y` names the header x-y."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, (bytes, str)):
        return httpx.Response(status, headers=names, content=body)
    return httpx.Response(status, headers=names, json=body)


PATCHED = {
    "status": "ok",
    "message": "Conversation metadata updated successfully, updated 1 fields",
    "result": {
        "id": "507f1f77bcf86cd799439011",
        "group_id": "group_123",
        "scene": "group_chat",
        "name": "New conversation name",
        "updated_fields": ["name"],
        "updated_at": "2025-01-15T10:30:00+00:00",
    },
}
RECORD = {
    "status": "ok",
    "message": "Conversation metadata retrieved successfully",
    "result": {
        "id": "507f1f77bcf86cd799439011",
        "group_id": "group_123",
        "scene": "group_chat",
        "scene_desc": {"type": "project_discussion"},
        "name": "Project Discussion Group",
        "conversation_created_at": "2025-01-15T10:00:00+00:00",
        "user_details": {"user_001": {"full_name": "John Smith", "role": "user"}},
        "is_default": False,
    },
}
CREATE_V1: dict[str, Any] = {
    "version": "1.0",
    "scene": "group_chat",
    "scene_desc": {},
    "name": "Project Discussion Group",
    "created_at": "2025-01-15T10:00:00+00:00",
}
Step = bytes | Callable[[socket.socket], None]


def http(body: Any, status: str = "200 OK", *headers: str) -> bytes:
    """Write an answer as it goes over the wire."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + content


class ScriptedServer:
    """A loopback server that answers one request after another by a script, and keeps what it received.

    A step is the bytes to answer with, or a function that does what it likes with the socket; after a function the
    connection is closed. When the script is over, its last step is repeated.
    """

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while request := self._receive(connection):
                with self._lock:
                    step = self.script[min(len(self.requests), len(self.script) - 1)]
                    self.requests.append(request)
                if not isinstance(step, bytes):
                    step(connection)
                    return
                connection.sendall(step)

    def _receive(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while len(body) < sum(lengths):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        # A thread that waits in accept() is only woken by shutting the socket down.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # What was accepted last is among the open ones once the accepting thread has ended.
        self._thread.join(5)
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start servers that follow a script, and stop them after the test."""
    servers: list[ScriptedServer] = []

    def start(*script: Step) -> ScriptedServer:
        servers.append(ScriptedServer(*script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
