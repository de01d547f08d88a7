"""The last value on each side of a limit, and what holds where nobody says otherwise."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import httpcore
import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer
from evermemos_api import models
from evermemos_api.types import DecodeError, encode
from methods import find

from evermemos import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    EverMemOS,
    RequestValidationError,
    _checks,
    _deadline,
    _http,
    _http1,
    _http1_async,
)
from evermemos._async.conversation_meta import UPDATE_V1
from evermemos._call import Call, NotInTime, Options
from evermemos._conversation import gaps
from evermemos._deadline import Seconds
from evermemos._settings import LONGEST_TIME, ApiKey
from evermemos._sync import network
from evermemos.bulk import Record
from evermemos.bulk._journal import Journal
from evermemos.bulk._plan import plan
from evermemos.bulk._record import CHANGEABLE
from evermemos.errors import (
    LONGEST_TEXT,
    InputError,
    LostUpdateError,
    TooManyFailuresError,
    one_line,
)
from evermemos.sandbox import Sandbox

UNSAID = Options(30.0, None, None, None, 0, None)


def failed(flavour: Flavour, response: httpx.Response, method: str = "v1.update", **options: Any) -> APIStatusError:
    with pytest.raises(APIStatusError) as caught:
        flavour.call(find(flavour.client(lambda _: response, max_retries=0), method), **options)
    return caught.value


# Judging a call


@pytest.mark.parametrize(
    ("status", "unknown"),
    [
        *((status, False) for status in (399, 400, 429, 499, 501, 503)),
        *((status, True) for status in (408, 500, 502, 504, 599)),
    ],
)
def test_the_outcome_of_a_write_is_unknown_where_the_server_may_have_worked_on_it(
    flavour: Flavour, status: int, unknown: bool
) -> None:
    assert failed(flavour, answer({"message": "no"}, status)).outcome_unknown is unknown
    assert not failed(flavour, answer({"message": "no"}, status), "v1.get").outcome_unknown


@pytest.mark.parametrize(("status", "is_redirect"), [(307, True), (399, True), (400, False)])
def test_only_a_redirect_is_told_by_where_it_points(flavour: Flavour, status: int, is_redirect: bool) -> None:
    error = failed(flavour, answer({"message": "words"}, status, location="http://elsewhere/path"))
    assert error.message.startswith("redirects are not followed; the server points to") is is_redirect
    assert (error.message == "words") is not is_redirect


@pytest.mark.parametrize(("text", "shown"), [("bob", "bobsled"), ("bobs", "<input>led"), ("bobsled", "<input>")])
def test_a_short_input_is_taken_out_of_a_message_as_a_whole_word_only(flavour: Flavour, text: str, shown: str) -> None:
    detail = {"loc": ["body", "name"], "msg": f"bobsled {text}", "type": "value_error", "input": text}
    assert failed(flavour, answer({"detail": [detail]}, 422)).details[0]["msg"] == f"{shown} <input>"


def held_call(monkeypatch: pytest.MonkeyPatch, left: float) -> Call[Any]:
    """Make a call whose deadline is so many seconds away, and stays there."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    client = EverMemOS(api_key="test-key")
    call = Call(client._settings, UPDATE_V1, UNSAID._replace(deadline=60.0), fields={"name": "new"})
    monkeypatch.setattr(time, "monotonic", lambda: 1060.0 - left)
    return call


def test_a_deadline_is_over_when_no_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    call = held_call(monkeypatch, 0.0)
    with pytest.raises(TimeoutError):
        call.keep_to_deadline()
    with pytest.raises(NotInTime):
        call.begin()
    held_call(monkeypatch, 0.001).keep_to_deadline()


@pytest.mark.parametrize(("left", "word"), [(0.0, "deadline"), (0.04, "deadline"), (0.05, "timeout"), (9, "timeout")])
def test_a_call_that_ran_out_of_time_says_which_limit_it_was(
    monkeypatch: pytest.MonkeyPatch, left: float, word: str
) -> None:
    call = held_call(monkeypatch, 60.0)
    call.begin()
    monkeypatch.setattr(time, "monotonic", lambda: 1060.0 - left)
    error = call.failed(httpx.ReadTimeout("slow"))
    assert isinstance(error, APITimeoutError)
    assert f"no answer within the {word}" in str(error)


def test_a_request_id_that_no_header_can_carry_is_not_sent(flavour: Flavour) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer({"success": True, "found": False})

    for validate, error in ((True, RequestValidationError), (False, ConfigurationError)):
        client = flavour.client(handler, validate=validate)
        with pytest.raises(error):
            flavour.call(client.v1.stats.request.get, request_id="a\r\nX-Injected: 1")
    assert sent == []


# Arguments and settings


def test_an_empty_list_of_groups_is_refused_with_what_servers_make_of_it(flavour: Flavour) -> None:
    client = flavour.client(lambda _: answer({}))
    with pytest.raises(RequestValidationError, match="an empty one, which servers take for all"):
        flavour.call(client.v0.memories.get, user_id="u", group_ids=[])
    with pytest.raises(RequestValidationError, match="got str"):
        flavour.call(client.v0.memories.get, user_id="u", group_ids="g")


@pytest.mark.parametrize(("port", "is_taken"), [(0, False), (1, True), (65535, True), (65536, False)])
def test_a_port_is_a_number_from_1_to_65535(port: int, is_taken: bool) -> None:
    url = f"http://localhost:{port}"
    if is_taken:
        assert EverMemOS(base_url=url)._settings.base_url == url
        return
    with pytest.raises(ConfigurationError, match="base_url"):
        EverMemOS(base_url=url)


@pytest.mark.parametrize("name", ["timeout", "deadline"])
def test_a_time_is_at_most_a_year(name: str) -> None:
    assert LONGEST_TIME == 365 * 86_400
    limits: dict[str, Any] = {name: LONGEST_TIME}
    assert getattr(EverMemOS(api_key="test-key", **limits)._settings, name) == LONGEST_TIME
    limits[name] += 1
    with pytest.raises(ConfigurationError, match=f"{name} is .*up to a year"):
        EverMemOS(api_key="test-key", **limits)


@pytest.mark.parametrize(("key", "is_hidden"), [("1234567", False), ("12345678", True), ("123456789", True)])
def test_a_key_of_eight_letters_is_taken_out_of_texts(key: str, is_hidden: bool) -> None:
    assert (ApiKey(key).redact(f"a{key}z") == "a<API key>z") is is_hidden


@pytest.mark.parametrize("timeout", [None, 3, httpx.Timeout(7, read=11)])
def test_an_http_client_keeps_the_timeout_that_it_was_given(flavour: Flavour, timeout: Any) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(PATCHED)

    http_client = flavour.httpx_client(handler)
    client = flavour.client(http_client=http_client)
    flavour.call(client.v1.memories.conversation_meta.update, name="new")
    # That of httpx itself is nobody's wish.
    assert set(seen[0].extensions["timeout"].values()) == {30.0}
    http_client.timeout = httpx.Timeout(timeout)
    client = flavour.client(http_client=http_client)
    flavour.call(client.v1.memories.conversation_meta.update, name="new")
    assert seen[1].extensions["timeout"] == httpx.Timeout(timeout).as_dict()


def test_a_sandbox_in_this_process_has_no_use_for_a_proxy_or_an_http_client() -> None:
    for more in ({"proxy": "http://localhost:3128"}, {"http_client": httpx.Client()}):
        with pytest.raises(ConfigurationError):
            EverMemOS(base_url="sandbox://memory", **more)


@pytest.mark.parametrize(("count", "is_listed"), [(19, True), (20, False)])
def test_names_that_were_possible_are_listed_while_they_are_few(count: int, is_listed: bool) -> None:
    names = {f"name {number}": None for number in range(count)}
    assert _checks._suggest("zzz", names).startswith("expected one of: name 0, ") is is_listed


# Connections


def test_an_answer_is_unpacked_no_further_than_to_the_first_byte_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Unpacking:
        unused_data, eof = b"", True

        def decompress(self, part: bytes, most: int) -> bytes:
            asked.append(most)
            return part[:most]

    monkeypatch.setattr(_http, "_unpacker", lambda _: Unpacking())
    reader = _http.BodyReader(httpx.Response(200, headers={"content-encoding": "gzip"}), 100)
    reader.feed(b"x" * 60)
    reader.feed(b"x" * 40)
    assert (asked, reader.content()) == ([101, 41], b"x" * 100)
    with pytest.raises(_http.TooLarge):
        reader.feed(b"x" * 1_000)
    assert asked == [101, 41, 1]


def test_an_answer_waits_in_memory_up_to_256_kib() -> None:
    connection, transport = _http1_async.Connection(mock.Mock()), mock.Mock()
    connection._transport = transport
    connection.answer.begin(httpx.Request("GET", "http://localhost"))
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(256 * 1024))
    assert transport.pause_reading.call_count == 0
    connection.data_received(b"x")
    assert transport.pause_reading.call_count == 1


def test_a_parser_that_expects_nothing_is_clean() -> None:
    assert not _http1.Answer().is_dirty


def test_a_step_that_has_no_time_left_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1_000.0)
    assert _deadline.left(Seconds.until(1_000.5, 9.0), httpx.ReadTimeout) == 0.5
    with pytest.raises(httpx.ReadTimeout):
        _deadline.left(Seconds.until(1_000.0, 9.0), httpx.ReadTimeout)


@pytest.mark.parametrize("size", [network.MOST_WAITING - 1, network.MOST_WAITING])
def test_what_is_written_waits_for_more_until_it_fills_a_buffer(size: int) -> None:
    written: list[bytes] = []

    class Wire(httpcore.NetworkStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            written.append(buffer)

    stream = network.Stream(Wire())
    stream.write(bytes(size), None)
    assert written == ([bytes(size)] if size == network.MOST_WAITING else [])


# The codec


def test_mappings_and_sequences_of_any_class_are_written() -> None:
    assert encode(MappingProxyType({"a": (1, MappingProxyType({"b": [MappingProxyType({})]}))})) == {
        "a": [1, {"b": [{}]}]
    }
    assert encode(b"ab") == b"ab"


def test_an_object_that_has_too_few_fields_is_told_how_many_it_needs() -> None:
    with pytest.raises(DecodeError, match="expected object with at least 1 field, got"):
        models.DeleteMemoriesV1Request.from_dict({})


# Errors


@pytest.mark.parametrize("length", [LONGEST_TEXT - 1, LONGEST_TEXT, LONGEST_TEXT + 1])
def test_a_text_of_an_error_has_at_most_800_characters(length: int) -> None:
    assert LONGEST_TEXT == 800
    text = "x" * length
    assert one_line(text) == (text if length <= 800 else "x" * 799 + "…")


def test_counts_of_errors_begin_at_nothing() -> None:
    assert (InputError("x").count, TooManyFailuresError("x").failures, APIConnectionError("x").attempts) == (0, 0, 0)


def test_a_lost_update_tells_what_was_sent_from_what_was_found() -> None:
    error = LostUpdateError("x", sent={"name": "ours"}, found={"name": "theirs"})
    assert (error.sent, error.found) == ({"name": "ours"}, {"name": "theirs"})


# Records


def test_a_journal_tells_of_the_positions_that_it_was_asked_for(tmp_path: Path) -> None:
    async def main() -> dict[int, Any]:
        journal = Journal(tmp_path / "journal", server="server", fingerprint="fingerprint")
        try:
            for position in range(6):
                journal.done(position, b"digest", f"g{position}", "created")
        finally:
            await journal.aclose()
        again = Journal(tmp_path / "journal", server="server", fingerprint="fingerprint")
        try:
            return await again.earlier(2, 4)
        finally:
            await again.aclose()

    assert asyncio.run(main()).keys() == {2, 3}


def test_every_user_and_field_that_is_missing_is_named() -> None:
    users = {"a": {"full_name": "A"}, "b": {"full_name": "B", "role": "user"}, "c": {"full_name": "C"}}
    found = {"user_details": {"b": {"full_name": "X", "role": None}, "d": {"full_name": "D"}}}
    expected = {("a",), ("b", "full_name"), ("b", "role"), ("c",), ("d",)}
    assert {path[1:] for path in gaps({"user_details": users}, found)} == expected


def test_an_update_of_a_handle_is_read_back_only_if_that_is_wanted(flavour: Flavour, sandbox: Sandbox) -> None:
    conversation = flavour.client(base_url=sandbox).v1.conversation("g")
    flavour.call(conversation.set, **CREATE_V1)
    for number, (options, methods) in enumerate((({}, ["GET", "PATCH"]), ({"verify": True}, ["GET", "PATCH", "GET"]))):
        before = len(sandbox.requests)
        flavour.call(conversation.update, description=f"new {number}", **options)
        assert [request.method for request in sandbox.requests][before:] == methods


def test_a_record_that_changes_in_all_that_an_update_can_change_is_updated() -> None:
    current = {**RECORD["result"], "version": "1.0", "created_at": "2025-01-15T10:00:00+00:00"}  # type: ignore[dict-item]
    changed: dict[str, Any] = {
        "name": "New",
        "description": "New",
        "scene_desc": {"new": 1},
        "tags": ["new"],
        "user_details": {"new": {"full_name": "New"}},
        "default_timezone": "Europe/Paris",
    }
    assert changed.keys() == CHANGEABLE
    assert plan(Record("group_123", changed), current).action == "update"
    assert plan(Record("group_123", {**changed, "scene": "assistant"}), current).action == "replace"
