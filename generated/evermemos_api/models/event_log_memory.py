from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.memories_metadata import MemoriesMetadata


@_attrs_define
class EventLogMemory(Model):
    """A single fact.

    Attributes:
        id (str): Id of the memory.
        atomic_fact (str): The fact, in a sentence.
        user_id (None | str): Whose memory it is. null for one that belongs to a group alone.
        parent_type (str): What kind of thing it was extracted from, such as memcell or episode.
        parent_id (str): Id of what it was extracted from.
        timestamp (str): When it happened.
        group_id (None | str | Unset): Which conversation it comes from.
        group_name (None | str | Unset): Name of the conversation.
        participants (list[str] | None | Unset): Who took part.
        metadata (MemoriesMetadata | None | Unset): Where it comes from.
        extend (Extra | None | Unset): Free fields.
        original_data (list[Extra] | None | Unset): The messages that it was extracted from.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
        event_type (None | str | Unset): Kind of event.
        user_name (None | str | Unset): Name of the user.
        vector (list[float] | None | Unset): Its meaning as numbers, from which words can be guessed.
        vector_model (None | str | Unset): Which model made the vector.
    """

    id: str
    atomic_fact: str = _attrs_field(
        repr=hidden,
    )
    user_id: None | str
    parent_type: str
    parent_id: str
    timestamp: str
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
    event_type: None | str | Unset = UNSET
    user_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    vector: list[float] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    vector_model: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
