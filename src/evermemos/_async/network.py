"""What a connection of httpcore reads from and writes to."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from .._deadline import connected_async, left

# Bytes that wait to be written.
MOST_WAITING = 1 << 16


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """A network of httpcore whose every step ends with the deadline, if the timeout knows of one."""

    def __init__(self, network: httpcore.AsyncNetworkBackend) -> None:
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        connect = self._network.connect_tcp
        try:
            made = await connected_async(timeout, connect, host, port, timeout, local_address, socket_options)
        except UnicodeError as error:
            # What Python says of a name that is too long to be looked up, such as that of a proxy.
            raise httpcore.ConnectError(str(error)) from error
        return AsyncStream(made)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self._network.connect_unix_socket(path, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class AsyncStream(httpcore.AsyncNetworkStream):
    """A connection. Head and body of a request, which httpcore writes apart, leave in one piece."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._waiting = bytearray()
        self._write_timeout: float | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._waiting:
            # A server may answer before it has read everything, and hang up.
            with contextlib.suppress(httpcore.WriteError):
                await self._flush()
        return await self._stream.read(max_bytes, left(timeout, httpcore.ReadTimeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._write_timeout = timeout
        for start in range(0, len(buffer), MOST_WAITING):
            self._waiting += buffer[start : start + MOST_WAITING]
            if len(self._waiting) >= MOST_WAITING:
                await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = bytes(self._waiting), bytearray()
        await self._stream.write(waiting, left(self._write_timeout, httpcore.WriteTimeout))

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        await self._flush()
        start_tls = self._stream.start_tls
        try:
            return AsyncStream(await connected_async(timeout, start_tls, ssl_context, server_hostname, timeout))
        except BaseException:
            # httpcore leaves it open if it is interrupted.
            await self.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
