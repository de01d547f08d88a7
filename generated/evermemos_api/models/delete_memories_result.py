from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class DeleteMemoriesResult(Model):
    """What was deleted.

    Attributes:
        count (int): How many memories were deleted.
        filters (list[str] | Unset): Names of the filters that were used.
    """

    count: int
    filters: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
