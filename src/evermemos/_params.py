"""Dicts that may stand for models in arguments, for type checkers and editors. A test compares them with the spec."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

Scene = Literal["group_chat", "assistant"]


class UserDetailParam(TypedDict, total=False):
    """One participant of a conversation."""

    full_name: str | None
    role: Literal["user", "assistant"] | None
    custom_role: str | None
    extra: Mapping[str, Any] | None


class _LlmProviderConfigRequired(TypedDict):
    provider: str
    model: str


class LlmProviderConfigParam(_LlmProviderConfigRequired, total=False):
    """Which model to use, and where."""

    extra: Mapping[str, Any] | None


class LlmCustomSettingParam(TypedDict, total=False):
    """Language models that replace the server's own choice, by the step that uses them."""

    boundary: LlmProviderConfigParam | None
    extraction: LlmProviderConfigParam | None
    extra: Mapping[str, Any] | None
