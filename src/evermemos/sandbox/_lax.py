"""Checks of values as pydantic makes them where it is not strict: "5" and 5.0 are integers, "yes" is true.

So servers check what a body says of a read or a deletion, and convert what a query says.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from ._schema import issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._messages import Issue, Place
    from ._schema import Check

_INTEGER = re.compile(r"[+-]?[0-9]+(_[0-9]+)*(\.0+)?")
_LONGEST = 4300


def text(value: Any, place: Place) -> list[Issue]:
    """Check a string."""
    return [] if isinstance(value, str) else [issue("string_type", place, value, "Input should be a valid string")]


def integer(least: int, most: int | None = None) -> Check:
    """Check an integer within limits, or what can be read as one."""

    def check(value: Any, place: Place) -> list[Issue]:
        problem = _no_integer(value)
        if problem is not None:
            return [issue(problem[0], place, value, problem[1])]
        number = int(value.strip().partition(".")[0]) if isinstance(value, str) else int(value)
        return _outside(number, value, place, least, most)

    return check


def _no_integer(value: Any) -> tuple[str, str] | None:
    """Name what keeps a value from being read as an integer: pydantic's kind of issue, and its words."""
    too_large = "int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size"
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value.strip()):
            return "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
        return too_large if len(value.strip().lstrip("+-0")) > _LONGEST else None
    if isinstance(value, float):
        if not math.isfinite(value):
            return "finite_number", "Input should be a finite number"
        if value != int(value):
            return "int_from_float", "Input should be a valid integer, got a number with a fractional part"
        return too_large if abs(value) >= 2**63 else None
    return None if isinstance(value, int) else ("int_type", "Input should be a valid integer")


def number(least: float, most: float) -> Check:
    """Check a number within limits, or what can be read as one."""

    def check(value: Any, place: Place) -> list[Issue]:
        try:
            if isinstance(value, str) and not value.strip().isascii():
                raise ValueError("Python reads digits of any script")
            found = float(value) if isinstance(value, (str, int, float)) else None
        except ValueError:
            words = "Input should be a valid number, unable to parse string as a number"
            return [issue("float_parsing", place, value, words)]
        except OverflowError:
            found = None
        if found is None:
            return [issue("float_type", place, value, "Input should be a valid number")]
        return _outside(found, value, place, least, most)

    return check


def _outside(number: float, value: Any, place: Place, least: float, most: float | None) -> list[Issue]:
    # This way round, because NaN is neither.
    if most is not None and not number <= most:
        words = f"Input should be less than or equal to {most:g}"
        return [issue("less_than_equal", place, value, words, ctx={"le": most})]
    if not number >= least:
        words = f"Input should be greater than or equal to {least:g}"
        return [issue("greater_than_equal", place, value, words, ctx={"ge": least})]
    return []


def one_of(values: Sequence[str]) -> Check:
    """Check a member of an enum."""
    *most, last = [repr(value) for value in values]
    expected = f"{', '.join(most)} or {last}"
    words, context = f"Input should be {expected}", {"expected": expected}

    def check(value: Any, place: Place) -> list[Issue]:
        is_known = isinstance(value, str) and value in values
        return [] if is_known else [issue("enum", place, value, words, ctx=context)]

    return check


def list_of(check: Check) -> Check:
    """Check a list by its items."""

    def checked(value: Any, place: Place) -> list[Issue]:
        if not isinstance(value, list):
            return [issue("list_type", place, value, "Input should be a valid list")]
        return [found for number, item in enumerate(value) for found in check(item, (*place, number))]

    return checked


def pair_of(check: Check) -> Check:
    """Check a list of two items."""

    def checked(value: Any, place: Place) -> list[Issue]:
        if not isinstance(value, list):
            return [issue("tuple_type", place, value, "Input should be a valid tuple")]
        if len(value) > 2:
            words = f"Tuple should have at most 2 items after validation, not {len(value)}"
            context = {"field_type": "Tuple", "max_length": 2, "actual_length": len(value)}
            return [issue("too_long", place, value, words, ctx=context)]
        found = [problem for number, item in enumerate(value) for problem in check(item, (*place, number))]
        missing = range(len(value), 2)
        return found + [issue("missing", (*place, number), value, "Field required") for number in missing]

    return checked
