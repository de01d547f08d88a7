"""What an operation of the sandbox is made of: a function, and a check of the parameters that it is called with.

A check lists what pydantic would find wrong with a value, in pydantic's words and order, because that is what servers
put into a 422. Checks are combined into tables, one for each request body.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

Place: TypeAlias = tuple[str | int, ...]
Issue: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Any, Place], list[Issue]]


class Operation(NamedTuple):
    """One method of one path.

    Attributes:
        run (Callable[[dict[str, Any]], dict[str, Any]]): Takes the parameters, returns the answer. May raise Refused.
        check (Check): What the parameters in the body are held against before `run`.
        on_null (str): What servers say, with 500, to a body that is null. Empty for an operation that needs no body:
            its parameters come from the query as well.
    """

    run: Callable[[dict[str, Any]], dict[str, Any]]
    check: Check
    on_null: str = ""


class Refused(Exception):
    """An answer other than 200.

    Attributes:
        status (int): HTTP status.
        message (str): The application's words.
        detail (str | list[Issue] | None): The framework's words, for an answer which the application does not give.
    """

    def __init__(self, status: int, message: str = "", detail: str | list[Issue] | None = None) -> None:
        super().__init__(status, message, detail)
        self.status = status
        self.message = message
        self.detail = detail


def now() -> str:
    """Tell the time as servers write it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


_WORDS = {
    "missing": "Field required",
    "string_type": "Input should be a valid string",
    "dict_type": "Input should be a valid dictionary",
    "list_type": "Input should be a valid list",
    "model_attributes_type": "Input should be a valid dictionary or object to extract fields from",
}


def issue(kind: str, place: Place, value: Any, words: str = "", **more: Any) -> Issue:
    """Describe one thing that is wrong with `value`."""
    return {"type": kind, "loc": place, "msg": words or _WORDS[kind], "input": value, **more}


def _of_type(wanted: type, kind: str) -> Check:
    return lambda value, place: [] if isinstance(value, wanted) else [issue(kind, place, value)]


text = _of_type(str, "string_type")
free_object = _of_type(dict, "dict_type")
_array = _of_type(list, "list_type")


def or_null(check: Check) -> Check:
    """Let null through."""
    return lambda value, place: [] if value is None else check(value, place)


def list_of(check: Check) -> Check:
    """Check a list and each of its items."""
    return lambda value, place: (
        _array(value, place) or [found for n, item in enumerate(value) for found in check(item, (*place, n))]
    )


def map_of(check: Check) -> Check:
    """Check an object and each of its values."""
    return lambda value, place: (
        free_object(value, place) or [found for key, item in value.items() for found in check(item, (*place, key))]
    )


def model(fields: Mapping[str, Check], required: Collection[str] = (), rule: Check | None = None) -> Check:
    """Check an object of known fields; unknown ones pass. `rule` sees the object once its fields are in order."""

    def check(value: Any, place: Place) -> list[Issue]:
        if not isinstance(value, dict):
            return [issue("model_attributes_type", place, value)]
        found: list[Issue] = []
        for name, field in fields.items():
            if name in value:
                found += field(value[name], (*place, name))
            elif name in required:
                found.append(issue("missing", (*place, name), value))
        return found or (rule(value, place) if rule else [])

    return check
