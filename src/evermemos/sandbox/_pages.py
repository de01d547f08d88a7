"""What a browser sees of a running sandbox: the API reference, where calls can be tried, and the stored records."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import sqlite3
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from . import _spec
from ._core import UNAUTHORIZED
from ._messages import Answer, answer

if TYPE_CHECKING:
    from ._core import Sandbox

# Files of Swagger UI, as swagger-ui-py ships them.
ASSETS = {"/docs/swagger-ui-bundle.js": "text/javascript", "/docs/swagger-ui.css": "text/css"}
# Nothing comes from elsewhere, and nothing goes elsewhere. Swagger UI needs inline styles and images in data URLs.
POLICY = (
    "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# How many records the table shows.
SHOWN = 100


def page(sandbox: Sandbox, path: str, root: str, authorization: str) -> Answer | None:
    """Return the page at a path, or None if there is none.

    Args:
        sandbox (Sandbox): Whose records are shown.
        path (str): Path of the request, below `root`.
        root (str): Where the sandbox is mounted.
        authorization (str): The request's Authorization header.
    """
    # Quoted, it can end neither an attribute nor a string of a script. Two slashes would begin with another host.
    mount = f"/{quote(root.strip('/'), safe='/%')}".rstrip("/")
    if path in ("/", "/docs"):
        text, policy = _html()
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
        return Answer(200, headers, text.replace("%root%", mount).encode())
    if path == "/openapi.json":
        # The only server is this one: a call that is tried out must not go to production.
        return answer(200, {**_spec.document(), "servers": [{"url": mount or "/", "description": "This sandbox"}]})
    if path == "/sandbox/records":
        if not sandbox.admits(authorization, key_needed=False):
            return UNAUTHORIZED
        try:
            total, records = sandbox.newest(SHOWN)
        except sqlite3.Error as error:
            return answer(500, {"detail": f"The sandbox's store failed: {error}"})
        return answer(200, {"total": total, "records": [{"api": api, **record} for api, record in records]})
    if path in ASSETS:
        return _asset(path.rpartition("/")[2], ASSETS[path])
    return None


@cache
def _html() -> tuple[str, str]:
    """Read the page, and make the policy that lets its own script run and no other."""
    text = Path(__file__).with_name("page.html").read_text("utf-8")
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = hashlib.sha256(script.encode()).digest()
    return text, POLICY.format(base64.b64encode(digest).decode())


def _asset(name: str, kind: str) -> Answer:
    found = importlib.util.find_spec("swagger_ui")
    if found is None or not found.submodule_search_locations:
        words = "The API reference needs swagger-ui-py: pip install 'evermemos-client[sandbox]'"
        return answer(404, {"detail": words})
    content = Path(found.submodule_search_locations[0], "static", name).read_bytes()
    return Answer(200, {"content-type": f"{kind}; charset=utf-8", "cache-control": "max-age=3600"}, content)
