"""What has to be done so that a server's record is as wanted. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from ..errors import RequestValidationError
from ._record import CHANGEABLE, FIELDS, REQUIRED, Record

Fields = Mapping[str, Any]
# What servers keep of a participant; of the rest they answer only what they keep (docs/server-behaviour.md, section 5).
KEPT_OF_USERS = frozenset({"full_name", "role", "extra"})
USER_FIELDS = (*sorted(KEPT_OF_USERS), "custom_role")


class Change(NamedTuple):
    """One field that differs.

    Attributes:
        field (str): Its name.
        before (Any): What the server has, None for nothing.
        after (Any): What is wanted.
    """

    field: str
    before: Any
    after: Any


class Plan(NamedTuple):
    """What is to be done about one record.

    Attributes:
        action (str): "create"; "update" by PATCH; "replace" by POST, where a field changes that PATCH cannot change;
            or "unchanged".
        changes (tuple[Change, ...]): The fields that differ, or those that a new record gets.
        fields (Fields): What is sent.
        after (Fields): What the whole record is then.
    """

    action: Literal["create", "update", "replace", "unchanged"]
    changes: tuple[Change, ...]
    fields: Fields
    after: Fields


def plan(record: Record, current: Fields | None) -> Plan:
    """Compare a record with what the server has.

    Args:
        record (Record): What is wanted.
        current (Fields | None): The server's record, as `image` gives it. None: the group has none of its own.

    Raises:
        RequestValidationError: If the record must be created and lacks what that takes.
    """
    wanted = record.fields
    if current is None:
        # It may be empty, so nothing is made up; without, no table of flat columns could create a record.
        whole = {"scene_desc": {}, **wanted}
        _require(record, whole, "the server has no record of it yet, and to create one")
        return Plan("create", tuple(Change(name, None, value) for name, value in wanted.items()), whole, whole)
    changes = differences(wanted, current)
    after = {**current, **{change.field: change.after for change in changes}}
    if not changes:
        return Plan("unchanged", (), {}, after)
    changed = {change.field: change.after for change in changes}
    if changed.keys() <= CHANGEABLE:
        return Plan("update", changes, changed, after)
    whole = {"scene_desc": {}, **after}
    _require(record, whole, "an update cannot change what differs, and to replace the record")
    return Plan("replace", changes, whole, whole)


def differences(wanted: Fields, current: Fields) -> tuple[Change, ...]:
    """Return the wanted fields that the server has otherwise. Empty and absent are the same."""
    return tuple(
        Change(name, current.get(name), value)
        for name, value in wanted.items()
        if (value or current.get(name)) and not _SAME.get(name, _same)(value, current.get(name))
    )


def is_same(one: Fields, current: Fields) -> bool:
    """Tell whether a whole record is the server's."""
    return not differences({**dict.fromkeys(FIELDS), **one}, current)


def image(result: Fields) -> dict[str, Any]:
    """Return a server's record in the form of `Record.fields`: as it would be sent, without what is null."""
    found = {name: value for name in FIELDS if (value := result.get(name)) is not None}
    # What is called created_at in an answer is when the record was made.
    found.pop("created_at", None)
    if (began := result.get("conversation_created_at")) is not None:
        found["created_at"] = began
    if users := found.get("user_details"):
        found["user_details"] = {user_id: _user(user) for user_id, user in users.items()}
    return found


def exported(group_id: str | None, current: Fields) -> Record:
    """Return a server's record as input for another run, without what is empty."""
    fields = {name: current[name] for name in FIELDS if current.get(name) or name in ("name", "scene_desc")}
    if users := fields.get("user_details"):
        fields["user_details"] = {
            user_id: {name: value for name, value in user.items() if value is not None}
            for user_id, user in users.items()
        }
    # Servers take any time zone and any time, and what they have is to be read, not judged.
    return Record.from_dict({"group_id": group_id, **fields}, validate=False)


def _require(record: Record, whole: Fields, purpose: str) -> None:
    if missing := [name for name in REQUIRED if name not in whole]:
        where = "the default record" if record.group_id is None else f"group {record.group_id!r}"
        raise RequestValidationError(f"{where}: {purpose} takes also: {', '.join(missing)}", field=missing[0])


def _user(user: Fields) -> dict[str, Any]:
    # A server that keeps custom_role says so by answering it, if only as null.
    found = {
        name: user[name] for name in USER_FIELDS if name in user and (user[name] is not None or name == "custom_role")
    }
    if isinstance(role := found.get("role"), str) and role.lower() in ("user", "assistant"):
        found["role"] = role.lower()
    return found


def _same(wanted: Any, current: Any) -> bool:
    """Compare two JSON values. To Python, 1 and true are the same."""
    if wanted.__class__ is str:
        return bool(wanted == current)
    if isinstance(wanted, dict) and isinstance(current, dict):
        return wanted.keys() == current.keys() and all(_same(value, current[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(current, list):
        return len(wanted) == len(current) and all(map(_same, wanted, current))
    if isinstance(wanted, bool) or isinstance(current, bool):
        return wanted is current
    return bool(wanted == current)


def _same_users(wanted: Any, current: Any) -> bool:
    wanted, current = wanted or {}, current or {}
    return wanted.keys() == current.keys() and all(_same_user(user, current[key]) for key, user in wanted.items())


def _same_user(wanted: Fields, current: Fields) -> bool:
    for name in wanted.keys() | current.keys():
        one, other = wanted.get(name), current.get(name)
        if name not in current and name not in KEPT_OF_USERS:
            continue
        if (one or other) and not _same(one, other):
            return False
    return True


def _same_time(wanted: Any, current: Any) -> bool:
    try:
        return wanted == current or datetime.fromisoformat(wanted) == datetime.fromisoformat(current)
    except (TypeError, ValueError):
        return False


def _same_version(wanted: Any, current: Any) -> bool:
    # A server that does not answer it cannot be compared with.
    return current is None or wanted == current


_SAME = {"user_details": _same_users, "created_at": _same_time, "version": _same_version}
