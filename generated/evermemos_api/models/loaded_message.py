from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.user_role import UserRole
from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.extra import Extra


@_attrs_define
class LoadedMessage(Model):
    """One message of a conversation that is stored whole.

    Attributes:
        message_id (None | str | Unset): Id of the message, unlike that of any other. Example: msg_001.
        create_time (int | None | str | Unset): When the message was written, ISO 8601 with time zone, or as a
            Unix time. Example: 2025-01-15T10:00:00+00:00.
        sender (None | str | Unset): User id of who wrote it. Example: user_001.
        sender_name (None | str | Unset): Name of who wrote it. Example: John Smith.
        role (None | Unset | UserRole): Whether a person or an AI wrote it. Example: user.
        type_ (None | str | Unset): What kind of message it is, such as text or image. Example: text.
        content (None | str | Unset): What was written. Example: Let us keep the tour data in one database..
        refer_list (list[Extra | str] | None | Unset): The messages that it refers to, each an id or free fields.
            Example: ['msg_000'].
        extra (Extra | None | Unset): Free fields about the message.
    """

    message_id: None | str | Unset = UNSET
    create_time: int | None | str | Unset = UNSET
    sender: None | str | Unset = UNSET
    sender_name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    role: None | Unset | UserRole = UNSET
    type_: None | str | Unset = _attrs_field(default=UNSET, metadata={"json": "type"})
    content: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    refer_list: list[Extra | str] | None | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    extra: Extra | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
