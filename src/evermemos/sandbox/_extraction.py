"""What the sandbox makes of messages. It has no language model: memories are the messages themselves, cut and joined.

Foresights cannot be made in this way, so there are none.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ._messages import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._store import Record

# How many messages of a group make an episode.
EPISODE = 4
# Characters of a subject and of a summary.
SUBJECT = 60
SUMMARY = 200


class Made(NamedTuple):
    """A memory: its type, what it is, when it happened, and by which text it is found."""

    type: str
    record: Record
    time: datetime
    text: str


def extract(messages: list[Record], profile: Callable[[str | None], Record | None]) -> Iterator[Made]:
    """Make memories of the messages of a group: an episode and a profile for each person, and a fact for each message.

    People have memories of their own, so that they can be listed and deleted by user. An AI has none, unless it was
    alone.

    Args:
        messages (list[Record]): The messages, at least one.
        profile (Callable[[str | None], Record | None]): Gives the profile that a user had, which is then replaced.
    """
    last = messages[-1]
    memcell = new_id()
    group_name = next((each["group_name"] for each in reversed(messages) if each["group_name"]), None)
    common = {
        "group_id": last["group_id"],
        "group_name": group_name,
        "participants": list(dict.fromkeys(each["sender"] for each in messages if each["sender"])),
        "keywords": [],
        "linked_entities": [],
        "ori_event_id_list": [memcell],
        "parent_type": "memcell",
        "parent_id": memcell,
        "type": "Conversation",
    }
    names = {each["sender"]: each["sender_name"] for each in messages}
    people = [each["sender"] for each in messages if not _is_ai(each)]
    for user_id in dict.fromkeys(people or names):
        yield _episode(messages, user_id, names[user_id], common)
        yield _profile(messages, user_id, names[user_id], common, profile(user_id))
    for message in messages:
        yield _fact(message, common)


def _episode(messages: list[Record], user_id: str | None, name: str | None, common: Record) -> Made:
    lines = [f"{each['sender_name']}: {each['content']}" for each in messages]
    times = sorted((each["message_create_time"] for each in messages), key=datetime.fromisoformat)
    text = "\n".join(lines)
    record = _stamped(common, times[-1], user_id, name) | {
        "memory_type": "episodic_memory",
        "subject": _cut(messages[0]["content"], SUBJECT),
        "summary": _cut(text, SUMMARY),
        "episode": text,
        "location": None,
        "start_time": times[0],
        "end_time": times[-1],
    }
    record["episode_id"] = record["id"]
    return Made("episodic_memory", record, datetime.fromisoformat(times[-1]), text)


def _fact(message: Record, common: Record) -> Made:
    time = message["message_create_time"]
    record = _stamped(common, time, message["user_id"], message["sender_name"]) | {
        "memory_type": "event_log",
        "atomic_fact": message["content"],
        "event_type": "Conversation",
        "time": time,
    }
    return Made("event_log", record, datetime.fromisoformat(time), message["content"])


def _profile(messages: list[Record], user_id: str | None, name: str | None, common: Record, old: Record | None) -> Made:
    own = [each for each in messages if each["user_id"] == user_id]
    time = own[-1]["message_create_time"]
    before = old or {"version": 0, "memcell_count": 0, "profile_data": {"message_count": 0}}
    count = before["profile_data"]["message_count"] + len(own)
    place = common["group_name"] or common["group_id"] or "no group"
    record = _stamped(common, time, user_id, name) | {
        "profile_data": {"name": name, "message_count": count},
        "version": before["version"] + 1,
        "memcell_count": before["memcell_count"] + 1,
        "cluster_ids": [],
        "item_type": "explicit_info",
        "category": "Conversations",
        "description": f"{name} wrote {count} messages in {place}.",
    }
    record |= {name: old[name] for name in ("id", "created_at")} if old else {}
    return Made("profile", record, datetime.fromisoformat(time), record["description"])


def _stamped(common: Record, time: str, user_id: str | None, name: str | None) -> Record:
    made = now()
    who = {"user_id": user_id, "user_name": name}
    return {"id": new_id(), **common, **who, "timestamp": time, "created_at": made, "updated_at": made}


def _is_ai(message: Record) -> bool:
    return (message["role"] or "").lower() == "assistant"


def _cut(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def new_id() -> str:
    """Make an id, as MongoDB does."""
    return os.urandom(12).hex()
