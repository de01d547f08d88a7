from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.memories_metadata import MemoriesMetadata


@_attrs_define
class AgentSkillMemory(Model):
    """Something that an agent has learnt, from v0 servers.

    Attributes:
        id (str): Id of the memory.
        cluster_id (None | str): Id of the cluster of cases that it was learnt from.
        name (None | str): Name of the skill.
        content (None | str): What was learnt.
        group_id (None | str | Unset): Which conversation it comes from.
        group_name (None | str | Unset): Name of the conversation.
        participants (list[str] | None | Unset): Who took part.
        metadata (MemoriesMetadata | None | Unset): Where it comes from.
        extend (Extra | None | Unset): Free fields.
        original_data (list[Extra] | None | Unset): The messages that it was extracted from.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
        description (None | str | Unset): What it is for.
        confidence (float | None | Unset): How sure it is, from 0 to 1.
        user_id (None | str | Unset): Whose memory it is. null for one that belongs to a group alone.
    """

    id: str
    cluster_id: None | str
    name: None | str = _attrs_field(
        repr=hidden,
    )
    content: None | str = _attrs_field(
        repr=hidden,
    )
    group_id: None | str | Unset = UNSET
    group_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    participants: list[str] | None | Unset = UNSET
    metadata: MemoriesMetadata | None | Unset = UNSET
    extend: Extra | None | Unset = UNSET
    original_data: list[Extra] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    description: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    confidence: float | None | Unset = UNSET
    user_id: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
