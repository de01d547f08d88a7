"""The command line: single records, forms of output, profiles, errors, and what it loads."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_tools import SECRET, Cli, Terminal
from conftest import ScriptedServer, http
from programs import OTHERS, run

from evermemos.sandbox import Sandbox

pytestmark = [pytest.mark.socket, pytest.mark.process]

SET = ["--name", "Team", "--scene", "group_chat", "--created-at", "2025-01-15T10:00:00+00:00"]


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


# Single records


def test_a_record_is_created_read_changed_and_replaced(cli: Cli) -> None:
    cli.good("exists", "g", code=4)
    made = json.loads(cli.good("set", "g", *SET, "--tag", "a", "--tag", "b", "--scene-desc", '{"type": "x"}'))
    assert (made["action"], made["group_id"], made["tags"]) == ("created", "g", ["a", "b"])
    assert json.loads(cli.good("exists", "g")) == {"exists": True}
    updated = json.loads(cli.good("update", "g", "--description", "Planning", "--clear", "tags", "--verify"))
    assert sorted(updated["updated_fields"]) == ["description", "tags"]
    read = json.loads(cli.good("get", "g"))
    assert (read["description"], read["tags"], read["scene_desc"]) == ("Planning", [], {"type": "x"})
    replaced = json.loads(cli.good("set", "g", *SET))
    assert (replaced["action"], replaced["description"]) == ("replaced", None)


def test_no_command_reaches_the_default_record_by_accident(cli: Cli) -> None:
    cli.good("set", "--default", *SET)
    assert "no record of its own" in cli.bad("update", "g", "--description", "x", code=4)
    assert "no record of its own" in cli.bad("get", "g", code=4)
    cli.good("exists", "g", code=4)
    for command in (["get"], ["exists"], ["update", "--description", "x"], ["set", *SET]):
        assert "--default" in cli.bad(*command, code=64)
    assert "--default" in cli.bad("get", "g", "--default", code=64)
    assert json.loads(cli.good("get", "--default"))["description"] is None
    cli.good("set", "g", *SET, "--description", "own")
    cli.good("update", "--default", "--default-timezone", "Europe/Paris")
    found = json.loads(cli.good("get", "g", "--effective"))
    assert found["description"] == {"value": "own", "source": "group"}
    assert found["default_timezone"] == {"value": "Europe/Paris", "source": "default"}


def test_v0_has_a_default_record_and_where_the_server_has_them_groups(cli: Cli) -> None:
    key: dict[str, Any] = {"EVERMEMOS_API_KEY": "any-key"}
    cli.good("exists", "--api", "v0", code=4, **key)
    made = cli.good("set", "--api", "v0", "--scene", "assistant", "--created-at", "now", **key)
    assert json.loads(made)["action"] == "created"
    setting = {"boundary": {"provider": "openrouter", "model": "m"}}
    cli.good("update", "--api=v0", "--llm-custom-setting", "@-", input=json.dumps(setting), **key)
    assert json.loads(cli.good("get", "--api", "v0", **key))["llm_custom_setting"]["boundary"]["model"] == "m"
    cli.good("exists", "g", "--api", "v0", code=4, **key)
    made = cli.good("set", "g", "--api", "v0", "--name", "G", "--created-at", "now", "--tag", "a", **key)
    assert (json.loads(made)["action"], json.loads(made)["group_id"]) == ("created", "g")
    assert json.loads(cli.good("update", "g", "--api", "v0", "--name", "H", **key))["updated_fields"] == ["name"]
    assert json.loads(cli.good("get", "--api", "v0", "--default", **key))["name"] is None
    assert "--scene: v0 has no" in cli.bad("set", "g", "--api", "v0", "--scene", "assistant", code=64, **key)
    cli.good("update", "--api", "v0", "--clear", "llm-custom-setting", "--verify", **key)
    assert "boundary" not in (json.loads(cli.good("get", "--api", "v0", **key))["llm_custom_setting"] or {})
    assert "--default" in cli.bad("get", "g", "--default", "--api", "v0", code=64, **key)
    assert "--name: v0 has no such field" in cli.bad("update", "--api", "v0", "--name", "x", code=64, **key)
    cli.file("a.jsonl", [])
    assert "--api v1" in cli.bad("plan", "a.jsonl", "--api", "v0", code=64, **key)


WRONG = {
    "no such command": (["gett"], "get"),
    "no such option": (["get", "--efective"], "--effective"),
    "no field": (["update", "g"], "--description TEXT"),
    "a field missing": (["set", "g", "--name", "x"], "--created-at, --scene"),
    "no JSON": (["update", "g", "--scene-desc", "{'a': 1}"], "expected an object"),
    "no object": (["update", "g", "--user-details", "[]"], "expected an object"),
    "no file": (["update", "g", "--user-details", "@nowhere.json"], "nowhere.json: No such file"),
    "a wrong time zone": (["update", "g", "--default-timezone", "Mars/Base"], "default_timezone"),
    "a wrong scene": (["set", "g", *SET, "--scene", "chat"], "'group_chat'"),
    "a time without a zone": (["set", "g", *SET, "--created-at", "2025-01-01T00:00:00"], "created_at"),
    "a misspelt field": (["update", "g", "--user-details", '{"u": {"fullname": "A"}}'], "full_name"),
    "no field to clear": (["update", "g", "--clear", "name"], "default_timezone"),
    "cleared and given": (["update", "g", "--clear", "tags", "--tag", "a"], "leave out one"),
    "a blank group": (["get", " "], "group_id"),
    "no version of the API": (["get", "g", "--api", "v2"], "'v0'"),
    "two servers": (["get", "g", "--base-url", "http://localhost", "--profile", "a"], "exclude each other"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_said_in_one_line_and_nothing_is_sent(case: str, cli: Cli, sandbox: Sandbox) -> None:
    arguments, words = WRONG[case]
    assert words in cli.bad(*arguments, code=64)
    assert list(sandbox.requests) == []


AGREED = {
    "a record": ["get", "g"],
    "a change": ["update", "g", "--scene-desc", "@-"],
    "no record": ["get", "nobody"],
    "wrong usage": ["get", "--efective"],
    "a file": ["plan", "c.jsonl", "-o", "table"],
}


def test_a_command_in_a_process_of_its_own_does_what_it_does_in_this_one(cli: Cli) -> None:
    cli.good("set", "g", *SET)
    cli.file("c.jsonl", [{"group_id": "g", "tags": ["a"]}])
    codes = set()
    for name, arguments in AGREED.items():
        here, there = (call(*arguments, input='{"type": "x"}') for call in (cli, cli.run))
        assert (here.returncode, here.stdout) == (there.returncode, there.stdout), name
        # A summary says how long it took.
        assert re.sub(r"in \S+ s$", "", here.stderr, flags=re.M) == re.sub(
            r"in \S+ s$", "", there.stderr, flags=re.M
        ), name
        codes.add(here.returncode)
    assert codes == {0, 2, 4, 64}


# Output


def test_each_form_of_output_has_the_same_values(cli: Cli) -> None:
    cli.good("set", "g", *SET, "--user-details", '{"u": {"full_name": "Ann"}}')
    as_json = json.loads(cli.good("get", "g", "-o", "json"))
    assert as_json == json.loads(cli.good("get", "g"))
    assert yaml.safe_load(cli.good("get", "g", "-o", "yaml")) == as_json
    table = cli.good("get", "g", "--output", "table").splitlines()
    assert "name                     Team" in table
    assert 'user_details             u: {"full_name": "Ann"}' in table


def test_a_terminal_gets_a_table_and_colours_and_a_pipe_does_not(cli: Cli) -> None:
    cli.good("set", "g", *SET)
    begun = [
        (Terminal(cli, "get", "g", environment=environment), colour)
        for environment, colour in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False))
    ]
    for terminal, colour in begun:
        assert terminal.wait() == 0
        assert any(re.match(r"scene +group_chat$", line) for line in terminal.screen())
        assert ("\x1b[" in terminal.raw) is colour
    assert "\x1b" not in cli.good("get", "g", "-o", "table")


def test_what_people_wrote_does_not_steer_the_terminal(cli: Cli) -> None:
    evil = "a\x1b[2J\x9b31m\u202e\nb"
    cli.good("set", "g", *SET[2:], "--name", evil)
    environment = {"NO_COLOR": "1"}
    for terminal in [
        Terminal(cli, "get", "g", "-o", form, environment=environment) for form in ("table", "json", "yaml")
    ]:
        assert terminal.wait() == 0
        assert not {"\x1b", "\x9b", "\u202e"} & {*terminal.raw}
    assert json.loads(cli.good("get", "g"))["name"] == evil


def test_whoever_stops_reading_gets_no_complaint(cli: Cli) -> None:
    for command in (["get", "g"], ["--help"]):
        cli.good("set", "g", *SET)
        with cli.start(*command) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert (process.wait(30), process.stderr.read()) == (141 if command == ["get", "g"] else 1, "")


# Errors


def test_a_server_that_cannot_be_reached_is_a_hint_at_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    cli = Cli("http://127.0.0.1:9", tmp_path)
    assert "evermemos doctor" in cli.bad("get", "g")
    assert "evermemos doctor" in cli.bad("get", "g", "--base-url", "http://no-such-host.invalid")


def test_a_wrong_key_is_refused_and_never_shown(tmp_path: Path) -> None:
    with Sandbox(api_key="the-key-that-is-right").serve() as url:
        cli = Cli(url, tmp_path)
        for command in (["get", "g"], ["update", "g", "--tag", "a"], ["get", "g", "--debug"]):
            done = cli(*command, EVERMEMOS_API_KEY=SECRET)
            assert done.returncode == 1
            assert "401 Unauthorized" in done.stderr
            assert "check EVERMEMOS_API_KEY or the profile" in done.stderr
            assert SECRET not in done.stdout + done.stderr


def test_debug_shows_where_an_error_comes_from(cli: Cli) -> None:
    done = cli("get", "g", "--debug")
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("evermemos: GET /api/v1/memories/conversation-meta: 404")


@pytest.mark.parametrize(("body", "words"), [(b"<html>\x1b[2J</html>", "evermemos: "), (b"", "evermemos: ")])
def test_answers_of_another_program_are_one_line_of_error(body: bytes, words: str, serve: Any, tmp_path: Path) -> None:
    server: ScriptedServer = serve(http(body))
    assert words in Cli(server.url, tmp_path).bad("get", "g")


def test_variables_that_mean_nothing_are_pointed_out(cli: Cli) -> None:
    done = cli("exists", "g", EVERMEMOS_TOKEN=SECRET)
    assert (
        done.stderr
        == "evermemos: warning: EVERMEMOS_TOKEN is set and means nothing here: did you mean EVERMEMOS_API_KEY?\n"
    )


# Profiles


def profiles(cli: Cli, text: str, mode: int = 0o600, name: str = ".config/evermemos/profiles.toml") -> Path:
    path = cli.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_profile_brings_server_key_and_version(tmp_path: Path) -> None:
    with Sandbox(api_key=SECRET).serve() as url:
        cli = Cli(None, tmp_path)
        place = f'base_url = "{url}"\napi_key = "{SECRET}"\n'
        text = f'[default]\n{place}[old]\n{place}api = "v0"\n'
        profiles(cli, text)
        cli.good("set", "g", *SET)
        cli.good("get", "g")
        # The group has a record on v1.
        cli.good("exists", "g", "--profile", "old", code=4)
        other = profiles(cli, text, name="elsewhere/p.toml")
        cli.good("get", "g", "--profile-file", str(other))
        # A profile that is named counts more than the environment.
        cli.good(
            "get", "g", "--profile", "default", EVERMEMOS_API_KEY="wrong-key", EVERMEMOS_BASE_URL="http://127.0.0.1:9"
        )
        # One that is not named counts less, and its key does not go to another server.
        with Sandbox().serve() as elsewhere:
            cli.bad("get", "g", code=4, EVERMEMOS_BASE_URL=elsewhere)


def test_the_key_of_a_profile_goes_to_its_own_server_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    cli = Cli(None, tmp_path)
    profiles(cli, f'[default]\napi_key = "{SECRET}"\n')
    with Sandbox() as sandbox, sandbox.serve() as url:
        cli.bad("get", "g", code=4, EVERMEMOS_BASE_URL=url)
        cli.bad("get", "g", "--base-url", url, code=4)
        assert [dict(each.headers).get("authorization") for each in sandbox.requests] == [None, None]
        # Named, it is for the hosted product, whatever the environment says. The proxy keeps this from getting there.
        cli.bad("get", "g", "--profile", "default", EVERMEMOS_BASE_URL=url, HTTPS_PROXY="http://127.0.0.1:9")
        assert len(sandbox.requests) == 2


BROKEN = {
    "others can read it": ("[default]\n", 0o644, "chmod 600"),
    "the group can read it": ("[default]\n", 0o640, "mode 640"),
    "no TOML": (f'[default\napi_key = "{SECRET}"', 0o600, "not TOML"),
    "a field that is not known": (f'[default]\napikey = "{SECRET}"', 0o600, "base_url, api_key, api"),
    "a field that is no text": ("[default]\napi_key = 5", 0o600, "a text"),
    "no table": ("default = 5", 0o600, "[default]"),
    "a version that is not known": ('[default]\napi = "v2"', 0o600, "'v0' or 'v1'"),
    "a key that cannot be one": (f'[default]\napi_key = "{SECRET}\\n"', 0o600, "line break"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_profile_that_is_wrong_is_refused_with_the_fix(case: str, tmp_path: Path) -> None:
    text, mode, words = BROKEN[case]
    cli = Cli(None, tmp_path)
    profiles(cli, text, mode)
    line = cli.bad("get", "g")
    assert words in line
    assert SECRET not in line


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    cli = Cli(None, tmp_path)
    assert "No such file" in cli.bad("get", "g", "--profile", "a")
    profiles(cli, "[b]\n")
    assert "expected one of those there (b)" in cli.bad("get", "g", "--profile", "a")


def test_no_option_takes_a_key(cli: Cli) -> None:
    # That of the sandbox is not one to be sent: it is what the sandbox asks for.
    for command in ("get", "set", "update", "exists", "plan", "apply", "export", "undo", "doctor"):
        assert not re.search(r"--\S*(key|token)", cli.good(command, "--help"))


# Help, completion, extras


def test_help_names_commands_and_exit_codes(cli: Cli) -> None:
    text = cli.good("--help")
    assert cli.good("-h") == text
    for name in ("get", "set", "update", "exists", "plan", "apply", "export", "undo", "sandbox", "doctor"):
        assert re.search(rf"^  {name} ", text, re.MULTILINE)
    assert "64 wrong usage" in " ".join(text.split())


def test_shells_can_complete(cli: Cli) -> None:
    script = cli.good("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_EVERMEMOS_COMPLETE=complete_bash" in script
    for words, expected in (("evermemos ex", {"exists", "export"}), ("evermemos plan --max", {"--max-failures"})):
        environment: dict[str, Any] = {
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
            "_EVERMEMOS_COMPLETE": "complete_bash",
        }
        assert {*cli.good(**environment).split()} == expected


def without(*extras: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command line as where some packages are not installed."""
    program = (
        f"import sys\nfor each in {extras}: sys.modules[each] = None\nfrom evermemos._cli import main\nsys.exit(main())"
    )
    return run(program, *arguments)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["get", "g"], ["plan", "a.yaml"]])
def test_without_the_extra_it_is_named(arguments: list[str]) -> None:
    done = without("typer", "rich", arguments=arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "pip install 'evermemos-client[cli]'" in done.stderr


def test_without_the_extra_the_sandbox_and_the_version_are_there() -> None:
    assert "--strict" in without("typer", "rich", "yaml", arguments=["sandbox", "--help"]).stdout
    assert without("typer", "rich", arguments=["--version"]).stdout.startswith("evermemos-client ")


def test_without_pyyaml_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("group_id: a\n")
    done = without("yaml", arguments=["plan", str(tmp_path / "a.yaml"), "--base-url", "sandbox://memory"])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "pip install 'evermemos-client[" in done.stderr


def loaded(*arguments: str) -> set[str]:
    """The modules that a command loads."""
    done = run(
        "import sys\nfrom evermemos._cli import main\nmain()\nprint(*sys.modules, file=sys.stderr, sep='\\n')",
        *arguments,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_help_loads_nothing_that_only_a_command_needs() -> None:
    modules = loaded("--help")
    unwanted = ("httpx", "httpcore", "asyncio", "ssl", "rich", "yaml", "attr", "sqlite3", "uvicorn", "tomllib")
    names = {name for name in modules if name.startswith(("evermemos.bulk", "evermemos._sync", "evermemos_api.models"))}
    assert {*unwanted} & {name.split(".")[0] for name in modules} == set()
    assert names == set()
    # 172 when this was written, on Python 3.11.
    assert len(modules) < 200


def test_the_library_loads_nothing_of_the_command_line() -> None:
    program = """
import sys
from evermemos import EverMemOS
with EverMemOS.sandbox() as client:
    client.v1.conversation("g").exists()
    client.v1.bulk.plan([{"group_id": "g"}]).finish()
print(*sys.modules)
"""
    done = run(program, having=OTHERS)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\b(typer|evermemos\._cli)\b", done.stdout)
