"""JSON by orjson and by the standard library: the same results, the same errors, the same bytes."""

from __future__ import annotations

import json
import math
import sys
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import loaded

from evermemos import _json
from evermemos._response import RawResponse

BACKENDS = (_json.Orjson(), _json.Standard())
MANY = settings(derandomize=True, deadline=None, database=None, max_examples=400)


class Text(str):
    __slots__ = ()


class Number(float):
    pass


def refuse(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def reference_loads(content: bytes) -> Any:
    return json.loads(content, parse_constant=refuse)


def reference_dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def outcome(function: Any, argument: Any) -> tuple[str, str]:
    """What comes of a call, so that 1, 1.0 and True differ, and -0.0 and 0.0; of an error its class and text."""
    try:
        return "", repr(function(argument))
    except Exception as error:
        return type(error).__name__, str(error)


def check_loads(content: bytes) -> tuple[str, str]:
    expected = outcome(reference_loads, content)
    for backend in BACKENDS:
        assert outcome(backend.loads, content) == expected, type(backend).__name__
    return expected


def check_dumps(value: Any) -> tuple[str, str]:
    expected = outcome(reference_dumps, value)
    for backend in BACKENDS:
        assert outcome(backend.dumps, value) == expected, type(backend).__name__
    return expected


@pytest.fixture(autouse=True)
def chosen_as_before() -> Iterator[None]:
    yield
    _json.use()


@pytest.mark.parametrize(
    "text",
    [
        *("null", "true", "0", "-0", "1", "1.0", "-0.0", "1e5", "1E+5", "0.1", "5e-324", "1e-400", "1e400", "-1e400"),
        *("1.7976931348623157e308", "9007199254740993", "9007199254740993.0", "2.2250738585072011e-308"),
        *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
        *(
            "18446744073709551615",
            "18446744073709551616",
            "123456789012345678901234567890",
            "[1,2e0,99999999999999999999]",
        ),
        *("0.12345678901234567890123", "12345678901234567890.5", "12345678901234567890e1", '"12345678901234567890"'),
        *('{"a":1,"a":2}', '{"a":{"b":1},"a":{"c":2}}', '{"":1}', '"\\u00e9\\n\\/"', '"\\ud83d\\ude00"', '"é😀\u2028"'),
        *('"\\ud800"', '"\\udc00\\ud800"', '{"\\ud800":"\\udfff"}', '"\\ud800a"'),
        *(" [1 , 2 ]\r\n\t", "\ufeff{}", "[" * 300 + "]" * 300),
    ],
)
def test_what_is_json_is_read_alike(text: str) -> None:
    assert check_loads(text.encode())[0] == ""
    for encoding in ("utf-16", "utf-16-le", "utf-32-be"):
        check_loads(text.encode(encoding))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        *((text, "ValueError") for text in (b"NaN", b"Infinity", b"-Infinity", b'{"a":[1,NaN]}', b"9" * 5000)),
        *(
            (text, "JSONDecodeError")
            for text in (b"", b" ", b"{", b"[1,]", b'{"a":1,}', b"{'a':1}", b"01", b"1.", b".5")
        ),
        *((text, "JSONDecodeError") for text in (b"+1", b"tru", b"nan", b"-", b"[1]x", b'"\\x"', b'"\n"', b'"\x00"')),
        *((text, "JSONDecodeError") for text in (b"\x0c1", b"// a\n1", b'"a', b'"\\u12"', b"<html>", b"[1 2]")),
        *((text, "UnicodeDecodeError") for text in (b'"\xff"', b"\xa01", b'{"a":"\xc3"}', b'"\xc0\x80"')),
        *((text, "RecursionError") for text in (b"[" * 200_000, b'{"a":' * 200_000, b"[" * 200_000 + b"]" * 200_000)),
    ],
)
def test_what_is_not_json_is_refused_alike(content: bytes, error: str) -> None:
    assert check_loads(content)[0] == error


def test_surrogates_are_read_as_the_standard_library_reads_them() -> None:
    assert check_loads(b'"\xed\xa0\x80"') == ("", repr("\ud800"))


SCALARS: Any = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.just("\ud800")
)
VALUES: Any = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@MANY
@given(VALUES, st.booleans(), st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-8-sig"]))
def test_any_value_is_read_alike_however_it_is_written(value: Any, ascii_only: bool, encoding: str) -> None:
    check_loads(json.dumps(value, ensure_ascii=ascii_only).encode(encoding, "surrogatepass"))


@MANY
@given(VALUES, st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3))
def test_any_damage_is_met_alike(value: Any, place: int, put: bytes, taken: int) -> None:
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    check_loads(content[:place] + put + content[place + taken :])


@MANY
@given(st.text(alphabet='0123456789.eE+-[],:{}"ntrue \\ud8', max_size=40))
def test_anything_that_looks_like_json_is_met_alike(text: str) -> None:
    check_loads(text.encode())


@MANY
@given(VALUES)
def test_any_value_is_written_alike(value: Any) -> None:
    check_dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        *(1.0, -0.0, 1e16, 1e-7, 5e-324, 0.1, 1e22, 123456789.125, [1, {"a": [0.5]}]),
        *(2**63, 2**64, -(2**63) - 1, 10**30, True, None, {}, [], "", {"a": {"b": [[], {}, ""]}}),
        *(Text("a"), Number(1.5), {Text("a"): Text("b")}, OrderedDict(b=1, a=2), (1, (2,)), [Number(2)]),
        *({1: 2}, {None: 1, True: 2, 1.5: 3}, {"a": 1, "b": {2: 3}}),
        *("".join(map(chr, range(0xD800))), "\U0010ffff\u2028\x7f", {"é": "😀"}),
    ],
)
def test_what_can_be_written_is_written_alike(value: Any) -> None:
    assert check_dumps(value)[0] == ""


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, [math.nan], {"a": {"b": [1, math.inf]}}, Number("nan")]
)
def test_a_number_that_is_not_finite_is_an_error_and_never_null(value: Any) -> None:
    assert check_dumps(value)[0] == "ValueError"


@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"], {"\ud800": 1}, {"a": {"b": "\ud800"}}])
def test_a_text_that_cannot_be_encoded_is_an_error(value: Any) -> None:
    assert check_dumps(value)[0] == "UnicodeEncodeError"


def test_what_has_no_form_in_json_is_an_error() -> None:
    import datetime
    import uuid

    for value in (object(), b"a", {1, 2}, datetime.datetime.now(datetime.UTC), uuid.UUID(int=1), {(1, 2): 3}):
        assert check_dumps([value])[0] == "TypeError"


def test_what_contains_itself_or_is_too_deep_is_an_error() -> None:
    circle: list[Any] = []
    circle += [circle, circle]
    assert check_dumps(circle) == ("ValueError", "Circular reference detected")
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    assert check_dumps(deep)[0] == ""
    for _ in range(200_000):
        deep = [deep]
    assert check_dumps(deep)[0] == "RecursionError"


def test_orjson_is_chosen_where_it_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(_json.use(), _json.Orjson)
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert isinstance(_json.use(), _json.Standard)
    assert _json.dumps(_json.loads(b'{"a": [1.50]}')) == b'{"a":[1.5]}'


@pytest.mark.parametrize("backend", [_json.Orjson, _json.Standard])
def test_a_raw_answer_is_read_by_whatever_was_chosen(backend: type[Any]) -> None:
    used = _json.use(backend)
    assert isinstance(used, backend)
    answer: RawResponse[Any] = RawResponse(200, {}, b'{"a": 123456789012345678901}', 1, lambda answer: None)
    assert answer.json() == {"a": 123456789012345678901}
    for content, problem in ((b'"\xff"', "not UTF-8"), (b"[" * 200_000, "nested too deeply"), (b"<", "not JSON")):
        answer = RawResponse(200, {}, content, 1, lambda answer: None)
        with pytest.raises((ValueError, RecursionError)) as raised:
            answer.json()
        assert answer.describe(raised.value).endswith(problem)


@pytest.mark.process
def test_importing_it_loads_neither_library() -> None:
    assert not {"json", "orjson"} & loaded("from evermemos import _json")
