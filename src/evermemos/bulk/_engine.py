"""The engine of a run: takes items from a source, works on many at once, hands out results.

What it holds is bounded: items that were taken and results that nobody has fetched yet are at most a window, whatever
the size of the input. Items of one group are worked on one after the other, in their order.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, Protocol

from .._call import RETRIED_STATUSES, back_off
from ..errors import (
    APIConnectionError,
    APIResponseValidationError,
    BulkError,
    EverMemOSError,
    InternalServerError,
    TooManyFailuresError,
)
from ._gate import Gate
from ._plan import Change
from ._record import Record
from ._source import Source

Action = Literal[
    "created",
    "updated",
    "replaced",
    "unchanged",
    "create",
    "update",
    "replace",
    "exported",
    "missing",
    "restored",
    "kept",
    "failed",
]
# Items taken and not yet handed out, for each request in flight.
WINDOW = 12


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one item of the input.

    Attributes:
        index (int): Its place in the input, counted from 0. Results come in the order in which they are ready.
        group_id (str | None): Whose record, None for the default record.
        action (str): Of `apply`: "created", "updated" (PATCH), "replaced" (POST) or "unchanged". Of `plan`: "create",
            "update", "replace" or "unchanged". Of `export`: "exported" or "missing". Of `undo`: "restored",
            "unchanged", or "kept" for a record that was created, since there is no delete. Of all: "failed".
        attempts (int): How many times it was tried. 0: an earlier run with the same journal had done it, or it was
            refused before anything was sent.
        error (EverMemOSError | None): Why it failed.
        changes (tuple[Change, ...]): The fields that differ or differed, of `plan` and `apply`.
        record (Record | None): What `export` read.
    """

    index: int
    group_id: str | None
    action: Action
    attempts: int = 1
    error: EverMemOSError | None = None
    changes: tuple[Change, ...] = field(default=(), repr=False)
    record: Record | None = field(default=None, repr=False)


class Item:
    """One thing to work on."""

    __slots__ = ("alarm", "attempts", "content", "digest", "group_id", "index", "intended", "settled")

    def __init__(self, index: int, group_id: str | None, content: Any) -> None:
        self.index = index
        self.group_id = group_id
        self.content = content
        self.digest = b""
        # What was about to be done to it when something went wrong.
        self.intended: Action | None = None
        self.attempts = 0
        # The result, if it is known before anything is sent.
        self.settled: Result | None = None
        # Why the run must not go on, though there is a result.
        self.alarm: BulkError | None = None


class Job(Protocol):
    """What is done with the items.

    Attributes:
        workers (int): How many work for each request in flight: more than one where they wait for something else, too.
    """

    workers: int

    async def begin(self) -> None: ...
    async def prepare(self, start: int, values: list[Any]) -> list[Item]: ...
    async def attempt(self, item: Item) -> Result: ...
    def failed(self, item: Item) -> None: ...
    async def end(self) -> None: ...


class Engine:
    """One run of a job. Lives in one event loop.

    Args:
        job (Job): What is done with each item.
        items (Iterable[Any] | AsyncIterable[Any]): The input.
        gate (Gate): Where its requests go out.
        concurrency (int): The most requests in flight.
        retries (int): How many times an item is tried again.
        max_failures (int | None): How many items may fail.
    """

    def __init__(
        self,
        job: Job,
        items: Iterable[Any] | AsyncIterable[Any],
        gate: Gate,
        *,
        concurrency: int,
        retries: int,
        max_failures: int | None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.retried = 0
        self.gate = gate
        self._job = job
        self._items = items
        self._workers = job.workers * concurrency
        self._window = WINDOW * concurrency
        self._retries = retries
        self._max_failures = max_failures
        self._buffer: deque[Item] = deque()
        # Items that wait for another one of their group, by group; the groups that are being worked on.
        self._lanes: dict[str | None, deque[Item]] = {}
        self._failed: set[str | None] = set()
        self._results: list[Result] = []
        # Taken from the source and not yet handed out.
        self._outstanding = 0
        self._has_results, self._has_items, self._has_room = (asyncio.Event() for _ in range(3))
        self._error: BaseException | None = None
        self._is_over = self._is_stopping = self._is_read = False
        self._main: asyncio.Task[None] | None = None

    async def results(self) -> list[Result]:
        """Return the results that are there, at least one unless the run is over.

        Raises:
            Exception: What ended the run, after its last result.
        """
        if self._main is None:
            self._main = asyncio.create_task(self._run())
        while not self._results and not self._is_over:
            self._has_results.clear()
            await self._has_results.wait()
        found, self._results = self._results, []
        self._outstanding -= len(found)
        self._has_room.set()
        if not found and self._error is not None:
            error, self._error = self._error, None
            raise error
        return found

    async def aclose(self) -> None:
        """End the run. What is in flight is given up; a journal knows of it."""
        self._error = None
        if self._main is not None:
            self._main.cancel()
            await asyncio.wait([self._main])
        self._is_over = True

    async def _run(self) -> None:
        source = Source(self._items)
        try:
            try:
                await self._job.begin()
                async with asyncio.TaskGroup() as group:
                    self._feeder = group.create_task(self._feed(source))
                    for _ in range(self._workers):
                        group.create_task(self._work())
            finally:
                await source.aclose()
                await self._job.end()
        except BaseExceptionGroup as errors:
            self._error = errors.exceptions[0]
        except Exception as error:
            self._error = error
        finally:
            self._is_over = True
            self._has_results.set()

    async def _feed(self, source: Source) -> None:
        count = 0
        try:
            while not source.ended and not self._is_stopping:
                # Half a window at a time, or every result that is fetched would bring one item.
                while self._outstanding > self._window // 2:
                    self._has_room.clear()
                    await self._has_room.wait()
                values = await source.part(self._window // 2)
                self._outstanding += len(values)
                self._buffer += await self._job.prepare(count, values)
                count += len(values)
                self._has_items.set()
        except Exception as error:
            self._error = error
        finally:
            self._is_read = True
            self._has_items.set()

    async def _work(self) -> None:
        while (item := await self._next()) is not None:
            group_id = item.group_id
            lane = self._lanes[group_id]
            while True:
                self._deliver(item, await self._result(item))
                if not lane or self._is_stopping:
                    break
                item = lane.popleft()
            del self._lanes[group_id]

    async def _next(self) -> Item | None:
        """Wait for an item of a group on which nobody works."""
        while not self._is_stopping:
            while self._buffer:
                item = self._buffer.popleft()
                lane = self._lanes.get(item.group_id)
                if lane is None:
                    self._lanes[item.group_id] = deque()
                    return item
                lane.append(item)
            if self._is_read:
                break
            self._has_items.clear()
            await self._has_items.wait()
        return None

    async def _result(self, item: Item) -> Result:
        if item.settled is not None and item.settled.error is None:
            return item.settled
        error = item.settled.error if item.settled is not None else None
        if item.group_id in self._failed and error is None:
            error = BulkError("not tried: an earlier record of the same group failed, and their order matters")
        while error is None:
            item.attempts += 1
            try:
                return await self._job.attempt(item)
            except BulkError:
                # Of the run, not of the item.
                raise
            except EverMemOSError as failure:
                # The frames of a traceback would keep all that they saw.
                error = failure.with_traceback(None)
                error.__context__ = error.__cause__ = None
            if item.attempts > self._retries or not _may_pass(error):
                break
            self.retried += 1
            error = None
            await asyncio.sleep(back_off(item.attempts))
        return Result(item.index, item.group_id, "failed", item.attempts, error)

    def _deliver(self, item: Item, result: Result) -> None:
        if result.error is not None:
            self._failed.add(item.group_id)
            self._job.failed(item)
        self.counts[result.action] += 1
        self._results.append(result)
        self._has_results.set()
        failures = self.counts["failed"]
        if item.alarm is not None:
            self._stop(item.alarm)
        elif self._max_failures is not None and failures > self._max_failures:
            message = f"{failures} records failed, and max_failures is {self._max_failures}; the rest was not begun"
            self._stop(TooManyFailuresError(message, failures=failures))

    def _stop(self, error: BulkError) -> None:
        """Begin nothing more, and raise the error after the last result. Of several, the first."""
        if not self._is_stopping:
            self._is_stopping = True
            # It may be waiting for an iterable that waits.
            self._feeder.cancel()
            self._has_items.set()
            self._error = error


def _may_pass(error: EverMemOSError) -> bool:
    # An InternalServerError with 404 is our own: a server that lost its database.
    is_down = isinstance(error, InternalServerError) and error.status_code == HTTPStatus.NOT_FOUND
    may_pass = is_down or isinstance(error, APIConnectionError) or error.status_code in RETRIED_STATUSES
    # What an answer that cannot be read was about, the next attempt finds out by reading the record.
    return may_pass or (isinstance(error, APIResponseValidationError) and error.applied)
