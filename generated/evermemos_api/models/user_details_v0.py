from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel

if TYPE_CHECKING:
    from ..models.user_detail_v0 import UserDetailV0


@_attrs_define(eq=False)
class UserDetailsV0(MapModel["UserDetailV0"]):
    """Participants by user id, as sent to v0."""

    additional_properties: dict[str, UserDetailV0] = _attrs_field(factory=dict, kw_only=False)
