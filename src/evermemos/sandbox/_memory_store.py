"""The part of the store that is for memories: messages, what was made of them, and how far requests are.

Work that goes on in the background is done at once, and counts from a time on: a row is there between two times. So
nothing has to run at that time, and reading does not write.

Statements are written for what is asked, so that SQLite goes by an index of the group or the user. A group is the
narrower one; the plus sign before a column keeps SQLite from choosing the index of the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ._messages import Refused
from ._store import FOREVER, key
from ._times import microseconds, milliseconds
from ._words import fts_query, indexed, scope

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from ._extraction import ExtractedMemory
    from ._store import Record, Store

# Most memories in one answer of a search, and most messages that wait.
MOST = 100
MOST_PENDING = 1000
# Types of which no time is asked for.
_TIMELESS = {"profile", "agent_skill"}
_DAY = 24 * 3600 * 1_000_000


class MemoryFilter(NamedTuple):
    """Which memories are meant. None is any.

    Attributes:
        api (str): The API version that they belong to.
        types (Sequence[str]): Their types.
        user_ids (Sequence[str | None] | None): Whose they are.
        group_ids (Sequence[str | None] | None): Of which groups.
        start (int | None): From when on, in microseconds.
        end (int | None): Until before when.
    """

    api: str
    types: Sequence[str]
    user_ids: Sequence[str | None] | None = None
    group_ids: Sequence[str | None] | None = None
    start: int | None = None
    end: int | None = None

    def scopes(self) -> list[str]:
        """List the scopes of the full-text index that hold all that is meant."""
        if self.group_ids is not None:
            return [_scope(self.api, "group", group_id) for group_id in self.group_ids]
        return [_scope(self.api, "user", user_id) for user_id in self.user_ids or ()]

    def condition(self) -> tuple[str, list[Any]]:
        """Write what a memory must fulfil, and the values for it."""
        now = milliseconds()
        types, values = _is_in("memory.type", self.types)
        words = ["memory.api = ?", types, "memory.since <= ? AND memory.until > ?"]
        found = [self.api, *values, now, now]
        owner, values = _owned("memory.", self.user_ids, self.group_ids)
        words += owner
        found += values
        if not _TIMELESS.issuperset(self.types):
            # Foresights fit that hold on any day of the period, the last one included.
            are_foresights = list(self.types) == ["foresight"]
            first, last = ("ends", "starts <=") if are_foresights else ("time", "time <")
            for name, limit in ((f"memory.{first} >= ?", self.start), (f"memory.{last} ?", self.end)):
                if limit is not None:
                    words.append(name)
                    found.append(limit - limit % _DAY if are_foresights else limit)
        return " AND ".join(words), found


def _scope(api: str, kind: str, owner: str | None) -> str:
    return scope(api, kind, key(owner))


def _is_in(column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Write that a column is one of some values. One alone lets an index give the order as well."""
    if len(values) == 1:
        return f"{column} = ?", [values[0]]
    return f"{column} IN ({', '.join('?' * len(values))})", list(values)


def _owned(
    table: str, user_ids: Sequence[str | None] | None, group_ids: Sequence[str | None] | None
) -> tuple[list[str], list[Any]]:
    """Write whose rows are meant, and the values for it."""
    words: list[str] = []
    found: list[Any] = []
    for column, ids in (("group_key", group_ids), ("user_key", user_ids)):
        if ids is not None:
            # Only the first one goes by an index.
            place = f"+{table}{column}" if words else f"{table}{column}"
            one, values = _is_in(place, [key(each) for each in ids])
            words.append(one)
            found += values
    return words, found


class MemoryStore:
    """Reads and writes what is for memories, within a session of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _execute(self, statement: str, values: Sequence[Any]) -> sqlite3.Cursor:
        return self._store.database.execute(statement, values)

    # Messages

    def add_message(self, api: str, message: Record) -> None:
        """Keep a message that waits until memories are made of it."""
        owner = (key(message[name]) for name in ("user_id", "group_id", "message_id"))
        values = (api, *owner, FOREVER, json.dumps(message))
        self._execute(
            "INSERT INTO message (api, user_key, group_key, id_key, until, record) VALUES (?, ?, ?, ?, ?, ?)", values
        )

    def has_message(self, api: str, message: Record) -> bool:
        """Tell whether a message of the same group, sender and id was kept."""
        owner = (key(message[name]) for name in ("group_id", "user_id", "message_id"))
        found = self._execute(
            "SELECT 1 FROM message WHERE api = ? AND group_key = ? AND user_key = ? AND id_key = ?", (api, *owner)
        )
        return found.fetchone() is not None

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

    def pending(self, wanted: MemoryFilter) -> list[Record]:
        """Read the messages that no memories are there of, the oldest first."""
        owner, values = _owned("", wanted.user_ids, wanted.group_ids)
        found = self._execute(
            f"SELECT record FROM message WHERE {' AND '.join(['api = ?', *owner])} AND until > ?"
            f" ORDER BY number LIMIT {MOST_PENDING}",
            (wanted.api, *values, milliseconds()),
        )
        return [json.loads(text) for (text,) in found]

    def drop_messages(self, api: str, user_id: str | None, group_id: str | None) -> int:
        """Drop the messages of a user, of a group, or of a user in a group, and count them."""
        owner, values = _owned("", user_id and [user_id], group_id and [group_id])
        return self._execute(f"DELETE FROM message WHERE {' AND '.join(['api = ?', *owner])}", (api, *values)).rowcount

    # Memories

    def add(self, api: str, memory: ExtractedMemory, since: int) -> None:
        """Keep a memory, which counts from a time on."""
        record, owner = memory.record, ("user_id", "group_id")
        keys = (key(record.get(name)) for name in ("id", "parent_id", *owner))
        # Profiles are listed by their version.
        time = record["version"] if memory.type == "profile" else microseconds(memory.time)
        days = (each and microseconds(each) // _DAY * _DAY for each in (memory.starts, memory.ends))
        added = self._execute(
            "INSERT INTO memory (api, type, id_key, parent_key, user_key, group_key, time, starts, ends, since, until,"
            " record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (api, memory.type, *keys, time, *days, since, FOREVER, json.dumps(record)),
        )
        if memory.text:
            scopes = [_scope(api, name.removesuffix("_id"), record.get(name)) for name in owner]
            words = added.lastrowid, indexed(memory.text, scopes)
            self._execute("INSERT INTO memory_words (rowid, words) VALUES (?, ?)", words)

    def replace_profile(self, api: str, group_id: str | None, until: int, user_id: str | None) -> Record | None:
        """Let the profile of a user end at a time, and read it. None if there is none."""
        owner = (api, key(group_id), "profile", key(user_id), FOREVER)
        row = self._execute(
            "SELECT number, record FROM memory WHERE api = ? AND group_key = ? AND type = ? AND +user_key = ?"
            " AND until = ?",
            owner,
        ).fetchone()
        if row is None:
            return None
        self._execute("UPDATE memory SET until = ? WHERE number = ?", (until, row[0]))
        record: Record = json.loads(row[1])
        return record

    def count(self, wanted: MemoryFilter) -> int:
        """Count memories."""
        condition, values = wanted.condition()
        found: int = self._execute(f"SELECT count(*) FROM memory WHERE {condition}", values).fetchone()[0]
        return found

    def listed(self, wanted: MemoryFilter, limit: int, offset: int = 0) -> list[tuple[str, Record]]:
        """Read memories with their types, those that happened last first."""
        condition, values = wanted.condition()
        # Foresights that were made at the same time keep their order.
        last_first = "" if list(wanted.types) == ["foresight"] else " DESC"
        found = self._execute(
            f"SELECT type, record FROM memory WHERE {condition}"
            f" ORDER BY time DESC, number{last_first} LIMIT ? OFFSET ?",
            (*values, limit, min(offset, FOREVER)),
        )
        return [(kind, json.loads(text)) for kind, text in found]

    def search(self, wanted: MemoryFilter, query: str, limit: int) -> list[tuple[str, Record, float]]:
        """Read the memories that have words of a query, the best first, with their types and scores.

        The score is how the rank of a memory compares with that of the best one, from 0 to 1.

        Raises:
            Refused: If SQLite cannot search.
        """
        if not wanted.types:
            return []
        if not query.strip():
            return [(kind, record, 1.0) for kind, record in self.listed(wanted, limit)]
        words = fts_query(query, wanted.scopes())
        if words is None:
            return []
        self._refuse_without_words()
        condition, values = wanted.condition()
        # CROSS: from the words to the memories, and not the other way round.
        found = self._execute(
            "SELECT type, record, bm25(memory_words) AS rank"
            " FROM memory_words CROSS JOIN memory ON memory.number = memory_words.rowid"
            f" WHERE memory_words MATCH ? AND {condition} ORDER BY rank, number DESC LIMIT ?",
            (words, *values, limit),
        ).fetchall()
        return [(kind, json.loads(text), round(rank / found[0][2], 4)) for kind, text, rank in found]

    def original_data(self, api: str, ids: Iterable[str | None]) -> dict[str, list[Record]]:
        """Read the messages of MemCells, by their ids."""
        chosen = json.dumps([key(each) for each in set(ids) if each is not None])
        found = self._execute(
            "SELECT record FROM memory WHERE api = ? AND id_key IN (SELECT value FROM json_each(?))"
            " AND type = 'memcell'",
            (api, chosen),
        )
        records: list[Record] = [json.loads(text) for (text,) in found]
        return {record["id"]: record["original_data"] for record in records}

    def delete(
        self, api: str, types: Sequence[str], *, memory_id: str | None, user_id: str | None, group_id: str | None
    ) -> int:
        """Delete MemCells and memories of some types, and count them. They are kept, and never read again.

        Args:
            api (str): The API version.
            types (Sequence[str]): The types, "memcell" among them.
            memory_id (str | None): The id of a MemCell. None is any.
            user_id (str | None): Of which user. None is any.
            group_id (str | None): Of which group. None is any.
        """
        kinds, found = _is_in("+type", types)
        owner, values = _owned("", user_id and [user_id], group_id and [group_id])
        words = ["api = ?", *owner]
        if memory_id is not None:
            # By the indexes of ids, and no other.
            words = [f"+{each.removeprefix('+')}" for each in words]
            words.append(
                "number IN (SELECT number FROM memory WHERE api = ? AND id_key = ? AND type = 'memcell'"
                " UNION SELECT number FROM memory WHERE api = ? AND parent_key = ?)"
            )
            values += [api, key(memory_id)] * 2
        now = milliseconds()
        condition = " AND ".join([*words, kinds, "since <= ? AND until > ?"])
        chosen = (api, *values, *found, now, now)
        return self._execute(f"UPDATE memory SET until = 0 WHERE {condition}", chosen).rowcount

    def _refuse_without_words(self) -> None:
        (made,) = self._execute("SELECT sql FROM sqlite_master WHERE name = 'memory_words'", ()).fetchone()
        if "fts5" not in made:
            raise Refused(501, "The sandbox searches with FTS5, which this SQLite was built without.")

    # Requests

    def add_request(self, api: str, request: Record) -> None:
        """Keep how far a request is. Of several with one id the last counts."""
        self._execute(
            "INSERT OR REPLACE INTO request VALUES (?, ?, ?)", (key(request["request_id"]), api, json.dumps(request))
        )

    def request(self, api: str, request_id: str) -> Record | None:
        """Read how far a request is, None if it is not known."""
        statement = "SELECT record FROM request WHERE id_key = ? AND api = ?"
        row = self._execute(statement, (key(request_id), api)).fetchone()
        record: Record | None = row and json.loads(row[0])
        return record
