"""Checks of query parameters, before a byte is sent, by the schemas that openapi.yaml has for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evermemos_api.types import UNSET, describe

from ._checks import HINT, choice, group_id, invalid, plain, time

if TYPE_CHECKING:
    from ._operation import Operation

# Operations that need one of their filters.
NEED_ONE: dict[str, tuple[str, ...]] = dict.fromkeys(("get_memories_v1", "search_memories_v1"), ("user_id", "group_id"))
# Parameters that nobody gets what they expect of.
IGNORED = {"offset": "servers ignore it and send the first memories again: narrow start_time and end_time instead"}
# Texts that say which memories are meant. An empty one would be left out, and mean all.
IDS = ("user_id", "group_ids")
# By the names of JSON schema, those of Python.
KINDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "string": ("str", str),
    "integer": ("int", int),
    "number": ("number", (int, float)),
    "boolean": ("bool", bool),
}


def parameters(operation: Operation[Any], values: Mapping[str, Any], *, validate: bool) -> dict[str, Any]:
    """Return the parameters to send, without those that are UNSET, and times as text.

    Args:
        operation: What is called.
        values: Arguments by the name of the parameter.
        validate: Whether to check them.

    Raises:
        RequestValidationError: If anything is wrong; the message names the parameter and what is allowed.
    """
    if values.get("request_id", "") in (None, UNSET):
        raise invalid(("request_id",), "there is none: not every answer has one, and then there is nothing to ask for")
    found = plain(values)
    if operation.name.startswith("get_conversation_meta_") and found.get("group_id", "") is None:
        # Says on purpose that the default record is meant.
        del found["group_id"]
    for name in IGNORED.keys() & found.keys():
        raise invalid((name,), IGNORED[name])
    if validate:
        for name, value in found.items():
            _check(name, value, operation.parameters[name])
        if (needed := NEED_ONE.get(operation.name)) and not found.keys() & set(needed):
            raise invalid((), f"{' or '.join(needed)} is needed{HINT}")
    return found


def _check(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    if schema["type"] == "array":
        if not isinstance(value, list) or not value:
            got = "an empty one, which servers take for all" if value == [] else describe(value)
            raise invalid((name,), f"expected a list of {KINDS[schema['items']['type']][0]}, got {got}{HINT}")
        for item in value:
            _check(name, item, schema["items"])
        return
    kind, classes = KINDS[schema["type"]]
    if not isinstance(value, classes) or (isinstance(value, bool) and kind != "bool"):
        more = ". Leave it out to say nothing" if value is None else ""
        raise invalid((name,), f"expected {kind}, got {describe(value)}{more}{HINT}")
    if "enum" in schema:
        choice(name, value, tuple(schema["enum"]))
    elif name == "group_id":
        group_id(value)
    elif name in IDS and not str(value).strip():
        raise invalid((name,), f"got {value!r}, which servers take for all: leave it out to say that{HINT}")
    elif name == "request_id" and not re.fullmatch(r"[ -~]*[!-~][ -~]*", str(value)):
        # It goes into a header too.
        raise invalid((name,), f"expected an id in printable ASCII, got {describe(value, text=True)}{HINT}")
    elif name.endswith("_time"):
        time(name, value)
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    if not least <= value <= most:
        allowed = f"{least} to {most}" if "maximum" in schema else f"at least {least}"
        raise invalid((name,), f"got {value}, expected {allowed}{HINT}")
