"""Edges that no table of the other tests has a row for."""

import enum
import gzip
import json
from typing import Any

import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, answer

import evermemos
from evermemos import (
    APIResponseValidationError,
    APITimeoutError,
    ConfigurationError,
    RequestValidationError,
    ScopeMismatchError,
)
from evermemos._response import FIELD_NAMES


def test_names_that_are_no_users_words_are_the_fields_of_requests(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    requests = {name for name in schemas if name.endswith("Request")}
    inside = {"UserDetail", "LlmCustomSetting", "LlmProviderConfig", "LoadedConversation", "LoadedMessage"}
    assert {field for name in requests | inside for field in schemas[name]["properties"]} == FIELD_NAMES


class Scene(enum.StrEnum):
    GROUP = "group_chat"


def test_a_write_whose_deadline_is_over_is_not_sent(flavour: Flavour) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(PATCHED)

    client = flavour.client(handler)
    with pytest.raises(APITimeoutError) as raised:
        flavour.call(client.v1.memories.conversation_meta.update, name="n", deadline=1e-9)
    assert (seen, raised.value.outcome_unknown, raised.value.attempts) == ([], False, 0)


def test_what_no_url_can_carry_is_refused_without_checks_too(flavour: Flavour) -> None:
    client = flavour.client(lambda _: answer(RECORD), validate=False)
    with pytest.raises(RequestValidationError, match="group_id"):
        flavour.call(client.v1.memories.conversation_meta.get, group_id="\ud800")


def test_an_enum_of_words_is_as_good_as_the_words(flavour: Flavour) -> None:
    sent: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return answer(RECORD)

    create = flavour.client(handler).v1.memories.conversation_meta.create
    flavour.call(create, version="1", scene=Scene.GROUP, scene_desc={}, name="n", created_at="2025-01-15T10:00:00Z")
    assert json.loads(sent[0])["scene"] == "group_chat"


@pytest.mark.parametrize("url", ["http://localhost/api/v1?", "http://localhost/api/v1#", "http://localhost:0"])
def test_a_base_url_that_would_swallow_the_path_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        evermemos.EverMemOS(base_url=url)


def test_an_update_that_changed_nothing_elsewhere_does_not_say_that_it_did(flavour: Flavour) -> None:
    body: dict[str, Any] = {"result": {"id": "d", "group_id": None, "updated_fields": []}}
    client = flavour.client(lambda _: answer(body))
    with pytest.raises(ScopeMismatchError, match=r"the default record \(id 'd'\) was addressed, not changed"):
        flavour.call(client.v1.memories.conversation_meta.update, group_id="g")


def test_an_answer_that_calls_itself_the_default_record_is_another_record(flavour: Flavour) -> None:
    result = {name: value for name, value in RECORD["result"].items() if name != "group_id"}  # type: ignore[attr-defined]
    client = flavour.client(lambda _: answer({"result": {**result, "is_default": True}}))
    create = client.v1.memories.conversation_meta.create
    required = {"version": "1", "scene": "assistant", "scene_desc": {}, "name": "n", "created_at": "2025-01-15T10:00Z"}
    with pytest.raises(ScopeMismatchError) as raised:
        flavour.call(create, group_id="g", **required)
    assert raised.value.actual_group_id is None


def test_the_key_beats_an_authorization_of_the_users_http_client() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return answer(PATCHED)

    with httpx.Client(transport=httpx.MockTransport(handler), headers={"Authorization": "Bearer old"}) as http:
        update = evermemos.EverMemOS(api_key="new", http_client=http).v1.memories.conversation_meta.update
        update(name="n")
        update(name="n", extra_headers={"authorization": "Bearer mine"})
    assert seen == ["Bearer new", "Bearer mine"]


def test_the_words_of_a_nested_error_are_found(flavour: Flavour) -> None:
    client = flavour.client(lambda _: answer({"error": {"message": "quota used up", "code": "Quota"}}, 429))
    with pytest.raises(evermemos.RateLimitError, match="quota used up") as raised:
        flavour.call(client.v1.memories.conversation_meta.update, name="n")
    assert raised.value.code == "Quota"


@pytest.mark.socket
def test_something_behind_the_end_of_a_compressed_body_is_refused(flavour: Flavour, serve: Any) -> None:
    body = gzip.compress(b'{"result":') + gzip.compress(b'{"id":"1"}}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    client = flavour.client(base_url=serve(head.encode() + body).url)
    with pytest.raises(APIResponseValidationError, match="follows the end"):
        flavour.call(client.v1.memories.conversation_meta.update, name="n")


def test_submodules_are_there_after_importing_the_package() -> None:
    assert evermemos.errors.EverMemOSError is evermemos.EverMemOSError
    assert evermemos.sandbox.Sandbox().requests == []


def test_a_client_of_ones_own_brings_its_timeout_and_its_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERMEMOS_API_KEY", "from-the-environment")
    seen: list[tuple[Any, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append((request.extensions["timeout"]["read"], request.headers["authorization"].partition(" ")[0]))
        return answer(PATCHED)

    transport = httpx.MockTransport(handler)
    with httpx.Client(transport=transport, timeout=7, auth=("user", "password")) as http:
        evermemos.EverMemOS(http_client=http).v1.memories.conversation_meta.update(name="n")
        evermemos.EverMemOS(http_client=http, api_key="k", timeout=9).v1.memories.conversation_meta.update(name="n")
    with httpx.Client(transport=transport) as http:
        evermemos.EverMemOS(http_client=http).v1.memories.conversation_meta.update(name="n")
    assert seen == [(7, "Basic"), (9, "Bearer"), (30, "Bearer")]
