"""What reads and deletions of memories are asked with, as servers read it.

The framework checks a body (422). Then the application merges the query and the body, converts what it needs, and
answers what it cannot convert with 400 and the words of Python or pydantic.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from . import _lax, _spec
from ._messages import Refused
from ._schema import boolean, issue, model, or_null

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._messages import Issue, Place
    from ._schema import Check
    from ._spec import Operation
    from ._store import Record

# What servers take for any user, group or id.
ALL = "__all__"
METHODS = ("keyword", "vector", "hybrid", "rrf", "agentic")
TYPES = {
    "v0": ("profile", "episodic_memory", "foresight", "event_log", "agent_case", "agent_skill"),
    "v1": (
        *("profile", "episodic_memory", "foresight", "event_log"),
        *("base_memory", "preference", "core", "entity", "relation", "behavior_history", "group_profile"),
    ),
}
# Which types a search of v0 takes, and how many groups.
SEARCHED = {"profile", "episodic_memory", "agent_case", "agent_skill"}
MOST_GROUPS = 50


class Model(NamedTuple):
    """A pydantic model of the servers.

    Attributes:
        name (str): Its name, which stands in errors.
        fields (Mapping[str, Check]): Its fields.
        rule (Callable[[Record], str | None]): What is wrong with fields that fit, each by itself.
    """

    name: str
    fields: Mapping[str, Check]
    rule: Callable[[Record], str | None]

    def issues(self, value: Any, place: Place) -> list[Issue]:
        """List what is wrong with a value."""
        found = model(self.fields)(value, place)
        words = None if found else self.rule(value)
        return [issue("value_error", place, value, f"Value error, {words}", ctx={"error": {}})] if words else found

    def refusal(self, value: Record) -> str | None:
        """Write what is wrong with a value as pydantic writes an exception. None if nothing is."""
        found = self.issues(value, ())
        if not found:
            return None
        lines = [f"{len(found)} validation error{'s' if len(found) > 1 else ''} for {self.name}"]
        for each in found:
            lines += [".".join(str(part) for part in each["loc"])] if each["loc"] else []
            kind, given = each["type"], each["input"]
            about = f"[type={kind}, input_value={_shortened(repr(given))}, input_type={type(given).__name__}]"
            lines.append(f"  {each['msg']} {about}")
            lines.append(f"    For further information visit https://errors.pydantic.dev/2.12/v/{kind}")
        return "\n".join(lines)


def _shortened(text: str) -> str:
    """Cut text in the middle to 50 bytes, as pydantic does."""
    content = text.encode("utf-8", "backslashreplace")
    if len(content) <= 50:
        return text
    return f"{content[:25].decode(errors='ignore')}...{content[-24:].decode(errors='ignore')}"


def _scope_v0(given: Record) -> str | None:
    is_anybody = given.get("user_id") in (None, ALL)
    groups = given.get("group_ids")
    if is_anybody and groups is None:
        return "At least one of user_id or group_ids must be specified. Cannot query without any filter."
    if is_anybody and not groups:
        return "group_ids cannot be an empty list when user_id is not specified."
    return None


def _listing_v0(given: Record) -> str | None:
    too_many = f"group_ids exceeds maximum limit of {MOST_GROUPS}"
    return _scope_v0(given) or (too_many if len(given.get("group_ids") or ()) > MOST_GROUPS else None)


def _search_v0(given: Record) -> str | None:
    if words := _scope_v0(given):
        return words
    if len(given.get("group_ids") or ()) > MOST_GROUPS:
        return f"group_ids array length cannot exceed {MOST_GROUPS}"
    if unsearched := [str(kind) for kind in given.get("memory_types", ()) if kind not in SEARCHED]:
        return f"Search interface does not support memory_types: {unsearched}"
    if int(given.get("top_k", -1)) == 0:
        return "top_k must be -1 (return all results) or a positive integer (1-100)"
    return None


def _scope_v1(given: Record) -> str | None:
    is_everything = given.get("user_id") == given.get("group_id") == ALL
    return "user_id and group_id cannot both be MAGIC_ALL" if is_everything else None


def _deletion_v0(given: Record) -> str | None:
    memory_id = given.get("memory_id", ALL)
    if memory_id == ALL:
        memory_id = given.get("id") or given.get("event_id") or ALL
    if memory_id == given.get("user_id", ALL) == given.get("group_id", ALL) == ALL:
        return "At least one of memory_id, user_id, or group_id must be provided (not MAGIC_ALL)"
    return None


def _deletion_v1(given: Record) -> str | None:
    if all(given.get(name, ALL) == ALL for name in ("event_id", "user_id", "group_id")):
        return "At least one of event_id, user_id, or group_id must be provided (not MAGIC_ALL)"
    return None


_TEXT = or_null(_lax.text)
_PERIOD = {"start_time": _TEXT, "end_time": _TEXT}
_WAY = {"query": _TEXT, "retrieve_method": _lax.one_of(METHODS), "current_time": _TEXT}
_RADIUS = or_null(_lax.number(0.0, 1.0))
_GROUPS = or_null(_lax.list_of(_lax.text))
# By operation.
MODELS = {
    "get_memories_v0": Model(
        "FetchMemRequest",
        {
            "user_id": _TEXT,
            "group_ids": _GROUPS,
            "page": _lax.integer(1),
            "page_size": _lax.integer(1, 100),
            "memory_type": or_null(_lax.one_of(TYPES["v0"])),
            **_PERIOD,
        },
        _listing_v0,
    ),
    "search_memories_v0": Model(
        "RetrieveMemRequest",
        {
            "user_id": _TEXT,
            "group_ids": _GROUPS,
            "memory_types": _lax.list_of(_lax.one_of(TYPES["v0"])),
            "top_k": _lax.integer(-1, 100),
            "include_metadata": boolean,
            **_PERIOD,
            **_WAY,
            "radius": _RADIUS,
        },
        _search_v0,
    ),
    "delete_memories_v0": Model(
        "DeleteMemoriesRequest",
        dict.fromkeys(("memory_id", "id", "event_id", "user_id", "group_id"), _TEXT),
        _deletion_v0,
    ),
    "get_memories_v1": Model(
        "FetchMemRequest",
        {
            "user_id": _TEXT,
            "group_id": _TEXT,
            "limit": or_null(_lax.integer(1, 500)),
            "offset": or_null(_lax.integer(0)),
            "memory_type": or_null(_lax.one_of(TYPES["v1"])),
            "sort_by": _TEXT,
            "sort_order": _TEXT,
            "version_range": or_null(_lax.pair_of(_TEXT)),
            **_PERIOD,
        },
        _scope_v1,
    ),
    "search_memories_v1": Model(
        "RetrieveMemRequest",
        {
            "user_id": _TEXT,
            "group_id": _TEXT,
            "memory_types": _lax.list_of(_lax.one_of(TYPES["v1"])),
            "top_k": _lax.integer(1, 100),
            "include_metadata": boolean,
            **_PERIOD,
            **_WAY,
            "radius": _RADIUS,
        },
        _scope_v1,
    ),
    "delete_memories_v1": Model(
        "DeleteMemoriesRequest", dict.fromkeys(("event_id", "user_id", "group_id"), _TEXT), _deletion_v1
    ),
}
# Of a repeated key of a query v0 takes all values of these, and the last one of others. v1 takes the last one of all.
_REPEATED = {"group_ids", "memory_types"}


def arguments(
    operation: Operation, query: str, headers: Mapping[str, str], body: bytes, *, strict: bool
) -> Record | None:
    """Read what an operation is called with, from the query and the body together.

    Raises:
        Refused: If the body does not fit, or, where `strict` says that only the spec counts, the query.
    """
    checked = None if strict else MODELS.get(operation.id)
    if strict or (checked is None and operation.id != "get_request_status_v0"):
        return _spec.arguments(operation, query, headers, body, strict=strict)
    repeated = _REPEATED if operation.id.endswith("_v0") else set[str]()
    given: Record = {
        name: values if name in repeated else values[-1]
        for name, values in parse_qs(query, keep_blank_values=True).items()
    }
    if checked is None:
        # A body that cannot be read is as none.
        with suppress(ValueError):
            content = json.loads(body)
            given = {**content, **given} if isinstance(content, dict) else given
        return given
    content = _spec.content_of(body, headers.get("content-type", "")) if body else None
    if content is None:
        return given
    if found := checked.issues(content, ("body",)):
        raise Refused(422, detail=found)
    return {**given, **content}


class _Member(str):
    """A member of an enum, which shows as one does in Python."""

    __slots__ = ("enum",)
    enum: str

    def __repr__(self) -> str:
        return f"<{self.enum}.{self.upper()}: {str(self)!r}>"


def _member(enum: str, value: str) -> _Member:
    found = _Member(value)
    found.enum = enum
    return found


def _kind(api: str, value: Any) -> _Member:
    if value not in TYPES[api]:
        raise ValueError(f"{value!r} is not a valid MemoryType")
    return _member("MemoryType", value)


def listing(api: str, given: Record, usual: int, *, strict: bool) -> Record:
    """Convert what memories are listed by.

    Args:
        api (str): The API version.
        given (Record): The query and the body together.
        usual (int): How many memories are listed where that is not given.
        strict (bool): Whether what the spec says was checked, and nothing else counts but that somebody is asked for.

    Raises:
        Refused: If something cannot be converted.
    """
    try:
        kind = _kind(api, given.get("memory_type", "episodic_memory"))
        values: Record = {"user_id": given.get("user_id", ALL)}
        if api == "v0":
            page, size = _integer(given.get("page", 1)), _integer(given.get("page_size", usual))
            values |= {"group_ids": given.get("group_ids") or None, "memory_type": kind}
            values |= {"page": page, "page_size": size}
        else:
            limit, offset = _integer(given.get("limit", usual)), _integer(given.get("offset", 0))
            values |= {"group_id": given.get("group_id", ALL), "memory_type": kind, "limit": limit, "offset": offset}
            values |= {"sort_by": given.get("sort_by"), "sort_order": given.get("sort_order", "desc")}
            values["version_range"] = given.get("version_range")
        values |= {name: given.get(name) for name in _PERIOD}
        return _converted(f"get_memories_{api}", values, strict=strict)
    except ValueError as error:
        raise Refused(400, f"FetchMemRequest conversion failed: {error}") from None


def search(api: str, given: Record, usual: int, *, strict: bool) -> Record:
    """Convert what memories are searched by.

    Args:
        api (str): The API version.
        given (Record): The query and the body together.
        usual (int): How many memories are found where that is not given.
        strict (bool): Whether what the spec says was checked, and nothing else counts but that somebody is asked for.

    Raises:
        Refused: If something cannot be converted.
    """
    try:
        method = given.get("retrieve_method", "keyword")
        if method not in METHODS:
            raise ValueError(f"Invalid retrieve_method: {method}. Supported methods: {list(METHODS)}")
        top, radius = _integer(given.get("top_k", usual)), given.get("radius")
        radius = float(radius) if isinstance(radius, str) else radius
        kinds = given.get("memory_types", [])
        kinds = [kind.strip() for kind in kinds.split(",")] if isinstance(kinds, str) else kinds
        unsaid = ["profile", "episodic_memory"] if api == "v0" else ["episodic_memory"]
        known = [_kind(api, kind) for kind in kinds if kind in TYPES[api]] or [_kind(api, kind) for kind in unsaid]
        values = {
            "retrieve_method": _member("RetrieveMethod", method),
            "user_id": given.get("user_id", ALL),
            **({"group_ids": _groups(given)} if api == "v0" else {"group_id": given.get("group_id", ALL)}),
            "query": given.get("query"),
            "memory_types": known,
            "top_k": top,
            "include_metadata": True,
            **{name: given.get(name) for name in _PERIOD},
            "radius": radius,
        }
        return _converted(f"search_memories_{api}", values, strict=strict)
    except ValueError as error:
        raise Refused(400, f"RetrieveMemRequest conversion failed: {error}") from None


def _groups(given: Record) -> Any:
    """Read the groups that a search of v0 is for, by their name of today or by the older one."""
    if given.get("group_ids") is not None:
        return given["group_ids"] or None
    group = given.get("group_id")
    return [group] if isinstance(group, str) else group if isinstance(group, list) else None


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) else value


def _converted(operation: str, values: Record, *, strict: bool) -> Record:
    checked = MODELS[operation]
    if strict:
        checked = checked._replace(fields={}, rule=_scope_v0 if "group_ids" in values else _scope_v1)
    if words := checked.refusal(values):
        raise ValueError(words)
    # A number of JSON may be 5.0 or true.
    names = ("page", "page_size", "limit", "top_k")
    return values | {name: int(values[name]) for name in names if values.get(name) is not None}
