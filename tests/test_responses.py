"""What becomes of broken answers: tables against the judge of a call, and the same through clients."""

import copy
import functools
import itertools
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Flavour
from methods import METHODS, ask, judge, operation_id

from evermemos import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    InternalServerError,
)

Change = Callable[[Any], Any]
EVERY = sorted(METHODS)


def put(path: str, value: Any) -> Change:
    """Set one place of a body, given as keys between dots."""

    def change(body: Any) -> Any:
        *outer, last = path.split(".")
        place = body
        for key in outer:
            place = place[key]
        place[last] = value
        return body

    return change


def drop(path: str) -> Change:
    def change(body: Any) -> Any:
        *outer, last = path.split(".")
        place = body
        for key in outer:
            place = place[key]
        del place[last]
        return body

    return change


def become(value: Any) -> Change:
    return lambda _: value


def inside(text: str) -> Change:
    """Write a piece of JSON into a field of the result that may hold anything."""
    return lambda body: json.dumps(put("result.unknown", "@")(body)).replace('"@"', text)


def broken(method: str, change: Change) -> Any:
    """The good answer of a method, changed; it holds what a person wrote."""
    body = copy.deepcopy(METHODS[method][1])
    body["result"] |= {"name": "John Smith's group", "description": "John Smith wrote this"}
    return change(body)


def check(error: Exception, method: str, status: int = 200) -> APIResponseValidationError:
    """What every error of a broken answer has."""
    assert type(error) is APIResponseValidationError
    assert isinstance(error, APIError)
    assert error.operation == operation_id(method)
    assert error.operation in str(error)
    assert (error.path or "").startswith("/api/v")
    assert (error.status_code, error.attempts) == (status, 1)
    assert error.json_path.startswith("$")
    assert error.expected
    assert error.got
    # A key from the answer is part of the path; the one line that is shown may cut or clean it.
    if error.json_path.isprintable() and len(error.json_path) < 200:
        assert f"{error.json_path}: expected {error.expected}, got {error.got}" in str(error)
    assert str(error).isprintable()
    assert "John Smith" not in f"{error} {error!r} {vars(error)}"
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), vars(twin)) == (str(error), vars(error))
    return error


NO_OBJECTS: list[tuple[Any, str]] = [(None, "null"), ([{}], "list"), ("John Smith", "str"), (5, "int 5")]
NO_TEXTS: list[tuple[Any, str]] = [(["John Smith"], "list"), ({}, "dict"), (5, "int 5"), (False, "bool False")]
COMMON: list[tuple[Change, str, str, str]] = [
    *((become(json.dumps(value)), "$", "object", got) for value, got in NO_OBJECTS),
    (drop("result"), "$.result", "object", "nothing"),
    *((put("result", value), "$.result", "object", got) for value, got in NO_OBJECTS),
    (drop("result.id"), "$.result.id", "str", "nothing"),
    *((put("result.id", value), "$.result.id", "str", got) for value, got in [*NO_TEXTS, (None, "null")]),
    *((put("result.group_id", value), "$.result.group_id", "str", got) for value, got in NO_TEXTS),
    *((put("result.name", value), "$.result.name", "str", got) for value, got in NO_TEXTS),
    *((put("status", value), "$.status", "str", got) for value, got in [*NO_TEXTS, (None, "null")]),
    *((put("message", value), "$.message", "str", got) for value, got in [*NO_TEXTS, (None, "null")]),
]
RECORDS: list[tuple[Change, str, str, str]] = [
    (put("result.tags", ["John Smith", 1]), "$.result.tags[1]", "str", "int 1"),
    (put("result.tags", "John Smith"), "$.result.tags", "list", "str"),
    (put("result.is_default", "John Smith"), "$.result.is_default", "bool", "str"),
    (put("result.is_default", 1), "$.result.is_default", "bool", "int 1"),
    (put("result.scene_desc", ["John Smith"]), "$.result.scene_desc", "object", "list"),
    (put("result.user_details", ["John Smith"]), "$.result.user_details", "object", "list"),
    (put("result.user_details.u", "John Smith"), "$.result.user_details.u", "object", "str"),
]
V1_RECORDS: list[tuple[Change, str, str, str]] = [
    *((drop(f"result.{n}"), f"$.result.{n}", "str", "nothing") for n in ("scene", "name", "conversation_created_at")),
    *((put(f"result.{n}", None), f"$.result.{n}", "str", "null") for n in ("scene", "name", "conversation_created_at")),
    (put("result.user_details", None), "$.result.user_details", "object", "null"),
    (put("result.user_details.u", {"role": 5}), "$.result.user_details.u.role", "str", "int 5"),
    (put("result.user_details.u", {"full_name": ["John Smith"]}), "$.result.user_details.u.full_name", "str", "list"),
    (put("result.user_details.u", {"extra": "John Smith"}), "$.result.user_details.u.extra", "object", "str"),
]
MODEL_MISSING = put("result.llm_custom_setting", {"boundary": {"provider": "p"}})
V0_RECORDS = [(MODEL_MISSING, "$.result.llm_custom_setting.boundary.model", "str", "nothing")]
PATCHES: list[tuple[Change, str, str, str]] = [
    (put("result.updated_fields", ["name", None]), "$.result.updated_fields[1]", "str", "null"),
    (put("result.updated_fields", {}), "$.result.updated_fields", "list", "dict"),
    (put("result.updated_at", 5), "$.result.updated_at", "str", "int 5"),
]


def misfits(method: str) -> list[tuple[Change, str, str, str]]:
    if method.endswith("update"):
        return COMMON + PATCHES
    return COMMON + RECORDS + (V1_RECORDS if method.startswith("v1") else V0_RECORDS)


def refused(method: str, body: Any, status: int = 200) -> APIResponseValidationError:
    """Have an answer judged that is not one, and return the error."""
    with pytest.raises(APIResponseValidationError) as raised:
        judge(method, body, status)
    return check(raised.value, method, status)


@pytest.mark.parametrize("method", EVERY)
def test_an_answer_that_does_not_fit_raises_one_error_that_says_where_and_what(method: str) -> None:
    found, wanted = {}, {}
    for number, (change, json_path, expected, got) in enumerate(misfits(method)):
        error = refused(method, broken(method, change))
        found[number] = error.json_path, expected in error.expected, error.got
        wanted[number] = json_path, True, got
    assert found == wanted


NO_JSON: dict[str, Change] = {
    "HTML": become("<!doctype html><title>502 Bad Gateway</title>John Smith"),
    "empty": become(b""),
    "blank": become(b" \r\n"),
    "cut": lambda body: json.dumps(body)[:-1],
    "two": lambda body: json.dumps(body) * 2,
    "broken UTF-8": lambda body: json.dumps(body).encode().replace(b"John", b"Jo\xffn"),
    "broken escape": lambda body: json.dumps(body).replace("John", "\\x"),
    "binary": become(bytes(range(256))),
    "Python": lambda body: str(body),
    "10,000 lists": become("[" * 10_000 + "]" * 10_000),
    "10,000 open lists": become("[" * 10_000),
    "10,000 lists inside": inside("[" * 10_000 + "]" * 10_000),
    "10,000 objects inside": inside('{"a":' * 10_000 + "1" + "}" * 10_000),
    "100,000 objects inside": inside('{"a":' * 100_000 + "1" + "}" * 100_000),
    "a number of 5,000 digits": inside("1" * 5000),
    "NaN": become("NaN"),
    "NaN inside": inside("NaN"),
    "Infinity inside": inside("[-Infinity]"),
}


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.usefixtures("extra")
def test_an_answer_that_is_not_json_raises_the_same_error(method: str) -> None:
    for change in NO_JSON.values():
        refused(method, broken(method, change))


@pytest.mark.parametrize("depth", [100, 300, 450, 490, 550, 700, 925, 980, 2000, 5000, 9000])
@pytest.mark.usefixtures("extra")
def test_a_deep_answer_is_refused_or_comes_back_as_it_was(depth: int) -> None:
    for start, end in (("[", "]"), ('{"a":', "}")):
        text = broken("v1.get", inside(start * depth + "1" + end * depth))
        try:
            back = json.dumps(judge("v1.get", text).to_dict()["result"]["unknown"])
        except APIResponseValidationError as error:
            check(error, "v1.get")
            assert depth > 100
            continue
        except RecursionError:
            back = "a RecursionError, whose traceback would take minutes to print"
        assert back.replace(" ", "") == start * depth + "1" + end * depth


@pytest.mark.parametrize("user", ["a: b", "a.b", "a]b", "line\nbreak", "\ud800", "", "x" * 2000])
def test_the_path_holds_whatever_key_the_answer_has(user: str) -> None:
    error = refused("v1.get", json.dumps(broken("v1.get", put("result.user_details", {user: {"role": 5}}))))
    assert error.json_path.startswith("$.result.user_details")
    assert error.json_path.endswith(".role")
    assert not user.isascii() or not user.isprintable() or len(user) > 100 or user in error.json_path


@pytest.mark.parametrize("method", EVERY)
def test_a_success_that_the_specification_does_not_have_raises_the_same_error(method: str) -> None:
    bodies: list[Any] = [METHODS[method][1], b"", "<html>", {"status": "ok"}, []]
    for status, body in itertools.product((201, 202, 203, 206, 299), bodies):
        refused(method, body, status)
    refused(method, b"", 204)


STRANGE = [b"", "<html>", [], "[" * 10_000, b"\xff", "null", {"message": 5}, {"detail": {}}]


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.usefixtures("extra")
def test_a_status_without_a_name_raises_a_status_error(method: str) -> None:
    for body in STRANGE:
        with pytest.raises(InternalServerError) as raised:
            judge(method, body, 520)
        assert (raised.value.status_code, raised.value.operation) == (520, operation_id(method))
        assert raised.value.message


FAILED = {"status": "failed", "code": "SYSTEM_ERROR", "message": "The database is down"}


@pytest.mark.parametrize("method", EVERY)
def test_a_failure_with_status_200_raises_the_servers_words(method: str) -> None:
    results = [None, [], {}, {"id": 5}, METHODS[method][1]["result"]]
    bodies: list[Any] = [FAILED, *({**FAILED, "result": result} for result in results)]
    for body in bodies:
        with pytest.raises(APIStatusError) as raised:
            judge(method, body)
        error = raised.value
        assert type(error) is APIStatusError
        assert (error.status_code, error.code, error.message) == (200, FAILED["code"], FAILED["message"])
        assert (error.operation, error.attempts) == (operation_id(method), 1)
        assert FAILED["message"] in str(error)


KINDS: dict[str, tuple[Change, int]] = {
    "misfit": (drop("result.id"), 200),
    "another type": (put("result", "John Smith"), 200),
    "no JSON": (NO_JSON["cut"], 200),
    "nothing": (NO_JSON["empty"], 200),
    "another success": (lambda body: body, 201),
    "no content": (become(b""), 204),
    "no name": (become("<html>"), 520),
    "failure": (become(FAILED), 200),
}


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_raises_the_error_of_the_judge(flavour: Flavour, method: str, kind: str) -> None:
    change, status = KINDS[kind]
    errors = []
    for asked in (judge, functools.partial(ask, flavour)):
        with pytest.raises(APIError) as raised:
            asked(method, broken(method, change), status)
        errors.append((type(raised.value), str(raised.value), vars(raised.value)))
    assert errors[0] == errors[1]
