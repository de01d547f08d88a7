from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.llm_custom_setting import LlmCustomSetting
    from ..models.scene_desc import SceneDesc
    from ..models.user_details_v0 import UserDetailsV0


@_attrs_define
class UpdateConversationMetaV0Request(Model):
    """UpdateConversationMetaV0Request

    Attributes:
        group_id (None | str | Unset): Which conversation. null or absent updates the default record. Not on the
            published page of the product.
             Example: group_123.
        name (None | str | Unset): New name, of the record of a group. Not on the published page of the product.
            Example: New Conversation Name.
        description (None | str | Unset): New description. Example: Updated description.
        scene_desc (None | SceneDesc | Unset): New free fields about the scene; replaces the old ones whole. The
            record of a group takes none.
        llm_custom_setting (LlmCustomSetting | None | Unset): New language models; replaces the old setting whole.
            An object without any leaves the old one alone: there
            is no way to clear it. The record of a group takes none.
        tags (list[str] | None | Unset): New labels; replaces the old list. Example: ['tag1', 'tag2'].
        user_details (None | Unset | UserDetailsV0): New participants by user id; replaces all of the old ones.
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
    llm_custom_setting: LlmCustomSetting | None | Unset = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    user_details: None | Unset | UserDetailsV0 = UNSET
    default_timezone: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
