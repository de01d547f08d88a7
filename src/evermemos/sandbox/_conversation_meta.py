"""The conversation-meta operations of both API versions."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from ._messages import Refused, now
from ._mongodb import REFERENCE, STEPS, Unmanageable, encode, loads
from ._times import refuse_vague

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ._spec import Spec
    from ._store import Record, Store

SCENES = ["group_chat", "assistant"]
# The order of `updated_fields`, in which servers look at the fields of an update.
ORDER = ("name", "description", "scene_desc", "llm_custom_setting", "tags", "default_timezone", "user_details")
# The order of a record's settings in an answer.
SHOWN = (
    *("scene", "scene_desc", "llm_custom_setting", "name", "description", "version", "conversation_created_at"),
    *("default_timezone", "user_details", "tags"),
)
# What a body has that is no setting of the record.
NO_SETTINGS = {"group_id", "created_at"}
SAVE_FAILED = "Failed to save conversation metadata"


def behaviours(store: Store, spec: Spec) -> dict[str, Callable[[Record | None], Record | Refused]]:
    """List what each operation does, by its id."""
    found: dict[str, Callable[[Record | None], Record | Refused]] = {}
    for meta in (ConversationMetaV0(store, spec), ConversationMetaV1(store, spec)):
        for verb in ("get", "create", "update"):
            found[f"{verb}_conversation_meta_{meta.api}"] = getattr(meta, verb)
    return found


class ConversationMetaV1:
    """The records of /api/v1, and what can be done to them."""

    api: ClassVar[str] = "v1"
    # The schema of a participant.
    user: ClassVar[str] = "UserDetail"
    # Whether a PATCH for an unknown group changes the default record.
    patch_falls_back: ClassVar[bool] = True
    # Whether a POST on an existing record leaves alone what it does not give.
    merges: ClassVar[bool] = False
    # The time zone of a new record that is not given one.
    timezone: ClassVar[str | None] = None

    def __init__(self, store: Store, spec: Spec) -> None:
        self._store = store
        self.strict = spec.strict
        operations = spec.operations
        create, update = (operations[f"{verb}_conversation_meta_{self.api}"].fields for verb in ("create", "update"))
        self.settable = [name for name in create if name not in NO_SETTINGS]
        self.updatable = [name for name in ORDER if name in update]
        self.updatable += [name for name in update if name not in {*ORDER, *NO_SETTINGS}]
        self.shown = [name for name in SHOWN if name in {*self.settable, "conversation_created_at"}]
        self.shown += [name for name in self.settable if name not in SHOWN]
        # Servers take custom_role and do not keep it.
        dropped = set() if self.strict else {"custom_role"}
        self.user_fields = [name for name in spec.schemas[self.user]["properties"] if name not in dropped]

    def get(self, params: Record | None) -> Record:
        """Read the record of a group, or the default record when it has none."""
        group_id = (params or {}).get("group_id")
        try:
            record = self._find(group_id, fall_back=True)
        except Unmanageable:
            record = None
        if record is None:
            raise Refused(404, f"Conversation metadata not found for group_id: {group_id}")
        stood_in = group_id and record["is_default"]
        return _ok("Using default config" if stood_in else "Conversation metadata retrieved successfully", record)

    def create(self, params: Record | None) -> Record | Refused:
        """Make the record of a group, or write over it."""
        if params is None:
            raise Refused(500, f"{SAVE_FAILED}, please try again later")
        group_id = params.get("group_id")
        given = self._given(params, self.settable)
        if self.merges and not given.get("user_details"):
            given.pop("user_details", None)
        self._keep_to_scope(group_id, given, creating=True)
        if self.strict:
            refuse_vague("created_at", params["created_at"])
        if given.get("scene", SCENES[0]) not in SCENES:
            raise Refused(400, f"Field 'scene': invalid scene value: {given['scene']}, allowed values: {SCENES}")
        given["conversation_created_at"] = params["created_at"]
        try:
            old = self._find(group_id, fall_back=False)
            time = now()
            record = self._made(group_id, given, old, _in_milliseconds(time))
            if old:
                record = self._save(record)
            else:
                self._store.put(self.api, record)
                # This answer is not read back from the database, and so has the whole time still.
                record |= {"created_at": time, "updated_at": time}
        except Unmanageable:
            # What was written stays, even where it cannot be read again.
            return Refused(500, SAVE_FAILED)
        return _ok("Conversation metadata saved successfully", record)

    def update(self, params: Record | None) -> Record | Refused:
        """Change the fields that are given."""
        if params is None:
            raise Refused(500, "Failed to update conversation metadata, please try again later")
        group_id = params.get("group_id")
        unknown = f"Specified conversation metadata not found: group_id={group_id}"
        missing = Refused(404, unknown if group_id else "Default config not found")
        try:
            record = self._find(group_id, fall_back=self.patch_falls_back and not self.strict)
            if record is None:
                return missing
            given = self._given(params, self.updatable)
            self._keep_to_scope(group_id, given, creating=False)
            result = {"id": record["id"], "group_id": record["group_id"], "scene": None, "name": None}
            if not given:
                return _ok("No fields need updating", {**result, "updated_fields": [], "updated_at": None})
            date = {"updated_at": _in_milliseconds(now())} if self.strict else {}
            record = self._save({**record, **given, **date})
        except Unmanageable:
            return missing
        result |= {name: record.get(name) for name in ("scene", "name")}
        result |= {"updated_fields": list(given), "updated_at": record["updated_at"]}
        return _ok(f"Conversation metadata updated successfully, updated {len(given)} fields", result)

    def _find(self, group_id: str | None, *, fall_back: bool) -> Record | None:
        """Read the record of a group.

        Raises:
            Unmanageable: If servers cannot ask for this group, or not read what it has.
        """
        encode(group_id or "")
        found = self._store.get(self.api, group_id)
        return self._store.get(self.api, None) if found is None and fall_back else found

    def _save(self, record: Record) -> Record:
        """Write over a record, and read it again.

        Raises:
            Unmanageable: If it cannot be written, or was written and cannot be read.
        """
        text = self._store.put(self.api, record)
        return loads(text) if REFERENCE in text else record

    def _made(self, group_id: str | None, given: Record, old: Record | None, time: str) -> Record:
        """Make the record that a POST leaves behind."""
        unset: Record = {"default_timezone": self.timezone, "user_details": {}, "tags": []}
        before = old if old and self.merges else {}
        return {
            "id": old["id"] if old else os.urandom(12).hex(),
            "group_id": group_id,
            **{name: given.get(name, before.get(name, unset.get(name))) for name in self.shown},
            "is_default": group_id is None,
            "created_at": old["created_at"] if old else time,
            "updated_at": old["updated_at"] if old and not self.strict else time,
        }

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

    def _keep_to_scope(self, group_id: str | None, given: Record, *, creating: bool) -> None:
        """Leave what goes with this kind of record. On v1 the default record is like any other."""


class ConversationMetaV0(ConversationMetaV1):
    """The records of /api/v0. Scene and language models are the default record's alone, a name is a group's."""

    api = "v0"
    user = "UserDetailV0"
    patch_falls_back = False
    merges = True
    timezone = "UTC"

    def _given(self, params: Record, names: Collection[str]) -> Record:
        given = super()._given(params, names)
        if "llm_custom_setting" in given:
            setting = {name: given["llm_custom_setting"].get(name) for name in (*STEPS, "extra")}
            if all(value is None for value in setting.values()):
                # An object that names no model and nothing else is as none.
                del given["llm_custom_setting"]
            else:
                given["llm_custom_setting"] = _llm_custom_setting(setting)
        return given

    def _keep_to_scope(self, group_id: str | None, given: Record, *, creating: bool) -> None:
        """Leave what goes with this kind of record.

        Raises:
            Refused: If something is missing or does not go with it, or a language model is not allowed.
        """
        if creating:
            _refuse_misplaced(group_id, given)
        else:
            _refuse_changes(group_id, given)
        _refuse_unlisted(given.get("llm_custom_setting") or {})
        if group_id is not None:
            given.pop("llm_custom_setting", None)


def _llm_custom_setting(given: Record) -> Record | None:
    """Write a choice of language models as servers show it. An empty one is null, and so is an empty extra."""
    shown: Record = {}
    for step in STEPS:
        config = given[step]
        shown[step] = config and {
            "provider": config["provider"],
            "model": config["model"],
            "extra": config.get("extra") or None,
        }
    shown["extra"] = given["extra"] or None
    return shown if any(shown.values()) else None


def _refuse_misplaced(group_id: str | None, given: Record) -> None:
    """Refuse a POST on v0 that lacks something, or that has what does not go with its record."""
    if group_id is None:
        for name in ("scene", "scene_desc"):
            if name not in given:
                raise Refused(400, f"Field '{name}': Global config requires '{name}' field to be set.")
        if "name" in given:
            advice = "Name is only for group-level config. Please remove 'name' field or provide a group_id."
            raise Refused(400, f"Field 'name': Global config cannot set 'name'. {advice}")
        return
    for name, what in (("scene", "Scene"), ("scene_desc", "Scene description")):
        if name in given:
            words = f"Group-level config cannot set '{name}'. {what} is inherited from global config."
            advice = f"Please remove '{name}' field or use group_id=null for global config."
            raise Refused(400, f"Field '{name}': {words} {advice}")
    if "name" not in given:
        raise Refused(400, "Field 'name': Group-level config requires 'name' field to be set.")


def _refuse_changes(group_id: str | None, given: Record) -> None:
    """Refuse a PATCH on v0 of what does not go with its record."""
    foreign = ["name"] if group_id is None else ["llm_custom_setting", "scene_desc"]
    if misplaced := [name for name in foreign if name in given]:
        level = "Global" if group_id is None else "Group-level"
        other = "group-level config (with group_id)" if group_id is None else "global config (group_id=null)"
        advice = f"These fields can only be set in {other}."
        raise Refused(400, f"{level} config cannot update fields: {misplaced}. {advice}")


def _refuse_unlisted(setting: Record) -> None:
    """Refuse a language model that is not on the list of its provider, which the environment may hold."""
    for step in STEPS:
        config = setting.get(step)
        if not config or not config["model"]:
            continue
        text = os.environ.get(f"{config['provider'].upper()}_WHITE_LIST", "") if config["provider"] else ""
        allowed = {name.strip() for name in text.split(",")} - {""}
        if allowed and config["model"] not in allowed:
            raise Refused(
                400,
                f"Field 'llm_custom_setting.{step}.model': Model '{config['model']}' is not allowed for provider"
                f" '{config['provider']}' (task: {step}). Allowed models: {', '.join(sorted(allowed))}.",
            )


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


def _in_milliseconds(time: str) -> str:
    """Cut a time to the milliseconds that the servers' database keeps."""
    return time[:23] + "000+00:00"
