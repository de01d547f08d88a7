"""The part of the store that is for memories: messages, what was made of them, and how far requests are.

Work that goes on in the background is done at once, and counts from a time on: a row is there between two times. So
nothing has to run at that time, and reading does not write.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ._messages import Refused
from ._store import FOREVER, key
from ._times import microseconds, milliseconds
from ._words import indexed, question

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from ._extraction import Made
    from ._store import Record, Store

# Most messages that wait, and most memories, in one answer of a search.
MOST = 100

_FITS = (
    " memory.api = :api AND memory.type IN (SELECT value FROM json_each(:types))"
    " AND memory.since <= :now AND memory.until > :now"
    " AND (:id IS NULL OR memory.id_key = :id) AND (:user IS NULL OR memory.user_key = :user)"
    " AND (:groups IS NULL OR memory.group_key IN (SELECT value FROM json_each(:groups)))"
    " AND (:start IS NULL OR memory.time >= :start) AND (:end IS NULL OR memory.time < :end)"
)


class Wanted(NamedTuple):
    """Which memories are meant. None is any.

    Attributes:
        api (str): The API version that they belong to.
        types (Sequence[str]): Their types.
        id (str | None): Their id.
        user_id (str | None): Whose they are.
        group_ids (Sequence[str] | None): Of which groups.
        start (int | None): From when on, in microseconds.
        end (int | None): Until before when.
    """

    api: str
    types: Sequence[str]
    id: str | None = None
    user_id: str | None = None
    group_ids: Sequence[str] | None = None
    start: int | None = None
    end: int | None = None

    def values(self, **more: Any) -> dict[str, Any]:
        """Give the values for the questions of this module."""
        return {
            "api": self.api,
            "types": json.dumps(self.types),
            "id": None if self.id is None else key(self.id),
            "user": None if self.user_id is None else key(self.user_id),
            "groups": None if self.group_ids is None else json.dumps([key(each) for each in self.group_ids]),
            "start": self.start,
            "end": self.end,
            "now": milliseconds(),
            **more,
        }


class MemoryStore:
    """Reads and writes what is for memories, within a session of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _execute(self, statement: str, values: dict[str, Any] | tuple[Any, ...]) -> sqlite3.Cursor:
        return self._store.database.execute(statement, values)

    # Messages

    def add_message(self, api: str, message: Record) -> None:
        """Keep a message that waits until memories are made of it."""
        owner = key(message["user_id"]), key(message["group_id"])
        values = (api, *owner, FOREVER, json.dumps(message))
        self._execute("INSERT INTO message (api, user_key, group_key, until, record) VALUES (?, ?, ?, ?, ?)", values)

    def waiting(self, api: str, group_id: str | None) -> dict[int, Record]:
        """Read the messages of a group that memories were not made of, the oldest first, by their numbers."""
        found = self._execute(
            "SELECT number, record FROM message WHERE api = ? AND group_key = ? AND until = ? ORDER BY number",
            (api, key(group_id), FOREVER),
        )
        return {number: json.loads(text) for number, text in found}

    def take(self, numbers: Iterable[int], since: int) -> None:
        """Note that memories were made of messages, which counts from a time on."""
        chosen = json.dumps(list(numbers))
        self._execute("UPDATE message SET until = ? WHERE number IN (SELECT value FROM json_each(?))", (since, chosen))

    def pending(self, wanted: Wanted) -> list[Record]:
        """Read the messages that no memories are there of, the oldest first."""
        found = self._execute(
            "SELECT record FROM message WHERE api = :api AND until > :now AND (:user IS NULL OR user_key = :user)"
            " AND (:groups IS NULL OR group_key IN (SELECT value FROM json_each(:groups)))"
            f" ORDER BY number LIMIT {MOST}",
            wanted.values(),
        )
        return [json.loads(text) for (text,) in found]

    # Memories

    def add(self, api: str, memory: Made, since: int) -> None:
        """Keep a memory, which counts from a time on."""
        owner = (key(memory.record[name]) for name in ("id", "user_id", "group_id"))
        added = self._execute(
            "INSERT INTO memory (api, type, id_key, user_key, group_key, time, since, until, record)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (api, memory.type, *owner, microseconds(memory.time), since, FOREVER, json.dumps(memory.record)),
        )
        words = added.lastrowid, indexed(memory.text)
        self._execute("INSERT INTO memory_words (rowid, words) VALUES (?, ?)", words)

    def replace_profile(self, api: str, group_id: str | None, until: int, user_id: str | None) -> Record | None:
        """Let the profile of a user end at a time, and read it. None if there is none."""
        owner = (api, key(user_id), key(group_id), "profile", FOREVER)
        row = self._execute(
            "SELECT number, record FROM memory WHERE api = ? AND user_key = ? AND group_key = ? AND type = ?"
            " AND until = ?",
            owner,
        ).fetchone()
        if row is None:
            return None
        self._execute("UPDATE memory SET until = ? WHERE number = ?", (until, row[0]))
        record: Record = json.loads(row[1])
        return record

    def count(self, wanted: Wanted) -> int:
        """Count memories."""
        found: int = self._execute(f"SELECT count(*) FROM memory WHERE{_FITS}", wanted.values()).fetchone()[0]
        return found

    def listed(self, wanted: Wanted, limit: int, offset: int = 0) -> list[tuple[str, Record]]:
        """Read memories with their types, those that happened last first."""
        found = self._execute(
            "SELECT type, record FROM memory WHERE number IN (SELECT number FROM memory"
            f" WHERE{_FITS} ORDER BY time DESC, number DESC LIMIT :limit OFFSET :offset)"
            " ORDER BY time DESC, number DESC",
            wanted.values(limit=limit, offset=min(offset, FOREVER)),
        )
        return [(kind, json.loads(text)) for kind, text in found]

    def search(self, wanted: Wanted, query: str, limit: int) -> list[tuple[str, Record, float]]:
        """Read the memories that have words of a query, the best first, with their types and scores.

        The score is how the rank of a memory compares with that of the best one, from 0 to 1.

        Raises:
            Refused: If SQLite cannot search.
        """
        if not query.strip():
            return [(kind, record, 1.0) for kind, record in self.listed(wanted, limit)]
        words = question(query)
        if words is None:
            return []
        self._refuse_without_words()
        found = self._execute(
            "SELECT type, record, bm25(memory_words) AS rank"
            " FROM memory_words JOIN memory ON memory.number = memory_words.rowid"
            f" WHERE memory_words MATCH :words AND{_FITS} ORDER BY rank, number DESC LIMIT :limit",
            wanted.values(words=words, limit=limit),
        ).fetchall()
        return [(kind, json.loads(text), round(rank / found[0][2], 4)) for kind, text, rank in found]

    def delete(self, wanted: Wanted) -> int:
        """Delete memories, and count them. They are kept, and never read again."""
        return self._execute(f"UPDATE memory SET until = 0 WHERE{_FITS}", wanted.values()).rowcount

    def _refuse_without_words(self) -> None:
        (made,) = self._execute("SELECT sql FROM sqlite_master WHERE name = 'memory_words'", ()).fetchone()
        if "fts5" not in made:
            raise Refused(501, "The sandbox searches with FTS5, which this SQLite was built without.")

    # Requests

    def add_request(self, api: str, request: Record) -> None:
        """Keep how far a request is."""
        self._execute("INSERT INTO request VALUES (?, ?, ?)", (key(request["request_id"]), api, json.dumps(request)))

    def request(self, api: str, request_id: str) -> Record | None:
        """Read how far a request is, None if it is not known."""
        statement = "SELECT record FROM request WHERE id_key = ? AND api = ?"
        row = self._execute(statement, (key(request_id), api)).fetchone()
        record: Record | None = row and json.loads(row[0])
        return record
