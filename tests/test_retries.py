"""When a request is sent again, when not, after how long, and what the log says of it. Waits take no time here."""

import asyncio
import itertools
import logging
import math
import random
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, answer
from evermemos_api.operations import SAFE_TO_REPEAT
from methods import attempt, call_of
from test_operations import CALLS, method_of

from evermemos import APIConnectionError, APIError, APIStatusError, APITimeoutError, ConfigurationError
from evermemos._call import FIRST_WAIT, LONGEST_WAIT

READ, WRITE = "get_conversation_meta_v1", "update_conversation_meta_v1"
REPEATED = [408, 429, 500, 502, 503, 504]


class Clock:
    """Time that passes only by waiting, at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits: list[float] = []
        self.passed = 0.0
        # Time of day at the beginning of each wait, and when it was over.
        self.days: list[tuple[float, float]] = []
        monotonic, day = time.monotonic, time.time
        monkeypatch.setattr(time, "monotonic", lambda: monotonic() + self.passed)
        monkeypatch.setattr(time, "time", lambda: day() + self.passed)
        monkeypatch.setattr(time, "sleep", self.sleep)
        monkeypatch.setattr(asyncio, "sleep", self.asleep)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits.append(seconds)
        start = time.time()
        self.passed += seconds
        self.days.append((start, start + seconds))

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Script:
    """A handler that answers by a list, or by one thing for ever, and counts."""

    def __init__(self, *steps: httpx.Response | Exception | Callable[[], httpx.Response]) -> None:
        self.steps = steps
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        step = self.steps[min(len(self.requests), len(self.steps) - 1)]
        self.requests.append(request)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        return step()


def call(flavour: Flavour, client: Any, operation: str, *, raw: bool = False, **options: Any) -> Any:
    method: Any = method_of(client, operation)
    if raw:
        method = getattr(method.__self__.with_raw_response, method.__name__)
    return flavour.call(method, **CALLS[operation][0], **options)


def failed_call(flavour: Flavour, client: Any, operation: str, **options: Any) -> APIError:
    with pytest.raises(APIError) as caught:
        call(flavour, client, operation, **options)
    return caught.value


# How often


def test_what_is_safe_to_repeat_is_what_the_spec_says(spec: dict[str, Any]) -> None:
    said = {
        operation["operationId"]: operation["x-safe-to-repeat"]
        for path in spec["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "patch", "put", "delete")
    }
    assert {name for name, safe in said.items() if safe} == SAFE_TO_REPEAT
    assert set(said) == set(CALLS), "the table of test_operations is behind the spec"


STATUSES = [*REPEATED, 400, 401, 403, 404, 405, 409, 413, 418, 422, 501, 505, 520, 302, 307]


@pytest.mark.parametrize("operation", CALLS)
def test_a_status_is_tried_again_only_if_it_may_pass_and_the_operation_is_safe(operation: str) -> None:
    found, expected = {}, {}
    for status, retries in itertools.product(STATUSES, (0, 2, 3)):
        call = call_of(operation, max_retries=retries)
        waits = 0
        while isinstance(outcome := attempt(call, answer({"message": "no"}, status)), float):
            waits += 1
        attempts = 1 + retries if operation in SAFE_TO_REPEAT and status in REPEATED else 1
        expected[status, retries] = attempts - 1, attempts, status, attempts > 1
        found[status, retries] = (
            *(waits, outcome.attempts, outcome.status_code),
            f"{attempts} attempts" in str(outcome),
        )
    assert found == expected


@pytest.mark.parametrize("operation", [READ, WRITE, "search_memories_v0", "add_memories_v1"])
@pytest.mark.parametrize("status", [429, 503, 404])
def test_a_client_sends_as_often_as_the_judge_says(flavour: Flavour, clock: Clock, operation: str, status: int) -> None:
    safe = operation in SAFE_TO_REPEAT and status in REPEATED
    for retries, options in ((2, {}), (0, {"max_retries": 0}), (3, {"max_retries": 3})):
        script = Script(answer({"message": "no"}, status))
        clock.waits.clear()
        error = failed_call(flavour, flavour.client(script), operation, **options)
        attempts = 1 + retries if safe else 1
        assert (len(script.requests), error.attempts, len(clock.waits)) == (attempts, attempts, attempts - 1)
        assert error.status_code == status


def test_a_later_attempt_may_succeed_and_sends_the_same_request(flavour: Flavour, clock: Clock) -> None:
    script = Script(answer(status=503), httpx.ReadError("reset"), answer(RECORD))
    response = call(flavour, flavour.client(script), READ, raw=True, extra_query={"a": 1})
    assert (response.attempts, len(clock.waits)) == (3, 2)
    assert response.parse().result.id == RECORD["result"]["id"]  # type: ignore[index]
    assert len({(r.method, r.url, r.content, str(r.headers.raw)) for r in script.requests}) == 1


def certificate() -> httpx.ConnectError:
    """What httpx raises for a certificate that is not trusted."""
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = OSError("outer")
    error.__cause__.__context__ = ssl.SSLCertVerificationError("certificate verify failed")
    return error


@pytest.mark.parametrize("operation", [READ, WRITE])
@pytest.mark.parametrize(
    ("failure", "sent", "passing"),
    [
        (httpx.ConnectError("refused"), False, True),
        (httpx.ConnectTimeout("slow"), False, True),
        (httpx.PoolTimeout("busy"), False, True),
        (certificate(), False, False),
        (httpx.UnsupportedProtocol("gopher"), False, False),
        (httpx.InvalidURL("broken"), False, False),
        (httpx.ReadError("reset"), True, True),
        (httpx.ReadTimeout("slow"), True, True),
        (httpx.WriteError("reset"), True, True),
        (httpx.WriteTimeout("slow"), True, True),
        (httpx.RemoteProtocolError("closed"), True, True),
        (httpx.CloseError("closed"), True, True),
        (ConnectionResetError("reset"), True, True),
        (TimeoutError(), True, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_is_tried_again_if_nothing_was_sent_or_the_operation_is_safe(
    flavour: Flavour, clock: Clock, operation: str, failure: Exception, *, sent: bool, passing: bool
) -> None:
    script = Script(failure)
    error = failed_call(flavour, flavour.client(script), operation)
    attempts = 3 if passing and (operation == READ or not sent) else 1
    assert (len(script.requests), error.attempts, len(clock.waits)) == (attempts, attempts, attempts - 1)
    assert isinstance(error, APIConnectionError)
    unknown = operation == WRITE and sent
    assert error.outcome_unknown is unknown
    assert ("outcome is unknown" in str(error)) is unknown


def test_a_write_that_was_sent_at_last_has_an_unknown_outcome(flavour: Flavour, clock: Clock) -> None:
    script = Script(httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), answer(PATCHED))
    error = failed_call(flavour, flavour.client(script), WRITE)
    assert (type(error), error.attempts, error.outcome_unknown) == (APITimeoutError, 2, True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
def test_a_write_that_was_refused_has_a_known_outcome(flavour: Flavour, status: int) -> None:
    assert not failed_call(flavour, flavour.client(Script(answer({}, status))), WRITE).outcome_unknown


def test_very_many_retries_are_possible(flavour: Flavour, clock: Clock) -> None:
    script = Script(httpx.ConnectError("refused"))
    assert failed_call(flavour, flavour.client(script, max_retries=1_100), READ).attempts == 1_101


# After how long


def test_waits_grow_exponentially_to_a_cap_with_full_jitter(flavour: Flavour, clock: Clock) -> None:
    random.seed(7)
    client = flavour.client(Script(answer({}, 503)), max_retries=8)
    rounds = []
    for _ in range(150):
        clock.waits.clear()
        failed_call(flavour, client, READ)
        rounds.append(list(clock.waits))
    for retry, waits in enumerate(zip(*rounds, strict=True)):
        most = min(LONGEST_WAIT, FIRST_WAIT * 2**retry)
        assert max(waits) <= most
        # Full jitter fills the whole range, evenly.
        assert min(waits) < 0.1 * most
        assert max(waits) > 0.9 * most
        assert 0.4 * most < sum(waits) / len(waits) < 0.6 * most
    assert FIRST_WAIT * 2**7 > LONGEST_WAIT, "the cap was not reached"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After-Ms": "2500"}, 2.5),
        ({"retry-after-ms": "9001.5"}, 9.0015),
        ({"Retry-After-Ms": "soon", "Retry-After": "7"}, 7.0),
    ],
)
def test_a_retry_after_is_waited_for_exactly(
    flavour: Flavour, clock: Clock, headers: dict[str, str], seconds: float
) -> None:
    script = Script(*(httpx.Response(status, headers=headers) for status in REPEATED), answer(RECORD))
    call(flavour, flavour.client(script, max_retries=len(REPEATED)), READ)
    assert clock.waits == [seconds] * len(REPEATED)


@pytest.mark.parametrize(
    "form",
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S -0000"],
)
def test_a_date_is_waited_for(flavour: Flavour, clock: Clock, form: str) -> None:
    date = int(time.time()) + 30
    script = Script(
        httpx.Response(503, headers={"Retry-After": time.strftime(form, time.gmtime(date))}), answer(RECORD)
    )
    call(flavour, flavour.client(script), READ)
    ((_, end),) = clock.days
    assert date - 0.001 <= end < date + 1


def test_a_date_in_the_past_asks_for_no_wait(flavour: Flavour, clock: Clock) -> None:
    script = Script(httpx.Response(503, headers={"Retry-After": formatdate(0, usegmt=True)}))
    error = failed_call(flavour, flavour.client(script), READ)
    assert (error.attempts, error.retry_after) == (3, 0.0)
    assert all(0 <= wait <= LONGEST_WAIT for wait in clock.waits)


def test_each_answer_has_its_own_retry_after(flavour: Flavour, clock: Clock) -> None:
    script = Script(answer({}, 503, retry_after="4"), answer({}, 429, retry_after="2"), answer(RECORD))
    call(flavour, flavour.client(script), READ)
    assert clock.waits == [4.0, 2.0]


@pytest.mark.parametrize("name", ["Retry-After", "Retry-After-Ms"])
@pytest.mark.parametrize(
    "value",
    ["soon", "", "-5", "nan", "inf", "0x10", "5 seconds", "1,5", "99 Foo 2026", "Fri, 32 Jan 2026 25:61:61 GMT"],
)
def test_a_retry_after_that_means_nothing_is_ignored(flavour: Flavour, clock: Clock, name: str, value: str) -> None:
    script = Script(httpx.Response(503, headers={name: value}))
    error = failed_call(flavour, flavour.client(script), READ)
    assert (error.attempts, error.retry_after) == (3, None)
    assert all(wait <= FIRST_WAIT * 2 for wait in clock.waits)


@pytest.mark.parametrize(
    ("value", "deadline"),
    [("86400", None), ("9" * 400, None), ("10", 5.0), pytest.param(formatdate(time.time() + 9e5), None, id="a date")],
)
def test_a_pause_that_is_too_long_is_an_error_at_once(
    flavour: Flavour, clock: Clock, value: str, deadline: float | None
) -> None:
    script = Script(httpx.Response(503, headers={"Retry-After": value}))
    error = failed_call(flavour, flavour.client(script), READ, deadline=deadline)
    assert (len(script.requests), clock.waits) == (1, [])
    assert error.retry_after is not None
    assert error.retry_after >= 10
    assert "retry after" in str(error)


def test_a_write_tells_the_pause_that_the_server_asked_for(flavour: Flavour, clock: Clock) -> None:
    script = Script(answer({"message": "slow down"}, 429, retry_after="3"))
    error = failed_call(flavour, flavour.client(script), WRITE)
    assert (error.attempts, error.retry_after, clock.waits) == (1, 3.0, [])


# Within what time


@pytest.mark.parametrize("failure", [answer({}, 503), answer({}, 503, retry_after="3"), httpx.ConnectError("refused")])
@pytest.mark.parametrize("where", ["constructor", "with_options", "call"])
def test_a_deadline_bounds_all_attempts_and_waits(flavour: Flavour, clock: Clock, where: str, failure: Any) -> None:
    script = Script(failure)
    client = flavour.client(script, max_retries=1_000, **({"deadline": 20} if where == "constructor" else {}))
    client = client.with_options(deadline=20) if where == "with_options" else client
    error = failed_call(flavour, client, READ, **({"deadline": 20} if where == "call" else {}))
    assert 3 <= error.attempts == len(script.requests)
    assert 5 < clock.passed <= 20
    assert isinstance(error, (APIStatusError, APIConnectionError))


@pytest.mark.parametrize(
    ("client_options", "options", "expected"),
    [
        ({}, {}, 30.0),
        ({"timeout": 5}, {}, 5.0),
        ({"timeout": 5}, {"timeout": 7.5}, 7.5),
        ({"timeout": 5}, {"timeout": None}, None),
        ({"timeout": None}, {}, None),
        ({"timeout": httpx.Timeout(9)}, {}, 9.0),
        ({}, {"timeout": httpx.Timeout(9)}, 9.0),
    ],
)
def test_the_timeout_of_a_call_beats_that_of_the_client(
    flavour: Flavour, client_options: dict[str, Any], options: dict[str, Any], expected: float | None
) -> None:
    script = Script(answer(PATCHED))
    call(flavour, flavour.client(script, **client_options), WRITE, **options)
    assert script.requests[0].extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), expected)


@pytest.mark.parametrize("timeout", [30, None])
def test_no_step_may_take_longer_than_the_deadline(flavour: Flavour, timeout: float | None) -> None:
    script = Script(answer(PATCHED))
    call(flavour, flavour.client(script, timeout=timeout), WRITE, deadline=8)
    assert all(0 < seconds <= 8 for seconds in script.requests[0].extensions["timeout"].values())


@pytest.mark.parametrize(
    "option",
    [
        *({name: value} for name in ("timeout", "deadline") for value in ("5", 0, -1, True, math.nan, 10**400, [5])),
        *({"max_retries": value} for value in (-1, 1.5, True, "2", None)),
        {"extra_headers": {"X-A": "a\r\nb"}},
        {"extra_headers": {"X A": "a"}},
        {"extra_headers": {"X-A": 5}},
    ],
    ids=lambda option: str(option)[:60],
)
def test_a_wrong_option_is_refused_before_anything_is_sent(flavour: Flavour, option: dict[str, Any]) -> None:
    script = Script(answer(PATCHED))
    with pytest.raises(ConfigurationError, match=next(iter(option))):
        call(flavour, flavour.client(script), WRITE, **option)
    assert not script.requests


# What the log says


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([answer(RECORD)], "200"),
        ([answer({}, 503), httpx.ReadError("x"), answer(RECORD)], "200"),
        ([answer({"message": "words of the server"}, 404)], "404"),
        ([answer({}, 500)], "500"),
        ([httpx.ConnectError("x")], "APIConnectionError"),
        ([httpx.ReadTimeout("x")], "APITimeoutError"),
        ([answer({**RECORD, "status": "failed"})], "200"),
        ([answer("<html>")], "200"),
    ],
)
def test_a_call_is_one_line_of_the_log(
    flavour: Flavour, clock: Clock, caplog: pytest.LogCaptureFixture, steps: list[Any], status: str
) -> None:
    caplog.set_level(logging.DEBUG, "evermemos")
    script = Script(*steps)
    try:
        call(flavour, flavour.client(script), READ)
    except APIError:
        assert len(steps) == 1
    records = [record for record in caplog.records if record.name.startswith("evermemos")]
    (line,) = [record.getMessage() for record in records if record.levelno >= logging.INFO]
    assert records[-1].levelname == "INFO"
    for part in (READ, status, " ms", f"attempts: {len(script.requests)}"):
        assert part in line
    for record in records:
        assert record.getMessage().isprintable()
        for secret in ("test-key", "Bearer", "Project Discussion", "words of the server", "group_123"):
            assert secret not in record.getMessage()


def test_nothing_is_printed_where_nobody_configured_logging(
    flavour: Flavour, capfd: pytest.CaptureFixture[str]
) -> None:
    call(flavour, flavour.client(Script(answer(PATCHED))), WRITE)
    assert capfd.readouterr() == ("", "")
