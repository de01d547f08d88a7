from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Hits, Unset, hidden

if TYPE_CHECKING:
    from ..models.memories_metadata import MemoriesMetadata
    from ..models.other_search_memory import OtherSearchMemory
    from ..models.pending_message import PendingMessage
    from ..models.query_metadata import QueryMetadata
    from ..models.search_agent_case_memory import SearchAgentCaseMemory
    from ..models.search_agent_skill_memory import SearchAgentSkillMemory
    from ..models.search_episodic_memory import SearchEpisodicMemory
    from ..models.search_event_log_memory import SearchEventLogMemory
    from ..models.search_foresight_memory import SearchForesightMemory
    from ..models.search_profile import SearchProfile


@_attrs_define
class SearchMemoriesResultV0(Hits):
    """What was found, best first. `hits()` goes through the memories as that of v1 does.

    Attributes:
        memories (list[OtherSearchMemory | SearchAgentCaseMemory | SearchAgentSkillMemory | SearchEpisodicMemory |
            SearchEventLogMemory | SearchForesightMemory]): What was found.
        profiles (list[SearchProfile] | Unset): Traits of people that were found.
        total_count (int | Unset): How many were found.
        query_metadata (None | QueryMetadata | Unset): What was looked for.
        metadata (MemoriesMetadata | None | Unset): Where they come from.
        pending_messages (list[PendingMessage] | Unset): Messages that no memory was made of yet.
    """

    memories: list[
        OtherSearchMemory
        | SearchAgentCaseMemory
        | SearchAgentSkillMemory
        | SearchEpisodicMemory
        | SearchEventLogMemory
        | SearchForesightMemory
    ]
    profiles: list[SearchProfile] | Unset = UNSET
    total_count: int | Unset = UNSET
    query_metadata: None | QueryMetadata | Unset = UNSET
    metadata: MemoriesMetadata | None | Unset = UNSET
    pending_messages: list[PendingMessage] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
