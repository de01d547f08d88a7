"""The sandbox as an httpx transport, sync and async, in process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import httpx

from ._messages import headers_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from ._core import Sandbox
    from ._messages import Answer

RESET = "[Errno 104] Connection reset by peer"


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries the requests of an httpx client to a sandbox."""

    # A late answer is waited for no longer than the timeout, which ends before the deadline.
    keeps_deadline = True

    def __init__(self, sandbox: Sandbox) -> None:
        """Lead to `sandbox`."""
        self._sandbox = sandbox
        self._is_lost = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an httpx.Client."""
        answer = self._ask(request, request.read())
        if answer.fault is None:
            return _response(answer)
        time.sleep(_wait(request, answer))
        return _spoilt(request, answer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an httpx.AsyncClient."""
        answer = self._ask(request, await request.aread())
        if answer.fault is None:
            return _response(answer)
        await anyio.sleep(_wait(request, answer))
        return _spoilt(request, answer)

    def close(self) -> None:
        """Close the sandbox if nobody else would."""
        if self._sandbox.closes_with_client:
            self._sandbox.close()

    async def aclose(self) -> None:
        """Close the sandbox if nobody else would."""
        self.close()

    def _ask(self, request: httpx.Request, body: bytes) -> Answer:
        if self._is_lost:
            self._is_lost = False
            raise httpx.ReadError(RESET, request=request)
        target, headers = request.url.raw_path.decode("ascii"), headers_of(request.headers.raw)
        answer = self._sandbox.handle(request.method, target, headers, body)
        self._is_lost = answer.fault is not None and answer.fault.reset == "after"
        return answer


def _response(answer: Answer) -> httpx.Response:
    return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


def _wait(request: httpx.Request, answer: Answer) -> float:
    """Seconds to wait for a late answer, but no longer than the client would."""
    patience = request.extensions.get("timeout", {}).get("read")
    delay = answer.fault.delay if answer.fault else 0.0
    return delay if patience is None else min(delay, patience)


def _spoilt(request: httpx.Request, answer: Answer) -> httpx.Response:
    fault = answer.fault
    assert fault is not None  # noqa: S101 - the callers have looked
    if _wait(request, answer) < fault.delay:
        raise httpx.ReadTimeout("The read operation timed out", request=request)
    if fault.reset == "before":
        raise httpx.ReadError(RESET, request=request)
    if not fault.cut and fault.reset != "during":
        return _response(answer)
    headers = {**answer.headers, "content-length": str(len(answer.body) or 1)}
    return httpx.Response(answer.status, headers=headers, stream=_BrokenStream(answer), request=request)


class _BrokenStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Half of a body, and the end of the connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Generator[bytes]:
        part = self._answer.body[: len(self._answer.body) // 2]
        yield part
        if self._answer.fault and self._answer.fault.reset:
            raise httpx.ReadError(RESET)
        missing = f"received {len(part)} bytes, expected {len(self._answer.body) or 1}"
        raise httpx.RemoteProtocolError(f"peer closed connection without sending complete message body ({missing})")

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for part in self:
            yield part
