"""Every error that this package raises.

    EverMemOSError
    ├── ConfigurationError            a setting of a client or an option of a call is wrong (also a ValueError)
    ├── RequestValidationError        an argument is wrong; nothing was sent (also a ValueError)
    ├── BulkError                     a run over many records cannot begin or go on (`client.v1.bulk`)
    │   ├── InputError                    its input is wrong, or was changed meanwhile (also a ValueError)
    │   ├── JournalError                  its journal is that of another run, or cannot be used
    │   ├── RecordReplacedError           a record that seemed absent was there, and was replaced by its creation
    │   └── TooManyFailuresError          more records failed than `max_failures`
    └── APIError                      something came of a call, and it was not the result
        ├── APIConnectionError        no whole answer (`applied`: to a write that was accepted)
        │   └── APITimeoutError       not within `timeout` or `deadline`
        ├── APIStatusError            the server refused or failed
        │   ├── BadRequestError            400
        │   ├── AuthenticationError        401
        │   ├── PermissionDeniedError      403
        │   ├── NotFoundError              404, or `get(on_missing="error")` was answered with the default record
        │   ├── ConflictError              409
        │   ├── UnprocessableEntityError   422
        │   ├── RateLimitError             429
        │   └── InternalServerError        500 and above
        ├── APIResponseValidationError     the answer does not fit the API's schema (`applied`: that of a write)
        ├── ScopeMismatchError             a write reached another record than the one that was named
        ├── FieldsNotAppliedError          a write was answered as done, and with `verify` not all of it was found
        └── LostUpdateError                somebody else wrote over every attempt to change a conversation

Each has the attributes of EverMemOSError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BulkError",
    "ConfigurationError",
    "ConflictError",
    "ErrorDetail",
    "EverMemOSError",
    "FieldsNotAppliedError",
    "InputError",
    "InternalServerError",
    "JournalError",
    "LostUpdateError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RecordReplacedError",
    "RequestValidationError",
    "ScopeMismatchError",
    "TooManyFailuresError",
    "UnprocessableEntityError",
]


# Characters of a message or a code that are kept.
LONGEST_TEXT = 800
# How an error begins when the server has accepted a write, and only what came afterwards failed.
ACCEPTED = "the write was accepted"


class EverMemOSError(Exception):
    """Base class of all errors of this package.

    No error holds headers, the API key or what a person wrote, so each may be logged, printed and pickled whole.

    Attributes:
        message (str): What happened: the server's own words where it sent any.
        operation (str | None): The operation's id in openapi.yaml.
        method (str | None): HTTP method.
        path (str | None): Path of the request, without the query.
        status_code (int | None): HTTP status of the answer.
        code (str | None): The kind of error in the server's terms, such as HTTP_ERROR.
        request_id (str | None): From the answer's headers, for support.
        attempts (int): How many times the request was tried.
        retry_after (float | None): Seconds that the server asked to wait before another try.
        outcome_unknown (bool): The request was a write which may have been applied or not. Read the record before
            repeating it.
        applied (bool): The request was a write that the server accepted, and only what came afterwards failed: its
            answer cannot be read, or is about another record. Do not repeat it.
    """

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    status_code: int | None = None
    code: str | None = None
    request_id: str | None = None
    attempts: int = 0
    retry_after: float | None = None
    outcome_unknown: bool = False
    applied: bool = False

    def __init__(self, message: str, **attributes: Any) -> None:
        self.message = one_line(message)
        super().__init__(self.message)
        vars(self).update(attributes)

    def __str__(self) -> str:
        status = f"{self.status_code} {_phrase(self.status_code)}".strip() if self.status_code else ""
        where = f"{self.method} {self.path}" if self.method else ""
        line = ": ".join(filter(None, [where, status, self.code, self.message]))
        notes: list[str] = []
        if self.outcome_unknown:
            notes.append("the outcome is unknown: the write may have been applied, read the record before repeating it")
        if self.retry_after is not None:
            notes.append(f"retry after {self.retry_after:g} s")
        if self.request_id:
            notes.append(f"request id {self.request_id}")
        if self.attempts > 1:
            notes.append(f"{self.attempts} attempts")
        return f"{line} ({'; '.join(notes)})" if notes else line


class ConfigurationError(EverMemOSError, ValueError):
    """A setting of a client or an option of a call is wrong, or the client was closed. Nothing was sent."""


class RequestValidationError(EverMemOSError, ValueError):
    """An argument is wrong. Nothing was sent.

    Attributes:
        field (str): Which argument, as a path such as `user_details.user_001.role`.
    """

    field: str = ""


class BulkError(EverMemOSError):
    """A run over many records cannot begin or go on. What became of single records is in its results."""


class InputError(BulkError, ValueError):
    """The input of a run is wrong, or was changed after it was checked.

    Attributes:
        violations (list[tuple[int, str]]): Line, counted from 1, and what is wrong there. At most 1,000 are kept.
        count (int): How many there are.
    """

    violations: list[tuple[int, str]] = []
    count: int = 0


class JournalError(BulkError):
    """The journal of a run is that of another run, or cannot be used."""


class RecordReplacedError(BulkError):
    """A record whose absence was proved was there all the same, and its creation has replaced it whole.

    The server cannot be trusted then, so what was in flight was finished, and the rest was not begun.

    Attributes:
        group_id (str | None): Whose record; None is the default record.
        record_id (str | None): Id of the record.
    """

    group_id: str | None = None
    record_id: str | None = None


class TooManyFailuresError(BulkError):
    """More records failed than `max_failures`. What was in flight was finished, the rest was not begun.

    Attributes:
        failures (int): How many failed.
    """

    failures: int = 0


class APIError(EverMemOSError):
    """A call was made and did not end in a result."""


class APIConnectionError(APIError):
    """The server could not be reached, or the connection broke before the whole answer was there."""


class APITimeoutError(APIConnectionError):
    """`timeout` or `deadline` ran out."""


class ErrorDetail(TypedDict):
    """One problem that the server found in a request. The value itself, which the server echoes, is left out."""

    loc: list[str | int]
    msg: str
    type: str


class APIStatusError(APIError):
    """The server answered that it refused the request or failed, or answered 200 with status "failed".

    Attributes:
        details (list[ErrorDetail]): The problems that the server found in the request (422).
        server_time (datetime | None): When the server answered, by its own clock, if it said so.
    """

    details: list[ErrorDetail] = []
    server_time: datetime | None = None


class BadRequestError(APIStatusError):
    """400: the request was understood and refused."""


class AuthenticationError(APIStatusError):
    """401: no API key, or one that the server does not know."""


class PermissionDeniedError(APIStatusError):
    """403: the key is known and may not do this."""


class NotFoundError(APIStatusError):
    """404: nothing was found. It does not prove absence: servers answer so, too, while their database is down."""


class ConflictError(APIStatusError):
    """409: the request clashes with another one."""


class UnprocessableEntityError(APIStatusError):
    """422: the request does not fit the server's schema; `details` says where."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` says how long to wait, if the server does."""


class InternalServerError(APIStatusError):
    """500 and above: the server failed."""


# By HTTP status; those of 500 and above are InternalServerError.
STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


class APIResponseValidationError(APIError):
    """The answer is not what the API's schema promises.

    Where it is the answer to a write, `applied` is True: the server has accepted the write, and the message says so in
    its first words.

    Attributes:
        json_path (str): Where in the answer, such as `$.result.id`.
        expected (str): What the schema allows there.
        got (str): What came: its type, and its value where that cannot be somebody's text.
    """

    json_path: str = "$"
    expected: str = ""
    got: str = ""


class ScopeMismatchError(APIError):
    """A write that named a group reached another record, and that record was changed.

    v1 servers apply a PATCH for a group that they do not know to the default record, which all groups without a record
    of their own share (docs/server-behaviour.md, section 2).

    Attributes:
        group_id (str): The group that was named.
        actual_group_id (str | None): The group whose record was changed; None is the default record.
        record_id (str | None): Id of the record that was changed.
    """

    group_id: str = ""
    actual_group_id: str | None = None
    record_id: str | None = None


class FieldsNotAppliedError(APIError):
    """A write was answered as done, and the record that was read back is not what was sent.

    Either the server does not keep a field, as servers do not keep custom_role (docs/server-behaviour.md, section 5),
    or somebody else wrote in between.

    Attributes:
        fields (list[str]): What was sent and not found, as paths such as `user_details.user_001.custom_role`.
    """

    fields: list[str] = []


class LostUpdateError(APIError):
    """Somebody else wrote over a change of a conversation, and over every repetition of it.

    Attributes:
        sent (dict[str, Any] | None): The fields that were written last, as JSON.
        found (dict[str, Any] | None): The same fields as they were read back.

    Both are what people wrote: they are in no text of the error, and None in a copy of it that was pickled.
    """

    # Not in the dict of the instance, which is what is pickled, copied and printed.
    __slots__ = ("_versions",)

    def __init__(
        self,
        message: str,
        *,
        sent: dict[str, Any] | None = None,
        found: dict[str, Any] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(message, **attributes)
        self._versions = (sent, found)

    @property
    def sent(self) -> dict[str, Any] | None:
        return self._both()[0]

    @property
    def found(self) -> dict[str, Any] | None:
        return self._both()[1]

    def _both(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        # Some packages, such as tblib below Dask, unpickle errors without making them.
        return getattr(self, "_versions", (None, None))


def one_line(text: str) -> str:
    """Return a text as one line of bounded length that a terminal and a log can take."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_TEXT]).split())
    return plain if len(plain) <= LONGEST_TEXT else plain[: LONGEST_TEXT - 1] + "…"


def _phrase(status_code: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status_code).phrase
    except ValueError:
        return ""
