from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import Deletion, Unset, hidden

if TYPE_CHECKING:
    from ..models.delete_memories_result import DeleteMemoriesResult


@_attrs_define
class DeleteMemoriesResponse(Deletion):
    """The answer to a deletion. `affected` is how many were deleted.

    Attributes:
        result (DeleteMemoriesResult): What was deleted.
        status (str | Unset): ok or failed. Default: 'ok'.
        message (str | Unset): The server's own words. Default: ''.
    """

    result: DeleteMemoriesResult
    status: str | Unset = "ok"
    message: str | Unset = ""
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
