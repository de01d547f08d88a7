from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class SearchAgentCaseMemory(Model):
    """A task that an agent worked on, as search on v0 answers it.

    Attributes:
        user_id (None | str): Whose memory it is. null for one that belongs to a group alone.
        timestamp (str): When it happened.
        memory_type (Literal['agent_case']): Which kind it is.
        id (None | str | Unset): Id of the memory.
        score (float | None | Unset): How well it fits what was looked for, more is better. v1 servers answer it
            in scores.
        type_ (None | str | Unset): What it was extracted from, Conversation.
        group_id (None | str | Unset): Which conversation it comes from.
        group_name (None | str | Unset): Name of the conversation.
        user_name (None | str | Unset): Name of the user.
        participants (list[str] | None | Unset): Who took part.
        keywords (list[str] | None | Unset): Words that it may be found by.
        linked_entities (list[str] | None | Unset): People and things that it is about.
        ori_event_id_list (list[str] | None | Unset): Ids of what it was extracted from.
        parent_type (None | str | Unset): What kind of thing it was extracted from, such as memcell or episode.
        parent_id (None | str | Unset): Id of what it was extracted from.
        original_data (list[Extra] | None | Unset): The messages that it was extracted from.
        extend (Extra | None | Unset): Free fields.
        vector (list[float] | None | Unset): Its meaning as numbers, from which words can be guessed.
        vector_model (None | str | Unset): Which model made the vector.
        task_intent (None | str | Unset): What was to be done.
        approach (None | str | Unset): How it was done.
        quality_score (float | None | Unset): How well it was done, from 0 to 1.
    """

    user_id: None | str
    timestamp: str
    memory_type: Literal["agent_case"]
    id: None | str | Unset = UNSET
    score: float | None | Unset = UNSET
    type_: None | str | Unset = _attrs_field(default=UNSET, metadata={"json": "type"})
    group_id: None | str | Unset = UNSET
    group_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    user_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    participants: list[str] | None | Unset = UNSET
    keywords: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    linked_entities: list[str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    ori_event_id_list: list[str] | None | Unset = UNSET
    parent_type: None | str | Unset = UNSET
    parent_id: None | str | Unset = UNSET
    original_data: list[Extra] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    extend: Extra | None | Unset = UNSET
    vector: list[float] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    vector_model: None | str | Unset = UNSET
    task_intent: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    approach: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    quality_score: float | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
