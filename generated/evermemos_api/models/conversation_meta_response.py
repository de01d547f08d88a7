from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.scene_desc import SceneDesc
    from ..models.user_details_response import UserDetailsResponse


@_attrs_define
class ConversationMetaResponse(Model):
    """The metadata record of a conversation, or the default record.

    Attributes:
        id (str): Id of the record.
        scene (str): group_chat or assistant today; newer servers may know more.
        name (str): Name of the conversation.
        conversation_created_at (str): When the conversation began, as it was sent in created_at.
        group_id (None | str | Unset): Whose record this is. null for the default record.
        scene_desc (None | SceneDesc | Unset): Free fields about the scene.
        description (None | str | Unset): What the conversation is about.
        version (str | Unset): Version number of the metadata.
        default_timezone (None | str | Unset): Time zone in which times without one are read. Servers keep any
            string.
        user_details (UserDetailsResponse | Unset): Participants by user id, as answered.
        tags (list[str] | Unset): Labels.
        is_default (bool | Unset): Whether this is the default record. Default: False.
        created_at (None | str | Unset): When the record was made, not when the conversation began. Do not send it
            back.
        updated_at (None | str | Unset): When the record was made. Open-source servers never move it.
    """

    id: str
    scene: str
    name: str = _attrs_field(
        repr=hidden,
    )
    conversation_created_at: str
    group_id: None | str | Unset = UNSET
    scene_desc: None | SceneDesc | Unset = UNSET
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    version: str | Unset = UNSET
    default_timezone: None | str | Unset = UNSET
    user_details: UserDetailsResponse | Unset = UNSET
    tags: list[str] | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    is_default: bool | Unset = False
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
