"""What servers tell browsers: that the pages of every origin may ask them, with every header (CORS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
CREDENTIALS = {"access-control-allow-credentials": "true"}


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks whether a page may send a request."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight(headers: Mapping[str, str]) -> Answer:
    """Answer whether a page may send a request."""
    is_known = headers["access-control-request-method"] in METHODS
    told = {
        "content-type": "text/plain; charset=utf-8",
        "vary": "Origin",
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-max-age": "600",
        **CREDENTIALS,
        "access-control-allow-origin": headers["origin"],
    }
    if "access-control-request-headers" in headers:
        told["access-control-allow-headers"] = headers["access-control-request-headers"]
    return Answer(200, told, b"OK") if is_known else Answer(400, told, b"Disallowed CORS method")


def shown(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Let the page that asked read an answer."""
    # Where a cookie came along, browsers want the origin named.
    named = {"access-control-allow-origin": headers["origin"], "vary": "Origin"} if "cookie" in headers else {}
    told = {"access-control-allow-origin": "*", **CREDENTIALS, **named, **answer.headers}
    return answer._replace(headers=told)
