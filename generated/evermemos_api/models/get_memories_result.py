from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.agent_case_memory import AgentCaseMemory
    from ..models.agent_skill_memory import AgentSkillMemory
    from ..models.combined_profile import CombinedProfile
    from ..models.episodic_memory import EpisodicMemory
    from ..models.event_log_memory import EventLogMemory
    from ..models.foresight_memory import ForesightMemory
    from ..models.memories_metadata import MemoriesMetadata
    from ..models.other_memory import OtherMemory
    from ..models.profile_memory import ProfileMemory


@_attrs_define
class GetMemoriesResult(Model):
    """The first memories that fit.

    Attributes:
        memories (list[AgentCaseMemory | AgentSkillMemory | CombinedProfile | EpisodicMemory | EventLogMemory |
            ForesightMemory | OtherMemory | ProfileMemory]): The memories.
        total_count (int | Unset): How many are in this answer.
        has_more (bool | Unset): Whether there may be more. The open-source server says so whenever there are as
            many as were asked for.
        metadata (MemoriesMetadata | None | Unset): Where they come from.
    """

    memories: list[
        AgentCaseMemory
        | AgentSkillMemory
        | CombinedProfile
        | EpisodicMemory
        | EventLogMemory
        | ForesightMemory
        | OtherMemory
        | ProfileMemory
    ]
    total_count: int | Unset = UNSET
    has_more: bool | Unset = UNSET
    metadata: MemoriesMetadata | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
