"""What goes wrong with answers: statuses that are not in the schema, and JSON that does not fit it."""

from collections.abc import Iterable
from typing import Any

__all__ = ["DecodeError", "UnexpectedStatus", "describe", "json_path"]


class UnexpectedStatus(Exception):
    """Raised by api functions when the response status an undocumented status and Client.raise_on_unexpected_status is True"""

    def __init__(self, status_code: int, content: bytes):
        self.status_code = status_code
        self.content = content

        super().__init__(
            f"Unexpected status code: {status_code}\n\nResponse content:\n{content.decode(errors='ignore')}"
        )


class DecodeError(ValueError):
    """JSON that does not fit the schema.

    Attributes:
        expected (str): What the schema allows at this place.
        got (str): What came: its type, and its value where that cannot be somebody's text.
        path (tuple[str | int, ...]): Where, as keys and indexes from the top.
    """

    def __init__(self, expected: str, got: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(expected, got, path)

    @property
    def expected(self) -> str:
        return str(self.args[0])

    @property
    def got(self) -> str:
        return str(self.args[1])

    @property
    def path(self) -> tuple[str | int, ...]:
        return tuple(self.args[2])

    def inside(self, key: str | int) -> None:
        """Note that the place is inside `key` of an outer value."""
        self.args = (self.expected, self.got, (key, *self.path))

    def __str__(self) -> str:
        return f"${json_path(self.path)}: expected {self.expected}, got {self.got}"


def json_path(path: Iterable[str | int]) -> str:
    """Write a place inside a JSON value, such as `.users['a b'].tags[0]`."""
    return "".join(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]" for key in path)


def describe(value: Any, *, text: bool = False) -> str:
    """Name a value that did not fit: its type, and the value itself for numbers and, with `text`, for short strings."""
    if value is None:
        return "null"
    # Python refuses to write integers of thousands of digits.
    if isinstance(value, int) and value.bit_length() > 256:
        return f"int of {value.bit_length()} bits"
    shown = repr(value) if isinstance(value, (bool, int, float)) or (text and isinstance(value, str)) else ""
    return f"{type(value).__name__} {shown[:60]}".strip()
