from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class MemoriesMetadata(Model):
    """Where memories come from. In place of memory_types, v1 servers send memory_type.

    Attributes:
        source (None | str | Unset): Which part of the server they come from.
        user_id (None | str | Unset): Whose memories were asked for.
        memory_types (list[str] | None | Unset): Which kinds.
        group_ids (list[str] | None | Unset): Which conversations.
        full_name (None | str | Unset): The user's name.
        email (None | str | Unset): The user's address.
        phone (None | str | Unset): The user's number.
    """

    source: None | str | Unset = UNSET
    user_id: None | str | Unset = UNSET
    memory_types: list[str] | None | Unset = UNSET
    group_ids: list[str] | None | Unset = UNSET
    full_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    email: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    phone: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
