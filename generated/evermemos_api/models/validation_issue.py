from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Model, Unset, hidden


@_attrs_define
class ValidationIssue(Model):
    """One thing that was wrong with a request.

    Attributes:
        type_ (str): Kind of problem.
        loc (list[int | str]): Where, from the outside in.
        msg (str): What, in the server's words.
        input_ (Any | Unset): What was sent, the whole body for a missing field. Never log it.
        ctx (Any | Unset): Values that the message refers to.
    """

    type_: str = _attrs_field(metadata={"json": "type"})
    loc: list[int | str]
    msg: str
    input_: Any | Unset = _attrs_field(default=UNSET, repr=hidden, metadata={"json": "input"})
    ctx: Any | Unset = _attrs_field(
        default=UNSET,
        repr=hidden,
    )
    additional_properties: dict[str, Any] = _attrs_field(factory=dict, kw_only=True, repr=hidden)
