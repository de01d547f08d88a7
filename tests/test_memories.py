"""Memories, from the side of those who call: pages, what was found, deletions, background work."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from conftest import Flavour, answer
from evermemos_api.models import (
    AcceptedResponse,
    AddMemoriesResponse,
    EpisodicMemory,
    EventLogMemory,
    ForesightMemory,
    OtherMemory,
    OtherSearchMemory,
    ProfileMemory,
    SearchEpisodicMemory,
    SearchEventLogMemory,
    SearchForesightMemory,
)
from evermemos_api.types import UNSET
from test_retries import Clock, clock

from evermemos import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    NotFoundError,
    RequestValidationError,
)

__all__ = ["clock"]
MESSAGE: dict[str, Any] = {
    "message_id": "msg_001",
    "create_time": datetime(2025, 1, 15, 10, tzinfo=UTC),
    "sender": "user_001",
    "content": "Let us keep it in one place.",
    "group_id": "group_1",
}
ITEMS: dict[type, dict[str, Any]] = {
    ProfileMemory: {"id": "p", "group_id": "group_1", "user_id": "user_001"},
    EpisodicMemory: {"id": "e", "episode_id": "e", "user_id": "user_001", "group_id": "group_1"},
    EventLogMemory: {
        "id": "l",
        "atomic_fact": "John keeps bees.",
        "parent_id": "e",
        "parent_type": "episode",
        "timestamp": "2025-01-15T10:00:00+00:00",
        "user_id": "user_001",
    },
    ForesightMemory: {"id": "f", "content": "c", "foresight": "c", "parent_id": "e", "parent_type": "episode"},
    OtherMemory: {"id": "n", "kind": "of another year"},
}
FOUND: dict[type, dict[str, Any]] = {
    SearchEpisodicMemory: {"memory_type": "episodic_memory", "timestamp": "t", "user_id": "u", "episode": "x"},
    SearchEventLogMemory: {"memory_type": "event_log", "timestamp": "t", "user_id": "u", "atomic_fact": ["x", "y"]},
    SearchForesightMemory: {"memory_type": "foresight", "timestamp": "t", "user_id": "u", "foresight": "x"},
    OtherSearchMemory: {"memory_type": "of another year", "timestamp": "t", "user_id": "u", "news": 5},
}


class Server:
    """Answers with what a function makes of a request, and keeps the requests."""

    def __init__(self, reply: Callable[[httpx.Request], Any]) -> None:
        self.reply = reply
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        made = self.reply(request)
        return made if isinstance(made, httpx.Response) else answer(made)


def always(reply: Any) -> Callable[[httpx.Request], Any]:
    return lambda _: reply


def listed(*items: Any, **more: Any) -> dict[str, Any]:
    return {"result": {"memories": list(items), **more}}


# Kinds


ASKED = {"profile": ProfileMemory, "event_log": EventLogMemory, "foresight": ForesightMemory}
ASKED["episodic_memory"] = EpisodicMemory
ALL = {name: value for item in ITEMS.values() for name, value in item.items()}


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("memory_type", ["", *ASKED])
def test_of_kinds_whose_fields_are_all_there_it_is_the_one_that_was_asked_for(
    flavour: Flavour, version: str, memory_type: Any
) -> None:
    client = flavour.client(Server(lambda _: listed(ALL)))
    asked = {"memory_type": memory_type} if memory_type else {}
    (found,) = flavour.call(getattr(client, version).memories.get, user_id="u", **asked).result.memories
    assert found.to_dict() == ALL
    assert type(found) is ASKED[memory_type or "episodic_memory"]


@pytest.mark.parametrize(
    ("memory_type", "item", "kind"),
    [
        # Passes for a profile, and is none.
        (UNSET, {"id": "e", "user_id": "u", "group_id": "g", "summary": "s"}, OtherMemory),
        ("episodic_memory", {"id": "e", "user_id": "u", "group_id": "g", "summary": "s"}, OtherMemory),
        ("foresight", {"id": "f", "user_id": "u", "group_id": "g", "content": "c"}, OtherMemory),
        # Servers may send others than they were asked for.
        ("profile", ITEMS[EventLogMemory], EventLogMemory),
        ("foresight", ITEMS[EpisodicMemory], EpisodicMemory),
        ("profile", ITEMS[OtherMemory], OtherMemory),
    ],
)
def test_an_item_without_the_fields_of_its_kind_is_never_taken_for_one_of_it(
    flavour: Flavour, memory_type: Any, item: dict[str, Any], kind: type
) -> None:
    client = flavour.client(Server(lambda _: listed(item)))
    (found,) = flavour.call(client.v0.memories.get, user_id="u", memory_type=memory_type).result.memories
    assert found.to_dict() == item
    assert type(found) is kind


def test_a_wrong_field_of_the_kind_that_was_asked_for_is_named_with_its_place(flavour: Flavour) -> None:
    item = {**ITEMS[EpisodicMemory], "memcell_count": "many"}
    client = flavour.client(Server(lambda _: listed(ITEMS[ProfileMemory], item)))
    with pytest.raises(APIResponseValidationError) as caught:
        flavour.call(client.v1.memories.get, user_id="u", memory_type="profile")
    assert caught.value.json_path == "$.result.memories[1].memcell_count"


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_an_answer_that_is_no_object_is_an_error_of_ours(flavour: Flavour, body: Any) -> None:
    client = flavour.client(Server(lambda _: httpx.Response(200, content=json.dumps(body))))
    with pytest.raises(APIResponseValidationError, match="expected object"):
        flavour.call(client.v1.memories.add, **MESSAGE)


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("kind", ITEMS)
def test_what_is_listed_is_of_its_kind_and_nothing_is_lost(flavour: Flavour, version: str, kind: type) -> None:
    item = {**ITEMS[kind], "unknown": {"a": [1]}}
    client = flavour.client(Server(lambda _: listed(item)))
    found: Any
    memory_type: Any = next((name for name, other in ASKED.items() if other is kind), "profile")
    get = getattr(client, version).memories.get
    (found,) = flavour.call(get, user_id="user_001", memory_type=memory_type).result.memories
    assert found.to_dict() == item
    assert type(found) is kind


@pytest.mark.parametrize("kind", FOUND)
def test_what_is_found_is_of_its_kind_with_its_group_and_score(flavour: Flavour, kind: type) -> None:
    item = {**FOUND[kind], "group_id": "group_1", "score": 0.5}
    replies = {"v0": listed(item), "v1": listed({"group_1": [item]}, scores=[{"group_1": [0.5]}])}
    memory: Any
    for version, reply in replies.items():
        client = flavour.client(Server(always(reply)))
        result = flavour.call(getattr(client, version).memories.search, user_id="u", query="x").result
        ((group_id, score, memory),) = result.hits()
        assert (group_id, score, type(memory)) == ("group_1", 0.5, kind)
        assert memory.to_dict() == item


def test_hits_go_through_all_groups_in_the_order_of_the_server(flavour: Flavour) -> None:
    def item(name: str) -> dict[str, Any]:
        return {**FOUND[SearchEventLogMemory], "id": name}

    reply = listed(
        {"group_2": [item("a"), item("b")]},
        {"group_1": [item("c")], "group_3": [item("d")]},
        # Fewer scores than memories.
        scores=[{"group_2": [0.9, 0.8]}, {"group_1": [0.7]}],
    )
    client = flavour.client(Server(lambda _: reply))
    hits = list(flavour.call(client.v1.memories.search, group_id="group_1").result.hits())
    assert [(hit.group_id, hit.score, hit.memory.id) for hit in hits] == [
        ("group_2", 0.9, "a"),
        ("group_2", 0.8, "b"),
        ("group_1", 0.7, "c"),
        ("group_3", None, "d"),
    ]


# Pages


def pages(total: int, size: int, *, says_total: bool = True, largest: int = 100) -> Server:
    """A server with memories that are numbered."""

    def reply(request: httpx.Request) -> Any:
        page, page_size = (int(request.url.params[name]) for name in ("page", "page_size"))
        assert page_size == size
        step = min(size, largest)
        numbers = range(total)[(page - 1) * step : page * step]
        items = [{**ITEMS[EpisodicMemory], "id": str(number)} for number in numbers]
        return listed(*items, **({"total_count": total} if says_total else {}))

    return Server(reply)


def read(flavour: Flavour, iterator: Any) -> list[Any]:
    async def run() -> list[Any]:
        return [memory async for memory in iterator]

    found: list[Any] = list(iterator) if flavour.name == "sync" else flavour.call(run)
    return found


@pytest.mark.parametrize("says_total", [True, False])
@pytest.mark.parametrize(
    ("total", "asked"), [(0, 1), (1, 1), (9, 1), (10, 2), (11, 2), (19, 2), (20, 3), (25, 3), (101, 11)]
)
def test_all_pages_are_read_in_order_and_once(flavour: Flavour, total: int, asked: int, says_total: bool) -> None:
    server = pages(total, 10, says_total=says_total)
    iterator = flavour.client(server).v0.memories.iter(user_id="user_001", page_size=10)
    assert (iterator.total, server.requests) == (None, [])
    assert [memory.id for memory in read(flavour, iterator)] == [str(number) for number in range(total)]
    # A full last page may be all, or the server may have counted no further.
    assert (len(server.requests), iterator.pages) == (asked, asked)
    assert iterator.total == (total if says_total else None)
    assert all(request.url.params["user_id"] == "user_001" for request in server.requests)


def test_a_server_whose_pages_are_smaller_than_asked_for_is_read_to_the_end(flavour: Flavour) -> None:
    server = pages(25, 100, largest=10)
    found = read(flavour, flavour.client(server).v0.memories.iter())
    assert [memory.id for memory in found] == [str(number) for number in range(25)]


@pytest.mark.parametrize("total", [UNSET, 3, 1_000])
def test_a_server_that_sends_the_same_page_again_is_asked_no_more(flavour: Flavour, total: Any) -> None:
    items = [{**ITEMS[EpisodicMemory], "id": name} for name in "abc"]
    server = Server(lambda _: listed(*items, **({} if total is UNSET else {"total_count": total})))
    found = read(flavour, flavour.client(server).v0.memories.iter(page_size=3))
    assert [memory.id for memory in found] == ["a", "b", "c"]
    assert len(server.requests) == 2


def test_pages_are_read_only_as_they_are_needed(flavour: Flavour) -> None:
    server = pages(1_000_000, 100)
    iterator = flavour.client(server).v0.memories.iter()
    step = iterator.__next__ if flavour.name == "sync" else iterator.__anext__
    for number in range(201):
        assert flavour.call(step).id == str(number)
    assert len(server.requests) == 3


def test_an_error_in_the_middle_is_raised_and_what_came_before_was_given(flavour: Flavour) -> None:
    good = pages(100, 10)
    server = Server(lambda request: answer({}, 404) if request.url.params["page"] == "3" else good(request))
    iterator = flavour.client(server).v0.memories.iter(page_size=10)
    step = iterator.__next__ if flavour.name == "sync" else iterator.__anext__
    assert [flavour.call(step).id for _ in range(20)] == [str(number) for number in range(20)]
    with pytest.raises(NotFoundError):
        flavour.call(step)


def test_v1_has_no_offset_and_says_so(flavour: Flavour) -> None:
    for validate in (True, False):
        server = Server(lambda _: listed())
        client = flavour.client(server, validate=validate)
        with pytest.raises(RequestValidationError, match="servers ignore it") as caught:
            flavour.call(client.v1.memories.get, user_id="u", offset=10)
        assert (caught.value.field, server.requests) == ("offset", [])
    assert not hasattr(flavour.client().v1.memories, "iter")


# Deletions

DELETE = {"v0": ("memory_id", "user_id", "group_id"), "v1": ("event_id", "user_id", "group_id")}


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_deletion_that_servers_would_widen_is_refused(flavour: Flavour, version: str, validate: bool) -> None:
    server = Server(lambda _: {"result": {"filters": [], "count": 0}})
    delete = getattr(flavour.client(server, validate=validate), version).memories.delete
    wrong: list[dict[str, Any]] = [{}, dict.fromkeys(DELETE[version], UNSET)]
    for name in DELETE[version]:
        wrong += [{name: value} for value in (None, "", "  ", "\n")]
        wrong += [{"user_id": "u", "group_id": "g", name: value} for value in (None, "")]
        wrong += [{"extra_body": {name: value}} for value in (None, "")]
        wrong += [{"user_id": "u", "extra_body": {name: value}} for value in (None, "")]
    for arguments in wrong:
        with pytest.raises(RequestValidationError, match="Nothing was sent"):
            flavour.call(delete, **arguments)
    assert server.requests == []
    assert flavour.call(delete, user_id="u").result.count == 0


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_there_is_no_way_to_delete_all(flavour: Flavour, version: str) -> None:
    delete = getattr(flavour.client(), version).memories.delete
    with pytest.raises(TypeError):
        flavour.call(delete, all=True)


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_deletion_is_sent_once_and_says_how_many(flavour: Flavour, version: str) -> None:
    server = Server(lambda _: {"result": {"filters": ["user_id"], "count": 7}})
    response = flavour.call(getattr(flavour.client(server), version).memories.delete, user_id="u", group_id="g")
    assert (response.result.count, response.result.filters) == (7, ["user_id"])
    (request,) = server.requests
    assert json.loads(request.content) == {"user_id": "u", "group_id": "g"}


# Messages


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("more", [{}, {"status": "queued"}])
def test_a_message_that_is_worked_on_in_the_background_is_a_success_of_its_own_type(
    flavour: Flavour, version: str, status: int, more: dict[str, str]
) -> None:
    body = {"message": "accepted", "request_id": "r1", **more}
    client = flavour.client(Server(lambda _: answer(body, status)))
    response = flavour.call(getattr(client, version).memories.add, **MESSAGE)
    assert response.request_id == "r1"
    assert response.to_dict() == body
    if version == "v1" or status == 202:
        assert isinstance(response, AcceptedResponse)


def test_what_became_of_a_message_is_typed(flavour: Flavour) -> None:
    body = {"status": "ok", "result": {"saved_memories": [], "count": 1, "status_info": "extracted"}}
    response = flavour.call(flavour.client(Server(lambda _: body)).v1.memories.add, **MESSAGE)
    assert isinstance(response, AddMemoriesResponse)
    assert (response.result.count, response.result.status_info) == (1, "extracted")


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("repeat_unknown", [False, True])
def test_a_message_is_sent_again_after_an_unknown_outcome_only_if_the_caller_says_so(
    flavour: Flavour, clock: Clock, version: str, repeat_unknown: bool
) -> None:
    def reply(_: httpx.Request) -> Any:
        if len(server.requests) < 3:
            raise httpx.ReadError("cut")
        return answer({"message": "m", "request_id": "r"}, 202)

    server = Server(reply)
    add = getattr(flavour.client(server), version).memories.add
    if repeat_unknown:
        assert flavour.call(add, **MESSAGE, repeat_unknown=True).request_id == "r"
        assert len(server.requests) == 3
        assert len({request.content for request in server.requests}) == 1
    else:
        with pytest.raises(APIConnectionError) as caught:
            flavour.call(add, **MESSAGE)
        assert (caught.value.outcome_unknown, len(server.requests)) == (True, 1)


def test_a_message_that_was_sent_again_in_vain_has_an_unknown_outcome_still(flavour: Flavour, clock: Clock) -> None:
    server = Server(lambda _: answer({}, 500))
    with pytest.raises(Exception, match="500") as caught:
        flavour.call(flavour.client(server).v1.memories.add, **MESSAGE, repeat_unknown=True)
    assert (getattr(caught.value, "outcome_unknown", None), len(server.requests)) == (True, 3)


TIMES = ["now", "", "2025-01-15", "2025-01-15T10:00:00", datetime(2025, 1, 15, 10), "2025-13-15T10:00:00Z"]  # noqa: DTZ001


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_servers_would_take_for_now_is_refused(flavour: Flavour, time: Any) -> None:
    server = Server(lambda _: {})
    client = flavour.client(server)
    message = {**MESSAGE, "create_time": time}
    loaded = {name: value for name, value in message.items() if name != "group_id"}
    calls: list[tuple[str, Any, dict[str, Any]]] = [
        ("create_time", client.v0.memories.add, message),
        ("create_time", client.v1.memories.add, message),
        (
            "conversation_list[1].create_time",
            client.v1.memories.load,
            {"conversation_meta": {"group_id": "g"}, "conversation_list": [{}, loaded]},
        ),
        (
            "conversation_meta.created_at",
            client.v1.memories.load,
            {"conversation_meta": {"group_id": "g", "created_at": time}},
        ),
    ]
    calls += [
        (name, method, {"user_id": "u", name: time})
        for name in ("start_time", "end_time")
        for method in (
            client.v0.memories.get,
            client.v0.memories.search,
            client.v1.memories.get,
            client.v1.memories.search,
        )
    ]
    calls += [
        ("current_time", method, {"user_id": "u", "current_time": time})
        for method in (client.v0.memories.search, client.v1.memories.search)
    ]
    for field, method, arguments in calls:
        with pytest.raises(RequestValidationError) as caught:
            flavour.call(method, **arguments)
        assert caught.value.field == field
    assert server.requests == []


# What queries may hold

QUERIES: list[tuple[str, dict[str, Any], str, str]] = [
    ("v0.get", {"page": 0}, "page", "at least 1"),
    ("v0.get", {"page_size": 0}, "page_size", "1 to 100"),
    ("v0.get", {"page_size": 101}, "page_size", "1 to 100"),
    ("v0.get", {"page": True}, "page", "int"),
    ("v0.get", {"page": 1.5}, "page", "int"),
    ("v0.get", {"page": "1"}, "page", "int"),
    ("v0.get", {"memory_type": "episode"}, "memory_type", "'episodic_memory'"),
    ("v0.get", {"memory_type": ["profile"]}, "memory_type", "str"),
    ("v0.get", {"group_ids": "group_1"}, "group_ids", "a list of str"),
    ("v0.get", {"group_ids": []}, "group_ids", "a list of str"),
    ("v0.get", {"group_ids": ["group_1", ""]}, "group_ids", "take for all"),
    ("v0.get", {"group_ids": [1]}, "group_ids", "str"),
    ("v0.get", {"user_id": ""}, "user_id", "take for all"),
    ("v0.get", {"user_id": " \t"}, "user_id", "take for all"),
    ("v0.get", {"user_id": None}, "user_id", "Leave it out"),
    ("v0.search", {"top_k": -2}, "top_k", "-1 to 100"),
    ("v0.search", {"top_k": 101}, "top_k", "-1 to 100"),
    ("v0.search", {"radius": 1.01}, "radius", "0 to 1"),
    ("v0.search", {"radius": -0.01}, "radius", "0 to 1"),
    ("v0.search", {"radius": float("nan")}, "radius", "nan"),
    ("v0.search", {"radius": "0.5"}, "radius", "number"),
    ("v0.search", {"include_metadata": "yes"}, "include_metadata", "bool"),
    ("v0.search", {"include_metadata": 1}, "include_metadata", "bool"),
    ("v0.search", {"memory_types": ["profile", "all"]}, "memory_types", "'foresight'"),
    ("v0.search", {"memory_types": "profile"}, "memory_types", "a list of str"),
    ("v0.search", {"retrieve_method": "lucky"}, "retrieve_method", "'agentic'"),
    ("v0.search", {"query": 5}, "query", "str"),
    ("v1.get", {"user_id": "u", "limit": 0}, "limit", "1 to 500"),
    ("v1.get", {"user_id": "u", "limit": 501}, "limit", "1 to 500"),
    ("v1.get", {}, "", "user_id or group_id"),
    ("v1.get", {"group_id": None}, "group_id", "Leave it out"),
    ("v1.get", {"group_id": " "}, "group_id", "no group"),
    ("v1.search", {"query": "x"}, "", "user_id or group_id"),
    ("v1.search", {"user_id": "u", "top_k": 0}, "top_k", "1 to 100"),
    ("v1.search", {"user_id": "u", "top_k": -1}, "top_k", "1 to 100"),
]


@pytest.mark.parametrize(("method", "arguments", "field", "says"), QUERIES)
def test_a_query_outside_of_its_limits_is_refused(
    flavour: Flavour, method: str, arguments: dict[str, Any], field: str, says: str
) -> None:
    server = Server(lambda _: listed())
    version, _, name = method.partition(".")
    call = getattr(getattr(flavour.client(server), version).memories, name)
    with pytest.raises(RequestValidationError) as caught:
        flavour.call(call, **arguments)
    assert caught.value.field == field
    assert says in str(caught.value)
    assert server.requests == []


def test_unchecked_queries_go_out(flavour: Flavour) -> None:
    server = Server(lambda _: listed())
    client = flavour.client(server, validate=False)
    flavour.call(client.v1.memories.get, limit=1000, memory_type="of another year")
    assert dict(server.requests[0].url.params) == {"limit": "1000", "memory_type": "of another year"}


# Request status


def status(word: str | None = None, *, found: bool = True, **more: Any) -> dict[str, Any]:
    return {"success": True, "found": found, "data": {"status": word} if word else None, "message": None, **more}


def request_status(client: Any, version: str) -> Any:
    return client.v0.status.request if version == "v0" else client.v1.stats.request


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("end", ["success", "failed"])
def test_waiting_ends_when_the_work_does(flavour: Flavour, clock: Clock, version: str, end: str) -> None:
    server = Server(lambda _: status("start" if len(server.requests) < 6 else end))
    response = flavour.call(request_status(flavour.client(server), version).wait, "r1")
    assert response.data["status"] == end
    assert len(server.requests) == 6
    assert {request.url.params["request_id"] for request in server.requests} == {"r1"}
    assert clock.waits == sorted(clock.waits)
    assert len(set(clock.waits)) == 5
    if version == "v1":
        assert {request.headers["x-request-id"] for request in server.requests} == {"r1"}


def test_waiting_grows_up_to_five_seconds(flavour: Flavour, clock: Clock) -> None:
    server = Server(lambda _: status("start" if clock.passed < 300 else "success"))
    flavour.call(request_status(flavour.client(server), "v0").wait, "r1", timeout=None)
    assert max(clock.waits) == 5.0


def test_waiting_has_an_end(flavour: Flavour, clock: Clock) -> None:
    server = Server(lambda _: status("start"))
    with pytest.raises(APITimeoutError, match=r"not worked off after 10 s: its status is 'start'"):
        flavour.call(request_status(flavour.client(server), "v0").wait, "r1", timeout=10)
    assert clock.passed <= 10


def test_a_pause_that_lasts_too_long_ends_as_any_other(
    flavour: Flavour, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "sleep", lambda seconds: setattr(clock, "passed", clock.passed + 100))
    monkeypatch.setattr("time.sleep", lambda seconds: clock.sleep(seconds))
    server = Server(lambda _: status("start"))
    with pytest.raises(APITimeoutError):
        flavour.call(request_status(flavour.client(server), "v0").wait, "r1", timeout=10)


def test_a_request_that_the_server_does_not_know_is_reported_as_such(flavour: Flavour, clock: Clock) -> None:
    server = Server(lambda _: status(found=False))
    response = flavour.call(request_status(flavour.client(server), "v0").wait, "r1")
    assert (response.found, len(server.requests)) == (False, 3)


def test_a_request_that_the_server_does_not_know_yet_is_waited_for(flavour: Flavour, clock: Clock) -> None:
    server = Server(lambda _: status(found=False) if len(server.requests) < 3 else status("success"))
    assert flavour.call(request_status(flavour.client(server), "v0").wait, "r1").found


def test_a_server_that_could_not_look_does_not_say_that_there_is_nothing(flavour: Flavour, clock: Clock) -> None:
    server = Server(lambda _: status(found=False, success=False) if len(server.requests) < 8 else status("success"))
    assert flavour.call(request_status(flavour.client(server), "v0").wait, "r1").found


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("request_id", ["", " ", "a\r\nb", "ä", 5, None])
def test_an_id_that_cannot_be_is_refused(flavour: Flavour, version: str, request_id: Any) -> None:
    server = Server(lambda _: status())
    for method in ("get", "wait"):
        call = getattr(request_status(flavour.client(server), version), method)
        with pytest.raises(RequestValidationError) as caught:
            flavour.call(call, request_id=request_id)
        assert caught.value.field == "request_id"
    assert server.requests == []
