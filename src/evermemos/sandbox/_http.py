"""What goes on before and after the application of a server: methods, HEAD, and pages of other origins (CORS)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ._messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

# The methods that the HTTP parser of servers knows.
KNOWN = re.compile(
    "ACL|BIND|CHECKOUT|CONNECT|COPY|DELETE|GET|HEAD|LINK|LOCK|M-SEARCH|MERGE|MKACTIVITY|MKCALENDAR|MKCOL|MOVE|NOTIFY"
    "|OPTIONS|PATCH|POST|PROPFIND|PROPPATCH|PURGE|PUT|QUERY|REBIND|REPORT|SEARCH|SOURCE|SUBSCRIBE|TRACE|UNBIND|UNLINK"
    "|UNLOCK|UNSUBSCRIBE"
)
# Those that a page may send.
ALLOWED = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
CREDENTIALS = {"access-control-allow-credentials": "true"}
PLAIN = {"content-type": "text/plain; charset=utf-8"}


def early(method: str, headers: Mapping[str, str]) -> Answer | None:
    """Answer a request that the application does not see, None if this is another."""
    if not KNOWN.fullmatch(method):
        return Answer(400, PLAIN, b"Invalid HTTP request received.")
    if method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
        return _preflight(headers)
    return None


def finished(answer: Answer, method: str, headers: Mapping[str, str]) -> Answer:
    """Finish an answer: let the page that asked read it, and take away the body that a HEAD does not get."""
    if "origin" in headers:
        # Where a cookie came along, browsers want the origin named.
        named = {"access-control-allow-origin": headers["origin"], "vary": "Origin"} if "cookie" in headers else {}
        answer = answer._replace(headers={"access-control-allow-origin": "*", **CREDENTIALS, **named, **answer.headers})
    if method == "HEAD":
        answer = answer._replace(headers={**answer.headers, "content-length": str(len(answer.body))}, body=b"")
    return answer


def _preflight(headers: Mapping[str, str]) -> Answer:
    """Answer the browser that asks whether a page may send a request: any, with any header."""
    told = {
        **PLAIN,
        **CREDENTIALS,
        "access-control-allow-origin": headers["origin"],
        "access-control-allow-methods": ", ".join(ALLOWED),
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    if "access-control-request-headers" in headers:
        told["access-control-allow-headers"] = headers["access-control-request-headers"]
    is_known = headers["access-control-request-method"] in ALLOWED
    return Answer(200, told, b"OK") if is_known else Answer(400, told, b"Disallowed CORS method")
