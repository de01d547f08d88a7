"""Which record an answer is about: the echo check of writes, `on_missing` of reads, and answers taken raw."""

import copy
import json
import pickle
from typing import Any

import pytest
from conftest import Flavour, answer
from methods import METHODS, ask, find
from test_models import identical

from evermemos import APIError, APIResponseValidationError, APIStatusError, NotFoundError, ScopeMismatchError

EVERY = sorted(METHODS)
ABSENT = object()


def about(method: str, group_id: Any, **more: Any) -> Any:
    """The good answer of a method, about a group."""
    body = copy.deepcopy(METHODS[method][1])
    body["result"] |= {"group_id": group_id, **more}
    if group_id is ABSENT:
        del body["result"]["group_id"]
    return body


@pytest.mark.parametrize("method", ["v1.create", "v1.update"])
@pytest.mark.parametrize("actual", [None, "other", "GROUP_123", "group_123 ", ""])
def test_a_write_that_reached_another_record_raises_an_error_that_names_it(
    flavour: Flavour, method: str, actual: str | None
) -> None:
    with pytest.raises(ScopeMismatchError) as raised:
        ask(flavour, method, about(method, actual), group_id="group_123")
    error = raised.value
    assert isinstance(error, APIError)
    assert not isinstance(error, APIStatusError)
    assert (error.group_id, error.actual_group_id) == ("group_123", actual)
    assert error.record_id == "507f1f77bcf86cd799439011"
    assert (error.status_code, error.attempts) == (200, 1)
    assert "group_123" in str(error)
    assert error.record_id in str(error)
    assert "changed" in str(error)
    assert actual is not None or "default" in str(error)
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), vars(twin)) == (str(error), vars(error))


@pytest.mark.parametrize("method", ["v1.create", "v1.update"])
@pytest.mark.parametrize(
    ("named", "actual"),
    [
        ({"group_id": "group_123"}, "group_123"),
        ({"group_id": "group_123"}, ABSENT),
        ({"group_id": None}, None),
        ({"group_id": None}, "group_123"),
        ({}, None),
        ({}, "group_123"),
        ({"group_id": "other", "extra_body": {"group_id": "group_123"}}, "group_123"),
    ],
)
def test_a_write_that_reached_the_record_that_was_named_or_named_none_is_good(
    flavour: Flavour, method: str, named: dict[str, Any], actual: Any
) -> None:
    body = about(method, actual)
    assert identical(ask(flavour, method, body, **named).to_dict(), body)


@pytest.mark.parametrize("method", ["v1.create", "v1.update"])
def test_the_group_that_was_really_sent_is_the_one_that_counts(flavour: Flavour, method: str) -> None:
    sent: dict[str, Any] = {"group_id": "group_123", "extra_body": {"group_id": "other"}}
    with pytest.raises(ScopeMismatchError) as raised:
        ask(flavour, method, about(method, "group_123"), **sent)
    assert (raised.value.group_id, raised.value.actual_group_id) == ("other", "group_123")


@pytest.mark.parametrize("method", ["v0.create", "v0.update", "v0.get"])
def test_v0_names_no_group_so_any_record_is_good(flavour: Flavour, method: str) -> None:
    assert ask(flavour, method, about(method, "any")).result.group_id == "any"


DEFAULT = about("v1.get", None, is_default=True)


@pytest.mark.parametrize("options", [{}, {"on_missing": "default"}])
def test_get_returns_the_default_record_for_an_unknown_group_and_says_so(
    flavour: Flavour, options: dict[str, Any]
) -> None:
    response = ask(flavour, "v1.get", DEFAULT, group_id="unknown", **options)
    assert response.result.is_default is True
    assert response.result.group_id is None
    assert identical(response.to_dict(), DEFAULT)


@pytest.mark.parametrize(
    "body",
    [
        DEFAULT,
        about("v1.get", None),
        about("v1.get", ABSENT, is_default=True),
        about("v1.get", "group_123"),
        about("v1.get", "Unknown"),
    ],
)
def test_get_raises_on_request_when_a_group_has_no_record_of_its_own(flavour: Flavour, body: Any) -> None:
    with pytest.raises(NotFoundError, match="unknown"):
        ask(flavour, "v1.get", body, group_id="unknown", on_missing="error")


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"group_id": "group_123"}, about("v1.get", "group_123")),
        ({"group_id": "group_123"}, about("v1.get", ABSENT, is_default=False)),
        ({"group_id": None}, DEFAULT),
        ({}, DEFAULT),
    ],
)
def test_get_does_not_raise_when_the_record_that_was_asked_for_is_there(
    flavour: Flavour, arguments: dict[str, Any], body: Any
) -> None:
    assert identical(ask(flavour, "v1.get", body, on_missing="error", **arguments).to_dict(), body)


def raw(flavour: Flavour, method: str, body: Any, /, **arguments: Any) -> Any:
    client = flavour.client(lambda _: answer(body, x_request_id="r-1", content_type="application/json"))
    return flavour.call(find(client, method, raw=True), **{**METHODS[method][0], **arguments})


@pytest.mark.parametrize("method", EVERY)
def test_a_raw_response_has_status_headers_and_body_and_parses_to_the_result(flavour: Flavour, method: str) -> None:
    body = METHODS[method][1]
    response = raw(flavour, method, body)
    assert response.status_code == 200
    assert response.headers["X-Request-Id"] == response.headers["x-request-id"] == "r-1"
    assert response.request_id == "r-1"
    assert response.content == answer(body).content
    assert identical(response.json(), body)
    parsed = response.parse()
    assert parsed == ask(flavour, method, body)
    assert parsed == response.parse()
    assert identical(parsed.to_dict(), body)


@pytest.mark.parametrize("method", EVERY)
def test_a_raw_response_is_not_checked_before_it_is_parsed(flavour: Flavour, method: str) -> None:
    for body, error in [
        ({"result": {}}, APIResponseValidationError),
        ("<html>", APIResponseValidationError),
        ({"status": "failed", "message": "The database is down"}, APIStatusError),
    ]:
        response = raw(flavour, method, body)
        assert response.status_code == 200
        assert response.content == answer(body).content
        with pytest.raises(error):
            response.parse()
    with pytest.raises(json.JSONDecodeError):
        raw(flavour, method, "<html>").json()


@pytest.mark.parametrize("method", ["v1.create", "v1.update"])
def test_parsing_a_raw_response_checks_which_record_was_changed(flavour: Flavour, method: str) -> None:
    response = raw(flavour, method, about(method, None), group_id="group_123")
    with pytest.raises(ScopeMismatchError):
        response.parse()


def test_parsing_a_raw_response_heeds_on_missing(flavour: Flavour) -> None:
    response = raw(flavour, "v1.get", DEFAULT, group_id="unknown", on_missing="error")
    with pytest.raises(NotFoundError):
        response.parse()
    assert raw(flavour, "v1.get", DEFAULT, group_id="unknown").parse().result.is_default is True
