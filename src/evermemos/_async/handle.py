"""What the handles of single conversations have in common: a look at the record before each write, and one after.

Servers lock nothing and compare nothing (docs/server-behaviour.md, section 6), so what is read may be out of date when
it is written back. Writers in this process take turns. Those elsewhere are noticed when the record is read back: that
narrows the window in which an update is lost, and does not close it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from evermemos_api.types import UNSET, Unset

from .. import (
    _absence,
    _checks,
    _conversation,  # pyright: ignore[reportPrivateUsage]
)
from .._absence import is_older
from .._conversation import EffectiveField, Merge, SetResult, Work
from .._operation import Operation
from ..errors import APIError, NotFoundError

if TYPE_CHECKING:
    from typing import Unpack

    from evermemos_api.models import (
        ConversationMetaEnvelope,
        ConversationMetaEnvelopeV0,
        PatchConversationMetaResponse,
    )

    from .._conversation import CallOptions
    from .._settings import Settings

# The answer to a read.
E = TypeVar("E", bound="ConversationMetaEnvelope | ConversationMetaEnvelopeV0")


class AsyncHandle(Generic[E]):
    """What both versions have in common. A subclass says how its record is read and written.

    Every method takes options of its own, as `CallOptions` describes them, and raises what the methods of conversation
    metadata raise. Where a write was accepted and reading the record back fails, the error has `applied`.
    """

    _version: ClassVar[str]
    _operation: ClassVar[Operation[Any]]
    # Fields of an update that this kind of record does not have.
    _lacks: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: Settings, group_id: str | None) -> None:
        self._settings = settings
        self._group_id = group_id

    @property
    def group_id(self) -> str | None:
        """The group; None is the default record."""
        return self._group_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'of the default record' if self.group_id is None else repr(self.group_id)}>"

    async def get(self, **options: Unpack[CallOptions]) -> E:
        """Read the record.

        Raises:
            NotFoundError: If there is none, or only the default record answers for the group. A server says so, too,
                while its database is down.
        """
        return await self._read(self._work(options))

    async def exists(self, **options: Unpack[CallOptions]) -> bool:
        """Whether the record exists. The default record that answers for the group does not count.

        False is what the server says: it says so, too, while its database is down (docs/server-behaviour.md,
        section 7).
        """
        return await self._exists(self._work(options))

    async def effective(self, **options: Unpack[CallOptions]) -> dict[str, EffectiveField]:
        """Return each field of the conversation, with its value and whose record that comes from.

        The value is the group's own, or that of the default record where the group has nothing: no record, or null,
        "", [] or {} there. Servers fall back for whole records only; to do so field by field is this method's reading.

        Raises:
            NotFoundError: If there is neither a record of the group nor a default one.
        """
        work = self._work(options)
        if self.group_id is None:
            return _conversation.effective(None, (await self._read(work)).result)
        try:
            own = (await self._read(work)).result
        except NotFoundError:
            return _conversation.effective(None, (await self._read_default(work)).result)
        try:
            default = (await self._read_default(work)).result
        except NotFoundError:
            default = None
        return _conversation.effective(own, default)

    async def add_tags(self, *tags: str, verify: bool = False, **options: Unpack[CallOptions]) -> E:
        """Add labels, those that are not there yet, and return the record as it was read back.

        Args:
            tags: The labels.
            verify: Whether to check, too, that the answer names the field as updated.
        """
        return await self._change(_conversation.add_tags(self._checked("tags", tags)), options, verify=verify)

    async def remove_tags(self, *tags: str, verify: bool = False, **options: Unpack[CallOptions]) -> E:
        """Remove labels, and return the record as it was read back.

        Args:
            tags: The labels. Those that are not there are not missed.
            verify: Whether to check, too, that the answer names the field as updated.
        """
        return await self._change(_conversation.remove_tags(self._checked("tags", tags)), options, verify=verify)

    async def set_user(
        self,
        user_id: str,
        *,
        full_name: str | None | Unset = UNSET,
        role: Literal["user", "assistant", "tool"] | None | Unset = UNSET,
        custom_role: str | None | Unset = UNSET,
        extra: Mapping[str, Any] | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> E:
        """Add a participant, or change one and leave the others alone; return the record as it was read back.

        What is left out stays as it is. None takes the value away.

        Args:
            user_id: Id of the participant.
            full_name: Their name. Servers refuse a participant without one.
            role: "user" for a person, "assistant" for an AI, on v0 "tool" for a tool.
            custom_role: Their role in their own terms. Servers do not keep it: see `custom_role` of the client.
            extra: Free fields; replaces the old ones whole.
            verify: Whether to check, too, that the server keeps every field.
        """
        user = {"full_name": full_name, "role": role, "custom_role": custom_role, "extra": extra}
        users = self._checked("user_details", {user_id: user})
        return await self._change(_conversation.set_user(users), options, verify=verify)

    async def remove_user(self, user_id: str, *, verify: bool = False, **options: Unpack[CallOptions]) -> E:
        """Remove a participant, and return the record as it was read back.

        Args:
            user_id: Id of the participant. One that is not there is not missed.
            verify: Whether to check, too, that the answer names the field as updated.
        """
        self._checked("user_details", {user_id: {}})
        return await self._change(_conversation.remove_user(user_id), options, verify=verify)

    async def clear(
        self,
        *fields: Literal["description", "default_timezone", "scene_desc", "llm_custom_setting", "tags", "user_details"],
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> E:
        """Empty fields, and return the record as it was read back.

        Args:
            fields: Names of the fields; llm_custom_setting is one of the default record on v0 alone. It becomes a
                setting without any model, which reads as empty: servers take {} for "not given".
            verify: Whether to check, too, that the answer names the fields as updated.
        """
        known = tuple(
            name for name in _conversation.EMPTY if hasattr(self._operation.body, name) and name not in self._lacks
        )
        for field in fields:
            _checks.choice("fields", field, known)
        return await self._change(_conversation.clear(fields), options, verify=verify)

    async def _change(self, merge: Merge, options: CallOptions, *, verify: bool) -> E:
        """Read, merge, write, read back, until what was to be done is done."""
        work = self._work(options)
        async with work.turn(self._version, self.group_id):
            answer = await self._read(work)
            fields, repetitions = merge(answer.result.to_dict()), 0
            while fields:
                written = await self._write(work, fields)
                answer = await self._read_back(work)
                record = answer.result.to_dict()
                missing = _conversation.gaps(fields, record)
                dropped = [gap for gap in missing if _conversation.is_dropped(gap, record)]
                again = merge(record)
                # What a server does not keep is not written again; what somebody else has added is theirs.
                if not again or (missing and dropped == missing):
                    if verify:
                        _conversation.check_applied(self._operation, fields, written.result.updated_fields, dropped)
                    break
                if repetitions == _conversation.MERGED_ANEW:
                    raise _conversation.lost(self._operation, fields, record)
                fields, repetitions = again, repetitions + 1
            return answer

    async def _update(
        self, fields: dict[str, Any], options: CallOptions, *, verify: bool
    ) -> PatchConversationMetaResponse:
        """Write to the record once it is known to be there."""
        work = self._work(options)
        sent = _conversation.checked(self._operation, fields, self._settings)
        async with work.turn(self._version, self.group_id):
            await self._read(work)
            written = await self._write(work, sent)
            if verify:
                missing = _conversation.gaps(sent, (await self._read_back(work)).result.to_dict())
                _conversation.check_applied(self._operation, sent, written.result.updated_fields, missing)
            return written

    async def _set(
        self, operation: Operation[E], fields: dict[str, Any], options: CallOptions, *, verify: bool
    ) -> SetResult[E]:
        """Create the record, or write over it."""
        work = self._work(options)
        sent = _conversation.checked(operation, fields, self._settings)
        async with work.turn(self._version, self.group_id):
            absence = await self._proof_of_absence(work)
            answer = await self._create(work, sent)
            created = absence is not None and not is_older(answer.result.created_at, absence.server_time)
            if verify:
                missing = _conversation.gaps(sent, (await self._read_back(work)).result.to_dict())
                _conversation.check_applied(operation, sent, UNSET, missing)
            return SetResult(answer, created)

    def _work(self, options: CallOptions) -> Work:
        return Work(self._settings, options)

    def _checked(self, field: str, value: Any) -> dict[str, Any]:
        return _conversation.checked(self._operation, {field: value}, self._settings)

    async def _read_back(self, work: Work) -> E:
        """Read the record after a write that was accepted."""
        try:
            return await self._read(work)
        except APIError as error:
            raise _conversation.after_write(error) from None

    async def _proof_of_absence(self, work: Work) -> NotFoundError | None:
        """Return what proves that there is no record, None if there is one."""
        retries = work.max_retries
        while True:
            started = _absence.clock()
            try:
                await self._read(work)
            except NotFoundError as error:
                found = error
            else:
                return None
            # The default record that answers in place of the group's comes out of a database, however late.
            if found.status_code != HTTPStatus.NOT_FOUND or not _absence.is_slow(started):
                return found
            if retries == 0:
                raise _absence.database_lost(found, _absence.IS_SLOW)
            retries -= 1

    async def _exists(self, work: Work) -> bool:
        try:
            await self._read(work)
        except NotFoundError:
            return False
        return True

    @abstractmethod
    async def _read(self, work: Work) -> E: ...

    @abstractmethod
    async def _read_default(self, work: Work) -> E: ...

    @abstractmethod
    async def _create(self, work: Work, fields: dict[str, Any]) -> E: ...

    @abstractmethod
    async def _write(self, work: Work, fields: dict[str, Any]) -> PatchConversationMetaResponse: ...
