"""The conversation-meta operations of both API versions, over records by group id.

A record is never changed in place but replaced, so that an answer which holds one can be written out at leisure.
"""

import secrets
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, TypeAlias

from ._operation import (
    Check,
    Issue,
    Operation,
    Place,
    Refused,
    free_object,
    issue,
    list_of,
    map_of,
    model,
    now,
    or_null,
    text,
)

Record: TypeAlias = dict[str, Any]
Names: TypeAlias = tuple[str, ...]

SCENES = ["group_chat", "assistant"]
ROLES = ["user", "assistant"]


def _known_role(user: Record, place: Place) -> list[Issue]:
    role = user.get("role")
    if not role or role.lower() in ROLES:
        return []
    words = f"Value error, Invalid role '{role}'. Must be one of: {ROLES}"
    return [issue("value_error", place, user, words, ctx={"error": {}})]


_TEXT = or_null(text)
_OBJECT = or_null(free_object)
_TAGS = or_null(list_of(text))
_USERS = or_null(
    map_of(model({"full_name": _TEXT, "role": _TEXT, "custom_role": _TEXT, "extra": _OBJECT}, rule=_known_role))
)
_PROVIDER = or_null(model({"provider": text, "model": text, "extra": _OBJECT}, required={"provider", "model"}))
_LANGUAGE_MODELS = or_null(model({"boundary": _PROVIDER, "extraction": _PROVIDER, "extra": _OBJECT}))

# The order is that in which servers declare the fields, and thus that of the issues in a 422.
_CREATE_V1 = {
    "version": text,
    "scene": text,
    "scene_desc": free_object,
    "name": text,
    "description": _TEXT,
    "group_id": _TEXT,
    "created_at": text,
    "default_timezone": _TEXT,
    "user_details": _USERS,
    "tags": _TAGS,
}
_UPDATE_V1 = {
    "group_id": _TEXT,
    "name": _TEXT,
    "description": _TEXT,
    "scene_desc": _OBJECT,
    "tags": _TAGS,
    "user_details": _USERS,
    "default_timezone": _TEXT,
}
_UPDATE_V0 = {**_UPDATE_V1, "llm_custom_setting": _LANGUAGE_MODELS}
_CREATE_V0 = {"created_at": text, "scene": _TEXT, **_UPDATE_V0}


class ConversationMetaV1:
    """The records of /api/v1, and what can be done to them."""

    checks: ClassVar[Mapping[str, Check]] = {
        "GET": model({"group_id": _TEXT}),
        "POST": model(_CREATE_V1, required={"version", "scene", "scene_desc", "name", "created_at"}),
        "PATCH": model(_UPDATE_V1),
    }
    # What PATCH changes, in the order of `updated_fields`.
    updatable: ClassVar[Names] = ("name", "description", "scene_desc", "tags", "default_timezone", "user_details")
    settable: ClassVar[Names] = ("version", "scene", *updatable)
    # What a POST on an existing record leaves alone unless it gives a new value.
    kept: ClassVar[Names] = ("id", "created_at", "updated_at")
    user_fields: ClassVar[Names] = ("full_name", "role", "extra")
    # Whether a PATCH for an unknown group changes the default record, and whether a PATCH moves `updated_at`.
    patch_falls_back: ClassVar[bool] = True
    patch_is_dated: ClassVar[bool] = False

    def __init__(self) -> None:
        self._records: dict[str | None, Record] = {}

    def operations(self) -> Mapping[str, Operation]:
        """List the operations by HTTP method."""
        rest = "conversation metadata, please try again later"
        return {
            "GET": Operation(self.get, self.checks["GET"]),
            "POST": Operation(self.create, self.checks["POST"], on_null=f"Failed to save {rest}"),
            "PATCH": Operation(self.update, self.checks["PATCH"], on_null=f"Failed to update {rest}"),
        }

    def get(self, params: Record) -> Record:
        """Read the record of a group, or the default record when it has none."""
        group_id = params.get("group_id")
        record = self._records.get(group_id) or self._records.get(None)
        if record is None:
            raise Refused(404, f"Conversation metadata not found for group_id: {group_id}")
        stood_in = group_id and record["is_default"]
        return _ok("Using default config" if stood_in else "Conversation metadata retrieved successfully", record)

    def create(self, params: Record) -> Record:
        """Make the record of a group, or write over it."""
        group_id = params.get("group_id")
        given = self._given(params, self.settable)
        self._refuse_misplaced(group_id, given, creating=True)
        if given.get("scene", SCENES[0]) not in SCENES:
            raise Refused(400, f"invalid scene value: {given['scene']}, allowed values: {SCENES}")
        old = self._records.get(group_id)
        time = now()
        record: Record = {
            "id": secrets.token_hex(12),
            "group_id": group_id,
            "is_default": group_id is None,
            **dict.fromkeys(self.settable),
            "user_details": {},
            "tags": [],
            "created_at": _as_stored(time),
            "updated_at": _as_stored(time),
            **({name: old[name] for name in self.kept} if old else {}),
            **given,
            "conversation_created_at": params["created_at"],
        }
        self._records[group_id] = record
        # The answer about a new record is not read back from the database, and so has the whole time still.
        exact = {} if old else {"created_at": time, "updated_at": time}
        return _ok("Conversation metadata saved successfully", {**record, **exact})

    def update(self, params: Record) -> Record:
        """Change the fields that are given."""
        group_id = params.get("group_id")
        record = self._records.get(group_id) or (self._records.get(None) if self.patch_falls_back else None)
        if record is None:
            unknown = f"Specified conversation metadata not found: group_id={group_id}"
            raise Refused(404, unknown if group_id else "Default config not found")
        given = self._given(params, self.updatable)
        self._refuse_misplaced(group_id, given, creating=False)
        result = {"id": record["id"], "group_id": record["group_id"], "updated_fields": list(given)}
        if not given:
            return _ok("No fields need updating", {**result, "scene": None, "name": None, "updated_at": None})
        date = {"updated_at": _as_stored(now())} if self.patch_is_dated else {}
        record = {**record, **given, **date}
        self._records[record["group_id"]] = record
        result |= {name: record[name] for name in ("scene", "name", "updated_at")}
        return _ok(f"Conversation metadata updated successfully, updated {len(given)} fields", result)

    def _given(self, params: Record, names: Names) -> Record:
        given = {name: params[name] for name in names if params.get(name) is not None}
        if "user_details" in given:
            given["user_details"] = {user_id: self._user(user) for user_id, user in given["user_details"].items()}
        return given

    def _user(self, user: Record) -> Record:
        if user.get("full_name") is None:
            raise Refused(
                400,
                "1 validation error for UserDetailModel\nfull_name\n  Input should be a valid string"
                " [type=string_type, input_value=None, input_type=NoneType]\n"
                "    For further information visit https://errors.pydantic.dev/2.12/v/string_type",
            )
        return {name: user.get(name) for name in self.user_fields}

    def _refuse_misplaced(self, group_id: str | None, given: Collection[str], *, creating: bool) -> None:
        """Refuse what does not go with this kind of record. On v1 the default record is like any other."""


class ConversationMetaV0(ConversationMetaV1):
    """The records of /api/v0. Scene and language models are the default record's alone, a name is a group's."""

    checks = {
        **ConversationMetaV1.checks,
        "POST": model(_CREATE_V0, required={"created_at"}),
        "PATCH": model(_UPDATE_V0),
    }
    updatable = (*ConversationMetaV1.updatable[:3], "llm_custom_setting", *ConversationMetaV1.updatable[3:])
    settable = ("scene", *updatable)
    kept = ("id", "created_at", *settable)
    user_fields = ("full_name", "role", "custom_role", "extra")
    patch_falls_back = False
    patch_is_dated = True

    def _refuse_misplaced(self, group_id: str | None, given: Collection[str], *, creating: bool) -> None:
        level = "Global" if group_id is None else "Group-level"
        for name in ("name",) if group_id is None else ("scene", "scene_desc", "llm_custom_setting"):
            if name in given:
                raise Refused(400, f"{level} config cannot set '{name}'.")
        for name in ("scene", "scene_desc") if group_id is None else ("name",):
            if creating and name not in given:
                raise Refused(400, f"{level} config requires '{name}' field to be set.")


def _ok(message: str, result: Record) -> Record:
    return {"status": "ok", "message": message, "result": result}


def _as_stored(time: str) -> str:
    """Cut a time to the milliseconds that the servers' database keeps."""
    return time[:23] + "000+00:00"
