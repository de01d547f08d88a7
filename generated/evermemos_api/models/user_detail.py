from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.user_role import UserRole
from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class UserDetail(Model):
    """One participant of a conversation, as sent.

    Attributes:
        full_name (None | str | Unset): The participant's name. Open-source servers refuse a participant without
            one (400). Example: John Smith.
        role (None | Unset | UserRole): A person or an AI. Example: user.
        custom_role (None | str | Unset): The participant's role in their own terms. Open-source servers accept it
            and do not keep it. Example: developer.
        extra (Extra | None | Unset): Free fields about the participant.
    """

    full_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    role: None | Unset | UserRole = UNSET
    custom_role: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    extra: Extra | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
