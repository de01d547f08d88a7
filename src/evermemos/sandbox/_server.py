"""The sandbox over a socket, on uvicorn."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import os
import signal
import socket
import struct
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigurationError
from ._asgi import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import uvicorn

    from ._core import Sandbox

# Seconds that requests under way have to end when the server stops.
GRACE = 3
HINTS = {
    errno.EADDRINUSE: "choose another port, or 0 for a free one",
    errno.EACCES: "choose a port above 1023, or 0 for a free one",
}


@contextmanager
def serve(sandbox: Sandbox, host: str, port: int) -> Generator[str]:
    """Serve from a thread for as long as the context lasts. `Sandbox.serve` describes the rest."""
    with listen(host, port) as line:
        running = Event()
        server = _server(sandbox, running)

        def target() -> None:
            try:
                server.run([line])
            finally:
                running.set()

        thread = Thread(target=target, daemon=True, name="evermemos-sandbox")
        thread.start()
        running.wait()
        try:
            if not server.started:
                raise ConfigurationError(f"the server on {host} port {port} did not start: its log says why")
            yield address(line, host)
        finally:
            server.should_exit = True
            thread.join()


def run(sandbox: Sandbox, line: socket.socket, announce: Callable[[], object]) -> None:
    """Serve on a socket until the process is told to stop, by Ctrl-C or SIGTERM. `announce` is called before."""
    server = _server(sandbox, Event())

    def stop(*_: object) -> None:
        server.should_exit = True

    # From here on, and not only once uvicorn handles them, signals stop the server gracefully: whoever has read the
    # announcement may send one. uvicorn raises them again at its end, for this handler, which does no harm then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    announce()
    server.run([line])


def check_installed() -> None:
    """Raise a ConfigurationError if what serving needs is not installed."""
    missing = [name for name in ("uvicorn", "httptools") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"serving the sandbox needs {' and '.join(missing)}: pip install 'evermemos-client[sandbox]'"
        )


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on.

    Raises:
        ConfigurationError: If it cannot be opened, or if uvicorn is not installed.
    """
    check_installed()
    if not 0 <= port < 65536:
        raise ConfigurationError(f"cannot listen on {host} port {port}: expected a port from 0 to 65535")
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=2048)
    except UnicodeError:
        raise ConfigurationError(f"cannot listen on {host!r}: it is not the name of a machine") from None
    except OSError as error:
        hint = HINTS.get(error.errno or 0, "expected a name or an address of this machine, such as 127.0.0.1")
        reason = os.strerror(error.errno) if error.errno in HINTS else str(error)
        raise ConfigurationError(f"cannot listen on {host} port {port}: {reason}: {hint}") from None


def address(line: socket.socket, host: str) -> str:
    """Tell the base URL of a socket, seen from this machine."""
    # Where everybody is listened to, nobody can connect by that name.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not listened to
    return f"http://{f'[{host}]' if ':' in host else host}:{line.getsockname()[1]}"


class _JoiningTransport:
    """Sends what is written in one step of the event loop as one packet.

    uvicorn writes head and body of an answer apart. To send costs more than all else about a small answer, and the
    system would hold the body back until the client has acknowledged the head, for 40 ms.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _server(sandbox: Sandbox, running: Event) -> uvicorn.Server:
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Connection(HttpToolsProtocol):
        is_doomed = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(cast("asyncio.Transport", _JoiningTransport(transport, self.loop)))

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]

        def data_received(self, data: bytes) -> None:
            if self.is_doomed:
                self.reset()
            else:
                super().data_received(data)

        def close(self) -> None:
            self.transport.close()

        def reset(self) -> None:
            # Without lingering the system sends a reset instead of a regular end.
            self.transport.flush()  # type: ignore[attr-defined]
            line = self.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

        def reset_at_next_request(self) -> None:
            self.is_doomed = True

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            running.set()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if tasks := set(self.server_state.tasks):
                await asyncio.wait(tasks, timeout=GRACE)
            # What is still under way is late on purpose. uvicorn would cancel it, and complain.
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection) and connection.cycle and not connection.cycle.response_complete:
                    connection.transport.abort()
            await super().shutdown(sockets)

    options: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "proxy_headers": False}
    config = uvicorn.Config(
        sandbox.asgi(),
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        **options,
    )
    return Server(config)
