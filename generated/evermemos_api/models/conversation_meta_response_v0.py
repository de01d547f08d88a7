from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.llm_custom_setting import LlmCustomSetting
    from ..models.scene_desc import SceneDesc
    from ..models.user_details_response_v0 import UserDetailsResponseV0


@_attrs_define
class ConversationMetaResponseV0(Model):
    """The metadata record, as v0 answers it.

    Attributes:
        id (str): Id of the record.
        group_id (None | str | Unset): Whose record this is. null for the default record.
        scene (None | str | Unset): group_chat or assistant today; newer servers may know more.
        scene_desc (None | SceneDesc | Unset): Free fields about the scene.
        name (None | str | Unset): Name of the conversation.
        description (None | str | Unset): What the conversation is about.
        conversation_created_at (None | str | Unset): When the conversation began, as it was sent in created_at.
        default_timezone (None | str | Unset): Time zone in which times without one are read.
        llm_custom_setting (LlmCustomSetting | None | Unset): Language models that replace the server's own
            choice.
        user_details (None | Unset | UserDetailsResponseV0): Participants by user id.
        tags (list[str] | None | Unset): Labels.
        is_default (bool | None | Unset): Whether this is the default record.
        created_at (None | str | Unset): When the record was made, not when the conversation began. Do not send it
            back.
        updated_at (None | str | Unset): When the record was made. The open-source server never moves it.
    """

    id: str
    group_id: None | str | Unset = UNSET
    scene: None | str | Unset = UNSET
    scene_desc: None | SceneDesc | Unset = UNSET
    name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    conversation_created_at: None | str | Unset = UNSET
    default_timezone: None | str | Unset = UNSET
    llm_custom_setting: LlmCustomSetting | None | Unset = UNSET
    user_details: None | Unset | UserDetailsResponseV0 = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    is_default: bool | None | Unset = UNSET
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
