"""The data models of requests and answers, each imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .accepted_response import AcceptedResponse
    from .add_memories_response import AddMemoriesResponse
    from .add_memories_response_v0 import AddMemoriesResponseV0
    from .add_memories_result import AddMemoriesResult
    from .add_memories_v0_request import AddMemoriesV0Request
    from .add_memories_v1_request import AddMemoriesV1Request
    from .agent_case_memory import AgentCaseMemory
    from .agent_skill_memory import AgentSkillMemory
    from .combined_profile import CombinedProfile
    from .conversation_meta_envelope import ConversationMetaEnvelope
    from .conversation_meta_envelope_v0 import ConversationMetaEnvelopeV0
    from .conversation_meta_response import ConversationMetaResponse
    from .conversation_meta_response_v0 import ConversationMetaResponseV0
    from .create_conversation_meta_v0_request import CreateConversationMetaV0Request
    from .create_conversation_meta_v1_request import CreateConversationMetaV1Request
    from .delete_memories_response import DeleteMemoriesResponse
    from .delete_memories_result import DeleteMemoriesResult
    from .delete_memories_v0_request import DeleteMemoriesV0Request
    from .delete_memories_v1_request import DeleteMemoriesV1Request
    from .episodic_memory import EpisodicMemory
    from .error_response import ErrorResponse
    from .event_log_memory import EventLogMemory
    from .extra import Extra
    from .foresight_memory import ForesightMemory
    from .get_memories_response import GetMemoriesResponse
    from .get_memories_response_v0 import GetMemoriesResponseV0
    from .get_memories_result import GetMemoriesResult
    from .get_memories_result_v0 import GetMemoriesResultV0
    from .global_profile import GlobalProfile
    from .health_response import HealthResponse
    from .llm_custom_setting import LlmCustomSetting
    from .llm_provider_config import LlmProviderConfig
    from .load_memories_response import LoadMemoriesResponse
    from .load_memories_v1_request import LoadMemoriesV1Request
    from .loaded_conversation import LoadedConversation
    from .loaded_message import LoadedMessage
    from .memories_by_group import MemoriesByGroup
    from .memories_metadata import MemoriesMetadata
    from .memory_type import MemoryType
    from .memory_type_v0 import MemoryTypeV0
    from .other_memory import OtherMemory
    from .other_search_memory import OtherSearchMemory
    from .patch_conversation_meta_response import PatchConversationMetaResponse
    from .patch_conversation_meta_result import PatchConversationMetaResult
    from .pending_message import PendingMessage
    from .profile_memory import ProfileMemory
    from .query_metadata import QueryMetadata
    from .request_status_response import RequestStatusResponse
    from .retrieve_method import RetrieveMethod
    from .scene import Scene
    from .scene_desc import SceneDesc
    from .scores_by_group import ScoresByGroup
    from .search_agent_case_memory import SearchAgentCaseMemory
    from .search_agent_skill_memory import SearchAgentSkillMemory
    from .search_episodic_memory import SearchEpisodicMemory
    from .search_event_log_memory import SearchEventLogMemory
    from .search_foresight_memory import SearchForesightMemory
    from .search_memories_response import SearchMemoriesResponse
    from .search_memories_response_v0 import SearchMemoriesResponseV0
    from .search_memories_result import SearchMemoriesResult
    from .search_memories_result_v0 import SearchMemoriesResultV0
    from .search_profile import SearchProfile
    from .update_conversation_meta_v0_request import UpdateConversationMetaV0Request
    from .update_conversation_meta_v1_request import UpdateConversationMetaV1Request
    from .user_detail import UserDetail
    from .user_detail_response import UserDetailResponse
    from .user_detail_v0 import UserDetailV0
    from .user_details import UserDetails
    from .user_details_response import UserDetailsResponse
    from .user_details_response_v0 import UserDetailsResponseV0
    from .user_details_v0 import UserDetailsV0
    from .user_role import UserRole
    from .user_role_v0 import UserRoleV0
    from .validation_error_response import ValidationErrorResponse
    from .validation_issue import ValidationIssue

__all__ = (
    "AcceptedResponse",
    "AddMemoriesResponse",
    "AddMemoriesResponseV0",
    "AddMemoriesResult",
    "AddMemoriesV0Request",
    "AddMemoriesV1Request",
    "AgentCaseMemory",
    "AgentSkillMemory",
    "CombinedProfile",
    "ConversationMetaEnvelope",
    "ConversationMetaEnvelopeV0",
    "ConversationMetaResponse",
    "ConversationMetaResponseV0",
    "CreateConversationMetaV0Request",
    "CreateConversationMetaV1Request",
    "DeleteMemoriesResponse",
    "DeleteMemoriesResult",
    "DeleteMemoriesV0Request",
    "DeleteMemoriesV1Request",
    "EpisodicMemory",
    "ErrorResponse",
    "EventLogMemory",
    "Extra",
    "ForesightMemory",
    "GetMemoriesResponse",
    "GetMemoriesResponseV0",
    "GetMemoriesResult",
    "GetMemoriesResultV0",
    "GlobalProfile",
    "HealthResponse",
    "LlmCustomSetting",
    "LlmProviderConfig",
    "LoadedConversation",
    "LoadedMessage",
    "LoadMemoriesResponse",
    "LoadMemoriesV1Request",
    "MemoriesByGroup",
    "MemoriesMetadata",
    "MemoryType",
    "MemoryTypeV0",
    "OtherMemory",
    "OtherSearchMemory",
    "PatchConversationMetaResponse",
    "PatchConversationMetaResult",
    "PendingMessage",
    "ProfileMemory",
    "QueryMetadata",
    "RequestStatusResponse",
    "RetrieveMethod",
    "Scene",
    "SceneDesc",
    "ScoresByGroup",
    "SearchAgentCaseMemory",
    "SearchAgentSkillMemory",
    "SearchEpisodicMemory",
    "SearchEventLogMemory",
    "SearchForesightMemory",
    "SearchMemoriesResponse",
    "SearchMemoriesResponseV0",
    "SearchMemoriesResult",
    "SearchMemoriesResultV0",
    "SearchProfile",
    "UpdateConversationMetaV0Request",
    "UpdateConversationMetaV1Request",
    "UserDetail",
    "UserDetailResponse",
    "UserDetails",
    "UserDetailsResponse",
    "UserDetailsResponseV0",
    "UserDetailsV0",
    "UserDetailV0",
    "UserRole",
    "UserRoleV0",
    "ValidationErrorResponse",
    "ValidationIssue",
)

_MODULES = {
    "AcceptedResponse": ".accepted_response",
    "AddMemoriesResponse": ".add_memories_response",
    "AddMemoriesResponseV0": ".add_memories_response_v0",
    "AddMemoriesResult": ".add_memories_result",
    "AddMemoriesV0Request": ".add_memories_v0_request",
    "AddMemoriesV1Request": ".add_memories_v1_request",
    "AgentCaseMemory": ".agent_case_memory",
    "AgentSkillMemory": ".agent_skill_memory",
    "CombinedProfile": ".combined_profile",
    "ConversationMetaEnvelope": ".conversation_meta_envelope",
    "ConversationMetaEnvelopeV0": ".conversation_meta_envelope_v0",
    "ConversationMetaResponse": ".conversation_meta_response",
    "ConversationMetaResponseV0": ".conversation_meta_response_v0",
    "CreateConversationMetaV0Request": ".create_conversation_meta_v0_request",
    "CreateConversationMetaV1Request": ".create_conversation_meta_v1_request",
    "DeleteMemoriesResponse": ".delete_memories_response",
    "DeleteMemoriesResult": ".delete_memories_result",
    "DeleteMemoriesV0Request": ".delete_memories_v0_request",
    "DeleteMemoriesV1Request": ".delete_memories_v1_request",
    "EpisodicMemory": ".episodic_memory",
    "ErrorResponse": ".error_response",
    "EventLogMemory": ".event_log_memory",
    "Extra": ".extra",
    "ForesightMemory": ".foresight_memory",
    "GetMemoriesResponse": ".get_memories_response",
    "GetMemoriesResponseV0": ".get_memories_response_v0",
    "GetMemoriesResult": ".get_memories_result",
    "GetMemoriesResultV0": ".get_memories_result_v0",
    "GlobalProfile": ".global_profile",
    "HealthResponse": ".health_response",
    "LlmCustomSetting": ".llm_custom_setting",
    "LlmProviderConfig": ".llm_provider_config",
    "LoadMemoriesResponse": ".load_memories_response",
    "LoadMemoriesV1Request": ".load_memories_v1_request",
    "LoadedConversation": ".loaded_conversation",
    "LoadedMessage": ".loaded_message",
    "MemoriesByGroup": ".memories_by_group",
    "MemoriesMetadata": ".memories_metadata",
    "MemoryType": ".memory_type",
    "MemoryTypeV0": ".memory_type_v0",
    "OtherMemory": ".other_memory",
    "OtherSearchMemory": ".other_search_memory",
    "PatchConversationMetaResponse": ".patch_conversation_meta_response",
    "PatchConversationMetaResult": ".patch_conversation_meta_result",
    "PendingMessage": ".pending_message",
    "ProfileMemory": ".profile_memory",
    "QueryMetadata": ".query_metadata",
    "RequestStatusResponse": ".request_status_response",
    "RetrieveMethod": ".retrieve_method",
    "Scene": ".scene",
    "SceneDesc": ".scene_desc",
    "ScoresByGroup": ".scores_by_group",
    "SearchAgentCaseMemory": ".search_agent_case_memory",
    "SearchAgentSkillMemory": ".search_agent_skill_memory",
    "SearchEpisodicMemory": ".search_episodic_memory",
    "SearchEventLogMemory": ".search_event_log_memory",
    "SearchForesightMemory": ".search_foresight_memory",
    "SearchMemoriesResponse": ".search_memories_response",
    "SearchMemoriesResponseV0": ".search_memories_response_v0",
    "SearchMemoriesResult": ".search_memories_result",
    "SearchMemoriesResultV0": ".search_memories_result_v0",
    "SearchProfile": ".search_profile",
    "UpdateConversationMetaV0Request": ".update_conversation_meta_v0_request",
    "UpdateConversationMetaV1Request": ".update_conversation_meta_v1_request",
    "UserDetail": ".user_detail",
    "UserDetailResponse": ".user_detail_response",
    "UserDetailV0": ".user_detail_v0",
    "UserDetails": ".user_details",
    "UserDetailsResponse": ".user_details_response",
    "UserDetailsResponseV0": ".user_details_response_v0",
    "UserDetailsV0": ".user_details_v0",
    "UserRole": ".user_role",
    "UserRoleV0": ".user_role_v0",
    "ValidationErrorResponse": ".validation_error_response",
    "ValidationIssue": ".validation_issue",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return list(__all__)
