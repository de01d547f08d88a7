from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.user_role_v0 import UserRoleV0
from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class AddMemoriesV0Request(Model):
    """AddMemoriesV0Request

    Attributes:
        message_id (str): Id of the message, unlike that of any other. Example: msg_001.
        create_time (str): When the message was written, ISO 8601 with time zone. One that servers cannot read
            becomes the current
            time.
             Example: 2025-01-15T10:00:00+00:00.
        sender (str): User id of who wrote it. Example: user_001.
        content (str): What was written. Example: Let us keep the tour data in one database..
        group_id (None | str | Unset): Which conversation. Without one the open-source server makes up a group of
            the sender's. Example: group_123.
        group_name (None | str | Unset): Name of the conversation. Example: Project Discussion Group.
        sender_name (None | str | Unset): Name of who wrote it. Servers take the user id without one. Example:
            John Smith.
        role (None | Unset | UserRoleV0): Whether a person, an AI or a tool wrote it. Example: user.
        refer_list (list[str] | None | Unset): Ids of the messages that it refers to. Example: ['msg_000'].
        flush (bool | Unset): Whether to extract memories at once. Servers do not when it is absent.
    """

    message_id: str
    create_time: str
    sender: str
    content: str = _attrs_field(
        repr=hidden,
    )
    group_id: None | str | Unset = UNSET
    group_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    sender_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    role: None | Unset | UserRoleV0 = UNSET
    refer_list: list[str] | None | Unset = UNSET
    flush: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
