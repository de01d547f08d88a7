"""How a client is led to a sandbox: the class method, the URLs, the fixtures of pytest, the command line."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, Flavour

from evermemos import AsyncEverMemOS, AuthenticationError, ConfigurationError, EverMemOS
from evermemos._cli import main
from evermemos.sandbox import Sandbox
from evermemos.sandbox._core import _shared


@pytest.fixture(autouse=True)
def fresh_memory() -> None:
    """What other tests left at sandbox://memory is gone."""
    _shared.cache_clear()


def make(flavour: Flavour, client: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.create, **CREATE_V1)


def default_id(flavour: Flavour, client: Any) -> str:
    return str(flavour.call(client.v1.memories.conversation_meta.get).result.id)


# In a program


def test_a_client_of_its_own_sandbox(flavour: Flavour) -> None:
    one, other = flavour.cls.sandbox(), flavour.cls.sandbox()
    make(flavour, one)
    assert default_id(flavour, one)
    with pytest.raises(Exception, match="not found"):
        default_id(flavour, other)


def test_clients_share_a_sandbox(flavour: Flavour) -> None:
    sandbox = Sandbox()
    made = make(flavour, flavour.cls.sandbox(sandbox))
    assert default_id(flavour, flavour.client(base_url=sandbox, timeout=1)) == made.result.id
    with EverMemOS.sandbox(sandbox) as sync:
        assert sync.v1.memories.conversation_meta.get().result.id == made.result.id

    async def read() -> str:
        async with AsyncEverMemOS.sandbox(sandbox) as client:
            return (await client.v1.memories.conversation_meta.get()).result.id

    assert asyncio.run(read()) == made.result.id
    assert [request.headers["host"] for request in sandbox.requests] == ["sandbox.localhost"] * 4


def test_memory_is_one_for_the_process(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(flavour, flavour.client(base_url="sandbox://memory"))
    monkeypatch.setenv("EVERMEMOS_BASE_URL", "sandbox://memory/")
    assert default_id(flavour, flavour.client()) == made.result.id
    assert default_id(flavour, flavour.client(base_url=httpx.URL("sandbox://memory"))) == made.result.id


def test_a_url_with_a_path_is_a_file(flavour: Flavour, tmp_path: Path) -> None:
    path = tmp_path / "a b%.db"
    url = f"sandbox://{str(path).replace('%', '%25').replace(' ', '%20')}"
    made = make(flavour, flavour.client(base_url=url))
    assert path.exists()
    assert default_id(flavour, flavour.client(base_url=url)) == made.result.id
    assert default_id(flavour, flavour.client(base_url=httpx.URL(url))) == made.result.id
    with Sandbox(path) as sandbox:
        assert default_id(flavour, flavour.client(base_url=sandbox)) == made.result.id


def test_a_client_closes_the_file_that_it_was_led_to(flavour: Flavour, tmp_path: Path) -> None:
    client = flavour.cls(base_url=f"sandbox://{tmp_path}/store.db")
    make(flavour, client)
    assert {path.name for path in tmp_path.iterdir()} == {"store.db", "store.db-wal", "store.db-shm"}
    flavour.close(client)
    assert {path.name for path in tmp_path.iterdir()} == {"store.db"}
    sandbox = Sandbox()
    client = flavour.cls.sandbox(sandbox)
    make(flavour, client)
    flavour.close(client)
    assert sandbox.newest(1)[0] == 1


def test_a_setting_that_is_wrong_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        EverMemOS(base_url=f"sandbox://{tmp_path}/store.db", timeout=-1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "sandbox:",
        "sandbox:memory",
        "sandbox://",
        "sandbox:///",
        "sandbox://file.db",
        "sandbox://memory/x",
        "sandbox://memory?x",
        "sandbox:///tmp/x#y",
        "sandbox:///tmp/",
    ],
)
def test_a_url_that_means_no_sandbox(url: str) -> None:
    words = f"base_url is {url!r}: expected sandbox://memory or sandbox:///path/to/file.db"
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        EverMemOS(base_url=url)


@pytest.mark.parametrize("url", ["ftp://x", "sandboxes://memory", "Sandbox", "unix:///x"])
def test_an_unknown_scheme_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected something like https://.*or sandbox://memory"):
        EverMemOS(base_url=url)


def test_a_base_url_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="base_url is of type int: expected a str, "):
        EverMemOS(base_url=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", [{"proxy": "http://127.0.0.1:1"}, {"http_client": httpx.Client()}])
def test_a_sandbox_needs_no_way_through_the_network(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="leave them out"):
        EverMemOS(base_url="sandbox://memory", **setting)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch, flavour: Flavour) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert make(flavour, flavour.cls.sandbox()).status == "ok"


def test_the_key_of_a_real_account_does_not_get_there(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERMEMOS_API_KEY", "the-real-key")
    seen: list[str] = []
    sandbox = Sandbox()

    def admits(authorization: str, *, key_needed: bool) -> bool:
        seen.append(authorization)
        return True

    monkeypatch.setattr(sandbox, "admits", admits)
    make(flavour, flavour.cls.sandbox(sandbox))
    assert seen == ["Bearer sandbox"]


def test_the_key_that_a_sandbox_asks_for(flavour: Flavour) -> None:
    sandbox = Sandbox(api_key="right")
    assert make(flavour, flavour.cls.sandbox(sandbox)).status == "ok"
    with pytest.raises(AuthenticationError, match="Invalid API key"):
        make(flavour, flavour.cls.sandbox(sandbox, api_key="wrong"))


def test_a_client_of_a_file_can_be_pickled(tmp_path: Path) -> None:
    with EverMemOS(base_url=f"sandbox://{tmp_path}/store.db") as client:
        made = client.v1.memories.conversation_meta.create(**CREATE_V1)
        with pickle.loads(pickle.dumps(client)).with_options(timeout=1) as copy:
            assert copy.v1.memories.conversation_meta.get().result.id == made.result.id
    with EverMemOS.sandbox() as client, pytest.raises(ConfigurationError, match="in memory"):
        pickle.dumps(client)


# In pytest

USERS_TEST = """
import asyncio

def test_sync(evermemos_client, evermemos_sandbox):
    meta = evermemos_client.v0.memories.conversation_meta
    meta.create(created_at="2025-01-15T10:00:00Z", scene="assistant", scene_desc={})
    assert [request.operation for request in evermemos_sandbox.requests] == ["create_conversation_meta_v0"]

def test_async(async_evermemos_client, evermemos_client, evermemos_sandbox):
    assert not evermemos_sandbox.requests
    meta = async_evermemos_client.v0.memories.conversation_meta
    asyncio.run(meta.create(created_at="2025-01-15T10:00:00Z", scene="assistant", scene_desc={}))
    evermemos_client.v0.memories.conversation_meta.get()
    assert len(evermemos_sandbox.requests) == 2
"""


def test_the_fixtures_share_one_sandbox(
    evermemos_client: EverMemOS, async_evermemos_client: AsyncEverMemOS, evermemos_sandbox: Sandbox
) -> None:
    evermemos_client.v1.memories.conversation_meta.create(**CREATE_V1)
    answer = asyncio.run(async_evermemos_client.v1.memories.conversation_meta.get())
    assert (answer.result.is_default, len(evermemos_sandbox.requests)) == (True, 2)


@pytest.mark.process
def test_the_fixtures_are_there_without_a_conftest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USERS_TEST)
    pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.process
def test_the_plugin_costs_a_run_without_it_nothing() -> None:
    program = """
import sys, pytest
before = set(sys.modules)
import evermemos.pytest_plugin
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['evermemos', 'evermemos.pytest_plugin']"


@pytest.mark.process
def test_the_fixtures_have_help_texts(pytester: pytest.Pytester) -> None:
    printed = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    for name in ("evermemos_sandbox", "evermemos_client", "async_evermemos_client"):
        assert re.search(rf"^{name} .*\n    \w", printed, re.MULTILINE), name


# On the command line


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, env=environment, timeout=60
    )


@pytest.mark.process
@pytest.mark.socket
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("start", [["evermemos", "sandbox"], ["evermemos.sandbox"]])
def test_the_printed_lines_of_a_served_sandbox_work_and_a_signal_stops_it(
    start: list[str], end: signal.Signals, tmp_path: Path
) -> None:
    """The two lines of code that are printed work as they stand, and the server stops gracefully at a signal."""
    arguments = [sys.executable, "-W", "error", "-m", *start, "--port", "0", "--store", str(tmp_path / "s.db")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        assert re.fullmatch(
            rf"EverMemOS sandbox at (http://127\.0\.0\.1:\d+)  \(records in {tmp_path}/s\.db; Ctrl-C stops it\)\n",
            lines[0],
        )
        scope: dict[str, Any] = {}
        exec("".join(lines[2:4]).replace("    ", ""), scope)
        with scope["client"] as client:
            client.v1.memories.conversation_meta.create(**CREATE_V1)
            process.send_signal(end)
            rest, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert rest.endswith("Stopped.\n")
    with Sandbox(tmp_path / "s.db") as sandbox:
        assert sandbox.newest(1)[0] == 1


@pytest.mark.process
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_right_after_the_first_line_counts(end: signal.Signals) -> None:
    arguments = [sys.executable, "-m", "evermemos.sandbox", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(end)
        try:
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, rest.splitlines()[-1], errors) == (0, "Stopped.", "")


@pytest.mark.process
def test_a_reader_that_is_gone_is_no_reason_to_complain() -> None:
    arguments = [sys.executable, "-m", "evermemos.sandbox", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(20), process.stderr.read()) == (1, "")


@pytest.mark.process
@pytest.mark.socket
def test_serving_with_a_key_and_strictly(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "evermemos", "sandbox", "--port", "0", "--api-key", "the-key", "--strict"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = "".join(process.stdout.readline() for _ in range(6))
            assert "the-key" not in printed
            url = re.search(r"http://\S+", printed)
            assert url is not None
            for key, status in ((None, 401), ("wrong", 401), ("the-key", 422)):
                headers = {} if key is None else {"Authorization": f"Bearer {key}"}
                answer = httpx.patch(
                    f"{url[0]}/api/v1/memories/conversation-meta", json={"groupId": "g"}, headers=headers
                )
                assert answer.status_code == status
        finally:
            process.terminate()


@pytest.mark.socket
def test_a_port_in_use_is_one_line_of_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["sandbox", "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    words = "Address already in use: choose another port, or 0 for a free one"
    assert err == f"evermemos: cannot listen on 127.0.0.1 port {port}: {words}\n"


def test_the_extra_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["sandbox"]) == 1
    words = "evermemos: serving the sandbox needs uvicorn and httptools: pip install 'evermemos-client[sandbox]'\n"
    assert capsys.readouterr().err == words


@pytest.mark.socket
def test_listening_to_everybody_gives_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evermemos.sandbox._server.run", lambda *_, announce: announce())
    assert main(["sandbox", "--host", "0.0.0.0", "--port", "0"]) == 0
    out, err = capsys.readouterr()
    assert "whoever reaches this machine can read and change the records" in err
    assert "http://127.0.0.1:" in out
    assert main(["sandbox", "--port", "0"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.socket
@pytest.mark.parametrize(("options", "status"), [([], 404), (["--require-key"], 401), (["--strict"], 401)])
def test_a_served_sandbox_asks_for_a_key_on_v0_if_told_to(
    monkeypatch: pytest.MonkeyPatch, options: list[str], status: int
) -> None:
    served: list[tuple[int, int]] = []

    def run(sandbox: Sandbox, *_: object, announce: object) -> None:
        v0, v1 = (sandbox.handle("GET", f"/api/{api}/memories/conversation-meta", {}, b"") for api in ("v0", "v1"))
        served.append((v0.status, v1.status))

    monkeypatch.setattr("evermemos.sandbox._server.run", run)
    assert main(["sandbox", "--port", "0", *options]) == 0
    assert served == [(status, 404)]


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sandbox", "--port", "0", "--api-key", ""], 1, "the api_key of the sandbox is empty"),
        (["sandbox", "--port", "0", "--store", ""], 1, "store is '': expected the path of a file"),
        ([], 64, "Missing command"),
        (["sandbox", "--port", "x"], 2, "argument --port: invalid int value: 'x'"),
        (["sandbox", "--host", "a" * 70], 1, "is not the name of a machine"),
        (["sandbox", "--port", "70000"], 1, "expected a port from 0 to 65535"),
        (["nothing"], 64, "No such command 'nothing'"),
        (["--version"], 0, "evermemos-client 0."),
        (["--help"], 0, "Serve an EverMemOS for tests"),
    ],
)
def test_an_argument_is_taken_or_explained(arguments: list[str], code: int, words: str) -> None:
    done = command("evermemos", *arguments)
    assert (done.returncode, words in done.stdout + done.stderr) == (code, True)
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_the_command_is_installed() -> None:
    script = Path(sys.executable).with_name("evermemos")
    assert "sandbox" in subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
