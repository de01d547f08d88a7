from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class QueryMetadata(Model):
    """What was looked for, as the server read it.

    Attributes:
        user_id (None | str | Unset): Whose memories.
        group_ids (list[str] | None | Unset): Which conversations.
        query (None | str | Unset): What to look for.
        memory_types (list[str] | None | Unset): Which kinds.
        retrieve_method (None | str | Unset): How.
        top_k (int | None | Unset): Most memories in the answer.
        radius (float | None | Unset): Least likeness of meaning.
        start_time (None | str | Unset): From when on.
        end_time (None | str | Unset): Until when.
        current_time (None | str | Unset): What the server took for now.
    """

    user_id: None | str | Unset = UNSET
    group_ids: list[str] | None | Unset = UNSET
    query: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    memory_types: list[str] | None | Unset = UNSET
    retrieve_method: None | str | Unset = UNSET
    top_k: int | None | Unset = UNSET
    radius: float | None | Unset = UNSET
    start_time: None | str | Unset = UNSET
    end_time: None | str | Unset = UNSET
    current_time: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
