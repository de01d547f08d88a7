from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.patch_conversation_meta_response import PatchConversationMetaResponse
from ...models.update_conversation_meta_v0_request import UpdateConversationMetaV0Request
from ...models.validation_error_response import ValidationErrorResponse
from ...types import Response


def _get_kwargs(
    *,
    body: UpdateConversationMetaV0Request,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/api/v0/memories/conversation-meta",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse:
    if response.status_code == 200:
        response_200 = PatchConversationMetaResponse.from_dict(response.json())

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
) -> Response[ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: UpdateConversationMetaV0Request,
) -> Response[ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse]:
    """Update the conversation metadata

     Changes the fields that are sent. null leaves a field alone; an empty string, list or object clears
    it, but for
    llm_custom_setting, which cannot be cleared. Maps and lists are replaced whole, never merged.
    Without group_id the default record is changed. A group without a record is a 404. The record of a
    group takes
    neither scene_desc nor llm_custom_setting (400), the default record no name.

    Args:
        body (UpdateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse]
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
    body: UpdateConversationMetaV0Request,
) -> ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse | None:
    """Update the conversation metadata

     Changes the fields that are sent. null leaves a field alone; an empty string, list or object clears
    it, but for
    llm_custom_setting, which cannot be cleared. Maps and lists are replaced whole, never merged.
    Without group_id the default record is changed. A group without a record is a 404. The record of a
    group takes
    neither scene_desc nor llm_custom_setting (400), the default record no name.

    Args:
        body (UpdateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: UpdateConversationMetaV0Request,
) -> Response[ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse]:
    """Update the conversation metadata

     Changes the fields that are sent. null leaves a field alone; an empty string, list or object clears
    it, but for
    llm_custom_setting, which cannot be cleared. Maps and lists are replaced whole, never merged.
    Without group_id the default record is changed. A group without a record is a 404. The record of a
    group takes
    neither scene_desc nor llm_custom_setting (400), the default record no name.

    Args:
        body (UpdateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: UpdateConversationMetaV0Request,
) -> ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse | None:
    """Update the conversation metadata

     Changes the fields that are sent. null leaves a field alone; an empty string, list or object clears
    it, but for
    llm_custom_setting, which cannot be cleared. Maps and lists are replaced whole, never merged.
    Without group_id the default record is changed. A group without a record is a 404. The record of a
    group takes
    neither scene_desc nor llm_custom_setting (400), the default record no name.

    Args:
        body (UpdateConversationMetaV0Request):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | PatchConversationMetaResponse | ValidationErrorResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
