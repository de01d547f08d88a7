from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class LlmProviderConfig(Model):
    """Which model to use, and where.

    Attributes:
        provider (str): Name of the provider. Example: openrouter.
        model (str): Name of the model at the provider. Example: qwen/qwen3-235b-a22b-2507.
        extra (Extra | None | Unset): Further settings for the provider.
    """

    provider: str
    model: str
    extra: Extra | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
