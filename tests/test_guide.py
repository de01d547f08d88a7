"""docs/guide.md is true: its commands do what it says, and its programs run, against a sandbox that is served."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_tools import Cli
from conftest import ROOT
from programs import OTHERS, run

import evermemos._cli
from evermemos.sandbox import Sandbox

pytestmark = [pytest.mark.socket, pytest.mark.process]

GUIDE = (ROOT / "docs/guide.md").read_text()
README = (ROOT / "README.md").read_text()


def blocks(kind: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, and the last lines that the guide has of their output."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """A folder with the file of the guide, and `evermemos` on the way."""
    (text,) = blocks("yaml")
    (tmp_path / "conversations.yaml").write_text(text)
    with Sandbox().serve() as url:
        cli = Cli(url, tmp_path)
        cli.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        yield cli


def execute(cli: Cli, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command: in a shell if it needs one, in this process if it does not."""
    name, *arguments = shlex.split(command)
    if name == "evermemos" and not set(command) & set("|&;<>*$"):
        return cli(*arguments)
    return subprocess.run(
        ["bash", "-c", command], cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=False
    )


def test_the_commands_of_the_guide_do_what_it_says(cli: Cli) -> None:
    said = [each for block in blocks("console") for each in commands(block)]
    assert len(said) >= 9
    for command, lines in said:
        done = execute(cli, command)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), f"{command}\n{done.stderr}"
        assert done.stdout.splitlines()[-len(lines) :][: len(lines)] == lines
    assert (cli.folder / "backup.yaml").exists()


def test_the_commands_of_the_readme_run(cli: Cli) -> None:
    (block,) = [each for each in blocks("console", README) if "evermemos apply" in each]
    assert len(commands(block)) == 3
    for command, _ in commands(block):
        done = execute(cli, command)
        assert (done.returncode, "Traceback" in done.stderr) == (2 if " plan " in command else 0, False), done.stderr


def test_the_profiles_of_the_guide_work(cli: Cli) -> None:
    (text,) = blocks("toml")
    assert set(tomllib.loads(text)) == {"default", "hosted"}
    path = cli.folder / ".config/evermemos/profiles.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("http://localhost:1995", cli.environment.pop("EVERMEMOS_BASE_URL")))
    path.chmod(0o600)
    cli.good("exists", "group_123", code=4)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_programs_of_the_guide_run(number: int, cli: Cli) -> None:
    if number:
        cli.good("apply", "conversations.yaml")
    code = blocks("python")[number].replace("http://localhost:1995", cli.environment["EVERMEMOS_BASE_URL"])
    done = run(code, folder=cli.folder, having=OTHERS)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == set(re.findall(r"print\(.*\)  # (.+)", code))


def test_its_exit_codes_are_those_of_the_code() -> None:
    rows = [int(number) for number in re.findall(r"^\| (\d+) \|", GUIDE, re.MULTILINE)]
    names = ("DONE", "FAILED", "TO_DO", "SOME_FAILED", "NO_RECORD", "USAGE", "INTERRUPTED", "NO_READER")
    assert rows == [getattr(evermemos._cli, name) for name in names]


def test_the_options_that_the_guide_names_exist(cli: Cli) -> None:
    names = ("get", "set", "update", "exists", "plan", "apply", "export", "undo", "doctor")
    known = "".join(cli.good(*each, "--help") for each in ([], *([name] for name in names)))
    assert {option for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", GUIDE) if option not in known} == set()
