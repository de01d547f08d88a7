"""Sending: the loop around the attempts of a call."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

import httpx

from .. import _short
from .._call import FAILURES, Call, Options
from .._deadline import within_async
from .._operation import Operation
from .._response import RawResponse
from .._settings import Settings
from .._short import Template
from ..errors import APIError
from .pool import AsyncPool

T = TypeVar("T")


class AsyncSender:
    """What a resource needs of its client: the connections, which its copies share, and its own settings."""

    def __init__(self, pool: AsyncPool, settings: Settings) -> None:
        self._pool = pool
        self.settings = settings
        self._templates: dict[tuple[str, bool], Template] = {}

    @property
    def has_own_client(self) -> bool:
        """Whether requests go out by an httpx client that the user brought."""
        return self._pool.own is not None

    @cached_property
    def unchecked(self) -> AsyncSender:
        """The same, for arguments that were checked before."""
        return AsyncSender(self._pool, self.settings._replace(validate=False))

    async def send(self, operation: Operation[T], options: Options, **arguments: Any) -> RawResponse[T]:
        """Call an operation: send until there is an answer to keep or an error to raise. `Call` has the arguments."""
        client = self._pool.client(self.settings)
        call = Call(self.settings, operation, options, **arguments)
        while True:
            outcome = await _attempt(client, call, self._templates)
            if not isinstance(outcome, (RawResponse, APIError)):
                await asyncio.sleep(outcome)
                continue
            call.log(outcome)
            if isinstance(outcome, APIError):
                raise outcome
            return outcome


async def _attempt(
    client: httpx.AsyncClient, call: Call[T], templates: dict[tuple[str, bool], Template]
) -> RawResponse[T] | float | APIError:
    try:
        left = call.begin()
        request, transport = _short.prepare(client, call, templates)
        if left is None or getattr(transport, "keeps_deadline", False):
            answer = await _exchange(client, call, request, transport)
        else:
            answer = await within_async(left, _exchange, client, call, request, transport)
    except FAILURES as failure:
        return call.failed(failure)
    return call.answered(answer)


async def _exchange(client: httpx.AsyncClient, call: Call[T], request: httpx.Request, transport: Any) -> RawResponse[T]:
    started = time.perf_counter()
    if transport is None:
        response = await client.send(request, **call.send_options())
    else:
        response = await transport.handle_async_request(request)
    network = response.extensions.get("network_stream")
    try:
        if transport is not None:
            _short.received(client, request, response)
        reader = call.reader(response)
        if response.is_stream_consumed:
            reader.feed_unpacked(response.content)
        else:
            parts: Any = response.aiter_raw() if transport is None else response.stream
            async for part in parts:
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
        try:
            if network is not None and response.is_server_error and response.http_version == "HTTP/1.1":
                await network.aclose()
        finally:
            # `response.aclose()`, less what names the request in errors, which takes longer than all the rest of it.
            if not response.is_closed:
                response.is_closed = True
                stream: Any = response.stream
                await stream.aclose()
        response.elapsed = timedelta(seconds=time.perf_counter() - started)
