"""What servers cannot store or would lose is refused with the reason, before anything is sent."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from conftest import CREATE_V1, RECORD, Flavour, answer
from methods import CREATE_V0
from test_operations import MESSAGE

from evermemos import RequestValidationError
from evermemos.bulk import Record

LARGEST, SMALLEST = 2**63 - 1, -(2**63)
REFERENCE = {"$ref": "c", "$id": 1}


def nested(levels: int, innermost: Any = 1, *, as_lists: bool = False) -> Any:
    value = innermost
    for _ in range(levels):
        value = [value] if as_lists else {"a": value}
    return value


def users(extra: Any) -> dict[str, Any]:
    return {"u": {"full_name": "U", "extra": extra}}


class Wire:
    """A client whose server answers anything, and keeps what it received."""

    def __init__(self, flavour: Flavour, **settings: Any) -> None:
        self.bodies: list[Any] = []
        self.flavour = flavour
        self.client = flavour.client(self._handle, **settings)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        return answer({**RECORD, "message": "m"})

    def send(self, version: str, body: dict[str, Any]) -> None:
        meta = getattr(self.client, version).memories.conversation_meta
        self.flavour.call(meta.update, **body)
        self.flavour.call(meta.create, **{**(CREATE_V0 if version == "v0" else CREATE_V1), **body})


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an integer above 64 bits": ({"scene_desc": {"a": LARGEST + 1}}, "scene_desc.a", "integer beyond 64 bits"),
    "an integer below 64 bits": ({"scene_desc": {"a": SMALLEST - 1}}, "scene_desc.a", "integer beyond 64 bits"),
    "one in a list": ({"scene_desc": {"a": [0, [10**30]]}}, "scene_desc.a[1][0]", "integer beyond 64 bits"),
    "one in extra": ({"user_details": users({"n": 2**64})}, "user_details.u.extra.n", "integer beyond 64 bits"),
    "NUL in a key": ({"scene_desc": {"a\0b": 1}}, r"scene_desc['a\x00b']", "character NUL"),
    "NUL in a user id": ({"user_details": {"u\0": {"full_name": "U"}}}, r"user_details['u\x00']", "character NUL"),
    "a key that is NUL": ({"user_details": users({"a": [{"\0": 1}]})}, r"user_details.u.extra.a[0]['\x00']", "NUL"),
    "180 levels": ({"scene_desc": nested(180)}, "scene_desc", "at most 179 levels"),
    "180 levels with lists": ({"scene_desc": {"a": nested(179, as_lists=True)}}, "scene_desc", "at most 179 levels"),
    "178 levels of extra": ({"user_details": users(nested(178))}, "user_details", "at most 179 levels"),
    "far too many levels": ({"scene_desc": nested(400)}, "scene_desc", "at most 179 levels"),
    "a reference": ({"scene_desc": REFERENCE}, "scene_desc", r"both \$ref and \$id"),
    "a reference with more": (
        {"scene_desc": {"x": [{**REFERENCE, "b": 1}]}},
        "scene_desc.x[0]",
        r"both \$ref and \$id",
    ),
    "a reference in extra": ({"user_details": users(REFERENCE)}, "user_details.u.extra", r"both \$ref and \$id"),
}
TAKEN: dict[str, dict[str, Any]] = {
    "the largest and the smallest integer": {"scene_desc": {"a": [LARGEST, SMALLEST, True]}},
    "NUL in a text": {"scene_desc": {"a": "b\0c"}, "description": "\0"},
    "179 levels": {"scene_desc": nested(179)},
    "179 levels and an empty object": {"scene_desc": nested(179, {})},
    "177 levels of extra": {"user_details": users(nested(177))},
    "$ref alone": {"scene_desc": {"$ref": "c", "a": {"$id": 1}}},
    "keys that look odd": {"scene_desc": {"": 1, "$set": 2, "a.b": 3}},
}


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("what", REFUSED)
def test_what_servers_cannot_store_is_refused_with_its_place_and_the_reason(
    flavour: Flavour, what: str, version: str
) -> None:
    body, field, reason = REFUSED[what]
    wire = Wire(flavour)
    meta = getattr(wire.client, version).memories.conversation_meta
    required = CREATE_V0 if version == "v0" else CREATE_V1
    for method, arguments in ((meta.update, body), (meta.create, {**required, **body})):
        with pytest.raises(RequestValidationError, match=f"{reason}.*Nothing was sent") as caught:
            flavour.call(method, **arguments)
        assert caught.value.field == field
    assert wire.bodies == []


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("what", TAKEN)
def test_what_servers_store_is_sent(flavour: Flavour, what: str, version: str) -> None:
    wire = Wire(flavour)
    wire.send(version, TAKEN[what])
    assert [{name: body[name] for name in TAKEN[what]} for body in wire.bodies] == [TAKEN[what]] * 2


@pytest.mark.parametrize("what", REFUSED)
def test_a_client_that_does_not_check_sends_it(flavour: Flavour, what: str) -> None:
    body = REFUSED[what][0]
    wire = Wire(flavour, validate=False)
    wire.send("v1", body)
    assert [{name: sent[name] for name in body} for sent in wire.bodies] == [body] * 2


def test_the_users_of_a_handle_and_the_records_of_a_file_are_looked_at_too(flavour: Flavour) -> None:
    wire = Wire(flavour)
    for call in (
        lambda: flavour.call(wire.client.v1.conversation("g").set_user, "u\0", full_name="U"),
        lambda: flavour.call(wire.client.v1.conversation("g").set_user, "u", extra=REFERENCE),
        lambda: Record("g", {"scene_desc": REFERENCE}),
        lambda: Record.from_dict({"group_id": "g", "user_details": users({"n": 2**63})}),
    ):
        with pytest.raises(RequestValidationError, match="servers cannot"):
            call()
    assert wire.bodies == []


# Messages without a group


def test_a_message_of_v1_needs_a_group_or_the_word_that_it_has_none(flavour: Flavour) -> None:
    wire = Wire(flavour)
    add = wire.client.v1.memories.add
    message = {name: value for name, value in MESSAGE.items() if name != "group_id"}
    with pytest.raises(RequestValidationError, match="throw it away") as caught:
        flavour.call(add, **message)
    assert (caught.value.field, wire.bodies) == ("group_id", [])
    flavour.call(add, **message, group_id=None)
    flavour.call(add, **message, group_id="g")
    flavour.call(add, **message, extra_body={"group_id": "h"})
    assert [body["group_id"] for body in wire.bodies] == [None, "g", "h"]


def test_without_checks_and_on_v0_a_message_is_sent_without_a_group(flavour: Flavour) -> None:
    message = {name: value for name, value in MESSAGE.items() if name != "group_id"}
    unchecked, checked = Wire(flavour, validate=False), Wire(flavour)
    flavour.call(unchecked.client.v1.memories.add, **message)
    flavour.call(checked.client.v0.memories.add, **message)
    assert unchecked.bodies == checked.bodies == [message]


def test_v0_lists_and_searches_without_a_user_and_a_group(flavour: Flavour) -> None:
    """The open-source server refuses that; the hosted product may not."""
    targets: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        targets.append(request.url.raw_path)
        return answer({"result": {"memories": []}})

    memories = flavour.client(handler).v0.memories
    flavour.call(memories.get)
    flavour.call(memories.search, query="bees")
    assert targets == [b"/api/v0/memories", b"/api/v0/memories/search?query=bees"]
