from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.accepted_response import AcceptedResponse
from ...models.add_memories_response import AddMemoriesResponse
from ...models.add_memories_v1_request import AddMemoriesV1Request
from ...models.error_response import ErrorResponse
from ...models.validation_error_response import ValidationErrorResponse
from ...types import Response


def _get_kwargs(
    *,
    body: AddMemoriesV1Request,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/memories",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> AcceptedResponse | AddMemoriesResponse:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = AddMemoriesResponse.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_200_type_1 = AcceptedResponse.from_dict(data)

            return response_200_type_1

        response_200 = _parse_response_200(response.json())

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
) -> Response[AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: AddMemoriesV1Request,
) -> Response[AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse]:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, memories are extracted:
    status_info
    tells whether. What takes longer than 5 seconds goes on in the background (202), and a hosted server
    may queue
    every message (200 or 202). A create_time that servers cannot read silently becomes the current
    time.
    A message without group_id (absent, null or empty) is answered with 200 by the open-source server,
    and thrown
    away. One that was stored before is stored again.

    Args:
        body (AddMemoriesV1Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AcceptedResponse | AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse]
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
    body: AddMemoriesV1Request,
) -> AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse | None:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, memories are extracted:
    status_info
    tells whether. What takes longer than 5 seconds goes on in the background (202), and a hosted server
    may queue
    every message (200 or 202). A create_time that servers cannot read silently becomes the current
    time.
    A message without group_id (absent, null or empty) is answered with 200 by the open-source server,
    and thrown
    away. One that was stored before is stored again.

    Args:
        body (AddMemoriesV1Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AcceptedResponse | AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: AddMemoriesV1Request,
) -> Response[AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse]:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, memories are extracted:
    status_info
    tells whether. What takes longer than 5 seconds goes on in the background (202), and a hosted server
    may queue
    every message (200 or 202). A create_time that servers cannot read silently becomes the current
    time.
    A message without group_id (absent, null or empty) is answered with 200 by the open-source server,
    and thrown
    away. One that was stored before is stored again.

    Args:
        body (AddMemoriesV1Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AcceptedResponse | AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: AddMemoriesV1Request,
) -> AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse | None:
    """Store one message

     Stores one message of a conversation. When enough of them make an episode, memories are extracted:
    status_info
    tells whether. What takes longer than 5 seconds goes on in the background (202), and a hosted server
    may queue
    every message (200 or 202). A create_time that servers cannot read silently becomes the current
    time.
    A message without group_id (absent, null or empty) is answered with 200 by the open-source server,
    and thrown
    away. One that was stored before is stored again.

    Args:
        body (AddMemoriesV1Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AcceptedResponse | AcceptedResponse | AddMemoriesResponse | ErrorResponse | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
