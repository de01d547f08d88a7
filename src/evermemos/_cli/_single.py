"""The commands for single records, on the guarded handles: no write reaches another record than the one named."""

from __future__ import annotations

import inspect
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from evermemos_api.types import Unset

from . import DONE, NO_RECORD
from ._output import Form
from ._session import Session, UsageError

if TYPE_CHECKING:
    from .. import EverMemOS

Group = Annotated[
    str | None,
    typer.Argument(metavar="[GROUP]", show_default=False, help="Id of a group. Not every v0 server has any."),
]
Default = Annotated[
    bool, typer.Option("--default", help="The default record, which all groups without one of their own share.")
]
Name = Annotated[str | None, typer.Option(help="Name of the conversation; on v0 of a group.")]
Description = Annotated[str | None, typer.Option(help="What the conversation is about.")]
Timezone = Annotated[str | None, typer.Option(help="IANA name of a time zone, such as Europe/Paris.")]
Tag = Annotated[list[str] | None, typer.Option(help="A label. Can be repeated; the list is replaced whole.")]
SceneDesc = Annotated[str | None, typer.Option(metavar="JSON", help="Free fields about the scene; JSON or @FILE.")]
Users = Annotated[
    str | None, typer.Option(metavar="JSON", help="Participants by user id, replaced whole; JSON or @FILE.")
]
Llm = Annotated[str | None, typer.Option(metavar="JSON", help="Language models to use (v0); JSON or @FILE.")]
Verify = Annotated[bool, typer.Option("--verify", help="Read the record back and compare.")]
EMPTY: dict[str, Any] = {
    "description": "",
    "default_timezone": "",
    "tags": [],
    "scene_desc": {},
    "user_details": {},
    # {} would be "not given".
    "llm_custom_setting": {"extra": {}},
}


def get(
    session: Session,
    group: Group = None,
    *,
    default: Default = False,
    effective: Annotated[
        bool, typer.Option("--effective", help="Each field with whose record it comes from: group or default.")
    ] = False,
) -> int:
    """Show a record."""
    with session.client() as client:
        conversation = _conversation(session, client, group, default=default)
        if not effective:
            session.out.one(conversation.get().result.to_dict())
            return DONE
        fields = conversation.effective()
    found = {name: {"value": _plain(field.value), "source": field.source} for name, field in fields.items()}
    if session.out.form is Form.table:
        given = {name: field for name, field in found.items() if field["value"] is not None}
        session.out.table({f"{name} ({field['source']})": field["value"] for name, field in given.items()})
    else:
        session.out.one(found)
    return DONE


def exists(session: Session, group: Group = None, *, default: Default = False) -> int:
    """Tell whether there is a record: exit code 0 if there is, 4 if there is none."""
    with session.client() as client:
        found = _conversation(session, client, group, default=default).exists()
    session.out.one({"exists": found})
    return DONE if found else NO_RECORD


def set_(
    session: Session,
    group: Group = None,
    *,
    default: Default = False,
    created_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the conversation began: ISO 8601 with a zone, or now.")
    ] = None,
    scene: Annotated[str | None, typer.Option(help="group_chat or assistant.")] = None,
    name: Name = None,
    version: Annotated[str | None, typer.Option(help="Version of the metadata (v1). [default: 1.0]")] = None,
    description: Description = None,
    default_timezone: Timezone = None,
    tag: Tag = None,
    scene_desc: SceneDesc = None,
    user_details: Users = None,
    llm_custom_setting: Llm = None,
    verify: Verify = False,
) -> int:
    """Create a record or replace it whole, and say which. v1 empties what is left out, v0 keeps it."""
    given = {
        "created_at": datetime.now(UTC).isoformat() if created_at == "now" else created_at,
        "scene": scene,
        "name": name,
        "version": version,
        "description": description,
        "default_timezone": default_timezone,
        "tags": tag,
        "scene_desc": _json("scene-desc", scene_desc),
        "user_details": _json("user-details", user_details),
        "llm_custom_setting": _json("llm-custom-setting", llm_custom_setting),
    }
    with session.client() as client:
        conversation = _conversation(session, client, group, default=default)
        if given["scene_desc"] is None and (session.version == "v1" or conversation.group_id is None):
            given["scene_desc"] = {}
        fields = _fields(session, conversation.set, given)
        result = conversation.set(**fields, verify=verify)
    action = "created" if result.created else "replaced" if session.version == "v1" else "merged"
    session.out.one({"action": action, **result.response.result.to_dict()})
    return DONE


def update(
    session: Session,
    group: Group = None,
    *,
    default: Default = False,
    name: Name = None,
    description: Description = None,
    default_timezone: Timezone = None,
    tag: Tag = None,
    scene_desc: SceneDesc = None,
    user_details: Users = None,
    llm_custom_setting: Llm = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help=f"Empty a field: {', '.join(EMPTY)}. Can be repeated.")
    ] = None,
    verify: Verify = False,
) -> int:
    """Change fields of a record that exists. What is not named stays."""
    given = {
        "name": name,
        "description": description,
        "default_timezone": default_timezone,
        "tags": tag,
        "scene_desc": _json("scene-desc", scene_desc),
        "user_details": _json("user-details", user_details),
        "llm_custom_setting": _json("llm-custom-setting", llm_custom_setting),
    }
    for field in clear or []:
        plain = field.replace("-", "_")
        if plain not in EMPTY:
            raise UsageError(f"--clear {field}: expected one of {', '.join(EMPTY)}")
        if given[plain] is not None:
            raise UsageError(f"--clear {field}: the field is also given a value: leave out one of the two")
        given[plain] = EMPTY[plain]
    if all(value is None for value in given.values()):
        raise UsageError("there is nothing to change: name a field, such as --description TEXT")
    with session.client() as client:
        conversation = _conversation(session, client, group, default=default)
        result = conversation.update(**_fields(session, conversation.update, given), verify=verify).result
    session.out.one(result.to_dict())
    return DONE


def _conversation(session: Session, client: EverMemOS, group: str | None, *, default: bool) -> Any:
    is_v0 = session.version == "v0"
    # On v0 the default record may be the only one there is, and needs no word of its own.
    if (group is not None and default) or (group is None and not default and not is_v0):
        raise UsageError("expected either the id of a GROUP or --default, for the record that all others share")
    api = client.v0 if is_v0 else client.v1
    return api.default_conversation() if group is None else api.conversation(group)


def _fields(session: Session, method: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are given, if the method takes them and misses none."""
    takes = inspect.signature(method).parameters
    fields = {name: value for name, value in given.items() if value is not None}
    if unknown := fields.keys() - takes.keys():
        raise UsageError(f"{', '.join(map(_option, sorted(unknown)))}: {session.version} has no such field")
    needed = [name for name in given if name in takes and takes[name].default is inspect.Parameter.empty]
    if missing := [name for name in needed if name not in fields]:
        raise UsageError(f"{', '.join(map(_option, missing))}: a record needs it, on {session.version}")
    return fields


def _option(name: str) -> str:
    return "--tag" if name == "tags" else f"--{name.replace('_', '-')}"


def _json(option: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        if text.startswith("@"):
            value = json.loads(Path(text[1:]).read_text("utf-8") if text != "@-" else sys.stdin.read())
        else:
            value = json.loads(text)
    except OSError as error:
        raise UsageError(f"--{option}: {error.filename}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"--{option}: not JSON{where}: expected an object, such as '{{\"a\": 1}}', or @FILE") from None
    if not isinstance(value, dict):
        raise UsageError(f"--{option}: expected an object, such as '{{\"a\": 1}}', or @FILE")
    return value


def _plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else None if isinstance(value, Unset) else value
