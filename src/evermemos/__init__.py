"""Python client for the EverMemOS API, /api/v0 and /api/v1.

    from evermemos import EverMemOS

    meta = EverMemOS(api_key="<api_key>").v0.memories.conversation_meta
    response = meta.update(description="New description")
    print(response.status)

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

# What type checkers take for true, without the ten milliseconds that importing typing takes.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from evermemos_api.types import UNSET, Unset

    from ._async.client import AsyncEverMemOS
    from ._async.paging import AsyncMemoryIterator
    from ._conversation import CallOptions, EffectiveField, SetResult
    from ._params import (
        LlmCustomSettingParam,
        LlmProviderConfigParam,
        LoadedConversationParam,
        LoadedMessageParam,
        Memory,
        UserDetailParam,
    )
    from ._response import RawResponse
    from ._sync.client import EverMemOS
    from ._sync.paging import MemoryIterator
    from .errors import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        BulkError,
        ConfigurationError,
        ConflictError,
        ErrorDetail,
        EverMemOSError,
        FieldsNotAppliedError,
        InputError,
        InternalServerError,
        JournalError,
        LostUpdateError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        RecordReplacedError,
        RequestValidationError,
        ScopeMismatchError,
        TooManyFailuresError,
        UnprocessableEntityError,
    )

__version__ = "0.1.0"

__all__ = [
    "UNSET",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncEverMemOS",
    "AsyncMemoryIterator",
    "AuthenticationError",
    "BadRequestError",
    "BulkError",
    "CallOptions",
    "ConfigurationError",
    "ConflictError",
    "EffectiveField",
    "ErrorDetail",
    "EverMemOS",
    "EverMemOSError",
    "FieldsNotAppliedError",
    "InputError",
    "InternalServerError",
    "JournalError",
    "LlmCustomSettingParam",
    "LlmProviderConfigParam",
    "LoadedConversationParam",
    "LoadedMessageParam",
    "LostUpdateError",
    "Memory",
    "MemoryIterator",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RawResponse",
    "RecordReplacedError",
    "RequestValidationError",
    "ScopeMismatchError",
    "SetResult",
    "TooManyFailuresError",
    "UnprocessableEntityError",
    "Unset",
    "UserDetailParam",
]

_MODULES = {
    "UNSET": "evermemos_api.types",
    "AsyncEverMemOS": "evermemos._async.client",
    "AsyncMemoryIterator": "evermemos._async.paging",
    "CallOptions": "evermemos._conversation",
    "EffectiveField": "evermemos._conversation",
    "EverMemOS": "evermemos._sync.client",
    "LlmCustomSettingParam": "evermemos._params",
    "LlmProviderConfigParam": "evermemos._params",
    "LoadedConversationParam": "evermemos._params",
    "LoadedMessageParam": "evermemos._params",
    "Memory": "evermemos._params",
    "MemoryIterator": "evermemos._sync.paging",
    "RawResponse": "evermemos._response",
    "SetResult": "evermemos._conversation",
    "Unset": "evermemos_api.types",
    "UserDetailParam": "evermemos._params",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("bulk", "errors", "sandbox"):
        return import_module(f"evermemos.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES.get(name, "evermemos.errors")), name)
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
