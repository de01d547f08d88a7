"""The operations on memories of both API versions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from . import _memory_requests
from ._extraction import EPISODE, extract, new_id
from ._memory_items import LISTED, found, found_of_profile, listed, metadata
from ._memory_requests import ALL, MODELS
from ._memory_store import MOST, MemoryFilter, MemoryStore
from ._messages import Accepted, Refused, now
from ._times import microseconds, milliseconds, moment, refuse_vague

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    from ._spec import Spec
    from ._store import Record, Store

    Headers: TypeAlias = Mapping[str, str]
    Behaviour: TypeAlias = Callable[[Record | None, Headers], Record | Accepted]

BROKEN = "Failed to store memory, please try again later"
# What goes when its MemCell goes.
CASCADE = ("episodic_memory", "event_log", "foresight")


class Pace(NamedTuple):
    """How messages are worked on.

    Attributes:
        background (bool): Whether an answer to a message does not wait for it.
        seconds (float): How long it takes in the background.
        extraction (bool): Whether memories are made of messages at all.
    """

    background: bool
    seconds: float
    extraction: bool


def behaviours(
    store: Store, spec: Spec, pace: Pace, set_meta: Mapping[str, Callable[[Record | None], object]]
) -> dict[str, Behaviour]:
    """List what each operation does, by its id.

    Args:
        store (Store): Where memories are kept.
        spec (Spec): What the operations are.
        pace (Pace): How messages are worked on.
        set_meta (Mapping[str, Callable[[Record | None], object]]): Sets the metadata of a conversation, by API version.
    """
    all_memories = MemoriesV0(store, spec, pace, set_meta["v0"]), MemoriesV1(store, spec, pace, set_meta["v1"])
    behaviours: dict[str, Behaviour] = {"load_memories_v1": all_memories[1].load}
    for memories in all_memories:
        for verb in ("get", "add", "search", "delete"):
            behaviours[f"{verb}_memories_{memories.api}"] = getattr(memories, verb)
    return behaviours


class MemoriesV1:
    """The memories of /api/v1, and what can be done to them.

    In which way they are to be searched is read and has no effect: it is always by words.
    """

    api: ClassVar[str] = "v1"
    # The fields of a message that must not be empty, in the order in which servers look at them.
    needed: ClassVar[tuple[str, ...]] = ("message_id", "create_time", "sender", "content")
    # How many memories an answer has where that is not asked for: from servers, and as documented.
    usual: ClassVar[tuple[int, int]] = (10, 40)

    def __init__(self, store: Store, spec: Spec, pace: Pace, set_meta: Callable[[Record | None], object]) -> None:
        self._records = store
        self._store = MemoryStore(store)
        self._pace = pace
        self._set_meta = set_meta
        self.strict = spec.strict

    # Reading

    def get(self, params: Record | None, _: Headers) -> Record:
        """List memories of one type, the last first."""
        asked = _memory_requests.listing(self.api, params or {}, self.usual[self.strict], strict=self.strict)
        kind, limit, group_id = asked["memory_type"], asked["limit"], asked["group_id"]
        wanted = self._wanted(asked, [kind], _ids(group_id))
        memories = self._store.listed(wanted, -1 if limit is None else limit) if kind in LISTED[self.api] else []
        result = {
            "memories": self._as_listed(memories, None if group_id == ALL else group_id),
            "total_count": len(memories),
            "has_more": len(memories) == limit,
            "metadata": metadata(
                self.api, kind, user_id=asked["user_id"], kinds=[kind], group_ids=[group_id], limit=limit
            ),
        }
        return _ok(f"Memory retrieval successful, retrieved {len(memories)} memories", result)

    def search(self, params: Record | None, _: Headers) -> Record:
        """Find memories, by group. Profiles have no place in the answer."""
        asked = _memory_requests.search(self.api, params or {}, self.usual[self.strict], strict=self.strict)
        kinds = [kind for kind in asked["memory_types"] if kind in LISTED[self.api] and kind != "profile"]
        wanted = self._wanted(asked, kinds, _ids(asked["group_id"]))
        limit = asked["top_k"]
        memories = self._search(wanted, asked, limit + 1)
        groups: dict[str, list[tuple[str, Record, float]]] = {}
        for each in memories[:limit]:
            groups.setdefault(each[1]["group_id"] or "", []).append(each)
        source = metadata(
            self.api, asked["retrieve_method"], user_id=asked["user_id"], kinds=[asked["memory_types"][0]]
        )
        result = {
            "memories": [
                {group: [found(kind, record, None) for kind, record, _ in items]} for group, items in groups.items()
            ],
            "scores": [{group: [score for _, _, score in items]} for group, items in groups.items()],
            "importance_scores": [items[0][2] for items in groups.values()],
            "original_data": [],
            "total_count": len(memories[:limit]),
            "has_more": len(memories) > limit,
            "query_metadata": source,
            "metadata": source,
            "pending_messages": self._pending(wanted),
        }
        return _ok(f"Memory search successful, retrieved {len(groups)} groups", result)

    # Writing

    def add(self, params: Record | None, headers: Headers) -> Record | Accepted:
        """Keep a message, and make memories once those of its group are enough."""
        message, request_id = self._message(params), _request_id(headers)
        if not (message["group_id"] or self.strict):
            # Taken with a 200, and thrown away.
            return _accepted(request_id) if self._pace.background else _added(0)
        if self._pace.background:
            self._receive([message], request_id, status=202)
            return _accepted(request_id)
        return _added(self._receive([message], request_id))

    def load(self, params: Record | None, headers: Headers) -> Accepted:
        """Keep the messages of a conversation, make memories of all of them, and set its metadata."""
        if params is None:
            raise Refused(500, BROKEN)
        meta = {name: value for name, value in params["conversation_meta"].items() if value is not None}
        group_id = meta["group_id"]
        group = {"group_id": group_id, "group_name": meta.get("name")}
        messages = [self._kept({**message, **group}) for message in params.get("conversation_list") or []]
        needed = {"version": params.get("version") or "1.0", "name": group_id, "created_at": now()}
        if isinstance(told := self._set_meta({**needed, "scene": "group_chat", "scene_desc": {}, **meta}), Refused):
            raise told
        request_id = _request_id(headers)
        self._receive(messages, request_id, status=202, flush=True, path="/import")
        words = "Conversation accepted and queued for processing"
        counts = {"total_count": len(messages), "imported_meta": True}
        return Accepted({"status": "queued", "message": words, "request_id": request_id, **counts})

    def delete(self, params: Record | None, _: Headers) -> Record:
        """Mark the MemCells that fit all that is given as deleted. What was made of them stays, unless strict.

        A MemCell has no user, so that none fits where a user is given.
        """
        names = ("event_id", "user_id", "group_id")
        chosen = self._criteria({name: (params or {}).get(name, ALL) for name in names})
        event_id = chosen.get("event_id")
        if event_id is not None and not re.fullmatch("[0-9a-fA-F]{24}", event_id):
            raise Refused(404, f"Invalid event_id format: {event_id}")
        if not chosen:
            raise Refused(404, "No deletion criteria provided")
        count = self._delete(chosen, event_id, ["memcell"])
        if self.strict:
            count = self._delete(chosen, event_id, CASCADE)
        if not count:
            raise Refused(404, "No memories found matching the criteria or already deleted")
        words = f"Successfully deleted {count} {'memory' if count == 1 else 'memories'}"
        return _ok(words, {"filters": list(chosen), "count": count})

    # What they have in common

    def _wanted(self, asked: Record, kinds: Sequence[str], group_ids: Sequence[str | None] | None) -> MemoryFilter:
        # An empty text is no time.
        start, end = (
            microseconds(self._time(name, asked[name])) if asked[name] else None for name in ("start_time", "end_time")
        )
        return MemoryFilter(self.api, kinds, _ids(asked["user_id"]), group_ids, start, end)

    def _as_listed(self, memories: Collection[tuple[str, Record]], group_id: str | None) -> list[Record]:
        """Write memories as a list gives them, with what the metadata of a group says of their users."""
        group = self._records.find(self.api, group_id) if group_id and memories else None
        people = (group or {}).get("user_details") or {}
        parents = [record.get("parent_id") for _, record in memories]
        originals = self._store.original_data(self.api, parents) if self.api == "v0" and memories else {}
        return [
            listed(self.api, kind, record, people, originals.get(record.get("parent_id") or ""))
            for kind, record in memories
        ]

    def _search(self, wanted: MemoryFilter, asked: Record, limit: int) -> list[tuple[str, Record, float]]:
        """Find memories that fit well enough, the best first, with their types and scores."""
        memories = self._store.search(wanted, asked["query"] or "", limit)
        return [each for each in memories if each[2] >= (asked["radius"] or 0)]

    def _pending(self, wanted: MemoryFilter) -> list[Record]:
        names = (
            *("id", "request_id", "message_id", "group_id", "user_id", "sender", "sender_name", "group_name"),
            *("content", "refer_list", "message_create_time", "created_at", "updated_at"),
        )
        return [{name: each[name] for name in names} for each in self._store.pending(wanted)]

    def _message(self, params: Record | None) -> Record:
        """Read a message that somebody sends."""
        if params is None:
            raise Refused(500, BROKEN)
        for name in self.needed:
            if not params[name]:
                raise Refused(400, f"Missing required field: {name}")
        return self._kept(params)

    def _kept(self, params: Record) -> Record:
        """Write a message as it is kept."""
        time, sender = params.get("create_time"), params.get("sender")
        if self.strict and isinstance(time, str):
            refuse_vague("create_time", time)
        written = datetime.now(UTC) if time is None else self._time("create_time", time)
        made = f"{now()[:23]}000+00:00"
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
            "refer_list": [each for each in params.get("refer_list") or [] if isinstance(each, str)] or None,
            "message_create_time": written.isoformat(),
            "created_at": made,
            "updated_at": made,
        }

    def _time(self, name: str, value: Any) -> datetime:
        """Read a time. Servers take the current one where there is none."""
        time = moment(value)
        if time is None and self.strict:
            raise Refused(400, f"{name} is not a time in ISO 8601, such as 2025-01-15T10:00:00+00:00")
        return time or datetime.now(UTC)

    def _receive(
        self,
        messages: Collection[Record],
        request_id: str,
        *,
        status: int | None = None,
        flush: bool = False,
        path: str = "",
    ) -> int:
        """Keep messages of one group, make memories when there are enough of it, and count those.

        Args:
            messages (Collection[Record]): The messages.
            request_id (str): The id of the request.
            status (int | None): The status of an answer that does not wait, after which somebody may ask how far the
                request is. None: the answer waits, and nothing is known of the request afterwards, as on servers.
            flush (bool): Whether memories are made however few messages there are.
            path (str): The end of the path of the request.
        """
        start = milliseconds()
        takes = 0 if status is None else round(self._pace.seconds * 1000)
        since = start + takes if takes else 0
        count = 0
        for number, message in enumerate(messages, 1):
            self._store.add_message(self.api, {**message, "request_id": request_id})
            count += self._extract(message["group_id"], since, is_over=flush and number == len(messages))
        if status is not None:
            url = f"/api/{self.api}/memories{path}"
            request = {"request_id": request_id, "url": url, "method": "POST", "http_code": status}
            self._store.add_request(self.api, {**request, "start_time": start, "time_ms": takes, "since": since})
        return count

    def _extract(self, group_id: str | None, since: int, *, is_over: bool) -> int:
        """Make memories of the messages of a group that wait, if they are enough or the last ones, and count those."""
        waiting = self._store.waiting(self.api, group_id) if self._pace.extraction or is_over else {}
        if not waiting or (len(waiting) < EPISODE and not is_over):
            return 0
        # Without a language model nothing is made of them.
        old_profile = partial(self._store.replace_profile, self.api, group_id, since)
        memories = list(extract(list(waiting.values()), old_profile)) if self._pace.extraction else []
        for memory in memories:
            self._store.add(self.api, memory, since)
        self._store.take(waiting, since)
        return sum(memory.type != "memcell" for memory in memories)

    def _criteria(self, given: Record) -> dict[str, str]:
        """Check by what is deleted, and leave out what servers leave out: null, the empty text, and any."""
        if words := MODELS[f"delete_memories_{self.api}"].refusal(given):
            raise Refused(400, words)
        return {name: value for name, value in given.items() if value and value != ALL}

    def _delete(self, chosen: Mapping[str, str], memory_id: str | None, types: Sequence[str]) -> int:
        owner = {name: chosen.get(name) for name in ("user_id", "group_id")}
        return self._store.delete(self.api, types, memory_id=memory_id, **owner)


class MemoriesV0(MemoriesV1):
    """The memories of /api/v0. They are listed in pages, and found without regard to groups."""

    api = "v0"
    needed = ("sender", "message_id", "create_time", "content")

    def get(self, params: Record | None, _: Headers) -> Record:
        """List one page of the memories of one type, the last first. Profiles are one item, even if there are none."""
        asked = _memory_requests.listing(self.api, params or {}, 20, strict=self.strict)
        kind, groups, size = asked["memory_type"], asked["group_ids"], asked["page_size"]
        wanted = self._wanted(asked, [kind], groups)
        memories = self._as_listed(
            self._store.listed(wanted, size, (asked["page"] - 1) * size), groups[0] if groups else None
        )
        if kind == "profile":
            owner = {"user_id": asked["user_id"], "group_ids": groups}
            memories = [{**owner, "profiles": memories, "global_profile": None}]
        result = {
            "memories": memories,
            "total_count": self._store.count(wanted),
            "count": len(memories),
            "metadata": metadata(self.api, kind, user_id=asked["user_id"], kinds=[kind], group_ids=groups),
        }
        return _ok(f"Memory retrieval successful, retrieved {len(memories)} memories", result)

    def search(self, params: Record | None, _: Headers) -> Record:
        """Find memories and profiles."""
        asked = _memory_requests.search(self.api, params or {}, -1, strict=self.strict)
        kinds, groups = asked["memory_types"], asked["group_ids"]
        limit = MOST if asked["top_k"] < 0 else asked["top_k"]
        wanted = self._wanted(asked, [kind for kind in kinds if kind != "profile"], groups)
        memories = [found(*each) for each in self._search(wanted, asked, limit)]
        people = wanted._replace(types=["profile"] if "profile" in kinds and asked["query"] else [])
        profiles = [
            item for _, record, score in self._search(people, asked, limit) for item in found_of_profile(record, score)
        ][:limit]
        types = ["profile"] * bool(profiles) + ["episodic_memory"] * bool(memories)
        result = {
            "profiles": profiles,
            "memories": memories,
            "total_count": len(profiles) + len(memories),
            "query_metadata": {
                "user_id": asked["user_id"],
                "group_ids": groups or [],
                "memory_types": kinds,
                **{name: asked[name] for name in ("start_time", "end_time", "query", "retrieve_method")},
                # Read, and dropped on the way.
                "current_time": None,
                "radius": asked["radius"],
                "top_k": asked["top_k"],
            },
            "metadata": metadata(self.api, asked["retrieve_method"], user_id=asked["user_id"] or "", kinds=types),
            "pending_messages": self._pending(wanted),
        }
        words = f"retrieved {len(profiles)} profiles and {len(memories)} episodic memories"
        return _ok(f"Memory search successful, {words}", result)

    def add(self, params: Record | None, headers: Headers) -> Record | Accepted:
        """Keep a message, and make memories once those of its group are enough, or at once."""
        message, request_id = self._message(params), _request_id(headers)
        # A sender has a group of their own for what names none.
        own = f"{md5(message['sender'].encode('utf-8', 'surrogatepass')).hexdigest()[:16]}_group"  # noqa: S324
        message["group_id"] = message["group_id"] or own
        flush = _is_yes((params or {}).get("flush"))
        if not self.strict:
            if (params or {}).get("raw_data_type") == "AgentConversation" and not message["role"]:
                raise Refused(400, "AgentConversation requires 'role' field (user, assistant, or tool)")
            self._describe_group(message)
            if self._store.has_message(self.api, message):
                words = "Duplicate message: this message has already been processed"
                result = {"saved_memories": [], "count": 0, "status_info": "duplicate"}
                return {"status": "duplicate", "message": words, "result": result}
        if self._pace.background:
            self._receive([message], request_id, status=202, flush=flush)
            return _accepted(request_id)
        if self.strict:
            self._receive([message], request_id, status=200, flush=flush)
            words = "Message accepted and queued for processing"
            return {"status": "ok", "message": words, "request_id": request_id}
        return _added(self._receive([message], request_id, flush=flush))

    def _describe_group(self, message: Record) -> None:
        """Make the metadata of a group that has none."""
        group_id = message["group_id"]
        if self._records.find(self.api, group_id) is None:
            self._set_meta({"group_id": group_id, "name": message["group_name"] or group_id, "created_at": now()})

    def delete(self, params: Record | None, _: Headers) -> Record:
        """Mark as deleted what fits all that is given: MemCells, what was made of them, and messages. Profiles stay.

        A MemCell has no user. The number is in the words of the answer only, by a fault of servers.
        """
        given = params or {}
        memory_id = given.get("memory_id") or given.get("id") or given.get("event_id", ALL)
        owner = {name: given.get(name, ALL) for name in ("user_id", "group_id")}
        chosen = self._criteria({"memory_id": memory_id, **owner})
        if not chosen:
            raise Refused(400, "No deletion criteria provided")
        memories = self._delete(chosen, chosen.get("memory_id"), CASCADE)
        others = self._delete(chosen, chosen.get("memory_id"), ["memcell"])
        user_id, group_id = chosen.get("user_id"), chosen.get("group_id")
        if user_id or group_id:
            others += self._store.drop_messages(self.api, user_id, group_id)
        if self.strict:
            words = f"Successfully deleted {memories} {'memory' if memories == 1 else 'memories'}"
            return _ok(words, {"filters": list(chosen), "count": memories})
        words = f"Delete operation completed, {memories + others} records affected"
        return _ok(words, {"filters": [], "count": 0})


def _ids(value: str | None) -> list[str | None] | None:
    """Read the id of a user or a group that memories are asked for. An empty one is for those that have none."""
    if value == ALL:
        return None
    return [value] if value else [None, ""]


def _is_yes(value: Any) -> bool:
    """Read `flush` as servers do after it was checked."""
    return value.lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def _request_id(headers: Headers) -> str:
    """Give the id of a request: its own, or a new one."""
    # Not before it is needed: to import it takes 2 ms.
    from uuid import uuid4

    return headers.get("x-request-id") or str(uuid4())


def _ok(message: str, result: Record) -> Record:
    return {"status": "ok", "message": message, "result": result}


def _added(count: int) -> Record:
    words = f"Extracted {count} memories" if count else "Message queued, awaiting boundary detection"
    info = "extracted" if count else "accumulated"
    return _ok(words, {"saved_memories": [], "count": count, "status_info": info})


def _accepted(request_id: str) -> Accepted:
    return Accepted({"message": "Request accepted, processing in background", "request_id": request_id})
