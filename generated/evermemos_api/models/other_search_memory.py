from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class OtherSearchMemory(Model):
    """Something found whose kind is not known yet, as it came.

    Attributes:
        memory_type (None | str | Unset): Which kind it is.
        group_id (None | str | Unset): Which conversation it comes from.
        score (float | None | Unset): How well it fits what was looked for, more is better. v1 servers answer it
            in scores.
    """

    memory_type: None | str | Unset = UNSET
    group_id: None | str | Unset = UNSET
    score: float | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
