"""The journal of a run: what it is about to do and what it has done, so that nothing is lost and all can be undone.

Append-only, in SQLite. An intent, with the record as it was before, is on the disk before the write goes out; "done"
follows when there was an answer. What has an intent and no "done" after a crash has an unknown outcome, and is read
before anything else.

The file holds what people wrote, and is made for its owner alone (mode 600).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from .. import _json
from ..errors import JournalError

# Says in the head of the file whose it is ("EVMJ"), and in which format.
APPLICATION_ID = 0x45564D4A
FORMAT = 1
TABLES = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE intent (id INTEGER PRIMARY KEY, position INTEGER, digest BLOB, group_id TEXT, action TEXT,
    before BLOB, after BLOB);
CREATE INDEX intent_position ON intent (position);
CREATE TABLE done (position INTEGER PRIMARY KEY, digest BLOB, group_id TEXT, action TEXT);
"""
KNOWN = "SELECT group_id FROM done UNION ALL SELECT group_id FROM intent WHERE before IS NOT NULL LIMIT 1"
# Of several intents for a record the last counts. One without a record before it came of an outage, if others have one.
INTENT_ORDER = "before IS NOT NULL, id"
# Rows of "done" that may wait for the next intent to take them along.
MOST_WAITING = 500


class Earlier(NamedTuple):
    """What an earlier run wrote about a record of the input.

    Attributes:
        digest (bytes): Of the record.
        action (str): What was done, or was about to be.
        is_done (bool): Whether it is known to be done.
    """

    digest: bytes
    action: str
    is_done: bool


class Intent(NamedTuple):
    """One write of a run.

    Attributes:
        position (int): Of the record in the input.
        group_id (str | None): Whose record.
        before (dict[str, Any] | None): The record as it was, None if there was none.
        after (dict[str, Any]): The record as it was to be.
    """

    position: int
    group_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any]


class Journal:
    """The journal that a run writes. One process at a time can have it open.

    Args:
        path (str | os.PathLike[str]): The file, made if it does not exist.
        server (str): Base URL of the server.
        fingerprint (str | None): Of the input, if it has one.

    Raises:
        JournalError: If the file is the journal of another input or server, or cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str], *, server: str, fingerprint: str | None) -> None:
        self._path = Path(path)
        try:
            # SQLite would make it by the umask. Its own files beside it take over the mode.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise JournalError(f"the journal {self._path} cannot be used: {error.strerror}") from None
        self._database = _connect(self._path)
        try:
            self._begin({"server": server, "fingerprint": fingerprint or ""})
            # Rows of earlier runs are at these positions at most.
            self.earlier_end = max(
                self._database.execute(f"SELECT coalesce(max(position), -1) + 1 FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("intent", "done")
            )
            # A group, if there is any, whose record an earlier run has seen.
            self.known: list[str | None] = [group_id for (group_id,) in self._database.execute(KNOWN)]
        except BaseException:
            self._database.close()
            raise
        # SQLite and the disk are waited for in a thread of their own.
        self._thread = ThreadPoolExecutor(1, "evermemos-bulk-journal")
        self._intents: list[tuple[Any, ...]] = []
        self._done: list[tuple[Any, ...]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._writing: asyncio.Task[None] | None = None

    def _begin(self, facts: dict[str, str]) -> None:
        known = dict(self._database.execute("SELECT key, value FROM run").fetchall())
        if known.get("undone"):
            raise JournalError(f"the run of the journal {self._path} was undone: name another file for a new run")
        if not known:
            with self._database:
                self._database.executemany("INSERT INTO run VALUES (?, ?)", facts.items())
        for name, what in (("server", "server"), ("fingerprint", "input")):
            if known and known.get(name) != facts[name]:
                raise JournalError(f"the journal {self._path} is of another {what}: name another file for a new run")

    async def earlier(self, start: int, stop: int) -> dict[int, Earlier]:
        """Return what earlier runs wrote about the records at these positions."""
        if start >= self.earlier_end:
            return {}
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._earlier, start, stop)

    def _earlier(self, start: int, stop: int) -> dict[int, Earlier]:
        found: dict[int, Earlier] = {}
        for table, order in (("intent", INTENT_ORDER), ("done", "rowid")):
            question = f"SELECT position, digest, action FROM {table} WHERE position BETWEEN ? AND ? ORDER BY {order}"  # noqa: S608
            for position, digest, action in self._database.execute(question, (start, stop - 1)):
                found[position] = Earlier(digest, action, table == "done")
        return found

    async def intend(self, digest: bytes, action: str, intent: Intent) -> None:
        """Write down what is about to be done, and return when that is on the disk."""
        before = None if intent.before is None else _json.dumps(intent.before)
        self._intents.append(
            (intent.position, digest, intent.group_id, action, before, _json.dumps(intent.after)),
        )
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._write()
        await waiting

    def done(self, position: int, digest: bytes, group_id: str | None, action: str) -> None:
        """Write down soon what has been done. To lose it costs a GET."""
        self._done.append((position, digest, group_id, action))
        if len(self._done) >= MOST_WAITING:
            self._write()

    def _write(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        # One transaction for all that wait: while the disk is busy with one, the next gathers.
        loop = asyncio.get_running_loop()
        try:
            while self._waiting or len(self._done) >= MOST_WAITING:
                # And the event loop has one turn, in which all that are ready come along.
                await asyncio.sleep(0)
                waiting, self._waiting = self._waiting, []
                done, self._done = self._done, []
                intents, self._intents = self._intents, []
                try:
                    await loop.run_in_executor(self._thread, self._commit, done, intents)
                except Exception as error:
                    for each in waiting:
                        if not each.done():
                            each.set_exception(JournalError(f"the journal {self._path} cannot be written: {error}"))
                    if not waiting:
                        raise
                for each in waiting:
                    if not each.done():
                        each.set_result(None)
        finally:
            self._writing = None

    def _commit(self, done: list[tuple[Any, ...]], intents: list[tuple[Any, ...]]) -> None:
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?)", done)
            self._database.executemany(
                "INSERT INTO intent (position, digest, group_id, action, before, after) VALUES (?, ?, ?, ?, ?, ?)",
                intents,
            )

    async def aclose(self) -> None:
        """Write what is left, and close the file."""
        try:
            if self._writing is not None:
                await asyncio.wait([self._writing])
            await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, self._done, self._intents)
        finally:
            self._thread.shutdown()
            self._database.close()


def intents(path: str | os.PathLike[str]) -> Iterator[Intent]:
    """Read the writes of a run, the last first. Of those that were tried again, the last."""
    with closing(_connect(_existing(path))) as database:
        last = None
        while rows := database.execute(
            "SELECT id, position, group_id, before, after FROM intent WHERE (:last IS NULL OR id < :last)"
            " AND NOT EXISTS"
            " (SELECT 1 FROM intent AS later WHERE later.position = intent.position"
            " AND (later.before IS NOT NULL, later.id) > (intent.before IS NOT NULL, intent.id))"
            # Nothing was written where the record turned out to be there, as it was to be.
            " AND NOT EXISTS"
            " (SELECT 1 FROM done WHERE done.position = intent.position AND done.action = 'unchanged')"
            " ORDER BY id DESC LIMIT 500",
            {"last": last},
        ).fetchall():
            for last, position, group_id, before, after in rows:  # noqa: B007 - of use to the next question
                yield Intent(position, group_id, before and _json.loads(before), _json.loads(after))


def groups(path: str | os.PathLike[str]) -> Iterator[str | None]:
    """Read the ids of the groups that a run wrote about, each once.

    Args:
        path (str | os.PathLike[str]): The journal of the run.

    Raises:
        JournalError: If it cannot be used.
    """
    question = "SELECT group_id FROM done UNION SELECT group_id FROM intent"
    with closing(_connect(_existing(path))) as database:
        for (group_id,) in database.execute(question):
            yield group_id


def check_server(path: str | os.PathLike[str], server: str) -> None:
    """Refuse a journal of another server.

    Raises:
        JournalError: If it is one, or the file cannot be used.
    """
    with closing(_connect(_existing(path))) as database:
        known = dict(database.execute("SELECT key, value FROM run").fetchall())
    if known.get("server") != server:
        raise JournalError(f"the journal {path} is of another server, {known.get('server')}")


def mark_undone(path: str | os.PathLike[str]) -> None:
    """Keep a journal from being gone on with."""
    with closing(_connect(_existing(path))) as database, database:
        database.execute("INSERT OR REPLACE INTO run VALUES ('undone', 'yes')")


def _existing(path: str | os.PathLike[str]) -> Path:
    if not Path(path).is_file():
        raise JournalError(f"there is no journal {path}")
    return Path(path)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        # Whoever has the file open has it alone. The system ends that with the process, however it ends.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        # An intent outlives the machine's power, too.
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        owner, tables = (
            database.execute(question).fetchone()[0]
            for question in ("PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
        )
        if owner != APPLICATION_ID and (owner or tables):
            raise JournalError(f"{path} is a database of another program")
        if not tables:
            for statement in TABLES.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {FORMAT}")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise JournalError(f"the journal {path} has format {version}, this version reads {FORMAT}: update")
        database.execute("COMMIT")
    except sqlite3.Error as error:
        database.close()
        busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        reason = "another run has it open" if busy else str(error)
        raise JournalError(f"the journal {path} cannot be used: {reason}") from None
    except BaseException:
        database.close()
        raise
    return database
