"""The sandbox and a real server give the client the same answers.

Run against a server of your own with EVERMEMOS_TEST_BASE_URL, and EVERMEMOS_TEST_API_KEY if it asks for a key. Its
records are shared and cannot be deleted: tests make groups of their own, and put the default record right again.
"""

import contextlib
import os
import socket
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import CREATE_V1, Flavour
from methods import CREATE_V0, find

from evermemos import (
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    ScopeMismatchError,
    UnprocessableEntityError,
)
from evermemos.sandbox import Sandbox

# Read before the fixture `clean_environment` takes them away.
REAL_URL = os.environ.get("EVERMEMOS_TEST_BASE_URL")
REAL_KEY = os.environ.get("EVERMEMOS_TEST_API_KEY")
KEY = "test-key"
# A key that goes over plain http to another machine is the choice of who set the variables.
pytestmark = [
    pytest.mark.socket,
    pytest.mark.filterwarnings("ignore:the API key is sent unencrypted:UserWarning"),
]

SAVED, READ = "Conversation metadata saved successfully", "Conversation metadata retrieved successfully"
NOTHING = "No fields need updating"
USERS = {"u": {"full_name": "U", "role": "user", "extra": {"custom_role": "lead", "n": [1, {"x": None}]}}}
FULL: dict[str, Any] = {
    "description": "D",
    "default_timezone": "Europe/Paris",
    "user_details": USERS,
    "tags": ["a", "b"],
    "scene_desc": {"type": "work", "bot_ids": ["b"]},
}
UPDATABLE = ["name", "description", "scene_desc", "tags", "default_timezone", "user_details"]
SETTINGS = ("scene", "scene_desc", "name", "description", "version", "default_timezone", "user_details", "tags")
LLM: dict[str, Any] = {"boundary": {"provider": "p", "model": "m"}}


@pytest.fixture
def flavour(both_flavours: Flavour) -> Flavour:
    return both_flavours


@pytest.fixture
def reachable(request: pytest.FixtureRequest, reachable: set[str]) -> set[str]:
    """Let the tests of the real server through to that server."""
    if request.node.callspec.params["server"] == "real":
        url = urllib.parse.urlsplit(REAL_URL or "")
        reachable |= {str(found[4][0]) for found in socket.getaddrinfo(url.hostname, url.port or 443)}
    return reachable


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, dict[str, Any]]]:
    """Where the servers are. Each outlives a test, so that no test can count on an empty one."""
    with Sandbox(api_key=KEY) as sandbox, Sandbox(api_key=KEY) as served, served.serve() as url:
        yield {
            "in process": {"base_url": sandbox, "api_key": KEY},
            "http": {"base_url": url, "api_key": KEY},
            "real": {"base_url": REAL_URL, "api_key": REAL_KEY},
        }


class Talk:
    """A client of one server, sync or async, and its methods by name: "v1.get"."""

    def __init__(self, flavour: Flavour, settings: dict[str, Any]) -> None:
        self.flavour = flavour
        self.client = flavour.client(**settings, validate=False)

    def __call__(self, method: str, /, **arguments: Any) -> Any:
        return self.flavour.call(find(self.client, method), **arguments)

    def create(self, group_id: str | None, **fields: Any) -> Any:
        """Set a record of v1."""
        return self("v1.create", **{**CREATE_V1, "group_id": group_id, **fields}).result

    def record(self, group_id: str | None = None) -> dict[str, Any]:
        """Read a record of v1, which must be the group's own."""
        record: dict[str, Any] = self("v1.get", group_id=group_id, on_missing="error").result.to_dict()
        assert (record["group_id"], record["is_default"]) == (group_id, group_id is None)
        return record

    def create_v0(self, group_id: str, **fields: Any) -> Any:
        """Set the record of a group on v0, which the published interface does not offer."""
        extra = {"group_id": group_id, "name": "N", **fields.pop("extra_body", {})}
        return self("v0.create", **{**CREATE_V0, "scene": None, **fields}, extra_body=extra).result

    def record_v0(self, group_id: str) -> dict[str, Any]:
        record: dict[str, Any] = self("v0.get", extra_query={"group_id": group_id}).result.to_dict()
        assert record["group_id"] == group_id
        return record


@pytest.fixture(params=["in process", "http", *(["real"] if REAL_URL else [])])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def talk(flavour: Flavour, server: str, servers: dict[str, dict[str, Any]]) -> Talk:
    return Talk(flavour, servers[server])


def unheard_of() -> str:
    return f"congruence-{uuid.uuid4()}"


@pytest.fixture
def group(talk: Talk) -> str:
    """A group with a record of its own on v1."""
    group_id = unheard_of()
    talk.create(group_id, **FULL)
    return group_id


@pytest.fixture
def default(talk: Talk) -> Iterator[str]:
    """The id of the default record of v1, which is there during the test and afterwards as it was."""
    try:
        before = talk.record()
    except NotFoundError:
        before = {}
    yield talk.create(None, name="Default").id
    if before:
        given = {name: before[name] for name in SETTINGS if before.get(name) is not None}
        talk.create(None, **given, created_at=before["conversation_created_at"])


@pytest.fixture
def v0(talk: Talk, server: str) -> Talk:
    """The way to a server that has /api/v0."""
    try:
        talk("v0.get")
    except NotFoundError as error:
        if server == "real" and error.message == "Not Found":
            pytest.skip("this server does not serve /api/v0")
    return talk


@pytest.fixture
def default_v0(v0: Talk) -> Iterator[str]:
    """As `default`, on v0. What was null before is empty afterwards: a merge cannot bring null back."""
    try:
        before = v0("v0.get").result.to_dict()
    except NotFoundError:
        before = {}
    yield v0("v0.create", **CREATE_V0, scene_desc={}).result.id
    if before:
        names = ("scene", "description", "default_timezone", "llm_custom_setting", "user_details", "tags")
        given = {name: before[name] for name in names if before.get(name) is not None}
        given |= {"created_at": before["conversation_created_at"], "scene_desc": before.get("scene_desc") or {}}
        v0("v0.create", **given)


# v1: round trips


def test_a_record_comes_back_as_it_was_sent(talk: Talk) -> None:
    group_id = unheard_of()
    answer = talk("v1.create", **{**CREATE_V1, **FULL}, group_id=group_id)
    assert (answer.status, answer.message) == ("ok", SAVED)
    read = talk("v1.get", group_id=group_id)
    assert (read.status, read.message) == ("ok", READ)
    for record in (answer.result.to_dict(), talk.record(group_id)):
        assert record["id"] == answer.result.id
        assert {name: record[name] for name in FULL} == FULL
        assert [record[name] for name in ("scene", "name", "version")] == ["group_chat", CREATE_V1["name"], "1.0"]


def test_the_time_of_the_conversation_is_not_the_time_of_the_record(talk: Talk, group: str) -> None:
    record = talk.record(group)
    assert record["conversation_created_at"] == CREATE_V1["created_at"] != record["created_at"]
    talk("v1.create", **{n: record[n] for n in SETTINGS}, group_id=group, created_at=record["created_at"])
    assert talk.record(group)["conversation_created_at"] == record["created_at"]


@pytest.mark.parametrize("nothing", [{}, dict.fromkeys(["description", "default_timezone", "user_details", "tags"])])
def test_create_replaces_a_record_whole(talk: Talk, group: str, nothing: dict[str, Any]) -> None:
    before = talk.record(group)
    talk.create(group, name="New", version="2.0", scene="assistant", **nothing)
    after = talk.record(group)
    assert [after[name] for name in ("name", "version", "scene", "scene_desc")] == ["New", "2.0", "assistant", {}]
    empty: dict[str, Any] = {"description": None, "default_timezone": None, "user_details": {}, "tags": []}
    assert {name: after[name] for name in empty} == empty
    assert [after[name] for name in ("id", "created_at")] == [before[name] for name in ("id", "created_at")]


def test_update_names_what_it_wrote_in_the_servers_order(talk: Talk, group: str) -> None:
    new = {"name": "New", "description": "New", "scene_desc": {"x": 1}, "tags": ["c"]}
    new |= {"default_timezone": "UTC", "user_details": {"v": {"full_name": "V", "role": "assistant", "extra": {}}}}
    answer = talk("v1.update", group_id=group, **dict(reversed(new.items())))
    assert answer.message == "Conversation metadata updated successfully, updated 6 fields"
    assert answer.result.updated_fields == UPDATABLE
    assert (answer.result.group_id, answer.result.scene, answer.result.name) == (group, "group_chat", "New")
    after = talk.record(group)
    assert {name: after[name] for name in new} == new


@pytest.mark.parametrize("fields", [{}, dict.fromkeys(UPDATABLE)])
def test_null_leaves_alone(talk: Talk, group: str, fields: dict[str, Any]) -> None:
    before = talk.record(group)
    answer = talk("v1.update", group_id=group, **fields)
    assert (answer.status, answer.message) == ("ok", NOTHING)
    unchanged = {"id": before["id"], "group_id": group, "updated_fields": []}
    assert answer.result.to_dict() == {**unchanged, "scene": None, "name": None, "updated_at": None}
    assert talk.record(group) == before


@pytest.mark.parametrize(
    ("field", "empty"),
    [
        ("name", ""),
        ("description", ""),
        ("default_timezone", ""),
        ("tags", []),
        ("scene_desc", {}),
        ("user_details", {}),
    ],
)
def test_empty_clears(talk: Talk, group: str, field: str, empty: Any) -> None:
    before = talk.record(group)
    assert before[field] != empty
    assert talk("v1.update", group_id=group, **{field: empty}).result.updated_fields == [field]
    assert talk.record(group) == {**before, field: empty}


def test_updated_at_stands_still(talk: Talk, group: str) -> None:
    before = talk.record(group)
    # So many that a clock of milliseconds would show one of them.
    for number in range(20):
        result = talk("v1.update", group_id=group, description=str(number)).result
    talk.create(group)
    assert result.updated_at == talk.record(group)["updated_at"] == before["updated_at"]


# v1, participants


def test_what_is_kept_of_a_participant(talk: Talk, group: str) -> None:
    user = {"full_name": "U", "role": "user", "custom_role": "lead", "email": "e", "extra": {"custom_role": "lead"}}
    kept = {"u": {"full_name": "U", "role": "user", "extra": {"custom_role": "lead"}}}
    talk("v1.update", group_id=group, user_details={"u": user})
    assert talk.record(group)["user_details"] == kept
    talk.create(group, user_details={"u": user})
    assert talk.record(group)["user_details"] == kept


@pytest.mark.parametrize("user", [{"role": "user"}, {"full_name": None}])
def test_a_participant_needs_a_name(talk: Talk, group: str, user: dict[str, Any]) -> None:
    before = talk.record(group)
    with pytest.raises(BadRequestError) as raised:
        talk("v1.update", group_id=group, user_details={"u": user})
    assert (raised.value.status_code, raised.value.code) == (400, "HTTP_ERROR")
    assert "full_name Input should be a valid string" in raised.value.message
    with pytest.raises(BadRequestError):
        talk.create(group, user_details={"u": user})
    assert talk.record(group) == before


@pytest.mark.parametrize("role", ["USER", "Assistant"])
def test_a_role_in_any_letter_case(talk: Talk, group: str, role: str) -> None:
    talk("v1.update", group_id=group, user_details={"u": {"full_name": "U", "role": role}})
    assert talk.record(group)["user_details"]["u"]["role"].lower() == role.lower()


# v1: which record


def test_an_unknown_group_reads_the_default_record(talk: Talk, default: str) -> None:
    group_id = unheard_of()
    answer = talk("v1.get", group_id=group_id)
    assert answer.message == "Using default config"
    assert (answer.result.id, answer.result.group_id, answer.result.is_default) == (default, None, True)
    assert talk("v1.get").message == READ
    with pytest.raises(NotFoundError, match=group_id):
        talk("v1.get", group_id=group_id, on_missing="error")


def test_there_is_one_default_record(talk: Talk, default: str) -> None:
    assert talk.create(None, name="Another").id == talk("v1.update", name="Third").result.id == default
    assert talk.record()["name"] == "Third"


@pytest.mark.parametrize("twist", ["{}x", "{} ", " {}", "{:upper}", ""])
def test_ids_are_exact_and_an_update_of_an_unknown_group_changes_the_default_record(
    talk: Talk, group: str, default: str, twist: str
) -> None:
    group_id = group.upper() if twist == "{:upper}" else twist.format(group)
    before = talk.record(group)
    assert talk("v1.get", group_id=group_id).result.id == default
    with pytest.raises(ScopeMismatchError) as raised:
        talk("v1.update", group_id=group_id, name="Changed")
    assert (raised.value.group_id, raised.value.actual_group_id) == (group_id, None)
    assert raised.value.record_id == default
    assert (talk.record()["name"], talk.record(group)) == ("Changed", before)


@pytest.mark.parametrize("where", [{"extra_body": "groupId"}, {"extra_body": "group_ids"}, {"extra_query": "group_id"}])
def test_a_misplaced_group_id_changes_the_default_record(
    talk: Talk, group: str, default: str, where: dict[str, str]
) -> None:
    before = talk.record(group)
    extra = {place: {key: group} for place, key in where.items()}
    answer = talk("v1.update", name="Changed", **extra).result
    assert (answer.id, answer.group_id, talk.record()["name"]) == (default, None, "Changed")
    answer = talk("v1.create", **{**CREATE_V1, "name": "Replaced"}, **extra).result
    assert (answer.id, answer.group_id, talk.record()["name"]) == (default, None, "Replaced")
    assert talk.record(group) == before


def test_a_read_goes_by_its_body_before_its_query(talk: Talk, group: str, default: str) -> None:
    assert talk("v1.get", group_id=unheard_of(), extra_body={"group_id": group}).result.group_id == group
    assert talk("v1.get", group_id=group, extra_body={"group_id": None}).result.id == default


# v1: what is taken, and what is refused


def test_update_takes_no_notice_of_what_it_cannot_change(talk: Talk, group: str) -> None:
    before = talk.record(group)
    extra = {"scene": "nonsense", "version": "9", "created_at": "1999-01-01T00:00:00Z", "colour": "red"}
    assert talk("v1.update", group_id=group, extra_body=extra).message == NOTHING
    assert talk.record(group) == before


def test_any_text_is_a_time_and_a_zone(talk: Talk, group: str) -> None:
    talk.create(group, created_at="yesterday", default_timezone="Mars/Phobos")
    record = talk.record(group)
    assert (record["conversation_created_at"], record["default_timezone"]) == ("yesterday", "Mars/Phobos")
    talk("v1.update", group_id=group, default_timezone="Mars/Deimos")
    assert talk.record(group)["default_timezone"] == "Mars/Deimos"


@pytest.mark.parametrize(
    ("fields", "loc", "kind", "words"),
    [
        ({"name": 5}, ["name"], "string_type", "Input should be a valid string"),
        ({"tags": "x"}, ["tags"], "list_type", "Input should be a valid list"),
        ({"tags": [1]}, ["tags", 0], "string_type", "Input should be a valid string"),
        ({"scene_desc": []}, ["scene_desc"], "dict_type", "Input should be a valid dictionary"),
        ({"user_details": {"u": {"full_name": "A", "role": "admin"}}}, ["user_details", "u"], "value_error", "role"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_with_details(
    talk: Talk, group: str, fields: dict[str, Any], loc: list[Any], kind: str, words: str
) -> None:
    before = talk.record(group)
    for write in (talk.create, lambda group_id, **given: talk("v1.update", group_id=group_id, **given)):
        with pytest.raises(UnprocessableEntityError) as raised:
            write(group, **{"description": "must not be stored", **fields})
        (detail,) = raised.value.details
        assert (raised.value.status_code, detail["loc"], detail["type"]) == (422, ["body", *loc], kind)
        assert words in detail["msg"]
        assert words in raised.value.message
    assert talk.record(group) == before


def test_an_unknown_scene_is_refused(talk: Talk, group: str) -> None:
    before = talk.record(group)
    with pytest.raises(BadRequestError, match="scene") as raised:
        talk.create(group, scene="party")
    assert (raised.value.code, raised.value.details) == ("HTTP_ERROR", [])
    assert talk.record(group) == before


# v0


def test_v0_create_merges(v0: Talk) -> None:
    group_id = unheard_of()
    first = v0.create_v0(group_id, description="D", tags=["a"], user_details={"u": {"full_name": "U"}})
    again = v0.create_v0(group_id, tags=["b"], description=None)
    assert (again.id, again.description, again.tags) == (first.id, "D", ["b"])
    after = v0.record_v0(group_id)
    assert (after["id"], after["created_at"][:23]) == (first.id, first.created_at[:23])
    assert (after["description"], after["tags"], list(after["user_details"])) == ("D", ["b"], ["u"])


def test_v0_an_update_is_read_back(v0: Talk) -> None:
    group_id = unheard_of()
    v0.create_v0(group_id, description="D")
    user = {"full_name": "U", "role": "user", "custom_role": "lead", "extra": {"x": 1}}
    answer = v0("v0.update", user_details={"u": user}, tags=["a"], description="", extra_body={"group_id": group_id})
    assert (answer.status, answer.result.group_id) == ("ok", group_id)
    assert set(answer.result.updated_fields) == {"description", "tags", "user_details"}
    after = v0.record_v0(group_id)
    # Taken, and not kept.
    del user["custom_role"]
    assert (after["description"], after["tags"], after["user_details"]) == ("", ["a"], {"u": user})


def test_v0_does_not_move_updated_at(v0: Talk) -> None:
    group_id = unheard_of()
    v0.create_v0(group_id)
    before = v0.record_v0(group_id)["updated_at"]
    time.sleep(0.002)
    assert v0("v0.update", tags=["a"], extra_body={"group_id": group_id}).result.updated_at == before
    v0.create_v0(group_id, tags=["b"])
    assert v0.record_v0(group_id)["updated_at"] == before


def test_v0_models_that_are_all_empty_are_left_alone(v0: Talk, default_v0: str) -> None:
    v0("v0.update", llm_custom_setting=LLM)
    before = v0("v0.get").result
    assert before.to_dict()["llm_custom_setting"]["boundary"].items() >= LLM["boundary"].items()
    assert v0("v0.update", llm_custom_setting={}).message == NOTHING
    assert v0("v0.get").result == before


def test_v0_does_not_know_an_unknown_group(v0: Talk, default_v0: str) -> None:
    before = v0("v0.get").result
    with pytest.raises(NotFoundError):
        v0("v0.update", description="must not be stored", extra_body={"group_id": unheard_of()})
    assert v0("v0.get").result == before


def test_v0_default_record_has_a_scene_and_no_name(v0: Talk, default_v0: str) -> None:
    record = v0("v0.update", scene_desc={"x": 1}, llm_custom_setting=LLM).result
    assert (record.id, record.group_id) == (default_v0, None)
    before = v0("v0.get").result
    assert (before.id, before.scene, before.scene_desc.to_dict()) == (default_v0, "assistant", {"x": 1})
    for method, wrong in (
        ("v0.create", CREATE_V0),
        ("v0.create", {**CREATE_V0, "scene": None, "scene_desc": {}}),
        ("v0.create", {**CREATE_V0, "scene_desc": {}, "extra_body": {"name": "N"}}),
        ("v0.update", {"extra_body": {"name": "N"}}),
    ):
        with pytest.raises(BadRequestError):
            v0(method, **wrong)
    assert v0("v0.get").result == before


def test_v0_record_of_a_group_has_a_name_and_no_scene(v0: Talk) -> None:
    group_id = unheard_of()
    forbidden: dict[str, Any] = {"scene_desc": {}, "llm_custom_setting": LLM}
    wrongs: list[dict[str, Any]] = [{"scene": "assistant"}, {"scene_desc": {}}, {"extra_body": {"name": None}}]
    for wrong in wrongs:
        with pytest.raises(BadRequestError):
            v0.create_v0(group_id, **wrong)
    made = v0.create_v0(group_id, llm_custom_setting=LLM)
    assert (made.name, made.llm_custom_setting) == ("N", None)
    for name in ("scene_desc", "llm_custom_setting"):
        with pytest.raises(BadRequestError):
            v0("v0.update", **{name: forbidden[name]}, extra_body={"group_id": group_id})


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic test-key"])
def test_v0_asks_for_the_key(v0: Talk, server: str, header: str) -> None:
    if server == "real" and not REAL_KEY:
        pytest.skip("this server is used without a key")
    for method, arguments in (("v0.get", {}), ("v0.update", {}), ("v0.create", CREATE_V0)):
        with pytest.raises(AuthenticationError) as raised:
            v0(method, **arguments, extra_headers={"Authorization": header})
        assert raised.value.status_code == 401


# Memories: what servers do whatever their language models make of it


def message(group_id: str, **fields: Any) -> dict[str, Any]:
    time = "2025-01-15T10:00:00+00:00"
    return {"message_id": "m", "create_time": time, "sender": "u", "content": "Bees.", "group_id": group_id, **fields}


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_group_that_nobody_wrote_to_has_no_memories(talk: Talk, version: str) -> None:
    group_id = unheard_of()
    groups: dict[str, Any] = {"group_ids": [group_id]} if version == "v0" else {"group_id": group_id}
    for memory_type in ("episodic_memory", "profile", "event_log", "foresight"):
        answer = talk(f"{version}.memories.get", **groups, memory_type=memory_type)
        assert (answer.status, answer.result.total_count) == ("ok", 0)
        if version == "v0" and memory_type == "profile":
            # One item for all profiles, be there none.
            (item,) = answer.result.memories
            assert item.profiles == []
        else:
            assert answer.result.memories == []
    answer = talk(f"{version}.memories.search", **groups, query="bees")
    assert (answer.status, list(answer.result.hits())) == ("ok", [])


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_message_is_taken_and_its_request_can_be_asked_about(talk: Talk, version: str) -> None:
    answer = talk(f"{version}.memories.add", **message(unheard_of()))
    if result := getattr(answer, "result", None):
        assert result.status_info in ("accumulated", "extracted")
        return
    place = {"v0": "v0.status.request", "v1": "v1.stats.request"}[version]
    assert talk(f"{place}.get", request_id=answer.request_id).success
    assert talk(f"{place}.wait", request_id=answer.request_id, timeout=60).found


@pytest.mark.parametrize("place", ["v0.status.request", "v1.stats.request"])
def test_a_request_that_never_was_is_not_found(talk: Talk, place: str) -> None:
    answer = talk(f"{place}.get", request_id=unheard_of())
    assert (answer.success, answer.found, answer.data) == (True, False, None)


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_deletion_that_fits_nothing_says_so_and_harms_nobody(talk: Talk, version: str) -> None:
    group_id, other = unheard_of(), unheard_of()
    talk(f"{version}.memories.add", **message(other))
    for filters in ({"group_id": group_id}, {"group_id": group_id, "user_id": "u"}):
        with contextlib.suppress(NotFoundError):
            # Or they say it so, v1 servers do.
            assert talk(f"{version}.memories.delete", **filters).result.count == 0


def test_v1_lists_nothing_without_a_user_or_a_group(talk: Talk) -> None:
    for method in ("v1.memories.get", "v1.memories.search"):
        with pytest.raises((BadRequestError, UnprocessableEntityError)):
            talk(method, extra_query={"query": "bees"})


def test_the_server_is_healthy(talk: Talk) -> None:
    assert talk.flavour.call(talk.client.health).status == "healthy"
