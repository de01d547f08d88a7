"""Shorthand for the methods of conversation metadata, others are named by their path; and for judging answers."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import httpx
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer
from evermemos_api.types import UNSET
from test_operations import CALLS, called_operations, method_of

from evermemos import EverMemOS
from evermemos._call import Call, Options
from evermemos.errors import APIError

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


def call_of(operation: str, arguments: dict[str, Any] | None = None, **settings: Any) -> Call[Any]:
    """Make the call of an operation, to be judged without sending anything."""
    client = EverMemOS(**{"api_key": "test-key", **settings})
    (found,) = called_operations(method_of(client, operation))
    given = CALLS[operation][0] if arguments is None else arguments
    where: dict[str, Any] = {"query": given} if found.body is None else {"fields": given}
    options = Options(UNSET, None, None, None, UNSET, UNSET)
    return Call(client._settings, found, options, **where)


def attempt(call: Call[Any], response: httpx.Response) -> Any:
    """Let a call judge an answer to another attempt: give the answer, the seconds to wait, or the error."""
    call.begin()
    reader = call.reader(response)
    reader.feed_unpacked(response.content)
    return call.answered(call.answer(response, reader.content()))


def judge(method: str, body: Any, status: int = 200, /) -> Any:
    """Judge an answer to a method without sending anything: give its result, or raise its error."""
    call = call_of(operation_id(method), METHODS[method][0], validate=False, max_retries=0)
    outcome = attempt(call, answer(body, status))
    if isinstance(outcome, APIError):
        raise outcome
    return outcome.parse()
