"""The answer to a write that the server accepted: it never looks as if the write had failed."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, ScriptedServer, answer, http
from evermemos_api.models import AcceptedResponse, AddMemoriesResponse, AddMemoriesResponseV0, LoadMemoriesResponse
from evermemos_api.operations import SAFE_TO_REPEAT
from evermemos_api.types import UNSET
from test_connections import after, silent
from test_operations import CALLS, MESSAGE, method_of

from evermemos import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    EverMemOSError,
    InternalServerError,
    NotFoundError,
    RequestValidationError,
    ScopeMismatchError,
)
from evermemos.sandbox import Sandbox

WRITES = [name for name in CALLS if name not in SAFE_TO_REPEAT]
READS = [name for name in CALLS if name in SAFE_TO_REPEAT]
# Arguments with which a write would be sent again if its outcome were unknown.
REPEATED: dict[str, Any] = {name: {"repeat_unknown": True} for name in WRITES if name.startswith(("add_", "load_"))}
FIRST_WORDS = "the write was accepted"
BUILT_FOR_NOBODY = "<html><title>Welcome</title>John Smith</html>"
UNREADABLE: dict[str, tuple[int, Any]] = {
    "an empty body": (200, b""),
    "no content": (204, b""),
    "HTML": (200, BUILT_FOR_NOBODY),
    "HTML with 202": (202, BUILT_FOR_NOBODY),
    "half of a JSON object": (200, '{"status": "ok", "mess'),
    "no object": (200, []),
    "null": (200, "null"),
    "a status of another type": (200, {"status": 5}),
    "a result of another type": (200, {"status": "ok", "result": "John Smith"}),
    "a status that the spec does not have, 201": (201, None),
    "a status that the spec does not have, 206": (206, None),
    "a status that the spec does not have, 299": (299, None),
}


def fail(flavour: Flavour, name: str, client: Any, **options: Any) -> Any:
    """Call an operation, and return the error that it raises."""
    with pytest.raises(APIError) as caught:
        flavour.call(method_of(client, name), **{**CALLS[name][0], **REPEATED.get(name, {}), **options})
    return caught.value


def assert_accepted(error: EverMemOSError, status: int = 200) -> None:
    """Look whether an error says in every way that the write was accepted."""
    assert error.message.startswith(FIRST_WORDS)
    assert FIRST_WORDS in str(error)
    assert (error.applied, error.outcome_unknown) == (True, False)
    assert (error.status_code, error.attempts) == (status, 1)
    assert "John Smith" not in f"{error} {error!r} {vars(error)}"
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.applied) == (str(error), True)


# Whatever comes behind the head


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("name", WRITES)
def test_an_answer_to_a_write_that_cannot_be_read_says_first_that_the_write_was_accepted(
    flavour: Flavour, name: str, kind: str
) -> None:
    status, body = UNREADABLE[kind]
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(CALLS[name][1] if body is None else body, status)

    error = fail(flavour, name, flavour.client(handler))
    assert type(error) is APIResponseValidationError
    assert_accepted(error, status)
    assert len(seen) == 1


@pytest.mark.parametrize("kind", [kind for kind in UNREADABLE if "another type" not in kind])
@pytest.mark.parametrize("name", READS)
def test_an_answer_to_a_read_is_no_write_that_was_accepted(flavour: Flavour, name: str, kind: str) -> None:
    status, body = UNREADABLE[kind]
    client = flavour.client(lambda _: answer(CALLS[name][1] if body is None else body, status), max_retries=0)
    error = fail(flavour, name, client)
    assert type(error) is APIResponseValidationError
    assert (error.applied, error.outcome_unknown) == (False, False)
    assert FIRST_WORDS not in str(error)


class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that begins, and fails."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"status": "ok", '
        raise self._failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


FAILURES: dict[str, tuple[Exception, type[APIError]]] = {
    "a reset": (httpx.ReadError("reset"), APIConnectionError),
    "an end that comes too early": (httpx.RemoteProtocolError("cut"), APIConnectionError),
    "an error of the system": (OSError("broken"), APIConnectionError),
    "silence": (httpx.ReadTimeout("late"), APITimeoutError),
}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("name", WRITES)
def test_a_connection_that_breaks_behind_the_head_of_an_answer_leaves_the_write_accepted_and_sent_once(
    flavour: Flavour, name: str, kind: str
) -> None:
    failure, expected = FAILURES[kind]
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=Breaking(failure))

    error = fail(flavour, name, flavour.client(handler))
    assert type(error) is expected
    assert_accepted(error)
    assert len(seen) == 1


@pytest.mark.parametrize("name", WRITES)
def test_an_answer_that_is_too_large_or_cannot_be_unpacked_leaves_the_write_accepted(
    flavour: Flavour, name: str
) -> None:
    body = CALLS[name][1]
    too_large = flavour.client(lambda _: answer(body), max_response_bytes=10)
    assert_accepted(fail(flavour, name, too_large))
    packed = gzip.compress(answer(body).content)
    for content, encoding in [(packed[:-9], "gzip"), (b"nothing packed", "gzip"), (packed, "br")]:

        def handler(_: httpx.Request, content: bytes = content, encoding: str = encoding) -> httpx.Response:
            stream = httpx.ByteStream(content)
            return httpx.Response(200, headers={"Content-Encoding": encoding}, stream=stream)

        assert_accepted(fail(flavour, name, flavour.client(handler)))


@pytest.mark.parametrize("status", [300, 307, 400, 404, 408, 500, 503])
def test_a_broken_body_of_a_refusal_is_no_write_that_was_accepted(flavour: Flavour, status: int) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=Breaking(httpx.ReadError("reset")))

    for name in ("update_conversation_meta_v1", "delete_memories_v0"):
        error = fail(flavour, name, flavour.client(handler))
        assert isinstance(error, APIStatusError)
        assert (error.applied, error.status_code) == (False, status)


@pytest.mark.socket
@pytest.mark.parametrize("body", [b'{"status": "ok"', b"7\r\n{broken\r\nno chunk\r\n"])
def test_a_body_that_breaks_in_the_piece_that_brings_the_head_leaves_the_write_accepted(
    every_flavour: Flavour, serve: Callable[..., ScriptedServer], body: bytes
) -> None:
    kind = b"Transfer-Encoding: chunked" if body.startswith(b"7") else b"Content-Length: 1000"
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + kind + b"\r\n\r\n" + body
    # A server that has sent something that is not a chunk need not hang up.
    broken = after(whole, silent) if body.startswith(b"7") else after(whole)
    server = serve(broken, http(PATCHED))
    client = every_flavour.client(base_url=server.url, timeout=httpx.Timeout(30, read=2))
    error = fail(every_flavour, "update_conversation_meta_v1", client, group_id=None)
    assert type(error) is APIConnectionError
    assert_accepted(error)
    assert len(server.requests) == 1


# What the server says in the body


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_the_server_calls_failed_in_a_200_is_a_failure(flavour: Flavour, name: str) -> None:
    body = {**CALLS[name][1], "status": "failed", "message": "The database is down"}
    error = fail(flavour, name, flavour.client(lambda _: answer(body)))
    assert type(error) is APIStatusError
    assert (error.message, error.applied, error.outcome_unknown) == ("The database is down", False, False)


WAITING = {"saved_memories": [], "count": 0, "status_info": "accumulated"}
TAKEN: list[tuple[str, int, Any, type]] = [
    ("add_memories_v0", 200, {"status": "ok", "message": "m", "request_id": "r"}, AddMemoriesResponseV0),
    ("add_memories_v0", 200, {"status": "ok", "message": "m", "result": WAITING}, AddMemoriesResponseV0),
    ("add_memories_v0", 200, {"status": "ok", "message": "m", "request_id": None}, AddMemoriesResponseV0),
    (
        "add_memories_v0",
        200,
        {"status": "duplicate", "message": "m", "result": {**WAITING, "status_info": "duplicate"}},
        AddMemoriesResponseV0,
    ),
    ("add_memories_v0", 202, {"message": "m", "request_id": "r"}, AcceptedResponse),
    ("add_memories_v0", 202, {"message": "m"}, AcceptedResponse),
    ("add_memories_v1", 200, {"status": "ok", "message": "m", "result": WAITING}, AddMemoriesResponse),
    ("add_memories_v1", 200, {"status": "queued", "message": "m", "request_id": "r"}, AcceptedResponse),
    ("add_memories_v1", 202, {"message": "m"}, AcceptedResponse),
    ("load_memories_v1", 202, {"message": "m"}, LoadMemoriesResponse),
]


@pytest.mark.parametrize(("name", "status", "body", "kind"), TAKEN)
def test_every_answer_that_servers_give_to_a_message_is_a_success_with_its_type(
    flavour: Flavour, name: str, status: int, body: Any, kind: type
) -> None:
    client = flavour.client(lambda _: answer(body, status))
    response: Any = flavour.call(method_of(client, name), **CALLS[name][0])
    assert type(response).__name__ == kind.__name__
    assert response.to_dict() == body


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_what_has_no_request_id_is_not_waited_for(flavour: Flavour, version: str) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer({"message": "m"}, 202)

    client = flavour.client(handler)
    api = getattr(client, version)
    response = flavour.call(api.memories.add, **{**MESSAGE, "role": "user"})
    status = (api.status if version == "v0" else api.stats).request
    for request_id in (response.request_id, UNSET, None):
        with pytest.raises(RequestValidationError, match="request_id: there is none"):
            flavour.call(status.wait, request_id)
    assert len(seen) == 1


def test_a_write_that_reached_another_record_was_applied_unless_it_changed_nothing(flavour: Flavour) -> None:
    for fields in (["name"], []):
        body = {**PATCHED, "result": {"id": "1", "group_id": None, "updated_fields": fields}}
        handler = partial(lambda body, _: answer(body), body)
        error = fail(flavour, "update_conversation_meta_v1", flavour.client(handler))
        assert type(error) is ScopeMismatchError
        assert (error.applied, error.outcome_unknown) == (bool(fields), False)


# What is read after a write


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (500, InternalServerError), (200, APIResponseValidationError)]
)
def test_a_handle_whose_write_was_accepted_says_so_when_the_record_cannot_be_read_back(
    flavour: Flavour, status: int, kind: type[APIError]
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        if request.method != "GET":
            return answer(RECORD if request.method == "POST" else PATCHED)
        return answer(RECORD) if set(methods) == {"GET"} else answer({}, status)

    handle = flavour.client(handler, max_retries=0).v1.conversation("group_123")
    fields = {name: value for name, value in CREATE_V1.items() if name != "version"}
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (handle.add_tags, ("new",), {}),
        (handle.update, (), {"name": "new", "verify": True}),
        (handle.set, (), {**fields, "verify": True}),
    ]
    for method, arguments, options in calls:
        methods: list[str] = []
        with pytest.raises(kind) as caught:
            flavour.call(method, *arguments, **options)
        assert caught.value.message.startswith(f"{FIRST_WORDS}, but reading the record back failed")
        assert (caught.value.applied, caught.value.status_code) == (True, status)
        assert methods[-1] == "GET"


def test_a_run_over_many_records_looks_again_after_an_answer_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0)
    flavour = Flavour("sync")
    sandbox = Sandbox()
    records = [{"group_id": f"g{number}", **CREATE_V1} for number in range(5)]
    sandbox.fail("create_conversation_meta_v1", times=2, body=b"{")
    with flavour.client(base_url=sandbox) as client, client.v1.bulk.apply(records) as run:
        results = list(run)
    assert sorted(result.action for result in results) == ["created"] * 5
    assert sorted(result.attempts for result in results) == [1, 1, 1, 2, 2]
