from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class HealthResponse(Model):
    """Whether the server is up.

    Attributes:
        status (str): healthy.
        timestamp (None | str | Unset): What the server takes for now.
        message (None | str | Unset): The server's own words.
    """

    status: str
    timestamp: None | str | Unset = UNSET
    message: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
