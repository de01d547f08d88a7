from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.llm_provider_config import LlmProviderConfig


@_attrs_define
class LlmCustomSetting(Model):
    """Language models that replace the server's own choice, by the step that uses them. The open-source server takes
    an object without any for "not given": it leaves the old one alone. It answers an empty extra as null.

        Attributes:
            boundary (LlmProviderConfig | None | Unset): Model that finds where one episode ends and the next begins.
            extraction (LlmProviderConfig | None | Unset): Model that extracts memories.
            extra (Extra | None | Unset): Further settings.
    """

    boundary: LlmProviderConfig | None | Unset = UNSET
    extraction: LlmProviderConfig | None | Unset = UNSET
    extra: Extra | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
