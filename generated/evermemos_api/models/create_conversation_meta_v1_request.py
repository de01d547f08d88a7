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
class CreateConversationMetaV1Request(Model):
    """CreateConversationMetaV1Request

    Attributes:
        version (str): Version number of the metadata. Example: 1.0.
        scene (Scene): group_chat is a work or group chat of several people, assistant is one person with an AI
            assistant.
        scene_desc (SceneDesc): Free fields about the scene, for example description, type or bot_ids. Servers
            store at most 179 levels of
            nesting, integers of 64 bits, and no key with the character NUL; an object with both $ref and $id inside
            makes a
            record unreadable for good.
        name (str): Name of the conversation. Example: Project Discussion Group.
        created_at (str): When the conversation began, ISO 8601 with time zone. Comes back as
            conversation_created_at. Example: 2025-01-15T10:00:00+00:00.
        description (None | str | Unset): What the conversation is about.
        group_id (None | str | Unset): Which conversation. null or absent sets the default record. Example:
            group_123.
        default_timezone (None | str | Unset): IANA name of the time zone in which times without one are read.
            Example: UTC.
        user_details (None | Unset | UserDetails): Participants by user id.
        tags (list[str] | None | Unset): Labels. Example: ['work', 'technical'].
    """

    version: str
    scene: Scene
    scene_desc: SceneDesc
    name: str = _attrs_field(
        repr=hidden,
    )
    created_at: str
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    group_id: None | str | Unset = UNSET
    default_timezone: None | str | Unset = UNSET
    user_details: None | Unset | UserDetails = UNSET
    tags: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
