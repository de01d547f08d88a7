"""The short way of a request through httpx: straight to the transport.

`httpx.Client.send` merges URLs, headers and cookies, and goes through generators for auth and redirects, which costs
more than all the rest of a call (docs/decisions.md has the figures). Nearly always nothing comes of it. So where
nothing would, the request is copied from a template, which `build_request` has made for the first request of the
operation, and the transport is called directly. Whatever else may be wanted of the httpx client (hooks, auth, cookies,
parameters, a method that a tracer has replaced) makes a request take the ordinary way. EVERMEMOS_SHORT_WAY=0 makes all.
"""

from __future__ import annotations

import logging
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._call import Call

# What stands between `build_request` and a transport, and what tracers and mocks replace.
METHODS = (
    "build_request",
    "send",
    "_send_handling_auth",
    "_send_handling_redirects",
    "_send_single_request",
    "_transport_for_url",
)

_methods = attrgetter(*METHODS)
# What was found original, of httpx.Client and httpx.AsyncClient, by identity: a wrapper may equal what it wraps.
_known_originals: dict[tuple[int, ...], tuple[Any, ...]] = {}

# Characters. httpx takes 65,536 in all, and says so of a longer one.
LONGEST_QUERY = 50_000

# The logger of httpx, which has a line for every request.
logger = logging.getLogger("httpx")


class Template(NamedTuple):
    """What the requests of an operation have in common, but for the key."""

    url: httpx.URL
    headers: httpx.Headers
    # The headers of the httpx client that it was made with.
    made_with: list[tuple[bytes, bytes]]


def is_original(function: Any, package: str) -> bool:
    """Whether a function is the one of a package's own, and not what somebody has put in its place."""
    # Not `__class__`: wrappers pretend to be what they wrap.
    return type(function) is FunctionType and function.__globals__.get("__name__", "").startswith(package)


def is_open(client: Any) -> bool:
    """Whether a request of an httpx client may take the short way."""
    own = vars(client)
    if not own.get("has_short_way") or client.is_closed or client.auth is not None or client.params:
        return False
    if len(client.cookies.jar) or any(client.event_hooks.values()) or not own.keys().isdisjoint(METHODS):
        return False
    try:
        methods = _methods(type(client))
    except AttributeError:
        return False
    identity = tuple(map(id, methods))
    if identity not in _known_originals:
        if not all(is_original(method, "httpx.") for method in methods):
            return False
        _known_originals[identity] = methods
    return True


def prepare(client: Any, call: Call[Any], templates: dict[tuple[str, bool], Template]) -> tuple[httpx.Request, Any]:
    """Return the request of the next attempt, and the transport to call, or None if only `client.send` will do."""
    if not is_open(client):
        return call.request(client), None
    kind = (call.name, call.content is None)
    template = templates.get(kind)
    if template is None or template.made_with != client.headers.raw:
        ordinary = call.request(client, is_plain=True)
        template = templates[kind] = Template(ordinary.url, ordinary.headers, client.headers.raw)
    url = with_query(template.url, call.params) if call.params else template.url
    content = call.content or b""
    request = httpx.Request(
        call.method,
        url,
        headers=template.headers,
        stream=httpx.ByteStream(content),
        extensions={"timeout": call.timeouts()},
    )
    if content:
        request.headers["Content-Length"] = str(len(content))
    if call.own_headers:
        request.headers.update(call.own_headers)
    if (key := call.key()) is not None:
        request.headers["Authorization"] = key.header()
    # Mocks and other transports ask for the content.
    request.read()
    return request, client._transport_for_url(url)  # noqa: SLF001


def with_query(url: httpx.URL, params: Mapping[str, Any]) -> httpx.URL:
    """Do what `copy_merge_params` does with a URL without a query, but parse nothing anew: that takes 20 us."""
    query = str(httpx.QueryParams(params))
    try:
        parts = url._uri_reference._replace(query=query)  # noqa: SLF001
    except AttributeError:
        parts = None
    if parts is None or url.query or len(query) > LONGEST_QUERY:
        return url.copy_merge_params(params)
    made = httpx.URL(url)
    made._uri_reference = parts  # noqa: SLF001
    return made


def received(client: Any, request: httpx.Request, response: httpx.Response) -> None:
    """Do what `send` does with the head of an answer."""
    response.request = request
    if b"set-cookie" in [name.lower() for name, _ in response.headers.raw]:
        client.cookies.extract_cookies(response)
    if logger.isEnabledFor(logging.INFO):
        logger.info(
            'HTTP Request: %s %s "%s %d %s"',
            request.method,
            request.url,
            response.http_version,
            response.status_code,
            response.reason_phrase,
        )
