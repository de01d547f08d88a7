from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class SearchProfile(Model):
    """One trait of a person that was found.

    Attributes:
        item_type (str): explicit_info is what somebody said, implicit_trait what can be read between the lines.
        category (None | str | Unset): What an explicit_info is about.
        trait_name (None | str | Unset): Name of an implicit_trait.
        description (None | str | Unset): What the person is like.
        score (float | None | Unset): How well it fits what was looked for, more is better.
    """

    item_type: str
    category: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    trait_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    score: float | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
