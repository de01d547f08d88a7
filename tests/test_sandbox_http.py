"""What servers do with a request before the application sees it: methods, content types, and pages of other origins."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1

from evermemos.sandbox import Answer, Sandbox

META = {version: f"/api/{version}/memories/conversation-meta" for version in ("v0", "v1")}
GROUP: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "group_id": "g", "name": "N"}
VERSIONS = pytest.mark.parametrize("version", ["v0", "v1"])
ORIGIN = {"origin": "https://page.test"}
NOT_ALLOWED = b'{"detail":"Method Not Allowed"}'


def make(sandbox: Sandbox, version: str, **fields: Any) -> Answer:
    """Set the record of the group g."""
    body = GROUP if version == "v0" else CREATE_V1 | {"group_id": "g"}
    return sandbox.handle("POST", META[version], {}, json.dumps(body | fields).encode())


# Methods


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (META["v0"], "GET"),
        (META["v1"], "GET"),
        ("/api/v0/memories", "DELETE"),
        ("/api/v1/memories", "DELETE"),
        ("/api/v1/memories/import", "POST"),
        ("/health", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "QUERY", "M-SEARCH"])
def test_another_method_is_a_405_that_names_one_of_the_allowed(
    sandbox: Sandbox, method: str, path: str, allowed: str
) -> None:
    answer = sandbox.handle(method, path, {}, b"")
    assert (answer.status, answer.body) == (405, NOT_ALLOWED)
    assert answer.headers == {"content-type": "application/json", "allow": allowed}


@pytest.mark.parametrize("method", ["POSTX", "Patch", "get", "", "GET "])
@pytest.mark.parametrize("path", [META["v0"], META["v1"], "/nowhere"])
def test_a_method_that_http_does_not_know_is_a_400(sandbox: Sandbox, method: str, path: str) -> None:
    answer = sandbox.handle(method, path, {}, b"")
    assert (answer.status, answer.body) == (400, b"Invalid HTTP request received.")
    assert answer.headers == {"content-type": "text/plain; charset=utf-8"}


@pytest.mark.socket
@pytest.mark.parametrize("path", [META["v1"], "/nowhere"])
def test_the_answer_to_a_head_has_no_body_and_says_how_long_it_would_be(sandbox: Sandbox, path: str) -> None:
    full = sandbox.handle("PUT", path, {}, b"")
    answer = sandbox.handle("HEAD", path, {}, b"")
    assert (answer.status, answer.body) == (full.status, b"")
    assert answer.headers == {**full.headers, "content-length": str(len(full.body))}
    with sandbox.serve() as url:
        served = httpx.head(url + path)
    assert (served.status_code, served.content) == (full.status, b"")
    assert served.headers["content-length"] == str(len(full.body))


# Content types


JSON = [
    "",
    "application/json",
    "Application/JSON",
    " application/json ; charset=latin-1",
    "application/json;",
    "application/merge-patch+json",
    "application/+json",
]
OTHERS = [
    "text/plain",
    "text/json",
    "text/x+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/xml",
    "application/jsonx",
    "application/",
    "application/json/x",
    "application/json, text/plain",
    "json",
    "*/*",
    "/",
]


@VERSIONS
@pytest.mark.parametrize("content_type", JSON)
def test_a_body_of_json_is_read_as_such(sandbox: Sandbox, version: str, content_type: str) -> None:
    make(sandbox, version)
    headers = {"Content-Type": content_type}
    answer = sandbox.handle("PATCH", META[version], headers, b'{"group_id": "g", "name": "M"}')
    assert (answer.status, json.loads(answer.body)["result"]["name"]) == (200, "M")
    answer = sandbox.handle("GET", META[version], headers, b'{"group_id": "g"}')
    assert json.loads(answer.body)["result"]["name"] == "M"


@VERSIONS
@pytest.mark.parametrize("content_type", OTHERS)
@pytest.mark.parametrize("strict", [False, True])
def test_a_body_of_another_type_is_a_text_and_no_object(version: str, content_type: str, strict: bool) -> None:
    sandbox = Sandbox(strict=strict)
    text = '{"group_id": "g", "name": "é"}'
    headers = {"content-type": content_type, "authorization": "Bearer any"}
    words = "Input should be a valid dictionary or object to extract fields from"
    for method in ("POST", "PATCH") if strict else ("GET", "POST", "PATCH"):
        answer = sandbox.handle(method, META[version], headers, text.encode())
        issue = {"type": "model_attributes_type", "loc": ["body"], "msg": words, "input": text}
        assert (answer.status, json.loads(answer.body)) == (422, {"detail": [issue]})
    # Of an empty body nobody asks the type.
    answer = sandbox.handle("GET", META[version], headers, b"")
    assert answer.status == 404


@VERSIONS
def test_bytes_that_are_neither_json_nor_text_are_too_much_for_a_server(sandbox: Sandbox, version: str) -> None:
    answer = sandbox.handle("PATCH", META[version], {"content-type": "image/png"}, b"\xff\xd8")
    assert answer.status == 500
    told = json.loads(answer.body)
    assert {**told, "timestamp": 0} == {
        "status": "failed",
        "code": "SYSTEM_ERROR",
        "message": "Internal server error",
        "timestamp": 0,
        "path": META[version],
    }


def test_an_operation_that_takes_no_body_does_not_look_at_one(sandbox: Sandbox) -> None:
    for content_type in ("text/plain", "application/json"):
        assert sandbox.handle("GET", "/health", {"content-type": content_type}, b"[").status == 200


# The bytes of an answer


@VERSIONS
def test_answers_are_compact_utf_8_in_the_order_of_servers(sandbox: Sandbox, version: str) -> None:
    made = make(
        sandbox, version, name="é 日本 😀", tags=["ü"], user_details={"z": {"full_name": "Z"}, "a": {"full_name": "A"}}
    )
    assert made.headers == {"content-type": "application/json"}
    assert '"name":"é 日本 😀"'.encode() in made.body
    assert b": " not in made.body
    record = json.loads(made.body)["result"]
    versioned = ["version"] if version == "v1" else []
    models = ["llm_custom_setting"] if version == "v0" else []
    assert list(record) == [
        *("id", "group_id", "scene", "scene_desc", *models, "name", "description", *versioned),
        *("conversation_created_at", "default_timezone", "user_details", "tags", "is_default"),
        *("created_at", "updated_at"),
    ]
    assert list(record["user_details"]) == ["z", "a"]
    assert list(record["user_details"]["a"]) == ["full_name", "role", "extra"]
    for body in (b'{"group_id":"g","name":"N"}', b'{"group_id":"g"}'):
        patched = json.loads(sandbox.handle("PATCH", META[version], {}, body).body)
        assert list(patched) == ["status", "message", "result"]
        assert list(patched["result"]) == ["id", "group_id", "scene", "name", "updated_fields", "updated_at"]


# Pages of other origins


@pytest.mark.parametrize("path", [META["v0"], META["v1"], "/health", "/nowhere"])
@pytest.mark.parametrize(
    ("asked", "status", "body"), [("PATCH", 200, b"OK"), ("patch", 400, b"Disallowed CORS method")]
)
def test_a_page_may_send_every_method_and_header(
    sandbox: Sandbox, path: str, asked: str, status: int, body: bytes
) -> None:
    headers = {"Origin": "https://page.test", "Access-Control-Request-Method": asked}
    answer = sandbox.handle("OPTIONS", path, headers, b"")
    common = {
        "content-type": "text/plain; charset=utf-8",
        "access-control-allow-origin": "https://page.test",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    assert (answer.status, answer.body, answer.headers) == (status, body, common)
    headers["Access-Control-Request-Headers"] = "authorization,content-type"
    answer = sandbox.handle("OPTIONS", path, headers, b"")
    assert answer.headers == {**common, "access-control-allow-headers": "authorization,content-type"}


def test_a_page_that_asks_whether_it_may_needs_no_key() -> None:
    headers = {**ORIGIN, "access-control-request-method": "PATCH"}
    assert Sandbox(api_key="right").handle("OPTIONS", META["v1"], headers, b"").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", META["v1"], 404), ("OPTIONS", META["v1"], 405), ("GET", "/nowhere", 404), ("GET", META["v1"] + "/", 307)],
)
def test_a_page_may_read_every_answer(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    plain = sandbox.handle(method, path, {}, b"")
    answer = sandbox.handle(method, path, ORIGIN, b"")
    assert (plain.status, answer.status) == (status, status)
    allowed = {"access-control-allow-origin": "*", "access-control-allow-credentials": "true"}
    assert answer.headers == {**plain.headers, **allowed}
    answer = sandbox.handle(method, path, {**ORIGIN, "cookie": "a=b"}, b"")
    named = {"access-control-allow-origin": "https://page.test", "vary": "Origin"}
    assert answer.headers == {**plain.headers, **allowed, **named}


def test_a_page_may_read_an_answer_that_was_asked_to_be_wrong(sandbox: Sandbox) -> None:
    sandbox.fail(status=503)
    answer = sandbox.handle("GET", META["v1"], ORIGIN, b"")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (503, "*")
