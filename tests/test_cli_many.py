"""The command line with many records: plan, apply, export, undo, and all that can come in between."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import time
from typing import Any

import pytest
import yaml
from cli_tools import COMMAND, RECORD, Cli, Terminal

from evermemos import EverMemOS
from evermemos._cli._progress import PATIENCE
from evermemos.sandbox import Sandbox

pytestmark = [pytest.mark.socket, pytest.mark.process]

YAML = """\
- group_id: a
  name: A
  scene: group_chat
  version: "1.0"
  created_at: 2025-01-15T10:00:00+00:00
  tags: [x, y]
  user_details:
    u1: {full_name: Ann, role: user}
- {group_id: b, name: B, scene: assistant, version: "1.0", created_at: 2025-01-15T10:00:00+00:00}
"""


def records(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"group_id": f"g{number:05}", **RECORD, **fields} for number in range(count)]


def results(text: str) -> dict[str, str]:
    return {each["group_id"]: each["action"] for each in map(json.loads, text.splitlines())}


def journals(cli: Cli, name: str) -> list[str]:
    return sorted(path.name for path in cli.folder.glob(f"{name}*.journal"))


def test_plan_apply_export_and_undo_agree_about_a_file(cli: Cli) -> None:
    cli.file("c.yaml", YAML)
    assert results(cli.good("plan", "c.yaml", code=2)) == {"a": "create", "b": "create"}
    assert results(cli.good("apply", "c.yaml")) == {"a": "created", "b": "created"}
    assert results(cli.good("plan", "c.yaml")) == {"a": "unchanged", "b": "unchanged"}
    (first,) = journals(cli, "c.yaml")
    assert stat.S_IMODE((cli.folder / first).stat().st_mode) == 0o600
    assert not list(cli.folder.glob("*failed*"))

    cli.file("c.yaml", YAML.replace("[x, y]", "[x, z]"))
    (line,) = (json.loads(each) for each in cli.good("plan", "c.yaml", code=2).splitlines() if '"a"' in each)
    assert line["changes"] == [{"field": "tags", "before": ["x", "y"], "after": ["x", "z"]}]
    done = cli("apply", "c.yaml")
    assert "1 updated" in done.stderr
    (second,) = {*journals(cli, "c.yaml")} - {first}
    assert f"evermemos undo {second}" in done.stderr

    exported = cli.good("export", "--groups", "c.yaml", "-o", "yaml")
    assert [each["tags"] for each in yaml.safe_load_all(exported) if "tags" in each] == [["x", "z"]]
    cli.file("again.yaml", exported)
    assert set(results(cli.good("plan", "again.yaml")).values()) == {"unchanged"}

    assert results(cli.good("undo", second)) == {"a": "restored"}
    assert json.loads(cli.good("get", "a"))["tags"] == ["x", "y"]
    assert results(cli.good("undo", first)) == {"a": "kept", "b": "kept"}


def test_what_somebody_else_has_changed_is_not_undone_unless_that_is_wanted(cli: Cli) -> None:
    cli.file("c.jsonl", [{"group_id": "a", "tags": ["new"]}])
    cli.good("set", "a", "--name", "A", "--scene", "assistant", "--created-at", "now", "--tag", "old")
    cli.good("apply", "c.jsonl")
    cli.good("update", "a", "--tag", "other")
    (journal,) = journals(cli, "c.jsonl")
    done = cli("undo", journal)
    assert (done.returncode, "--force" in done.stderr) == (3, True)
    assert results(cli.good("undo", journal, "--force")) == {"a": "restored"}
    assert json.loads(cli.good("get", "a"))["tags"] == ["old"]


def test_ids_for_an_export_come_from_files_a_journal_or_stdin(cli: Cli) -> None:
    cli.file("c.yaml", YAML)
    cli.good("apply", "c.yaml")
    (journal,) = journals(cli, "c.yaml")
    cli.file("ids.txt", "a\n\nb\r\n")
    found = {
        cli.good("export", *each) for each in (["--groups", "ids.txt"], ["--groups", "c.yaml"], ["--journal", journal])
    }
    found.add(cli.good("export", "--groups", "-", input="a\nb"))
    assert {tuple(sorted(text.splitlines())) for text in found} == {tuple(sorted(found.pop().splitlines()))}
    done = cli("export", "--groups", "-", "--default", input="a\nnobody\n")
    assert done.returncode == 4
    assert "nobody: there is no record of its own" in done.stderr
    assert "(default record)" in done.stderr
    assert [json.loads(line)["group_id"] for line in done.stdout.splitlines()] == ["a"]
    cli.good("export", "--groups", "ids.txt", "--to", "out.yaml")
    assert len(list(yaml.safe_load_all((cli.folder / "out.yaml").read_text()))) == 2
    assert stat.S_IMODE((cli.folder / "out.yaml").stat().st_mode) == 0o600
    assert not list(cli.folder.glob("*.part"))
    cli.bad("export", code=64)
    cli.bad("export", "--groups", "ids.txt", "--journal", journal, code=64)
    cli.bad("export", "--groups", "ids.txt", "--to", "out.csv", code=64)
    assert "nowhere.txt: No such file" in cli("export", "--groups", "nowhere.txt").stderr


def test_records_that_fail_are_named_and_kept(cli: Cli) -> None:
    given = [*records(3), {"group_id": "short", "name": "N"}]
    cli.file("c.jsonl", given)
    done = cli("apply", "c.jsonl")
    assert done.returncode == 3
    assert "evermemos: short: " in done.stderr
    assert "1 failed" in done.stderr
    assert [json.loads(line) for line in (cli.folder / "c.jsonl.failed.jsonl").read_text().splitlines()] == [given[-1]]
    assert cli("plan", "c.jsonl").returncode == 3
    cli.file("c.jsonl.failed.jsonl", [{**given[-1], **RECORD}])
    cli.good("apply", "c.jsonl.failed.jsonl")
    many = cli.file("d.jsonl", [{"group_id": f"s{number}", "name": "N"} for number in range(40)])
    done = cli("plan", many)
    assert len(done.stderr.splitlines()) == 12
    assert "40 failed" in done.stderr
    done = cli("apply", many, "--max-failures", "2", "--concurrency", "1")
    assert (done.returncode, "max_failures is 2" in done.stderr) == (3, True)
    assert "goes on from there" in done.stderr


def test_quiet_leaves_results_and_errors(cli: Cli) -> None:
    cli.file("c.jsonl", [*records(2), {"group_id": "short"}])
    done = cli("apply", "c.jsonl", "-q")
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr.splitlines() == [line for line in done.stderr.splitlines() if "short" in line] != []
    assert cli("plan", "c.jsonl", "-q", "-o", "table").stdout == ""


def test_a_repeated_group_is_refused_unless_that_is_wanted(cli: Cli) -> None:
    cli.file("c.jsonl", [*records(1), {"group_id": "g00000", "tags": ["last"]}])
    assert "c.jsonl:2: group_id" in cli("apply", "c.jsonl").stderr
    cli.good("apply", "c.jsonl", "--repeated")
    assert json.loads(cli.good("get", "g00000"))["tags"] == ["last"]


# Files


def test_all_mistakes_of_a_file_are_said_with_their_lines_and_nothing_is_sent(cli: Cli, sandbox: Sandbox) -> None:
    cli.file("c.yaml", YAML.replace("[x, y]", "x").replace("role: user", "role: boss").replace("name: B,", "nmae: B,"))
    done = cli("apply", "c.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    head, *lines = done.stderr.splitlines()
    assert head == "evermemos: c.yaml: 3 mistakes, and nothing was sent"
    assert sorted(line.split(": ")[0] for line in lines) == ["c.yaml:6", "c.yaml:8", "c.yaml:9"]
    assert list(sandbox.requests) == []
    assert journals(cli, "c.yaml") == []


MALFORMED = {
    "empty.yaml": ("", 0, "nothing in"),
    "cut.yaml": ("- {group_id: a", 1, "not YAML"),
    "bytes.jsonl": ("\x00\x01", 1, "not JSON"),
    "list.jsonl": ("[]\n", 1, "a record is an object"),
    "long.jsonl": (f'{{"group_id": "a", "description": "{"x" * (17 << 20)}"}}\n', 1, "longer than"),
    "deep.jsonl": ("[" * 100_000, 1, "not JSON"),
    "laughs.yaml": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefg", "bcdefgh", strict=True)),
        1,
        "more than 100000 values",
    ),
    "no.csv": ("nmae\nx\n", 1, "no such field"),
    "what.txt": ("x", 1, "expected a name that ends in"),
    "steer.jsonl": ('{"group_id": "a", "\\u001b[2J": 1}\n', 1, "no such field"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_or_huge_file_is_one_clear_error(name: str, cli: Cli) -> None:
    text, code, words = MALFORMED[name]
    cli.file(name, text)
    done = cli("plan", name)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr[:1000]
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


def test_of_very_many_mistakes_the_first_are_said(cli: Cli) -> None:
    cli.file("c.jsonl", "x\n" * 50_000)
    lines = cli("plan", "c.jsonl").stderr.splitlines()
    assert (lines[0], len(lines), lines[-1]) == (
        "evermemos: c.jsonl: 50000 mistakes, and nothing was sent",
        102,
        "and 49900 more",
    )


@pytest.mark.parametrize("name", ["gone.yaml", "."])
def test_what_is_not_a_file_is_one_line_of_error(name: str, cli: Cli) -> None:
    cli.bad("plan", name)
    cli.bad("undo", name)


def test_a_file_that_changes_while_it_is_applied_is_not_applied_further(cli: Cli, sandbox: Sandbox) -> None:
    # It is read in blocks of 256 KB, and looked at again with the next one.
    cli.file("c.jsonl", records(600, description="d" * 1000))
    sandbox.fail("get_conversation_meta_v1", times=None, delay=0.01)
    with cli.start("apply", "c.jsonl", "--concurrency", "8") as process:
        assert process.stdout is not None
        process.stdout.readline()
        cli.file("c.jsonl", records(600, description="e" * 1000))
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "c.jsonl was changed after it was checked" in errors
    assert "Traceback" not in errors
    sandbox.recover()
    read = [json.loads(line) for line in cli("export", "--journal", "c.jsonl.journal").stdout.splitlines()]
    assert read
    assert {each["description"][:1] for each in read} == {"d"}
    done = cli("apply", "c.jsonl")
    assert (done.returncode, "of another input" in done.stderr) == (1, True)
    assert set(results(cli.good("undo", "c.jsonl.journal")).values()) <= {"kept"}


# Interruptions


@pytest.mark.parametrize("way", ["Ctrl-C", "kill -9", "head"])
def test_an_apply_that_is_interrupted_goes_on_where_it_stopped(way: str, cli: Cli, sandbox: Sandbox) -> None:
    EverMemOS.sandbox(sandbox).v1.bulk.apply([{**records(1)[0], "group_id": None}]).finish()
    cli.file("c.jsonl", records(400))
    sandbox.fail("get_conversation_meta_v1", times=None, delay=0.05)
    with cli.start("apply", "c.jsonl", "--concurrency", "4") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = [process.stdout.readline() for _ in range(20)]
        if way == "head":
            process.stdout.close()
        else:
            process.send_signal(signal.SIGINT if way == "Ctrl-C" else signal.SIGKILL)
        errors = process.stderr.read()
        code = process.wait(60)
    assert code == {"Ctrl-C": 130, "kill -9": -9, "head": 141}[way]
    assert "Traceback" not in errors
    if way != "kill -9":
        assert "The same command goes on from there (journal: c.jsonl.journal)" in errors
    assert journals(cli, "c.jsonl") == ["c.jsonl.journal"]
    sandbox.recover()
    before = len(sandbox.requests)
    done = cli("apply", "c.jsonl")
    assert done.returncode == 0, done.stderr
    assert "Going on with c.jsonl.journal" in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert results(done.stdout) == {each["group_id"]: "created" for each in records(400)}
    # What was done is not asked for again, and only that.
    settled = {each["group_id"] for each in lines if each["attempts"] == 0}
    assert {json.loads(line)["group_id"] for line in first} <= settled or way == "kill -9"
    assert len(sandbox.requests) - before <= 2 * (400 - len(settled))
    creations = [each.body["group_id"] for each in sandbox.requests if each.method == "POST"]
    assert creations.pop(0) is None
    assert sorted(creations) == [each["group_id"] for each in records(400)]
    assert journals(cli, "c.jsonl") != ["c.jsonl.journal"]


def test_two_at_once_do_not_share_a_journal(cli: Cli, sandbox: Sandbox) -> None:
    cli.file("c.jsonl", records(200))
    sandbox.fail("get_conversation_meta_v1", times=None, delay=0.1)
    with cli.start("apply", "c.jsonl", "--concurrency", "2") as process:
        assert process.stdout is not None
        process.stdout.readline()
        done = cli("apply", "c.jsonl")
        assert (done.returncode, "another run has it open" in done.stderr) == (1, True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


# On a terminal


def test_a_plan_on_a_terminal_shows_what_changes(cli: Cli) -> None:
    cli.file("c.yaml", YAML)
    cli.good("apply", "c.yaml")
    cli.file(
        "c.yaml",
        YAML.replace("[x, y]", "[x, z]").replace("Ann", "Ann B.").replace("name: B", "description: New, name: B2")
        + YAML.splitlines()[-1].replace("group_id: b", "group_id: c"),
    )
    terminal = Terminal(cli, "plan", "c.yaml", "--concurrency", "1")
    assert terminal.wait() == 2
    lines = terminal.screen()
    assert lines[:5] == [
        "~ a  update",
        '    user_details  - {"u1": {"full_name": "Ann", "role": "user"}}',
        '                  + {"u1": {"full_name": "Ann B.", "role": "user"}}',
        "    tags          - y",
        "                  + z",
    ]
    assert [line for line in lines if line.startswith("    name") or "description" in line] == [
        "    name         - B  + B2",
        "    description  + New",
        "    name        + B",
    ]
    assert lines[-1].startswith("2 update, 1 create in ")
    assert "\x1b[31m- y\x1b[0m" in terminal.raw
    assert "\x1b[32m+ z\x1b[0m" in terminal.raw


def test_a_bar_shows_how_far_a_long_run_is_and_ctrl_c_ends_it(cli: Cli, sandbox: Sandbox) -> None:
    cli.file("c.jsonl", records(2000))
    sandbox.fail("get_conversation_meta_v1", times=3, status=503)
    sandbox.fail("get_conversation_meta_v1", times=None, delay=0.1)
    terminal = Terminal(cli, "apply", "c.jsonl", "--concurrency", "8")
    terminal.until("retried")
    # The screen is looked at whenever something was written, also in the middle of it.
    bar = re.compile(r"Applying ━+╸?━* +\d+/2000 \d+/s \d:\d\d:\d\d 0 failed 3 retried")
    terminal.until_screen(lambda lines: any(map(bar.match, lines[-2:])))
    terminal.interrupt()
    assert terminal.wait() == 130
    lines = terminal.screen()
    assert "evermemos: interrupted" in lines
    assert lines[-1] == "The same command goes on from there (journal: c.jsonl.journal)"
    assert not any("━" in line for line in lines), lines


def test_no_bar_where_nobody_sees_it(cli: Cli, sandbox: Sandbox) -> None:
    cli.file("c.jsonl", records(30))
    # Long enough for a bar, for each of the two.
    sandbox.fail("get_conversation_meta_v1", times=2, delay=PATIENCE + 0.2)
    plan = ("plan", "c.jsonl", "--concurrency", "1")
    for terminal in (Terminal(cli, *plan, environment={"TERM": "dumb"}), Terminal(cli, *plan, "--quiet")):
        assert terminal.wait() == 2
        assert "━" not in terminal.raw


@pytest.mark.terminal
def test_an_apply_in_tmux_shows_a_bar_and_ends_at_ctrl_c(cli: Cli, sandbox: Sandbox) -> None:
    cli.file("c.jsonl", records(2000))
    sandbox.fail("get_conversation_meta_v1", times=None, delay=0.1)
    line = " ".join(f"{name}='{cli.environment[name]}'" for name in ("EVERMEMOS_BASE_URL", "HOME"))
    tmux = ["tmux", "-L", f"evermemos-{time.time_ns()}", "-f", "/dev/null"]

    def run(*arguments: str) -> str:
        return subprocess.run([*tmux, *arguments], capture_output=True, text=True, check=True, timeout=30).stdout

    def until(text: str) -> str:
        for _ in range(150):
            if text in (screen := run("capture-pane", "-p")):
                return screen
            time.sleep(0.2)
        raise AssertionError(screen)

    command = " ".join([*COMMAND, "apply", "c.jsonl", "--concurrency", "8"])
    run("new-session", "-d", "-x", "100", "-y", "20", f"cd {cli.folder} && {line} {command}; echo code $?; sleep 60")
    try:
        assert "Applying" in until("retried")
        run("send-keys", "C-c")
        screen = until("code ")
        assert "code 130" in screen
        assert "The same command goes on from there (journal: c.jsonl.journal)" in screen
    finally:
        run("kill-server")
