"""Every failure of a call is one of our errors, which is whole, readable and tells nobody's secrets."""

import copy
import json
import pickle
import re
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, Handler, answer

import evermemos
from evermemos import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    EverMemOSError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestValidationError,
    ScopeMismatchError,
    UnprocessableEntityError,
    errors,
)

CLASSES = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, EverMemOSError)
}
FIELDS = {
    "operation": "update_conversation_meta_v1",
    "method": "PATCH",
    "path": "/api/v1/memories/conversation-meta",
    "status_code": 409,
    "code": "HTTP_ERROR",
    "request_id": "req-1",
    "attempts": 3,
    "retry_after": 1.5,
    "outcome_unknown": True,
}


def failure(flavour: Flavour, handler: Handler, **settings: Any) -> APIError:
    """The error that an update ends with."""
    client = flavour.client(handler, **{"max_retries": 0, **settings})
    with pytest.raises(APIError) as caught:
        flavour.call(client.v1.memories.conversation_meta.update, group_id="group_123", name="new")
    assert_readable(caught.value)
    return caught.value


def assert_readable(error: BaseException) -> None:
    text = str(error)
    assert text.isprintable(), f"not one line: {text!r}"
    assert text == text.strip()
    assert 0 < len(text) < 2_000
    assert "test-key" not in text


def chained(error: BaseException) -> Iterator[BaseException]:
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield other
            yield from chained(other)


# The tree


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in str(errors.__doc__).splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+Error)\b", line):
            depth, name = len(match[1]), match[2]
            above = [(d, n) for d, n in above if d < depth]
            drawn[name] = above[-1][1] if above else "Exception"
            above.append((depth, name))
    assert drawn == {name: cls.__bases__[0].__name__ for name, cls in CLASSES.items()}


def test_every_error_is_exported_and_has_a_docstring() -> None:
    assert set(CLASSES) == {name for name in evermemos.__all__ if name.endswith("Error")}
    assert all(cls.__doc__ for cls in CLASSES.values())
    assert set(CLASSES) | {"ErrorDetail"} == set(errors.__all__)


@pytest.mark.parametrize("cls", [ConfigurationError, RequestValidationError])
def test_what_the_caller_did_wrong_is_a_value_error_too(cls: type[Exception]) -> None:
    assert issubclass(cls, ValueError)
    assert not issubclass(cls, APIError)


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        *((status, InternalServerError) for status in (500, 501, 502, 503, 504, 507, 520, 599)),
        *((status, APIStatusError) for status in (300, 302, 304, 307, 402, 405, 408, 410, 413, 418, 451)),
    ],
)
def test_a_status_is_raised_as_its_class(flavour: Flavour, status: int, cls: type[APIStatusError]) -> None:
    error = failure(flavour, lambda _: answer({"message": "no"}, status))
    assert type(error) is cls
    assert error.status_code == status
    assert str(status) in str(error)


def test_an_error_says_all_that_is_known(flavour: Flavour) -> None:
    body = {"status": "failed", "code": "HTTP_ERROR", "message": "Group is locked", "timestamp": "t", "path": "p"}
    error = failure(flavour, lambda _: answer(body, 409, x_request_id="req-1", retry_after="7"))
    assert vars(error) == {
        **FIELDS,
        "message": "Group is locked",
        "attempts": 1,
        "retry_after": 7.0,
        "outcome_unknown": False,
        "details": [],
    }
    for part in ("PATCH", "/api/v1/memories/conversation-meta", "409", "HTTP_ERROR", "Group is locked", "req-1", "7 s"):
        assert part in str(error)


@pytest.mark.parametrize("cls", CLASSES.values())
def test_every_error_has_every_attribute_even_when_nothing_is_known(cls: type[EverMemOSError]) -> None:
    error = cls("what happened")
    assert error.message == str(error) == "what happened"
    assert {name: getattr(error, name) for name in FIELDS} == {
        **dict.fromkeys(FIELDS),
        "attempts": 0,
        "outcome_unknown": False,
    }


@pytest.mark.parametrize("header", ["X-Request-Id", "x-request-id", "Request-Id", "X-Trace-Id"])
def test_the_request_id_is_found_in_the_header_that_has_one(flavour: Flavour, header: str) -> None:
    error = failure(flavour, lambda _: httpx.Response(500, headers={header: "req-7"}))
    assert error.request_id == "req-7"
    assert "req-7" in str(error)


# The server's words

SHAPES: dict[str, tuple[Any, str | None, str | None]] = {
    "application": ({"status": "failed", "code": "SYSTEM_ERROR", "message": "Db down"}, "Db down", "SYSTEM_ERROR"),
    "framework": ({"detail": "Method Not Allowed"}, "Method Not Allowed", None),
    "gateway": ({"code": "MemorySpaceNotReady", "message": "Wait"}, "Wait", "MemorySpaceNotReady"),
    "gateway, typed": ({"code": "E1", "message": "Too many", "type": "RateLimitExceeded"}, "Too many", "E1"),
    "gateway, number": ({"code": 1001, "message": "Bad key", "type": "AuthenticationError"}, "Bad key", "1001"),
    "gateway, error": ({"error": "unauthorized", "message": "Bad key"}, "Bad key", "unauthorized"),
    "plain text": ("upstream is away", "upstream is away", None),
    "not ASCII": ({"message": "找不到群组"}, "找不到群组", None),
    "several lines": ({"message": " first\r\n  second\tthird\u2028fourth \n"}, "first second third fourth", None),
    "empty": (b"", None, None),
    "blank": (b"\n\n", None, None),
    "html": ("<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>", None, None),
    "broken json": (b'{"message": "half', None, None),
    "broken utf-8": (b'{"message": "\xff\xfe"}', None, None),
    "broken plain text": (b"\xff\xfe\x00", None, None),
    "list": ([{"message": "inside"}], None, None),
    "number": (b"7", None, None),
    "null": (b"null", None, None),
    "empty object": ({}, None, None),
    "nested": (b'{"a":' * 20_000, None, None),
    "numbers for words": ({"code": [1], "message": 5, "detail": {"a": 1}}, None, None),
    "list of text": ({"detail": ["text"]}, None, None),
    "list of nothing": ({"detail": [{}, {"loc": 5, "msg": None}]}, None, None),
    "control characters": ({"message": "\x1b[31mred\x1b[0m\x00\x07 \x7f alert", "code": "a\x1b[2J\nb"}, None, None),
    "half a character": (b'{"message": "\\ud800", "code": "\\ud800"}', None, None),
    "long": ({"message": "m" * 100_000, "code": "c" * 100_000}, None, None),
    "long plain text": ("word " * 100_000, None, None),
}


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_message_is_the_servers_own_words_from_any_body(flavour: Flavour, shape: str, status: int) -> None:
    body, message, code = SHAPES[shape]
    kind = "text/html" if shape == "html" else "text/plain" if "text" in shape else "application/json"
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = failure(flavour, lambda _: httpx.Response(status, content=content, headers={"content-type": kind}))
    assert isinstance(error, APIStatusError)
    assert error.status_code == status
    assert error.message
    assert "<h1>" not in str(error)
    if message is not None:
        assert (error.message, error.code) == (message, code)
    str(error).encode()


def test_a_long_message_keeps_its_beginning(flavour: Flavour) -> None:
    error = failure(flavour, lambda _: answer({"message": "The beginning " + "m" * 100_000}, 500))
    assert error.message.startswith("The beginning m")


COMPLAINTS: dict[str, Any] = {
    "detail": [
        {"type": "missing", "loc": ["body", "scene"], "msg": "Field required", "input": {"name": "N"}},
        {"type": "string_type", "loc": ["body", "tags", 0], "msg": "Should be a string", "input": 5, "ctx": {}},
    ]
}


def test_the_problems_of_a_422_can_be_read_one_by_one(flavour: Flavour) -> None:
    error = failure(flavour, lambda _: answer(COMPLAINTS, 422))
    assert isinstance(error, UnprocessableEntityError)
    assert error.details == [
        {"loc": ["body", "scene"], "msg": "Field required", "type": "missing"},
        {"loc": ["body", "tags", 0], "msg": "Should be a string", "type": "string_type"},
    ]
    for part in ("scene", "Field required", "tags", "Should be a string"):
        assert part in error.message


# Whole errors


@pytest.mark.parametrize("cls", CLASSES.values())
def test_an_error_of_any_class_pickles_and_copies_whole(cls: type[EverMemOSError]) -> None:
    error = cls("what happened", **FIELDS)
    extra = {
        "details": [{"loc": ["body"], "msg": "m", "type": "t"}],
        "field": "f",
        "json_path": "$.a",
        "expected": "str",
        "got": "int",
        "group_id": "g",
        "actual_group_id": None,
        "record_id": "r",
    }
    for name, value in extra.items():
        if hasattr(cls, name):
            setattr(error, name, value)
    error.add_note("a note")
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in (*copies, copy.deepcopy(error), copy.copy(error)):
        assert type(twin) is cls
        assert (str(twin), repr(twin), twin.args, vars(twin)) == (str(error), repr(error), error.args, vars(error))


MISMATCH = {**PATCHED, "result": {**PATCHED["result"], "group_id": None}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("cls", "body", "status"),
    [
        (UnprocessableEntityError, COMPLAINTS, 422),
        (InternalServerError, "", 500),
        (APIResponseValidationError, {"result": {"id": 5}}, 200),
        (ScopeMismatchError, MISMATCH, 200),
        (APIStatusError, {**PATCHED, "status": "failed"}, 200),
    ],
)
def test_an_error_of_a_call_pickles_and_copies_whole(
    flavour: Flavour, cls: type[APIError], body: Any, status: int
) -> None:
    error = failure(flavour, lambda _: answer(body, status))
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(twin) is type(error) is cls
        assert (str(twin), vars(twin)) == (str(error), vars(error))


# Nothing escapes raw


def httpx_errors(request: httpx.Request) -> Iterator[Exception]:
    for cls in vars(httpx).values():
        if not (isinstance(cls, type) and issubclass(cls, Exception)):
            continue
        if cls is httpx.HTTPStatusError:
            words = "Server error '500' for url 'http://x/?q=1'\nFor more information check: https://example.org"
            yield cls(words, request=request, response=httpx.Response(500, request=request))
        elif issubclass(cls, httpx.RequestError):
            yield cls("words of httpx", request=request)
        elif cls in (httpx.ResponseNotRead, httpx.RequestNotRead, httpx.StreamConsumed, httpx.StreamClosed):
            yield cls()
        else:
            yield cls("words of httpx")


RAW = [
    *httpx_errors(httpx.Request("GET", "http://localhost/", headers={"Authorization": "Bearer test-key"})),
    OSError(5, "Input/output error"),
    ConnectionResetError("reset"),
    TimeoutError(),
    ssl.SSLError(1, "bad record mac"),
    RuntimeError("Event loop is closed"),
]


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: type(raw).__name__)
def test_no_error_of_httpx_or_of_the_system_escapes_raw_or_is_chained(flavour: Flavour, raw: Exception) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise raw

    error = failure(flavour, handler)
    if isinstance(raw, (httpx.TimeoutException, TimeoutError)):
        assert type(error) is APITimeoutError
    elif isinstance(raw, (httpx.TransportError, OSError, RuntimeError)):
        assert type(error) is APIConnectionError
    assert (error.status_code, error.method, error.attempts) == (None, "PATCH", 1)
    assert not list(chained(error))


def test_words_of_httpx_become_one_line(flavour: Flavour) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("first line\r\nsecond line\x1b[31m " + "long " * 10_000)

    error = failure(flavour, handler)
    assert "first line" in error.message
    assert "second line" in error.message


def test_a_closed_http_client_of_ones_own_is_named_and_no_outcome_is_in_doubt(flavour: Flavour) -> None:
    cls: Any = {"sync": httpx.Client, "async": httpx.AsyncClient}[flavour.name]
    own = cls(transport=httpx.MockTransport(lambda _: answer(PATCHED)))
    client = flavour.client(http_client=own)
    flavour.call(own.close if flavour.name == "sync" else own.aclose)
    with pytest.raises(EverMemOSError, match="closed") as caught:
        flavour.call(client.v1.memories.conversation_meta.update, name="new")
    assert_readable(caught.value)
    assert not list(chained(caught.value))
    assert caught.value.outcome_unknown is False


@pytest.mark.parametrize("status", [200, 201, 204, 400, 500])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 20_000, b"null", b"[]", b'"text"', b"<html>", b"{}"])
def test_no_json_or_decode_error_escapes_raw(flavour: Flavour, status: int, body: bytes) -> None:
    error = failure(flavour, lambda _: answer(body, status))
    assert error.status_code == status
    assert isinstance(error, APIResponseValidationError if status < 300 else APIStatusError)
    assert not [other for other in chained(error) if not isinstance(other, (ValueError, RecursionError))]


# {"status": "failed"} inside a 200


@pytest.mark.parametrize(
    "body",
    [
        {"status": "failed", "code": "SYSTEM_ERROR", "message": "Db down", "result": None},
        {"status": "failed", "code": "SYSTEM_ERROR", "message": "Db down"},
        {**PATCHED, "status": "failed", "code": "SYSTEM_ERROR", "message": "Db down"},
        {**RECORD, "status": "failed", "code": "SYSTEM_ERROR", "message": "Db down"},
    ],
)
@pytest.mark.parametrize("method", ["get", "update", "create"])
def test_a_200_that_says_failed_raises(flavour: Flavour, method: str, body: dict[str, Any]) -> None:
    meta = flavour.client(lambda _: answer(body)).v1.memories.conversation_meta
    arguments = CREATE_V1 if method == "create" else {}
    with pytest.raises(APIStatusError) as caught:
        flavour.call(getattr(meta, method), **arguments)
    assert (caught.value.status_code, caught.value.message, caught.value.code) == (200, "Db down", "SYSTEM_ERROR")
    assert_readable(caught.value)
    raw = flavour.call(getattr(meta.with_raw_response, method), **arguments)
    with pytest.raises(APIStatusError, match="Db down"):
        raw.parse()


# What the caller did wrong is readable too


@pytest.mark.parametrize(
    "arguments",
    [
        {"user_details": {"a\nb\x1b[31m": {"full_nme": "x"}}},
        {"user_details": {"u": {"extra": {"a\nb": object()}}}},
        {"tags": ["\ud800"]},
        {"extra_body": {"a\nb": object()}},
        {"extra_query": {"a\nb": object()}},
        {"default_timezone": "Mars\nBase"},
    ],
)
def test_an_argument_that_is_refused_is_named_in_one_line(flavour: Flavour, arguments: dict[str, Any]) -> None:
    client = flavour.client(lambda _: answer(PATCHED))
    with pytest.raises(RequestValidationError) as caught:
        flavour.call(client.v1.memories.conversation_meta.update, **arguments)
    assert_readable(caught.value)
    str(caught.value).encode()
