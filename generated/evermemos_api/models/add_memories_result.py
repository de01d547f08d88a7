from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class AddMemoriesResult(Model):
    """What was made of a message.

    Attributes:
        saved_memories (list[Any] | Unset): The memories that were made. Servers leave it empty, read them by
            get_memories_v1.
        count (int | Unset): How many memories were made.
        status_info (str | Unset): accumulated while the messages do not make an episode yet, extracted when
            memories were made, duplicate for
            a message that was stored before.
    """

    saved_memories: list[Any] | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    count: int | Unset = UNSET
    status_info: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
