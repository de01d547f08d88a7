"""Memories as servers give them: which fields in which order, by API version, for lists and for searches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._store import Record

_MADE = ("created_at", "updated_at")
_PARENT = ("parent_type", "parent_id")
_EVENT_LOG = (
    *("id", "user_id", "atomic_fact", *_PARENT, "timestamp", "user_name", "group_id", "group_name"),
    *("participants", "vector", "vector_model", "event_type", "extend", *_MADE, "metadata"),
)
_FORESIGHT = (
    *(*_PARENT, "user_id", "user_name", "group_id", "group_name", "start_time", "end_time", "duration_days"),
    *("participants", "vector", "vector_model", "evidence", "extend", *_MADE, "metadata"),
)
_PROFILE = (
    *("id", "user_id", "group_id", "profile_data", "scenario", "confidence", "version", "cluster_ids"),
    *("memcell_count", "last_updated_cluster", *_MADE),
)
LISTED: dict[str, dict[str, tuple[str, ...]]] = {
    "v0": {
        "episodic_memory": (
            *("id", "user_id", "episode_id", "episode", "subject", "summary", "timestamp", "participants"),
            *("location", "start_time", "end_time", "keywords", "group_id", "group_name", *_MADE, "metadata"),
            *("extend", *_PARENT, "original_data"),
        ),
        "event_log": (*_EVENT_LOG, "original_data"),
        "foresight": ("id", "content", "foresight", *_FORESIGHT, "original_data"),
        "profile": _PROFILE,
        "agent_case": (
            *("id", "timestamp", "task_intent", "approach", "quality_score", *_PARENT, "user_id", "group_id"),
            *("extend", *_MADE, "metadata"),
        ),
        "agent_skill": (
            *("id", "cluster_id", "name", "content", "user_id", "description", "group_id", "confidence"),
            *("extend", *_MADE, "metadata"),
        ),
    },
    "v1": {
        "episodic_memory": (
            *("id", "user_id", "episode_id", "title", "summary", "timestamp", "participants", "location"),
            *("start_time", "end_time", "key_events", "group_id", "group_name", *_MADE, "metadata", "extend"),
            *("memcell_event_id_list", "subject"),
        ),
        "event_log": _EVENT_LOG,
        "foresight": ("id", "content", *_FORESIGHT),
        "profile": _PROFILE,
    },
}
# Fields that are null whatever is known, by API version.
_NEVER = {"v0": {"extend", "end_time"}, "v1": {"extend", "end_time", "timestamp", "subject"}}
_COMMON = (
    *("memory_type", "user_id", "timestamp", "ori_event_id_list", "group_id", "group_name", "participants", "type"),
    *("keywords", "linked_entities", "user_name", "extend", "vector_model", "vector", "id", "score", "original_data"),
)
_FOUND = {
    "episodic_memory": (*_COMMON, "subject", "summary", "episode", *_PARENT),
    "event_log": (*_COMMON, "time", "atomic_fact", "fact_embeddings", *_PARENT),
    "foresight": (*_COMMON, "foresight", "evidence", "start_time", "end_time", "duration_days", *_PARENT),
    "agent_case": (*_COMMON, "task_intent", "approach", "quality_score", *_PARENT),
    "agent_skill": (*_COMMON, "name", "description", "content", "confidence", "cluster_id"),
}


def listed(api: str, kind: str, record: Record, people: Mapping[str, Record], original_data: object) -> Record:
    """Write a memory as a list gives it.

    Args:
        api (str): The API version.
        kind (str): The type of the memory.
        record (Record): The memory.
        people (Mapping[str, Record]): What the metadata of the group that was asked for says of its users.
        original_data (object): The messages that the memory was made of.
    """
    names = LISTED[api][kind]
    known = {**record, "foresight": record.get("content"), "original_data": original_data}
    if "metadata" in names:
        known["metadata"] = _metadata(api, kind, record, people)
    if kind == "episodic_memory":
        known |= dict.fromkeys(_NEVER[api])
        # By a fault of servers: the field is left out when the answer is made, and then is the current time.
        known["start_time"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        known["episode_id"] = record["id"]
        known |= {"title": record.get("subject"), "key_events": record.get("keywords")}
    if kind == "profile" and api == "v1":
        known |= {name: record[name].replace("Z", "+00:00") for name in _MADE}
    return {name: known.get(name) for name in names}


def _metadata(api: str, kind: str, record: Record, people: Mapping[str, Record]) -> Record:
    user_id, group_id = record.get("user_id") or "", record.get("group_id")
    person = {} if kind.startswith("agent_") else people.get(user_id, {})
    groups = [group_id] if group_id else None
    return metadata(api, kind, user_id=user_id, kinds=[kind], group_ids=groups, person=person)


def metadata(
    api: str,
    source: str,
    *,
    user_id: str | None,
    kinds: list[str],
    group_ids: list[str] | None = None,
    limit: int | None = None,
    person: Record | None = None,
) -> Record:
    """Write what an answer, or an item of a list, says of what was asked for.

    Args:
        api (str): The API version.
        source (str): The type of a list or an item, the method of a search.
        user_id (str | None): Whose memories.
        kinds (list[str]): Of which types. v1 names one.
        group_ids (list[str] | None): Of which groups. v1 names one.
        limit (int | None): How many at most. v1 only.
        person (Record | None): What a group's metadata says of the user.
    """
    details = person or {}
    extra = details.get("extra") or {}
    known = {"email": extra.get("email"), "phone": extra.get("phone"), "full_name": details.get("full_name")}
    if api == "v0":
        return {"source": source, "user_id": user_id, "memory_types": kinds, "group_ids": group_ids, **known}
    group_id = group_ids[0] if group_ids else None
    asked = {"memory_type": kinds[0], "group_id": group_id, "limit": limit}
    return {"source": source, "user_id": user_id, **asked, **known}


def found(kind: str, record: Record, score: float | None) -> Record:
    """Write a memory as a search gives it."""
    parent = record.get("parent_id")
    known = {
        **record,
        "memory_type": kind,
        "type": "Conversation",
        "linked_entities": [],
        "ori_event_id_list": [parent] if parent else [],
        "foresight": record.get("content"),
        "time": record.get("timestamp"),
        "score": score,
    }
    return {name: known.get(name) for name in _FOUND[kind]}


def found_of_profile(record: Record, score: float) -> list[Record]:
    """Write what a search of v0 gives of a profile: an item for each thing that it says."""
    data = record.get("profile_data") or {}
    items = []
    for kind, entries in (
        ("explicit_info", data.get("explicit_info")),
        ("implicit_trait", data.get("implicit_traits")),
    ):
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                trait = entry.get("trait_name") or entry.get("trait")
                description = entry.get("description") or ""
                known = {"category": entry.get("category"), "trait_name": trait, "description": description}
                items.append({"item_type": kind, **known, "score": score})
    return items
