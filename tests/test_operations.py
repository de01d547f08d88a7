"""Every operation of the spec, as it goes out: wrapped once, with the right verb, path, query, headers and body."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer
from evermemos_api.operations import PARAMETERS
from evermemos_api.types import UNSET

from evermemos import AsyncEverMemOS, EverMemOS
from evermemos._async import resource
from evermemos._operation import Operation

METHODS = ("get", "put", "post", "delete", "patch")
# Arguments that belong to the call and not to the operation.
OPTIONS = {"timeout", "deadline", "max_retries", "extra_headers", "extra_query", "extra_body"}
# Arguments of the wrapper's own, by the method that has them.
OWN = {
    "v0.memories.conversation_meta.get": {"on_missing"},
    "v1.memories.conversation_meta.get": {"on_missing"},
    "v0.memories.add": {"repeat_unknown"},
    "v1.memories.add": {"repeat_unknown"},
    "v1.memories.load": {"repeat_unknown"},
    # Is refused, and says why.
    "v1.memories.get": {"offset"},
}
# Fields that a wrapper has no argument for: other names of one that it has.
LEFT_OUT = {"v0.memories.delete": {"id", "event_id"}, "v1.stats.request.get": {"x_request_id"}}
# Arguments that servers would take as left out, and that are of no use then.
NEEDED_HERE = {"v1.stats.request.get": {"request_id"}}
# What calls operations by way of other methods has tests of its own.
HANDLES = {"conversation", "default_conversation", "bulk"}
# Methods that call others.
OF_OTHERS = {"v0.memories.iter", "v0.status.request.wait", "v1.stats.request.wait"}

RECORD_V0 = {"status": "ok", "message": "m", "result": {"id": "507f1f77bcf86cd799439011", "group_id": None}}
USERS = {"user_001": {"full_name": "John Smith", "role": "user", "custom_role": "lead", "extra": {"team": "a"}}}
MODEL = {"provider": "openrouter", "model": "qwen/qwen3-235b-a22b-2507"}
MESSAGE = {
    "message_id": "msg_001",
    "create_time": "2025-01-15T10:00:00+00:00",
    "sender": "user_001",
    "content": "Let us keep it in one place.",
    "group_id": "group_1",
    "group_name": "Project",
    "sender_name": "John Smith",
    "role": "user",
    "refer_list": ["msg_000"],
}
MESSAGE_LOADED = {name: MESSAGE[name] for name in ("message_id", "create_time", "sender", "content", "role")}
TIMES = {"start_time": "2025-01-15T10:00:00+00:00", "end_time": "2025-01-16T10:00:00Z"}
SOUGHT = {
    "query": "what & where?",
    "memory_types": ["event_log", "foresight"],
    "retrieve_method": "hybrid",
    "include_metadata": False,
    "radius": 0.25,
    **TIMES,
    "current_time": "2025-01-17T10:00:00+01:00",
}
FORESIGHT = {"id": "f", "content": "c", "foresight": "c", "parent_id": "p", "parent_type": "episode"}
FOUND = {"memory_type": "event_log", "user_id": "user_001", "timestamp": TIMES["start_time"], "atomic_fact": ["a", "b"]}
STATUS = {"success": True, "found": True, "data": {"status": "start"}, "message": None}
# Arguments of every operation, all of them, and the answer. The body that goes out is the arguments, to the letter.
CALLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "create_conversation_meta_v0": (
        {
            "created_at": "2025-01-15T10:00:00+00:00",
            "scene": "assistant",
            "group_id": None,
            "name": "Project",
            "scene_desc": {"type": "personal"},
            "description": "About everything",
            "llm_custom_setting": {"boundary": MODEL, "extraction": None, "extra": {"a": 1}},
            "default_timezone": "UTC",
            "user_details": USERS,
            "tags": ["work"],
        },
        RECORD_V0,
    ),
    "update_conversation_meta_v0": (
        {
            "group_id": None,
            "name": "New",
            "description": "New",
            "scene_desc": {},
            "llm_custom_setting": {"extraction": MODEL},
            "tags": [],
            "user_details": USERS,
            "default_timezone": "Asia/Shanghai",
        },
        PATCHED,
    ),
    "get_conversation_meta_v0": ({"group_id": "group & co/é"}, RECORD_V0),
    "create_conversation_meta_v1": (
        {
            **CREATE_V1,
            "group_id": "group_123",
            "description": "About the project",
            "default_timezone": "UTC",
            "user_details": USERS,
            "tags": ["work"],
        },
        RECORD,
    ),
    "update_conversation_meta_v1": (
        {
            "group_id": "group_123",
            "name": "New",
            "description": None,
            "scene_desc": {"a": [1, None, {"b": 2.5}]},
            "tags": ["tag1", "tag2"],
            "user_details": USERS,
            "default_timezone": "Asia/Shanghai",
        },
        PATCHED,
    ),
    "get_conversation_meta_v1": ({"group_id": "group & co/é"}, RECORD),
    "add_memories_v0": ({**MESSAGE, "flush": True}, {"status": "ok", "message": "m", "request_id": "r"}),
    "get_memories_v0": (
        {
            "user_id": "user_001",
            "group_ids": ["group_1", "group 2"],
            "memory_type": "foresight",
            "page": 2,
            "page_size": 100,
            **TIMES,
        },
        {"result": {"memories": [FORESIGHT], "total_count": 101, "count": 1}},
    ),
    "search_memories_v0": (
        {"user_id": "user_001", "group_ids": ["group_1"], **SOUGHT, "top_k": -1},
        {"result": {"memories": [FOUND], "profiles": [], "total_count": 1}},
    ),
    "delete_memories_v0": (
        {"memory_id": "m", "user_id": "user_001", "group_id": "group_1"},
        {"result": {"filters": ["memory_id"], "count": 1}},
    ),
    "get_request_status_v0": ({"request_id": "r"}, STATUS),
    "add_memories_v1": (MESSAGE, {"result": {"saved_memories": [], "count": 0, "status_info": "accumulated"}}),
    "get_memories_v1": (
        {"user_id": "user_001", "group_id": "group_1", "memory_type": "foresight", "limit": 500, **TIMES},
        {"result": {"memories": [FORESIGHT], "total_count": 1, "has_more": False}},
    ),
    "search_memories_v1": (
        {"user_id": "user_001", "group_id": "group_1", **SOUGHT, "top_k": 100},
        {"result": {"memories": [{"group_1": [FOUND]}], "scores": [{"group_1": [0.5]}]}},
    ),
    "delete_memories_v1": (
        {"event_id": "m", "user_id": "user_001", "group_id": "group_1"},
        {"result": {"filters": ["event_id"], "count": 1}},
    ),
    "load_memories_v1": (
        {
            "version": "1.0",
            "conversation_meta": {"group_id": "group_1", "created_at": "2025-01-15T10:00:00+00:00"},
            "conversation_list": [MESSAGE_LOADED, {"create_time": 1736935200}],
        },
        {"status": "queued", "message": "m", "request_id": "r", "total_count": 2},
    ),
    "get_request_status_v1": ({"request_id": "r"}, STATUS),
    "get_health": ({}, {"status": "healthy", "timestamp": "2025-01-15T10:00:00+00:00", "message": "m"}),
}


def wrapped(client: object, path: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public method that calls the server, with its dotted path."""
    names = ("v0", "v1", "health") if not path else [name for name in dir(type(client)) if not name.startswith("_")]
    for name in names:
        if name == "with_raw_response" or name in HANDLES:
            continue
        member, place = getattr(client, name), f"{path}.{name}".lstrip(".")
        if inspect.ismethod(member):
            yield place, member
        else:
            yield from wrapped(member, place)


def called(method: Callable[..., Any]) -> list[str]:
    """The operations that a method names."""
    return [operation.name for operation in called_operations(method)]


def called_operations(method: Callable[..., Any]) -> list[Operation[Any]]:
    function = inspect.unwrap(method)
    names = {**vars(resource), **function.__globals__}
    found = (names.get(name) for name in function.__code__.co_names)
    return [each for each in found if isinstance(each, Operation)]


def method_of(client: object, operation: str) -> Callable[..., Any]:
    """The method that calls an operation."""
    return next(method for _, method in wrapped(client) if operation in called(method))


def operations(spec: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Verb, path and definition of every operation, by its id."""
    return {
        item[verb]["operationId"]: (verb.upper(), path, item[verb])
        for path, item in spec["paths"].items()
        for verb in item
        if verb in METHODS
    }


@pytest.mark.parametrize("operation", CALLS)
def test_what_goes_out_is_what_the_spec_says(operation: str, flavour: Flavour, spec: dict[str, Any]) -> None:
    seen: list[httpx.Request] = []
    arguments, body = CALLS[operation]
    verb, path, definition = operations(spec)[operation]

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(body)

    client = flavour.client(handler)
    result = flavour.call(method_of(client, operation), **arguments)

    (request,) = seen
    assert (request.method, request.url.scheme, request.url.host) == (verb, "https", "api.evermind.ai")
    assert request.url.path == path
    assert request.headers["authorization"] == "Bearer test-key"
    assert request.headers["accept"] == "application/json"
    assert not request.headers.get("cookie")
    if "requestBody" in definition:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == arguments
        assert not request.url.query
    else:
        assert request.content == b""
        sent = {name: request.url.params.get_list(name) for name in request.url.params}
        assert sent == {name: [as_text(item) for item in as_list(value)] for name, value in arguments.items()}
    assert result.to_dict() == body


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_operation_is_called_above(spec: dict[str, Any]) -> None:
    assert set(CALLS) == set(operations(spec))


@pytest.mark.parametrize("cls", [EverMemOS, AsyncEverMemOS])
def test_every_operation_is_wrapped_exactly_once(cls: Any, spec: dict[str, Any]) -> None:
    assert unmatched(wrapped(cls(api_key="k")), spec) == []


def unmatched(methods: Iterator[tuple[str, Callable[..., Any]]], spec: dict[str, Any]) -> list[str]:
    """What is missing or too much, a line each."""
    calls: dict[str, list[str]] = {operation: [] for operation in operations(spec)}
    for place, method in methods:
        for operation in called(method):
            calls.setdefault(operation, []).append(place)
        assert called(method) or place in OF_OTHERS, place
    lines = [f"{operation} is not wrapped" for operation, places in calls.items() if not places]
    return lines + [f"{operation} is wrapped by {places}" for operation, places in calls.items() if len(places) > 1]


def test_a_missing_wrapper_is_named(spec: dict[str, Any]) -> None:
    methods = wrapped(EverMemOS(api_key="k"))
    without = (pair for pair in methods if pair[0] != "v0.memories.conversation_meta.get")
    assert unmatched(without, spec) == ["get_conversation_meta_v0 is not wrapped"]


@pytest.mark.parametrize("operation", CALLS)
def test_arguments_are_the_fields_of_the_spec(operation: str, spec: dict[str, Any]) -> None:
    assert argument_faults(operation, spec) == []


def resolved(spec: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for key in node.get("$ref", "").split("/")[1:]:
        spec = spec[key]
    return spec if "$ref" in node else node


def argument_faults(operation: str, spec: dict[str, Any]) -> list[str]:
    """Where a wrapper's arguments and the fields of the spec differ, naming the wrapper method."""
    client = EverMemOS(api_key="k")
    method = method_of(client, operation)
    place = next(place for place, other in wrapped(client) if other == method)
    definition = operations(spec)[operation][2]
    given = (resolved(spec, parameter) for parameter in definition.get("parameters", []))
    fields = {each["name"].lower().replace("-", "_"): each["required"] for each in given}
    if "requestBody" in definition:
        reference = definition["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = spec["components"]["schemas"][reference.rpartition("/")[2]]
        fields = {name: name in schema.get("required", []) for name in schema["properties"]}
    fields = {name: needed for name, needed in fields.items() if name not in LEFT_OUT.get(place, ())}
    fields |= dict.fromkeys(NEEDED_HERE.get(place, ()), True)
    arguments = inspect.signature(method).parameters
    named = {name: p.default is p.empty for name, p in arguments.items() if name not in OPTIONS | OWN.get(place, set())}
    lines = [f"{place} has the argument {name!r}, which {operation} has not" for name in named.keys() - fields.keys()]
    lines += [f"{place} lacks the argument {name!r} of {operation}" for name in fields.keys() - named.keys()]
    lines += [
        f"{place}: {name!r} is {'' if fields[name] else 'not '}required by {operation}"
        for name in named.keys() & fields.keys()
        if named[name] is not fields[name]
    ]
    lines += [f"{place} takes {name!r} by position" for name, p in arguments.items() if p.kind != p.KEYWORD_ONLY]
    lines += [f"{place} lacks the option {name!r}" for name in OPTIONS - arguments.keys()]
    optional = (name for name, needed in named.items() if not needed)
    return lines + [
        f"{place}: {name!r} is sent when left out" for name in optional if arguments[name].default is not UNSET
    ]


def test_a_field_that_the_spec_lost_is_reported_with_the_wrapper(spec: dict[str, Any]) -> None:
    schemas = {**spec["components"]["schemas"]}
    update = {**schemas["UpdateConversationMetaV1Request"]}
    update["properties"] = {name: value for name, value in update["properties"].items() if name != "tags"}
    changed = {**spec, "components": {"schemas": {**schemas, "UpdateConversationMetaV1Request": update}}}
    (fault,) = argument_faults("update_conversation_meta_v1", changed)
    assert "v1.memories.conversation_meta.update" in fault
    assert "'tags'" in fault


@pytest.mark.parametrize("operation", CALLS)
def test_both_clients_have_the_same_methods(operation: str) -> None:
    sync, asynchronous = (method_of(cls(api_key="k"), operation) for cls in (EverMemOS, AsyncEverMemOS))
    assert inspect.signature(sync) == inspect.signature(asynchronous)
    assert inspect.getdoc(sync) == inspect.getdoc(asynchronous)
    assert inspect.iscoroutinefunction(asynchronous)
    assert not inspect.iscoroutinefunction(sync)


def test_both_clients_are_made_and_used_alike() -> None:
    twins = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
    names = {twins.get(name, name) for name in vars(AsyncEverMemOS)}
    assert names == set(vars(EverMemOS))
    for name in ("__init__", "with_options"):
        sync, asynchronous = (str(inspect.signature(getattr(cls, name))) for cls in (EverMemOS, AsyncEverMemOS))
        assert sync == asynchronous.replace("Async", "")


@pytest.mark.parametrize("operation", CALLS)
def test_every_method_says_what_it_does(operation: str) -> None:
    method = method_of(EverMemOS(api_key="k"), operation)
    text = inspect.getdoc(method) or ""
    assert operation in text
    described = [name for name in inspect.signature(method).parameters if name not in OPTIONS]
    assert [name for name in described if f"\n    {name}: " not in text] == []


@pytest.mark.parametrize("operation", CALLS)
def test_generated_modules_have_what_a_call_needs(operation: str, spec: dict[str, Any]) -> None:
    definition = operations(spec)[operation][2]
    module = importlib.import_module(f"evermemos_api.api.{definition['tags'][0].replace('-', '_')}.{operation}")
    expected = ({"body"} if "requestBody" in definition else set()) | PARAMETERS.get(operation, {}).keys()
    assert set(inspect.signature(module._get_kwargs).parameters) == expected
    assert list(inspect.signature(module._parse_response).parameters) == ["client", "response"]


@pytest.mark.parametrize("operation", PARAMETERS)
def test_the_limits_of_parameters_are_those_of_the_spec(operation: str, spec: dict[str, Any]) -> None:
    for given in operations(spec)[operation][2]["parameters"]:
        parameter = resolved(spec, given)
        limits = PARAMETERS[operation][parameter["name"].lower().replace("-", "_")]
        schema = resolved(spec, parameter["schema"])
        for key in ("type", "enum", "minimum", "maximum"):
            assert limits.get(key) == schema.get(key)
        assert limits.get("items", {}).get("enum") == resolved(spec, schema.get("items", {})).get("enum")
