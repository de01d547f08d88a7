"""Fixtures for pytest, there as soon as the package is installed.

    def test_my_agent(evermemos_client, evermemos_sandbox):
        evermemos_sandbox.fail(status=503, retry_after=0)
        run_my_agent(evermemos_client)
        assert evermemos_sandbox.requests

Every test has a sandbox of its own, in memory and in process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evermemos import AsyncEverMemOS, EverMemOS
    from evermemos.sandbox import Sandbox


@pytest.fixture
def evermemos_sandbox() -> Iterator[Sandbox]:
    """An empty sandbox: a server for the clients of this test, with `requests` and `fail`."""
    # Imported here, so that a run of tests that needs none of this does not pay for it.
    from evermemos.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def evermemos_client(evermemos_sandbox: Sandbox) -> Iterator[EverMemOS]:
    """A client of the test's sandbox."""
    from evermemos import EverMemOS

    with EverMemOS.sandbox(evermemos_sandbox) as client:
        yield client


@pytest.fixture
def async_evermemos_client(evermemos_sandbox: Sandbox) -> AsyncEverMemOS:
    """An asynchronous client of the test's sandbox. It has no connections, and so needs no closing."""
    from evermemos import AsyncEverMemOS

    return AsyncEverMemOS.sandbox(evermemos_sandbox)
