"""What MongoDB, the database of real servers, does to a record: what it cannot hold, and what it reads otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Bytes of a document, and how deeply objects and lists may lie in each other, the document being the first.
LARGEST = 16 * 1024 * 1024
DEEPEST = 180
INTEGERS = range(-(2**63), 2**63)
# The steps whose language model can be chosen.
STEPS = ("boundary", "extraction")
# Every digit is as another when it comes to the length of a number. The largest of MongoDB has 19.
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
# What stands in the JSON of a reference.
REFERENCE = '"$ref"'
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=lambda value: value.fields)


class Unmanageable(Exception):
    """A value with which the database, or the server that reads it, does not get along."""


class Reference:
    """An object with $ref and $id, which MongoDB's driver reads as a reference to another document.

    It is no object any more: a field for objects does not take it, and no answer can show it.

    Attributes:
        fields (Mapping[str, Any]): The fields of the object.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """Stand for an object of these fields."""
        self.fields = fields


def dumps(document: Any) -> str:
    """Write a document as JSON.

    Raises:
        Unmanageable: If MongoDB cannot hold it.
    """
    try:
        text = _ENCODER.encode(document)
        content = encode(text)
        is_suspicious = (
            b"\\u0000" in content
            or _LONG_NUMBER in content.translate(_AS_ZEROS)
            or content.count(b"{") + content.count(b"[") > DEEPEST
        )
        is_held = len(content) <= LARGEST and (not is_suspicious or _is_held(json.loads(text)))
    except RecursionError:
        raise Unmanageable from None
    if not is_held:
        raise Unmanageable
    return text


def loads(text: str) -> dict[str, Any]:
    """Read a record as servers do.

    Raises:
        Unmanageable: If a reference is in the place of an object.
    """
    if REFERENCE not in text:
        plain: dict[str, Any] = json.loads(text)
        return plain
    record: dict[str, Any] = json.loads(text, object_hook=_as_driver)
    setting = record.get("llm_custom_setting") or {}
    owners = [setting, *(setting.get(step) or {} for step in STEPS), *(record.get("user_details") or {}).values()]
    objects = [record.get("scene_desc"), *(owner.get("extra") for owner in owners)]
    if any(isinstance(each, Reference) for each in objects):
        raise Unmanageable
    return record


def encode(text: str) -> bytes:
    """Encode a text.

    Raises:
        Unmanageable: If it has half of a surrogate pair.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Unmanageable from None


def _as_driver(fields: dict[str, Any]) -> Any:
    is_reference = isinstance(fields.get("$ref"), str) and "$id" in fields
    return Reference(fields) if is_reference and isinstance(fields.get("$db"), str | None) else fields


def _is_held(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        if any("\0" in key for outer in level if isinstance(outer, dict) for key in outer):
            return False
        values = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        if any(isinstance(value, int) and value not in INTEGERS for value in values):
            return False
        level = [value for value in values if isinstance(value, (dict, list))]
    return not level
