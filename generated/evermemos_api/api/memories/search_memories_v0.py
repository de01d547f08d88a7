from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.memory_type_v0 import MemoryTypeV0
from ...models.retrieve_method import RetrieveMethod
from ...models.search_memories_response_v0 import SearchMemoriesResponseV0
from ...models.validation_error_response import ValidationErrorResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    query: str | Unset = UNSET,
    memory_types: list[MemoryTypeV0] | Unset = UNSET,
    retrieve_method: RetrieveMethod | Unset = UNSET,
    top_k: int | Unset = UNSET,
    include_metadata: bool | Unset = UNSET,
    radius: float | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
    current_time: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["user_id"] = user_id

    json_group_ids: list[str] | Unset = UNSET
    if not isinstance(group_ids, Unset):
        json_group_ids = group_ids

    params["group_ids"] = json_group_ids

    params["query"] = query

    json_memory_types: list[str] | Unset = UNSET
    if not isinstance(memory_types, Unset):
        json_memory_types = []
        for memory_types_item_data in memory_types:
            memory_types_item: str = memory_types_item_data
            json_memory_types.append(memory_types_item)

    params["memory_types"] = json_memory_types

    json_retrieve_method: str | Unset = UNSET
    if not isinstance(retrieve_method, Unset):
        json_retrieve_method = retrieve_method

    params["retrieve_method"] = json_retrieve_method

    params["top_k"] = top_k

    params["include_metadata"] = include_metadata

    params["radius"] = radius

    params["start_time"] = start_time

    params["end_time"] = end_time

    params["current_time"] = current_time

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v0/memories/search",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = SearchMemoriesResponseV0.from_dict(response.json())

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
) -> Response[ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse]:
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
    query: str | Unset = UNSET,
    memory_types: list[MemoryTypeV0] | Unset = UNSET,
    retrieve_method: RetrieveMethod | Unset = UNSET,
    top_k: int | Unset = UNSET,
    include_metadata: bool | Unset = UNSET,
    radius: float | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
    current_time: str | Unset = UNSET,
) -> Response[ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse]:
    """Search memories

     Finds memories by words, by meaning, or by both, and the messages that are not memories yet. The
    open-source
    server refuses a request without user_id and group_ids, and one with more than 50 group_ids (400).

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        query (str | Unset):
        memory_types (list[MemoryTypeV0] | Unset):
        retrieve_method (RetrieveMethod | Unset): How to search. keyword by words, vector by
            meaning, hybrid and rrf by both, agentic in several rounds that a
            language model leads.
        top_k (int | Unset):
        include_metadata (bool | Unset):
        radius (float | Unset):
        start_time (str | Unset):
        end_time (str | Unset):
        current_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        group_ids=group_ids,
        query=query,
        memory_types=memory_types,
        retrieve_method=retrieve_method,
        top_k=top_k,
        include_metadata=include_metadata,
        radius=radius,
        start_time=start_time,
        end_time=end_time,
        current_time=current_time,
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
    query: str | Unset = UNSET,
    memory_types: list[MemoryTypeV0] | Unset = UNSET,
    retrieve_method: RetrieveMethod | Unset = UNSET,
    top_k: int | Unset = UNSET,
    include_metadata: bool | Unset = UNSET,
    radius: float | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
    current_time: str | Unset = UNSET,
) -> ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse | None:
    """Search memories

     Finds memories by words, by meaning, or by both, and the messages that are not memories yet. The
    open-source
    server refuses a request without user_id and group_ids, and one with more than 50 group_ids (400).

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        query (str | Unset):
        memory_types (list[MemoryTypeV0] | Unset):
        retrieve_method (RetrieveMethod | Unset): How to search. keyword by words, vector by
            meaning, hybrid and rrf by both, agentic in several rounds that a
            language model leads.
        top_k (int | Unset):
        include_metadata (bool | Unset):
        radius (float | Unset):
        start_time (str | Unset):
        end_time (str | Unset):
        current_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        user_id=user_id,
        group_ids=group_ids,
        query=query,
        memory_types=memory_types,
        retrieve_method=retrieve_method,
        top_k=top_k,
        include_metadata=include_metadata,
        radius=radius,
        start_time=start_time,
        end_time=end_time,
        current_time=current_time,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    query: str | Unset = UNSET,
    memory_types: list[MemoryTypeV0] | Unset = UNSET,
    retrieve_method: RetrieveMethod | Unset = UNSET,
    top_k: int | Unset = UNSET,
    include_metadata: bool | Unset = UNSET,
    radius: float | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
    current_time: str | Unset = UNSET,
) -> Response[ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse]:
    """Search memories

     Finds memories by words, by meaning, or by both, and the messages that are not memories yet. The
    open-source
    server refuses a request without user_id and group_ids, and one with more than 50 group_ids (400).

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        query (str | Unset):
        memory_types (list[MemoryTypeV0] | Unset):
        retrieve_method (RetrieveMethod | Unset): How to search. keyword by words, vector by
            meaning, hybrid and rrf by both, agentic in several rounds that a
            language model leads.
        top_k (int | Unset):
        include_metadata (bool | Unset):
        radius (float | Unset):
        start_time (str | Unset):
        end_time (str | Unset):
        current_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        group_ids=group_ids,
        query=query,
        memory_types=memory_types,
        retrieve_method=retrieve_method,
        top_k=top_k,
        include_metadata=include_metadata,
        radius=radius,
        start_time=start_time,
        end_time=end_time,
        current_time=current_time,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    user_id: str | Unset = UNSET,
    group_ids: list[str] | Unset = UNSET,
    query: str | Unset = UNSET,
    memory_types: list[MemoryTypeV0] | Unset = UNSET,
    retrieve_method: RetrieveMethod | Unset = UNSET,
    top_k: int | Unset = UNSET,
    include_metadata: bool | Unset = UNSET,
    radius: float | Unset = UNSET,
    start_time: str | Unset = UNSET,
    end_time: str | Unset = UNSET,
    current_time: str | Unset = UNSET,
) -> ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse | None:
    """Search memories

     Finds memories by words, by meaning, or by both, and the messages that are not memories yet. The
    open-source
    server refuses a request without user_id and group_ids, and one with more than 50 group_ids (400).

    Args:
        user_id (str | Unset):
        group_ids (list[str] | Unset):
        query (str | Unset):
        memory_types (list[MemoryTypeV0] | Unset):
        retrieve_method (RetrieveMethod | Unset): How to search. keyword by words, vector by
            meaning, hybrid and rrf by both, agentic in several rounds that a
            language model leads.
        top_k (int | Unset):
        include_metadata (bool | Unset):
        radius (float | Unset):
        start_time (str | Unset):
        end_time (str | Unset):
        current_time (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | SearchMemoriesResponseV0 | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            user_id=user_id,
            group_ids=group_ids,
            query=query,
            memory_types=memory_types,
            retrieve_method=retrieve_method,
            top_k=top_k,
            include_metadata=include_metadata,
            radius=radius,
            start_time=start_time,
            end_time=end_time,
            current_time=current_time,
        )
    ).parsed
