"""The data models of requests and answers, each imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conversation_meta_envelope import ConversationMetaEnvelope
    from .conversation_meta_envelope_v0 import ConversationMetaEnvelopeV0
    from .conversation_meta_response import ConversationMetaResponse
    from .conversation_meta_response_v0 import ConversationMetaResponseV0
    from .create_conversation_meta_v0_request import CreateConversationMetaV0Request
    from .create_conversation_meta_v1_request import CreateConversationMetaV1Request
    from .error_response import ErrorResponse
    from .extra import Extra
    from .llm_custom_setting import LlmCustomSetting
    from .llm_provider_config import LlmProviderConfig
    from .patch_conversation_meta_response import PatchConversationMetaResponse
    from .patch_conversation_meta_result import PatchConversationMetaResult
    from .scene import Scene
    from .scene_desc import SceneDesc
    from .update_conversation_meta_v0_request import UpdateConversationMetaV0Request
    from .update_conversation_meta_v1_request import UpdateConversationMetaV1Request
    from .user_detail import UserDetail
    from .user_detail_response import UserDetailResponse
    from .user_details import UserDetails
    from .user_details_response import UserDetailsResponse
    from .user_details_response_v0 import UserDetailsResponseV0
    from .user_role import UserRole
    from .validation_error_response import ValidationErrorResponse
    from .validation_issue import ValidationIssue

__all__ = (
    "ConversationMetaEnvelope",
    "ConversationMetaEnvelopeV0",
    "ConversationMetaResponse",
    "ConversationMetaResponseV0",
    "CreateConversationMetaV0Request",
    "CreateConversationMetaV1Request",
    "ErrorResponse",
    "Extra",
    "LlmCustomSetting",
    "LlmProviderConfig",
    "PatchConversationMetaResponse",
    "PatchConversationMetaResult",
    "Scene",
    "SceneDesc",
    "UpdateConversationMetaV0Request",
    "UpdateConversationMetaV1Request",
    "UserDetail",
    "UserDetailResponse",
    "UserDetails",
    "UserDetailsResponse",
    "UserDetailsResponseV0",
    "UserRole",
    "ValidationErrorResponse",
    "ValidationIssue",
)

_MODULES = {
    "ConversationMetaEnvelope": ".conversation_meta_envelope",
    "ConversationMetaEnvelopeV0": ".conversation_meta_envelope_v0",
    "ConversationMetaResponse": ".conversation_meta_response",
    "ConversationMetaResponseV0": ".conversation_meta_response_v0",
    "CreateConversationMetaV0Request": ".create_conversation_meta_v0_request",
    "CreateConversationMetaV1Request": ".create_conversation_meta_v1_request",
    "ErrorResponse": ".error_response",
    "Extra": ".extra",
    "LlmCustomSetting": ".llm_custom_setting",
    "LlmProviderConfig": ".llm_provider_config",
    "PatchConversationMetaResponse": ".patch_conversation_meta_response",
    "PatchConversationMetaResult": ".patch_conversation_meta_result",
    "Scene": ".scene",
    "SceneDesc": ".scene_desc",
    "UpdateConversationMetaV0Request": ".update_conversation_meta_v0_request",
    "UpdateConversationMetaV1Request": ".update_conversation_meta_v1_request",
    "UserDetail": ".user_detail",
    "UserDetailResponse": ".user_detail_response",
    "UserDetails": ".user_details",
    "UserDetailsResponse": ".user_details_response",
    "UserDetailsResponseV0": ".user_details_response_v0",
    "UserRole": ".user_role",
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
