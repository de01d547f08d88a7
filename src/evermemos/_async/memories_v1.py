"""Memories on /api/v1: the messages they are made of, and listing, searching and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evermemos_api.types import UNSET, Unset

from .._call import Options
from .._operation import Operation
from .resource import AsyncResource, raw

if TYPE_CHECKING:
    from evermemos_api.models import (
        AcceptedResponse,
        AddMemoriesResponse,
        DeleteMemoriesResponse,
        GetMemoriesResponse,
        LoadedConversation,
        LoadedMessage,
        LoadMemoriesResponse,
        SearchMemoriesResponse,
    )

    from .._params import LoadedConversationParam, LoadedMessageParam, MemoryType, RetrieveMethod, Role
    from .._settings import TimeoutTypes
    from .conversation_meta import AsyncConversationMetaV1
    from .send import AsyncSender

TAG = "memories"
ADD_V1: Operation[AddMemoriesResponse | AcceptedResponse] = Operation(TAG, "add_memories_v1")
GET_V1: Operation[GetMemoriesResponse] = Operation(TAG, "get_memories_v1")
SEARCH_V1: Operation[SearchMemoriesResponse] = Operation(TAG, "search_memories_v1")
DELETE_V1: Operation[DeleteMemoriesResponse] = Operation(TAG, "delete_memories_v1")
LOAD_V1: Operation[LoadMemoriesResponse] = Operation(TAG, "load_memories_v1")


class AsyncMemoriesV1(AsyncResource):
    """Memories on /api/v1.

    Every method takes these options for the one call: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds) and
    `max_retries` in place of the client's; `extra_headers`, `extra_query` and `extra_body` to send more, unchecked.

    Every method raises RequestValidationError (an argument is wrong, nothing was sent), and APIConnectionError,
    APITimeoutError, APIStatusError or APIResponseValidationError as drawn in `evermemos.errors`.
    """

    @cached_property
    def conversation_meta(self) -> AsyncConversationMetaV1:
        """/api/v1/memories/conversation-meta."""
        from .conversation_meta import AsyncConversationMetaV1

        return AsyncConversationMetaV1(self._sender)

    async def add(
        self,
        *,
        message_id: str,
        create_time: str | datetime,
        sender: str,
        content: str,
        group_id: str | None | Unset = UNSET,
        group_name: str | None | Unset = UNSET,
        sender_name: str | None | Unset = UNSET,
        role: Role | None | Unset = UNSET,
        refer_list: Sequence[str] | None | Unset = UNSET,
        repeat_unknown: bool = False,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> AddMemoriesResponse | AcceptedResponse:
        """Store one message (operation add_memories_v1).

        `response.result.status_info` says whether the message waits for more ("accumulated") or memories were made
        ("extracted"). AcceptedResponse means that the server goes on in the background;
        `client.v1.stats.request.wait(response.request_id)` waits until it is done.

        Args:
            message_id: Id of the message, unlike that of any other.
            create_time: When it was written: an aware datetime, or ISO 8601 with a time zone.
            sender: User id of who wrote it.
            content: What was written.
            group_id: Which conversation it is part of. Needed: the open-source server answers 200 to a message without
                one, and throws it away. None, said on purpose, sends it so.
            group_name: Name of the conversation.
            sender_name: Name of who wrote it.
            role: "user" if a person wrote it, "assistant" if an AI did.
            refer_list: Ids of the messages that it refers to.
            repeat_unknown: Whether the message is sent again, as a read would be, after a failure that leaves the
                outcome unknown. It may then be stored twice.
        """
        return await self._call(
            ADD_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "message_id": message_id,
                "create_time": create_time,
                "sender": sender,
                "content": content,
                "group_id": group_id,
                "group_name": group_name,
                "sender_name": sender_name,
                "role": role,
                "refer_list": refer_list,
            },
            repeat_unknown=repeat_unknown,
        )

    async def get(
        self,
        *,
        user_id: str | Unset = UNSET,
        group_id: str | Unset = UNSET,
        memory_type: MemoryType | Unset = UNSET,
        limit: int | Unset = UNSET,
        start_time: str | datetime | Unset = UNSET,
        end_time: str | datetime | Unset = UNSET,
        offset: int | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> GetMemoriesResponse:
        """Read memories of a kind (operation get_memories_v1).

        One of user_id and group_id is needed. There are no pages: servers take an `offset` and ignore it. To read on,
        narrow the time. `response.result.has_more` is True whenever there are as many as `limit`. What was deleted goes
        on being listed: see `delete`.

        Args:
            user_id: Only memories of this user.
            group_id: Only memories of this conversation.
            memory_type: "episodic_memory" (what servers take when it is left out), "profile", "event_log", or
                "foresight".
            limit: Most memories in the answer, 1 to 500. Servers take 10 when it is left out.
            start_time: Only memories from this time on: an aware datetime, or ISO 8601 with a time zone.
            end_time: Only memories before this time.
            offset: Refused, since servers ignore it: the first memories would come again and again.
        """
        return await self._call(
            GET_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={
                "user_id": user_id,
                "group_id": group_id,
                "memory_type": memory_type,
                "limit": limit,
                "start_time": start_time,
                "end_time": end_time,
                "offset": offset,
            },
        )

    async def search(
        self,
        *,
        user_id: str | Unset = UNSET,
        group_id: str | Unset = UNSET,
        query: str | Unset = UNSET,
        retrieve_method: RetrieveMethod | Unset = UNSET,
        memory_types: Sequence[MemoryType] | Unset = UNSET,
        top_k: int | Unset = UNSET,
        include_metadata: bool | Unset = UNSET,
        radius: float | Unset = UNSET,
        start_time: str | datetime | Unset = UNSET,
        end_time: str | datetime | Unset = UNSET,
        current_time: str | datetime | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> SearchMemoriesResponse:
        """Search memories (operation search_memories_v1). One of user_id and group_id is needed.

        `for hit in response.result.hits()` goes through what was found, with `hit.group_id`, `hit.score`, `hit.memory`.

        Args:
            user_id: Only memories of this user.
            group_id: Only memories of this conversation.
            query: What to look for.
            retrieve_method: "keyword" (what servers take when it is left out), "vector", "hybrid", "rrf" or "agentic".
            memory_types: Which kinds: "episodic_memory", "profile", "event_log", "foresight". The open-source server
                reads the last of several.
            top_k: Most memories in the answer, 1 to 100. Servers take 10 when it is left out.
            include_metadata: Whether each memory comes with its metadata. Servers do when it is left out.
            radius: Least similarity of what is found by meaning, from 0 to 1.
            start_time: Only memories from this time on: an aware datetime, or ISO 8601 with a time zone.
            end_time: Only memories before this time.
            current_time: What to take for now where foresights are looked for.
        """
        return await self._call(
            SEARCH_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={
                "user_id": user_id,
                "group_id": group_id,
                "query": query,
                "retrieve_method": retrieve_method,
                "memory_types": memory_types,
                "top_k": top_k,
                "include_metadata": include_metadata,
                "radius": radius,
                "start_time": start_time,
                "end_time": end_time,
                "current_time": current_time,
            },
        )

    async def delete(
        self,
        *,
        event_id: str | Unset = UNSET,
        user_id: str | Unset = UNSET,
        group_id: str | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> DeleteMemoriesResponse:
        """Delete memories (operation delete_memories_v1).

        A memory must fit all filters. At least one is needed, and None or "" for one is refused: servers leave such a
        filter out, which widens the deletion. The open-source server marks pieces of conversation (MemCells) as
        deleted, and `response.affected` counts those: memories made of them go on being listed, messages that wait
        stay, too (docs/server-behaviour.md, section 12).

        Args:
            event_id: Only the piece of conversation with this id: `parent_id` of a listed memory, not its `id`.
            user_id: Only memories of this user. It fits none on the open-source server.
            group_id: Only memories of this conversation.

        Raises:
            NotFoundError: If nothing fits.
        """
        return await self._call(
            DELETE_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "event_id": event_id,
                "user_id": user_id,
                "group_id": group_id,
            },
        )

    async def load(
        self,
        *,
        conversation_meta: LoadedConversation | LoadedConversationParam,
        conversation_list: Sequence[LoadedMessage | LoadedMessageParam] | None | Unset = UNSET,
        version: str | None | Unset = UNSET,
        repeat_unknown: bool = False,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> LoadMemoriesResponse:
        """Store a whole conversation, in the background (operation load_memories_v1).

        Only the hosted product has this.
        `client.v1.stats.request.wait(response.request_id)` waits until it is done.

        Args:
            conversation_meta: The metadata of the conversation, with its group_id.
            conversation_list: The messages, oldest first.
            version: Version number of the format, such as "1.0".
            repeat_unknown: Whether the conversation is sent again, as a read would be, after a failure that leaves the
                outcome unknown. It may then be stored twice.
        """
        return await self._call(
            LOAD_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "conversation_meta": conversation_meta,
                "conversation_list": conversation_list,
                "version": version,
            },
            repeat_unknown=repeat_unknown,
        )

    @property
    def with_raw_response(self) -> AsyncMemoriesV1Raw:
        """The same methods, returning the answer as it came: status, headers, body and `parse()`."""
        return AsyncMemoriesV1Raw(self._sender)


class AsyncMemoriesV1Raw:
    """The methods of memories on /api/v1, returning RawResponse."""

    def __init__(self, sender: AsyncSender) -> None:
        resource = AsyncMemoriesV1(sender, raw=True)
        self.add = raw(resource.add)
        self.get = raw(resource.get)
        self.search = raw(resource.search)
        self.delete = raw(resource.delete)
        self.load = raw(resource.load)
