"""What becomes of answers: recorded and published ones, broken ones, and ones about another record than was named."""

import copy
import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from evermemos_api import models

import evermemos
from conftest import CREATE_V1, PATCHED, RECORD, ROOT, Flavour, answer
from evermemos import APIError, APIResponseValidationError, APIStatusError, NotFoundError, ScopeMismatchError
from test_models import identical

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
EXCHANGES = [
    json.loads(line) for line in (Path(__file__).parent / "data/real_server_v1_sample.jsonl").read_text().splitlines()
]
CREATE_V0: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "scene": "assistant"}
# Every method with the least arguments and a good answer.
METHODS: dict[str, tuple[dict[str, Any], Any]] = {
    "v0.create": (CREATE_V0, RECORD),
    "v0.update": ({}, PATCHED),
    "v0.get": ({}, RECORD),
    "v1.create": (CREATE_V1, RECORD),
    "v1.update": ({}, PATCHED),
    "v1.get": ({}, RECORD),
}
NAMES = {"POST": "create", "PATCH": "update", "GET": "get"}
STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: evermemos.BadRequestError,
    404: NotFoundError,
    422: evermemos.UnprocessableEntityError,
    500: evermemos.InternalServerError,
}


def find(client: Any, method: str, *, raw: bool = False) -> Callable[..., Any]:
    version, _, name = method.partition(".")
    resource = getattr(client, version).memories.conversation_meta
    found: Callable[..., Any] = getattr(resource.with_raw_response if raw else resource, name)
    return found


def operation_id(method: str) -> str:
    version, _, name = method.partition(".")
    return f"{name}_conversation_meta_{version}"


def ask(flavour: Flavour, method: str, body: Any, status: int = 200, /, **arguments: Any) -> Any:
    """Call a method that is answered with a body; arguments are unchecked."""
    client = flavour.client(lambda _: answer(body, status), validate=False, max_retries=0)
    return flavour.call(find(client, method), **{**METHODS[method][0], **arguments})


def replay(flavour: Flavour, exchange: dict[str, Any]) -> Any:
    """Make the recorded request with the client, and answer it as the server did."""
    request, response = exchange["request"], exchange["response"]
    query = dict(re.findall(r"[?&](\w+)=([^&]*)", request["path"])) | (request["query"] or {})
    # A body that is no object cannot be sent by the client; its answer is replayed for an empty one.
    body = request["body"] if isinstance(request["body"], dict) else None
    name = NAMES[request["method"]]
    arguments: dict[str, Any] = {"extra_body": body}
    if name == "get":
        arguments |= {"group_id": query.pop("group_id", None), "extra_query": query}
    return ask(flavour, f"v1.{name}", response["body"], response["status"], **arguments)


def label(exchange: dict[str, Any]) -> str:
    return f"{exchange['seq']}-{exchange['name']}"


GOOD = [exchange for exchange in EXCHANGES if exchange["response"]["status"] == 200]
BAD = [exchange for exchange in EXCHANGES if exchange["response"]["status"] != 200]


def test_all_recorded_exchanges_are_replayed() -> None:
    assert len(GOOD) + len(BAD) == len(EXCHANGES) == 102
    assert {exchange["request"]["method"] for exchange in EXCHANGES} == set(NAMES)


@pytest.mark.parametrize("exchange", GOOD, ids=label)
def test_a_recorded_answer_is_parsed_without_loss(flavour: Flavour, exchange: dict[str, Any]) -> None:
    result = replay(flavour, exchange)
    body = exchange["response"]["body"]
    patched = exchange["request"]["method"] == "PATCH"
    assert type(result) is (models.PatchConversationMetaResponse if patched else models.ConversationMetaEnvelope)
    assert identical(result.to_dict(), body)
    assert (result.status, result.message, result.result.id) == ("ok", body["message"], body["result"]["id"])
    if patched:
        assert result.result.updated_fields == body["result"]["updated_fields"]


@pytest.mark.parametrize("exchange", BAD, ids=label)
def test_a_recorded_error_raises_its_class_with_the_servers_words(flavour: Flavour, exchange: dict[str, Any]) -> None:
    with pytest.raises(APIStatusError) as raised:
        replay(flavour, exchange)
    error, response = raised.value, exchange["response"]
    body = response["body"]
    assert type(error) is STATUS_ERRORS[response["status"]]
    assert error.status_code == response["status"]
    assert error.method == exchange["request"]["method"]
    assert error.path == "/api/v1/memories/conversation-meta"
    assert error.operation == operation_id(f"v1.{NAMES[exchange['request']['method']]}")
    assert error.code == body.get("code")
    assert error.attempts == 1
    assert str(error).isprintable()
    for words in [body["message"]] if "message" in body else [item["msg"] for item in body["detail"]]:
        # The framework's own text, up to where it repeats a value that was sent.
        start = re.split(r"\[type=| '", " ".join(words.split()))[0]
        assert start in error.message
        assert start in str(error)
    for item, detail in zip(body.get("detail", ()), error.details, strict=True):
        assert set(detail) == {"loc", "msg", "type"}
        assert (detail["loc"], detail["type"]) == (item["loc"], item["type"])
        shown = f"{error!r} {error} {vars(error)}"
        for echoed in texts(item["input"]):
            assert f"'{echoed}'" not in shown.replace(repr(detail["loc"]), "")


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("Value error, Invalid name 'Bo'", "Bo"),
        ("Value error, 'Jane\\nDoe' has two lines", "Jane\nDoe"),
        ('Value error, "O\'Neil" has a quote', "O'Neil"),
        ("Value error, '\\u017belazny' is not ASCII", "Żelazny"),
        ("Value error, 5551234567 is not a name", 5551234567),
        ("Value error, Invalid user 'John Smith'", {"nested": [{"full_name": "John Smith"}]}),
        ("1 validation error [type=x, input_value='John Smith', input_type=str]", None),
        ("1 validation error [type=x, input_value={'a, input_type=': 'John Smith'}, input_type=dict]", None),
    ],
)
def test_what_a_422_repeats_of_the_request_is_not_repeated_by_its_error(
    flavour: Flavour, message: str, value: Any
) -> None:
    body = {"detail": [{"type": "value_error", "loc": ["body", "name"], "msg": message, "input": value}]}
    with pytest.raises(evermemos.UnprocessableEntityError) as raised:
        ask(flavour, "v1.update", body, 422)
    shown = f"{raised.value!r} {raised.value} {vars(raised.value)} {pickle.dumps(raised.value, 0)!r}"
    secrets = ["'Bo'", "Jane", "Doe", "Neil", "elazny", "5551234567", "John", "Smith"]
    assert [secret for secret in secrets if secret in shown] == []
    assert "error" in raised.value.details[0]["msg"]


def examples() -> Iterator[Any]:
    """Every example of a body in the specification, with the name of its schema and its operation."""

    def of(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        media = content["content"]["application/json"]
        values = [item["value"] for item in media.get("examples", {}).values()] + [media[k] for k in media if k == "example"]
        for value in values:
            yield media["schema"]["$ref"].rpartition("/")[2], value

    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            method = f"{path[5:7]}.{NAMES[verb.upper()]}"
            for schema, value in of(operation["responses"]["200"]):
                yield pytest.param("answer", method, schema, value, id=f"{method}-answer")
            for schema, value in of(operation["requestBody"]) if "requestBody" in operation else ():
                yield pytest.param("request", method, schema, value, id=f"{method}-request")
    for name, response in DOCUMENT["components"]["responses"].items():
        for schema, value in of(response):
            yield pytest.param("error", "", schema, value, id=name)


def test_the_specification_has_examples_of_every_request_and_answer() -> None:
    kinds = [(case.values[0], case.values[1]) for case in examples()]
    assert {method for kind, method in kinds if kind == "answer"} == set(METHODS)
    assert {method for kind, method in kinds if kind == "request"} == {m for m in METHODS if not m.endswith("get")}
    assert kinds.count(("answer", "v1.create")) >= 2
    assert kinds.count(("error", "")) >= 5


@pytest.mark.parametrize(("kind", "method", "schema", "value"), examples())
def test_a_published_example_comes_back_as_it_was(
    flavour: Flavour, kind: str, method: str, schema: str, value: Any
) -> None:
    assert identical(getattr(models, schema).from_dict(value).to_dict(), value)
    if kind == "answer":
        assert identical(ask(flavour, method, value).to_dict(), value)
    if kind == "request":
        sent: list[Any] = []
        reply = METHODS[method][1]
        client = flavour.client(lambda request: sent.append(json.loads(request.content)) or answer(reply))  # type: ignore[func-returns-value]
        flavour.call(find(client, method), **value)
        assert sent == [value]


def put(path: str, value: Any) -> Callable[[Any], Any]:
    """Set one place of a body, given as keys between dots."""

    def change(body: Any) -> Any:
        *outer, last = path.split(".")
        place = body
        for key in outer:
            place = place[key]
        place[last] = value
        return body

    return change


def drop(path: str) -> Callable[[Any], Any]:
    def change(body: Any) -> Any:
        *outer, last = path.split(".")
        place = body
        for key in outer:
            place = place[key]
        del place[last]
        return body

    return change


def become(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def inside(text: str) -> Callable[[Any], Any]:
    """Write a piece of JSON into a field of the result that may hold anything."""
    return lambda body: json.dumps(put("result.unknown", "@")(body)).replace('"@"', text)
