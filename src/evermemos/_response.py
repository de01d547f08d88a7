"""An answer as it came, and what can be read from it when it is not the one hoped for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NamedTuple, TypeVar

from . import _json
from .errors import ErrorDetail, one_line

T = TypeVar("T")

# Names of fields of requests, which are the API's words and not a user's. A test compares them with openapi.yaml.
FIELD_NAMES = {
    *("boundary", "content", "conversation_list", "conversation_meta", "create_time", "created_at", "custom_role"),
    *("default_timezone", "description", "event_id", "extra", "extraction", "flush", "full_name", "group_id"),
    *("group_name", "id", "llm_custom_setting", "memory_id", "message_id", "model", "name", "provider", "refer_list"),
    *("role", "scene", "scene_desc", "sender", "sender_name", "tags", "type", "user_details", "user_id", "version"),
}

REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-trace-id", "cf-ray")
# Texts of a repeated request that are looked for in a message. With more the message goes: looking takes seconds.
MOST_TEXTS = 1000


class RawResponse(Generic[T]):
    """An answer as it came, with status, headers and body, that can still be parsed.

    Attributes:
        status_code (int): HTTP status.
        headers (Mapping[str, str]): Headers; names are looked up in any letter case.
        content (bytes): The body, unpacked.
        attempts (int): How many times the request was tried.
    """

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        content: bytes,
        attempts: int,
        parse: Callable[[RawResponse[T]], T],
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.attempts = attempts
        self._parse = parse

    def __repr__(self) -> str:
        return f"<RawResponse {self.status_code}, {len(self.content)} bytes>"

    def parse(self) -> T:
        """Return the result, as the method without `with_raw_response` does, with the same checks and errors."""
        return self._parse(self)

    def json(self) -> Any:
        """Return the body as parsed JSON.

        Raises:
            ValueError: If it is not JSON.
        """
        return _json.loads(self.content)

    @property
    def request_id(self) -> str | None:
        """The server's id for the request, from whichever header has one."""
        return request_id(self.headers)

    def says_failed(self) -> bool:
        """Whether the body says that the call failed, whatever the status is."""
        body = _object(self)
        return body.get("status") == "failed"

    def describe(self, problem: Exception) -> str:
        """Say what the body is instead of JSON, without repeating any of it."""
        if not self.content.strip():
            return "an empty body"
        kind = self.headers.get("content-type", "no content-type").partition(";")[0]
        reason = "nested too deeply" if isinstance(problem, RecursionError) else "not JSON"
        reason = "not UTF-8" if isinstance(problem, UnicodeDecodeError) else reason
        return f"a body of {len(self.content)} bytes ({kind}) that is {reason}"


def request_id(headers: Mapping[str, str]) -> str | None:
    return next((value for name in REQUEST_ID_HEADERS if (value := headers.get(name))), None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, from Retry-After-Ms or Retry-After (a number or a date)."""
    milliseconds, value = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def server_time(answer: RawResponse[Any]) -> datetime | None:
    """Return when an error was answered, by the server's own clock, where the body says so."""
    return time_of(_object(answer).get("timestamp"))


def time_of(text: Any) -> datetime | None:
    """Read a time of a server. None if it is none, or names no zone."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


class Words(NamedTuple):
    """What a server says of an error."""

    message: str
    code: str | None
    details: list[ErrorDetail]


def server_words(answer: RawResponse[Any]) -> Words:
    """Read a server's own words from any of the bodies that the application, its framework and the gateway send.

    What a 422 repeats of the request is taken out, wherever it stands.
    """
    body = _object(answer)
    location = answer.headers.get("location")
    if location and answer.status_code < 400:
        return Words(f"redirects are not followed; the server points to {location.partition('?')[0]}", None, [])
    found = next((body[key] for key in ("message", "detail", "error", "msg") if body.get(key)), None)
    code = next(
        (one_line(str(body[key])) for key in ("code", "error", "type") if isinstance(body.get(key), (str, int))), None
    )
    details: list[ErrorDetail] = []
    if isinstance(found, list):
        details = [_detail(item) for item in found if isinstance(item, dict)]
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in details]
        found = "; ".join(problems or [item for item in found if isinstance(item, str)])
    if isinstance(found, str) and one_line(found):
        return Words(_without_echo(found), code, details)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind == "text/plain" and answer.content.strip():
        return Words(_without_echo(answer.content[:4096].decode(errors="replace")), code, details)
    return Words(f"no message, {len(answer.content)} bytes of {kind or 'unknown type'}", code, details)


def _object(answer: RawResponse[Any]) -> dict[str, Any]:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return {**body, **body["error"], "error": None}
    return body if isinstance(body, dict) else {}


def _without_echo(message: str) -> str:
    """Take out what pydantic repeats of its input, which goes to the end of the line."""
    return re.sub(r"input_value=.*", "input_value=<input>", message)


def _detail(item: dict[str, Any]) -> ErrorDetail:
    loc = item.get("loc")
    message = _without_echo(str(item.get("msg", "")))
    texts = _texts(item.get("input"))
    if len(texts) > MOST_TEXTS:
        message, texts = "", set()
    for text in sorted(texts, key=len, reverse=True):
        # A short text is taken out as a word of its own only, or no sentence would be left.
        pattern = re.escape(text) if len(text) > 3 else rf"(?<!\w){re.escape(text)}(?!\w)"
        message = re.sub(pattern, "<input>", message)
    return {
        "loc": [part for part in loc if isinstance(part, (str, int))] if isinstance(loc, list) else [],
        "msg": one_line(message) or str(item.get("type", "")),
        "type": str(item.get("type", "")),
    }


def _texts(value: Any) -> set[str]:
    """Every text and number inside a value, keys included, as a message may write it."""
    found, inside = set[str](), [value]
    while inside:
        part = inside.pop()
        if isinstance(part, dict):
            inside += [*(part.keys() - FIELD_NAMES), *part.values()]
        elif isinstance(part, list):
            inside += part
        elif part is not None and not isinstance(part, bool):
            found |= {str(part), repr(str(part))[1:-1], json.dumps(str(part))[1:-1]}
    return found - {""}
