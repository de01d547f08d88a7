from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.memories_metadata import MemoriesMetadata


@_attrs_define
class AgentCaseMemory(Model):
    """A task that an agent worked on, from v0 servers.

    Attributes:
        id (str): Id of the memory.
        task_intent (None | str): What was to be done.
        approach (None | str): How it was done.
        group_id (None | str | Unset): Which conversation it comes from.
        group_name (None | str | Unset): Name of the conversation.
        participants (list[str] | None | Unset): Who took part.
        metadata (MemoriesMetadata | None | Unset): Where it comes from.
        extend (Extra | None | Unset): Free fields.
        original_data (list[Extra] | None | Unset): The messages that it was extracted from.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
        quality_score (float | None | Unset): How well it was done, from 0 to 1.
        user_id (None | str | Unset): Whose memory it is. null for one that belongs to a group alone.
        parent_type (None | str | Unset): What kind of thing it was extracted from, such as memcell or episode.
        parent_id (None | str | Unset): Id of what it was extracted from.
        timestamp (None | str | Unset): When it happened.
    """

    id: str
    task_intent: None | str = _attrs_field(
        repr=hidden,
    )
    approach: None | str = _attrs_field(
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
    quality_score: float | None | Unset = UNSET
    user_id: None | str | Unset = UNSET
    parent_type: None | str | Unset = UNSET
    parent_id: None | str | Unset = UNSET
    timestamp: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
