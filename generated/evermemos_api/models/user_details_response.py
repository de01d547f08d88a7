from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel

if TYPE_CHECKING:
    from ..models.user_detail_response import UserDetailResponse


@_attrs_define(eq=False)
class UserDetailsResponse(MapModel["UserDetailResponse"]):
    """Participants by user id, as answered."""

    additional_properties: dict[str, UserDetailResponse] = _attrs_field(factory=dict, kw_only=False)
