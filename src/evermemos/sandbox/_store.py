"""Where the sandbox keeps its records: an SQLite database, in memory or in a file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ..errors import ConfigurationError
from . import _mongodb

if TYPE_CHECKING:
    from collections.abc import Generator

Record: TypeAlias = dict[str, Any]

# Says in the head of the file whose it is ("EVMO"), and in which format.
APPLICATION_ID = 0x45564D4F
FORMAT = 3
# The end of a row that has none. Messages and memories count between two times, in milliseconds: from 0 on what counts
# at once, until 0 what was deleted, so that no clock has a say in it.
FOREVER = 2**63 - 1
TABLES = (
    "CREATE TABLE IF NOT EXISTS conversation_meta"
    " (api TEXT, group_id TEXT, record TEXT NOT NULL, PRIMARY KEY (api, group_id))",
    "CREATE TABLE IF NOT EXISTS message (number INTEGER PRIMARY KEY, api TEXT NOT NULL, user_key TEXT NOT NULL,"
    " group_key TEXT NOT NULL, id_key TEXT NOT NULL, until INTEGER NOT NULL, record TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS message_of_group ON message (api, group_key, until)",
    "CREATE INDEX IF NOT EXISTS message_of_user ON message (api, user_key, until)",
    "CREATE INDEX IF NOT EXISTS message_by_id ON message (api, group_key, user_key, id_key)",
    "CREATE TABLE IF NOT EXISTS memory (number INTEGER PRIMARY KEY, api TEXT NOT NULL, type TEXT NOT NULL,"
    " id_key TEXT NOT NULL, parent_key TEXT NOT NULL, user_key TEXT NOT NULL, group_key TEXT NOT NULL,"
    " time INTEGER NOT NULL, starts INTEGER, ends INTEGER, since INTEGER NOT NULL, until INTEGER NOT NULL,"
    " record TEXT NOT NULL)",
    # In the order of a list, and with what counts, so that records are read only of what is given.
    "CREATE INDEX IF NOT EXISTS memory_of_group ON memory (api, group_key, type, time, number, since, until)",
    "CREATE INDEX IF NOT EXISTS memory_of_user ON memory (api, user_key, type, time, number, since, until)",
    "CREATE INDEX IF NOT EXISTS memory_by_id ON memory (api, id_key)",
    "CREATE INDEX IF NOT EXISTS memory_by_parent ON memory (api, parent_key)",
    "CREATE TABLE IF NOT EXISTS request (id_key TEXT PRIMARY KEY, api TEXT NOT NULL, record TEXT NOT NULL)",
)
WORDS = "CREATE VIRTUAL TABLE IF NOT EXISTS memory_words USING fts5 (words, tokenize = 'porter unicode61')"
# In its place where SQLite was built without: all but search goes on.
NO_WORDS = "CREATE TABLE IF NOT EXISTS memory_words (words TEXT)"
FILLED = ("conversation_meta", "message", "memory", "memory_words", "request")
# What a file of an older format has in another form. No release has made such memories.
REMADE = ("message", "memory", "memory_words", "request")
# Seconds to wait for another process that writes to the same file: a write takes less than a thousandth of that.
PATIENCE = 2.0


class Store:
    """The records of a sandbox. Safe to use from several threads and, with a file, from several processes.

    A record that was written outlives the process from the moment the write returns, also when that is killed.

    Args:
        path (str | os.PathLike[str] | None): The file, made if it does not exist. None keeps the records in memory.

    Raises:
        ConfigurationError: If the file cannot be opened and written, or is not a store that this version can read.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._lock = threading.RLock()
        if path in ("", ":memory:"):
            raise ConfigurationError(
                f"store is {path!r}: expected the path of a file, or None to keep records in memory"
            )
        try:
            self.path = None if path is None else Path(path).absolute()
        except TypeError:
            raise ConfigurationError(f"store is of type {type(path).__name__}: expected the path of a file") from None
        self._is_closed = False
        self._open()
        _stores.add(self)

    def _open(self) -> None:
        try:
            if self.path and self.path.is_dir():
                self._fail("it is a folder: name a file")
            if self.path and not self.path.parent.is_dir():
                self._fail(f"there is no folder {self.path.parent}: make it, or name another file")
            # isolation_level=None: transactions begin where this module says so.
            self._database = sqlite3.connect(
                self.path or ":memory:", timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
        except (sqlite3.Error, OSError, ValueError) as error:
            self._fail(f"{error}: expected the name of a file that can be written")
        # A connection that is left to the garbage collector gives a warning.
        self.disconnect = weakref.finalize(self, self._database.close)
        try:
            self._prepare(self._database)
        except sqlite3.Error as error:
            self.disconnect()
            is_busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            hint = "another process is writing to it" if is_busy else "expected a store of the sandbox, or a new file"
            self._fail(f"{error}: {hint}")
        except ConfigurationError:
            self.disconnect()
            raise

    def _prepare(self, database: sqlite3.Connection) -> None:
        owner, version, tables = (
            database.execute(question).fetchone()[0]
            for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if owner != APPLICATION_ID and (owner or version or tables):
            self._fail("it is a database of another program: name another file")
        if version > FORMAT:
            self._fail(f"it has format {version}, this version of evermemos-client reads {FORMAT}: update the package")
        # The log survives a killed process whole; NORMAL leaves out the wait for the disk, which only a machine that
        # loses power would need.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with database:
            database.execute("BEGIN IMMEDIATE")
            # Asked again, since another process may just have made the file.
            (version,) = database.execute("PRAGMA user_version").fetchone()
            for table in REMADE if version < FORMAT else ():
                database.execute(f"DROP TABLE IF EXISTS {table}")
            for table in TABLES:
                database.execute(table)
            try:
                database.execute(WORDS)
            except sqlite3.OperationalError as error:
                if "no such module" not in str(error):
                    raise
                database.execute(NO_WORDS)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {FORMAT}")

    def _fail(self, reason: str) -> NoReturn:
        raise ConfigurationError(f"the store {self.path} cannot be used: {reason}") from None

    @property
    def database(self) -> sqlite3.Connection:
        """The open database. To be used within a session."""
        return self._database

    def close(self) -> None:
        """End the use of the store."""
        with self._lock:
            self._is_closed = True
            self.disconnect()

    @contextmanager
    def session(self, *, write: bool) -> Generator[None]:
        """Keep others out for as long as the context lasts. What was written counts once it ends without an error.

        Raises:
            ConfigurationError: If the store is closed.
        """
        with self._lock:
            if self._is_closed:
                raise ConfigurationError("the sandbox was closed: make a new one")
            if not self.disconnect.alive:
                self._open()
            # In memory the lock is enough: nobody else is there, and an operation writes once nothing can refuse it.
            if not write or self.path is None:
                yield
                return
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                yield

    def get(self, api: str, group_id: str | None) -> Record | None:
        """Read the record of a group, or the default record for None.

        Raises:
            Unmanageable: If servers could not read it.
        """
        question = "SELECT record FROM conversation_meta WHERE api = ? AND group_id = ?"
        row = self._database.execute(question, (api, key(group_id))).fetchone()
        return row and _mongodb.loads(row[0])

    def find(self, api: str, group_id: str | None) -> Record | None:
        """Read the record of a group. One that servers could not read is as none."""
        try:
            return self.get(api, group_id)
        except _mongodb.Unmanageable:
            return None

    def put(self, api: str, record: Record) -> str:
        """Write a record, in the place of the one that its group has, and return its JSON.

        Raises:
            Unmanageable: If MongoDB could not hold it. Nothing is written then.
        """
        text = _mongodb.dumps(record)
        self._database.execute(
            "INSERT INTO conversation_meta VALUES (?, ?, ?)"
            " ON CONFLICT (api, group_id) DO UPDATE SET record = excluded.record",
            (api, key(record["group_id"]), text),
        )
        return text

    def newest(self, count: int) -> tuple[int, list[tuple[str, Record]]]:
        """Tell how many records there are, and read the ones that were made last, with their API version."""
        total = self._database.execute("SELECT count(*) FROM conversation_meta").fetchone()[0]
        question = "SELECT api, record FROM conversation_meta ORDER BY rowid DESC LIMIT ?"
        return total, [(api, json.loads(text)) for api, text in self._database.execute(question, (count,))]

    def clear(self) -> None:
        """Drop all records."""
        for table in FILLED:
            self._database.execute(f"DELETE FROM {table}")


# SQLite's connections and locks do not outlive a fork: in a child that merely inherits them, writes get lost. So files
# are given up before a fork, and opened anew at their next use, on both sides of it.
_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_forking: list[Store] = []


def _before_fork() -> None:
    _forking.extend(_stores)
    for store in _forking:
        store._lock.acquire()  # noqa: SLF001
        if store.path:
            store.disconnect()


def _after_fork() -> None:
    while _forking:
        _forking.pop()._lock.release()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def key(text: str | None) -> str:
    """Write an id so that SQLite can compare it: as JSON, null and any text have a form of their own."""
    return json.dumps(text)
