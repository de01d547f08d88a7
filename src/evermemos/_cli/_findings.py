"""What `evermemos doctor` finds."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad a finding is."""

    ok = "ok"
    note = "note"
    warning = "warning"
    problem = "problem"
    skipped = "skipped"


class Finding(NamedTuple):
    """One thing that was looked at. Its texts may name hosts and variables, never keys, group ids or what people wrote.

    Attributes:
        check (str): What was looked at.
        level (Level): How bad it is.
        text (str): What was found.
        fix (str | None): What to do about it.
    """

    check: str
    level: Level
    text: str
    fix: str | None = None
