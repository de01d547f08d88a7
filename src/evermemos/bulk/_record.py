"""What one conversation's record is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from attrs import NOTHING, fields
from evermemos_api.models import CreateConversationMetaV1Request, UpdateConversationMetaV1Request

from .. import _checks, _json
from ..errors import RequestValidationError

CREATE = CreateConversationMetaV1Request
# What a record may hold, what it needs to be created, and what an update can change.
FIELDS = tuple(each.name for each in fields(CREATE) if each.name not in ("group_id", "additional_properties"))
REQUIRED = tuple(each.name for each in fields(CREATE) if each.default is NOTHING)
CHANGEABLE = frozenset(each.name for each in fields(UpdateConversationMetaV1Request)) & {*FIELDS}
# Stands in for required fields while a record that leaves some out is checked.
_STAND_IN: dict[str, Any] = {
    "version": "",
    "scene": "assistant",
    "scene_desc": {},
    "name": "",
    "created_at": "2025-01-01T00:00:00+00:00",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What the record of one conversation is to be, as far as it says.

    A field that is left out, or None, is left alone on the server. "", [] and {} clear a field. Maps and lists are
    meant whole.

    Args:
        group_id (str | None): Which conversation. None is the default record, which all groups without a record of
            their own share.
        fields (Mapping[str, Any]): Arguments of `client.v1.memories.conversation_meta.create`, without group_id. To
            create a record, all that are required there are needed; `scene_desc` that is left out is then {}.
        api (str): Version of the API. There are no groups on v0, and so no records of it here.

    Raises:
        RequestValidationError: If anything is wrong, in the words of the client's methods.
    """

    group_id: str | None
    fields: Mapping[str, Any] = field(repr=False)
    api: Literal["v1"] = "v1"

    def __post_init__(self) -> None:
        if self.group_id is not None:
            _checks.group_id(self.group_id)
        _checks.choice("api", self.api, ("v1",))
        if not isinstance(self.fields, Mapping):
            raise _wrong("fields", "expected a dict of fields")
        given = {name: value for name, value in self.fields.items() if value is not None}
        if "group_id" in given:
            raise _wrong("group_id", "it is named beside the fields, not among them")
        wire = _checks.body(CREATE, {**_STAND_IN, **given}, validate=True)
        object.__setattr__(self, "fields", {name: wire[name] for name in FIELDS if name in given})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, validate: bool = True) -> Self:
        """Make a record from what a line of a file holds: all fields, and group_id, which must be there.

        Args:
            values (Mapping[str, Any]): The fields. `group_id` null says the default record; to forget it must not.
            validate (bool): Whether to check the values of fields, beyond what JSON can carry.

        Raises:
            RequestValidationError: If anything is wrong.
        """
        if not isinstance(values, Mapping):
            raise _wrong("", f"a record is an object with fields, got {type(values).__name__}")
        if "group_id" not in values:
            raise _wrong("group_id", "it is missing; null says the default record, which all groups share")
        given = {name: value for name, value in values.items() if name != "group_id"}
        if validate:
            return cls(values["group_id"], given)
        record = object.__new__(cls)
        group_id = values["group_id"]
        if group_id is not None:
            _checks.group_id(group_id)
        if unknown := given.keys() - {*FIELDS}:
            raise _wrong(str(min(unknown, key=str)), "no such field, and what the methods do not take cannot be sent")
        wire = _checks.plain({name: value for name, value in given.items() if value is not None})
        for name, value in (("group_id", group_id), ("fields", wire), ("api", "v1")):
            object.__setattr__(record, name, value)
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` takes, as JSON."""
        return {"group_id": self.group_id, **self.fields}

    def to_json(self) -> bytes:
        """Return the record as one line of JSON Lines, without the line's end."""
        return _json.dumps(self.to_dict())


def violations(values: Any) -> list[RequestValidationError]:
    """Return everything that is wrong with a record, at most one error for each field."""
    try:
        Record.from_dict(values)
    except RequestValidationError as error:
        first = error
    else:
        return []
    if not isinstance(values, Mapping):
        return [first]
    found = []
    fields = {name: value for name, value in values.items() if name != "group_id"}
    # The id alone, or its absence, and then each field alone.
    alone: list[dict[Any, Any]] = [{name: values[name] for name in values if name == "group_id"}]
    for each in [*alone, *({"group_id": None, name: value} for name, value in fields.items())]:
        try:
            Record.from_dict(each)
        except RequestValidationError as error:
            found.append(error)
    return found or [first]


def _wrong(name: str, problem: str) -> RequestValidationError:
    return RequestValidationError(f"{name}: {problem}" if name else problem, field=name)
