"""JSON as it is sent and received: by orjson where it is installed, else by the standard library, to the same effect.

The standard library decides what a text means. What orjson refuses, or reads or writes in another way, is left to it:
errors, integers beyond 64 bits, surrogates without their other half, and in writing all floats (orjson writes `1e16`
for `1e+16`, and null for NaN). One thing differs: how deep a text may be nested, which with the standard library
depends on how deep the stack is already.
"""

from __future__ import annotations

from typing import Any, Protocol

# A text in which every digit is a 0 is searched much faster than by a regular expression.
DIGITS = bytes(ord("0") if chr(byte).isdecimal() else ord(" ") for byte in range(128)).ljust(256)
# As many digits as an integer beyond 64 bits has at least.
MANY_DIGITS = b"0" * 19
# Classes of values that both write alike.
ALIKE = frozenset({str, int, bool, type(None)})


class Backend(Protocol):
    """What reads and writes JSON."""

    def loads(self, content: bytes) -> Any: ...
    def dumps(self, value: Any) -> bytes: ...


def loads(content: bytes) -> Any:
    """Read JSON, in UTF-8, or in UTF-16 or UTF-32 as RFC 4627 had it.

    Raises:
        ValueError: If it is not JSON. NaN and Infinity are not.
        RecursionError: If it is nested too deeply.
    """
    return (_chosen or use()).loads(content)


def dumps(value: Any) -> bytes:
    """Write compact JSON in UTF-8, byte for byte what httpx writes.

    Raises:
        TypeError: If a value has no form in JSON.
        ValueError: If a number is not finite, or a text cannot be encoded.
    """
    return (_chosen or use()).dumps(value)


def use(backend: type[Backend] | None = None) -> Backend:
    """Choose what reads and writes from now on: orjson if it can be imported, unless told otherwise."""
    # Not before the first use: importing orjson takes 20 ms.
    global _chosen
    if backend is None:
        try:
            _chosen = Orjson()
        except ImportError:
            _chosen = Standard()
    else:
        _chosen = backend()
    return _chosen


class Standard:
    """The standard library. Its functions would make a new decoder or encoder in every call."""

    def __init__(self) -> None:
        import json

        self._detect_encoding = json.detect_encoding
        decoder = json.JSONDecoder(parse_constant=_no_constant)
        self._decode, self._raw_decode = decoder.decode, decoder.raw_decode
        options: Any = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
        self._encode = json.JSONEncoder(**options, check_circular=False).encode
        self._encode_or_explain = json.JSONEncoder(**options).encode

    def loads(self, content: bytes) -> Any:
        is_usual = content.startswith(b"{") and content[1:2] > b"\0"
        text = content.decode("utf-8" if is_usual else self._detect_encoding(content), "surrogatepass")
        value, end = None, -1
        try:  # noqa: SIM105 - a context manager takes as long as reading a short text
            value, end = self._raw_decode(text)
        except ValueError:
            pass
        # Looking for white space around the value takes as long, too.
        return value if end == len(text) else self._decode(text)

    def dumps(self, value: Any) -> bytes:
        try:
            return self._encode(value).encode()
        except RecursionError:
            pass
        # Too deep, or without an end? Looking for that all the time takes a fifth of the time.
        return self._encode_or_explain(value).encode()


class Orjson:
    """The library orjson, where it does the same as the standard one."""

    def __init__(self) -> None:
        import orjson

        self._loads = orjson.loads
        self._dumps = orjson.dumps
        self._standard = Standard()

    def loads(self, content: bytes) -> Any:
        if MANY_DIGITS not in content.translate(DIGITS):
            try:
                return self._loads(content)
            except ValueError:
                pass
        return self._standard.loads(content)

    def dumps(self, value: Any) -> bytes:
        try:
            if _alike(value):
                return self._dumps(value)
        except (TypeError, RecursionError):
            pass
        return self._standard.dumps(value)


_chosen: Backend | None = None


def _alike(value: Any) -> bool:
    """Whether a value has nothing in it that orjson may write in another way, or without an error."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return kind in ALIKE
    for item in value:  # noqa: SIM110 - a generator would take twice as long
        if type(item) not in ALIKE and not _alike(item):
            return False
    return True


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")
