from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.get_memories_result import GetMemoriesResult


@_attrs_define
class GetMemoriesResponse(Model):
    """GetMemoriesResponse

    Attributes:
        result (GetMemoriesResult): The first memories that fit.
        status (str | Unset): ok or failed. Default: 'ok'.
        message (str | Unset): The server's own words. Default: ''.
    """

    result: GetMemoriesResult
    status: str | Unset = "ok"
    message: str | Unset = ""
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
