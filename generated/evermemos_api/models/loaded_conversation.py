from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.scene import Scene
from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.scene_desc import SceneDesc
    from ..models.user_details import UserDetails


@_attrs_define
class LoadedConversation(Model):
    """Which conversation is stored, with its metadata.

    Attributes:
        group_id (str): Which conversation. Example: group_123.
        name (None | str | Unset): Name of the conversation. Example: Project Discussion Group.
        description (None | str | Unset): What the conversation is about.
        scene (None | Scene | Unset): Kind of conversation. Example: group_chat.
        scene_desc (None | SceneDesc | Unset): Free fields about the scene.
        created_at (None | str | Unset): When the conversation began, ISO 8601 with time zone. Example:
            2025-01-15T10:00:00+00:00.
        default_timezone (None | str | Unset): IANA name of the time zone in which times without one are read.
            Example: UTC.
        user_details (None | Unset | UserDetails): Participants by user id.
        tags (list[str] | None | Unset): Labels. Example: ['work', 'technical'].
    """

    group_id: str
    name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    scene: None | Scene | Unset = UNSET
    scene_desc: None | SceneDesc | Unset = UNSET
    created_at: None | str | Unset = UNSET
    default_timezone: None | str | Unset = UNSET
    user_details: None | Unset | UserDetails = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
