"""Times, as they come in requests."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ._messages import Refused

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Unix times from here on are in milliseconds: as seconds they would be after the year 5100.
_MILLISECONDS_FROM = 1e11


def moment(value: Any) -> datetime | None:
    """Read a time in ISO 8601, in UTC where it names no zone, or a Unix time. None if it is neither."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def microseconds(value: datetime) -> int:
    """Write a time as a number that can be compared."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def stored(value: datetime) -> str:
    """Write a time as servers give one that their database keeps, which cuts it to milliseconds."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000).isoformat().replace("+00:00", "Z")


def milliseconds() -> int:
    """Tell what time it is, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def refuse_vague(name: str, text: str) -> None:
    """Refuse a time that is none, or that does not name its zone.

    Raises:
        Refused: If that is so.
    """
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise Refused(400, f"{name} is not a time in ISO 8601 with a time zone, such as 2025-01-15T10:00:00+00:00")
