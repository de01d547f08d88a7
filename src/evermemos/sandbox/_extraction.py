"""What the sandbox makes of messages. It has no language model: memories are the messages themselves, cut and joined.

Kinds that need a model cannot be made in this way. `_seeding.py` is for those.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from ._times import moment, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._store import Record

# How many messages of a group make an episode.
EPISODE = 4
# Characters of a subject and of a summary.
SUBJECT = 60
SUMMARY = 200


class ExtractedMemory(NamedTuple):
    """A memory: its type, what it is, when it happened, and by which text it is found.

    Attributes:
        type (str): Its type. A "memcell" is what servers call the messages that memories were made of.
        record (Record): Its fields, and those of its kind that only some API version gives.
        time (datetime): When it happened. A foresight did when it was made.
        text (str): By which text it is found. Nothing finds a MemCell.
        starts (datetime | None): The day from which on a foresight holds.
        ends (datetime | None): The day until which a foresight holds.
    """

    type: str
    record: Record
    time: datetime
    text: str = ""
    starts: datetime | None = None
    ends: datetime | None = None


def extract(messages: list[Record], profile: Callable[[str | None], Record | None]) -> Iterator[ExtractedMemory]:
    """Make memories of the messages of a group: an episode and a profile for each person, and a fact for each message.

    People have memories of their own, so that they can be listed by user. An AI has none, unless it was alone. All
    memories come from one MemCell, which is the first.

    Args:
        messages (list[Record]): The messages, at least one.
        profile (Callable[[str | None], Record | None]): Gives the profile that a user had, which is then replaced.
    """
    last = messages[-1]
    original = [
        {
            "speaker_id": each["sender"],
            "speaker_name": each["sender_name"],
            "content": each["content"],
            "timestamp": each["message_create_time"],
        }
        for each in messages
    ]
    cell = memcell(last["group_id"], original, max(_time(each) for each in messages))
    yield cell
    group_name = next((each["group_name"] for each in reversed(messages) if each["group_name"]), None)
    common = {
        "group_id": last["group_id"],
        "group_name": group_name,
        "participants": list(dict.fromkeys(each["sender"] for each in messages if each["sender"])),
        "parent_type": "memcell",
        "parent_id": cell.record["id"],
    }
    names = {each["sender"]: each["sender_name"] for each in messages}
    people = [each["sender"] for each in messages if not _is_ai(each)]
    for user_id in dict.fromkeys(people or names):
        yield _episode(messages, user_id, names[user_id], common)
        yield _profile(messages, user_id, names[user_id], common, profile(user_id))
    for message in messages:
        yield _fact(message, common)


def memcell(group_id: str | None, original_data: list[Record], time: datetime) -> ExtractedMemory:
    """Make a MemCell. It belongs to a group, and to no user, as on servers."""
    record = {"id": new_id(), "user_id": None, "group_id": group_id, "original_data": original_data}
    return ExtractedMemory("memcell", record, time)


def _episode(messages: list[Record], user_id: str | None, name: str | None, common: Record) -> ExtractedMemory:
    text = "\n".join(f"{each['sender_name']}: {each['content']}" for each in messages)
    time = max(_time(each) for each in messages)
    record = _stamped(common, time, user_id, name) | {
        "subject": _cut(messages[0]["content"], SUBJECT),
        "summary": _cut(text, SUMMARY),
        "episode": text,
        "keywords": [],
        "location": "",
    }
    return ExtractedMemory("episodic_memory", record, time, text)


def _fact(message: Record, common: Record) -> ExtractedMemory:
    time = _time(message)
    record = _stamped(common, time, message["user_id"], message["sender_name"]) | {
        "atomic_fact": message["content"],
        "event_type": "Conversation",
    }
    return ExtractedMemory("event_log", record, time, message["content"])


def _profile(
    messages: list[Record], user_id: str | None, name: str | None, common: Record, old: Record | None
) -> ExtractedMemory:
    own = [each for each in messages if each["user_id"] == user_id]
    time = _time(own[-1])
    before = old or {"version": 0, "memcell_count": 0, "message_count": 0}
    count = before["message_count"] + len(own)
    words = f"{name} wrote {count} messages in {common['group_name'] or common['group_id']}."
    record = _stamped(common, time, user_id, name) | {
        "profile_data": {
            "explicit_info": [{"category": "Conversations", "description": words}],
            "implicit_traits": [],
        },
        "scenario": "group_chat",
        "confidence": 0.0,
        "version": before["version"] + 1,
        "cluster_ids": [],
        "memcell_count": before["memcell_count"] + 1,
        # Counts go on from here.
        "message_count": count,
    }
    record |= {name: old[name] for name in ("id", "created_at")} if old else {}
    return ExtractedMemory("profile", record, time, words)


def _time(message: Record) -> datetime:
    return moment(message["message_create_time"]) or datetime.now(UTC)


def _stamped(common: Record, time: datetime, user_id: str | None, name: str | None) -> Record:
    made = stored(datetime.now(UTC))
    who = {"user_id": user_id, "user_name": name}
    return {"id": new_id(), **common, **who, "timestamp": stored(time), "created_at": made, "updated_at": made}


def _is_ai(message: Record) -> bool:
    return (message["role"] or "").lower() == "assistant"


def _cut(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def new_id() -> str:
    """Make an id, as MongoDB does."""
    return os.urandom(12).hex()
