"""What the sandbox keeps in a file: it outlives the process, is shared, and is never another program's."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from memories import Talk

from evermemos import APIConnectionError, ConfigurationError, EverMemOS
from evermemos._cli import main
from evermemos.sandbox import Sandbox
from evermemos.sandbox._extraction import EPISODE
from evermemos.sandbox._pages import page
from evermemos.sandbox._store import APPLICATION_ID, FORMAT

V1 = "/api/v1/memories/conversation-meta"
REQUIRED: dict[str, Any] = {
    "version": "1.0",
    "scene": "assistant",
    "scene_desc": {},
    "name": "N",
    "created_at": "2025-01-15T10:00:00+00:00",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def ask(sandbox: Sandbox, method: str, group_id: str | None = None, **fields: Any) -> Any:
    query = "" if group_id is None or method != "GET" else f"?group_id={group_id}"
    body = b"" if method == "GET" else json.dumps({"group_id": group_id, **fields}).encode()
    answer = sandbox.handle(method, V1 + query, {}, body)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["result"]


def test_a_file_keeps_the_records(path: Path) -> None:
    with Sandbox(path) as sandbox:
        ask(sandbox, "POST", "g", **REQUIRED)
        ask(sandbox, "POST", None, **REQUIRED | {"name": "\0 é 😀"})
        before = ask(sandbox, "GET", "g")
        assert repr(sandbox) == f"<Sandbox {path}>"
    with Sandbox(str(path)) as sandbox:
        assert ask(sandbox, "GET", "g") == before
        assert ask(sandbox, "GET")["name"] == "\0 é 😀"
        sandbox.clear()
    with Sandbox(path) as sandbox:
        assert sandbox.newest(10) == (0, [])


def test_sandboxes_share_a_file(path: Path) -> None:
    with Sandbox(path) as one, Sandbox(path) as other:
        ask(one, "POST", "g", **REQUIRED)
        assert ask(other, "PATCH", "g", name="by the other")["group_id"] == "g"
        assert ask(one, "GET", "g")["name"] == "by the other"
        assert len(one.requests) == 2


def test_writers_of_one_file_lose_nothing_of_each_other(path: Path) -> None:
    with Sandbox(path) as one, Sandbox(path) as other:
        ask(one, "POST", "g", **REQUIRED)
        start = threading.Barrier(2)

        def write(sandbox: Sandbox, field: str) -> None:
            start.wait()
            for n in range(100):
                ask(sandbox, "PATCH", "g", **{field: f"{n}"})
                assert ask(sandbox, "GET", "g")[field] == f"{n}"

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, (one, other), ("name", "description")))


def test_the_file_is_in_wal_mode_and_says_whose_it_is(path: Path) -> None:
    with Sandbox(path), contextlib.closing(sqlite3.connect(path)) as database:
        told = [
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "application_id", "user_version")
        ]
    assert told == ["wal", APPLICATION_ID, FORMAT]


def foreign_database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE conversation_meta (precious TEXT)")
        database.commit()


def newer_format(path: Path) -> None:
    Sandbox(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
        database.commit()


OLD_TABLE = (
    "CREATE TABLE conversation_meta (api TEXT, group_id TEXT, record TEXT NOT NULL, PRIMARY KEY (api, group_id))"
)


def format_1(path: Path) -> None:
    """Make a file as the first version of the package did, with a record in it."""
    with Sandbox() as sandbox:
        ask(sandbox, "POST", "g", **REQUIRED)
        rows = sandbox._store.database.execute("SELECT * FROM conversation_meta").fetchall()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(OLD_TABLE)
        database.executemany("INSERT INTO conversation_meta VALUES (?, ?, ?)", rows)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("PRAGMA user_version = 1")
        database.commit()


def test_a_file_of_the_first_format_gets_what_it_lacks(path: Path) -> None:
    format_1(path)
    with Sandbox(path) as sandbox:
        assert ask(sandbox, "GET", "g")["name"] == "N"
        talk = Talk("v1", sandbox)
        talk.episode("coffee")
    with Sandbox(path) as sandbox:
        talk = Talk("v1", sandbox)
        assert talk.facts("coffee") == ["coffee"]
        assert sandbox.newest(9)[0] == 1
        # What does not know of memories must not open it any more.
        assert sandbox._store.database.execute("PRAGMA user_version").fetchone() == (FORMAT,) != (1,)


def format_2(path: Path) -> None:
    """Make a file as it was before memories had MemCells, with a record and a message in it."""
    format_1(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE message (number INTEGER PRIMARY KEY, api TEXT, until INTEGER, record TEXT)")
        database.execute("CREATE VIRTUAL TABLE memory_words USING fts5 (words)")
        database.execute("INSERT INTO message VALUES (1, 'v1', 0, '{}')")
        database.execute("PRAGMA user_version = 2")
        database.commit()


def test_a_file_of_the_second_format_keeps_its_metadata_and_no_memories(path: Path) -> None:
    format_2(path)
    with Sandbox(path) as sandbox, Sandbox(path) as other:
        assert ask(sandbox, "GET", "g")["name"] == "N"
        Talk("v1", sandbox).episode("coffee")
        assert Talk("v1", other).facts("coffee") == ["coffee"]


def test_a_file_keeps_the_memories(path: Path) -> None:
    with Sandbox(path) as sandbox, Sandbox(path) as other:
        talk, elsewhere = Talk("v0", sandbox), Talk("v0", other)
        talk.add("one")
        elsewhere.add("two", flush=True, message_id="m2")
        talk.add("waits", message_id="m3")
        assert len(talk.listed()) == len(elsewhere.listed()) == 1
        before = talk.listed("event_log")
        assert len(before) == 2
    with Sandbox(path) as sandbox:
        talk = Talk("v0", sandbox)
        assert talk.listed("event_log") == before
        assert talk.facts("two") == ["one"]
        assert [message["content"] for message in talk.pending()] == ["waits"]
        assert talk.add("waits", message_id="m3")["status"] == "duplicate"
        talk.delete(group_id="g")
    with Sandbox(path) as sandbox:
        assert Talk("v0", sandbox).listed("event_log") == []
        # Deletion is soft: the file has them still.
        kept = sandbox._store.database.execute("SELECT record FROM memory WHERE type = 'event_log'").fetchall()
        assert [json.loads(text)["atomic_fact"] for (text,) in kept] == ["one", "two"]


@pytest.mark.parametrize("api", ["v0", "v1"])
def test_reading_does_not_write(path: Path, api: str) -> None:
    with Sandbox(path, processing_seconds=0.01) as sandbox:
        talk = Talk(api, sandbox)
        talk.say("coffee")
        talk.add("waits")
        time.sleep(0.02)
        files = {file: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
        changes = sandbox._store.database.total_changes
        assert len(talk.listed()) == len(talk.listed("profile")) == 1
        assert talk.facts("coffee") == ["coffee"]
        assert len(talk.pending()) == 1
        assert (
            talk.raw("GET", f"/{'status' if api == 'v0' else 'stats'}/request", headers={"X-Request-Id": "x"})[0] == 200
        )
        assert sandbox._store.database.total_changes == changes
        assert all(file.read_bytes() == content for file, content in files.items())


@pytest.mark.parametrize("api", ["v0", "v1"])
def test_messages_from_two_processes_make_one_memory_of_each(path: Path, api: str) -> None:
    with Sandbox(path) as one, Sandbox(path) as other:
        start = threading.Barrier(2)

        def write(sandbox: Sandbox) -> None:
            talk = Talk(api, sandbox)
            start.wait()
            for n in range(50):
                talk.add(f"{n}", sender=f"{id(sandbox)}")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, (one, other)))
        talk = Talk(api, one)
        facts = [(fact["user_id"], fact["atomic_fact"]) for fact in talk.listed("event_log")]
        assert len(set(facts)) == len(facts) == 100
        assert len({memory["parent_id"] for memory in talk.listed("event_log")}) == 100 // EPISODE
        assert talk.pending() == []


def test_a_message_that_cannot_be_kept_leaves_nothing(path: Path) -> None:
    with Sandbox(path) as sandbox:
        talk = Talk("v1", sandbox)
        for _ in range(EPISODE - 1):
            talk.add()
        sandbox._store.database.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON memory WHEN NEW.type = 'event_log'"
            " BEGIN SELECT raise(ABORT, 'no'); END"
        )
        message = {"message_id": "m", "create_time": "2025-01-15", "sender": "s", "content": "c", "group_id": "g"}
        status, content = talk.raw("POST", "/memories", message)
        assert (status, content["message"]) == (500, "The sandbox's store failed: no")
        assert len(talk.pending()) == EPISODE - 1
        assert talk.listed("event_log") == talk.listed() == []
        sandbox._store.database.execute("DROP TRIGGER broken")
        assert talk.raw("POST", "/memories", message)[1]["result"]["status_info"] == "extracted"


CANNOT: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("a diary\n" * 100), "file is not a database"),
    "another program's database": (foreign_database, "database of another program: name another file"),
    "newer": (newer_format, f"it has format {FORMAT + 1}, this version .* reads {FORMAT}: update the package"),
    "a folder": (lambda path: path.mkdir(), "it is a folder: name a file"),
    "in a folder that is not there": (
        lambda path: path.parent.rmdir(),
        "there is no folder .*: make it, or name another",
    ),
}


@pytest.mark.socket
@pytest.mark.parametrize("kind", CANNOT)
@pytest.mark.parametrize("how", ["Sandbox", "base_url", "command line"])
def test_a_file_that_cannot_be_the_store(
    tmp_path: Path, kind: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder" / "store.db"
    path.parent.mkdir()
    make, reason = CANNOT[kind]
    make(path)
    before = path.read_bytes() if path.is_file() else None
    words = f"the store {re.escape(str(path))} cannot be used: .*{reason}"
    if how == "command line":
        assert main(["sandbox", "--port", "0", "--store", str(path)]) == 1
        assert re.search(words, capsys.readouterr().err)
    else:
        with pytest.raises(ConfigurationError, match=words):
            Sandbox(path) if how == "Sandbox" else EverMemOS(base_url=f"sandbox://{path}")
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_store_that_fails_later_is_a_500_and_loses_nothing(path: Path) -> None:
    with Sandbox(path) as sandbox:
        ask(sandbox, "POST", "g", **REQUIRED)
        database = sandbox._store._database
        database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
        body = json.dumps({**REQUIRED, "group_id": "h", "description": "x" * 100_000}).encode()
        answer = sandbox.handle("POST", V1, {}, body)
        assert (answer.status, json.loads(answer.body)["message"]) == (
            500,
            "The sandbox's store failed: database or disk is full",
        )
        assert ask(sandbox, "GET", "g")["name"] == "N"
        database.execute("PRAGMA max_page_count = 10000")
        assert sandbox.handle("POST", V1, {}, body).status == 200


def test_a_closed_sandbox_says_so() -> None:
    sandbox = Sandbox()
    sandbox.close()
    sandbox.close()
    meta = EverMemOS.sandbox(sandbox).v1.memories.conversation_meta
    for use in (meta.get, sandbox.clear, lambda: sandbox.newest(1)):
        with pytest.raises(ConfigurationError, match="the sandbox was closed: make a new one"):
            use()


def test_the_page_says_that_the_store_fails() -> None:
    sandbox = Sandbox()
    sandbox._store._database.execute("DROP TABLE conversation_meta")
    records = page(sandbox, "/sandbox/records", "", "")
    assert records is not None
    assert (records.status, json.loads(records.body)) == (
        500,
        {"detail": "The sandbox's store failed: no such table: conversation_meta"},
    )


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_the_file_anew(path: Path) -> None:
    with Sandbox(path) as sandbox:
        ask(sandbox, "POST", "g", **REQUIRED)
        connection = sandbox._store._database
        child = os.fork()
        if child == 0:
            try:
                ask(sandbox, "PATCH", "g", name="by the child")
                os._exit(0 if sandbox._store._database is not connection else 1)
            except BaseException:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert ask(sandbox, "GET", "g")["name"] == "by the child"


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_writes_of_a_child_outlive_its_parents_use(path: Path) -> None:
    ours, theirs = os.pipe()
    sandbox, memory = Sandbox(path), Sandbox()
    ask(memory, "POST", "g", **REQUIRED)
    ask(sandbox, "POST", "p1", **REQUIRED)
    child = os.fork()
    if child == 0:
        try:
            ask(sandbox, "POST", "c1", **REQUIRED)
            os.read(ours, 1)
            ask(sandbox, "POST", "c2", **REQUIRED)
            assert ask(memory, "GET", "g")["name"] == "N"
            os._exit(0)
        except BaseException:
            os._exit(1)
    ask(sandbox, "POST", "p2", **REQUIRED)
    sandbox.close()
    os.write(theirs, b"x")
    assert os.waitpid(child, 0)[1] == 0
    assert ask(memory, "GET", "g")["name"] == "N"
    with Sandbox(path) as again:
        assert {record["group_id"] for _, record in again.newest(9)[1]} == {"p1", "p2", "c1", "c2"}
    for end in (ours, theirs):
        os.close(end)


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("", "store is '': expected the path of a file, or None"),
        (":memory:", "store is ':memory:': expected the path of a file, or None"),
        (5, "store is of type int: expected the path of a file"),
        ("a\0b", "null byte: expected the name of a file that can be written"),
        ("a" * 300, "File name too long: '.*': expected the name of a file that can be written"),
        ("/dev/null/x", "there is no folder /dev/null"),
    ],
)
def test_what_cannot_be_a_path_is_refused(store: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Sandbox(store)


def test_a_folder_that_may_not_be_looked_into(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Whoever runs the tests as root is denied nothing.
    monkeypatch.setattr(Path, "is_dir", denied)
    with pytest.raises(ConfigurationError, match=r"Permission denied.*: expected the name of a file"):
        Sandbox(path)


def test_a_file_that_another_process_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos.sandbox._store.PATIENCE", 0.1)
    with Sandbox(path) as sandbox, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = sandbox.handle("POST", V1, {}, json.dumps(REQUIRED).encode())
        assert (answer.status, json.loads(answer.body)["message"]) == (
            500,
            "The sandbox's store failed: database is locked",
        )
        assert sandbox.handle("GET", V1, {}, b"").status == 404
        with pytest.raises(ConfigurationError, match="database is locked: another process is writing to it"):
            Sandbox(path)


def test_a_sandbox_pickles_as_its_file(path: Path) -> None:
    with Sandbox(path, strict=True, background=True, processing_seconds=1.5) as sandbox:
        ask(sandbox, "POST", "g", **REQUIRED)
        with pickle.loads(pickle.dumps(sandbox)) as copy:
            assert ask(copy, "GET", "g")["name"] == "N"
            assert (copy._spec.strict, copy._background, copy._processing_seconds) == (True, True, 1.5)
    with Sandbox(path, require_key=True) as sandbox, pickle.loads(pickle.dumps(sandbox)) as copy:
        assert copy.handle("GET", "/api/v0/memories/conversation-meta", {}, b"").status == 401
    for other in (Sandbox(), Sandbox(path, api_key="key")):
        with other, pytest.raises(ConfigurationError, match="cannot be pickled: give it a store and no key"):
            pickle.dumps(other)


# A process that is killed

WRITES = 2000


@contextlib.contextmanager
def process(store: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "evermemos.sandbox", "--port", "0", "--store", str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = re.search(r"http://\S+", running.stdout.readline())
        assert url is not None
        try:
            yield running, url[0]
        finally:
            running.kill()


def content(n: int) -> dict[str, Any]:
    """What write number n sets: an even one makes a record, the next one changes all of it."""
    texts = {"name": f"name {n}", "description": f"{n} " * 200, "tags": [f"{n}"] * 20}
    return texts | {"user_details": {f"user_{n}": {"full_name": f"{n}", "role": "user", "extra": {"n": n}}}}


@pytest.mark.process
@pytest.mark.socket
@pytest.mark.parametrize("killed_after", [500, 1000, 1500])
def test_a_kill_9_in_the_middle_of_2000_writes_loses_nothing_acknowledged(tmp_path: Path, killed_after: int) -> None:
    """Every acknowledged write is there after a restart, and none is half there."""
    store = tmp_path / "store.db"
    numbers = iter(range(0, WRITES, 2))
    acknowledged: set[int] = set()
    lock = threading.Lock()
    with process(store) as (running, url), EverMemOS(base_url=url, max_retries=0) as client:
        meta = client.v1.memories.conversation_meta

        def acknowledge(n: int) -> None:
            with lock:
                acknowledged.add(n)
                if len(acknowledged) == killed_after:
                    running.send_signal(signal.SIGKILL)

        def write(_: int) -> None:
            with contextlib.suppress(APIConnectionError):
                for n in numbers:
                    meta.create(group_id=f"group {n}", **REQUIRED | content(n))
                    acknowledge(n)
                    meta.update(group_id=f"group {n}", **content(n + 1))
                    acknowledge(n + 1)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
    assert killed_after <= len(acknowledged) < killed_after + 8
    # What the log holds alone must count too: the copy is what a crash leaves behind.
    assert {path.name for path in tmp_path.iterdir()} >= {"store.db", "store.db-wal"}
    shutil.copytree(tmp_path, tmp_path / "copy")
    with process(store) as (_, url), EverMemOS(base_url=url) as client:
        meta = client.v1.memories.conversation_meta
        meta.create(**REQUIRED)
        for n in range(0, WRITES, 2):
            record = meta.get(group_id=f"group {n}").result.to_dict()
            if record["is_default"]:
                assert n not in acknowledged
                continue
            found = {name: record[name] for name in content(n)}
            if n + 1 in acknowledged:
                assert found == content(n + 1)
            else:
                assert found in (content(n), content(n + 1))


MESSAGES = 600


@pytest.mark.process
@pytest.mark.socket
@pytest.mark.parametrize("killed_after", [150, 450])
def test_a_kill_9_in_the_middle_of_600_messages_loses_nothing_acknowledged(tmp_path: Path, killed_after: int) -> None:
    """Every acknowledged message is there after a restart, once, and no episode is half there."""
    store = tmp_path / "store.db"
    numbers = iter(range(MESSAGES))
    acknowledged: set[str] = set()
    lock = threading.Lock()
    with process(store) as (running, url):

        def write(_: int) -> None:
            with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=url) as client:
                for n in numbers:
                    message = {
                        "message_id": f"{n}",
                        "create_time": "2025-01-15",
                        "sender": "ann",
                        "content": f"fact {n}",
                    }
                    assert client.post("/api/v1/memories", json={**message, "group_id": "g"}).status_code == 200
                    with lock:
                        acknowledged.add(f"fact {n}")
                        if len(acknowledged) == killed_after:
                            running.send_signal(signal.SIGKILL)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
    assert killed_after <= len(acknowledged) < killed_after + 8
    with Sandbox(store) as sandbox:
        talk = Talk("v1", sandbox)
        # Each list has 500 at most.
        facts = [fact["atomic_fact"] for fact in talk.listed("event_log")]
        episodes = [re.findall(r"fact \d+", memory["summary"]) for memory in talk.listed()]
        waiting = [message["content"] for message in talk.pending()]
        kept = facts + waiting
        assert len(set(kept)) == len(kept)
        assert acknowledged <= set(kept)
        assert len(waiting) < EPISODE
        assert len(facts) == EPISODE * len(episodes) == EPISODE * talk.listed("profile")[0]["memcell_count"]
        assert sorted(facts) == sorted(fact for episode in episodes for fact in episode)
        assert len(talk.facts("fact", top_k=100)) == 100
