from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define(eq=False)
class UserDetailsResponseV0(MapModel["Extra"]):
    """Participants by user id, as v0 answers them, each a free object."""

    additional_properties: dict[str, Extra] = _attrs_field(factory=dict, kw_only=False)
