from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.scene import Scene
from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.llm_custom_setting import LlmCustomSetting
    from ..models.scene_desc import SceneDesc
    from ..models.user_details_v0 import UserDetailsV0


@_attrs_define
class CreateConversationMetaV0Request(Model):
    """CreateConversationMetaV0Request

    Attributes:
        scene (None | Scene): Kind of conversation. The default record needs one (400 for null); for the record of
            a group it is null.
             Example: assistant.
        created_at (str): When the conversation began, ISO 8601 with time zone. Servers keep any string. Example:
            2025-01-15T10:00:00+00:00.
        scene_desc (None | SceneDesc | Unset): Free fields about the scene. Optional by all documents, and needed
            in fact for the default record (400); the
            record of a group takes none.
        llm_custom_setting (LlmCustomSetting | None | Unset): Language models to use instead of the server's own.
            For the record of a group it is dropped.
        name (None | str | Unset): Name of the conversation. The record of a group needs one, the default record
            takes none (400). Not on the
            published page of the product.
             Example: Project Discussion Group.
        description (None | str | Unset): What the conversation is about.
        group_id (None | str | Unset): Which conversation. null or absent is the default record. Not on the
            published page of the product.
             Example: group_123.
        default_timezone (None | str | Unset): IANA name of the time zone in which times without one are read. A
            new record without one gets UTC; servers
            keep any string.
             Example: UTC.
        user_details (None | Unset | UserDetailsV0): Participants by user id. An empty object leaves the old ones
            alone.
        tags (list[str] | None | Unset): Labels. Example: ['work', 'technical'].
    """

    scene: None | Scene
    created_at: str
    scene_desc: None | SceneDesc | Unset = UNSET
    llm_custom_setting: LlmCustomSetting | None | Unset = UNSET
    name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    group_id: None | str | Unset = UNSET
    default_timezone: None | str | Unset = UNSET
    user_details: None | Unset | UserDetailsV0 = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
