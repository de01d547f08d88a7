from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class ProfileMemory(Model):
    """What a person is like, as one conversation shows it.

    Attributes:
        id (str): Id of the memory.
        user_id (None | str): Whose memory it is. null for one that belongs to a group alone.
        group_id (None | str): Which conversation it comes from.
        profile_data (Extra | None | Unset): What is known about the person, as free fields.
        scenario (None | str | Unset): Kind of conversation, such as group_chat.
        confidence (float | None | Unset): How sure it is, from 0 to 1.
        version (int | None | Unset): How often it was rewritten.
        cluster_ids (list[str] | None | Unset): Ids of the clusters of messages that it was made from.
        memcell_count (int | None | Unset): Number of pieces of conversation that it was made from.
        last_updated_cluster (None | str | Unset): Id of the cluster that it was last rewritten for.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
    """

    id: str
    user_id: None | str
    group_id: None | str
    profile_data: Extra | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    scenario: None | str | Unset = UNSET
    confidence: float | None | Unset = UNSET
    version: int | None | Unset = UNSET
    cluster_ids: list[str] | None | Unset = UNSET
    memcell_count: int | None | Unset = UNSET
    last_updated_cluster: None | str | Unset = UNSET
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
