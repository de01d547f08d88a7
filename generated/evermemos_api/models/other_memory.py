from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel, hidden


@_attrs_define(eq=False)
class OtherMemory(MapModel["Any"]):
    """A memory that has not the required fields of any kind, as it came."""

    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=False, repr=hidden)
