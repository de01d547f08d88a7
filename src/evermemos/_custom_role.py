"""The policy `custom_role="extra"`: a user's custom_role is kept inside `extra`, where servers leave it alone.

Servers of both versions accept custom_role and do not store it; what is in `extra` comes back as it was sent
(docs/server-behaviour.md, section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

from evermemos_api.types import UNSET, json_path

from .errors import RequestValidationError

KEY = "custom_role"


def park(body: dict[str, Any]) -> None:
    """Move the custom_role of every user of a body that is to be sent into their `extra`.

    Raises:
        RequestValidationError: If `extra` has a custom_role of its own, which would be taken for a parked one.
    """
    for user_id, user in _users(body.get("user_details")):
        extra = user.get("extra")
        if isinstance(extra, dict) and KEY in extra:
            field = json_path(("user_details", user_id, "extra", KEY)).removeprefix(".")
            raise RequestValidationError(
                f'{field}: a client made with custom_role="extra" keeps the custom_role of a user under this key: '
                "give custom_role itself, or another key. Nothing was sent",
                field=field,
            )
        if user.get(KEY) is not None and (extra is None or isinstance(extra, dict)):
            user["extra"] = {**(extra or {}), KEY: user.pop(KEY)}


def restore(result: Any) -> None:
    """Move what `park` has moved back, in a record that was read."""
    for _, user in _users(getattr(result, "user_details", None)):
        # v0 answers users as free objects, v1 as models.
        is_free = isinstance(user, MutableMapping)
        extra = user.get("extra") if is_free else user.extra
        if not isinstance(extra, MutableMapping) or not isinstance(extra.get(KEY), str):
            continue
        if (user.get(KEY) if is_free else user.custom_role) not in (None, UNSET):
            continue
        if is_free:
            user[KEY] = extra.pop(KEY)
        else:
            user.custom_role = extra.pop(KEY)


def _users(users: Any) -> Iterable[tuple[str, Any]]:
    return users.items() if isinstance(users, MutableMapping) else ()
