from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel, hidden


@_attrs_define(eq=False)
class Extra(MapModel["Any"]):
    """Free fields. What is kept here comes back as it was sent."""

    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=False, repr=hidden)
