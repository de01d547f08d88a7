from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.get_memories_response_v0 import GetMemoriesResponseV0
from ...models.memory_type_v0 import MemoryTypeV0
from ...models.validation_error_response import ValidationErrorResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    memory_type: MemoryTypeV0 | Unset = UNSET,
    page: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["user_id"] = user_id

    json_group_ids: list[str] | Unset = UNSET
    if not isinstance(group_ids, Unset):
        json_group_ids = group_ids

    params["group_ids"] = json_group_ids

    json_memory_type: str | Unset = UNSET
    if not isinstance(memory_type, Unset):
        json_memory_type = memory_type

    params["memory_type"] = json_memory_type

    params["page"] = page

    params["page_size"] = page_size

    params["start_time"] = start_time

    params["end_time"] = end_time

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v0/memories",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = GetMemoriesResponseV0.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorResponse.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorResponse.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorResponse.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorResponse.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = ErrorResponse.from_dict(response.json())

        return response_409

    if response.status_code == 422:
        response_422 = ValidationErrorResponse.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = ErrorResponse.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = ErrorResponse.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = ErrorResponse.from_dict(response.json())

        return response_503

    response_default = ErrorResponse.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    memory_type: MemoryTypeV0 | Unset = UNSET,
    page: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> Response[ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse]:
    """List memories of one kind

     Reads one page of the memories of a kind, of a user, of groups, or of a user in groups. The open-
    source server
    refuses a request without user_id and group_ids (400). Profiles come as one item for all of them,
    even when
    there is none. Deleted memories go on being listed: see delete_memories_v0.

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        memory_type (MemoryTypeV0 | Unset): Kind of memory. Those of MemoryType; agent_case is a
            task that an agent worked on, agent_skill something that it
            has learnt. The last two are known to the open-source v0 server.
        page (int | Unset):
        page_size (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        group_ids=group_ids,
        memory_type=memory_type,
        page=page,
        page_size=page_size,
        start_time=start_time,
        end_time=end_time,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    memory_type: MemoryTypeV0 | Unset = UNSET,
    page: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse | None:
    """List memories of one kind

     Reads one page of the memories of a kind, of a user, of groups, or of a user in groups. The open-
    source server
    refuses a request without user_id and group_ids (400). Profiles come as one item for all of them,
    even when
    there is none. Deleted memories go on being listed: see delete_memories_v0.

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        memory_type (MemoryTypeV0 | Unset): Kind of memory. Those of MemoryType; agent_case is a
            task that an agent worked on, agent_skill something that it
            has learnt. The last two are known to the open-source v0 server.
        page (int | Unset):
        page_size (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        user_id=user_id,
        group_ids=group_ids,
        memory_type=memory_type,
        page=page,
        page_size=page_size,
        start_time=start_time,
        end_time=end_time,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    memory_type: MemoryTypeV0 | Unset = UNSET,
    page: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> Response[ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse]:
    """List memories of one kind

     Reads one page of the memories of a kind, of a user, of groups, or of a user in groups. The open-
    source server
    refuses a request without user_id and group_ids (400). Profiles come as one item for all of them,
    even when
    there is none. Deleted memories go on being listed: see delete_memories_v0.

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        memory_type (MemoryTypeV0 | Unset): Kind of memory. Those of MemoryType; agent_case is a
            task that an agent worked on, agent_skill something that it
            has learnt. The last two are known to the open-source v0 server.
        page (int | Unset):
        page_size (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        group_ids=group_ids,
        memory_type=memory_type,
        page=page,
        page_size=page_size,
        start_time=start_time,
        end_time=end_time,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    memory_type: MemoryTypeV0 | Unset = UNSET,
    page: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse | None:
    """List memories of one kind

     Reads one page of the memories of a kind, of a user, of groups, or of a user in groups. The open-
    source server
    refuses a request without user_id and group_ids (400). Profiles come as one item for all of them,
    even when
    there is none. Deleted memories go on being listed: see delete_memories_v0.

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        memory_type (MemoryTypeV0 | Unset): Kind of memory. Those of MemoryType; agent_case is a
            task that an agent worked on, agent_skill something that it
            has learnt. The last two are known to the open-source v0 server.
        page (int | Unset):
        page_size (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | GetMemoriesResponseV0 | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            user_id=user_id,
            group_ids=group_ids,
            memory_type=memory_type,
            page=page,
            page_size=page_size,
            start_time=start_time,
            end_time=end_time,
        )
    ).parsed
