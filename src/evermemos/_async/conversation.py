"""Handles of single conversations: the methods of conversation metadata, guarded, and some that change a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evermemos_api.types import UNSET, Unset

from .conversation_meta import (
    CREATE_V0,
    CREATE_V1,
    UPDATE_V0,
    UPDATE_V1,
    AsyncConversationMetaV0,
    AsyncConversationMetaV1,
)
from .handle import AsyncHandle

if TYPE_CHECKING:
    from typing import Unpack

    from evermemos_api.models import (
        ConversationMetaEnvelope,
        ConversationMetaEnvelopeV0,
        LlmCustomSetting,
        PatchConversationMetaResponse,
        UserDetail,
        UserDetailV0,
    )

    from .._conversation import CallOptions, SetResult, Work
    from .._params import LlmCustomSettingParam, Scene, UserDetailParam, UserDetailV0Param
    from .send import AsyncSender


class AsyncConversation(AsyncHandle["ConversationMetaEnvelope"]):
    """One conversation on /api/v1 (`client.v1.conversation`), or its default record (`client.v1.default_conversation`).

    A group that is not known is an error in every method but `exists`, `set` and `effective`; the default record is
    never read or written in its place. Writers of one record in this process, threads and tasks alike, take turns.
    `add_tags`, `remove_tags`, `set_user`, `remove_user` and `clear` read the record, merge, write the field, and read
    back; where somebody else has written over the change they merge anew, five times at most. Servers do not lock: what
    another process writes between the read and the write is lost without a sign, unless that process, too, reads back.

    Every method takes options, for each of its calls: `timeout` (seconds, or httpx.Timeout), `max_retries` and
    `extra_headers`; `deadline` (seconds) is for all its calls and the wait for other writers together. Reads are
    repeated as usual, writes are not. Where a write was accepted and reading the record back fails, the error has
    `applied`.

    Every method raises what those of `client.v1.memories.conversation_meta` raise, and NotFoundError as said; writers
    also ScopeMismatchError, if the record vanished in between and another one was changed; FieldsNotAppliedError, with
    `verify`, if not all that was sent is found when read back; LostUpdateError, if somebody else wrote over a change
    each time.

    What of this is due to servers, and how it is known: docs/server-behaviour.md, sections 2 to 7.
    """

    _version = "v1"
    _operation = UPDATE_V1

    def __init__(self, sender: AsyncSender, group_id: str | None) -> None:
        super().__init__(sender.settings, group_id)
        self._meta = AsyncConversationMetaV1(sender.unchecked)

    async def set(
        self,
        *,
        scene: Scene,
        scene_desc: Mapping[str, Any],
        name: str,
        created_at: str | datetime,
        version: str = "1.0",
        description: str | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailParam] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> SetResult[ConversationMetaEnvelope]:
        """Create the record, or replace it whole, and say which of the two it was.

        Args:
            scene: "group_chat" for several people, "assistant" for one person with an AI.
            scene_desc: Free fields about the scene; may be empty.
            name: Name of the conversation.
            created_at: When the conversation began: an aware datetime, or ISO 8601 with a time zone.
            version: Version number of the metadata.
            description: What the conversation is about.
            default_timezone: IANA name of a time zone, such as "Europe/Paris".
            user_details: Participants by user id.
            tags: Labels.
            verify: Whether to read the record back and compare it with what was sent.

        Returns:
            The response, and `created`: a look before the write found no record, and the answer shows no older one.

        Raises:
            InternalServerError: If the server takes so long to say that there is no record that it may have lost its
                database. Nothing was written.
        """
        fields = {
            "version": version,
            "scene": scene,
            "scene_desc": scene_desc,
            "name": name,
            "created_at": created_at,
            "description": description,
            "default_timezone": default_timezone,
            "user_details": user_details,
            "tags": tags,
        }
        return await self._set(CREATE_V1, fields, options, verify=verify)

    async def update(
        self,
        *,
        name: str | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        scene_desc: Mapping[str, Any] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailParam] | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> PatchConversationMetaResponse:
        """Change fields of the record, after making sure that it exists.

        None leaves a field alone; "", [] and {} clear it. Lists and maps are replaced whole.

        Args:
            name: New name.
            description: New description.
            scene_desc: New free fields about the scene.
            tags: New labels.
            user_details: New participants by user id.
            default_timezone: New IANA time zone name.
            verify: Whether to read the record back and compare it with what was sent.
        """
        fields = {
            "name": name,
            "description": description,
            "scene_desc": scene_desc,
            "tags": tags,
            "user_details": user_details,
            "default_timezone": default_timezone,
        }
        return await self._update(fields, options, verify=verify)

    async def _read(self, work: Work) -> ConversationMetaEnvelope:
        return await self._meta.get(group_id=self.group_id, on_missing="error", **work.options())

    async def _read_default(self, work: Work) -> ConversationMetaEnvelope:
        return await self._meta.get(**work.options())

    async def _create(self, work: Work, fields: dict[str, Any]) -> ConversationMetaEnvelope:
        return await self._meta.create(group_id=self.group_id, **fields, **work.options())

    async def _write(self, work: Work, fields: dict[str, Any]) -> PatchConversationMetaResponse:
        return await self._meta.update(group_id=self.group_id, **fields, **work.options())


class _AsyncHandleV0(AsyncHandle["ConversationMetaEnvelopeV0"]):
    _version = "v0"
    _operation = UPDATE_V0

    def __init__(self, sender: AsyncSender, group_id: str | None) -> None:
        super().__init__(sender.settings, group_id)
        self._meta = AsyncConversationMetaV0(sender.unchecked)

    async def _read(self, work: Work) -> ConversationMetaEnvelopeV0:
        return await self._meta.get(group_id=self.group_id, on_missing="error", **work.options())

    async def _read_default(self, work: Work) -> ConversationMetaEnvelopeV0:
        return await self._meta.get(**work.options())

    async def _create(self, work: Work, fields: dict[str, Any]) -> ConversationMetaEnvelopeV0:
        return await self._meta.create(**self._group(), **fields, **work.options())

    async def _write(self, work: Work, fields: dict[str, Any]) -> PatchConversationMetaResponse:
        return await self._meta.update(**self._group(), **fields, **work.options())

    def _group(self) -> dict[str, Any]:
        # The published pages of the hosted product have no group_id.
        return {} if self.group_id is None else {"group_id": self.group_id}


class AsyncConversationV0(_AsyncHandleV0):
    """One conversation on /api/v0 (`client.v0.conversation`), where the server has records of groups.

    The record of a group has a name, and no scene, scene_desc and llm_custom_setting: those are the default record's.
    All the rest is as in `AsyncConversation`, but that servers merge into a record that exists, and that an update of
    a group that they do not know is a NotFoundError (docs/server-behaviour.md, section 4).
    """

    _lacks = frozenset({"scene_desc", "llm_custom_setting"})

    async def set(
        self,
        *,
        created_at: str | datetime,
        name: str,
        description: str | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailV0 | UserDetailV0Param] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> SetResult[ConversationMetaEnvelopeV0]:
        """Create the record, or merge into the one there is, and say which of the two it was.

        Args:
            created_at: When the conversation began: an aware datetime, or ISO 8601 with a time zone.
            name: Name of the conversation.
            description: What the conversation is about.
            default_timezone: IANA name of a time zone, such as "Europe/Paris". Servers take "UTC" for a new record
                when it is left out.
            user_details: Participants by user id. {} leaves those of a record that exists alone.
            tags: Labels.
            verify: Whether to read the record back and compare it with what was sent.

        Returns:
            The response, and `created`, which a look before the write found out: another process may have been faster.
        """
        fields = {
            "created_at": created_at,
            "scene": None,
            "name": name,
            "description": description,
            "default_timezone": default_timezone,
            "user_details": user_details,
            "tags": tags,
        }
        return await self._set(CREATE_V0, fields, options, verify=verify)

    async def update(
        self,
        *,
        name: str | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailV0 | UserDetailV0Param] | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> PatchConversationMetaResponse:
        """Change fields of the record, after making sure that it exists.

        None leaves a field alone; "", [] and {} clear it. Lists and maps are replaced whole.

        Args:
            name: New name.
            description: New description.
            tags: New labels.
            user_details: New participants by user id.
            default_timezone: New IANA time zone name.
            verify: Whether to read the record back and compare it with what was sent.
        """
        fields = {
            "name": name,
            "description": description,
            "tags": tags,
            "user_details": user_details,
            "default_timezone": default_timezone,
        }
        return await self._update(fields, options, verify=verify)


class AsyncDefaultConversationV0(_AsyncHandleV0):
    """The default record on /api/v0 (`client.v0.default_conversation`). It has no name.

    All the rest is as in `AsyncConversation`, but that servers merge into a record that exists
    (docs/server-behaviour.md, section 4).
    """

    def __init__(self, sender: AsyncSender) -> None:
        super().__init__(sender, None)

    async def set(
        self,
        *,
        created_at: str | datetime,
        scene: Scene | None,
        scene_desc: Mapping[str, Any] | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        llm_custom_setting: LlmCustomSetting | LlmCustomSettingParam | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailV0 | UserDetailV0Param] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> SetResult[ConversationMetaEnvelopeV0]:
        """Create the record, or merge into the one there is, and say which of the two it was.

        Args:
            created_at: When the conversation began: an aware datetime, or ISO 8601 with a time zone.
            scene: "group_chat" for several people, "assistant" for one person with an AI, or None, which the
                open-source server refuses.
            scene_desc: Free fields about the scene. The open-source server refuses to do without; it may be empty.
            description: What the conversation is about.
            llm_custom_setting: Language models to use instead of the server's own. {} leaves those of a record that
                exists alone.
            default_timezone: IANA name of a time zone, such as "Europe/Paris". Servers take "UTC" for a new record
                when it is left out.
            user_details: Participants by user id. {} leaves those of a record that exists alone.
            tags: Labels.
            verify: Whether to read the record back and compare it with what was sent.

        Returns:
            The response, and `created`: a look before the write found no record, and the answer shows no older one.

        Raises:
            InternalServerError: If the server takes so long to say that there is no record that it may have lost its
                database. Nothing was written.
        """
        fields = {
            "created_at": created_at,
            "scene": scene,
            "scene_desc": scene_desc,
            "description": description,
            "llm_custom_setting": llm_custom_setting,
            "default_timezone": default_timezone,
            "user_details": user_details,
            "tags": tags,
        }
        return await self._set(CREATE_V0, fields, options, verify=verify)

    async def update(
        self,
        *,
        description: str | None | Unset = UNSET,
        scene_desc: Mapping[str, Any] | None | Unset = UNSET,
        llm_custom_setting: LlmCustomSetting | LlmCustomSettingParam | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailV0 | UserDetailV0Param] | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        verify: bool = False,
        **options: Unpack[CallOptions],
    ) -> PatchConversationMetaResponse:
        """Change fields of the record, after making sure that it exists.

        None leaves a field alone; "", [] and {} clear it. Lists and maps are replaced whole.

        Args:
            description: New description.
            scene_desc: New free fields about the scene.
            llm_custom_setting: New language models. {} leaves the old ones alone: see `clear`.
            tags: New labels.
            user_details: New participants by user id.
            default_timezone: New IANA time zone name.
            verify: Whether to read the record back and compare it with what was sent.
        """
        fields = {
            "description": description,
            "scene_desc": scene_desc,
            "llm_custom_setting": llm_custom_setting,
            "tags": tags,
            "user_details": user_details,
            "default_timezone": default_timezone,
        }
        return await self._update(fields, options, verify=verify)
