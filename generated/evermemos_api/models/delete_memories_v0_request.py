from __future__ import annotations

from typing import Any, ClassVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class DeleteMemoriesV0Request(Model):
    """What to delete. A memory must fit all that is sent; an empty string is as if nothing were sent.

    Attributes:
        memory_id (str | Unset): Only what was made of the piece of conversation with this id, the parent_id of
            listed memories. Example: 507f1f77bcf86cd799439020.
        id (str | Unset): Another name for memory_id.
        event_id (str | Unset): Another name for memory_id.
        user_id (str | Unset): Only memories of this user. Example: user_001.
        group_id (str | Unset): Only memories of this group. Example: group_123.
    """

    min_properties: ClassVar[int] = 1
    memory_id: str | Unset = UNSET
    id: str | Unset = UNSET
    event_id: str | Unset = UNSET
    user_id: str | Unset = UNSET
    group_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
