from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.loaded_conversation import LoadedConversation
    from ..models.loaded_message import LoadedMessage


@_attrs_define
class LoadMemoriesV1Request(Model):
    """LoadMemoriesV1Request

    Attributes:
        conversation_meta (LoadedConversation): Which conversation is stored, with its metadata.
        version (None | str | Unset): Version number of the format. Example: 1.0.
        conversation_list (list[LoadedMessage] | None | Unset): The messages, oldest first.
    """

    conversation_meta: LoadedConversation
    version: None | str | Unset = UNSET
    conversation_list: list[LoadedMessage] | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
