# Derived from _async/memories_v0.py by `make generate`. Edit that file instead.
"""Memories on /api/v0: the messages they are made of, and listing, searching and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evermemos_api.types import UNSET, Unset

from .._call import Options
from .._operation import Operation
from .resource import Resource, raw

if TYPE_CHECKING:
    from evermemos_api.models import (
        AcceptedResponse,
        AddMemoriesResponseV0,
        DeleteMemoriesResponse,
        GetMemoriesResponseV0,
        SearchMemoriesResponseV0,
    )

    from .._params import MemoryTypeV0, RetrieveMethod, RoleV0
    from .._settings import TimeoutTypes
    from .conversation_meta import ConversationMetaV0
    from .paging import MemoryIterator
    from .send import Sender

TAG = "memories"
ADD_V0: Operation[AddMemoriesResponseV0 | AcceptedResponse] = Operation(TAG, "add_memories_v0")
GET_V0: Operation[GetMemoriesResponseV0] = Operation(TAG, "get_memories_v0")
SEARCH_V0: Operation[SearchMemoriesResponseV0] = Operation(TAG, "search_memories_v0")
DELETE_V0: Operation[DeleteMemoriesResponse] = Operation(TAG, "delete_memories_v0")


class MemoriesV0(Resource):
    """Memories on /api/v0.

    Every method takes these options for the one call: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds) and
    `max_retries` in place of the client's; `extra_headers`, `extra_query` and `extra_body` to send more, unchecked.

    Every method raises RequestValidationError (an argument is wrong, nothing was sent), and APIConnectionError,
    APITimeoutError, APIStatusError or APIResponseValidationError as drawn in `evermemos.errors`.
    """

    @cached_property
    def conversation_meta(self) -> ConversationMetaV0:
        """/api/v0/memories/conversation-meta."""
        from .conversation_meta import ConversationMetaV0

        return ConversationMetaV0(self._sender)

    def add(
        self,
        *,
        message_id: str,
        create_time: str | datetime,
        sender: str,
        content: str,
        group_id: str | None | Unset = UNSET,
        group_name: str | None | Unset = UNSET,
        sender_name: str | None | Unset = UNSET,
        role: RoleV0 | None | Unset = UNSET,
        refer_list: Sequence[str] | None | Unset = UNSET,
        flush: bool | Unset = UNSET,
        repeat_unknown: bool = False,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> AddMemoriesResponseV0 | AcceptedResponse:
        """Store one message (operation add_memories_v0).

        Servers make memories of messages when enough of them are there. The hosted product answers
        `response.request_id`, and `client.v0.status.request.wait(response.request_id)` waits until it is done; the
        open-source server answers `response.result`, as v1 does. AcceptedResponse means that the server goes on in the
        background. `response.status` is "duplicate" for a message that was stored before: it is not stored again.

        Args:
            message_id: Id of the message, unlike that of any other.
            create_time: When it was written: an aware datetime, or ISO 8601 with a time zone.
            sender: User id of who wrote it.
            content: What was written.
            group_id: Which conversation it is part of. Without one the open-source server makes up a group of the
                sender's.
            group_name: Name of the conversation.
            sender_name: Name of who wrote it.
            role: "user" if a person wrote it, "assistant" if an AI did, "tool" if a tool did, which the open-source
                server takes. Fields of tool calls go into `extra_body`.
            refer_list: Ids of the messages that it refers to.
            flush: Whether to make memories of the conversation's messages now. Servers do not when it is left out.
            repeat_unknown: Whether the message is sent again, as a read would be, after a failure that leaves the
                outcome unknown. The open-source server knows it again; another one may store it twice.
        """
        return self._call(
            ADD_V0,
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
                "flush": flush,
            },
            repeat_unknown=repeat_unknown,
        )

    def get(
        self,
        *,
        user_id: str | Unset = UNSET,
        group_ids: Sequence[str] | Unset = UNSET,
        memory_type: MemoryTypeV0 | Unset = UNSET,
        page: int | Unset = UNSET,
        page_size: int | Unset = UNSET,
        start_time: str | datetime | Unset = UNSET,
        end_time: str | datetime | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> GetMemoriesResponseV0:
        """Read one page of the memories of a kind (operation get_memories_v0).

        `iter` reads all pages. The open-source server refuses a request without user_id and group_ids (400), and lists
        profiles as one CombinedProfile, even if there is none. What was deleted goes on being listed: see `delete`.

        Args:
            user_id: Only memories of this user.
            group_ids: Only memories of these conversations.
            memory_type: "episodic_memory" (what servers take when it is left out), "profile", "event_log",
                "foresight", or of the open-source server "agent_case" or "agent_skill".
            page: Which page, from 1. Servers take 1 when it is left out.
            page_size: Memories on a page, 1 to 100. Servers take 20 when it is left out.
            start_time: Only memories from this time on: an aware datetime, or ISO 8601 with a time zone.
            end_time: Only memories before this time.
        """
        return self._call(
            GET_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={
                "user_id": user_id,
                "group_ids": group_ids,
                "memory_type": memory_type,
                "page": page,
                "page_size": page_size,
                "start_time": start_time,
                "end_time": end_time,
            },
        )

    def iter(
        self,
        *,
        user_id: str | Unset = UNSET,
        group_ids: Sequence[str] | Unset = UNSET,
        memory_type: MemoryTypeV0 | Unset = UNSET,
        page_size: int = 100,
        start_time: str | datetime | Unset = UNSET,
        end_time: str | datetime | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> MemoryIterator:
        """Return an iterator over the memories of a kind, which reads page by page as it goes (get_memories_v0).

        It ends with the last page, and when a server sends the same page again. A CombinedProfile without any profile
        is left out. Options and errors are those of `get`, for each page.

        Args:
            user_id: Only memories of this user.
            group_ids: Only memories of these conversations.
            memory_type: "episodic_memory" (what servers take when it is left out), "profile", "event_log",
                "foresight", or of the open-source server "agent_case" or "agent_skill".
            page_size: Memories on a page, 1 to 100.
            start_time: Only memories from this time on: an aware datetime, or ISO 8601 with a time zone.
            end_time: Only memories before this time.
        """
        from .paging import MemoryIterator

        return MemoryIterator(
            self.get,
            user_id=user_id,
            group_ids=group_ids,
            memory_type=memory_type,
            page_size=page_size,
            start_time=start_time,
            end_time=end_time,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
        )

    def search(
        self,
        *,
        user_id: str | Unset = UNSET,
        group_ids: Sequence[str] | Unset = UNSET,
        query: str | Unset = UNSET,
        memory_types: Sequence[MemoryTypeV0] | Unset = UNSET,
        retrieve_method: RetrieveMethod | Unset = UNSET,
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
    ) -> SearchMemoriesResponseV0:
        """Search memories (operation search_memories_v0).

        The open-source server refuses a search without user_id and group_ids (400).
        `for hit in response.result.hits()` goes through what was found, with `hit.group_id`, `hit.score`, `hit.memory`.

        Args:
            user_id: Only memories of this user.
            group_ids: Only memories of these conversations.
            query: What to look for.
            memory_types: Which kinds. The open-source server searches "episodic_memory", "profile", "agent_case" and
                "agent_skill", and refuses "event_log" and "foresight" (400).
            retrieve_method: "keyword" (what servers take when it is left out), "vector", "hybrid", "rrf" or "agentic".
            top_k: Most memories in the answer, 1 to 100. -1, which servers take when it is left out, is as many as they
                give.
            include_metadata: Whether each memory comes with its metadata. Servers do when it is left out, and the
                open-source server in any case.
            radius: Least similarity of what is found by meaning, from 0 to 1.
            start_time: Only memories from this time on: an aware datetime, or ISO 8601 with a time zone.
            end_time: Only memories before this time.
            current_time: What to take for now where foresights are looked for.
        """
        return self._call(
            SEARCH_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={
                "user_id": user_id,
                "group_ids": group_ids,
                "query": query,
                "memory_types": memory_types,
                "retrieve_method": retrieve_method,
                "top_k": top_k,
                "include_metadata": include_metadata,
                "radius": radius,
                "start_time": start_time,
                "end_time": end_time,
                "current_time": current_time,
            },
        )

    def delete(
        self,
        *,
        memory_id: str | Unset = UNSET,
        user_id: str | Unset = UNSET,
        group_id: str | Unset = UNSET,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> DeleteMemoriesResponse:
        """Delete memories (operation delete_memories_v0).

        A memory must fit all filters. At least one is needed, and None or "" for one is refused: servers leave such a
        filter out, which widens the deletion. `response.affected` is how many were deleted; `response.result.count` of
        the open-source server is always 0. That server marks pieces of conversation and what was made of them as
        deleted, and messages that wait; profiles stay (docs/server-behaviour.md, section 12).

        Args:
            memory_id: Only what was made of the piece of conversation with this id: `parent_id` of a listed memory,
                not its `id`. One that fits nothing is not an error.
            user_id: Only memories of this user.
            group_id: Only memories of this conversation.
        """
        return self._call(
            DELETE_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            fields={
                "memory_id": memory_id,
                "user_id": user_id,
                "group_id": group_id,
            },
        )

    @property
    def with_raw_response(self) -> MemoriesV0Raw:
        """The same methods, returning the answer as it came: status, headers, body and `parse()`."""
        return MemoriesV0Raw(self._sender)


class MemoriesV0Raw:
    """The methods of memories on /api/v0, returning RawResponse."""

    def __init__(self, sender: Sender) -> None:
        resource = MemoriesV0(sender, raw=True)
        self.add = raw(resource.add)
        self.get = raw(resource.get)
        self.search = raw(resource.search)
        self.delete = raw(resource.delete)
