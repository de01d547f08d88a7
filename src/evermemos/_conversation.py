"""What the handles of conversations have in common, sync and async: merging, comparing, effective values. No I/O.

Records are JSON objects here, as `to_dict()` gives them, and what is to be written is a dict of the fields to send.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

from evermemos_api.types import UNSET, Unset, hidden, json_path

from . import _checks
from ._settings import Settings, check_count, check_deadline
from ._turns import Turn
from .errors import ACCEPTED, APIError, FieldsNotAppliedError, LostUpdateError

if TYPE_CHECKING:
    from ._operation import Operation
    from ._settings import TimeoutTypes

T = TypeVar("T")
Fields = dict[str, Any]
Path = tuple[str, ...]
# What a change of a conversation would write to a record; nothing, if the record is as it ought to be.
Merge = Callable[[Fields], Fields]

# How often a change is merged anew after somebody else has written over it.
MERGED_ANEW = 5
# What an update takes for empty. Of language models {} would be "not given" (docs/server-behaviour.md, section 4).
EMPTY: Fields = {
    "description": "",
    "default_timezone": "",
    "scene_desc": {},
    "llm_custom_setting": {"extra": {}},
    "tags": [],
    "user_details": {},
}
# What a record has besides its settings.
NO_SETTINGS = {"id", "group_id", "is_default", "created_at", "updated_at", "additional_properties"}


class CallOptions(TypedDict, total=False):
    """Options that every method of a conversation takes as keyword arguments. A method may take several calls.

    `timeout` (seconds for each step of a request, or httpx.Timeout) and `max_retries` hold for each call, in place of
    the client's; `deadline` (seconds) for all of them and the wait for other writers together, None for no limit.
    `extra_headers` are sent with each.
    """

    timeout: TimeoutTypes | Unset
    deadline: float | None | Unset
    max_retries: int | Unset
    extra_headers: Mapping[str, str] | None


class SetResult(NamedTuple, Generic[T]):
    """What `set` of a conversation did.

    Attributes:
        response (ConversationMetaEnvelope | ConversationMetaEnvelopeV0): The answer, with the record.
        created (bool): Whether there was no record before: none was found, and the answer does not show an older one.
            False: one was replaced (v1), or merged into (v0).
    """

    response: T
    created: bool


class EffectiveField(NamedTuple):
    """A field of a conversation as it takes effect, one of those that `effective` returns.

    Attributes:
        value (Any): The value, as `get` has it.
        source ("group" | "default"): Whose record it comes from.
    """

    value: Any
    source: Literal["group", "default"]

    def __repr__(self) -> str:
        return f"EffectiveField(value={hidden(self.value)}, source={self.source!r})"


class Work:
    """What the calls of one method have in common.

    Args:
        settings: The client's settings.
        options: The method's options.

    Attributes:
        max_retries: How many times each is tried again.

    Raises:
        ConfigurationError: If the deadline is not one, or the number of retries.
    """

    def __init__(self, settings: Settings, options: CallOptions) -> None:
        self._settings = settings
        self._options = _options(**options)
        deadline = self._options.get("deadline", UNSET)
        limit = settings.deadline if isinstance(deadline, Unset) else check_deadline(deadline)
        self._ends_at = None if limit is None else time.monotonic() + limit
        retries = self._options["max_retries"]
        self.max_retries = (
            settings.max_retries if isinstance(retries, Unset) else check_count("max_retries", retries, least=0)
        )

    def options(self) -> dict[str, Any]:
        """Return the options of a call that begins now."""
        # A call whose deadline is over ends before anything is sent, with the usual error.
        left = self._left()
        return {**self._options, "deadline": None if left is None else max(left, 1e-9)}

    def turn(self, version: str, group_id: str | None) -> Turn:
        """Return this writer's place among those of a record in this process."""
        return Turn((self._settings.base_url, version, group_id), self._left())

    def _left(self) -> float | None:
        return None if self._ends_at is None else self._ends_at - time.monotonic()


def _options(
    *,
    timeout: TimeoutTypes | Unset = UNSET,
    deadline: float | None | Unset = UNSET,
    max_retries: int | Unset = UNSET,
    extra_headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return options with their defaults. Python refuses others by itself."""
    return {"timeout": timeout, "deadline": deadline, "max_retries": max_retries, "extra_headers": extra_headers}


# Merging


def add_tags(tags: Fields) -> Merge:
    def merge(record: Fields) -> Fields:
        old = record.get("tags") or []
        new = list(dict.fromkeys([*old, *tags["tags"]]))
        return {"tags": new} if set(tags["tags"]) - {*old} else {}

    return merge


def remove_tags(tags: Fields) -> Merge:
    def merge(record: Fields) -> Fields:
        old = record.get("tags") or []
        new = [tag for tag in old if tag not in tags["tags"]]
        return {"tags": new} if new != old else {}

    return merge


def set_user(users: Fields) -> Merge:
    ((user_id, given),) = users["user_details"].items()

    def merge(record: Fields) -> Fields:
        old = record.get("user_details") or {}
        user = {**(old.get(user_id) or {}), **given}
        is_as_given = user_id in old and not any(_differs(name, given[name], old[user_id].get(name)) for name in given)
        return {} if is_as_given else {"user_details": {**old, user_id: user}}

    return merge


def remove_user(user_id: str) -> Merge:
    def merge(record: Fields) -> Fields:
        users = dict(record.get("user_details") or {})
        return {} if users.pop(user_id, UNSET) is UNSET else {"user_details": users}

    return merge


def clear(names: tuple[str, ...]) -> Merge:
    return lambda record: {name: EMPTY[name] for name in names if _differs(name, EMPTY[name], record.get(name))}


# Comparing


def gaps(sent: Fields, record: Fields) -> list[Path]:
    """List what was sent, and is not in a record that was read afterwards. None says to leave a field alone."""
    return [path for name, value in sent.items() if value is not None for path in _gaps(name, value, record)]


def _gaps(name: str, sent: Any, record: Fields) -> Iterator[Path]:
    # The answer's created_at is that of the record.
    found = record.get("conversation_created_at" if name == "created_at" else name)
    if name != "user_details":
        if _differs(name, sent, found):
            yield (name,)
        return
    found = found or {}
    for user_id, user in sent.items():
        if not isinstance(found.get(user_id), Mapping):
            yield (name, user_id)
            continue
        for field, value in user.items():
            if value is not None and _differs(field, value, found[user_id].get(field)):
                yield (name, user_id, field)
    for user_id in found.keys() - sent.keys():
        yield (name, user_id)


def is_dropped(gap: Path, record: Fields) -> bool:
    """Whether a gap is what a server leaves that does not know a field of a user: the user, without the field."""
    return len(gap) == 3 and record["user_details"][gap[1]].get(gap[2]) is None


def _differs(name: str, one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        if name == "role":
            return one.lower() != other.lower()
        if name == "created_at":
            return one != other and _time(one) != _time(other)
    if name == "llm_custom_setting":
        one, other = _without_empty_extra(one), _without_empty_extra(other)
    return bool(_trimmed(one) != _trimmed(other))


def _time(text: str) -> datetime | str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if time.tzinfo is None else time


def _trimmed(value: Any) -> Any:
    """Return a value without what says the same as nothing: null inside of it, and all of it if it is empty."""
    value = _without_nulls(value)
    return None if value in ("", [], {}) else value


def _without_empty_extra(setting: Any) -> Any:
    """Return language models without an empty `extra`, in a setting or one of its models: servers answer it as null."""
    if not isinstance(setting, Mapping):
        return setting
    return {
        key: part if key == "extra" else _without_empty_extra(part)
        for key, part in setting.items()
        if key != "extra" or part != {}
    }


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_nulls(item) for key, item in value.items() if item is not None}


# Judging


def check_applied(operation: Operation[Any], sent: Fields, updated: Any, missing: list[Path]) -> None:
    """Refuse a write of which something was not applied.

    Args:
        operation: What was called.
        sent: The fields that were sent.
        updated: The `updated_fields` of the answer, UNSET if there are none.
        missing: What was not found in the record that was read back.

    Raises:
        FieldsNotAppliedError: If there is anything.
    """
    found_missing = {gap[0] for gap in missing}
    if isinstance(updated, list):
        unsaid = sent.keys() - {*updated} - found_missing
        missing = [*missing, *((name,) for name in sent if name in unsaid and sent[name] is not None)]
    if not missing:
        return
    fields = [json_path(gap).removeprefix(".") for gap in missing]
    hint = ""
    if any(gap[-1] == "custom_role" and len(gap) == 3 for gap in missing):
        hint = '. Servers do not keep custom_role: a client made with custom_role="extra" keeps it inside extra'
    raise FieldsNotAppliedError(
        f"answered as done, and not so in the record that was read back: {', '.join(fields)}{hint}",
        operation=operation.name,
        fields=fields,
    )


def after_write(error: APIError) -> APIError:
    """Make the error of a read that failed after a write was accepted."""
    attributes = {name: value for name, value in vars(error).items() if name != "message"}
    message = f"{ACCEPTED}, but reading the record back failed: {error.message}"
    return type(error)(message, **{**attributes, "applied": True})


def lost(operation: Operation[Any], sent: Fields, record: Fields) -> LostUpdateError:
    """Make the error of a change that somebody else has written over each time."""
    return LostUpdateError(
        f"{', '.join(sent)}: somebody else wrote over the change, and over {MERGED_ANEW} repetitions of it. "
        "The attributes sent and found have both versions",
        operation=operation.name,
        sent=sent,
        found={name: record.get(name) for name in sent},
    )


def effective(own: Any, default: Any) -> dict[str, EffectiveField]:
    """Return the fields of a record, each from the default record where its own has nothing.

    Args:
        own: The group's own record, None if it has none.
        default: The default record, None if there is none.
    """
    found = dict[str, EffectiveField]()
    for field in (own or default).__attrs_attrs__:
        name = field.name
        if name not in NO_SETTINGS:
            values = [None if record is None else getattr(record, name) for record in (own, default)]
            has_own, has_default = (_is_given(value) for value in values)
            from_own = has_own or (own is not None and not has_default)
            found[name] = EffectiveField(values[0], "group") if from_own else EffectiveField(values[1], "default")
    return found


def _is_given(value: Any) -> bool:
    # Maps of the models equal dicts.
    return value is not UNSET and value not in (None, "", [], {})


def checked(operation: Operation[Any], fields: Mapping[str, Any], settings: Settings) -> Fields:
    """Check arguments as the method of the operation does, and return them as JSON."""
    assert operation.body is not None  # noqa: S101
    return _checks.body(operation.body, fields, validate=settings.validate)
