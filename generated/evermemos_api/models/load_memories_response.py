from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class LoadMemoriesResponse(Model):
    """The server goes on in the background.

    Attributes:
        message (str): The server's own words.
        status (str | Unset): queued, where it is there.
        request_id (None | str | Unset): By which get_request_status tells how far it is. Not every server sends
            one.
        total_count (int | None | Unset): How many messages came in.
        imported_meta (bool | None | Unset): Whether the metadata was stored.
    """

    message: str
    status: str | Unset = UNSET
    request_id: None | str | Unset = UNSET
    total_count: int | None | Unset = UNSET
    imported_meta: bool | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
