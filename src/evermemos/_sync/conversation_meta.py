# Derived from _async/conversation_meta.py by `make generate`. Edit that file instead.
"""The conversation-metadata resource: what an agent platform keeps about one conversation, or by default about all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from evermemos_api.types import UNSET, Unset

from .._call import Options
from .._operation import Operation
from .resource import Resource, raw

if TYPE_CHECKING:
    from evermemos_api.models import (
        ConversationMetaEnvelope,
        ConversationMetaEnvelopeV0,
        LlmCustomSetting,
        PatchConversationMetaResponse,
        UserDetail,
        UserDetailV0,
    )

    from .._params import LlmCustomSettingParam, Scene, UserDetailParam, UserDetailV0Param
    from .._settings import TimeoutTypes
    from .send import Sender

TAG = "conversation_meta"
CREATE_V0: Operation[ConversationMetaEnvelopeV0] = Operation(TAG, "create_conversation_meta_v0")
UPDATE_V0: Operation[PatchConversationMetaResponse] = Operation(TAG, "update_conversation_meta_v0")
GET_V0: Operation[ConversationMetaEnvelopeV0] = Operation(TAG, "get_conversation_meta_v0")
CREATE_V1: Operation[ConversationMetaEnvelope] = Operation(TAG, "create_conversation_meta_v1")
UPDATE_V1: Operation[PatchConversationMetaResponse] = Operation(TAG, "update_conversation_meta_v1")
GET_V1: Operation[ConversationMetaEnvelope] = Operation(TAG, "get_conversation_meta_v1")


class ConversationMetaV0(Resource):
    """Conversation metadata on /api/v0: the default record, and records of groups where the server has them.

    The published pages of the hosted product have neither `group_id` nor `name`; the open-source v0 server has both
    (docs/server-behaviour.md, section 4).

    Every method takes these options for the one call: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds) and
    `max_retries` in place of the client's; `extra_headers`, `extra_query` and `extra_body` to send more, unchecked.

    Every method raises RequestValidationError (an argument is wrong, nothing was sent), and APIConnectionError,
    APITimeoutError, APIStatusError or APIResponseValidationError as drawn in `evermemos.errors`.
    """

    def create(
        self,
        *,
        created_at: str | datetime,
        scene: Scene | None,
        group_id: str | None | Unset = UNSET,
        name: str | None | Unset = UNSET,
        scene_desc: Mapping[str, Any] | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        llm_custom_setting: LlmCustomSetting | LlmCustomSettingParam | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailV0 | UserDetailV0Param] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ConversationMetaEnvelopeV0:
        """Create a record, or merge into the one there is (operation create_conversation_meta_v0).

        Arguments that are left out are not sent; None is sent as null. In a record that exists, "" and [] clear a
        field, and user_details {} leaves it alone. The open-source server wants scene and scene_desc of the default
        record, and no name; of the record of a group it wants a name, and neither scene nor scene_desc.

        Args:
            created_at: When the conversation began: an aware datetime, or ISO 8601 with a time zone. It comes back as
                `conversation_created_at`; `created_at` of the answer is when the record was made.
            scene: "group_chat" for several people, "assistant" for one person with an AI, or None.
            group_id: Which conversation. None or left out is the default record.
            name: Name of the conversation.
            scene_desc: Free fields about the scene.
            description: What the conversation is about.
            llm_custom_setting: Language models to use instead of the server's own. Servers drop those of a group.
            default_timezone: IANA name of a time zone, such as "Europe/Paris". Servers take "UTC" for a new record
                when it is left out.
            user_details: Participants by user id. Servers want a full_name for each, and do not keep custom_role.
            tags: Labels.

        Raises:
            ScopeMismatchError: If the answer is about another record than that of `group_id`.
        """
        return self._call(
            CREATE_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "created_at": created_at,
                "scene": scene,
                "group_id": group_id,
                "name": name,
                "scene_desc": scene_desc,
                "description": description,
                "llm_custom_setting": llm_custom_setting,
                "default_timezone": default_timezone,
                "user_details": user_details,
                "tags": tags,
            },
        )

    def update(
        self,
        *,
        group_id: str | None | Unset = UNSET,
        name: str | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        scene_desc: Mapping[str, Any] | None | Unset = UNSET,
        llm_custom_setting: LlmCustomSetting | LlmCustomSettingParam | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailV0 | UserDetailV0Param] | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> PatchConversationMetaResponse:
        """Change fields of a record (operation update_conversation_meta_v0).

        Arguments that are left out are not sent. None is sent as null, which leaves the field alone; "", [] and {}
        clear it. `response.result.updated_fields` says what was written.

        Args:
            group_id: Which conversation. None or left out updates the default record, which all groups without a
                record of their own share.
            name: New name, of the record of a group.
            description: New description.
            scene_desc: New free fields about the scene; replaces the old ones whole. Servers refuse it for a group.
            llm_custom_setting: New language models; replaces the old setting whole. {} leaves it alone, and
                {"extra": {}} is as good as empty. Servers refuse it for a group.
            tags: New labels; replaces the old list.
            user_details: New participants by user id; replaces all of the old ones. Servers want a full_name for each,
                and do not keep custom_role.
            default_timezone: New IANA time zone name.

        Raises:
            NotFoundError: If there is no such record. It does not prove that: servers say so, too, while their
                database is down.
            ScopeMismatchError: If the server changed another record than that of `group_id`.
        """
        return self._call(
            UPDATE_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "group_id": group_id,
                "name": name,
                "description": description,
                "scene_desc": scene_desc,
                "llm_custom_setting": llm_custom_setting,
                "tags": tags,
                "user_details": user_details,
                "default_timezone": default_timezone,
            },
        )

    def get(
        self,
        *,
        group_id: str | None | Unset = UNSET,
        on_missing: Literal["default", "error"] = "default",
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ConversationMetaEnvelopeV0:
        """Read the record of a group, or the default record (operation get_conversation_meta_v0).

        Args:
            group_id: Which conversation. None or left out reads the default record.
            on_missing: What to do when the group has no record of its own and the default record answers: "default"
                returns that, with `result.group_id` None and `result.is_default` True; "error" raises.

        Raises:
            NotFoundError: If there is no record, or only the default one and `on_missing` is "error".
        """
        return self._call(
            GET_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={"group_id": group_id},
            on_missing=on_missing,
        )

    @property
    def with_raw_response(self) -> ConversationMetaV0Raw:
        """The same methods, returning the answer as it came: status, headers, body and `parse()`."""
        return ConversationMetaV0Raw(self._sender)


class ConversationMetaV1(Resource):
    """Conversation metadata on /api/v1: one record for each group, and the default record for all others.

    Every method takes these options for the one call: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds) and
    `max_retries` in place of the client's; `extra_headers`, `extra_query` and `extra_body` to send more, unchecked.

    Every method raises RequestValidationError (an argument is wrong, nothing was sent), and APIConnectionError,
    APITimeoutError, APIStatusError or APIResponseValidationError as drawn in `evermemos.errors`.
    """

    def create(
        self,
        *,
        version: str,
        scene: Scene,
        scene_desc: Mapping[str, Any],
        name: str,
        created_at: str | datetime,
        group_id: str | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailParam] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ConversationMetaEnvelope:
        """Set the record of a group, or the default record (operation create_conversation_meta_v1).

        An existing record is replaced whole: what is left out here is emptied there.

        Args:
            version: Version number of the metadata, such as "1.0".
            scene: "group_chat" for several people, "assistant" for one person with an AI.
            scene_desc: Free fields about the scene; may be empty.
            name: Name of the conversation.
            created_at: When the conversation began: an aware datetime, or ISO 8601 with a time zone. It comes back as
                `conversation_created_at`; `created_at` of the answer is when the record was made.
            group_id: Which conversation. None or left out sets the default record.
            description: What the conversation is about.
            default_timezone: IANA name of a time zone, such as "Europe/Paris".
            user_details: Participants by user id. Servers want a full_name for each, and do not keep custom_role.
            tags: Labels.

        Raises:
            ScopeMismatchError: If the answer is about another record than that of `group_id`.
        """
        return self._call(
            CREATE_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "version": version,
                "scene": scene,
                "scene_desc": scene_desc,
                "name": name,
                "created_at": created_at,
                "group_id": group_id,
                "description": description,
                "default_timezone": default_timezone,
                "user_details": user_details,
                "tags": tags,
            },
        )

    def update(
        self,
        *,
        group_id: str | None | Unset = UNSET,
        name: str | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        scene_desc: Mapping[str, Any] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        user_details: Mapping[str, UserDetail | UserDetailParam] | None | Unset = UNSET,
        default_timezone: str | None | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> PatchConversationMetaResponse:
        """Change fields of a record (operation update_conversation_meta_v1).

        Arguments that are left out are not sent. None is sent as null, which leaves the field alone; "", [] and {}
        clear it. `response.result.updated_fields` says what was written.

        Args:
            group_id: Which conversation. None or left out updates the default record, which all groups without a
                record of their own share.
            name: New name.
            description: New description.
            scene_desc: New free fields about the scene; replaces the old ones whole.
            tags: New labels; replaces the old list.
            user_details: New participants by user id; replaces all of the old ones. Servers want a full_name for each,
                and do not keep custom_role.
            default_timezone: New IANA time zone name.

        Raises:
            ScopeMismatchError: If the server did not know `group_id` and changed another record, the default one.
        """
        return self._call(
            UPDATE_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "group_id": group_id,
                "name": name,
                "description": description,
                "scene_desc": scene_desc,
                "tags": tags,
                "user_details": user_details,
                "default_timezone": default_timezone,
            },
        )

    def get(
        self,
        *,
        group_id: str | None | Unset = UNSET,
        on_missing: Literal["default", "error"] = "default",
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ConversationMetaEnvelope:
        """Read the record of a group, or the default record (operation get_conversation_meta_v1).

        Args:
            group_id: Which conversation. None or left out reads the default record.
            on_missing: What to do when the group has no record of its own and the default record answers: "default"
                returns that, with `result.group_id` None and `result.is_default` True; "error" raises.

        Raises:
            NotFoundError: If there is no record, or only the default one and `on_missing` is "error".
        """
        return self._call(
            GET_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={"group_id": group_id},
            on_missing=on_missing,
        )

    @property
    def with_raw_response(self) -> ConversationMetaV1Raw:
        """The same methods, returning the answer as it came: status, headers, body and `parse()`."""
        return ConversationMetaV1Raw(self._sender)


class ConversationMetaV0Raw:
    """The methods of conversation metadata on /api/v0, returning RawResponse."""

    def __init__(self, sender: Sender) -> None:
        resource = ConversationMetaV0(sender, raw=True)
        self.create = raw(resource.create)
        self.update = raw(resource.update)
        self.get = raw(resource.get)


class ConversationMetaV1Raw:
    """The methods of conversation metadata on /api/v1, returning RawResponse."""

    def __init__(self, sender: Sender) -> None:
        resource = ConversationMetaV1(sender, raw=True)
        self.create = raw(resource.create)
        self.update = raw(resource.update)
        self.get = raw(resource.get)
