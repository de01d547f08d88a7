"""The operations that tell how things are: how far a request is, and that the sandbox is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._memory_store import MemoryStore
from ._messages import Refused, now
from ._times import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._memories import Behaviour
    from ._store import Record, Store

# Seconds after which a request is forgotten.
KEPT = 3600
HEADER = "x-request-id"
MISSING = {
    "v0": "Missing required parameter: request_id (query param / body) or X-Request-Id (header)",
    "v1": "Missing required Header parameter: X-Request-Id",
}


def behaviours(store: Store, *, strict: bool) -> dict[str, Behaviour]:
    """List what each operation does, by its id.

    Args:
        store (Store): Where requests are kept.
        strict (bool): Whether v1 takes an id in the query, as the hosted product does.
    """
    memories = MemoryStore(store)

    def status(api: str, params: Record | None, headers: Mapping[str, str]) -> Record:
        named = (params or {}).get("request_id") if api == "v0" or strict else None
        request_id = named or headers.get(HEADER)
        if not request_id:
            raise Refused(400, MISSING[api])
        return _status(memories, api, request_id)

    return {
        "get_request_status_v0": lambda params, headers: status("v0", params, headers),
        "get_request_status_v1": lambda params, headers: status("v1", params, headers),
        "get_health": lambda *_: {"status": "healthy", "timestamp": now(), "message": "System running normally"},
    }


def _status(memories: MemoryStore, api: str, request_id: str) -> Record:
    request, time = memories.request(api, request_id), milliseconds()
    if request is None or time - request["start_time"] >= KEPT * 1000:
        words = "Request status does not exist or has expired"
        return {"success": True, "found": False, "data": None, "message": words}
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
