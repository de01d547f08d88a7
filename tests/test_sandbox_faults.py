"""Faults on demand: each does to a client what it would do over a network, in process and over HTTP alike."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, Flavour

from evermemos import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)
from evermemos.sandbox import Sandbox

pytestmark = pytest.mark.socket

V1 = "/api/v1/memories/conversation-meta"


@pytest.fixture(params=["in process", "over HTTP"])
def base(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Any]:
    """Where a client finds the sandbox."""
    if request.param == "in process":
        yield sandbox
    else:
        with sandbox.serve() as url:
            yield url


@pytest.fixture
def meta(base: Any, flavour: Flavour) -> Any:
    """The v1 methods of a client that repeats nothing, with a record to change."""
    found = flavour.client(base_url=base, max_retries=0).v1.memories.conversation_meta
    flavour.call(found.create, **CREATE_V1)
    return found


def name(sandbox: Sandbox) -> str:
    answer = sandbox.handle("GET", V1, {}, b"")
    return str(json.loads(answer.body)["result"]["name"])


def failure(flavour: Flavour, meta: Any, expected: type[Exception]) -> Any:
    with pytest.raises(expected) as raised:
        flavour.call(meta.update, name="new")
    return raised.value


# Statuses


@pytest.mark.parametrize(
    ("status", "expected", "words"),
    [
        (400, BadRequestError, "Expecting value"),
        (401, AuthenticationError, "Invalid API key"),
        (404, NotFoundError, "Default config not found"),
        (429, RateLimitError, "Rate limit exceeded"),
        (500, InternalServerError, "Internal server error, please try again later"),
        (503, InternalServerError, "Memory space is not ready"),
        (418, APIStatusError, "I'm a Teapot"),
        (599, InternalServerError, "Status 599"),
    ],
)
def test_a_status_has_the_words_of_the_spec(
    sandbox: Sandbox, flavour: Flavour, meta: Any, status: int, expected: type[Exception], words: str
) -> None:
    fault = sandbox.fail(status=status)
    error = failure(flavour, meta, expected)
    assert (error.status_code, words in error.message) == (status, True)
    assert sandbox.requests[-1].fault is fault
    assert name(sandbox) == CREATE_V1["name"]
    flavour.call(meta.update, name="new")
    assert (name(sandbox), sandbox.requests[-2].fault) == ("new", None)


def test_a_status_is_retried_as_often_as_it_was_asked_for(sandbox: Sandbox, base: Any, flavour: Flavour) -> None:
    meta = flavour.client(base_url=base).v1.memories.conversation_meta
    flavour.call(meta.create, **CREATE_V1)
    sandbox.fail(times=2, status=503, retry_after=0)
    raw = flavour.call(meta.with_raw_response.get)
    assert (raw.status_code, raw.attempts) == (200, 3)
    assert [request.fault and request.fault.status for request in sandbox.requests] == [None, 503, 503, None]


def test_a_long_retry_after_is_told_and_not_waited_for(sandbox: Sandbox, base: Any, flavour: Flavour) -> None:
    meta = flavour.client(base_url=base).v1.memories.conversation_meta
    for seconds in (3600, 1_000_000):
        sandbox.fail(status=429, retry_after=seconds)
        with pytest.raises(RateLimitError) as raised:
            flavour.call(meta.get)
        assert (raised.value.retry_after, raised.value.attempts) == (seconds, 1)


@pytest.mark.parametrize("applied", [False, True])
def test_a_failure_after_the_write_took_effect(sandbox: Sandbox, flavour: Flavour, meta: Any, applied: bool) -> None:
    sandbox.fail(status=502, applied=applied)
    assert failure(flavour, meta, InternalServerError).outcome_unknown
    assert name(sandbox) == ("new" if applied else CREATE_V1["name"])


def test_a_redirect_is_not_followed(sandbox: Sandbox, flavour: Flavour, meta: Any) -> None:
    sandbox.fail(location="http://elsewhere.example/")
    assert failure(flavour, meta, APIStatusError).status_code == 307
    sandbox.fail(status=301, location="/there")
    assert failure(flavour, meta, APIStatusError).status_code == 301


# Answers that are no answers


@pytest.mark.parametrize(
    "fault",
    [
        {"body": "<html>Sign in</html>", "content_type": "text/html"},
        {"body": b'{"result": {"id": ', "status": 200},
        {"body": "", "status": 200},
        {"body": "[]"},
    ],
)
def test_a_200_that_is_not_the_result_took_effect(
    sandbox: Sandbox, flavour: Flavour, meta: Any, fault: dict[str, Any]
) -> None:
    sandbox.fail(**fault)
    failure(flavour, meta, APIResponseValidationError)
    # The server has done it; only its answer is spoilt.
    assert name(sandbox) == "new"


def test_a_wrong_content_type_is_sent_and_read(sandbox: Sandbox, base: Any, flavour: Flavour, meta: Any) -> None:
    sandbox.fail(content_type="text/plain")
    raw = flavour.call(meta.with_raw_response.update, name="new")
    assert raw.headers["content-type"] == "text/plain"
    assert raw.parse().result.updated_fields == ["name"]


@pytest.mark.parametrize(
    ("fault", "took_effect"),
    [
        ({"reset": "before"}, False),
        ({"reset": "before", "applied": True}, True),
        ({"reset": "during"}, True),
        ({"reset": "during", "status": 200}, True),
        ({"cut": True}, True),
        ({"cut": True, "body": ""}, True),
        ({"reset": "during", "body": ""}, True),
    ],
)
def test_a_broken_connection_leaves_the_outcome_unknown_unless_the_head_has_come(
    sandbox: Sandbox, flavour: Flavour, meta: Any, fault: dict[str, Any], took_effect: bool
) -> None:
    sandbox.fail(**fault)
    error = failure(flavour, meta, APIConnectionError)
    assert (error.outcome_unknown, error.applied) == (error.status_code is None, error.status_code == 200)
    assert took_effect or not error.applied
    assert not isinstance(error, APITimeoutError)
    assert (name(sandbox) == "new") is took_effect
    flavour.call(meta.update, name="newer")
    assert name(sandbox) == "newer"


def test_a_reset_after_the_answer_is_met_by_the_next_request(sandbox: Sandbox, flavour: Flavour, meta: Any) -> None:
    sandbox.fail(reset="after")
    assert flavour.call(meta.update, name="first").status == "ok"
    # The client cannot know that nobody has received it.
    assert failure(flavour, meta, APIConnectionError).outcome_unknown
    assert (name(sandbox), len(sandbox.requests)) == ("first", 3)
    flavour.call(meta.update, name="third")
    assert name(sandbox) == "third"


def test_a_read_after_a_reset_is_repeated(sandbox: Sandbox, flavour: Flavour, meta: Any) -> None:
    sandbox.fail(reset="after")
    flavour.call(meta.get)
    assert flavour.call(meta.with_raw_response.get, max_retries=1).attempts == 2


def test_a_slow_answer_is_waited_for(sandbox: Sandbox, flavour: Flavour, meta: Any) -> None:
    sandbox.fail(delay=0.2, times=2)
    with pytest.raises(APITimeoutError):
        flavour.call(meta.update, name="new", timeout=0.05)
    assert flavour.call(meta.update, name="new").status == "ok"


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
def test_a_slow_answer_ends_at_the_timeout(sandbox: Sandbox, flavour: Flavour, meta: Any, limit: str) -> None:
    sandbox.fail(delay=20)
    with pytest.raises(APITimeoutError) as raised:
        flavour.call(meta.update, name="new", **{limit: 0.2})
    assert raised.value.outcome_unknown
    assert name(sandbox) == "new"


# What the bytes on the wire are


def conversation(url: str, sandbox: Sandbox) -> bytes:
    """Ask for the default record, twice if the connection outlives an answer, and return what comes until it ends."""
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as line:
        line.settimeout(10)
        request = f"GET {V1} HTTP/1.1\r\nHost: here\r\n\r\n".encode()
        line.sendall(request)
        got = b""
        while part := line.recv(100_000):
            got += part
            if len(sandbox.requests) == 1 and got.endswith(b"}"):
                line.sendall(request)
        return got


@pytest.mark.parametrize("reset", ["before", "during", "after"])
def test_a_reset_reaches_the_socket(sandbox: Sandbox, reset: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with sandbox.serve() as url:
        sandbox.fail(reset=reset)
        with pytest.raises(ConnectionResetError):
            conversation(url, sandbox)
    assert capfd.readouterr() == ("", "")


def test_a_cut_is_a_regular_end_in_the_middle_of_the_body(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with sandbox.serve() as url:
        sandbox.fail(cut=True)
        head, _, body = conversation(url, sandbox).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert 0 < len(body) == length // 2
    assert capfd.readouterr() == ("", "")


def test_under_another_server_a_reset_is_its_answer_to_a_failing_application(sandbox: Sandbox) -> None:
    sandbox.fail(reset="before")

    async def talk() -> None:
        transport = httpx.ASGITransport(sandbox.asgi())
        async with httpx.AsyncClient(base_url="http://asgi", transport=transport) as client:
            await client.get(V1)

    with pytest.raises(ConnectionResetError, match="asked to break"):
        asyncio.run(talk())
    # The answer itself is whole.
    sandbox.fail(reset="after")
    with pytest.raises(ConnectionResetError, match="asked to break"):
        asyncio.run(talk())
    assert len(sandbox.requests) == 2


# Which requests


def test_faults_are_used_up_in_order_each_by_the_requests_it_is_meant_for(sandbox: Sandbox) -> None:
    first = sandbox.fail("update_conversation_meta_v1", status=500)
    second = sandbox.fail(status=503, times=2)
    third = sandbox.fail("get_conversation_meta_v1", status=429, times=None)
    asked = ["GET", "PATCH", "PATCH", "PATCH", "GET", "GET", "POST"]
    statuses = [sandbox.handle(method, V1, {}, b"{}").status for method in asked]
    assert statuses == [503, 500, 503, 404, 429, 429, 422]
    faults = [request.fault for request in sandbox.requests]
    assert faults == [second, first, second, None, third, third, None]
    sandbox.recover()
    assert sandbox.handle("GET", V1, {}, b"").status == 404


def test_a_fault_for_any_operation_meets_unknown_paths_too(sandbox: Sandbox) -> None:
    sandbox.fail(status=503)
    assert sandbox.handle("GET", "/nowhere", {}, b"").status == 503


def test_clear_forgets_everything(sandbox: Sandbox) -> None:
    sandbox.handle("POST", V1, {}, json.dumps(CREATE_V1).encode())
    sandbox.fail(status=500, times=None)
    sandbox.clear()
    assert not sandbox.requests
    assert sandbox.handle("GET", V1, {}, b"").status == 404


def test_a_fault_does_not_show_the_body_that_was_given(sandbox: Sandbox) -> None:
    assert repr(sandbox.fail(body="private")) == "Fault(body=...)"
    shown = "Fault(operation='get_conversation_meta_v1', status=503, retry_after=0, applied=False)"
    assert repr(sandbox.fail("get_conversation_meta_v1", status=503, retry_after=0)) == shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "nothing to go wrong: give status, delay"),
        ({"operation": "update"}, "operation is 'update': expected one of add_memories_v0, "),
        ({"status": 99}, "status is 99: expected an int from 200 to 599"),
        ({"status": "503"}, "status is '503': expected"),
        ({"status": True}, "status is True: expected"),
        ({"status": 503, "times": 0}, "times is 0: expected an int of 1 or more, or None"),
        ({"status": 503, "times": 1.5}, "times is 1.5: expected an int of 1 or more, or None"),
        ({"status": 503, "retry_after": -1}, "retry_after is -1: expected whole seconds from 0 to 31536000"),
        ({"status": 503, "retry_after": 0.5}, "retry_after is 0.5: expected whole seconds"),
        ({"status": 204, "body": "x"}, "an answer with status 204 has no body"),
        ({"status": 204, "cut": True}, "an answer with status 204 has no body"),
        ({"delay": -1}, "delay is -1: expected seconds from 0 to 3600"),
        ({"delay": "1"}, "delay is '1': expected seconds from 0 to 3600"),
        ({"delay": float("nan")}, "delay is nan: expected seconds from 0 to 3600"),
        ({"body": {"a": 1}}, "body is of type dict: expected str or bytes"),
        ({"content_type": "text\r\nX: y"}, "content_type is 'text\\r\\nX: y': expected printable ASCII"),
        ({"location": 5}, "location is 5: expected printable ASCII"),
        ({"reset": "never"}, "reset is 'never': expected 'before', 'during' or 'after'"),
        ({"reset": "before", "status": 503}, "with reset='before' there is no answer"),
        ({"reset": "before", "cut": True}, "with reset='before' there is no answer"),
        ({"delay": 1, "applied": False}, "applied=False without a status"),
    ],
)
def test_a_fault_that_makes_no_sense(sandbox: Sandbox, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^fail: ") as raised:
        sandbox.fail(**arguments)
    assert words in str(raised.value)
    assert sandbox.handle("GET", V1, {}, b"").status == 404
