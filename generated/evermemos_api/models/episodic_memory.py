from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra
    from ..models.memories_metadata import MemoriesMetadata


@_attrs_define
class EpisodicMemory(Model):
    """What happened. v0 servers send subject, summary, episode and keywords; open-source v1 servers title, summary
    and
    key_events, no episode, and null as subject and timestamp.

        Attributes:
            id (str): Id of the memory.
            episode_id (str): Id of the episode, the same as id.
            user_id (None | str): Whose memory it is. null for one that belongs to a group alone.
            group_id (None | str | Unset): Which conversation it comes from.
            group_name (None | str | Unset): Name of the conversation.
            participants (list[str] | None | Unset): Who took part.
            metadata (MemoriesMetadata | None | Unset): Where it comes from.
            extend (Extra | None | Unset): Free fields.
            original_data (list[Extra] | None | Unset): The messages that it was extracted from.
            created_at (None | str | Unset): When the record was made.
            updated_at (None | str | Unset): When the record was last written.
            title (None | str | Unset): What it is about, in a few words, from v1 servers.
            subject (None | str | Unset): What it is about, in a few words.
            summary (None | str | Unset): What happened, in short.
            episode (None | str | Unset): What happened, in full.
            keywords (list[str] | None | Unset): Words that it may be found by.
            key_events (list[str] | None | Unset): What happened, point by point, from v1 servers.
            memcell_event_id_list (list[str] | None | Unset): Ids of the pieces of conversation that it was extracted
                from, from v1 servers.
            location (None | str | Unset): Where it happened.
            timestamp (None | str | Unset): When it happened.
            start_time (None | str | Unset): When it began. Open-source servers send the time of the request in its
                place.
            end_time (None | str | Unset): When it ended.
            parent_type (None | str | Unset): What kind of thing it was extracted from, such as memcell or episode.
            parent_id (None | str | Unset): Id of what it was extracted from.
    """

    id: str
    episode_id: str
    user_id: None | str
    group_id: None | str | Unset = UNSET
    group_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    participants: list[str] | None | Unset = UNSET
    metadata: MemoriesMetadata | None | Unset = UNSET
    extend: Extra | None | Unset = UNSET
    original_data: list[Extra] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    title: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    subject: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    summary: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    episode: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    keywords: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    key_events: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    memcell_event_id_list: list[str] | None | Unset = UNSET
    location: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    timestamp: None | str | Unset = UNSET
    start_time: None | str | Unset = UNSET
    end_time: None | str | Unset = UNSET
    parent_type: None | str | Unset = UNSET
    parent_id: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
