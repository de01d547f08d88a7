"""Where httpx clients are built, and how much of an answer is read."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import platform
import ssl
import zlib
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import httpx

from . import __version__
from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from ._settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

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
    headers = {"User-Agent": USER_AGENT}
    if settings.sandbox is not None:
        return {"headers": headers, "transport": settings.sandbox.transport()}
    verify = settings.verify
    if isinstance(verify, str):
        context = ssl.create_default_context()
        context.load_verify_locations(**{"capath" if Path(verify).is_dir() else "cafile": verify})
        verify = context
    return {"headers": headers, "proxy": settings.proxy, "verify": verify}


@contextlib.contextmanager
def _as_configuration_error() -> Generator[None]:
    try:
        yield
    except (ImportError, OSError) as error:
        raise ConfigurationError(f"the HTTP client cannot be built: {error}") from None
    except (ValueError, httpx.InvalidURL):
        # The message of httpx may hold the password of a proxy.
        raise ConfigurationError("the HTTP client cannot be built: the URL of a proxy is wrong") from None


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


def within_sync(seconds: float | None, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function, and raise TimeoutError if it takes longer.

    A blocking read cannot be interrupted, so with a limit the function runs in a thread, which is left behind if it is
    late: it ends with the next part of the body, with a read timeout, or when its connection is closed.
    """
    if seconds is None:
        return function(*args, **kwargs)
    future = Future[T]()

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="evermemos-deadline").start()
    return future.result(seconds)


async def within_async(
    seconds: float | None, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function, and raise TimeoutError if it takes longer."""
    async with asyncio.timeout(seconds):
        return await function(*args, **kwargs)


class TooLarge(Exception):
    """The answer is larger than the client accepts."""


class BodyReader:
    """Takes the parts of a body as they come, unpacks them, and stops at a number of bytes."""

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        # Bits 32 + 15: gzip and zlib headers are both recognised.
        self._unpack = zlib.decompressobj(32 + zlib.MAX_WBITS) if encoding in ("gzip", "x-gzip", "deflate") else None
        if encoding not in ("gzip", "x-gzip", "deflate", "identity", ""):
            raise httpx.DecodingError(f"content-encoding {encoding!r}, expected gzip, deflate or none")
        if (length := response.headers.get("content-length", "")).isdecimal() and int(length) > limit:
            raise TooLarge

    def feed(self, part: bytes) -> None:
        """Take one part.

        Raises:
            TooLarge: If the unpacked body goes past the limit.
            httpx.DecodingError, zlib.error: If the body is not what its content-encoding says.
        """
        if self._unpack is not None:
            part = self._unpack.decompress(part, self._limit - self._size + 1)
            if self._unpack.unused_data:
                raise httpx.DecodingError("something follows the end of the compressed body")
        self._keep(part)

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
        if self._unpack is not None and not self._unpack.eof and (self._parts or self._unpack.unconsumed_tail):
            raise httpx.DecodingError("the compressed body was cut short")
        return b"".join(self._parts)
