"""What MongoDB cannot hold, what it reads otherwise, and numbers that are none: as servers answer them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import CREATE_V1

from evermemos.sandbox import Sandbox
from evermemos.sandbox._messages import DEEPEST

META = {version: f"/api/{version}/memories/conversation-meta" for version in ("v0", "v1")}
GROUP: dict[str, Any] = {"created_at": "2025-01-15T10:00:00+00:00", "group_id": "g", "name": "N"}
VERSIONS = pytest.mark.parametrize("version", ["v0", "v1"])
REFERENCE = {"$ref": "c", "$id": 1}
BROKEN = (500, "SYSTEM_ERROR", "Internal server error")
SAVE_FAILED = (500, "HTTP_ERROR", "Failed to save conversation metadata")
NOT_FOUND = (404, "HTTP_ERROR", "Specified conversation metadata not found: group_id=g")
GET_NOT_FOUND = (404, "HTTP_ERROR", "Conversation metadata not found for group_id: g")


class Talk:
    """Shorthand for talking to the records of one version about the group g."""

    def __init__(self, version: str, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or Sandbox()
        self.path = META[version]
        self.group = GROUP if version == "v0" else CREATE_V1 | {"group_id": "g"}

    def raw(self, method: str, body: bytes = b"", query: str = "") -> tuple[int, Any]:
        answer = self.sandbox.handle(method, self.path + query, {}, body)
        return answer.status, json.loads(answer.body)

    def post(self, **fields: Any) -> Any:
        return self._said(self.raw("POST", json.dumps(self.group | fields).encode()))

    def patch(self, **fields: Any) -> Any:
        return self._said(self.raw("PATCH", json.dumps({"group_id": "g"} | fields).encode()))

    def get(self) -> Any:
        return self._said(self.raw("GET", query="?group_id=g"))

    def _said(self, answer: tuple[int, Any]) -> Any:
        """Status and words of an error, or the result."""
        status, content = answer
        return content["result"] if status == 200 else (status, content["code"], content["message"])


def user(extra: Any) -> dict[str, Any]:
    return {"user_details": {"u": {"full_name": "U", "extra": extra}}}


def nested(levels: int, *, of_lists: bool = False) -> Any:
    value: Any = [] if of_lists else {}
    for _ in range(levels - 1):
        value = [value] if of_lists else {"a": value}
    return value


# What MongoDB cannot hold

HELD: dict[str, dict[str, Any]] = {
    "the largest integer": user({"n": 2**63 - 1}),
    "the smallest integer": user({"n": -(2**63)}),
    "a large number": user({"n": 1e300}),
    "NUL in a text": user({"n": "\0", "m": "\\u0000"}),
    "many digits in a text": user({"n": "9" * 30}),
    "a backslash before a u0000 in a key": user({"\\u0000": 1}),
    "a pair of surrogates": user({"n": "\ud83d\ude00"}),
    # The record, the users, the user, and 177 objects.
    "180 levels": user(nested(177)),
    "many objects beside each other": user({"n": [{}] * 500}),
    "keys with dots and dollars": user({"a.b": 1, "$set": 2, "": 3}),
}
NOT_HELD: dict[str, dict[str, Any]] = {
    "an integer that is too large": user({"n": [2**63]}),
    "an integer that is too small": user({"n": -(2**63) - 1}),
    "NUL in a key": user({"n": [{"a\0b": 1}]}),
    "NUL in the id of a user": {"user_details": {"a\0b": {"full_name": "U"}}},
    "half of a surrogate pair": {"description": "\ud800"},
    "half of a surrogate pair in a key": user({"\udfff": 1}),
    "181 levels": user(nested(178)),
    "181 levels of lists": user({"n": nested(177, of_lists=True)}),
    "many levels": user(nested(DEEPEST - 4)),
    "17 MB": {"description": "é" * (17 * 512 * 1024)},
}


@VERSIONS
@pytest.mark.parametrize("what", HELD)
def test_what_mongodb_holds_is_stored_and_read(version: str, what: str) -> None:
    talk = Talk(version)
    wanted = HELD[what]["user_details"]["u"]["extra"]
    wanted = json.loads(json.dumps(wanted))
    assert talk.post(**HELD[what])["user_details"]["u"]["extra"] == wanted
    assert talk.get()["user_details"]["u"]["extra"] == wanted
    assert talk.patch(**HELD[what])["updated_fields"] == ["user_details"]
    assert talk.get()["user_details"]["u"]["extra"] == wanted


@VERSIONS
@pytest.mark.parametrize("what", NOT_HELD)
def test_what_mongodb_cannot_hold_is_a_500_of_a_post_and_a_404_of_a_patch(version: str, what: str) -> None:
    talk = Talk(version)
    assert talk.post(**NOT_HELD[what]) == SAVE_FAILED
    assert talk.get() == GET_NOT_FOUND
    before = talk.post(description="d") and talk.get()
    # The record exists, and that is the answer all the same.
    assert talk.patch(**NOT_HELD[what]) == NOT_FOUND
    assert talk.post(**NOT_HELD[what]) == SAVE_FAILED
    assert talk.get() == before


def test_the_levels_of_a_scene_are_counted_from_the_record() -> None:
    talk = Talk("v1")
    assert talk.post(scene_desc=nested(179))["scene_desc"] == nested(179)
    assert talk.patch(scene_desc=nested(180)) == NOT_FOUND


def test_what_is_not_stored_may_lie_deeper() -> None:
    talk = Talk("v1")
    assert talk.post(unknown=nested(DEEPEST - 1))["name"] == "Project Discussion Group"
    status, content = talk.raw("POST", json.dumps({"unknown": nested(DEEPEST - 1)}).encode())
    assert (status, content["detail"][0]["input"]) == (422, {"unknown": nested(DEEPEST - 1)})
    unreadable = 400, {"detail": "There was an error parsing the body"}
    assert talk.raw("POST", json.dumps({"unknown": nested(DEEPEST)}).encode()) == unreadable


@VERSIONS
def test_half_of_a_surrogate_pair_cannot_be_repeated_by_an_answer(version: str) -> None:
    talk = Talk(version)
    talk.post()
    group, name = b'{"group_id": "\\ud800"}', b'{"group_id": "g", "name": ["\\ud800"]}'
    for method, body in (("GET", group), ("PATCH", group), ("PATCH", name)):
        status, content = talk.raw(method, body)
        assert (status, content["code"], content["message"]) == BROKEN
        assert content["path"] == META[version]


def test_a_group_that_mongodb_cannot_be_asked_for_does_not_fall_back() -> None:
    talk = Talk("v1")
    talk.raw("POST", json.dumps(CREATE_V1).encode())
    assert talk.raw("GET", b'{"group_id": "\\ud800"}')[0] == 500
    assert talk.raw("PATCH", b'{"group_id": "\\ud800", "name": "must not"}')[0] == 500
    assert talk.raw("GET")[1]["result"]["name"] == CREATE_V1["name"]


# Numbers that are none


@VERSIONS
def test_numbers_that_are_none_are_stored_and_shown_as_null(version: str, tmp_path: Path) -> None:
    users = b'{"u": {"full_name": "U", "extra": {"a": NaN, "b": [Infinity, -Infinity, 1e400], "c": 1e300}}}'
    shown = {"a": None, "b": [None, None, None], "c": 1e300}
    with Sandbox(tmp_path / "store.db") as sandbox:
        talk = Talk(version, sandbox)
        body = json.dumps(talk.group).encode()[:-1] + b', "user_details": ' + users + b"}"
        status, content = talk.raw("POST", body)
        assert (status, content["result"]["user_details"]["u"]["extra"]) == (200, shown)
        assert talk.get()["user_details"]["u"]["extra"] == shown
        assert talk.raw("PATCH", b'{"group_id": "g", "user_details": ' + users + b"}")[0] == 200
        # As the body that was sent, which is none of JSON's.
        assert b"NaN" in sandbox.requests[-1].content
        assert sandbox.requests[-1].body["user_details"]["u"]["extra"]["b"][0] == float("inf")
    with Sandbox(tmp_path / "store.db") as sandbox:
        assert Talk(version, sandbox).get()["user_details"]["u"]["extra"] == shown


@VERSIONS
@pytest.mark.parametrize("body", [b"NaN", b"[1e400]", b'{"name": -Infinity}', b'{"tags": [NaN]}', b'{"group_id": NaN}'])
def test_numbers_that_are_none_cannot_be_repeated_by_an_error(version: str, body: bytes) -> None:
    status, content = Talk(version).raw("PATCH", body)
    assert (status, content["code"], content["message"]) == BROKEN


# References

IN_PLACE_OF_AN_OBJECT: dict[str, dict[str, Any]] = {
    "alone": user(REFERENCE),
    "in another order": user({"$id": None, "$ref": ""}),
    "with more": user({"a": 1, **REFERENCE, "$db": "d"}),
    "with no database": user({**REFERENCE, "$db": None}),
}
NO_REFERENCE: dict[str, dict[str, Any]] = {
    "without an id": user({"$ref": "c"}),
    "to no text": user({"$ref": 1, "$id": 1}),
    "in a database without a name": user({**REFERENCE, "$db": 5}),
    "as a text": user({"a": '"$ref"'}),
}


@VERSIONS
@pytest.mark.parametrize("what", NO_REFERENCE)
def test_an_object_that_is_no_reference_is_read_again(version: str, what: str) -> None:
    talk = Talk(version)
    talk.post(**NO_REFERENCE[what])
    assert talk.get()["user_details"]["u"]["extra"] == NO_REFERENCE[what]["user_details"]["u"]["extra"]


@VERSIONS
@pytest.mark.parametrize("what", IN_PLACE_OF_AN_OBJECT)
def test_a_reference_in_place_of_an_object_bricks_a_record(version: str, what: str) -> None:
    talk = Talk(version)
    fields = IN_PLACE_OF_AN_OBJECT[what]
    extra = fields["user_details"]["u"]["extra"]
    assert talk.post(**fields)["user_details"]["u"]["extra"] == extra
    for _ in range(2):
        assert talk.get() == GET_NOT_FOUND
        assert talk.patch(description="d") == NOT_FOUND
        assert talk.post() == SAVE_FAILED


@VERSIONS
@pytest.mark.parametrize("write", ["post", "patch"])
@pytest.mark.parametrize("in_file", [False, True])
def test_a_write_that_bricks_a_record_fails_and_is_kept(
    version: str, write: str, in_file: bool, tmp_path: Path
) -> None:
    with Sandbox(tmp_path / "store.db" if in_file else None) as sandbox:
        talk = Talk(version, sandbox)
        talk.post()
        writes: dict[str, Callable[..., Any]] = {"post": talk.post, "patch": talk.patch}
        assert writes[write](**user(REFERENCE)) == (SAVE_FAILED if write == "post" else NOT_FOUND)
        assert talk.get() == GET_NOT_FOUND
        # The page of records shows what is stored.
        assert sandbox.newest(1)[1][0][1]["user_details"]["u"]["extra"] == REFERENCE


@pytest.mark.parametrize(
    "fields",
    [
        {"scene_desc": REFERENCE},
        {"llm_custom_setting": {"extra": REFERENCE}},
        {"llm_custom_setting": {"boundary": {"provider": "p", "model": "m", "extra": REFERENCE}}},
        {"llm_custom_setting": {"extraction": {"provider": "p", "model": "m", "extra": REFERENCE}}},
    ],
)
def test_the_default_record_can_be_bricked_for_all_groups(fields: dict[str, Any]) -> None:
    talk = Talk("v0")
    default = {"created_at": "2025-01-15T10:00:00+00:00", "scene": "assistant", "scene_desc": {}}
    assert talk.raw("POST", json.dumps(default | fields).encode())[0] == 200
    assert talk.raw("GET")[0] == 404
    assert talk.get() == GET_NOT_FOUND


@VERSIONS
def test_a_record_with_a_reference_further_down_cannot_be_shown_and_can_be_repaired(version: str) -> None:
    talk = Talk(version)
    fields = user({"a": [REFERENCE]})
    assert talk.post(**fields)["user_details"] == {"u": {"role": None, **fields["user_details"]["u"]}}
    assert talk.get() == BROKEN
    assert talk.patch(description="d")["updated_fields"] == ["description"]
    assert talk.get() == BROKEN
    assert talk.post(**fields) == BROKEN
    assert talk.post(**user({"a": []}))["user_details"]["u"]["extra"] == {"a": []}
    assert talk.get()["user_details"]["u"]["extra"] == {"a": []}
