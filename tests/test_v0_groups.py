"""Records of groups on /api/v0: the plain methods, and the handle that guards one of them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from conftest import PATCHED, RECORD, Flavour, answer
from methods import CREATE_V0, ask
from test_conversation import Talk
from test_scope import DEFAULT, about

from evermemos import FieldsNotAppliedError, NotFoundError, RequestValidationError, ScopeMismatchError

GROUP: dict[str, Any] = {"created_at": CREATE_V0["created_at"], "name": "Project"}


@pytest.fixture
def client(flavour: Flavour) -> Any:
    client = flavour.cls.sandbox()
    flavour._clients.append(client)
    flavour.call(client.v0.default_conversation().set, **CREATE_V0, scene_desc={}, description="Of all")
    return client


# The plain methods


@pytest.mark.parametrize("method", ["v0.create", "v0.update"])
@pytest.mark.parametrize("actual", [None, "other", "GROUP_123", ""])
def test_a_write_that_reached_another_record_raises_an_error_that_names_it(
    flavour: Flavour, method: str, actual: str | None
) -> None:
    with pytest.raises(ScopeMismatchError) as raised:
        ask(flavour, method, about(method, actual), group_id="group_123")
    assert (raised.value.group_id, raised.value.actual_group_id) == ("group_123", actual)
    assert ask(flavour, method, about(method, "group_123"), group_id="group_123").result.group_id == "group_123"


def test_a_read_returns_the_default_record_for_an_unknown_group_or_raises_if_it_is_asked_to(flavour: Flavour) -> None:
    assert ask(flavour, "v0.get", DEFAULT, group_id="unknown").result.is_default is True
    for given in ({"group_id": "unknown"}, {"extra_query": {"group_id": "unknown"}}):
        with pytest.raises(NotFoundError, match="unknown"):
            ask(flavour, "v0.get", DEFAULT, on_missing="error", **given)
    assert ask(flavour, "v0.get", about("v0.get", "known"), group_id="known", on_missing="error").status == "ok"


def test_an_update_of_an_unknown_group_is_a_404_and_leaves_the_default_record_alone(
    flavour: Flavour, client: Any
) -> None:
    meta = client.v0.memories.conversation_meta
    with pytest.raises(NotFoundError):
        flavour.call(meta.update, group_id="unknown", description="New")
    assert flavour.call(meta.get).result.description == "Of all"


@pytest.mark.parametrize("group_id", ["", "  ", 5])
def test_a_group_that_can_only_be_the_default_record_by_accident_is_refused(flavour: Flavour, group_id: Any) -> None:
    client = flavour.client(lambda _: answer(PATCHED))
    meta = client.v0.memories.conversation_meta
    with pytest.raises(RequestValidationError, match="group_id"):
        flavour.call(meta.update, group_id=group_id)
    with pytest.raises(RequestValidationError, match="group_id"):
        client.v0.conversation(group_id)


# The handle


def test_the_record_of_a_group_is_made_merged_into_and_changed(flavour: Flavour, client: Any) -> None:
    talk = Talk(flavour, client.v0.conversation("g"))
    assert talk.exists() is False
    with pytest.raises(NotFoundError):
        talk.update(description="New")
    first = talk.set(**GROUP, tags=["a"], verify=True)
    second = talk.set(**GROUP, description="D", verify=True)
    assert (first.created, second.created) == (True, False)
    record = talk.get().result
    assert (record.group_id, record.name, record.tags, record.description) == ("g", "Project", ["a"], "D")
    assert (record.scene, record.llm_custom_setting) == (None, None)
    talk.update(name="New", verify=True)
    talk.add_tags("b")
    talk.set_user("u", full_name="U", role="tool")
    record = talk.clear("description", verify=True).result
    assert (record.name, record.tags, record.description) == ("New", ["a", "b"], "")
    assert record.user_details["u"]["role"] == "tool"
    assert flavour.call(client.v0.default_conversation().get).result.description == "Of all"


def test_fields_take_effect_from_the_group_or_from_the_default_record(flavour: Flavour, client: Any) -> None:
    talk = Talk(flavour, client.v0.conversation("g"))
    assert talk.effective()["description"] == ("Of all", "default")
    talk.set(**GROUP)
    found = talk.effective()
    assert found["name"] == ("Project", "group")
    assert (found["scene"], found["description"]) == (("assistant", "default"), ("Of all", "default"))


def test_what_is_of_the_default_record_alone_is_no_field_of_a_group(flavour: Flavour, client: Any) -> None:
    handle = client.v0.conversation("g")
    for field in ("scene_desc", "llm_custom_setting", "name"):
        with pytest.raises(RequestValidationError, match="fields"):
            flavour.call(handle.clear, field)
    arguments: list[dict[str, Any]] = [{"scene": "assistant"}, {"scene_desc": {}}, {"llm_custom_setting": {}}]
    for wrong in arguments:
        with pytest.raises(TypeError):
            flavour.call(handle.set, **GROUP, **wrong)
    with pytest.raises(TypeError):
        flavour.call(client.v0.default_conversation().set, **CREATE_V0, name="N")


def test_every_call_of_a_handle_names_its_group_and_the_default_records_names_none(flavour: Flavour) -> None:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params) if request.method == "GET" else json.loads(request.content))
        return answer(PATCHED if request.method == "PATCH" else RECORD)

    client = flavour.client(handler)
    group = client.v0.conversation("group_123")
    flavour.call(group.set, **GROUP, verify=False)
    flavour.call(group.update, name="N")
    assert [sent.get("group_id") for sent in seen] == ["group_123"] * 4
    assert seen[1] == {**GROUP, "scene": None, "group_id": "group_123"}
    seen.clear()
    default = client.v0.default_conversation()
    flavour.call(default.set, **CREATE_V0)
    flavour.call(default.update, description="D")
    assert [sent for sent in seen if "group_id" in sent] == []
    assert len(seen) == 4


# What servers do to fields


class Stored:
    """The default record, and what a server with the rules of docs/server-behaviour.md, section 4, does to it."""

    def __init__(self) -> None:
        model = {"provider": "p", "model": "m", "extra": None}
        self.record: dict[str, Any] = {
            **RECORD["result"],  # type: ignore[dict-item]
            "group_id": None,
            "is_default": True,
            "llm_custom_setting": {"boundary": model, "extraction": None, "extra": None},
            "user_details": {"u": {"full_name": "U", "role": "user", "extra": None}},
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer({"result": self.record})
        body = json.loads(request.content)
        given = {name: value for name, value in body.items() if value is not None}
        if not any(value is not None for value in (given.get("llm_custom_setting") or {}).values()):
            given.pop("llm_custom_setting", None)
        if request.method == "POST" and not given.get("user_details"):
            given.pop("user_details", None)
        given.pop("created_at", None)
        self.record |= {name: self._stored(name, value) for name, value in given.items()}
        if request.method == "POST":
            return answer({"result": self.record})
        return answer({"result": {"id": "1", "group_id": None, "updated_fields": list(given)}})

    def _stored(self, name: str, value: Any) -> Any:
        if name == "user_details":
            fields = ("full_name", "role", "extra")
            return {user_id: {field: user.get(field) for field in fields} for user_id, user in value.items()}
        if name != "llm_custom_setting":
            return value
        models = {key: value.get(key) for key in ("boundary", "extraction")}
        kept = {key: model and {**model, "extra": model.get("extra") or None} for key, model in models.items()}
        return {**kept, "extra": value.get("extra") or None}


def test_clearing_language_models_sends_a_setting_without_any_which_reads_as_empty(flavour: Flavour) -> None:
    server = Stored()
    talk = Talk(flavour, flavour.client(server).v0.default_conversation())
    record = talk.clear("llm_custom_setting", verify=True).result
    assert record.llm_custom_setting.to_dict() == {"boundary": None, "extraction": None, "extra": None}
    assert talk.clear("llm_custom_setting").result == record


@pytest.mark.parametrize(
    "setting",
    [
        {"extra": {}},
        {"boundary": {"provider": "p", "model": "n", "extra": {}}},
        {"boundary": {"provider": "p", "model": "n"}, "extra": {}},
    ],
)
def test_an_empty_extra_that_comes_back_as_null_was_applied(flavour: Flavour, setting: Any) -> None:
    talk = Talk(flavour, flavour.client(Stored()).v0.default_conversation())
    assert talk.update(llm_custom_setting=setting, verify=True).result.updated_fields == ["llm_custom_setting"]


@pytest.mark.parametrize(
    "setting", [{}, {"extra": {"a": {}}}, {"boundary": {"provider": "p", "model": "n", "extra": {"a": 1}}}]
)
def test_language_models_that_were_not_taken_are_missed(flavour: Flavour, setting: Any) -> None:
    """{} is "not given" to a server, and a server that loses what is inside of extra is found out."""
    server = Stored()
    stored = server._stored
    server._stored = lambda name, value: stored(name, {**value, "extra": None, "boundary": None})  # type: ignore[method-assign]
    talk = Talk(flavour, flavour.client(server).v0.default_conversation())
    with pytest.raises(FieldsNotAppliedError, match="llm_custom_setting"):
        talk.update(llm_custom_setting=setting, verify=True)


def test_an_empty_map_of_users_leaves_them_alone_in_a_set_and_clears_them_in_an_update(flavour: Flavour) -> None:
    talk = Talk(flavour, flavour.client(Stored()).v0.default_conversation())
    with pytest.raises(FieldsNotAppliedError, match=r"user_details\.u"):
        talk.set(**CREATE_V0, user_details={}, verify=True)
    talk.update(user_details={}, verify=True)
    assert talk.get().result.user_details == {}


def test_a_custom_role_is_dropped_on_v0_too_and_kept_inside_extra_by_the_policy(flavour: Flavour) -> None:
    server = Stored()
    client = flavour.client(server)
    talk = Talk(flavour, client.v0.default_conversation())
    with pytest.raises(FieldsNotAppliedError, match=r"\. Servers do not keep custom_role: .*custom_role=.extra."):
        talk.set_user("u", custom_role="lead", verify=True)
    kept = Talk(flavour, client.with_options(custom_role="extra").v0.default_conversation())
    record = kept.set_user("u", custom_role="lead", verify=True).result
    assert record.user_details["u"]["custom_role"] == "lead"
    assert server.record["user_details"]["u"]["extra"] == {"custom_role": "lead"}
