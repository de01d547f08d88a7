from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class ErrorResponse(Model):
    """An error in any of the shapes that the application, its framework and the hosted gateway send.

    Attributes:
        status (None | str | Unset): failed, from the application.
        code (int | None | str | Unset): Kind of error. The application sends HTTP_ERROR or SYSTEM_ERROR; go by
            the HTTP status instead.
        message (None | str | Unset): The server's own words.
        timestamp (None | str | Unset): When it happened.
        path (None | str | Unset): Path of the request.
        type_ (None | str | Unset): Kind of error, from the gateway.
        error (None | str | Unset): Kind of error, from the gateway.
        detail (None | str | Unset): The framework's own words.
    """

    status: None | str | Unset = UNSET
    code: int | None | str | Unset = UNSET
    message: None | str | Unset = UNSET
    timestamp: None | str | Unset = UNSET
    path: None | str | Unset = UNSET
    type_: None | str | Unset = _attrs_field(default=UNSET, metadata={"json": "type"})
    error: None | str | Unset = UNSET
    detail: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
