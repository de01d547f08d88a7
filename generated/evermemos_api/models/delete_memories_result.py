from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class DeleteMemoriesResult(Model):
    """What was deleted.

    Attributes:
        filters (list[str] | Unset): Names of the filters that were used. The open-source v0 server names none.
        count (int | Unset): How many were deleted; on open-source servers of v1 pieces of conversation, not
            memories. The open-source v0
            server says 0 always, and the number in its message.
    """

    filters: list[str] | Unset = UNSET
    count: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
