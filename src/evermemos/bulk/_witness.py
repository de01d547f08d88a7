"""The witness of a run: a record that is known to be there, by which to tell whether the server has its database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from .. import _absence
from ..errors import APIError, InternalServerError, NotFoundError


class Witness:
    """A record that the run has seen, and before it has seen any, the default record.

    Args:
        get (Callable[[str | None], Awaitable[Any]]): Reads the record of a group. Raises NotFoundError for a quick 404.

    Attributes:
        is_known (bool): Whether the run knows a record that is there.
        has_default (bool): Whether there is a default record, which then answers for every group without one.
        server_time (datetime | None): The latest time that the server is known to have had.
        doubts (int): How many signs of a lost database there were. A proof during which there was one is none.
    """

    def __init__(self, get: Callable[[str | None], Awaitable[Any]]) -> None:
        self._get = get
        self._group_id: str | None = None
        self.is_known = self.has_default = False
        self.server_time: datetime | None = None
        self.doubts = 0
        self._has_begun = False
        # The last read of the witness that has begun, and the one that is to come.
        self._current: asyncio.Task[APIError | None] | None = None
        self._next: asyncio.Task[APIError | None] | None = None

    def saw(self, group_id: str | None) -> None:
        """Take note of a record that is there."""
        self.is_known = True
        self._group_id = group_id
        self.has_default |= group_id is None

    def saw_time(self, time: datetime | None) -> None:
        """Take note of a time of the server's."""
        if time is not None and (self.server_time is None or time > self.server_time):
            self.server_time = time

    def lost(self, error: NotFoundError, reason: str) -> InternalServerError:
        """Take note of a 404 that is not taken for absence, and return the error to raise in its place."""
        self.doubts += 1
        return _absence.database_lost(error, reason)

    async def begin(self) -> None:
        """Look for a default record, unless something is known already."""
        if not self.is_known and not self._has_begun:
            await self.confirm()
            self._has_begun = True

    async def confirm(self) -> None:
        """Read the witness: if it is found, the server has its database. All who ask before a read begins share it.

        Raises:
            InternalServerError: If the witness is not found, which was there before.
            APIError: If the witness cannot be read.
        """
        # A read that has begun may have been answered before the 404 that it is to confirm.
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._current))
        if (error := await self._next) is not None:
            raise error

    async def _read_after(self, current: asyncio.Task[APIError | None] | None) -> APIError | None:
        if current is not None:
            await asyncio.wait([current])
        self._current, self._next = self._next, None
        return await self._read()

    async def _read(self) -> APIError | None:
        group_id, is_known = self._group_id, self.is_known
        try:
            result = (await self._get(group_id)).result
        except NotFoundError as error:
            self.saw_time(error.server_time)
            return self.lost(error, _absence.WITNESS_IS_LOST) if is_known else None
        except APIError as error:
            return error
        self.saw(group_id if result.group_id == group_id else None)
        return None
