"""`evermemos doctor`: each thing that goes wrong is named with its fix, and no report holds a secret."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_tools import RECORD, SECRET, Cli, Terminal
from conftest import ScriptedServer, http

from evermemos import EverMemOS
from evermemos.sandbox import Sandbox

pytestmark = [pytest.mark.socket, pytest.mark.process]

GROUP = "a-group-that-is-nobodys-business"
TEXT = "what somebody wrote"
DEFAULT: dict[str, Any] = {**RECORD, "scene_desc": {}, "description": TEXT}
Found = dict[str, tuple[str, str, str | None]]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sandbox, str]]:
    """A sandbox and its URL, for one test after the other: a server takes its time to stop."""
    with Sandbox() as sandbox, sandbox.serve() as url:
        yield sandbox, url


@pytest.fixture
def sandbox(served: tuple[Sandbox, str]) -> Sandbox:
    sandbox, _ = served
    sandbox.clear()
    return sandbox


@pytest.fixture
def cli(served: tuple[Sandbox, str], sandbox: Sandbox, tmp_path: Path) -> Cli:
    return Cli(served[1], tmp_path)


def examine(cli: Cli, code: int = 0, **environment: str) -> Found:
    """Run the doctor, and return what it finds: level, text and fix of each check. The worst one counts."""
    environment = {"EVERMEMOS_API_KEY": SECRET, **environment}
    done = cli("doctor", "--timeout", "2", **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    found: Found = {}
    order = ["problem", "warning", "note", "skipped", "ok"]
    for each in json.loads(done.stdout)["findings"]:
        level = each["level"]
        if each["check"] not in found or order.index(level) < order.index(found[each["check"]][0]):
            found[each["check"]] = (level, each["text"], each["fix"])
    assert all(fix for level, _, fix in found.values() if level in ("problem", "warning"))
    return found


def test_a_server_that_works_has_no_problem(cli: Cli, sandbox: Sandbox) -> None:
    meta = EverMemOS.sandbox(sandbox)
    meta.v1.memories.conversation_meta.create(**DEFAULT)
    meta.v0.memories.conversation_meta.create(created_at=RECORD["created_at"], scene="assistant", scene_desc={})
    found = examine(cli)
    levels = {check: level for check, (level, _, _) in found.items()}
    assert levels.pop("default v1") == "note"
    assert levels.pop("TLS") == "skipped"
    assert set(levels.values()) == {"ok"}
    assert levels.keys() >= {
        "variables",
        "URL",
        "key",
        "DNS",
        "TCP",
        "HTTP",
        "API v0",
        "API v1",
        "query v0",
        "query v1",
    }
    assert "127.0.0.1" in found["URL"][1]
    assert {each.method for each in list(sandbox.requests)[2:]} == {"GET"}


def test_without_a_default_record_it_says_how_to_make_one(cli: Cli) -> None:
    found = examine(cli)
    assert found["default v1"][:2] == ("note", "there is no default record (or the server is without its database)")
    assert "evermemos set --default" in (found["default v1"][2] or "")
    assert "--api v0" in (found["default v0"][2] or "")


SETTLED: dict[str, tuple[dict[str, str], int, str, str, str]] = {
    "a near miss of the key": ({"EVERMEMOS_TOKEN": SECRET}, 0, "variables", "warning", "EVERMEMOS_API_KEY"),
    "a near miss of the URL": ({"EVERMEMOS_URL": "x"}, 0, "variables", "warning", "EVERMEMOS_BASE_URL"),
    "two URLs": ({"EVER_MEM_OS_BASE_URL": "http://x"}, 0, "variables", "warning", "unset EVER_MEM_OS_BASE_URL"),
    "no URL": ({"EVERMEMOS_BASE_URL": f"api.evermind.ai/{SECRET}"}, 1, "URL", "problem", "https://api.evermind.ai"),
    "a user in the URL": ({"EVERMEMOS_BASE_URL": f"https://u:{SECRET}@x"}, 1, "URL", "problem", "expected"),
    "Bearer": ({"EVERMEMOS_API_KEY": f"Bearer {SECRET}"}, 0, "key", "warning", "without quotes"),
    "quotes": ({"EVERMEMOS_API_KEY": f'"{SECRET}"'}, 0, "key", "warning", "without quotes"),
    "a placeholder": ({"EVERMEMOS_API_KEY": "<api_key>"}, 0, "key", "warning", "without quotes"),
    "a short key": ({"EVERMEMOS_API_KEY": "abc"}, 0, "key", "warning", "copy it again"),
    "a space": ({"EVERMEMOS_API_KEY": f"{SECRET} "}, 0, "key", "problem", "without spaces"),
}


@pytest.mark.parametrize("case", SETTLED)
def test_what_is_wrong_before_anything_is_sent(case: str, cli: Cli) -> None:
    environment, code, check, level, words = SETTLED[case]
    if level == "problem":
        code = 1
    found = examine(cli, code, **environment)
    assert found[check][0] == level
    assert words in (found[check][2] or "")
    assert SECRET not in str(found)


def test_no_key_for_the_hosted_product(tmp_path: Path) -> None:
    # The proxy is one that does not answer, so that nothing leaves the machine.
    cli = Cli(None, tmp_path)
    found = examine(cli, 1, EVERMEMOS_API_KEY="", HTTPS_PROXY="http://user:password@127.0.0.1:9")
    assert found["key"][:2] == ("problem", "there is none, and the hosted product needs one")
    assert found["proxy"][1] == "requests go through 127.0.0.1:9"
    assert "password" not in str(found)


def test_a_profile_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / ".config/evermemos/profiles.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[default]\n")
    path.chmod(0o644)
    found = examine(Cli(None, tmp_path), 1, EVERMEMOS_API_KEY="")
    assert "chmod 600" in found["profile"][1]
    assert str(tmp_path) not in str(found)


def test_a_name_that_is_not_known(tmp_path: Path) -> None:
    found = examine(Cli("http://no-such-host.invalid", tmp_path), 1)
    assert found["DNS"][0] == "problem"
    assert found["URL"][0] == "warning"
    assert "TCP" not in found


def test_a_closed_port_is_a_problem_of_tcp(tmp_path: Path) -> None:
    found = examine(Cli("http://127.0.0.1:9", tmp_path), 1)
    assert found["DNS"][0] == "ok"
    assert found["TCP"][:2] == ("problem", "127.0.0.1 port 9: Connection refused")
    assert "HTTP" not in found


def test_a_port_that_does_not_speak_tls(cli: Cli) -> None:
    url = cli.environment["EVERMEMOS_BASE_URL"].replace("http:", "https:")
    found = examine(cli, 1, EVERMEMOS_BASE_URL=url)
    assert found["TLS"][0] == "problem"
    assert "use http" in (found["TLS"][2] or "")


@pytest.fixture(params=[("localhost", 300), ("localhost", 5), ("localhost", -1), ("elsewhere", 300)])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int, int, Path]]:
    """A port that speaks TLS, and no more, with a certificate for a name and so many days."""
    name, days = request.param
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "names").write_text(f"subjectAltName=DNS:{name}")
    for command in (
        ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.csr", "-subj", f"/CN={name}"],
        ["x509", "-req", "-in", "c.csr", "-signkey", "k.pem", "-days", str(days), "-extfile", "names", "-out", "c.pem"],
    ):
        subprocess.run([openssl, *command], cwd=tmp_path, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                    with line, context.wrap_socket(line, server_side=True) as encrypted:
                        encrypted.recv(1)
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield name, days, listener.getsockname()[1], tmp_path / "c.pem"
        listener.shutdown(socket.SHUT_RDWR)


def test_a_certificate_that_is_not_trusted_is_a_problem_with_its_fix(
    tls: tuple[str, int, int, Path], tmp_path: Path
) -> None:
    name, days, port, certificate = tls
    cli = Cli(f"https://localhost:{port}", tmp_path)
    found = examine(cli, 1)
    assert found["TLS"][0] == "problem"
    if days > 0:
        assert "SSL_CERT_FILE" in (found["TLS"][2] or "")
    found = examine(cli, 1, SSL_CERT_FILE=str(certificate))
    level, text, fix = found["TLS"]
    if name != "localhost":
        assert (level, "the name that the certificate was made for" in (fix or "")) == ("problem", True)
    elif days < 0:
        assert (level, "has expired" in text, "renew" in (fix or "")) == ("problem", True, True)
    elif days < 21:
        assert (level, text) == ("warning", f"the certificate ends in {days - 1} days")
    else:
        assert (level, f"{days - 1} days" in text) == ("ok", True)


def test_a_key_that_is_refused_is_a_problem(tmp_path: Path) -> None:
    with Sandbox(api_key="the-key-that-is-right").serve() as url:
        found = examine(Cli(url, tmp_path), 1)
    assert {found[f"API {version}"][1] for version in ("v0", "v1")} == {"refuses the key, or that there is none (401)"}
    assert "query v1" not in found


def test_one_version_is_enough(tmp_path: Path) -> None:
    # Without a key, v0 refuses and v1 does not.
    with Sandbox(require_key=True).serve() as url:
        found = examine(Cli(url, tmp_path), EVERMEMOS_API_KEY="")
    assert (found["API v0"][0], found["API v1"][0]) == ("warning", "ok")


def test_a_server_of_another_kind_is_told_from_one_that_fails(serve: Any, tmp_path: Path) -> None:
    server: ScriptedServer = serve(http(b"<html>Log in</html>"))
    found = examine(Cli(server.url, tmp_path), 1)
    assert found["API v1"][:2] == ("problem", "answers with what is not of this API")
    server = serve(http({"detail": "Not Found"}, "404 Not Found"))
    found = examine(Cli(server.url, tmp_path), 1)
    assert found["API v1"][:2] == ("note", "is not served here")
    assert found["API"][0] == "problem"
    server = serve(http({"status": "failed", "message": TEXT}, "500 Internal Server Error"))
    found = examine(Cli(server.url, tmp_path), 1)
    assert found["API v1"][1] == "fails with status 500"
    assert TEXT not in str(found)
    found = examine(Cli(serve(lambda line: line.close()).url, tmp_path), 1)
    assert found["HTTP"][0] == "problem"


@pytest.mark.parametrize("has_default", [False, True])
def test_parameters_that_do_not_arrive_are_noticed(has_default: bool, sandbox: Sandbox, tmp_path: Path) -> None:
    """In between stands something that takes the query away."""
    if has_default:
        EverMemOS.sandbox(sandbox).v1.memories.conversation_meta.create(**DEFAULT)
    with sandbox.serve() as url, Stripping(url) as stripped:
        found = examine(Cli(stripped, tmp_path), 1)
        assert {found[f"query {version}"][0] for version in ("v0", "v1")} == {"problem"}
        assert "do not arrive" in found["query v1"][1]
        found = examine(Cli(url, tmp_path))
        assert {found[f"query {version}"][0] for version in ("v0", "v1")} == {"ok"}


class Stripping:
    """Passes requests on without their query."""

    def __init__(self, url: str) -> None:
        self._target = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        threading.Thread(target=self._accept, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(line,), daemon=True).start()

    def _pass_on(self, line: socket.socket) -> None:
        with line, socket.create_connection(self._target) as target:
            while data := line.recv(65536):
                target.sendall(re.sub(rb"^(GET [^ ?]+)\?\S*", rb"\1", data))
                line.sendall(target.recv(65536))


def test_a_report_holds_nothing_that_is_nobodys_business(cli: Cli, sandbox: Sandbox) -> None:
    EverMemOS.sandbox(sandbox).v1.memories.conversation_meta.create(**DEFAULT)
    EverMemOS.sandbox(sandbox).v1.memories.conversation_meta.create(**DEFAULT, group_id=GROUP)
    url = cli.environment["EVERMEMOS_BASE_URL"]
    for environment in ({}, {"EVERMEMOS_TOKEN": SECRET}, {"EVERMEMOS_BASE_URL": f"{url}/{SECRET}"}):
        done = cli("doctor", "--report", **{"EVERMEMOS_API_KEY": SECRET, **environment})
        assert done.stderr == ""
        text = done.stdout
        assert text.startswith("```\nevermemos-client: ")
        assert text.endswith("```\n")
        assert "127.0.0.1" in text
        assert "[ok] DNS" in text
        for secret in (SECRET, GROUP, TEXT, RECORD["name"], str(cli.folder)):
            assert secret not in text


def test_a_terminal_gets_a_line_a_finding(cli: Cli) -> None:
    cli.environment["EVERMEMOS_URL"] = "x"
    terminal = Terminal(cli, "doctor")
    assert terminal.wait() == 0
    lines = terminal.screen()
    assert lines[0] == "warning  variables   EVERMEMOS_URL is set and means nothing"
    assert lines[1] == "                     -> did you mean EVERMEMOS_BASE_URL?"
    assert "ok       API v1      answers" in lines
    quiet = Terminal(cli, "doctor", "-q")
    assert quiet.wait() == 0
    assert [line.split()[0] for line in quiet.screen()] == ["warning", "->"]


def test_a_sandbox_in_this_process_needs_no_network(tmp_path: Path) -> None:
    found = examine(Cli("sandbox://memory", tmp_path))
    assert (found["network"][0], found["API v1"][0]) == ("skipped", "ok")
