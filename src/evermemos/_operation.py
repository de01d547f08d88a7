"""The operations of the spec, each of which loads its generated module, and with it its models, when it is called."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evermemos_api.types import Model

T = TypeVar("T")


def operations() -> Any:
    """Return what openapi.yaml says of operations, which one module has for all of them."""
    return import_module("evermemos_api.operations")


class Operation(Generic[T]):
    """One operation. T is the model of its good answer.

    Args:
        tag (str): Its tag in openapi.yaml, which is a package below `evermemos_api.api`.
        name (str): Its id in openapi.yaml.
    """

    def __init__(self, tag: str, name: str) -> None:
        self.name = name
        self.deletes = name.startswith("delete_")
        self.lists = name.startswith("get_memories_")
        self._module = f"evermemos_api.api.{tag}.{name}"

    @cached_property
    def safe(self) -> bool:
        """Whether it may be sent again after an unknown outcome."""
        return self.name in operations().SAFE_TO_REPEAT

    @cached_property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The schemas of its parameters."""
        found: Mapping[str, Mapping[str, Any]] = operations().PARAMETERS[self.name]
        return found

    @cached_property
    def request(self) -> Any:
        """Makes the arguments of a request for httpx."""
        return import_module(self._module)._get_kwargs  # noqa: SLF001

    @cached_property
    def parse(self) -> Any:
        """Makes the model of an answer."""
        return import_module(self._module)._parse_response  # noqa: SLF001

    @cached_property
    def body(self) -> type[Model] | None:
        """The model of the request's body, if it has one."""
        model: type[Model] | None = self.request.__annotations__.get("body")
        return model

    @cached_property
    def refusals(self) -> tuple[type, ...]:
        """The models of answers that are errors."""
        from evermemos_api.models import ErrorResponse, ValidationErrorResponse

        return ErrorResponse, ValidationErrorResponse
