"""The operations on memories of both API versions."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ._extraction import EPISODE, extract, new_id
from ._memory_store import MOST, MemoryStore, Wanted
from ._messages import Accepted, Refused, now
from ._times import microseconds, milliseconds, moment, refuse_vague

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeAlias

    from ._spec import Spec
    from ._store import Record, Store

    Behaviour: TypeAlias = Callable[[Record | None], Record | Accepted]

# By type, the schemas of what a list and what a search gives of a memory.
SCHEMAS = {
    "episodic_memory": ("EpisodicMemory", "SearchEpisodicMemory"),
    "event_log": ("EventLogMemory", "SearchEventLogMemory"),
    "profile": ("ProfileMemory", "SearchProfile"),
}
BROKEN = "Failed to store memory, please try again later"


class Pace(NamedTuple):
    """How messages are worked on.

    Attributes:
        background (bool): Whether an answer to a message does not wait for it.
        seconds (float): How long it takes in the background.
    """

    background: bool
    seconds: float


def behaviours(store: Store, spec: Spec, pace: Pace, set_meta: Callable[[Record], object]) -> dict[str, Behaviour]:
    """List what each operation does, by its id.

    Args:
        store (Store): Where memories are kept.
        spec (Spec): What the operations are.
        pace (Pace): How messages are worked on.
        set_meta (Callable[[Record], object]): Sets the metadata of a conversation on v1.
    """
    v0, v1 = MemoriesV0(store, spec, pace), MemoriesV1(store, spec, pace)
    found: dict[str, Behaviour] = {}
    for memories in (v0, v1):
        for verb in ("get", "add", "search", "delete"):
            found[f"{verb}_memories_{memories.api}"] = getattr(memories, verb)
    return {**found, "load_memories_v1": lambda params: v1.load(params, set_meta)}


class MemoriesV1:
    """The memories of /api/v1, and what can be done to them.

    In which way they are to be searched is read and has no effect: it is always by words.
    """

    api: ClassVar[str] = "v1"
    # What a deletion may call the id of a memory. The first that is given counts.
    ids: ClassVar[tuple[str, ...]] = ("event_id",)
    # Whether an empty id is as none.
    drops_empty: ClassVar[bool] = True
    # Whether a time that cannot be read is the current one.
    makes_up_times: ClassVar[bool] = True
    # Whether a period has in it the time at which it ends.
    ends_inside: ClassVar[bool] = False
    # Which types are searched where none are asked for.
    searched: ClassVar[tuple[str, ...]] = ("episodic_memory",)
    # How many memories an answer has where that is not asked for: from servers, and as documented.
    usual: ClassVar[tuple[int, int]] = (10, 40)

    def __init__(self, store: Store, spec: Spec, pace: Pace) -> None:
        self._store = MemoryStore(store)
        self._pace = pace
        self.strict = spec.strict
        names = {schema: list(content.get("properties", ())) for schema, content in spec.schemas.items()}
        self._listed, self._found = ({kind: names[both[n]] for kind, both in SCHEMAS.items()} for n in (0, 1))
        self._pending, self._asked = names["PendingMessage"], names["QueryMetadata"]

    # Reading

    def get(self, params: Record | None) -> Record:
        """List memories of one type, the last first."""
        given = self._given(params)
        self._refuse_everybody(given)
        limit = int(given.get("limit", self.usual[self.strict]))
        found = self._store.listed(self._wanted(given, [_kind(given)]), limit + 1)
        counts = {"total_count": len(found[:limit]), "has_more": len(found) > limit}
        return self._list(found[:limit], counts, {"user_id": given.get("user_id"), "memory_type": "fetch"})

    def search(self, params: Record | None) -> Record:
        """Find memories, by group. Profiles have no place in the answer."""
        given = self._given(params)
        self._refuse_everybody(given)
        kinds = given.get("memory_types") or self.searched
        wanted = self._wanted(given, [kind for kind in kinds if kind != "profile"])
        limit = int(given.get("top_k", self.usual[self.strict]))
        found = self._search(wanted, given, limit + 1)
        groups: dict[str, list[tuple[str, Record, float]]] = {}
        for each in found[:limit]:
            groups.setdefault(each[1]["group_id"] or "", []).append(each)
        source = {"source": _method(given), "user_id": given.get("user_id"), "memory_type": "retrieve"}
        result = {
            "memories": [{group: self._as_found(items)} for group, items in groups.items()],
            "scores": [{group: [score for _, _, score in items]} for group, items in groups.items()],
            "importance_scores": [items[0][2] for items in groups.values()],
            "original_data": [],
            "total_count": len(found[:limit]),
            "has_more": len(found) > limit,
            "query_metadata": source,
        }
        return self._finding(wanted, given, result, source, f"{len(groups)} groups")

    # Writing

    def add(self, params: Record | None) -> Record | Accepted:
        """Keep a message, and make memories once those of its group are enough."""
        message = self._message(params)
        if self._pace.background:
            return _accepted(self._receive([message], status=202, delayed=True)[0])
        _, count = self._receive([message], status=200, delayed=False)
        words = f"Extracted {count} memories" if count else "Message queued, awaiting boundary detection"
        told = {"saved_memories": [], "count": count, "status_info": "extracted" if count else "accumulated"}
        return {"status": "ok", "message": words, "result": told}

    def load(self, params: Record | None, set_meta: Callable[[Record], object]) -> Accepted:
        """Keep the messages of a conversation, make memories of all of them, and set its metadata."""
        if params is None:
            raise Refused(500, BROKEN)
        meta = {name: value for name, value in params["conversation_meta"].items() if value is not None}
        group_id = meta["group_id"]
        group = {"group_id": group_id, "group_name": meta.get("name")}
        messages = [self._message({**message, **group}) for message in params.get("conversation_list") or []]
        needed = {"version": params.get("version") or "1.0", "name": group_id, "created_at": now()}
        set_meta({**needed, "scene": "group_chat", "scene_desc": {}, **meta})
        request_id, _ = self._receive(messages, status=202, delayed=True, flush=True, path="/import")
        words = "Conversation accepted and queued for processing"
        counts = {"total_count": len(messages), "imported_meta": True}
        return Accepted({"status": "queued", "message": words, "request_id": request_id, **counts})

    def delete(self, params: Record | None) -> Record:
        """Delete the memories that fit all that is given."""
        given = self._given(params)
        ids = [given[name] for name in self.ids if given.get(name)]
        chosen = {self.ids[0]: ids[0]} if ids else {}
        chosen |= {name: given[name] for name in ("user_id", "group_id") if name in given}
        if not chosen:
            raise Refused(400, f"At least one of {self.ids[0]}, user_id, or group_id must be provided")
        count = self._store.delete(self._wanted(chosen, list(SCHEMAS))._replace(id=chosen.get(self.ids[0])))
        self._refuse_nothing(count)
        words = f"Successfully deleted {count} {'memory' if count == 1 else 'memories'}"
        return {"status": "ok", "message": words, "result": {"filters": list(chosen), "count": count}}

    # What they have in common

    def _given(self, params: Record | None) -> Record:
        """Leave out what is null, and ids that are empty where that is the same."""
        ids = {*self.ids, "user_id", "group_id"} if self.drops_empty else set[str]()
        given = (params or {}).items()
        return {name: value for name, value in given if value is not None and (value or name not in ids)}

    def _wanted(self, given: Record, kinds: Sequence[str]) -> Wanted:
        start, end = (
            microseconds(self._time(name, given[name])) if name in given else None
            for name in ("start_time", "end_time")
        )
        return Wanted(
            self.api,
            kinds,
            user_id=given.get("user_id"),
            group_ids=[given["group_id"]] if "group_id" in given else given.get("group_ids") or None,
            start=start,
            end=end if end is None else end + self.ends_inside,
        )

    def _list(self, found: Collection[tuple[str, Record]], counts: Record, source: Record) -> Record:
        memories = [{name: record.get(name) for name in self._listed[kind]} for kind, record in found]
        result = {"memories": memories, **counts, "metadata": {"source": "fetch_mem_service", **source}}
        return {
            "status": "ok",
            "message": f"Memory retrieval successful, retrieved {len(found)} memories",
            "result": result,
        }

    def _search(self, wanted: Wanted, given: Record, limit: int) -> list[tuple[str, Record, float]]:
        """Find memories that fit well enough, the best first, with their types and scores."""
        found = self._store.search(wanted, given.get("query", ""), limit)
        return [each for each in found if each[2] >= given.get("radius", 0)]

    def _as_found(self, found: Collection[tuple[str, Record, float]]) -> list[Record]:
        return [{name: record.get(name) for name in self._found[kind]} for kind, record, _ in found]

    def _finding(self, wanted: Wanted, given: Record, result: Record, source: Record, count: str) -> Record:
        pending = self._store.pending(wanted)
        result |= {
            "metadata": source if given.get("include_metadata", True) else None,
            "pending_messages": [{name: each.get(name) for name in self._pending} for each in pending],
        }
        return {"status": "ok", "message": f"Memory search successful, retrieved {count}", "result": result}

    def _message(self, params: Record | None) -> Record:
        """Read a message that is to be kept."""
        if params is None:
            raise Refused(500, BROKEN)
        time, sender, made = params.get("create_time"), params.get("sender"), now()
        if self.strict and isinstance(time, str):
            refuse_vague("create_time", time)
        written = datetime.now(UTC) if time is None else self._time("create_time", time)
        return {
            "id": new_id(),
            "message_id": params.get("message_id") or new_id(),
            "group_id": params.get("group_id"),
            "group_name": params.get("group_name"),
            "user_id": sender,
            "sender": sender,
            "sender_name": params.get("sender_name") or sender or "unknown",
            "role": params.get("role"),
            "content": params.get("content") or "",
            "refer_list": [each for each in params.get("refer_list") or [] if isinstance(each, str)],
            "message_create_time": written.isoformat(),
            "created_at": made,
            "updated_at": made,
        }

    def _time(self, name: str, value: Any) -> datetime:
        found = moment(value)
        if found is None and (self.strict or not self.makes_up_times):
            raise Refused(400, f"{name} is not a time in ISO 8601, such as 2025-01-15T10:00:00+00:00")
        return found or datetime.now(UTC)

    def _receive(
        self, messages: Collection[Record], *, status: int, delayed: bool, flush: bool = False, path: str = ""
    ) -> tuple[str, int]:
        """Keep messages of one group, make memories when there are enough of it, and note how far that is.

        Returns:
            tuple[str, int]: The id of the request, and how many memories were made.
        """
        # Not before it is needed: to import it takes 2 ms.
        from uuid import uuid4

        request_id, start = str(uuid4()), milliseconds()
        takes = round(self._pace.seconds * 1000) if delayed else 0
        since = start + takes if takes else 0
        count = 0
        for number, message in enumerate(messages, 1):
            self._store.add_message(self.api, {**message, "request_id": request_id})
            is_over = flush and number == len(messages)
            count += self._extract(message["group_id"], 1 if is_over else EPISODE, since)
        url = f"/api/{self.api}/memories{path}"
        told = {"request_id": request_id, "url": url, "method": "POST", "http_code": status}
        self._store.add_request(self.api, {**told, "start_time": start, "time_ms": takes, "since": since})
        return request_id, count

    def _extract(self, group_id: str | None, least: int, since: int) -> int:
        """Make memories of the messages of a group that wait, if there are so many, and count them."""
        waiting = self._store.waiting(self.api, group_id)
        if len(waiting) < least:
            return 0
        old_profile = partial(self._store.replace_profile, self.api, group_id, since)
        made = list(extract(list(waiting.values()), old_profile))
        for memory in made:
            self._store.add(self.api, memory, since)
        self._store.take(waiting, since)
        return len(made)

    # What only some refuse

    def _refuse_everybody(self, given: Record) -> None:
        if "user_id" not in given and "group_id" not in given:
            raise Refused(400, "At least one of user_id or group_id must be provided")

    def _refuse_nothing(self, count: int) -> None:
        if not count:
            raise Refused(404, "No memories found matching the criteria or already deleted")


class MemoriesV0(MemoriesV1):
    """The memories of /api/v0. They are listed in pages, and found without regard to groups."""

    api = "v0"
    ids = ("memory_id", "id", "event_id")
    drops_empty = False
    makes_up_times = False
    ends_inside = True
    searched = ("profile", "episodic_memory")

    def get(self, params: Record | None) -> Record:
        """List one page of the memories of one type, the last first."""
        given = self._given(params)
        page, size, kind = int(given.get("page", 1)), int(given.get("page_size", 20)), _kind(given)
        wanted = self._wanted(given, [kind])
        found = self._store.listed(wanted, size, (page - 1) * size)
        counts = {"total_count": self._store.count(wanted), "count": len(found)}
        asked = {"user_id": given.get("user_id"), "group_ids": given.get("group_ids"), "memory_types": [kind]}
        return self._list(found, counts, asked)

    def search(self, params: Record | None) -> Record:
        """Find memories and profiles."""
        given = self._given(params)
        kinds, top = list(given.get("memory_types") or self.searched), int(given.get("top_k", -1))
        wanted = self._wanted(given, [kind for kind in kinds if kind != "profile"])
        limit = MOST if top < 0 else top
        found = self._search(wanted, given, limit)
        people = self._search(wanted._replace(types=["profile"] if "profile" in kinds else []), given, limit)
        asked = {"memory_types": kinds, "retrieve_method": _method(given), "top_k": top}
        result = {
            "memories": self._as_found(found),
            "profiles": self._as_found(people),
            "total_count": len(found),
            "query_metadata": {name: given.get(name) for name in self._asked} | asked,
        }
        source = {"source": _method(given), "user_id": given.get("user_id"), "memory_types": kinds}
        return self._finding(wanted, given, result, source, f"{len(found)} memories")

    def add(self, params: Record | None) -> Record | Accepted:
        """Keep a message, and make memories once those of its group are enough, or at once."""
        status, flush = 202 if self._pace.background else 200, (params or {}).get("flush", False)
        request_id, _ = self._receive([self._message(params)], status=status, delayed=True, flush=flush)
        if self._pace.background:
            return _accepted(request_id)
        return {"status": "ok", "message": "Message accepted and queued for processing", "request_id": request_id}

    def _as_found(self, found: Collection[tuple[str, Record, float]]) -> list[Record]:
        """Give the score with each of them."""
        items = super()._as_found(found)
        return [item | {"score": score} for item, (_, _, score) in zip(items, found, strict=True)]

    def _refuse_everybody(self, given: Record) -> None:
        """Let everything be read."""

    def _refuse_nothing(self, count: int) -> None:
        """Let nothing be deleted."""


def _kind(given: Record) -> str:
    return str(given.get("memory_type", "episodic_memory"))


def _method(given: Record) -> str:
    return str(given.get("retrieve_method", "keyword"))


def _accepted(request_id: str) -> Accepted:
    return Accepted({"message": "Request accepted, processing in background", "request_id": request_id})
