"""Nothing is lost: runs that are cut off anywhere, among failures of all kinds, end where an undisturbed one does."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bulk_tools import FULL, Logging, actions, finish, per_group, record, state
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermemos import AsyncEverMemOS, EverMemOS
from evermemos.bulk import Record, _journal, journal_groups, read
from evermemos.bulk._bulk import AsyncBulk
from evermemos.errors import InputError, JournalError
from evermemos.sandbox import Sandbox


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0005)
    monkeypatch.setattr("evermemos._call.LONGEST_WAIT", 0.001)


class Interleaved(AsyncBulk):
    """Whose requests overlap, as they do over a network: in process, a call ends before another begins."""

    mix = random.Random()

    def _meta(self, concurrency: int) -> Any:
        meta, close = super()._meta(concurrency)

        def mixed(method: Any) -> Any:
            async def call(**arguments: Any) -> Any:
                for _ in range(self.mix.randrange(3)):
                    await asyncio.sleep(0)
                answer = await method(**arguments)
                for _ in range(self.mix.randrange(3)):
                    await asyncio.sleep(0)
                return answer

            return call

        return SimpleNamespace(get=mixed(meta.get), create=mixed(meta.create), update=mixed(meta.update)), close


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"group_id": st.sampled_from(["a", "b", "c", None])},
        optional={
            "version": st.sampled_from(["1", "2"]),
            "scene": st.sampled_from(["assistant", "group_chat"]),
            "scene_desc": st.sampled_from([{}, {"type": "t"}]),
            "name": st.sampled_from(["", "n", "m"]),
            "created_at": st.sampled_from(["2025-01-15T10:00:00Z", "2026-01-15T10:00:00Z"]),
            "description": st.sampled_from(["", "d", None]),
            "tags": st.sampled_from([[], ["t"], ["u"]]),
            "user_details": st.sampled_from([{}, {"u": {"full_name": "U"}}, {"u": {"full_name": "U", "role": "user"}}]),
        },
    ).map(lambda fields: {**FULL, **fields} if len(fields) % 2 else fields),
    max_size=12,
)
FAULTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"status": st.sampled_from([500, 502, 504, 408]), "applied": st.booleans()}),
        st.fixed_dictionaries({"status": st.sampled_from([429, 503]), "retry_after": st.just(0)}),
        st.fixed_dictionaries({"reset": st.sampled_from(["before", "during", "after"])}),
        st.just({"cut": True}),
    ),
    max_size=6,
)


def one_by_one(records: list[dict[str, Any]]) -> dict[str | None, Any]:
    """What comes of the records, each in a run of its own; behind a failure of its group, none."""
    with Sandbox() as sandbox:
        bulk, failed = EverMemOS.sandbox(sandbox).v1.bulk, set()
        for each in records:
            if each["group_id"] not in failed and actions(bulk.apply([each], concurrency=1)) == ["failed"]:
                failed.add(each["group_id"])
        return state(sandbox)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=RECORDS, faults=FAULTS, stops=st.lists(st.integers(1, 8), max_size=3), seed=st.integers(0, 1000))
def test_any_input_ends_where_its_records_one_by_one_do(
    tmp_path: Path, records: list[Any], faults: list[Any], stops: list[int], seed: int
) -> None:
    expected = one_by_one(records)
    journal = tmp_path / "journal"
    journal.unlink(missing_ok=True)

    async def main(sandbox: Sandbox) -> int:
        async with AsyncEverMemOS.sandbox(sandbox) as client:
            bulk = Interleaved(client.v1._sender)
            bulk.mix = random.Random(seed)
            for stop in stops:
                async with bulk.apply(records, journal=journal, concurrency=3) as run:
                    for _ in range(min(stop, len(records))):
                        await anext(run)
            return sum((await bulk.apply(records, journal=journal, concurrency=3).finish()).values())

    with Sandbox() as sandbox:
        for fault in faults:
            sandbox.fail(**fault)
        assert asyncio.run(main(sandbox)) == len(records)
        assert state(sandbox) == expected


CHILD = """
import sys
from evermemos import EverMemOS
from evermemos.bulk import read
url, path, journal = sys.argv[1:]
run = EverMemOS(base_url=url).v1.bulk.apply(read(path, unique=False), journal=journal, concurrency=8)
print(next(run).action, flush=True)
print(run.finish(), flush=True)
"""


@pytest.mark.process
@pytest.mark.socket
def test_a_process_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    count, groups = 1500, 40
    records = [record(f"g{number % groups}", tags=[str(number)]) for number in range(count)]
    path, journal = tmp_path / "records.jsonl", tmp_path / "journal"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    kills = 0
    moments = random.Random(7)
    with Logging() as sandbox, sandbox.serve() as url:
        for _ in range(200):
            command = [sys.executable, "-c", CHILD, url, str(path), str(journal)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                if kills < 20:
                    # Now and then before anything was sent.
                    if moments.random() < 0.9:
                        process.stdout.readline()
                    time.sleep(moments.uniform(0, 0.1))
                    if process.poll() is None:
                        os.kill(process.pid, signal.SIGKILL)
                        kills += 1
                        continue
                first, last = process.stdout.readline(), process.stdout.readlines()[-1]
                assert process.wait() == 0
                assert first
                break
    assert kills >= 20
    assert sum(json.loads(last.replace("'", '"')).values()) == count
    for group_id, tags in per_group(sandbox.writes).items():
        numbers = [int(tag) for (tag,) in tags]
        # Each was written, in order, and twice at most where a kill came between the write and its answer.
        assert sorted(set(numbers)) == numbers[:1] + [
            n for n, before in zip(numbers[1:], numbers, strict=False) if n != before
        ]
        assert set(numbers) == set(range(int(str(group_id)[1:]), count, groups))
    with sqlite3.connect(journal) as database:
        assert database.execute("SELECT count(*) FROM done").fetchone() == (count,)
    database.close()


def test_what_was_done_is_not_asked_for_again(tmp_path: Path) -> None:
    records, journal = [record(f"g{number}") for number in range(50)], tmp_path / "journal"
    with Sandbox() as sandbox:
        bulk = EverMemOS.sandbox(sandbox).v1.bulk
        bulk.apply([record(None)]).finish()
        with bulk.apply(records, journal=journal, concurrency=1) as run:
            for _ in range(10):
                next(run)
        run = bulk.apply(records, journal=journal)
        results = finish(run)
        assert [each.action for each in results] == ["created"] * 50
        done = [each for each in results if each.attempts == 0]
        assert len(done) >= 10
        assert run.requests <= 2 * (50 - len(done))
        assert bulk.apply(records, journal=journal).finish() == {"created": 50}


def test_the_journal_of_one_record_is_not_an_empty_one(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        for attempts in (1, 0):
            with EverMemOS.sandbox(sandbox).v1.bulk.apply([record("g")], journal=tmp_path / "j") as run:
                (result,) = run
            assert (result.action, result.attempts > 0) == ("created", attempts > 0)
        assert [request.method for request in sandbox.requests].count("POST") == 1


def test_what_had_failed_is_tried_again(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        bulk = EverMemOS.sandbox(sandbox).v1.bulk
        sandbox.fail("create_conversation_meta_v1", status=400)
        assert actions(bulk.apply([record("a")], journal=tmp_path / "j")) == ["failed"]
        assert actions(bulk.apply([record("a")], journal=tmp_path / "j")) == ["created"]


def test_the_intent_is_in_the_file_before_the_write_goes_out(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    seen: list[Any] = []

    class Looking(Sandbox):
        def handle(self, method: str, *arguments: Any, **options: Any) -> Any:
            if method in ("POST", "PATCH"):
                # As after a kill: what another process finds in copies of the files.
                for name in ("journal", "journal-wal"):
                    (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
                with sqlite3.connect(tmp_path / "copy-journal") as database:
                    question = "SELECT position, group_id, action, before FROM intent ORDER BY id"
                    seen.append(database.execute(question).fetchall()[-1])
                database.close()
            return super().handle(method, *arguments, **options)

    with Looking() as sandbox:
        bulk = EverMemOS.sandbox(sandbox).v1.bulk
        bulk.apply([record("a"), {"group_id": "a", "tags": ["x"]}], journal=journal).finish()
    assert [each[:3] for each in seen] == [(0, "a", "created"), (1, "a", "updated")]
    assert seen[0][3] is None
    assert json.loads(seen[1][3])["name"] == FULL["name"]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run = EverMemOS.sandbox().v1.bulk.apply([record(f"g{number}") for number in range(99)], journal=tmp_path / "j")
        next(run)
        files = list(tmp_path.iterdir())
        assert {"j", "j-wal"} <= {path.name for path in files}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        run.close()
    finally:
        os.umask(before)


def test_the_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    sandbox, journal = Sandbox(), tmp_path / "journal"
    bulk = EverMemOS.sandbox(sandbox).v1.bulk
    bulk.apply([record("a"), record("b")], journal=journal).finish()
    sandbox.clear()

    with pytest.raises(JournalError, match="another input: record 1"):
        finish(bulk.apply([record("b"), record("a")], journal=journal))
    path = tmp_path / "records.jsonl"
    path.write_bytes(Record.from_dict(record("a")).to_json())
    with pytest.raises(JournalError, match="another input"):
        finish(bulk.apply(read(path), journal=journal))
    other = EverMemOS(base_url="http://localhost:1", api_key="k").v1.bulk
    with pytest.raises(JournalError, match="another server"):
        finish(other.apply([record("a")], journal=journal))
    with pytest.raises(JournalError, match="another server"):
        other.undo(journal)
    assert sandbox.requests == []


def test_files_that_are_no_journals_are_refused_and_left_alone(tmp_path: Path) -> None:
    bulk = EverMemOS.sandbox().v1.bulk
    text, foreign, newer = tmp_path / "text", tmp_path / "foreign", tmp_path / "newer"
    text.write_text("somebody's notes, long enough to be looked at" * 99)
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    bulk.apply([record("a")], journal=newer).finish()
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = text.read_bytes()
    for path, reason in ((text, "not a database"), (foreign, "another program"), (newer, "format 99")):
        with pytest.raises(JournalError, match=reason):
            finish(bulk.apply([record("a")], journal=path))
    assert text.read_bytes() == before
    with pytest.raises(JournalError, match="cannot be used"):
        finish(bulk.apply([record("a")], journal=tmp_path / "no" / "folder"))


def test_two_runs_cannot_have_one_journal(tmp_path: Path) -> None:
    bulk = EverMemOS.sandbox().v1.bulk
    records = [record(f"g{number}") for number in range(2000)]
    with bulk.apply(records, journal=tmp_path / "j", concurrency=1) as first:
        next(first)
        with pytest.raises(JournalError, match="another run has it open"):
            finish(bulk.apply(records, journal=tmp_path / "j"))
    assert bulk.apply(records[:1], journal=tmp_path / "j").finish() == {"created": 1}


def test_a_journal_that_cannot_be_written_ends_the_run_before_the_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(_journal.Journal, "_commit", full)
    with Sandbox() as sandbox:
        with pytest.raises((JournalError, sqlite3.OperationalError), match="full"):
            finish(EverMemOS.sandbox(sandbox).v1.bulk.apply([record("a")], journal=tmp_path / "j"))
        assert {each.method for each in sandbox.requests} == {"GET"}


def test_the_groups_of_a_journal_can_be_read(tmp_path: Path) -> None:
    EverMemOS.sandbox().v1.bulk.apply([record("a"), record(None), record("a")], journal=tmp_path / "j").finish()
    assert set(journal_groups(tmp_path / "j")) == {"a", None}


def test_a_file_that_changes_meanwhile_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(record(f"g{number}", description="x" * 500)) + "\n" for number in range(2000)))
    records = read(path)
    with Sandbox() as sandbox:
        run = EverMemOS.sandbox(sandbox).v1.bulk.apply(records, concurrency=1, journal=tmp_path / "j")
        next(run)
        path.write_text(path.read_text().replace("xx", "yy"))
        with pytest.raises(InputError, match="changed after it was checked"):
            run.finish()
        assert {kept["description"] for kept in state(sandbox).values()} == {"x" * 500}


@pytest.mark.process
@pytest.mark.socket
def test_ctrl_c_leaves_a_journal_to_go_on_with(tmp_path: Path) -> None:
    path, journal = tmp_path / "records.jsonl", tmp_path / "journal"
    path.write_text("".join(json.dumps(record(f"g{number}")) + "\n" for number in range(800)))
    with Sandbox() as sandbox, sandbox.serve() as url:
        EverMemOS(base_url=url).v1.bulk.apply([record(None)]).finish()
        command = [sys.executable, "-c", CHILD, url, str(path), str(journal)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            errors = process.stderr.read()
            assert process.wait(10) == -signal.SIGINT
        assert errors.strip().endswith("KeyboardInterrupt")
        assert 1 < len(state(sandbox)) < 801
        done = EverMemOS(base_url=url).v1.bulk.apply(read(path), journal=journal)
        assert done.finish() == {"created": 800}
        assert done.requests <= 1600


@pytest.mark.process
def test_an_unclosed_run_does_not_hold_up_the_end_of_a_program(tmp_path: Path) -> None:
    program = """
from evermemos import EverMemOS
run = EverMemOS.sandbox().v1.bulk.plan({"group_id": f"g{n}", "name": "x"} for n in range(100000))
def endless():
    import time
    yield {"group_id": "a"}
    time.sleep(3600)
other = EverMemOS.sandbox().v1.bulk.plan(endless())
next(run), next(other)
"""
    # A thread that is not stopped crashes one interpreter of four.
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")
