"""Checks of arguments, before a byte is sent.

The schema of openapi.yaml does most of it: a body is decoded by the request model, which is strict. What a schema does
not say is here: no unknown keys, times with a zone, zones that exist, values that JSON can carry and servers can store
(docs/server-behaviour.md, section 8).
"""

import difflib
import math
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from evermemos_api.types import UNSET, DecodeError, MapModel, Model, describe, encode, json_path

from .errors import RequestValidationError

HINT = ". Nothing was sent; a client made with validate=False does not check"

# Bits of the longest integer that Python writes without being told to.
LONGEST_INT = 14_000
# What servers store, which is what MongoDB does: levels of objects and lists in a field, and integers.
DEEPEST = 179
SMALLEST, LARGEST = -(2**63), 2**63 - 1
# Files of a time zone database that are no zones.
NO_ZONE = re.compile(r"localtime$|posixrules$|posix/|right/")

Path = tuple[str | int, ...]


def body(model: type[Model], fields: Mapping[str, Any], *, validate: bool) -> dict[str, Any]:
    """Return the JSON object to send for the arguments of a method.

    Args:
        model: The request model of the operation.
        fields: Arguments by JSON name, models or dicts at any depth. Those that are UNSET are left out.
        validate: Whether to check the object against the model and the rules above. Values that JSON cannot carry are
            refused in any case.

    Raises:
        RequestValidationError: If anything is wrong; the message names the field, its value and what is allowed.
    """
    wire = plain(fields)
    if validate:
        _storable(wire)
        try:
            model.check(wire)
        except DecodeError:
            _explain(model, wire)
        for name, check in _CHECKS.items():
            if wire.get(name) is not None:
                check(wire[name])
    return wire


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as a JSON object, without those that are UNSET, and refuse values that JSON cannot carry."""
    try:
        return _json_object(fields)
    except _Refused as refused:
        raise invalid(refused.path, refused.problem) from None
    except RecursionError:
        # Raised below, without a traceback of a thousand frames behind it.
        pass
    name = next(name for name, value in fields.items() if _is_too_deep(value))
    raise invalid((name,), "it is nested too deeply, or contains itself")


def _storable(wire: dict[str, Any]) -> None:
    """Refuse what servers cannot store."""
    level: list[tuple[Path, Any]] = [((), wire)]
    for _ in range(DEEPEST + 1):
        inside: list[tuple[Path, Any]] = []
        for path, outer in level:
            if outer.__class__ is list:
                items: Any = enumerate(outer)
            else:
                items = outer.items()
                if "$ref" in outer and "$id" in outer:
                    raise invalid(path, f"servers cannot read an object with both $ref and $id again{HINT}")
                if "\0" in "".join(outer):
                    nul = next(key for key in outer if "\0" in key)
                    raise invalid((*path, nul), f"servers cannot store a key with the character NUL{HINT}")
            for key, value in items:
                cls = value.__class__
                if cls is str:
                    continue
                # An empty one at the bottom does not count.
                if (cls is dict or cls is list) and value:
                    inside.append(((*path, key), value))
                elif cls is int and not SMALLEST <= value <= LARGEST:
                    raise invalid((*path, key), f"servers cannot store an integer beyond 64 bits{HINT}")
        if not inside:
            return
        level = inside
    field = level[0][0][0]
    raise invalid((field,), f"servers store at most {DEEPEST} levels of objects and lists in a field{HINT}")


def group_id(value: Any) -> None:
    """Refuse what can only mean the default record by accident; None says so on purpose."""
    if not isinstance(value, str):
        raise invalid(("group_id",), f"expected str or None, got {describe(value)}")
    if not value.strip():
        raise invalid(("group_id",), f"got {value!r}, which names no group: None says that there is none{HINT}")


def deletion(body: Mapping[str, Any]) -> None:
    """Refuse a filter that servers leave out, which widens the deletion."""
    if not body:
        raise invalid((), "deleting needs a filter, such as user_id or group_id. Nothing was sent")
    for name, value in body.items():
        # The last is a server's word for any.
        if value is None or (isinstance(value, str) and value.strip() in ("", "__all__")):
            problem = f"got {value!r}, which servers leave out of the filter: more would be deleted. Nothing was sent"
            raise invalid((name,), problem)


def required(operation: str, body: Mapping[str, Any]) -> None:
    """Refuse to leave out what a schema lets be left out, and servers lose what was sent without."""
    if operation == "add_memories_v1" and "group_id" not in body:
        problem = "servers answer 200 to a message without one, and throw it away. None sends it anyway"
        raise invalid(("group_id",), f"{problem}{HINT}")


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse an argument that is not one of a few words."""
    if value not in allowed:
        raise invalid((name,), f"expected {' or '.join(map(repr, allowed))}, got {describe(value, text=True)}")


def additional(name: str, values: Any) -> dict[str, Any]:
    """Return additional fields of a body or a query, as JSON."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise invalid((name,), f"expected a dict, got {describe(values)}")
    return plain(values)


def query(values: Any) -> dict[str, Any]:
    """Return additional query parameters: scalars, or lists of them for a repeated key."""
    parameters = additional("extra_query", values)
    for key, value in parameters.items():
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, (str, int, float)):
                raise invalid(("extra_query", key), f"expected str, int, float or bool, got {describe(item)}")
    return parameters


def time(name: str | Path, value: Any) -> None:
    """Refuse what is no time, or says no time zone."""
    try:
        # Python takes any character between date and time.
        found = datetime.fromisoformat(value) if re.fullmatch(r"[\dW-]+([Tt ].*)?", value) else None
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None:
        problem = "is not an ISO 8601 time" if found is None else "has no time zone"
        expected = f"expected one with a time zone, such as '2025-01-15T10:00:00+00:00', or an aware datetime{HINT}"
        raise invalid((name,) if isinstance(name, str) else name, f"{value[:60]!r} {problem}: {expected}")


def _messages(messages: Sequence[Mapping[str, Any]]) -> None:
    for index, message in enumerate(messages):
        if isinstance(written := message.get("create_time"), str):
            time(("conversation_list", index, "create_time"), written)


def _conversation(conversation: Mapping[str, Any]) -> None:
    if (began := conversation.get("created_at")) is not None:
        time(("conversation_meta", "created_at"), began)
    for name, check in (("group_id", group_id), ("default_timezone", _default_timezone)):
        if conversation.get(name) is not None:
            check(conversation[name])


def _default_timezone(value: str) -> None:
    # "" is how an update clears the field.
    if value == "":
        return
    try:
        if NO_ZONE.match(value):
            raise ValueError
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # A system without a time zone database knows no name at all, and cannot judge one.
        if known := zoneinfo.available_timezones():
            problem = f"{value[:60]!r} is not an IANA time zone; {_suggest(value, known)}{HINT}"
            raise invalid(("default_timezone",), problem) from None


_CHECKS: dict[str, Callable[[Any], None]] = {
    "group_id": group_id,
    "created_at": partial(time, "created_at"),
    "create_time": partial(time, "create_time"),
    "default_timezone": _default_timezone,
    "conversation_list": _messages,
    "conversation_meta": _conversation,
}


class _Refused(Exception):
    """A value that JSON cannot carry, and where it is."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.path: Path = ()


def _json_value(value: Any) -> Any:
    """Return a value as JSON has it: models and mappings as dicts, sequences as lists, times in ISO 8601."""
    cls = value.__class__
    if cls is str:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _Refused("the text holds half of a surrogate pair, which UTF-8 cannot carry") from None
    elif cls is dict:
        return _json_object(value)
    elif cls is list or cls is tuple:
        return _json_list(value)
    elif cls is float:
        if not math.isfinite(value):
            raise _Refused(f"JSON has no {value}")
    elif cls is int:
        if value.bit_length() > LONGEST_INT:
            raise _Refused(f"{describe(value)} is too long to be written")
    elif value is not None and cls is not bool:
        return _json_other(value)
    return value


def _json_object(items: Mapping[Any, Any]) -> dict[str, Any]:
    result = {}
    for key, item in items.items():
        if item is UNSET:
            continue
        # Most values are plain texts, and a call for each would take longer than all the rest.
        if item.__class__ is str and item.isascii():
            result[key] = item
        else:
            try:
                result[key] = _json_value(item)
            except _Refused as refused:
                refused.path = (key, *refused.path)
                raise
        if key.__class__ is not str or not key.isascii():
            if not isinstance(key, str):
                raise _Refused(f"the keys of a JSON object are str, got {describe(key)}")
            _json_value(str(key))
    return result


def _is_too_deep(value: Any) -> bool:
    try:
        _json_value(value)
    except RecursionError:
        return True
    except _Refused:
        pass
    return False


def _json_list(items: Sequence[Any]) -> list[Any]:
    result = []
    for index, item in enumerate(items):
        try:
            result.append(_json_value(item))
        except _Refused as refused:
            refused.path = (index, *refused.path)
            raise
    return result


def _json_other(value: Any) -> Any:
    # What `encode` cannot turn into JSON it hands back.
    encoded = encode(value)
    if encoded is not value:
        return _json_value(encoded)
    for kind in (str, int, float):
        if isinstance(value, kind):
            _json_value(kind(value))
            return value
    raise _Refused(f"{describe(value)} is no JSON value: expected str, int, float, bool, None, dict or list")


def _explain(model: type[Model], wire: dict[str, Any]) -> NoReturn:
    """Raise the error of an object that was found wrong."""
    try:
        decoded = model.from_dict(wire)
    except DecodeError as error:
        raise invalid(error.path, f"expected {error.expected}, got {error.got}{HINT}") from None
    _refuse_unknown(decoded, ())
    raise invalid((), f"a field is not known{HINT}")


def _refuse_unknown(model: Model, path: Path) -> None:
    """Refuse fields that the schema does not declare, and name those that they could have meant."""
    if isinstance(model, MapModel):
        for key, item in model.items():
            if isinstance(item, Model):
                _refuse_unknown(item, (*path, key))
        return
    fields = {str(field.metadata.get("json", field.name)): field.name for field in type(model).__attrs_attrs__}  # type: ignore[attr-defined]
    fields.pop("additional_properties", None)
    for key in model.additional_keys:
        raise invalid((*path, key), f"no such field; {_suggest(key, fields)}{HINT}")
    for name, attribute in fields.items():
        value = getattr(model, attribute)
        inside = [((name, index), item) for index, item in enumerate(value)] if isinstance(value, list) else []
        for at, item in [((name,), value), *inside]:
            if isinstance(item, Model):
                _refuse_unknown(item, (*path, *at))


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    some = ", ".join(sorted(known)) if len(known) < 20 else "a name such as 'Europe/Paris'"
    return f"did you mean {close[0]!r}" if close else f"expected one of: {some}"


def invalid(path: Path, problem: str) -> RequestValidationError:
    field = json_path(path).removeprefix(".")
    return RequestValidationError(f"{field or 'the body'}: {problem}", field=field)
