from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.add_memories_result import AddMemoriesResult


@_attrs_define
class AddMemoriesResponseV0(Model):
    """The message was stored. The hosted product answers request_id, the open-source server result.

    Attributes:
        status (str | Unset): ok, failed, or duplicate for a message that was stored before, which is no failure.
            Default: 'ok'.
        message (str | Unset): The server's own words. Default: ''.
        request_id (None | str | Unset): By which get_request_status tells how far it is. Not every server sends
            one.
        result (AddMemoriesResult | Unset): What was made of a message.
    """

    status: str | Unset = "ok"
    message: str | Unset = ""
    request_id: None | str | Unset = UNSET
    result: AddMemoriesResult | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
