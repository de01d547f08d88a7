"""Drop-in for users of the official SDK: docs/migrating.md has all of its names, and says of each what is true."""

from __future__ import annotations

import fcntl
import fnmatch
import functools
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from conftest import ROOT
from programs import OTHERS, run

from evermemos import EverMemOS
from evermemos.sandbox import Sandbox

pytestmark = pytest.mark.process

sys.path.insert(0, str(ROOT / "benchmarks"))
rig = importlib.import_module("rig")

GUIDE = (ROOT / "docs/migrating.md").read_text()
SAME_NAME = ("same", "better typed", "changed")
FLAVOURS = ("sync", "async")
Surface = dict[str, dict[str, dict[str, Any]]]


class Row(NamedTuple):
    """What a name of the official SDK is here. None is nothing."""

    here: str | None
    how: str
    why: str


def prepared() -> str:
    """The Python of an environment that has the official SDK. Made once; its import name is ours, so it is apart."""
    try:
        # Tests that run beside each other would make it at once.
        with (ROOT / "benchmarks/requirements.txt").open() as pins:
            fcntl.flock(pins, fcntl.LOCK_EX)
            rig.make(".venv-official", ["evermemos"])
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"no environment with the official SDK, which pip gets from a package index: {error}"
        pytest.fail(reason, pytrace=False)
    return str(rig.python(".venv-official"))


@pytest.fixture(scope="session")
def official_python() -> str:
    # Before a test runs, for which the variables of the machine are gone that pip may need.
    return prepared()


def surface(python: str) -> Surface:
    command = [python, "-I", str(ROOT / "tests/surface.py")]
    done = subprocess.run(command, env=rig.ENV, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Surface = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def official(official_python: str) -> Surface:
    return surface(official_python)


@pytest.fixture(scope="session")
def ours() -> Surface:
    return surface(sys.executable)


@pytest.fixture(scope="session")
def before(official: Surface, ours: Surface) -> list[str]:
    """What is wrong before a test breaks something."""
    return problems(official, ours, table(GUIDE))


def table(text: str) -> dict[str, Row]:
    """Read the rows, by the official name, which `async ` may stand before. Headings have the beginnings of names."""
    rows: dict[str, Row] = {}
    begins = ("", "")
    for line in text.splitlines():
        if line.startswith("#"):
            codes = re.findall(r"`([^`]+)`", line) or [""]
            begins = codes[0], codes[-1]
        elif line.startswith(("| `", "| async `")):
            match = re.fullmatch(r"\| (async )?`([^`]+)` \| (?:`([^`]+)`|-) \| ([a-z ]+) \| (.*?) ?\|", line)
            assert match, f"not a row of four cells: {line}"
            name = (match[1] or "") + joined(begins[0], match[2])
            assert name not in rows, f"{name} has two rows"
            rows[name] = Row(match[3] and joined(begins[1], match[3]), match[4], match[5])
    return rows


def joined(begin: str, end: str) -> str:
    if end.endswith("=") and begin:
        return f"{begin}({end})"
    return begin + end if end.startswith(".") else end


class Comparison:
    """The official SDK, the table and us, as one of the two clients has it."""

    def __init__(self, official: Surface, ours: Surface, rows: dict[str, Row], flavour: str) -> None:
        self.official = official["names"] | official[flavour]
        self.ours = ours["names"] | ours[flavour]
        self.rows = rows
        self.stars = [name for name in rows if "*" in name]
        self.prefix = "async " if flavour == "async" else ""
        self.used: set[str] = set()
        # Each name is asked for by all that belongs to it.
        self.row = functools.cache(self.find_row)
        self.is_left_out = functools.cache(self.belongs_to_what_is_left_out)

    def find_row(self, name: str) -> Row | None:
        """The row that is for a name: its own one for this client, its own one, or one with a star in it."""
        stars = (star for star in self.stars if fnmatch.fnmatchcase(name, star))
        key = next((key for key in (self.prefix + name, name, *stars) if key in self.rows), None)
        self.used |= {key or ""}
        row = self.rows.get(key or "")
        return row._replace(here=self.expected(name)) if row and row.here and "*" in row.here else row

    def split(self, name: str) -> tuple[str, str]:
        """Split a name into what it belongs to, if anything, and the last part."""
        if match := re.fullmatch(r"(.*?)(\(\w+=\))", name):
            method = f"{match[1]}()"
            return method if method in self.official else match[1], match[2]
        owner, dot, last = name.rpartition(".")
        return owner, dot + last

    def expected(self, name: str) -> str:
        """What a name is here if it is renamed only as far as what it belongs to is."""
        owner, last = self.split(name)
        return (self.here(owner).removesuffix("()") if owner else "") + last

    def here(self, name: str) -> str:
        row = self.row(name)
        return row.here if row and row.here else self.expected(name)

    def belongs_to_what_is_left_out(self, name: str) -> bool:
        owner, _ = self.split(name)
        row = self.row(owner)
        return bool(owner) and ((row is not None and row.here is None) or self.is_left_out(owner))

    def is_lost(self, name: str) -> bool:
        """Whether a name is missing here, so that nothing needs to be said of what belongs to it."""
        return name in self.official and not self.is_left_out(name) and self.here(name) not in self.ours

    def problems(self) -> Iterator[str]:
        for name, entry in self.official.items():
            row, expected = self.row(name), self.expected(name)
            is_decided_elsewhere = self.is_left_out(name) or (expected != name and expected in self.official)
            if self.is_lost(self.split(name)[0]):
                continue
            if row is not None:
                yield from self.problems_of(name, entry, row)
            elif is_decided_elsewhere or entry.get("is_inherited"):
                continue
            elif expected not in self.ours:
                yield f"{name} is neither here, as {expected}, nor in the table"
            elif not entry.get("is_field") and not entry.get("is_raw"):
                yield f"{name} is here, and not in the table"

    def problems_of(self, name: str, entry: dict[str, Any], row: Row) -> Iterator[str]:
        expected = self.expected(name)
        if row.how not in (*SAME_NAME, "renamed", "not offered"):
            yield f"{name}: {row.how!r} is none of the words for it"
        if row.how != "same" and not row.why and not name.startswith("types"):
            yield f"{name}: the table does not say why it is {row.how}"
        if (row.how == "not offered") is not (row.here is None):
            yield f"{name} is {row.how}, and as {row.here} here"
        elif row.here is None:
            if expected in self.ours:
                yield f"{name} is not offered by the table, and is here, as {expected}"
        elif row.here not in self.ours:
            yield f"{name} is not here as {row.here}"
        elif (row.how in SAME_NAME) is not (row.here == expected):
            yield f"{name} is {row.how} by the table, and named {row.here} here"
        elif row.how == "same":
            yield from differences(name, entry, self.ours[row.here])


def differences(name: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Where a name is the same and what it stands for is not."""
    if ours.get("is_required") and not theirs["is_required"]:
        yield f"{name} is the same by the table, and must be given here"
    if theirs.get("takes_none") and not ours["takes_none"]:
        yield f"{name} is the same by the table, and takes no None here"
    if theirs.get("is_awaited", False) is not ours.get("is_awaited", False):
        yield f"{name} is the same by the table, and is not awaited alike"
    errors = {base for base in theirs.get("bases", ()) if base.endswith("Error")}
    if lacking := errors - set(ours.get("bases", ())):
        yield f"{name} is the same by the table, and no {', '.join(sorted(lacking))} here"


def problems(official: Surface, ours: Surface, rows: dict[str, Row]) -> list[str]:
    both = [Comparison(official, ours, rows, flavour) for flavour in FLAVOURS]
    found = dict.fromkeys(problem for each in both for problem in each.problems())
    stale = set(rows).difference(*(each.used for each in both))
    return [*found, *(f"{name} is in the table, and not in the official SDK" for name in sorted(stale))]


def test_every_name_of_the_official_sdk_is_here_or_in_the_table(before: list[str]) -> None:
    assert not before, "\n".join(["docs/migrating.md says otherwise:", *before])


META = "client.v0.memories.conversation_meta"
WALKED = {
    *("EverMemOS(api_key=)", "client.with_options(timeout=)", "client.v0.memories.add(content=)"),
    *("client.v0.status.request.get(request_id=)", f"{META}.with_streaming_response", "APIResponse.parse(to=)"),
    *("APIStatusError.response", "APITimeoutError(request=)", "DEFAULT_TIMEOUT", "NOT_GIVEN", "__title__"),
    *("types.v0.MemoryAddParams.content", "types.v0.memory_get_response.Result.total_count", "resources.V0Resource"),
    *("$EVERMEMOS_API_KEY", "$EVER_MEM_OS_BASE_URL", "$EVER_MEM_OS_LOG"),
}


def test_the_walk_gets_everywhere(official: Surface) -> None:
    for flavour in FLAVOURS:
        assert WALKED - {*official["names"], *official[flavour]} == set()


NEW: dict[str, Any] = {"is_required": False, "takes_none": False}
# By what is wrong: whose name, the name, what becomes of it (None is nothing), and what is said of it.
FAULTS: dict[str, tuple[str, str, dict[str, Any] | None, str]] = {
    "a method is gone": ("ours", f"{META}.get()", None, f"{META}.get() is not here as {META}.get()"),
    "an argument is gone": (
        "ours",
        f"{META}.update(tags=)",
        None,
        f"{META}.update(tags=) is not here as {META}.update(tags=)",
    ),
    "an option is gone": (
        "ours",
        f"{META}.get(timeout=)",
        None,
        f"{META}.get(timeout=) is not here as {META}.get(timeout=)",
    ),
    "a raw method is gone": (
        "ours",
        f"{META}.with_raw_response.get()",
        None,
        f"{META}.with_raw_response.get() is neither here, as {META}.with_raw_response.get(), nor in the table",
    ),
    "a field of an answer is gone": (
        "ours",
        "evermemos_api.models.PatchConversationMetaResult.updated_fields",
        None,
        "types.v0.memories.conversation_meta_update_response.Result.updated_fields is neither here, as "
        "evermemos_api.models.PatchConversationMetaResult.updated_fields, nor in the table",
    ),
    "a variable is gone": (
        "ours",
        "$EVER_MEM_OS_BASE_URL",
        None,
        "$EVER_MEM_OS_BASE_URL is not here as $EVER_MEM_OS_BASE_URL",
    ),
    "an error is of another kind": (
        "ours",
        "NotFoundError",
        {"bases": ["NotFoundError", "EverMemOSError"]},
        "NotFoundError is the same by the table, and no APIError, APIStatusError here",
    ),
    "an argument must be given": (
        "ours",
        f"{META}.update(tags=)",
        {"is_required": True, "takes_none": True},
        f"{META}.update(tags=) is the same by the table, and must be given here",
    ),
    "an argument takes no None": (
        "ours",
        f"{META}.update(tags=)",
        {"is_required": False, "takes_none": False},
        f"{META}.update(tags=) is the same by the table, and takes no None here",
    ),
    "a method is not awaited": (
        "ours",
        f"{META}.get()",
        {"is_awaited": False},
        f"{META}.get() is the same by the table, and is not awaited alike",
    ),
    "something is here after all": (
        "ours",
        "client.user_agent",
        {},
        "client.user_agent is not offered by the table, and is here, as client.user_agent",
    ),
    "the SDK has a new method": (
        "official",
        f"{META}.merge()",
        NEW,
        f"{META}.merge() is neither here, as {META}.merge(), nor in the table",
    ),
    "the SDK has a new argument": (
        "official",
        f"{META}.get(user_id=)",
        NEW,
        f"{META}.get(user_id=) is neither here, as {META}.get(user_id=), nor in the table",
    ),
    "the SDK has a new argument that is here": (
        "official",
        f"{META}.get(deadline=)",
        NEW,
        f"{META}.get(deadline=) is here, and not in the table",
    ),
    "the SDK has a new name": ("official", "Page", {}, "Page is neither here, as Page, nor in the table"),
    "the SDK has a new variable": (
        "official",
        "$EVERMEMOS_PROXY",
        {},
        "$EVERMEMOS_PROXY is neither here, as $EVERMEMOS_PROXY, nor in the table",
    ),
    "the SDK has a new field": (
        "official",
        "types.v0.memories.ConversationMetaGetResponse.page",
        {"is_field": True},
        "types.v0.memories.ConversationMetaGetResponse.page is neither here, as "
        "evermemos_api.models.ConversationMetaEnvelopeV0.page, nor in the table",
    ),
    "the SDK has lost a name": (
        "official",
        "file_from_path",
        None,
        "file_from_path is in the table, and not in the official SDK",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_surface_that_has_changed_is_noticed(fault: str, official: Surface, ours: Surface, before: list[str]) -> None:
    which, name, entry, expected = FAULTS[fault]
    both = {"official": official, "ours": ours}
    changed = {part: {**names} for part, names in both[which].items()}
    for part in [part for part, names in changed.items() if name in names] or ["async"]:
        changed[part].pop(name, None)
        changed[part] |= {} if entry is None else {name: entry}
    after = problems(**(both | {which: changed}), rows=table(GUIDE))
    assert [problem for problem in after if problem not in before] == [expected]


# By what is wrong: rows as they are, as they should not be, and what is said of it.
WRONG_ROWS = {
    "no row": ("client.close()", None, "client.close() is here, and not in the table"),
    "no row for what is not here": (
        "APIError.body",
        None,
        "APIError.body is neither here, as APIError.body, nor in the table",
    ),
    "a row for nothing": (
        "client.v0.memories.gone()",
        Row(None, "not offered", "why"),
        "client.v0.memories.gone() is in the table, and not in the official SDK",
    ),
    "a row with a star for nothing": (
        "client.*(gone=)",
        Row(None, "not offered", "why"),
        "client.*(gone=) is in the table, and not in the official SDK",
    ),
    "a row for nothing of the asynchronous client": (
        "async client.gone()",
        Row(None, "not offered", "why"),
        "async client.gone() is in the table, and not in the official SDK",
    ),
    "same by another name": (
        f"{META}.update()",
        Row(f"{META}.create()", "same", ""),
        f"{META}.update() is same by the table, and named {META}.create() here",
    ),
    "renamed by the same name": (
        "APIError.message",
        Row("APIError.message", "renamed", "why"),
        "APIError.message is renamed by the table, and named APIError.message here",
    ),
    "renamed to nothing": (
        "BaseModel.to_json()",
        Row("evermemos_api.types.Model.to_json()", "renamed", "why"),
        "BaseModel.to_json() is not here as evermemos_api.types.Model.to_json()",
    ),
    "not offered and here": (
        "client.close()",
        Row(None, "not offered", "why"),
        "client.close() is not offered by the table, and is here, as client.close()",
    ),
    "offered as nothing": ("NoneType", Row(None, "same", ""), "NoneType is same, and as None here"),
    "another word": (
        "APIError.message",
        Row("APIError.message", "similar", "why"),
        "APIError.message: 'similar' is none of the words for it",
    ),
    "no reason": (
        "APIError.body",
        Row(None, "not offered", ""),
        "APIError.body: the table does not say why it is not offered",
    ),
}


@pytest.mark.parametrize("fault", WRONG_ROWS)
def test_a_row_that_is_wrong_is_noticed(fault: str, official: Surface, ours: Surface, before: list[str]) -> None:
    name, row, expected = WRONG_ROWS[fault]
    rows = {key: value for key, value in table(GUIDE).items() if key != name} | ({name: row} if row else {})
    found = [problem for problem in problems(official, ours, rows) if problem not in before]
    assert expected in found
    assert all(name.removesuffix("()") in problem for problem in found)


def test_a_row_that_cannot_be_read_is_noticed() -> None:
    for text in ("| `a` | `b` | same |", "| `a` | b | same | |", "| `a` | - | not offered | x |\n| `a` | - | same | |"):
        with pytest.raises(AssertionError, match=r"not a row|two rows"):
            table(text)


@pytest.mark.socket
def test_the_blocks_of_the_guide_run_each_with_its_own_package(official_python: str) -> None:
    before, after = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    sandbox = Sandbox()
    with EverMemOS.sandbox(sandbox) as client:
        meta = client.v0.memories.conversation_meta
        meta.create(created_at="2025-01-15T10:00:00Z", scene="assistant", scene_desc={})
    with sandbox.serve() as url:
        environment = {**rig.ENV, "EVER_MEM_OS_BASE_URL": url}
        theirs = [official_python, "-c", before]
        for code, done in (
            (before, subprocess.run(theirs, env=environment, capture_output=True, text=True, check=False)),
            (after, run(after, environment=environment, having=OTHERS)),
        ):
            assert done.returncode == 0, f"{code}\n{done.stderr}"
            assert done.stdout.splitlines() == re.findall(r"print\(.*\)  # (.+)", code)


def test_an_environment_that_cannot_be_made_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig, "make", lambda *_: subprocess.run(["false"], check=True))
    with pytest.raises(pytest.fail.Exception, match="no environment with the official SDK"):
        prepared()
