"""Where httpx clients are built, and how much of an answer is read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import ssl
import threading
import zlib
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import httpx

from . import __version__
from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ._settings import Settings

USER_AGENT = f"evermemos-client/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"
# What BodyReader can unpack within its bound.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip"}


class Client(httpx.Client):
    """An httpx client that closes its connections when nobody holds it any more, as a file does."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        # Whether requests may take the short way, `_short`.
        self.has_short_way = os.environ.get("EVERMEMOS_SHORT_WAY") != "0"

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


class AsyncClient(httpx.AsyncClient):
    """An httpx client of our own."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.has_short_way = os.environ.get("EVERMEMOS_SHORT_WAY") != "0"


def build_sync(settings: Settings) -> httpx.Client:
    from ._sync.cells import cells_to

    with _as_configuration_error():
        return Client(**_arguments(settings, cells_to))


def build_async(settings: Settings) -> httpx.AsyncClient:
    from ._async.cells import cells_to

    with _as_configuration_error():
        return AsyncClient(**_arguments(settings, cells_to))


def _arguments(settings: Settings, connections: Callable[..., Any]) -> dict[str, Any]:
    headers = {"User-Agent": USER_AGENT}
    if settings.sandbox is not None:
        return {"headers": headers, "transport": settings.sandbox.transport()}
    verify = _tls(settings)
    if settings.proxy is None and _environment_has_proxies():
        # Which of the environment's proxies is asked for what is for httpx to know.
        return {"headers": headers, "verify": verify}
    if settings.proxy is not None:
        # What is wrong with a proxy is said now, not when the first cell is made in the middle of a call.
        httpx.HTTPTransport(verify=verify, proxy=settings.proxy).close()
    transport = connections(httpx.URL(settings.base_url), verify=verify, proxy=settings.proxy)
    return {"headers": headers, "transport": transport}


def _tls(settings: Settings) -> ssl.SSLContext:
    """Return the context of a configuration: its own, or one that all clients with it share, for it takes 30 ms."""
    verify = settings.verify
    if isinstance(verify, ssl.SSLContext):
        return verify
    if settings.base_url.startswith("http:") and settings.proxy is None and not _environment_has_proxies():
        return _tls_of_nobody()
    files = (verify if isinstance(verify, str) else None, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    # Of threads that come at once, one makes it.
    with _MAKING_TLS:
        return _shared_tls(verify, files, tuple(map(_changed, files)))


def _changed(path: str | None) -> int | None:
    """Return when a file was changed, if there is one."""
    try:
        return Path(path).stat().st_mtime_ns if path else None
    except OSError:
        return None


def _environment_has_proxies() -> bool:
    # NO_PROXY alone is none.
    return bool(getproxies().keys() & {"http", "https", "all"})


_MAKING_TLS = threading.Lock()


@lru_cache(maxsize=32)
def _shared_tls(verify: bool | str, *_: object) -> ssl.SSLContext:  # noqa: FBT001
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify)
    # Whoever names authorities trusts no others.
    if Path(verify).is_dir():
        return ssl.create_default_context(capath=verify)
    return ssl.create_default_context(cafile=verify)


@cache
def _tls_of_nobody() -> ssl.SSLContext:
    """Return a context for plain http, which trusts nobody, should it ever be asked: the usual one takes 30 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextlib.contextmanager
def _as_configuration_error() -> Generator[None]:
    try:
        yield
    except (ImportError, OSError) as error:
        raise ConfigurationError(f"the HTTP client cannot be built: {error}") from None
    except (ValueError, httpx.InvalidURL):
        # The message of httpx may hold the password of a proxy.
        raise ConfigurationError("the HTTP client cannot be built: the URL of a proxy is wrong") from None


def slots_sync(number: int) -> threading.Semaphore:
    return threading.Semaphore(number)


def slots_async(number: int) -> asyncio.Semaphore:
    return asyncio.Semaphore(number)


def acquire_sync(slots: threading.Semaphore, seconds: float | None) -> None:
    """Take a slot, or raise httpx.PoolTimeout."""
    if not slots.acquire(timeout=seconds):
        raise httpx.PoolTimeout("no connection is free")


async def acquire_async(slots: asyncio.Semaphore, seconds: float | None) -> None:
    """Take a slot, or raise httpx.PoolTimeout."""
    if not slots.locked():
        await slots.acquire()
        return
    try:
        async with asyncio.timeout(seconds):
            await slots.acquire()
    except TimeoutError:
        raise httpx.PoolTimeout("no connection is free") from None


def _unpacker(encoding: bytes) -> Any:
    name = encoding.decode("latin-1").strip().lower()
    if name in ("identity", ""):
        return None
    if name not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError(f"content-encoding {name!r}, expected gzip, deflate or none")
    # Bits 32 + 15: gzip and zlib headers are both recognised.
    return zlib.decompressobj(32 + zlib.MAX_WBITS)


class TooLarge(Exception):
    """The answer is larger than the client accepts."""


class BodyReader:
    """Takes the parts of a body as they come, unpacks them, and stops at a number of bytes."""

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        headers = {name.lower(): value for name, value in response.headers.raw}
        self._unpack = _unpacker(encoding) if (encoding := headers.get(b"content-encoding")) else None
        if (length := headers.get(b"content-length", b"")).isdigit() and int(length) > limit:
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
