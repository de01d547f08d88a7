"""The conversation-meta operations of both API versions."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from ._messages import Refused, now
from ._times import refuse_vague

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ._spec import Spec
    from ._store import Record, Store

SCENES = ["group_chat", "assistant"]
# The order of `updated_fields`, in which servers look at the fields of an update.
ORDER = ("name", "description", "scene_desc", "llm_custom_setting", "tags", "default_timezone", "user_details")
# What a body has that is no setting of the record.
NO_SETTINGS = {"group_id", "created_at"}


def behaviours(store: Store, spec: Spec) -> dict[str, Callable[[Record | None], Record]]:
    """List what each operation does, by its id."""
    found: dict[str, Callable[[Record | None], Record]] = {}
    for meta in (ConversationMetaV0(store, spec), ConversationMetaV1(store, spec)):
        for verb in ("get", "create", "update"):
            found[f"{verb}_conversation_meta_{meta.api}"] = getattr(meta, verb)
    return found


class ConversationMetaV1:
    """The records of /api/v1, and what can be done to them."""

    api: ClassVar[str] = "v1"
    # Whether a PATCH for an unknown group changes the default record.
    patch_falls_back: ClassVar[bool] = True
    # Whether a write moves `updated_at`, as documented.
    moves_updated_at: ClassVar[bool] = False
    # Whether a POST on an existing record leaves alone what it does not give.
    merges: ClassVar[bool] = False
    # What of a user is taken and not kept.
    dropped_of_users: ClassVar[frozenset[str]] = frozenset({"custom_role"})

    def __init__(self, store: Store, spec: Spec) -> None:
        self._store = store
        self.strict = spec.strict
        self.is_dated = self.moves_updated_at or spec.strict
        operations = spec.operations
        create, update = (operations[f"{verb}_conversation_meta_{self.api}"].fields for verb in ("create", "update"))
        self.settable = [name for name in create if name not in NO_SETTINGS]
        self.updatable = [name for name in ORDER if name in update]
        self.updatable += [name for name in update if name not in {*ORDER, *NO_SETTINGS}]
        self.user_fields = [
            name
            for name in spec.schemas["UserDetail"]["properties"]
            if self.strict or name not in self.dropped_of_users
        ]

    def get(self, params: Record | None) -> Record:
        """Read the record of a group, or the default record when it has none."""
        group_id = (params or {}).get("group_id")
        record = self._find(group_id, fall_back=True)
        if record is None:
            raise Refused(404, f"Conversation metadata not found for group_id: {group_id}")
        stood_in = group_id and record["is_default"]
        return _ok("Using default config" if stood_in else "Conversation metadata retrieved successfully", record)

    def create(self, params: Record | None) -> Record:
        """Make the record of a group, or write over it."""
        if params is None:
            raise Refused(500, "Failed to save conversation metadata, please try again later")
        group_id = params.get("group_id")
        given = self._given(params, self.settable)
        self._refuse_misplaced(group_id, given, creating=True)
        if self.strict:
            refuse_vague("created_at", params["created_at"])
        if given.get("scene", SCENES[0]) not in SCENES:
            raise Refused(400, f"invalid scene value: {given['scene']}, allowed values: {SCENES}")
        old = self._store.get(self.api, group_id)
        time = now()
        kept = ["id", "created_at"]
        kept += [] if self.is_dated else ["updated_at"]
        kept += self.settable if self.merges else []
        record: Record = {
            "id": os.urandom(12).hex(),
            "group_id": group_id,
            "is_default": group_id is None,
            **dict.fromkeys(self.settable),
            "user_details": {},
            "tags": [],
            "created_at": _as_stored(time),
            "updated_at": _as_stored(time),
            **({name: old[name] for name in kept if name in old} if old else {}),
            **given,
            "conversation_created_at": params["created_at"],
        }
        self._store.put(self.api, record)
        # The answer about a new record is not read back from the database, and so has the whole time still.
        exact = {} if old else {"created_at": time, "updated_at": time}
        return _ok("Conversation metadata saved successfully", {**record, **exact})

    def update(self, params: Record | None) -> Record:
        """Change the fields that are given."""
        if params is None:
            raise Refused(500, "Failed to update conversation metadata, please try again later")
        group_id = params.get("group_id")
        record = self._find(group_id, fall_back=self.patch_falls_back and not self.strict)
        if record is None:
            unknown = f"Specified conversation metadata not found: group_id={group_id}"
            raise Refused(404, unknown if group_id else "Default config not found")
        given = self._given(params, self.updatable)
        self._refuse_misplaced(group_id, given, creating=False)
        result = {"id": record["id"], "group_id": record["group_id"], "updated_fields": list(given)}
        if not given:
            return _ok("No fields need updating", {**result, "scene": None, "name": None, "updated_at": None})
        date = {"updated_at": _as_stored(now())} if self.is_dated else {}
        record = {**record, **given, **date}
        self._store.put(self.api, record)
        result |= {name: record.get(name) for name in ("scene", "name", "updated_at")}
        return _ok(f"Conversation metadata updated successfully, updated {len(given)} fields", result)

    def _find(self, group_id: str | None, *, fall_back: bool) -> Record | None:
        found = self._store.get(self.api, group_id)
        return self._store.get(self.api, None) if found is None and fall_back else found

    def _given(self, params: Record, names: Collection[str]) -> Record:
        given = {name: params[name] for name in names if params.get(name) is not None}
        if "user_details" in given:
            given["user_details"] = {user_id: self._user(user) for user_id, user in given["user_details"].items()}
        if self.strict and "default_timezone" in given:
            _refuse_unknown_zone(given["default_timezone"])
        return given

    def _user(self, user: Mapping[str, object]) -> Record:
        if user.get("full_name") is None and not self.strict:
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
    """The records of /api/v0. Scene and language models are the default record's alone, a name is a group's.

    None of this is documented, and strictly there are no groups.
    """

    api = "v0"
    patch_falls_back = False
    moves_updated_at = True
    merges = True
    dropped_of_users = frozenset()

    def _refuse_misplaced(self, group_id: str | None, given: Collection[str], *, creating: bool) -> None:
        if self.strict:
            return
        level = "Global" if group_id is None else "Group-level"
        for name in ("name",) if group_id is None else ("scene", "scene_desc", "llm_custom_setting"):
            if name in given:
                raise Refused(400, f"{level} config cannot set '{name}'.")
        for name in ("scene", "scene_desc") if group_id is None else ("name",):
            if creating and name not in given:
                raise Refused(400, f"{level} config requires '{name}' field to be set.")


@cache
def _zones() -> set[str]:
    import zoneinfo

    return zoneinfo.available_timezones()


def _refuse_unknown_zone(name: str) -> None:
    known = _zones()
    # The empty string clears the field. A machine without a list of zones cannot tell.
    if name and known and name not in known:
        raise Refused(400, "default_timezone is not the name of a time zone, such as Europe/Paris")


def _ok(message: str, result: Record) -> Record:
    return {"status": "ok", "message": message, "result": result}


def _as_stored(time: str) -> str:
    """Cut a time to the milliseconds that the servers' database keeps."""
    return time[:23] + "000+00:00"
