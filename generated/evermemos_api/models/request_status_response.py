from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class RequestStatusResponse(Model):
    """How far a request is.

    Attributes:
        success (bool | Unset): Whether the server could look.
        found (bool | Unset): Whether it knows the request. It forgets after a while.
        data (Extra | None | Unset): What it knows, as free fields. null when it knows nothing.
        message (None | str | Unset): The server's own words.
    """

    success: bool | Unset = UNSET
    found: bool | Unset = UNSET
    data: Extra | None | Unset = UNSET
    message: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
