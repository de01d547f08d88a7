"""Proof of absence: what has to hold before a 404 may lead to the creation of a record. No I/O.

A server that has lost its database answers 404 for records that are there, mostly after 10 to 20 seconds; a POST on one
of them, once the database is back, replaces it whole. docs/decisions.md says what the proof is and what it leaves open.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from ._response import time_of
from .errors import InternalServerError, NotFoundError

clock = time.monotonic
# Seconds. A 404 of a server that has its database takes milliseconds.
SLOW = 2.0
# Why a 404 is not taken for absence, and what to do.
IS_SLOW = (
    f"after more than {SLOW:g} s, which is how a server answers whose database is away. Nothing was written; try again "
    "when the server is well, or if it is just slow, with fewer requests at once"
)
WITNESS_IS_LOST = (
    "though it was there before: the server seems to have lost its database, or somebody has deleted that record. "
    "Nothing was written; try again when the database is back"
)
DEFAULT_IS_SILENT = (
    "though there is a default record, which answers for every group: the server seems to have lost its database. "
    "Nothing was written; try again when it is back"
)
RECORD_IS_LOST = (
    "though it was read just before: the server seems to have lost its database, or cannot store a value of the "
    "record. Nothing was written; try again when the server is well"
)


def is_slow(started: float) -> bool:
    """Whether an answer has taken so long that it may be that of a server without its database.

    Args:
        started (float): When the request was made, by `clock`.
    """
    return clock() - started > SLOW


def database_lost(error: NotFoundError, reason: str) -> InternalServerError:
    """Return the error of a 404 that is not taken for absence. It may pass.

    Args:
        error (NotFoundError): The 404.
        reason (str): Why it is not, one of those above.
    """
    attributes = {name: value for name, value in vars(error).items() if name != "message"}
    return InternalServerError(f"{error.message}, {reason}", **attributes)


def is_older(created_at: Any, seen: datetime | None) -> bool:
    """Whether a POST was answered with a record that was there before, which it has replaced.

    Only times of the server are compared. An answer in microseconds is that of a creation: databases keep milliseconds.

    Args:
        created_at (Any): When the record in the answer was made.
        seen (datetime | None): A time of the server's from before the POST, as late as possible. None: not known, and
            then the answer to this is no.
    """
    made = time_of(created_at)
    if made is None or seen is None or made.microsecond % 1000:
        return False
    # What is written in whole seconds is not older than the second it was made in.
    return made < (seen if made.microsecond else seen.replace(microsecond=0))
