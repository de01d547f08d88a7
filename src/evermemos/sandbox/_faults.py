"""Faults on demand: what goes wrong with an answer, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, get_args

from ._messages import Answer, answer, now

Reset = Literal["before", "during", "after"]
LONGEST_DELAY = 3600.0
LONGEST_WAIT = 365 * 24 * 3600
# Statuses that come without a body.
BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


def is_number(value: Any, kind: type[int] | type[float], least: float, most: float = math.inf) -> bool:
    """Tell whether a value is an int, or a float where that is allowed, between two others."""
    if isinstance(value, bool) or not isinstance(value, (int, kind)):
        return False
    return least <= value <= most


class Fault(NamedTuple):
    """One thing that goes wrong with an answer. `Sandbox.fail` makes it, and describes its fields."""

    operation: str | None = None
    status: int | None = None
    retry_after: int | None = None
    delay: float = 0.0
    reset: Reset | None = None
    cut: bool = False
    content_type: str | None = None
    body: bytes | None = None
    location: str | None = None
    applied: bool = True

    def __repr__(self) -> str:
        """Show what is wrong, without the body that was given."""
        given = {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}
        parts = [f"{name}={'...' if name == 'body' else repr(value)}" for name, value in given.items()]
        return f"Fault({', '.join(parts)})"

    def problem(self) -> str | None:
        """Say what keeps this from being a fault."""
        if self.status is not None and not is_number(self.status, int, 200, 599):
            return f"status is {self.status!r}: expected an int from 200 to 599"
        if self.retry_after is not None and not is_number(self.retry_after, int, 0, LONGEST_WAIT):
            return f"retry_after is {self.retry_after!r}: expected whole seconds from 0 to {LONGEST_WAIT}"
        if not is_number(self.delay, float, 0, LONGEST_DELAY):
            return f"delay is {self.delay!r}: expected seconds from 0 to {LONGEST_DELAY:g}"
        for name in ("content_type", "location"):
            text = getattr(self, name)
            if text is not None and not (isinstance(text, str) and text.isascii() and text.isprintable()):
                return f"{name} is {text!r}: expected printable ASCII"
        if self.body is not None and not isinstance(self.body, bytes):
            return f"body is of type {type(self.body).__name__}: expected str or bytes"
        if self.status in BODILESS and (self.body or self.cut or self.reset == "during"):
            return f"an answer with status {self.status} has no body: leave out what spoils it"
        if self.reset not in (None, *get_args(Reset)):
            return f"reset is {self.reset!r}: expected 'before', 'during' or 'after' the answer"
        if not (self.delay or self.reset or self.cut or self._alters()):
            return "nothing to go wrong: give status, delay, reset, cut, content_type, body or location"
        if self.reset == "before" and (self.cut or self._alters()):
            return "with reset='before' there is no answer: leave out what describes one"
        if not self.applied and self.status is None and self.reset != "before":
            return "applied=False without a status: say with status what is answered instead"
        return None

    def _alters(self) -> bool:
        parts = (self.status, self.retry_after, self.content_type, self.body, self.location)
        return any(part is not None for part in parts)

    def spoil(self, given: Answer | None, path: str, errors: Mapping[str, Any]) -> Answer:
        """Return the answer that this fault makes of one.

        Args:
            given (Answer | None): The answer of the operation, None where it was not applied.
            path (str): Path of the request.
            errors (Mapping[str, Any]): The spec's examples of errors, by status.
        """
        # Without either there is no answer at all, and this is for nobody to see.
        status = self.status or (given.status if given else 500)
        if given is None or status != given.status:
            given = Answer(status, {}, b"") if status < 400 else answer(status, _words(status, path, errors))
        headers = {
            **given.headers,
            **({} if self.content_type is None else {"content-type": self.content_type}),
            **({} if self.retry_after is None else {"retry-after": str(self.retry_after)}),
            **({} if self.location is None else {"location": self.location}),
        }
        return Answer(status, headers, given.body if self.body is None else self.body, self)


def _words(status: int, path: str, errors: Mapping[str, Any]) -> Any:
    """The body of an error: the spec's example, or what the application says of a status."""
    message = HTTPStatus(status).phrase if status in list(HTTPStatus) else f"Status {status}"
    here = {"timestamp": now(), "path": path}
    words = errors.get(str(status)) or {"status": "failed", "code": "HTTP_ERROR", "message": message, **here}
    return words | {name: value for name, value in here.items() if name in words}
