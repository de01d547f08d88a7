from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.delete_memories_response import DeleteMemoriesResponse
from ...models.delete_memories_v0_request import DeleteMemoriesV0Request
from ...models.error_response import ErrorResponse
from ...models.validation_error_response import ValidationErrorResponse
from ...types import Response


def _get_kwargs(
    *,
    body: DeleteMemoriesV0Request,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v0/memories",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = DeleteMemoriesResponse.from_dict(response.json())

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
) -> Response[DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: DeleteMemoriesV0Request,
) -> Response[DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse]:
    """Delete memories

     Deletes the memories that fit all of the filters that are sent. At least one is needed. Servers drop
    a filter
    that is null or empty: an empty user_id with a group_id deletes all memories of the group.
    The open-source server marks pieces of conversation (MemCells) as deleted: memory_id is the id of
    such a piece,
    which listed memories have as parent_id, and profiles and messages that wait for extraction of
    others stay.
    Its result is always empty (count 0); how many were marked is in its message alone. An id that fits
    nothing is
    200, too. Sent again, it deletes what somebody has added in between.

    Args:
        body (DeleteMemoriesV0Request): What to delete. A memory must fit all that is sent; an
            empty string is as if nothing were sent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: DeleteMemoriesV0Request,
) -> DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse | None:
    """Delete memories

     Deletes the memories that fit all of the filters that are sent. At least one is needed. Servers drop
    a filter
    that is null or empty: an empty user_id with a group_id deletes all memories of the group.
    The open-source server marks pieces of conversation (MemCells) as deleted: memory_id is the id of
    such a piece,
    which listed memories have as parent_id, and profiles and messages that wait for extraction of
    others stay.
    Its result is always empty (count 0); how many were marked is in its message alone. An id that fits
    nothing is
    200, too. Sent again, it deletes what somebody has added in between.

    Args:
        body (DeleteMemoriesV0Request): What to delete. A memory must fit all that is sent; an
            empty string is as if nothing were sent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: DeleteMemoriesV0Request,
) -> Response[DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse]:
    """Delete memories

     Deletes the memories that fit all of the filters that are sent. At least one is needed. Servers drop
    a filter
    that is null or empty: an empty user_id with a group_id deletes all memories of the group.
    The open-source server marks pieces of conversation (MemCells) as deleted: memory_id is the id of
    such a piece,
    which listed memories have as parent_id, and profiles and messages that wait for extraction of
    others stay.
    Its result is always empty (count 0); how many were marked is in its message alone. An id that fits
    nothing is
    200, too. Sent again, it deletes what somebody has added in between.

    Args:
        body (DeleteMemoriesV0Request): What to delete. A memory must fit all that is sent; an
            empty string is as if nothing were sent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: DeleteMemoriesV0Request,
) -> DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse | None:
    """Delete memories

     Deletes the memories that fit all of the filters that are sent. At least one is needed. Servers drop
    a filter
    that is null or empty: an empty user_id with a group_id deletes all memories of the group.
    The open-source server marks pieces of conversation (MemCells) as deleted: memory_id is the id of
    such a piece,
    which listed memories have as parent_id, and profiles and messages that wait for extraction of
    others stay.
    Its result is always empty (count 0); how many were marked is in its message alone. An id that fits
    nothing is
    200, too. Sent again, it deletes what somebody has added in between.

    Args:
        body (DeleteMemoriesV0Request): What to delete. A memory must fit all that is sent; an
            empty string is as if nothing were sent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeleteMemoriesResponse | ErrorResponse | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
