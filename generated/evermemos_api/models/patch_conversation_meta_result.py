from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class PatchConversationMetaResult(Model):
    """What an update changed. When nothing needed changing, scene, name and updated_at are null.

    Attributes:
        id (str): Id of the record that was changed.
        group_id (None | str | Unset): Whose record was changed. null means the default record.
        scene (None | str | Unset): group_chat or assistant today; newer servers may know more.
        name (None | str | Unset): Name of the conversation.
        updated_fields (list[str] | Unset): Names of the fields that were written.
        updated_at (None | str | Unset): When the record was last written, or made, where servers never move it.
    """

    id: str
    group_id: None | str | Unset = UNSET
    scene: None | str | Unset = UNSET
    name: None | str | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    updated_fields: list[str] | Unset = UNSET
    updated_at: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
