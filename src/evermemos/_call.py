"""One call of a generated operation, and how its failures become our errors. Nothing here waits or sends.

`Call` holds what an attempt needs and judges what came of it: a result, an error, or a number of seconds after which to
try again. The loop around it, which sends and waits, is in `_async/send.py` and its derived twin.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import httpx
from evermemos_api.types import UNSET, DecodeError, Unset, describe, json_path

from . import _checks, _json, _query, errors
from ._deadline import Seconds
from ._http import HEADERS, BodyReader, TooLarge
from ._response import RawResponse, request_id, retry_after, server_time, server_words
from ._settings import ApiKey, Settings, check_count, check_deadline, check_headers, check_timeout, merged, steps

if TYPE_CHECKING:
    from ._operation import Operation
    from ._settings import TimeoutTypes

T = TypeVar("T")
E = TypeVar("E", bound=errors.APIError)

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# After these the request has not been worked on; after any other failure of the server's it may have been.
REFUSED_STATUSES = frozenset({501, 503})
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
# A server that asks for a longer pause than this is not waited for.
LONGEST_RETRY_AFTER = 60.0
# Seconds by which the timeouts of a request's steps stay below the deadline.
STEP_MARGIN = 0.02


class NotInTime(TimeoutError):
    """The deadline was over before an attempt began."""


# What may come of sending, besides an answer. RuntimeError is what asyncio raises for connections of another loop.
FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.StreamError,
    TooLarge,
    zlib.error,
    OSError,
    RuntimeError,
)
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    NotInTime,
)
RETRIED_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

logger = logging.getLogger("evermemos")


class Options(NamedTuple):
    """What one call may have of its own."""

    timeout: TimeoutTypes | Unset
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, Any] | None
    extra_body: Mapping[str, Any] | None
    max_retries: int | Unset
    deadline: float | None | Unset


class Body:
    """The JSON object to send. A request model could not hold what a switched-off check lets by."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def to_dict(self) -> dict[str, Any]:
        return self._fields


class Bearer(httpx.Auth):
    """Adds the key when a request goes out, so that no client and no stored header holds it."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = self._key.header()
        yield request


class Call(Generic[T]):
    """One call, from checked arguments to a result or an error.

    Args:
        settings: The client's settings.
        operation: What to call.
        options: The call's own options.
        fields: Arguments that go into the body, by JSON name.
        query: Arguments that go into the query.
        on_missing: What to do when the default record answers for a group: "default" or "error".
        repeat_unknown: Whether a write may be sent again after an unknown outcome.

    Attributes:
        name (str): The operation's id.
        method (str): HTTP method.
        path (str): Path of the request, without the query.
        params (dict[str, Any]): Parameters of the query.
        content (bytes | None): The body, if there is one.
        own_headers (dict[str, str]): Headers of this call alone.
        attempts (int): How many times it was tried.

    Raises:
        RequestValidationError: If an argument is wrong.
    """

    def __init__(
        self,
        settings: Settings,
        operation: Operation[T],
        options: Options,
        *,
        fields: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        on_missing: str = "default",
        repeat_unknown: bool = False,
    ) -> None:
        self._settings = settings
        self._operation = operation
        self._on_missing = on_missing
        self.name = operation.name
        self.attempts = 0
        self._head: httpx.Response | None = None
        self._kind: Any = None
        self._safe = operation.safe
        self._is_repeated = operation.safe or repeat_unknown
        timeout, extra_headers, extra_query, extra_body, retries, deadline = options
        self._timeout = settings.timeout if isinstance(timeout, Unset) else check_timeout(timeout)
        self._retries = (
            settings.max_retries if isinstance(retries, Unset) else check_count("max_retries", retries, least=0)
        )
        limit = settings.deadline if isinstance(deadline, Unset) else check_deadline(deadline)
        _checks.choice("on_missing", on_missing, ("default", "error"))
        arguments: dict[str, Any] = {}
        if query is not None:
            arguments = _query.parameters(operation, query, validate=settings.validate)
        more = _checks.additional("extra_body", extra_body)
        if operation.body is not None:
            if operation.deletes:
                _checks.deletion(_checks.plain({**(fields or {}), **more}))
            body = _checks.body(operation.body, fields or {}, validate=settings.validate)
            if settings.custom_role == "extra":
                from . import _custom_role

                _custom_role.park(body)
            body |= more
            if settings.validate:
                _checks.required(operation.name, body)
            self._group_id = body.get("group_id")
            arguments["body"] = Body(body)
        request: dict[str, Any] = operation.request(**arguments)
        self.method = request["method"].upper()
        self.path = request["url"]
        self.params = request.get("params", {})
        if extra_query is not None:
            self.params = {**self.params, **_checks.query(extra_query)}
        if operation.body is None:
            # Servers let a body count more than the query, also for a request that reads.
            asked = {**self.params, **more}
            self._group_id = asked.get("group_id")
            self._kind = asked.get("memory_type", "episodic_memory") if operation.lists else None
        self._headers, own = request.get("headers", {}), {}
        if operation.body is None and self._headers:
            # Those are parameters.
            self._headers, own = {}, check_headers("a parameter", self._headers)
        self.own_headers = own if extra_headers is None else own | check_headers("extra_headers", extra_headers)
        if operation.body is None and more:
            request["json"], self._headers = more, {"Content-Type": "application/json"}
        self.content = _json.dumps(request["json"]) if "json" in request else None
        self._started = time.monotonic()
        self._ends_at = None if limit is None else self._started + limit

    # Before an attempt

    def request(self, client: httpx.Client | httpx.AsyncClient, *, is_plain: bool = False) -> httpx.Request:
        """Build a request in the ordinary way. A plain one has nothing that only this call has."""
        headers = (HEADERS, self._headers, self._settings.default_headers)
        return client.build_request(
            self.method,
            self._settings.base_url + self.path,
            params=None if is_plain else self.params or None,
            content=self.content,
            headers=merged(*headers) if is_plain else merged(*headers, self.own_headers),
            timeout=httpx.Timeout(**self.timeouts()),
        )

    def timeouts(self) -> dict[str, float | None]:
        """Return the seconds for each step of an attempt that begins now, so that they keep to the deadline."""
        if (ends_at := self._ends_at) is None:
            return steps(self._timeout)
        # A step's own timeout ends first, because its error knows whether the request was sent.
        left = ends_at - (now := time.monotonic())
        most = max(left - STEP_MARGIN, left / 2)
        return steps(
            self._timeout, lambda seconds: Seconds.until(now + most, min(most if seconds is None else seconds, most))
        )

    def key(self) -> ApiKey | None:
        """Return the key to send, unless there is none or headers say otherwise."""
        for headers in (self._settings.default_headers, self.own_headers):
            if headers and "authorization" in map(str.lower, headers):
                return None
        return self._settings.api_key

    def send_options(self) -> dict[str, Any]:
        """Return the arguments for httpx's `send`. Without a key, a client of the user's keeps its own auth."""
        key = self.key()
        return {"stream": True, "follow_redirects": False} | ({} if key is None else {"auth": Bearer(key)})

    def begin(self) -> float | None:
        """Begin another attempt, and return the seconds that it has, or None for no limit.

        Raises:
            NotInTime: If the deadline is over.
        """
        left = self.time_left()
        if left is not None and left <= 0:
            raise NotInTime
        self.attempts += 1
        self._head = None
        return left

    def time_left(self) -> float | None:
        """Return the seconds until the deadline, or None if there is none."""
        return None if self._ends_at is None else self._ends_at - time.monotonic()

    def reader(self, response: httpx.Response) -> BodyReader:
        """Take note of the head of an answer, and return what reads its body."""
        self._head = response
        return BodyReader(response, self._settings.max_response_bytes)

    def keep_to_deadline(self) -> None:
        """Stop reading an answer that comes too late. In a thread that was left behind nothing else would."""
        if (left := self.time_left()) is not None and left <= 0:
            raise TimeoutError

    def answer(self, response: httpx.Response, content: bytes) -> RawResponse[T]:
        return RawResponse(response.status_code, response.headers, content, self.attempts, self.parse)

    # After an attempt. Errors are returned, and raised where nothing else is at hand: a traceback may show the local
    # variables of every function that it passes, and what came from outside may repeat the key.

    def answered(self, answer: RawResponse[T]) -> RawResponse[T] | float | errors.APIError:
        """Judge an answer: return it if it is a good one, else the error, or the seconds after which to try again."""
        if answer.status_code < 300:
            return answer
        error = self._status_error(answer)
        return self._wait(error) if self._is_repeated and answer.status_code in RETRIED_STATUSES else error

    def failed(self, failure: BaseException) -> float | errors.APIError:
        """Judge a failure to get an answer: return the error, or the seconds after which to try again."""
        unsent = isinstance(failure, NEVER_SENT)
        error = self._connection_error(failure, unsent=unsent)
        retried = isinstance(failure, RETRIED_UNSENT) and not isinstance(_root(failure), ssl.SSLCertVerificationError)
        broken = isinstance(failure, (httpx.TransportError, OSError)) and not unsent and not self._is_accepted
        retried |= self._is_repeated and broken
        return self._wait(error) if retried else error

    def parse(self, answer: RawResponse[T]) -> T:
        """Turn a good answer into the result.

        Raises:
            APIResponseValidationError: If it does not fit the schema.
            APIStatusError: If it says that the call failed.
            ScopeMismatchError: If a write reached another record than the one that was named.
            NotFoundError: If the record of its own that was asked for is not there.
        """
        outcome = self._parsed(answer)
        if isinstance(outcome, errors.APIError):
            raise outcome
        return outcome

    def _parsed(self, answer: RawResponse[T]) -> T | errors.APIError:
        try:
            parsed: Any = self._operation.parse(client=None, response=answer)
            if self._kind is not None and hasattr(parsed, "result"):
                from ._kinds import as_asked

                as_asked(parsed.result, self._kind)
        except DecodeError as problem:
            return self._status_error(answer) if answer.says_failed() else self._answer_error(problem)
        except (ValueError, RecursionError) as problem:
            return self._answer_error(DecodeError("a JSON object", answer.describe(problem)))
        except TypeError:
            # What the generated code says where one of several objects is expected.
            return self._answer_error(DecodeError("object", describe(answer.json())))
        if getattr(parsed, "status", None) == "failed":
            return self._status_error(answer)
        if isinstance(parsed, self._operation.refusals):
            return self._answer_error(DecodeError("status 200", f"status {answer.status_code}"))
        if self._settings.custom_role == "extra":
            from . import _custom_role

            _custom_role.restore(getattr(parsed, "result", None))
        return self._record_error(parsed) or parsed

    def log(self, outcome: RawResponse[T] | errors.APIError) -> None:
        """Write the call's one line."""
        elapsed = (time.monotonic() - self._started) * 1000
        status = outcome.status_code or type(outcome).__name__
        logger.info("%s: %s in %.0f ms, attempts: %d", self.name, status, elapsed, self.attempts)

    # Errors

    @property
    def _is_accepted(self) -> bool:
        """Whether the server has accepted a write, as the head of its answer says."""
        return not self._safe and self._head is not None and self._head.is_success

    def _wait(self, error: errors.APIError) -> float | errors.APIError:
        """Return the seconds to wait before another attempt, or the error if there is to be none."""
        if self.attempts > self._retries:
            return error
        wait = back_off(self.attempts)
        if error.retry_after is not None:
            if error.retry_after > LONGEST_RETRY_AFTER:
                return error
            wait = error.retry_after
        left = self.time_left()
        if left is not None and wait >= left:
            return error
        logger.debug("%s: attempt %d failed, next in %.2f s", self.name, self.attempts, wait)
        return wait

    def _error(self, kind: type[E], message: str, **attributes: Any) -> E:
        """Make an error that knows its call, and does not repeat the key if somebody else does."""
        attributes |= {"operation": self.name, "method": self.method, "path": self.path, "attempts": self.attempts}
        if self._head is not None:
            attributes |= {"status_code": self._head.status_code, "request_id": request_id(self._head.headers)}
        return kind(self._redacted(message), **self._redacted(attributes))

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, str):
            return value if self._settings.api_key is None else self._settings.api_key.redact(value)
        if isinstance(value, list):
            return [self._redacted(item) for item in value]
        return {name: self._redacted(item) for name, item in value.items()} if isinstance(value, dict) else value

    def _status_error(self, answer: RawResponse[T]) -> errors.APIStatusError:
        status = answer.status_code
        words = server_words(answer)
        time = server_time(answer)
        return self._error(
            errors.STATUS_ERRORS.get(status, errors.InternalServerError if status >= 500 else errors.APIStatusError),
            words.message,
            code=words.code,
            details=words.details,
            retry_after=retry_after(answer.headers),
            outcome_unknown=not self._safe and (status == 408 or (status >= 500 and status not in REFUSED_STATUSES)),
            **({} if time is None else {"server_time": time}),
        )

    def _connection_error(self, failure: BaseException, *, unsent: bool) -> errors.APIError:
        accepted = self._is_accepted
        unknown = not self._safe and not unsent and not accepted
        reason = f"{type(failure).__name__}: {failure}".rstrip(": ")
        if isinstance(failure, TooLarge):
            limit = self._settings.max_response_bytes
            return self._answer_error(DecodeError(f"an answer of at most {limit} bytes", "a larger one"))
        if isinstance(failure, (httpx.DecodingError, zlib.error)):
            return self._answer_error(DecodeError("a body that can be unpacked", reason))
        if isinstance(failure, (httpx.TimeoutException, TimeoutError)):
            over = (left := self.time_left()) is not None and left <= 2 * STEP_MARGIN
            missing = f"{errors.ACCEPTED}, but its answer did not come" if accepted else "no answer"
            message = f"{missing} within the {'deadline' if over else 'timeout'} ({reason})"
            return self._error(errors.APITimeoutError, message, outcome_unknown=unknown, applied=accepted)
        if isinstance(failure, RuntimeError) and "loop" in reason:
            reason += "; an http_client of your own belongs to the event loop that used it first"
        message = f"{'the request could not be sent' if unsent else 'the connection failed'} ({reason})"
        if accepted:
            message = f"{errors.ACCEPTED}, but the connection failed before its whole answer was there ({reason})"
        return self._error(errors.APIConnectionError, message, outcome_unknown=unknown, applied=accepted)

    def _answer_error(self, problem: DecodeError) -> errors.APIResponseValidationError:
        accepted = self._is_accepted
        start = f"{errors.ACCEPTED}, but {self.name}" if accepted else self.name
        return self._error(
            errors.APIResponseValidationError,
            f"{start} was answered with something that its schema does not allow: {problem}",
            applied=accepted,
            json_path=f"${json_path(problem.path)}",
            expected=problem.expected,
            got=problem.got,
        )

    def _record_error(self, parsed: Any) -> errors.APIError | None:
        """Say what is wrong if the answer is about another record than the one that was named."""
        named: Any = self._group_id
        result = getattr(parsed, "result", None)
        actual: Any = getattr(result, "group_id", UNSET)
        is_default = getattr(result, "is_default", UNSET)
        # An answer need not say which record it is about. Who asks for an error wants to be sure.
        unsure = actual is UNSET and (is_default is True or (is_default is not False and self._on_missing == "error"))
        differs = named is not None and (unsure or (actual is not UNSET and actual != named))
        if self._safe:
            if differs and self._on_missing == "error":
                return self._error(errors.NotFoundError, f"group {named!r} has no record of its own")
        elif differs:
            other = f"the record of group {actual!r}" if isinstance(actual, str) else "the default record"
            applied = getattr(parsed.result, "updated_fields", None) != []
            changed = "changed" if applied else "addressed, not changed,"
            return self._error(
                errors.ScopeMismatchError,
                f"group_id {named!r} was named, and {other} (id {parsed.result.id!r}) was {changed} instead. "
                "The server has no record for that group: create it, and put the changed record right",
                applied=applied,
                group_id=named,
                actual_group_id=None if actual is UNSET else actual,
                record_id=parsed.result.id,
            )
        return None


def back_off(attempts: int) -> float:
    """Return the seconds to wait before another attempt, after so many."""
    # Full jitter: clients that failed together do not come back together.
    return random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 10)))  # noqa: S311


def _root(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error
