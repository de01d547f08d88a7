"""The generated modules of operations by themselves: what they send, which model reads which answer, what they load."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from evermemos_api import models
from evermemos_api.types import DecodeError
from strategies import DOCUMENT

OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if isinstance(operation, dict)
]
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]
ACCEPTED = {"message": "M", "request_id": "r"}
QUEUED = {**ACCEPTED, "status": "queued"}
SAVED = {"status": "ok", "message": "M", "result": {"saved_memories": [], "count": 0, "status_info": "accumulated"}}


def module(name: str) -> Any:
    tag = next(operation["tags"][0] for _, _, operation in OPERATIONS if operation["operationId"] == name)
    return importlib.import_module(f"evermemos_api.api.{tag.replace('-', '_')}.{name}")


def sent(name: str, **arguments: Any) -> httpx.Request:
    """The request that httpx makes of what a generated module hands to it."""
    return httpx.Client(base_url="http://localhost").build_request(**module(name)._get_kwargs(**arguments))


def read(name: str, status: int, body: Any) -> Any:
    return module(name)._parse_response(client=None, response=httpx.Response(status, json=body))


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_a_request_is_what_the_spec_says(path: str, method: str, operation: dict[str, Any]) -> None:
    arguments, query, headers = {}, [], {}
    for parameter in map(resolved, operation.get("parameters", [])):
        value = example(parameter)
        arguments[parameter["name"].lower().replace("-", "_")] = value
        if parameter["in"] == "header":
            headers[parameter["name"]] = value
        else:
            query += [(parameter["name"], each) for each in (value if isinstance(value, list) else [value])]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    bodies = [body["value"] for body in content["examples"].values()] if content else [None]
    for body in bodies:
        if content:
            request_model = getattr(models, content["schema"]["$ref"].rpartition("/")[2])
            arguments["body"] = request_model.from_dict(body)
        request = sent(operation["operationId"], **arguments)
        assert (request.method, request.url.path) == (method.upper(), path)
        texts = [(name, str(each).lower() if isinstance(each, bool) else str(each)) for name, each in query]
        assert request.url.params.multi_items() == texts
        assert {name: request.headers[name] for name in headers} == headers
        assert json.loads(request.content or "null") == body


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        section, name = node["$ref"].split("/")[-2:]
        return DOCUMENT["components"][section][name]  # type: ignore[no-any-return]
    return node


def example(parameter: dict[str, Any]) -> Any:
    schema = resolved(parameter["schema"])
    if "example" in parameter:
        return parameter["example"]
    return schema["enum"][0] if "enum" in schema else {"integer": 1, "boolean": False}[schema["type"]]


def test_a_list_in_the_query_is_its_key_again_and_again() -> None:
    for version, groups in (("v0", {"group_ids": ["g", "h & i", "j"]}), ("v1", {"group_id": "g"})):
        kinds = ["episodic_memory", "event_log"]
        request = sent(f"search_memories_{version}", memory_types=kinds, top_k=0, include_metadata=False, **groups)
        expected = [("memory_types", kind) for kind in kinds] + [("top_k", "0"), ("include_metadata", "false")]
        values = groups.get("group_ids", ["g"])
        expected += [(name, value) for name in groups for value in values]
        assert sorted(request.url.params.multi_items()) == sorted(expected)
    assert sent("search_memories_v0", group_ids=[], memory_types=[]).url.query == b""


def test_what_is_not_given_is_not_sent() -> None:
    for name in ("get_memories_v0", "search_memories_v0", "get_memories_v1", "search_memories_v1"):
        assert sent(name).url.query == b""
    request = sent("get_request_status_v1")
    assert "x-request-id" not in request.headers
    assert not request.url.query


def test_a_request_id_goes_into_the_query_and_the_header() -> None:
    request = sent("get_request_status_v1", request_id="r", x_request_id="r")
    assert (request.url.query, request.headers["x-request-id"]) == (b"request_id=r", "r")


def examples() -> Iterator[tuple[str, int, Any]]:
    for _, _, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            media = resolved(response)["content"]["application/json"]
            shown = [media["example"]] if "example" in media else []
            shown += [each["value"] for each in media.get("examples", {}).values()]
            yield from ((operation["operationId"], int(status), body) for body in shown)


@pytest.mark.parametrize(("name", "status", "body"), list(examples()))
def test_every_example_of_an_answer_is_read_and_comes_back_as_it_was(name: str, status: int, body: Any) -> None:
    parsed = read(name, status, body)
    assert parsed.to_dict() == body
    assert isinstance(parsed, (models.ErrorResponse, models.ValidationErrorResponse)) == (status >= 400)


def test_every_operation_has_an_example_of_a_good_answer() -> None:
    assert {name for name, status, _ in examples() if status == 200} == set(NAMES)


@pytest.mark.parametrize(
    ("name", "status", "body", "kind"),
    [
        ("add_memories_v0", 200, QUEUED, models.AddMemoriesResponseV0),
        ("add_memories_v0", 202, ACCEPTED, models.AcceptedResponse),
        ("add_memories_v1", 200, SAVED, models.AddMemoriesResponse),
        ("add_memories_v1", 200, QUEUED, models.AcceptedResponse),
        ("add_memories_v1", 200, ACCEPTED, models.AcceptedResponse),
        ("add_memories_v1", 202, ACCEPTED, models.AcceptedResponse),
        ("add_memories_v1", 202, QUEUED, models.AcceptedResponse),
        ("load_memories_v1", 202, QUEUED | {"total_count": 2, "imported_meta": True}, models.LoadMemoriesResponse),
        ("load_memories_v1", 200, ACCEPTED, models.LoadMemoriesResponse),
        ("get_health", 200, {"status": "healthy"}, models.HealthResponse),
        ("get_request_status_v1", 200, {"success": True, "found": False, "data": None}, models.RequestStatusResponse),
    ],
)
def test_each_status_has_its_model(name: str, status: int, body: Any, kind: Any) -> None:
    parsed = read(name, status, body)
    assert type(parsed) is kind
    assert parsed.to_dict() == body


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, {"status": "ok"}, "$.message: expected str, got nothing"),
        (202, {"status": "ok"}, "$.message: expected str, got nothing"),
        (202, ACCEPTED | {"request_id": 5}, "$.request_id: expected null | str, got int 5"),
    ],
)
def test_an_answer_that_is_neither_is_refused_at_its_place(status: int, body: Any, problem: str) -> None:
    with pytest.raises(DecodeError) as raised:
        read("add_memories_v1", status, body)
    assert str(raised.value) == problem


@pytest.mark.parametrize("name", ["DeleteMemoriesV0Request", "DeleteMemoriesV1Request"])
def test_nothing_is_deleted_without_a_filter(name: str) -> None:
    for check in (getattr(models, name).check, getattr(models, name).from_dict):
        with pytest.raises(DecodeError) as raised:
            check({})
        assert str(raised.value) == "$: expected object with at least 1 field, got dict"
        check({"user_id": "u"})


@pytest.mark.process
@pytest.mark.parametrize("name", ["get_health", "add_memories_v1", "delete_memories_v0", "get_memories_v0"])
def test_an_operation_loads_its_own_models_alone(name: str) -> None:
    bodies = [body for operation, status, body in examples() if (operation, status) == (name, 200)]
    code = f"""
import importlib, json, sys
import httpx
module = importlib.import_module({module(name).__name__!r})
for body in json.loads(sys.stdin.read()):
    module._parse_response(client=None, response=httpx.Response(200, json=body))
print(*(name.rpartition(".")[2] for name in sys.modules if name.startswith("evermemos_api.models.")))
"""
    text = json.dumps(bodies)
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    own = {name.lower() for name in used(next(each for _, _, each in OPERATIONS if each["operationId"] == name))}
    assert {module.replace("_", "") for module in done.stdout.split()} <= own


def used(node: Any) -> set[str]:
    """Names of the components that a part of the spec refers to, over any number of steps."""
    if isinstance(node, list):
        return set[str]().union(*map(used, node))
    if not isinstance(node, dict):
        return set()
    if "$ref" in node:
        return {node["$ref"].rpartition("/")[2]} | used(resolved(node))
    return set[str]().union(*map(used, node.values()))
