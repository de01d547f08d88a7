from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.get_memories_response import GetMemoriesResponse
from ...models.memory_type import MemoryType
from ...models.validation_error_response import ValidationErrorResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    user_id: str | Unset = UNSET,
    group_id: str | Unset = UNSET,
    memory_type: MemoryType | Unset = UNSET,
    limit: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["user_id"] = user_id

    params["group_id"] = group_id

    json_memory_type: str | Unset = UNSET
    if not isinstance(memory_type, Unset):
        json_memory_type = memory_type

    params["memory_type"] = json_memory_type

    params["limit"] = limit

    params["start_time"] = start_time

    params["end_time"] = end_time

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/memories",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | GetMemoriesResponse | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = GetMemoriesResponse.from_dict(response.json())

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
) -> Response[ErrorResponse | GetMemoriesResponse | ValidationErrorResponse]:
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
    group_id: str | Unset = UNSET,
    memory_type: MemoryType | Unset = UNSET,
    limit: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> Response[ErrorResponse | GetMemoriesResponse | ValidationErrorResponse]:
    """List memories of one kind

     Reads the memories of a kind, of a user, of a group, or of a user in a group. At least one of
    user_id and
    group_id is needed. There is no offset: servers parse one and ignore it. To read on, narrow the
    time.
    Deleted memories go on being listed: see delete_memories_v1.

    Args:
        user_id (str | Unset):
        group_id (str | Unset):
        memory_type (MemoryType | Unset): Kind of memory. profile is what a person is like,
            episodic_memory what happened, event_log a single fact,
            foresight what is expected to happen.
        limit (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | GetMemoriesResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        group_id=group_id,
        memory_type=memory_type,
        limit=limit,
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
    group_id: str | Unset = UNSET,
    memory_type: MemoryType | Unset = UNSET,
    limit: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> ErrorResponse | GetMemoriesResponse | ValidationErrorResponse | None:
    """List memories of one kind

     Reads the memories of a kind, of a user, of a group, or of a user in a group. At least one of
    user_id and
    group_id is needed. There is no offset: servers parse one and ignore it. To read on, narrow the
    time.
    Deleted memories go on being listed: see delete_memories_v1.

    Args:
        user_id (str | Unset):
        group_id (str | Unset):
        memory_type (MemoryType | Unset): Kind of memory. profile is what a person is like,
            episodic_memory what happened, event_log a single fact,
            foresight what is expected to happen.
        limit (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | GetMemoriesResponse | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        user_id=user_id,
        group_id=group_id,
        memory_type=memory_type,
        limit=limit,
        start_time=start_time,
        end_time=end_time,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_id: str | Unset = UNSET,
    memory_type: MemoryType | Unset = UNSET,
    limit: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> Response[ErrorResponse | GetMemoriesResponse | ValidationErrorResponse]:
    """List memories of one kind

     Reads the memories of a kind, of a user, of a group, or of a user in a group. At least one of
    user_id and
    group_id is needed. There is no offset: servers parse one and ignore it. To read on, narrow the
    time.
    Deleted memories go on being listed: see delete_memories_v1.

    Args:
        user_id (str | Unset):
        group_id (str | Unset):
        memory_type (MemoryType | Unset): Kind of memory. profile is what a person is like,
            episodic_memory what happened, event_log a single fact,
            foresight what is expected to happen.
        limit (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | GetMemoriesResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        group_id=group_id,
        memory_type=memory_type,
        limit=limit,
        start_time=start_time,
        end_time=end_time,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_id: str | Unset = UNSET,
    memory_type: MemoryType | Unset = UNSET,
    limit: int | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
) -> ErrorResponse | GetMemoriesResponse | ValidationErrorResponse | None:
    """List memories of one kind

     Reads the memories of a kind, of a user, of a group, or of a user in a group. At least one of
    user_id and
    group_id is needed. There is no offset: servers parse one and ignore it. To read on, narrow the
    time.
    Deleted memories go on being listed: see delete_memories_v1.

    Args:
        user_id (str | Unset):
        group_id (str | Unset):
        memory_type (MemoryType | Unset): Kind of memory. profile is what a person is like,
            episodic_memory what happened, event_log a single fact,
            foresight what is expected to happen.
        limit (int | Unset):
        start_time (str | Unset):
        end_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | GetMemoriesResponse | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            user_id=user_id,
            group_id=group_id,
            memory_type=memory_type,
            limit=limit,
            start_time=start_time,
            end_time=end_time,
        )
    ).parsed
