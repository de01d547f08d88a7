"""The four things that a run can do with its items."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from evermemos_api.types import UNSET, encode

from .. import _absence, _checks, _json
from .._response import time_of
from ..errors import (
    APIResponseValidationError,
    ConflictError,
    JournalError,
    NotFoundError,
    RecordReplacedError,
    RequestValidationError,
)
from ._engine import Action, Item, Result
from ._gate import Gate
from ._journal import Earlier, Intent, Journal
from ._plan import Plan as Found
from ._plan import exported, image, is_same, plan
from ._record import Record
from ._witness import Witness

WRITTEN: dict[str, Action] = {"create": "created", "update": "updated", "replace": "replaced"}


class Reader:
    """Reads records, and what all jobs have in common.

    Args:
        meta (Any): The methods of conversation metadata, asynchronous.
        gate (Gate): Where requests go out.
        validate (bool): Whether records are checked.
    """

    def __init__(self, meta: Any, gate: Gate, *, validate: bool) -> None:
        self._meta = meta
        self._gate = gate
        self._validate = validate
        self._witness = Witness(self._get)
        self.workers = 1

    async def begin(self) -> None:
        """Do what comes before the first item."""

    async def end(self) -> None:
        """Do what comes after the last item."""

    def failed(self, item: Item) -> None:
        """Take note of an item that failed."""

    async def prepare(self, start: int, values: list[Any]) -> list[Item]:
        """Make items of what was read from the input."""
        return [self._item(start + offset, value) for offset, value in enumerate(values)]

    def _item(self, index: int, value: Any) -> Item:
        try:
            record = value if isinstance(value, Record) else Record.from_dict(value, validate=self._validate)
        except RequestValidationError as error:
            group_id = value.get("group_id") if isinstance(value, Mapping) else None
            group_id = group_id if isinstance(group_id, str) else None
            item = Item(index, group_id, value)
            item.settled = Result(index, group_id, "failed", 0, error.with_traceback(None))
            return item
        return Item(index, record.group_id, record)

    async def attempt(self, item: Item) -> Result:
        """Do what there is to do about one item."""
        raise NotImplementedError

    async def _read(self, group_id: str | None) -> dict[str, Any] | None:
        """Read the record of a group, or the default record. None: there is none of its own, which is proved.

        Raises:
            InternalServerError: If the server seems to have lost its database.
        """
        while True:
            doubts = self._witness.doubts
            current, is_sure = await self._ask(group_id)
            if is_sure or await self._is_absent(group_id, doubts):
                return current

    async def _is_absent(self, group_id: str | None, doubts: int) -> bool:
        """Prove that a record is absent which was not found: ask again once the server is known to have its database.

        Both 404s come from outages only if one has ended before the witness was read, and another has begun since.

        Args:
            group_id (str | None): Whose record.
            doubts (int): How many signs of outages there were before the first 404.

        Returns:
            bool: Whether it is proved. If not, all that was found out before is void.

        Raises:
            InternalServerError: If the server seems to have lost its database.
        """
        await self._witness.confirm()
        current, _ = await self._ask(group_id)
        if current is not None:
            self._witness.doubts += 1
        return self._witness.doubts == doubts

    async def _ask(self, group_id: str | None) -> tuple[dict[str, Any] | None, bool]:
        """Read a record once. Returns it, None if it was not found, and whether that is for sure.

        The default record that answers in its place comes out of a database, so that absence is for sure.

        Raises:
            InternalServerError: If the server seems to have lost its database.
        """
        await self._witness.begin()
        has_default = self._witness.has_default
        try:
            result = (await self._get(group_id)).result
        except NotFoundError as error:
            self._witness.saw_time(error.server_time)
            if has_default:
                raise self._witness.lost(error, _absence.DEFAULT_IS_SILENT) from None
            return None, False
        if group_id is None or result.group_id == group_id:
            self._witness.saw(group_id)
            return image(result.to_dict()), True
        if result.group_id is UNSET and result.is_default is not True:
            raise APIResponseValidationError(
                f"the answer does not say whether the record is that of group {group_id!r}",
                json_path="$.result.group_id",
                expected="str",
                got="nothing",
            )
        self._witness.saw(None)
        return None, True

    async def _get(self, group_id: str | None) -> Any:
        return await self._gate.send(self._get_quickly, group_id=group_id)

    async def _get_quickly(self, **arguments: Any) -> Any:
        # Behind the gate, where nothing else is waited for.
        started = _absence.clock()
        try:
            return await self._meta.get(**arguments)
        except NotFoundError as error:
            if _absence.is_slow(started):
                raise self._witness.lost(error, _absence.IS_SLOW) from None
            raise


class Plan(Reader):
    """Says what there is to do."""

    async def attempt(self, item: Item) -> Result:
        """Compare one record."""
        found = plan(item.content, await self._read(item.group_id))
        return Result(item.index, item.group_id, found.action, item.attempts, changes=found.changes)


class Apply(Reader):
    """Does what there is to do.

    Args:
        meta (Any): The methods of conversation metadata, asynchronous.
        gate (Gate): Where requests go out.
        validate (bool): Whether records are checked.
        journal (Journal | None): Where to write down what is done.
        failures (Path | None): Where to put the records that failed.
    """

    def __init__(
        self, meta: Any, gate: Gate, *, validate: bool, journal: Journal | None, failures: Path | None
    ) -> None:
        super().__init__(meta, gate, validate=validate)
        self._journal = journal
        self._failures = failures
        self._file: IO[bytes] | None = None
        self._first = asyncio.Lock()
        # While some wait for the disk.
        self.workers = 1 if journal is None else 3

    async def begin(self) -> None:
        """Begin the file of failures, with what an earlier run has seen."""
        if self._journal is not None:
            for group_id in self._journal.known:
                self._witness.saw(group_id)
        if self._failures is not None:
            self._file = os.fdopen(os.open(self._failures, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb")

    async def end(self) -> None:
        """Close the files."""
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if self._journal is not None:
                await self._journal.aclose()

    def failed(self, item: Item) -> None:
        """Keep the record for another run."""
        if self._file is not None:
            content = item.content
            line = content.to_json() if isinstance(content, Record) else _as_json(content)
            self._file.write(line + b"\n")
            self._file.flush()

    async def prepare(self, start: int, values: list[Any]) -> list[Item]:
        """Make items, and look up what an earlier run knows of them."""
        items = await super().prepare(start, values)
        if self._journal is None:
            return items
        earlier = await self._journal.earlier(start, start + len(values))
        for item in items:
            if item.settled is None:
                item.digest = blake2b(item.content.to_json(), digest_size=16).digest()
                if (known := earlier.get(item.index)) is not None:
                    _settle(item, known)
        return items

    async def attempt(self, item: Item) -> Result:
        """Bring one record about. Every attempt begins with what is there, so that none does anything twice."""
        if not self._witness.is_known:
            async with self._first:
                # One record alone, until one is known to be there and can be the witness for the others.
                if not self._witness.is_known:
                    return await self._bring_about(item)
        return await self._bring_about(item)

    async def _bring_about(self, item: Item) -> Result:
        while True:
            doubts = self._witness.doubts
            current, is_sure = await self._ask(item.group_id)
            if not is_sure and self._journal is not None:
                # No intent is written down because of an outage.
                await self._witness.confirm()
            try:
                found = plan(item.content, current)
            except RequestValidationError:
                if is_sure or await self._is_absent(item.group_id, doubts):
                    raise
                continue
            action: Action = "unchanged"
            if found.action != "unchanged":
                action = WRITTEN[found.action]
                if self._journal is not None:
                    intent = Intent(item.index, item.group_id, current, dict(found.after))
                    await self._journal.intend(item.digest, action, intent)
                # Only now: while the disk is waited for, a database may go and come back.
                if not is_sure and not await self._is_absent(item.group_id, doubts):
                    continue
                item.intended = action
                action = await self._write(item, found)
            elif item.intended is not None:
                # A write whose outcome was unknown, and which the server has carried out.
                action = item.intended
            if self._journal is not None:
                self._journal.done(item.index, item.digest, item.group_id, action)
            return Result(item.index, item.group_id, action, item.attempts, changes=found.changes)

    async def _write(self, item: Item, found: Found) -> Action:
        """Send what was found to be done, and return what it has come to."""
        if found.action == "update":
            try:
                await self._gate.send(self._meta.update, group_id=item.group_id, **found.fields)
            except NotFoundError as error:
                raise self._witness.lost(error, _absence.RECORD_IS_LOST) from None
            return "updated"
        seen = self._witness.server_time
        record = (await self._gate.send(self._meta.create, group_id=item.group_id, **found.fields)).result
        if found.action == "replace":
            return "replaced"
        self._witness.saw(item.group_id)
        if _absence.is_older(record.created_at, seen):
            item.alarm = RecordReplacedError(
                f"{'the default record' if item.group_id is None else f'group {item.group_id!r}'} was replaced, not "
                f"created: the server said that it had no such record, and had one since {record.created_at}. Undo "
                "cannot put it back. Look at the server before the run goes on",
                group_id=item.group_id,
                record_id=record.id,
            )
            return "replaced"
        self._witness.saw_time(time_of(record.created_at))
        return "created"


class Export(Reader):
    """Reads records."""

    def _item(self, index: int, value: Any) -> Item:
        item = Item(index, value, value)
        try:
            if value is not None:
                _checks.group_id(value)
        except RequestValidationError as error:
            item.group_id = None
            item.settled = Result(index, None, "failed", 0, error.with_traceback(None))
        return item

    async def attempt(self, item: Item) -> Result:
        """Read one record."""
        current = await self._read(item.group_id)
        if current is None:
            return Result(item.index, item.group_id, "missing", item.attempts)
        record = exported(item.group_id, current)
        return Result(item.index, item.group_id, "exported", item.attempts, record=record)


class Undo(Reader):
    """Puts records back.

    Args:
        meta (Any): The methods of conversation metadata, asynchronous.
        gate (Gate): Where requests go out.
        force (bool): Whether to put back what somebody else has changed since.
    """

    def __init__(self, meta: Any, gate: Gate, *, force: bool) -> None:
        super().__init__(meta, gate, validate=False)
        self._force = force

    def _item(self, index: int, value: Intent) -> Item:
        if value.before is not None:
            self._witness.saw(value.group_id)
        return Item(index, value.group_id, value)

    async def attempt(self, item: Item) -> Result:
        """Put one record back."""
        intent: Intent = item.content
        if intent.before is None:
            return Result(item.index, item.group_id, "kept", item.attempts)
        current = await self._read(item.group_id)
        if current is not None and is_same(intent.before, current):
            return Result(item.index, item.group_id, "unchanged", item.attempts)
        if not self._force and (current is None or not is_same(intent.after, current)):
            raise ConflictError(
                "somebody else has changed the record since, so it was left alone; force=True puts it back anyway"
            )
        if missing := [name for name in ("version", "scene", "name", "created_at") if name not in intent.before]:
            raise RequestValidationError(
                f"the record cannot be put back: the server did not tell its {', '.join(missing)}"
            )
        # Whole, since an update cannot take a field back to nothing.
        await self._gate.send(self._meta.create, group_id=item.group_id, **{"scene_desc": {}, **intent.before})
        return Result(item.index, item.group_id, "restored", item.attempts)


def _settle(item: Item, known: Earlier) -> None:
    if known.digest != item.digest:
        raise JournalError(f"the journal is of another input: record {item.index + 1} is not the one that it knows")
    action: Any = known.action
    if known.is_done:
        item.settled = Result(item.index, item.group_id, action, 0)
    else:
        item.intended = action


def _as_json(content: Any) -> bytes:
    try:
        return _json.dumps(encode(content))
    except (TypeError, ValueError, RecursionError):
        return b"null"
