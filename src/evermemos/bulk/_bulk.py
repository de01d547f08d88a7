"""`client.v1.bulk`: many records at once."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from .. import _settings
from .._async.conversation_meta import AsyncConversationMetaV1
from .._async.pool import AsyncPool
from .._async.send import AsyncSender
from .._settings import Settings
from ..errors import ConfigurationError
from . import _journal
from ._engine import Engine
from ._gate import Gate
from ._jobs import Apply, Export, Plan, Reader, Undo
from ._record import Record
from ._run import AsyncRun, Close, OnResult, Run

R = TypeVar("R")
Records = Iterable[Record | Mapping[str, Any]] | AsyncIterable[Record | Mapping[str, Any]]
Groups = Iterable[str | None] | AsyncIterable[str | None]
Path_ = str | os.PathLike[str]
# Makes the job, given the methods of the resource and the gate.
MakeJob = Callable[[Any, Gate], Reader]

DEFAULT_CONCURRENCY = 32
DEFAULT_RETRIES = 8


class _Bulk(Generic[R]):
    """Many records at once, on /api/v1.

    Every method returns a run: an iterator of `Result`, which begins with the first one that is asked for, and whose
    `finish()` goes to the end and returns the counts. Input of any size takes the same memory. Results come when they
    are ready, which is not the order of the input; records of one group are worked on one after the other, in their
    order, and once one of them has failed, those behind it fail without being tried.

    Iterables are read in a thread of their own, asynchronous ones in the event loop of the run.

    Every method takes these arguments:

    - `concurrency` (int): The most requests in flight. With 429 and 503 it is halved for all, and grows back by one
      for as many good answers as are in flight; Retry-After, of at most 600 seconds, is waited for by all.
    - `rate` (float | None): The most requests per second, on average; a tenth of a second's worth may go out at once.
      A record that is as wanted costs one request, a new one two, or a good three where there is no default record.
    - `retries` (int): How many times an item is tried again after a failure that may pass: no connection, a timeout,
      statuses 408, 429, 500, 502, 503 and 504, and a 404 that looks like a lost database. Every try reads the record
      first, so that a write whose outcome is unknown is settled before it is repeated. Waits grow to 8 seconds.
    - `max_failures` (int | None): How many items may fail. With one more, no more are begun, those in flight are
      finished, and after their results TooManyFailuresError is raised. None is any number.
    - `on_result` (Callable[[Result], object] | None): Called with each result, just before the iterator gives it.

    A wrong argument raises ConfigurationError at once.
    """

    def __init__(self, sender: Any) -> None:
        self._sender = sender
        self._settings: Settings = sender.settings

    def apply(
        self,
        records: Records,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        rate: float | None = None,
        retries: int = DEFAULT_RETRIES,
        max_failures: int | None = None,
        on_result: OnResult | None = None,
        journal: Path_ | None = None,
        failures: Path_ | None = None,
    ) -> R:
        """Bring records about: create those that are missing, change what differs in the others.

        A record that is as wanted costs a GET and is not written. A change goes out as PATCH with the fields that
        differ; where PATCH cannot change a field (version, scene, created_at), the whole record is replaced by POST,
        with what the server has in all other fields.

        Servers answer 404 while their database is away, so a record is created only once its absence is proved: by the
        default record that answers in its place, or by two quick 404s with another record found in between. Without
        proof it fails with InternalServerError, and can be tried again. docs/decisions.md says what is left open.

        Args:
            records (Iterable | AsyncIterable): `Record`s or dicts, or what `read` returns of a file. A dict that
                is no record is a failure; a file is checked by `read` before anything is sent.
            journal (str | os.PathLike[str] | None): File in which to write down what is done, for its owner alone
                (mode 600): it holds what people wrote. After an interruption, by kill -9 too, the same call goes on
                where it stopped: what was done is not asked for again, what was under way is settled, what had failed
                is tried again. Input and order must be the same.
            failures (str | os.PathLike[str] | None): File for the records that fail, as JSON Lines, mode 600. It is
                written anew, and is itself input for another run: `read(path, unique=False)`.

        Raises:
            JournalError: If the journal is that of another input or server, was undone, or cannot be used.
            RecordReplacedError: If a record whose absence was proved was there all the same, and was replaced.
        """
        if failures is not None and Path(failures).resolve() in {
            Path(other).resolve() for other in (getattr(records, "path", None), journal) if other is not None
        }:
            raise ConfigurationError("failures is the file of the input or the journal: name another")
        fingerprint = getattr(records, "fingerprint", None)
        opened: list[_journal.Journal] = []

        def job(meta: Any, gate: Gate) -> Reader:
            # When the run begins: a run that is not begun holds nothing open.
            if journal is not None:
                opened.append(_journal.Journal(journal, server=self._settings.base_url, fingerprint=fingerprint))
            return Apply(
                meta,
                gate,
                validate=self._settings.validate,
                journal=opened[-1] if opened else None,
                failures=None if failures is None else Path(failures),
            )

        return self._run(job, records, concurrency, rate, retries, max_failures, on_result)

    def plan(
        self,
        records: Records,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        rate: float | None = None,
        retries: int = DEFAULT_RETRIES,
        max_failures: int | None = None,
        on_result: OnResult | None = None,
    ) -> R:
        """Say what `apply` would do, field by field. Reads alone.

        Each record is compared with what the server has now, not with what other records of the input would make of it.
        "create" is said on the same proof of absence on which `apply` would create.

        Args:
            records (Iterable | AsyncIterable): As for `apply`.
        """
        job = partial(Plan, validate=self._settings.validate)
        return self._run(job, records, concurrency, rate, retries, max_failures, on_result)

    def export(
        self,
        groups: Groups | None = None,
        *,
        journal: Path_ | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        rate: float | None = None,
        retries: int = DEFAULT_RETRIES,
        max_failures: int | None = None,
        on_result: OnResult | None = None,
    ) -> R:
        """Read records back, in the form in which `apply` takes them. The API has no list of groups: name them.

        A group that has no record of its own is "missing", though servers would answer with the default record.

        Args:
            groups (Iterable | AsyncIterable | None): Ids of groups; None among them is the default record.
            journal (str | os.PathLike[str] | None): The groups are those of this journal, if no others are given.

        Raises:
            JournalError: If the journal cannot be used.
        """
        if (groups is None) == (journal is None):
            raise ConfigurationError("export: give either groups or a journal")
        if isinstance(groups, str):
            raise ConfigurationError("export: groups is a str: expected a list of them")
        items: Any = groups
        if journal is not None:
            _journal.check_server(journal, self._settings.base_url)
            items = _journal.groups(journal)
        job = partial(Export, validate=self._settings.validate)
        return self._run(job, items, concurrency, rate, retries, max_failures, on_result)

    def undo(
        self,
        journal: Path_,
        *,
        force: bool = False,
        concurrency: int = DEFAULT_CONCURRENCY,
        rate: float | None = None,
        retries: int = DEFAULT_RETRIES,
        max_failures: int | None = None,
        on_result: OnResult | None = None,
    ) -> R:
        """Put back what a run of `apply` changed, the last change first.

        A record that was created stays, since there is no delete ("kept"). One that somebody else has changed since
        fails with ConflictError and is left alone. An undo that was interrupted can be repeated. The journal cannot be
        gone on with once an undo has begun.

        Args:
            journal (str | os.PathLike[str]): The journal of the run.
            force (bool): Whether to put back, too, what somebody else has changed since.

        Raises:
            JournalError: If the journal is of another server, or cannot be used.
        """
        _journal.check_server(journal, self._settings.base_url)

        def job(meta: Any, gate: Gate) -> Reader:
            _journal.mark_undone(journal)
            return Undo(meta, gate, force=force)

        return self._run(job, _journal.intents(journal), concurrency, rate, retries, max_failures, on_result)

    def _run(
        self,
        job: MakeJob,
        items: Any,
        concurrency: int,
        rate: float | None,
        retries: int,
        max_failures: int | None,
        on_result: OnResult | None,
    ) -> R:
        _settings.check_count("concurrency", concurrency, least=1)
        _settings.check_count("retries", retries, least=0)
        if max_failures is not None:
            _settings.check_count("max_failures", max_failures, least=0)
        if not _is_rate(rate):
            raise ConfigurationError(f"rate is {rate!r}: expected requests per second, more than 0, or None")
        if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, (Iterable, AsyncIterable)):
            raise ConfigurationError(
                f"expected an iterable of records, got {type(items).__name__}; `read` reads a file"
            )

        def make() -> tuple[Engine, Close | None]:
            gate = Gate(concurrency, rate)
            meta, close = self._meta(concurrency)
            bounds: Any = {"concurrency": concurrency, "retries": retries, "max_failures": max_failures}
            return Engine(job(meta, gate), items, gate, **bounds), close

        return self._start(make, on_result)

    def _meta(self, concurrency: int) -> tuple[Any, Close | None]:
        """Return the methods of the resource, and what closes them.

        They are unchecked: records have been checked, and what a server had before is put back whatever it is.
        """
        raise NotImplementedError

    def _start(self, make: Callable[[], tuple[Engine, Close | None]], on_result: OnResult | None) -> R:
        raise NotImplementedError


class AsyncBulk(_Bulk[AsyncRun]):
    __doc__ = _Bulk.__doc__

    def _meta(self, concurrency: int) -> tuple[Any, Close | None]:  # noqa: ARG002
        return AsyncConversationMetaV1(self._sender.unchecked), None

    def _start(self, make: Callable[[], tuple[Engine, Close | None]], on_result: OnResult | None) -> AsyncRun:
        return AsyncRun(make, on_result)


class Bulk(_Bulk[Run]):
    __doc__ = _Bulk.__doc__

    def _meta(self, concurrency: int) -> tuple[Any, Close | None]:
        if self._sender.has_own_client:
            threaded = _Threaded(self._sender.unchecked, concurrency)
            return threaded, threaded.aclose
        # The loop in a thread is a place of its own, with connections of its own.
        pool = AsyncPool(None)
        # Closing what leads to a sandbox in this process may close the sandbox, which is the client's.
        close = pool.aclose if self._settings.sandbox is None else None
        return AsyncConversationMetaV1(AsyncSender(pool, self._settings).unchecked), close

    def _start(self, make: Callable[[], tuple[Engine, Close | None]], on_result: OnResult | None) -> Run:
        return Run(make, on_result)


def _is_rate(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and value is not True and 0 < value < math.inf)


class _Threaded:
    """The methods of a synchronous client with an httpx client of the user's own, called in threads."""

    def __init__(self, sender: Any, concurrency: int) -> None:
        from .._sync.conversation_meta import ConversationMetaV1

        meta = ConversationMetaV1(sender)
        self._threads = threads = ThreadPoolExecutor(concurrency, "evermemos-bulk-call")

        def threaded(method: Any) -> Any:
            async def call(**arguments: Any) -> Any:
                return await asyncio.get_running_loop().run_in_executor(threads, partial(method, **arguments))

            return call

        self.get, self.create, self.update = map(threaded, (meta.get, meta.create, meta.update))

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False)
