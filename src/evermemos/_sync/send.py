# Derived from _async/send.py by `make generate`. Edit that file instead.
"""Sending: the connections of a client, and the loop around the attempts of a call."""

import time
from types import ModuleType
from typing import Any, Self, TypeVar

import httpx

from .._call import FAILURES, Call, Options
from .._http import Place, build_sync, place_sync, within_sync
from .._response import RawResponse
from .._settings import Settings
from ..errors import APIError, ConfigurationError

T = TypeVar("T")


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
        for gone in [other for other in list(self._clients) if other.is_gone()]:
            self._clients.pop(gone, None)
        # Of two threads that come here at once one wins; the other's client has no connection yet.
        return self._clients.setdefault(place, build_sync(settings))

    def close(self) -> None:
        """Close all connections that can be closed from here. A client that the user brought stays open."""
        self.closed = True
        if client := self._clients.pop(place_sync(), None):
            client.close()


class Sender:
    """What a resource needs of its client: the connections, which its copies share, and its own settings."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    def send(self, operation: ModuleType, result: type[T], options: Options, **arguments: Any) -> RawResponse[T]:
        """Call an operation: send until there is an answer to keep or an error to raise. `Call` has the arguments."""
        client = self._pool.client(self._settings)
        call = Call(self._settings, operation, result, options, **arguments)
        while True:
            outcome = _attempt(client, call)
            if not isinstance(outcome, (RawResponse, APIError)):
                time.sleep(outcome)
                continue
            call.log(outcome)
            if isinstance(outcome, APIError):
                raise outcome
            return outcome


def _attempt(client: httpx.Client, call: Call[T]) -> RawResponse[T] | float | APIError:
    try:
        answer = within_sync(call.start(), _exchange, client, call)
    except FAILURES as failure:
        return call.failed(failure)
    return call.answered(answer)


def _exchange(client: httpx.Client, call: Call[T]) -> RawResponse[T]:
    response = client.send(call.request(client), **call.send_options())
    try:
        reader = call.reader(response)
        if response.is_stream_consumed:
            reader.feed_unpacked(response.content)
        else:
            for part in response.iter_raw():
                reader.feed(part)
                call.keep_to_deadline()
        return call.answer(response, reader.content())
    except FAILURES:
        # The body of a refusal may be lost: its status says what matters.
        if response.status_code < 300:
            raise
        return call.answer(response, b"")
    finally:
        # A server that failed drops its side of the connection, sooner or later: the next request, perhaps a write,
        # must not go out on it.
        stream = response.extensions.get("network_stream")
        if response.is_server_error and stream is not None and response.http_version == "HTTP/1.1":
            stream.close()
        response.close()
