"""A client library for accessing EverMemOS"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)


# The clients load httpx, which nobody needs who imports models or UNSET.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import client

    value = globals()[name] = getattr(client, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
