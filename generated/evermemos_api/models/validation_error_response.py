from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import Model, hidden

if TYPE_CHECKING:
    from ..models.validation_issue import ValidationIssue


@_attrs_define
class ValidationErrorResponse(Model):
    """A request that does not fit the schema.

    Attributes:
        detail (list[ValidationIssue]): Everything that was wrong.
    """

    detail: list[ValidationIssue]
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
