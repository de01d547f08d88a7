from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import MapModel, hidden


@_attrs_define(eq=False)
class SceneDesc(MapModel["Any"]):
    """Free fields about the scene, for example description, type or bot_ids. Servers store at most 179 levels of
    nesting, integers of 64 bits, and no key with the character NUL; an object with both $ref and $id inside makes
    a
    record unreadable for good.
    """

    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=False, repr=hidden)
