"""A small EverMemOS that keeps its records in memory and answers as recorded servers do, hazards included.

It serves over a loopback socket (`Sandbox.serve`) and in process as an httpx transport (`Sandbox.transport`):

    >>> import httpx
    >>> from evermemos.sandbox import Sandbox
    >>> with Sandbox().serve() as url:
    ...     answer = httpx.patch(f"{url}/api/v1/memories/conversation-meta", json={"name": "New name"})
    >>> answer.status_code, answer.json()["message"]
    (404, 'Default config not found')
"""

from ._core import Sandbox

__all__ = ["Sandbox"]
