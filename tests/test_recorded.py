"""What the client makes of recorded answers, and of the examples that the specification publishes."""

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from conftest import ROOT, Flavour, answer
from evermemos_api import models
from methods import ask, operation_id
from test_models import identical
from test_operations import CALLS, method_of, operations, resolved

import evermemos
from evermemos import APIStatusError, NotFoundError

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
EXCHANGES = [
    json.loads(line) for line in (Path(__file__).parent / "data/real_server_v1_sample.jsonl").read_text().splitlines()
]
NAMES = {"POST": "create", "PATCH": "update", "GET": "get"}
STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: evermemos.BadRequestError,
    404: NotFoundError,
    422: evermemos.UnprocessableEntityError,
    500: evermemos.InternalServerError,
}


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
    assert type(result).__name__ == ("PatchConversationMetaResponse" if patched else "ConversationMetaEnvelope")
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
    secrets = ["'Bo'", "Jane", "Doe", "Neil", "5551234567", "John", "Smith"]
    assert [secret for secret in secrets if secret in shown] == []
    assert "error" in raised.value.details[0]["msg"]


def examples() -> Iterator[Any]:
    """Every example of a body in the specification, with the name of its schema, its operation and its status."""

    def of(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        media = resolved(DOCUMENT, content)["content"]["application/json"]
        values = [item["value"] for item in media.get("examples", {}).values()]
        for value in values + [media[key] for key in media if key == "example"]:
            # Of several that it may be, the client has to find out.
            yield media["schema"].get("$ref", "").rpartition("/")[2], value

    for name, (_, _, operation) in operations(DOCUMENT).items():
        for status in sorted(operation["responses"].keys() & {"200", "202"}):
            for schema, value in of(operation["responses"][status]):
                yield pytest.param("answer", name, schema, value, int(status), id=f"{name}-answer-{status}")
        for schema, value in of(operation["requestBody"]) if "requestBody" in operation else ():
            yield pytest.param("request", name, schema, value, 200, id=f"{name}-request")
    for name, response in DOCUMENT["components"]["responses"].items():
        for schema, value in of(response):
            yield pytest.param("error", "", schema, value, 0, id=name)


def test_the_specification_has_examples_of_every_request_and_answer() -> None:
    kinds = [(case.values[0], case.values[1]) for case in examples()]
    writes = {name for name, (_, _, operation) in operations(DOCUMENT).items() if "requestBody" in operation}
    assert {name for kind, name in kinds if kind == "answer"} == set(operations(DOCUMENT))
    assert {name for kind, name in kinds if kind == "request"} == writes
    assert kinds.count(("answer", "create_conversation_meta_v1")) >= 2
    assert kinds.count(("error", "")) >= 5


# By a distinguishing word of an example, what it is that was asked for.
ASKED = {"profile_data": "profile", "atomic_fact": "event_log", "foresight": "foresight"}


@pytest.mark.parametrize(("kind", "name", "schema", "value", "status"), list(examples()))
def test_a_published_example_comes_back_as_it_was(
    flavour: Flavour, kind: str, name: str, schema: str, value: Any, status: int
) -> None:
    if schema:
        assert identical(getattr(models, schema).from_dict(value).to_dict(), value)
    if kind == "answer":
        client = flavour.client(lambda _: answer(value, status))
        asked = next((word for field, word in ASKED.items() if f'"{field}"' in json.dumps(value)), "episodic_memory")
        arguments = CALLS[name][0] | ({"memory_type": asked} if name.startswith("get_memories_") else {})
        response = flavour.call(method_of(client, name), **arguments)
        assert identical(response.to_dict(), value)
        if name.startswith("get_memories_"):
            assert "Other" not in type(response.result.memories[0]).__name__
    if kind == "request":
        sent: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return answer(CALLS[name][1])

        flavour.call(method_of(flavour.client(handle), name), **value)
        assert identical(json.loads(sent[0].content), value)
