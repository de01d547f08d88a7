"""Where httpx clients are built, and how much of an answer is read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import ssl
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from . import __version__
from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._settings import Settings

USER_AGENT = f"evermemos-client/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"
# What BodyReader can unpack within its bound.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip"}


class ClosingClient(httpx.Client):
    """An httpx client that closes its connections when nobody holds it any more, as a file does."""

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


def build_sync(settings: Settings) -> httpx.Client:
    with _as_configuration_error():
        return ClosingClient(**_arguments(settings))


def build_async(settings: Settings) -> httpx.AsyncClient:
    with _as_configuration_error():
        return httpx.AsyncClient(**_arguments(settings))


def _arguments(settings: Settings) -> dict[str, Any]:
    verify = settings.verify
    if isinstance(verify, str):
        verify = ssl.create_default_context()
        is_folder = Path(str(settings.verify)).is_dir()
        verify.load_verify_locations(**{"capath" if is_folder else "cafile": str(settings.verify)})
    return {"headers": {"User-Agent": USER_AGENT}, "proxy": settings.proxy, "verify": verify}


@contextlib.contextmanager
def _as_configuration_error() -> Generator[None]:
    try:
        yield
    except (ImportError, OSError, ValueError) as error:
        raise ConfigurationError(f"the HTTP client cannot be built: {error}") from None


class Place(NamedTuple):
    """Where connections may be used: after a fork the parent's are not the child's, nor one event loop's another's."""

    process: int
    loop: asyncio.AbstractEventLoop | None = None

    def is_gone(self) -> bool:
        return self.process != os.getpid() or (self.loop is not None and self.loop.is_closed())


def place_sync() -> Place:
    return Place(os.getpid())


def place_async() -> Place:
    return Place(os.getpid(), asyncio.get_running_loop())


def limit_sync(seconds: float | None) -> contextlib.nullcontext[None]:  # noqa: ARG001
    """A blocking call cannot be stopped from outside: timeouts of each step and BodyReader keep to the deadline."""
    return contextlib.nullcontext()


def limit_async(seconds: float | None) -> asyncio.Timeout:
    return asyncio.timeout(seconds)


class TooLarge(Exception):
    """The answer is larger than the client accepts."""


class BodyReader:
    """Takes the parts of a body as they come, unpacked, and stops at a number of bytes or at a time."""

    def __init__(self, response: httpx.Response, *, limit: int, ends_at: float | None) -> None:
        self._limit = limit
        self._ends_at = ends_at
        self._parts: list[bytes] = []
        self._size = 0
        self._received = 0
        self._announced = int(length) if (length := response.headers.get("content-length", "")).isdecimal() else None
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        # Bits 32 + 15: gzip and zlib headers are both recognised.
        self._unpack = zlib.decompressobj(32 + zlib.MAX_WBITS) if encoding in ("gzip", "x-gzip", "deflate") else None
        # A server that fails may drop its side of the connection: the last event is left unread, so that closing the
        # response closes the connection and no later request meets a dead one.
        self._leave_end = response.is_server_error
        if encoding not in ("gzip", "x-gzip", "deflate", "identity", ""):
            raise httpx.DecodingError(f"content-encoding {encoding!r}, expected gzip, deflate or none")
        if self._announced is not None and self._announced > limit:
            raise TooLarge

    def feed(self, part: bytes) -> bool:
        """Take one part, and say whether more is wanted.

        Raises:
            TooLarge: If the unpacked body goes past the limit.
            TimeoutError: If the deadline is over.
            zlib.error: If the body is not what its content-encoding says.
        """
        self._received += len(part)
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            raise TimeoutError
        if self._unpack is not None:
            part = self._unpack.decompress(part, self._limit - self._size + 1)
        self._keep(part)
        return not (self._leave_end and self._received == self._announced)

    def feed_unpacked(self, content: bytes) -> None:
        """Take a whole body that a transport in the same process has already unpacked."""
        self._unpack = None
        self._keep(content)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise TooLarge
        self._parts.append(part)

    def content(self) -> bytes:
        """Return the whole body."""
        if self._unpack is not None and self._received and not self._unpack.eof:
            raise httpx.DecodingError("the compressed body was cut short")
        return b"".join(self._parts)
