from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import Model, Unset, hidden


@_attrs_define
class AddMemoriesResponseV0(Model):
    """AddMemoriesResponseV0

    Attributes:
        request_id (str): By which get_request_status tells how far it is.
        status (str | Unset): ok or failed. Default: 'ok'.
        message (str | Unset): The server's own words. Default: ''.
    """

    request_id: str
    status: str | Unset = "ok"
    message: str | Unset = ""
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
