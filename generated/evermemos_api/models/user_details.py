from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel

if TYPE_CHECKING:
    from ..models.user_detail import UserDetail


@_attrs_define(eq=False)
class UserDetails(MapModel["UserDetail"]):
    """Participants by user id."""

    additional_properties: dict[str, UserDetail] = _attrs_field(factory=dict, kw_only=False)
