from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, GroupedHits, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.memories_by_group import MemoriesByGroup
    from ..models.memories_metadata import MemoriesMetadata
    from ..models.pending_message import PendingMessage
    from ..models.query_metadata import QueryMetadata
    from ..models.scores_by_group import ScoresByGroup


@_attrs_define
class SearchMemoriesResult(GroupedHits):
    """What was found, by group. `hits()` goes through all of it.

    Attributes:
        memories (list[MemoriesByGroup]): What was found.
        scores (list[ScoresByGroup] | Unset): How well each fits, in the same places as the memories.
        importance_scores (list[float] | Unset): How important each entry of memories is.
        original_data (list[Extra] | None | Unset): The messages that the memories were extracted from, by group.
        total_count (int | Unset): How many were found.
        has_more (bool | Unset): Whether there are more.
        query_metadata (None | QueryMetadata | Unset): What was looked for.
        metadata (MemoriesMetadata | None | Unset): Where they come from.
        pending_messages (list[PendingMessage] | Unset): Messages that no memory was made of yet.
    """

    memories: list[MemoriesByGroup]
    scores: list[ScoresByGroup] | Unset = UNSET
    importance_scores: list[float] | Unset = UNSET
    original_data: list[Extra] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    total_count: int | Unset = UNSET
    has_more: bool | Unset = UNSET
    query_metadata: None | QueryMetadata | Unset = UNSET
    metadata: MemoriesMetadata | None | Unset = UNSET
    pending_messages: list[PendingMessage] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
