"""Shorthand for the methods of conversation metadata; others are named by their path."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer

CREATE_V0: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "scene": "assistant"}
# Every method with the least arguments and a good answer.
METHODS: dict[str, tuple[dict[str, Any], Any]] = {
    "v0.create": (CREATE_V0, RECORD),
    "v0.update": ({}, PATCHED),
    "v0.get": ({}, RECORD),
    "v1.create": (CREATE_V1, RECORD),
    "v1.update": ({}, PATCHED),
    "v1.get": ({}, RECORD),
}


def find(client: Any, method: str, *, raw: bool = False) -> Callable[..., Any]:
    version, *inside, name = method.split(".")
    resource = attrgetter(".".join([version, *inside]) if inside else f"{version}.memories.conversation_meta")(client)
    found: Callable[..., Any] = getattr(resource.with_raw_response if raw else resource, name)
    return found


def operation_id(method: str) -> str:
    version, _, name = method.partition(".")
    return f"{name}_conversation_meta_{version}"


def ask(flavour: Flavour, method: str, body: Any, status: int = 200, /, **arguments: Any) -> Any:
    """Call a method that is answered with a body; arguments are unchecked."""
    client = flavour.client(lambda _: answer(body, status), validate=False, max_retries=0)
    return flavour.call(find(client, method), **{**METHODS[method][0], **arguments})
