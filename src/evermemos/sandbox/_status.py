"""The operations that tell how things are: how far a request is, and that the sandbox is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._memory_store import MemoryStore
from ._messages import Refused, now
from ._times import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._store import Record, Store

# Seconds after which a request is forgotten.
KEPT = 3600


def behaviours(store: Store) -> dict[str, Callable[[Record | None], Record]]:
    """List what each operation does, by its id."""
    memories = MemoryStore(store)
    return {
        "get_request_status_v0": lambda params: _status(memories, "v0", params or {}),
        "get_request_status_v1": lambda params: _status(memories, "v1", params or {}),
        "get_health": lambda _: {"status": "healthy", "timestamp": now(), "message": "The server is running"},
    }


def _status(memories: MemoryStore, api: str, params: Record) -> Record:
    """Tell how far a request is. On v1 its id may be in the query or in a header; the query counts more."""
    request_id = params.get("request_id") or params.get("X-Request-Id")
    if not request_id and api == "v1":
        raise Refused(400, "request_id must be provided, in the query or in the header X-Request-Id")
    request, time = memories.request(api, request_id or ""), milliseconds()
    if request is None or time - request["start_time"] >= KEPT * 1000:
        return {"success": True, "found": False, "data": None, "message": "Request status not found or expired"}
    since = request.pop("since")
    is_over = since <= time
    data = {
        **request,
        "status": "success" if is_over else "start",
        "http_code": request["http_code"] if is_over else None,
        "time_ms": request["time_ms"] if is_over else None,
        "end_time": request["start_time"] + request["time_ms"] if is_over else None,
        "ttl_seconds": KEPT - (time - request["start_time"]) // 1000,
    }
    return {"success": True, "found": True, "data": data, "message": None}
