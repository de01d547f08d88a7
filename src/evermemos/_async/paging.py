"""Memories page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from evermemos_api.models import GetMemoriesResponseV0

    from .._params import Memory


class AsyncMemoryIterator:
    """Memories, read page by page as they are asked for. No more than two pages are kept.

    Attributes:
        total (int | None): How many there are, once the first page was read and if the server says it.
        pages (int): How many pages were read.
    """

    def __init__(self, get: Callable[..., Awaitable[GetMemoriesResponseV0]], page_size: int, **arguments: Any) -> None:
        self.total: int | None = None
        self.pages = 0
        self._items = self._read(get, page_size, arguments)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Memory:
        return await self._items.__anext__()

    async def _read(
        self, get: Callable[..., Awaitable[GetMemoriesResponseV0]], page_size: int, arguments: dict[str, Any]
    ) -> AsyncIterator[Memory]:
        before: list[Memory] = []
        seen = 0
        while True:
            result = (await get(page=self.pages + 1, page_size=page_size, **arguments)).result
            self.pages += 1
            self.total = result.total_count if isinstance(result.total_count, int) else None
            memories = result.memories
            # A server that does not know of pages sends the first one again.
            if not memories or memories == before:
                return
            size = sum(map(_size, memories))
            seen += size
            for memory in memories:
                # Servers send the one item of all profiles on every page, whether there is one left or not.
                if _size(memory) or (self.pages == 1 and getattr(memory, "global_profile", None)):
                    yield memory
            # Some servers make smaller pages than they were asked for, and some take the page for all there is.
            if not size or (size < page_size and (self.total is None or seen >= self.total)):
                return
            before = memories


def _size(memory: Memory) -> int:
    """Return how many memories an item of a page stands for: of profiles there is one item for all."""
    profiles = getattr(memory, "profiles", None)
    return 1 if profiles is None else len(profiles)
