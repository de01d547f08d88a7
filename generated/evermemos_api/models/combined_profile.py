from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden

if TYPE_CHECKING:
    from ..models.global_profile import GlobalProfile
    from ..models.profile_memory import ProfileMemory


@_attrs_define
class CombinedProfile(Model):
    """The one item of a listing of profiles on v0 servers: all profiles that fit, and the one over all
    conversations.
    It is there when there is no profile, too.

        Attributes:
            user_id (str): Whose profiles they are, as it was asked for. __all__ when no user was.
            profiles (list[ProfileMemory]): What the person is like, as each conversation shows it.
            group_ids (list[str] | None | Unset): Which conversations they come from, as it was asked for.
            global_profile (GlobalProfile | None | Unset): What the person is like, over all conversations.
    """

    user_id: str
    profiles: list[ProfileMemory]
    group_ids: list[str] | None | Unset = UNSET
    global_profile: GlobalProfile | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
