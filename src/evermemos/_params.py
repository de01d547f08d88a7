"""Dicts that may stand for models in arguments, for type checkers and editors. A test compares them with the spec."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Required, TypeAlias, TypedDict

if TYPE_CHECKING:
    from evermemos_api.models import (
        AgentCaseMemory,
        AgentSkillMemory,
        CombinedProfile,
        EpisodicMemory,
        EventLogMemory,
        ForesightMemory,
        OtherMemory,
        ProfileMemory,
    )

Scene = Literal["group_chat", "assistant"]
Role = Literal["user", "assistant"]
RoleV0 = Literal["user", "assistant", "tool"]
MemoryType = Literal["profile", "episodic_memory", "foresight", "event_log"]
MemoryTypeV0 = Literal["profile", "episodic_memory", "foresight", "event_log", "agent_case", "agent_skill"]
RetrieveMethod = Literal["keyword", "vector", "hybrid", "rrf", "agentic"]
# What is listed, by kind.
Profile: TypeAlias = "CombinedProfile | ProfileMemory"
Learnt: TypeAlias = "AgentCaseMemory | AgentSkillMemory"
Memory: TypeAlias = "EventLogMemory | ForesightMemory | EpisodicMemory | Profile | Learnt | OtherMemory"


class UserDetailParam(TypedDict, total=False):
    """One participant of a conversation."""

    full_name: str | None
    role: Role | None
    custom_role: str | None
    extra: Mapping[str, Any] | None


class UserDetailV0Param(TypedDict, total=False):
    """One participant of a conversation, for v0."""

    full_name: str | None
    role: RoleV0 | None
    custom_role: str | None
    extra: Mapping[str, Any] | None


class LlmProviderConfigParam(TypedDict, total=False):
    """Which model to use, and where."""

    provider: Required[str]
    model: Required[str]
    extra: Mapping[str, Any] | None


class LlmCustomSettingParam(TypedDict, total=False):
    """Language models that replace the server's own choice, by the step that uses them."""

    boundary: LlmProviderConfigParam | None
    extraction: LlmProviderConfigParam | None
    extra: Mapping[str, Any] | None


class LoadedMessageParam(TypedDict, total=False):
    """One message of a conversation that is loaded whole."""

    message_id: str | None
    create_time: str | datetime | int | None
    sender: str | None
    sender_name: str | None
    role: Role | None
    type: str | None
    content: str | None
    refer_list: Sequence[str | Mapping[str, Any]] | None
    extra: Mapping[str, Any] | None


class LoadedConversationParam(TypedDict, total=False):
    """The metadata of a conversation that is loaded whole."""

    group_id: Required[str]
    name: str | None
    description: str | None
    scene: Scene | None
    scene_desc: Mapping[str, Any] | None
    created_at: str | datetime | None
    default_timezone: str | None
    user_details: Mapping[str, UserDetailParam] | None
    tags: Sequence[str] | None
