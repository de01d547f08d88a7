"""The policy custom_role="extra": parked on write, put back on read, and without effect where it is not asked for."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, PATCHED, RECORD, Flavour, answer
from methods import CREATE_V0, METHODS, find

from evermemos import ConfigurationError, RequestValidationError
from evermemos.sandbox import Sandbox

USERS: dict[str, Any] = {
    "u": {"full_name": "U", "role": "user", "custom_role": "lead", "extra": {"team": "a"}},
    "w": {"full_name": "W", "custom_role": ""},
    "x": {"full_name": "X", "custom_role": None, "extra": None},
}
PARKED: dict[str, Any] = {
    "u": {"full_name": "U", "role": "user", "extra": {"team": "a", "custom_role": "lead"}},
    "w": {"full_name": "W", "extra": {"custom_role": ""}},
    "x": {"full_name": "X", "custom_role": None, "extra": None},
}
WRITES = [name for name in METHODS if not name.endswith("get")]


@pytest.fixture(params=[False, True])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(strict=request.param) as sandbox:
        yield sandbox


def body_of(flavour: Flavour, method: str, users: Any, **settings: Any) -> Any:
    """What a write sends of its users."""
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return answer(METHODS[method][1])

    flavour.call(find(flavour.client(handler, **settings), method), **METHODS[method][0], user_details=users)
    return bodies[0]["user_details"]


@pytest.mark.parametrize("method", WRITES)
def test_a_custom_role_is_parked_in_extra_on_request_only(flavour: Flavour, method: str) -> None:
    given = copy.deepcopy(USERS)
    assert body_of(flavour, method, given, custom_role="extra") == PARKED
    # What the caller holds stays as it is.
    assert given == USERS
    assert body_of(flavour, method, USERS) == body_of(flavour, method, USERS, custom_role="send") == USERS


def test_it_comes_back_from_every_operation(flavour: Flavour, sandbox: Sandbox) -> None:
    client = flavour.client(base_url=sandbox).with_options(custom_role="extra")
    for version, new in (("v0", {**CREATE_V0, "scene_desc": {}}), ("v1", {**CREATE_V1, "group_id": "g"})):
        created = flavour.call(find(client, f"{version}.create"), **new, user_details=USERS)
        group = {"group_id": "g"} if version == "v1" else {}
        read = flavour.call(find(client, f"{version}.get"), **group)
        raw = flavour.call(find(client, f"{version}.get", raw=True), **group)
        for answered in (created, read, raw.parse(), raw.parse()):
            users = answered.result.user_details.to_dict()
            assert {user_id: user.get("custom_role") for user_id, user in users.items()} == {
                "u": "lead",
                "w": "",
                "x": None,
            }
            assert users["u"]["extra"] == {"team": "a"}
        # The answer as it came, and what a client without the policy sees.
        assert raw.json()["result"]["user_details"]["u"]["extra"] == PARKED["u"]["extra"]
        plain = flavour.call(find(client.with_options(custom_role="send"), f"{version}.get"), **group)
        assert plain.result.user_details.to_dict()["u"]["extra"] == PARKED["u"]["extra"]


@pytest.mark.parametrize("more", [{}, {"custom_role": "lead"}])
@pytest.mark.parametrize("validate", [True, False])
def test_a_custom_role_of_ones_own_in_extra_is_refused(flavour: Flavour, more: dict[str, Any], validate: bool) -> None:
    users = {"u": {"full_name": "U", "extra": {"custom_role": "secret"}, **more}}
    with pytest.raises(RequestValidationError, match="another key") as raised:
        body_of(flavour, "v1.update", users, custom_role="extra", validate=validate)
    assert raised.value.field == "user_details.u.extra.custom_role"
    assert "secret" not in str(raised.value)
    assert body_of(flavour, "v1.update", users) == users


@pytest.mark.parametrize(
    "user",
    [
        {"extra": {"custom_role": 5}},
        {"extra": {"custom_role": None}},
        {"extra": {"custom_role": "parked"}, "custom_role": "kept by the server"},
        {"extra": None},
        {},
    ],
)
def test_what_nobody_parked_stays_where_it_is(flavour: Flavour, user: dict[str, Any]) -> None:
    body = {**RECORD, "result": {**RECORD["result"], "user_details": {"u": user}}}  # type: ignore[dict-item]
    client = flavour.client(lambda _: answer(body), custom_role="extra")
    for method in ("v0.get", "v1.get"):
        assert flavour.call(find(client, method)).result.user_details.to_dict() == {"u": user}


def test_answers_without_users_are_left_alone(flavour: Flavour) -> None:
    client = flavour.client(lambda _: answer(PATCHED), custom_role="extra")
    assert flavour.call(client.v1.memories.conversation_meta.update, name="N").to_dict() == PATCHED


def test_a_handle_writes_a_custom_role_and_finds_it_again(flavour: Flavour, sandbox: Sandbox) -> None:
    client = flavour.client(base_url=sandbox, custom_role="extra")
    new = {name: value for name, value in CREATE_V1.items() if name != "version"}
    for conv, arguments in (
        (client.v1.conversation("g"), new),
        (client.v0.default_conversation(), {name: new[name] for name in ("created_at", "scene", "scene_desc")}),
    ):
        flavour.call(conv.set, **arguments, user_details=USERS, verify=True)
        flavour.call(conv.set_user, "y", full_name="Y", custom_role="boss", verify=True)
        flavour.call(conv.set_user, "u", extra={"team": "b"}, verify=True)
        users = flavour.call(conv.get).result.user_details
        found = {user_id: users[user_id].to_dict() for user_id in users}
        assert (found["y"]["custom_role"], found["u"]["custom_role"]) == ("boss", "lead")
        assert found["u"]["extra"] == {"team": "b"}
        flavour.call(conv.update, user_details=USERS, verify=True)
        with pytest.raises(RequestValidationError):
            flavour.call(conv.set_user, "u", extra={"custom_role": "x"})


@pytest.mark.parametrize("wrong", ["park", None, True, ""])
def test_another_policy_is_refused(flavour: Flavour, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="custom_role"):
        flavour.client(custom_role=wrong)
    with pytest.raises(ConfigurationError, match="custom_role"):
        flavour.client().with_options(custom_role=wrong)
