from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.scene import Scene
from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.llm_custom_setting import LlmCustomSetting
    from ..models.scene_desc import SceneDesc
    from ..models.user_details import UserDetails


@_attrs_define
class CreateConversationMetaV0Request(Model):
    """CreateConversationMetaV0Request

    Attributes:
        created_at (str): When the conversation began, ISO 8601 with time zone. Example:
            2025-01-15T10:00:00+00:00.
        scene (None | Scene): Kind of conversation, or null for none. Example: assistant.
        scene_desc (None | SceneDesc | Unset): Free fields about the scene.
        description (None | str | Unset): What the conversation is about.
        llm_custom_setting (LlmCustomSetting | None | Unset): Language models to use instead of the server's own.
        default_timezone (None | str | Unset): IANA name of the time zone in which times without one are read.
            Example: UTC.
        user_details (None | Unset | UserDetails): Participants by user id.
        tags (list[str] | None | Unset): Labels. Example: ['work', 'technical'].
    """

    created_at: str
    scene: None | Scene
    scene_desc: None | SceneDesc | Unset = UNSET
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    llm_custom_setting: LlmCustomSetting | None | Unset = UNSET
    default_timezone: None | str | Unset = UNSET
    user_details: None | Unset | UserDetails = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
