from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel

if TYPE_CHECKING:
    from ..models.other_search_memory import OtherSearchMemory
    from ..models.search_agent_case_memory import SearchAgentCaseMemory
    from ..models.search_agent_skill_memory import SearchAgentSkillMemory
    from ..models.search_episodic_memory import SearchEpisodicMemory
    from ..models.search_event_log_memory import SearchEventLogMemory
    from ..models.search_foresight_memory import SearchForesightMemory


@_attrs_define(eq=False)
class MemoriesByGroup(
    MapModel[
        "list[OtherSearchMemory | SearchAgentCaseMemory | SearchAgentSkillMemory | SearchEpisodicMemory | SearchEventLogMemory | SearchForesightMemory]"
    ]
):
    """What was found, by group id."""

    additional_properties: dict[
        str,
        list[
            OtherSearchMemory
            | SearchAgentCaseMemory
            | SearchAgentSkillMemory
            | SearchEpisodicMemory
            | SearchEventLogMemory
            | SearchForesightMemory
        ],
    ] = _attrs_field(factory=dict, kw_only=False)
