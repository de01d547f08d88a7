"""The sandbox as an httpx transport, sync and async, in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from ._core import Sandbox


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries the requests of an httpx client to a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Lead to `sandbox`."""
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an httpx.Client."""
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an httpx.AsyncClient."""
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        answer = self._sandbox.handle(request.method, target, request.headers, body)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)
