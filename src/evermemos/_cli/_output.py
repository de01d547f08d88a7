"""What goes to the screen: results on stdout, all else on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from ..errors import ConfigurationError

STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


class Form(StrEnum):
    """How results are written."""

    table = "table"
    json = "json"
    yaml = "yaml"


class Output:
    """Writes results in the form that was asked for.

    Args:
        form (Form | None): The form. Default: a table on a terminal, JSON elsewhere.
        quiet (bool): Whether to leave out what is no result and no error.

    Attributes:
        form (Form): The form.
        quiet (bool): As given.
    """

    def __init__(self, form: Form | None, *, quiet: bool = False) -> None:
        self.form = form or (Form.table if sys.stdout.isatty() else Form.json)
        self.quiet = quiet
        self._has_colour = has_colour(sys.stdout)

    def styled(self, text: str, style: str) -> str:
        """Return a text with its style, if it is for a terminal that can show it."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self._has_colour else text

    def line(self, text: str) -> None:
        """Write a line of a table."""
        sys.stdout.write(f"{text}\n")

    def one(self, values: Mapping[str, Any]) -> None:
        """Write the only result of a command."""
        if self.form is Form.json:
            self.line(as_json(values, indent=2))
        else:
            self.many(values)

    def many(self, values: Mapping[str, Any]) -> None:
        """Write one of the results of a command."""
        if self.form is Form.json:
            self.line(as_json(values))
        elif self.form is Form.yaml:
            self.line(as_yaml(values).rstrip("\n"))
        else:
            self.table(values)

    def table(self, values: Mapping[str, Any]) -> None:
        """Write names and values, below each other."""
        width = max(map(len, map(shown, values)), default=0)
        for name, value in values.items():
            label = self.styled(shown(name).ljust(width), "cyan")
            for text in _lines(value):
                self.line(f"{label}  {text}".rstrip())
                label = " " * width

    def note(self, text: str) -> None:
        """Write a line that is no result, to stderr."""
        if not self.quiet:
            say(text)


def say(text: str) -> None:
    """Write a line to stderr. Whoever has closed it does not want to read it."""
    try:
        sys.stdout.flush()
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        pass


def has_colour(stream: Any) -> bool:
    """Whether a stream is a terminal that shows colours to somebody who wants them."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and is_smart()


def is_smart() -> bool:
    """Whether the terminal does more than to print."""
    return os.environ.get("TERM", "") not in ("", "dumb") or os.name == "nt"


def shown(value: Any) -> str:
    """Return a value as one line that cannot steer a terminal: what people wrote may hold anything."""
    return _printable(value) if isinstance(value, str) else as_json(value)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield from (f"{shown(key)}: {shown(_without_nulls(inner))}" for key, inner in value.items())
    elif value is not None:
        yield shown(value)


def _without_nulls(value: Any) -> Any:
    is_map = isinstance(value, Mapping)
    return {key: inner for key, inner in value.items() if inner is not None} if is_map else value


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return JSON in which nothing but printable characters stand."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "\n".join(map(_printable, text.split("\n")))


def as_yaml(value: Any) -> str:
    """Return a document of YAML."""
    try:
        from ..bulk._yaml import dump
    except ConfigurationError:
        raise ConfigurationError("YAML needs pyyaml: pip install 'evermemos-client[cli]'") from None
    values = json.loads(json.dumps(value))
    text = dump(values).decode()
    # YAML would let some through that turn the direction of a terminal.
    return text if all(map(str.isprintable, text.splitlines())) else dump(values, ascii=True).decode()


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return re.sub("....", lambda unit: f"\\u{unit[0]}", units)
