from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class PendingMessage(Model):
    """A message that no memory was made of yet.

    Attributes:
        id (str): Id of the record.
        request_id (str): Id of the request that stored it.
        message_id (None | str | Unset): Id of the message.
        group_id (None | str | Unset): Which conversation.
        group_name (None | str | Unset): Name of the conversation.
        user_id (None | str | Unset): Whose message it is.
        sender (None | str | Unset): User id of who wrote it.
        sender_name (None | str | Unset): Name of who wrote it.
        content (None | str | Unset): What was written.
        refer_list (list[str] | None | Unset): Ids of the messages that it refers to.
        message_create_time (None | str | Unset): When the message was written.
        created_at (None | str | Unset): When the record was made.
        updated_at (None | str | Unset): When the record was last written.
    """

    id: str
    request_id: str
    message_id: None | str | Unset = UNSET
    group_id: None | str | Unset = UNSET
    group_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    user_id: None | str | Unset = UNSET
    sender: None | str | Unset = UNSET
    sender_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    content: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    refer_list: list[str] | None | Unset = UNSET
    message_create_time: None | str | Unset = UNSET
    created_at: None | str | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
