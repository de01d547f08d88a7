from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.conversation_meta_envelope_v0 import ConversationMetaEnvelopeV0
from ...models.create_conversation_meta_v0_request import CreateConversationMetaV0Request
from ...models.error_response import ErrorResponse
from ...models.validation_error_response import ValidationErrorResponse
from ...types import Response


def _get_kwargs(
    *,
    body: CreateConversationMetaV0Request,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v0/memories/conversation-meta",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = ConversationMetaEnvelopeV0.from_dict(response.json())

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
) -> Response[ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateConversationMetaV0Request,
) -> Response[ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse]:
    """Create or merge the conversation metadata

     Creates the record. When it exists already, the fields sent are merged into it and the others stay;
    an empty
    user_details leaves the old ones alone here, an empty string or list clears.
    The default record needs scene and scene_desc and takes no name. The record of a group, which the
    published page
    does not have and the open-source v0 server has, needs a name, takes neither scene nor scene_desc
    (400) and
    drops llm_custom_setting without a word.

    Args:
        body (CreateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse]
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
    body: CreateConversationMetaV0Request,
) -> ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse | None:
    """Create or merge the conversation metadata

     Creates the record. When it exists already, the fields sent are merged into it and the others stay;
    an empty
    user_details leaves the old ones alone here, an empty string or list clears.
    The default record needs scene and scene_desc and takes no name. The record of a group, which the
    published page
    does not have and the open-source v0 server has, needs a name, takes neither scene nor scene_desc
    (400) and
    drops llm_custom_setting without a word.

    Args:
        body (CreateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateConversationMetaV0Request,
) -> Response[ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse]:
    """Create or merge the conversation metadata

     Creates the record. When it exists already, the fields sent are merged into it and the others stay;
    an empty
    user_details leaves the old ones alone here, an empty string or list clears.
    The default record needs scene and scene_desc and takes no name. The record of a group, which the
    published page
    does not have and the open-source v0 server has, needs a name, takes neither scene nor scene_desc
    (400) and
    drops llm_custom_setting without a word.

    Args:
        body (CreateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: CreateConversationMetaV0Request,
) -> ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse | None:
    """Create or merge the conversation metadata

     Creates the record. When it exists already, the fields sent are merged into it and the others stay;
    an empty
    user_details leaves the old ones alone here, an empty string or list clears.
    The default record needs scene and scene_desc and takes no name. The record of a group, which the
    published page
    does not have and the open-source v0 server has, needs a name, takes neither scene nor scene_desc
    (400) and
    drops llm_custom_setting without a word.

    Args:
        body (CreateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ConversationMetaEnvelopeV0 | ErrorResponse | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
