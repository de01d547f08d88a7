from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.memories_metadata import MemoriesMetadata


@_attrs_define
class ForesightMemory(Model):
    """What is expected to happen.

    Attributes:
        id (str): Id of the memory.
        content (str): What is expected.
        parent_type (str): What kind of thing it was extracted from, such as memcell or episode.
        parent_id (str): Id of what it was extracted from.
        group_id (None | str | Unset): Which conversation it comes from.
        group_name (None | str | Unset): Name of the conversation.
        participants (list[str] | None | Unset): Who took part.
        metadata (MemoriesMetadata | None | Unset): Where it comes from.
        extend (Extra | None | Unset): Free fields.
        original_data (list[Extra] | None | Unset): The messages that it was extracted from.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
        foresight (str | Unset): What is expected, as search answers it. v1 servers send content alone.
        user_id (None | str | Unset): Whose memory it is. null for one that belongs to a group alone.
        evidence (None | str | Unset): Why it is expected.
        start_time (None | str | Unset): From when on it is expected.
        end_time (None | str | Unset): Until when it is expected.
        duration_days (int | None | Unset): How many days that is.
        user_name (None | str | Unset): Name of the user.
        vector (list[float] | None | Unset): Its meaning as numbers, from which words can be guessed.
        vector_model (None | str | Unset): Which model made the vector.
    """

    id: str
    content: str = _attrs_field(
        repr=hidden,
    )
    parent_type: str
    parent_id: str
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
    foresight: str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    user_id: None | str | Unset = UNSET
    evidence: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    start_time: None | str | Unset = UNSET
    end_time: None | str | Unset = UNSET
    duration_days: int | None | Unset = UNSET
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
