"""Memories that a test puts into a sandbox, of kinds that need a language model or with words of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConfigurationError
from ._extraction import ExtractedMemory, memcell, new_id
from ._memory_items import LISTED
from ._memory_store import MemoryStore
from ._times import moment, stored

if TYPE_CHECKING:
    from ._store import Record, Store


class Kind(NamedTuple):
    """A kind of value.

    Attributes:
        words (str): What it is called in an error.
        holds (Callable[[Any], bool]): Whether a value is one.
    """

    words: str
    holds: Callable[[Any], bool]


def _are(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Sequence) and not isinstance(value, str) and all(map(holds, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and moment(value) is not None


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TEXT = Kind("a str", _is_text)
_TEXTS = Kind("a list of str", _are(_is_text))
_TIME = Kind("a str with a time in ISO 8601", _is_time)
_OBJECT = Kind("a dict", _is_object)
_OBJECTS = Kind("a list of dict", _are(_is_object))
_NUMBER = Kind("a number", _is_number)
_NUMBERS = Kind("a list of numbers", _are(_is_number))
_COUNT = Kind(
    "an int of 0 or more", lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0
)
# What is not a text.
KINDS = {
    **dict.fromkeys(("timestamp", "start_time", "end_time", "created_at", "updated_at"), _TIME),
    **dict.fromkeys(("participants", "keywords", "key_events", "cluster_ids"), _TEXTS),
    **dict.fromkeys(("duration_days", "version", "memcell_count"), _COUNT),
    **dict.fromkeys(("confidence", "quality_score"), _NUMBER),
    **dict.fromkeys(("profile_data", "extend"), _OBJECT),
    "original_data": _OBJECTS,
    "vector": _NUMBERS,
}
NEEDED = {
    "episodic_memory": ("user_id",),
    "event_log": ("user_id", "atomic_fact"),
    "foresight": ("content",),
    "profile": ("user_id", "group_id", "profile_data"),
    "agent_case": ("task_intent",),
    "agent_skill": ("name", "content"),
}
# What a list says of its own accord.
UNSAID = {"metadata", "episode_id", "parent_type", "memcell_event_id_list", "foresight"}
# What servers leave out of an episode that they list, although it is there.
UNLISTED = {"episodic_memory": {"v0": {"start_time", "end_time", "extend"}, "v1": {"start_time", "end_time", "extend"}}}
DEFAULTS: dict[str, Record] = {
    "episodic_memory": {"participants": [], "keywords": [], "location": ""},
    "event_log": {"event_type": "Conversation"},
    "profile": {
        "scenario": "group_chat",
        "confidence": 0.0,
        "version": 1,
        "cluster_ids": [],
        "memcell_count": 1,
        "message_count": 0,
    },
    "agent_case": {"approach": ""},
    "agent_skill": {"cluster_id": "", "confidence": 0.0},
}
# By which texts a memory is found.
FOUND_BY = {
    "episodic_memory": ("subject", "summary", "episode"),
    "event_log": ("atomic_fact",),
    "foresight": ("content", "evidence"),
    "agent_case": ("task_intent", "approach"),
    "agent_skill": ("name", "description", "content"),
}


def seed(store: Store, api: str, memory_type: str, fields: Mapping[str, Any]) -> str:
    """Put a memory into a store. `Sandbox.seed` describes the arguments.

    Raises:
        ConfigurationError: If it is not one that a server would list.
    """
    record = _checked(api, memory_type, fields)
    memories = MemoryStore(store)
    group_id = record.get("group_id")
    time = moment(record["timestamp"]) or datetime.now(UTC)
    original = record.pop("original_data", [])
    if record["parent_id"] not in memories.original_data(api, [record["parent_id"]]):
        cell = memcell(group_id, original, time)
        cell.record["id"] = record["parent_id"]
        memories.add(api, cell, 0)
    starts = ends = None
    if memory_type == "foresight":
        time = moment(record["created_at"]) or time
        starts, ends = (moment(record.get(name) or "") for name in ("start_time", "end_time"))
    text = " ".join(record.get(name) or "" for name in FOUND_BY.get(memory_type, ()))
    if memory_type == "profile":
        text = " ".join(_texts(record["profile_data"]))
    memories.add(api, ExtractedMemory(memory_type, record, time, text, starts, ends), 0)
    return str(record["id"])


def _checked(api: str, memory_type: str, fields: Mapping[str, Any]) -> Record:
    """Check the fields of a memory, and write them as they are kept."""
    if api not in LISTED:
        raise ConfigurationError(f"seed: api is {api!r}: expected one of {', '.join(LISTED)}")
    if memory_type not in LISTED[api]:
        raise ConfigurationError(f"seed: memory_type is {memory_type!r}: {api} has {', '.join(LISTED[api])}")
    unlisted = UNLISTED.get(memory_type, {}).get(api, set())
    known = [name for name in LISTED[api][memory_type] if name not in UNSAID | unlisted]
    for name, value in fields.items():
        if name not in known:
            raise ConfigurationError(f"seed: {memory_type} of {api} has no {name}: it has {', '.join(known)}")
        kind = KINDS.get(name, _TEXT)
        if value is not None and not kind.holds(value):
            raise ConfigurationError(f"seed: {name} is {value!r}: expected {kind.words}, or None")
    needed = [name for name in NEEDED[memory_type] if not fields.get(name)]
    if needed:
        raise ConfigurationError(f"seed: {memory_type} needs {' and '.join(needed)}")
    now = stored(datetime.now(UTC))
    made = {"id": new_id(), "parent_id": new_id(), "timestamp": now, "created_at": now, "updated_at": now}
    given = {name: value for name, value in fields.items() if value is not None}
    other_names = {"title": "subject", "key_events": "keywords"} if api == "v1" else {}
    record = {
        **dict.fromkeys(("user_id", "group_id", "group_name")),
        **DEFAULTS.get(memory_type, {}),
        **made,
        "parent_type": "memcell",
        **{other_names.get(name, name): value for name, value in given.items()},
    }
    for name in ("timestamp", "created_at", "updated_at"):
        time = moment(record[name])
        record[name] = stored(time) if time else record[name]
    return record


def _texts(value: Any) -> list[str]:
    """List the texts in a value, however deep."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
