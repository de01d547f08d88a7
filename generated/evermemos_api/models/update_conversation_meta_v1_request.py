from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.scene_desc import SceneDesc
    from ..models.user_details import UserDetails


@_attrs_define
class UpdateConversationMetaV1Request(Model):
    """UpdateConversationMetaV1Request

    Attributes:
        group_id (None | str | Unset): Which conversation. null or absent updates the default record. Example:
            group_123.
        name (None | str | Unset): New name. Example: New Conversation Name.
        description (None | str | Unset): New description. Example: Updated description.
        scene_desc (None | SceneDesc | Unset): New free fields about the scene; replaces the old ones whole.
        tags (list[str] | None | Unset): New labels; replaces the old list. Example: ['tag1', 'tag2'].
        user_details (None | Unset | UserDetails): New participants by user id; replaces all of the old ones.
        default_timezone (None | str | Unset): New IANA time zone name. Example: Asia/Shanghai.
    """

    group_id: None | str | Unset = UNSET
    name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    scene_desc: None | SceneDesc | Unset = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    user_details: None | Unset | UserDetails = UNSET
    default_timezone: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
