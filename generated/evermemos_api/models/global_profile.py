from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class GlobalProfile(Model):
    """What a person is like, over all conversations.

    Attributes:
        user_id (str): Whose profile it is.
        id (None | str | Unset): Id of the profile.
        profile_data (Extra | None | Unset): What is known about the person, as free fields.
        custom_profile_data (Extra | None | Unset): What was given about the person, as free fields.
        confidence (float | None | Unset): How sure it is, from 0 to 1.
        memcell_count (int | None | Unset): Number of pieces of conversation that it was made from.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
    """

    user_id: str
    id: None | str | Unset = UNSET
    profile_data: Extra | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    custom_profile_data: Extra | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    confidence: float | None | Unset = UNSET
    memcell_count: int | None | Unset = UNSET
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
