"""What goes into the sandbox and comes out of it, whatever carries it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from ._faults import Fault

Place: TypeAlias = tuple[str | int, ...]
Issue: TypeAlias = dict[str, Any]
# How deeply objects and lists may lie in each other. Servers read a few hundred levels more, but their Python had more
# of its stack left.
DEEPEST = 500


class Answer(NamedTuple):
    """An HTTP answer. Its repr leaves out the body.

    Attributes:
        status (int): HTTP status.
        headers (Mapping[str, str]): Headers by their names in lower case.
        body (bytes): The body.
        fault (Fault | None): What goes wrong on the way back. It is for the carrier to bring about.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    fault: Fault | None = None

    def __repr__(self) -> str:
        """Leave out the body, which may hold what people wrote."""
        return f"<Answer {self.status}>"


class Request(NamedTuple):
    """A request that the sandbox has received. Its repr leaves out what people wrote.

    Attributes:
        method (str): HTTP method.
        target (str): Path and query, as sent.
        headers (Mapping[str, str]): Headers by their names in lower case, without the value of Authorization.
        content (bytes): The body, as sent. Of one above a mebibyte nothing is kept.
        operation (str | None): The operation's id in openapi.yaml, None where the spec has none for this request.
        fault (Fault | None): The fault that this request ran into, of those asked for with `Sandbox.fail`.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes
    operation: str | None = None
    fault: Fault | None = None

    def __repr__(self) -> str:
        """Leave out the body, and the query, which may hold what somebody asks for."""
        return f"<Request {self.method} {self.target.partition('?')[0]}>"

    @property
    def body(self) -> Any:
        """What the JSON says, or the bytes that were sent when they are no JSON."""
        try:
            return loads(self.content)
        except ValueError:
            return self.content


class Refused(Exception):
    """An answer other than 200.

    Attributes:
        status (int): HTTP status.
        message (str): The application's words.
        detail (str | list[Issue] | None): The framework's words, for an answer which the application does not give.
    """

    def __init__(self, status: int, message: str = "", detail: str | list[Issue] | None = None) -> None:
        super().__init__(status, message, detail)
        self.status = status
        self.message = message
        self.detail = detail


class Unanswerable(Exception):
    """An answer that servers fail to write. Their last resort is status 500."""


class Accepted(NamedTuple):
    """What an operation answers with status 202, where it goes on afterwards."""

    content: Any


def answer(status: int, content: Any, **headers: str) -> Answer:
    """Make an answer of JSON, byte for byte as servers write it.

    Raises:
        Unanswerable: If it cannot be written: half of a surrogate pair, and in an error what is not a number of JSON.
    """
    try:
        try:
            text = _ENCODER.encode(content)
        except ValueError:
            if status >= 400:
                raise
            text = _ENCODER.encode(json.loads(json.dumps(content), parse_constant=lambda _: None))
        return Answer(status, {"content-type": "application/json", **headers}, text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise Unanswerable from error


def headers_of(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Read headers as carriers have them: names in lower case, and of a repeated one all values."""
    headers: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def loads(body: bytes) -> Any:
    """Read JSON as servers do, NaN and Infinity included.

    Raises:
        ValueError: If it is none. A JSONDecodeError where it breaks the grammar.
    """
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # What is read here must be read again later, with less of the stack left.
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_deeper(value, DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _is_deeper(content: Any, limit: int) -> bool:
    level = [content]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, (dict, list)) for value in level)


def now() -> str:
    """Tell the time as servers write it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
