"""The README is true: every block of Python in it runs, every command it names exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from programs import OTHERS, run
from test_operations import called, operations, wrapped

from evermemos import EverMemOS
from evermemos.sandbox import Sandbox

pytestmark = [pytest.mark.socket, pytest.mark.process]

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_the_readme_runs(number: int, tmp_path: Path) -> None:
    """Each on its own, in a process with warnings as errors, against a server that knows group_123."""
    sandbox = Sandbox()
    with EverMemOS.sandbox(sandbox) as client:
        fields: dict[str, Any] = {"created_at": "2025-01-15T10:00:00Z", "scene": "assistant", "scene_desc": {}}
        client.v0.memories.conversation_meta.create(**fields)
        client.v1.memories.conversation_meta.create(version="1.0", name="Group", group_id="group_123", **fields)
    with sandbox.serve() as url:
        code = BLOCKS[number].replace("http://localhost:1995", url)
        having: tuple[str, ...] = OTHERS
        if code.startswith("def test_"):
            (tmp_path / "test_readme.py").write_text(code)
            # Its plugins are those that are installed, ours among them, but for one that takes a second.
            options = ["-W", "error", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
            code, having = f"import pytest, sys\nsys.exit(pytest.main({options}))", ("pytest",)
        environment = {"EVERMEMOS_BASE_URL": url, "EVERMEMOS_API_KEY": "key"}
        done = run(code, folder=tmp_path, environment=environment, having=having)
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    said = re.findall(r"print\(.*\)  # (.+)", BLOCKS[number])
    if said:
        assert done.stdout.splitlines() == said


def test_the_readme_has_blocks() -> None:
    assert len(BLOCKS) > 5


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()


def test_make_help_lists_every_target() -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z][a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"^  make ([a-z-]+)", printed, re.MULTILINE)) == sorted(targets)
    assert subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout == printed


def test_the_table_of_methods_has_them_all(spec: dict[str, Any]) -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `(\w+ [^`]+)`.*\|$", README, re.MULTILINE))
    paths = {name: f"{verb} {path}" for name, (verb, path, _) in operations(spec).items()}
    expected = {}
    for place, method in wrapped(EverMemOS(api_key="k")):
        (name,) = called(method) or called(getattr(method.__self__, "get"))  # type: ignore[attr-defined]  # noqa: B009
        expected[place] = paths[name]
    assert rows == expected


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
