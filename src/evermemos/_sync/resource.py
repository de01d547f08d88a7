# Derived from _async/resource.py by `make generate`. Edit that file instead.
"""What the resources have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from .._call import Options
from .._operation import Operation
from .._response import RawResponse
from .send import Sender

if TYPE_CHECKING:
    from evermemos_api.models import HealthResponse

P = ParamSpec("P")
T = TypeVar("T")

# Here, because the client itself must not load what operations need.
GET_HEALTH: Operation[HealthResponse] = Operation("health", "get_health")


class Resource:
    """Methods that call operations.

    Args:
        sender (Sender): Sends the requests.
        raw (bool): Whether the methods return answers as they came.
    """

    def __init__(self, sender: Sender, *, raw: bool = False) -> None:
        self._sender = sender
        self._raw = raw

    def _call(self, operation: Operation[T], options: Options, **arguments: Any) -> T:
        answer = self._sender.send(operation, options, **arguments)
        return cast("T", answer) if self._raw else answer.parse()


def raw(method: Callable[P, T]) -> Callable[P, RawResponse[T]]:
    """Return a method of a resource that was made with `raw`, with the type of what it returns."""
    return cast("Callable[P, RawResponse[T]]", method)
