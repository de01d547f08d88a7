"""What servers take for a number or a boolean: the sandbox's checks against pydantic itself, which servers use."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from memories import BOUNDED
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evermemos.sandbox import _lax, _schema
from evermemos.sandbox._memory_requests import Model


class Asked(BaseModel):
    """A field of each kind, as models of servers have them."""

    model_config = ConfigDict(extra="ignore")
    text: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] | None = 10
    offset: Annotated[int, Field(ge=0)] = 0
    radius: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    flag: bool = True
    names: list[str] | None = None
    pair: tuple[str | None, str | None] | None = None


OURS = Model(
    "Asked",
    {
        "text": _schema.or_null(_lax.text),
        "limit": _schema.or_null(_lax.integer(1, 500)),
        "offset": _lax.integer(0),
        "radius": _schema.or_null(_lax.number(0.0, 1.0)),
        "flag": _schema.boolean,
        "names": _schema.or_null(_lax.list_of(_lax.text)),
        "pair": _schema.or_null(_lax.pair_of(_schema.or_null(_lax.text))),
    },
    lambda _: None,
)
NUMBERS = st.one_of(
    st.sampled_from(
        ["", "5", " 5 ", "5.0", "5.5", "1_0", "_5", "5_", "+5", "-0", "0x5", "1e2", "5.", ".5", "05", "nan"]
    ),
    st.sampled_from(
        ["inf", "-inf", "true", "YES", "off", " true", "2", "x", "\uff19", "5\n", "1__0", "9" * 40, "9" * 5000]
    ),
    st.integers(),
    st.integers(-3, 3),
    st.floats(),
    st.floats(-2, 2),
    st.booleans(),
)
VALUES = st.recursive(
    st.one_of(NUMBERS, st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


def error_of(value: dict[str, Any]) -> ValidationError | None:
    try:
        Asked.model_validate(value)
    except ValidationError as error:
        return error
    return None


def parts(issues: Iterable[Any]) -> str:
    """Write issues so that NaN is the same as NaN, without the address of what explains them."""
    names = ("type", "loc", "msg", "input", "ctx")
    return repr([[(name, each.get(name)) for name in names] for each in issues])


@BOUNDED
@given(value=st.fixed_dictionaries({}, optional=dict.fromkeys(OURS.fields, VALUES)))
@example({"limit": 1e30, "offset": math.nan, "radius": 10**400, "flag": 10**30, "pair": [1]})
def test_the_sandbox_finds_what_pydantic_finds(value: dict[str, Any]) -> None:
    error = error_of(value)
    assert parts(OURS.issues(value, ())) == parts(error.errors() if error else [])


@BOUNDED
@given(value=st.fixed_dictionaries({}, optional={"limit": VALUES, "names": VALUES, "radius": NUMBERS}))
@example({"limit": "é" * 60})
@example({"limit": "a" + "é" * 60})
@example({"limit": "x" * 48, "names": "x" * 49})
def test_errors_are_written_as_pydantic_writes_them(value: dict[str, Any]) -> None:
    error = error_of(value)
    # The address names the version of pydantic, which is another one on servers.
    wanted = error and re.sub(r"errors\.pydantic\.dev/[0-9.]+/", "errors.pydantic.dev/2.12/", str(error))
    assert OURS.refusal(value) == wanted


@pytest.mark.parametrize("value", [[], "x", 5, None])
def test_what_is_no_object_has_no_fields(value: Any) -> None:
    (found,) = OURS.issues(value, ("body",))
    assert (found["type"], found["loc"]) == ("model_attributes_type", ("body",))
