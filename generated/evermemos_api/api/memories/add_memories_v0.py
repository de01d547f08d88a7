from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.accepted_response import AcceptedResponse
from ...models.add_memories_response_v0 import AddMemoriesResponseV0
from ...models.add_memories_v0_request import AddMemoriesV0Request
from ...models.error_response import ErrorResponse
from ...models.validation_error_response import ValidationErrorResponse
from ...types import Response


def _get_kwargs(
    *,
    body: AddMemoriesV0Request,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v0/memories",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = AddMemoriesResponseV0.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = AcceptedResponse.from_dict(response.json())

        return response_202

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
) -> Response[AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: AddMemoriesV0Request,
) -> Response[AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse]:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, or at once with flush,
    memories are
    extracted. get_request_status_v0 tells how far a request is. Without group_id the open-source server
    makes up a
    group of the sender's. The first message of a group makes its metadata record, too.
    A message that was stored before (the same group, sender and message_id) is answered with status
    duplicate and
    not stored again: that is no failure. A create_time that servers cannot read silently becomes the
    current time.
    While its database is down the open-source server answers 200, and the message is lost.

    Args:
        body (AddMemoriesV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse]
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
    body: AddMemoriesV0Request,
) -> AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse | None:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, or at once with flush,
    memories are
    extracted. get_request_status_v0 tells how far a request is. Without group_id the open-source server
    makes up a
    group of the sender's. The first message of a group makes its metadata record, too.
    A message that was stored before (the same group, sender and message_id) is answered with status
    duplicate and
    not stored again: that is no failure. A create_time that servers cannot read silently becomes the
    current time.
    While its database is down the open-source server answers 200, and the message is lost.

    Args:
        body (AddMemoriesV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: AddMemoriesV0Request,
) -> Response[AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse]:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, or at once with flush,
    memories are
    extracted. get_request_status_v0 tells how far a request is. Without group_id the open-source server
    makes up a
    group of the sender's. The first message of a group makes its metadata record, too.
    A message that was stored before (the same group, sender and message_id) is answered with status
    duplicate and
    not stored again: that is no failure. A create_time that servers cannot read silently becomes the
    current time.
    While its database is down the open-source server answers 200, and the message is lost.

    Args:
        body (AddMemoriesV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: AddMemoriesV0Request,
) -> AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse | None:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, or at once with flush,
    memories are
    extracted. get_request_status_v0 tells how far a request is. Without group_id the open-source server
    makes up a
    group of the sender's. The first message of a group makes its metadata record, too.
    A message that was stored before (the same group, sender and message_id) is answered with status
    duplicate and
    not stored again: that is no failure. A create_time that servers cannot read silently becomes the
    current time.
    While its database is down the open-source server answers 200, and the message is lost.

    Args:
        body (AddMemoriesV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AcceptedResponse | AddMemoriesResponseV0 | ErrorResponse | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
