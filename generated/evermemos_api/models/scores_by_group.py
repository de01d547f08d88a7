from __future__ import annotations

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel


@_attrs_define(eq=False)
class ScoresByGroup(MapModel["list[float]"]):
    """How well each fits what was looked for, by group id, in the order of the memories."""

    additional_properties: dict[str, list[float]] = _attrs_field(factory=dict, kw_only=False)
