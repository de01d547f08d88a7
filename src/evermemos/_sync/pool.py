# Derived from _async/pool.py by `make generate`. Edit that file instead.
"""The connections of a client. They are opened, and httpx is imported, when something is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from .._place import is_gone, place_sync
from ..errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    from .._place import Place
    from .._settings import Settings


class Pool:
    """The connections of a client and of all copies of it, one httpx client for every place that needs its own."""

    def __init__(self, own: httpx.Client | None) -> None:
        self.own = own
        self.closed = False
        self._clients: dict[Place, httpx.Client] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def client(self, settings: Settings) -> httpx.Client:
        """Return the httpx client to use here."""
        if self.closed:
            raise ConfigurationError("this client was closed: make a new one")
        if self.own is not None:
            if self.own.is_closed:
                raise ConfigurationError("the http_client of this client was closed: make a new one")
            return self.own
        place = place_sync()
        if client := self._clients.get(place):
            return client
        for gone in [other for other in list(self._clients) if is_gone(other)]:
            self._clients.pop(gone, None)
        from .._http import build_sync

        # A client that was unpickled may have found no key.
        settings.check_key()
        # Of two threads that come here at once one wins; the other's client has no connection yet.
        return self._clients.setdefault(place, build_sync(settings))

    def close(self) -> None:
        """Close all connections that can be closed from here. A client that the user brought stays open."""
        self.closed = True
        if client := self._clients.pop(place_sync(), None):
            client.close()
