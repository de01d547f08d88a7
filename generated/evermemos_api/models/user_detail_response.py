from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class UserDetailResponse(Model):
    """One participant of a conversation, as answered. Any subset of the fields.

    Attributes:
        full_name (None | str | Unset): The participant's name.
        role (None | str | Unset): user, assistant, or tool on v0; newer servers may know more.
        custom_role (None | str | Unset): The participant's role in their own terms.
        extra (Extra | None | Unset): Free fields about the participant.
    """

    full_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    role: None | str | Unset = UNSET
    custom_role: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    extra: Extra | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
