"""What `evermemos doctor` finds on the way to the server, and there."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .. import EverMemOS
from ..errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    EverMemOSError,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)
from ._findings import Finding, Level
from ._settled import Place

SOON = 21
VERSIONS = ("v0", "v1")
NOT_SURE = "it may be served all the same: look at the server's own log"


def examine(place: Place, timeout: float) -> Iterator[Finding]:
    """Look at one layer after the other, until one fails.

    Args:
        place (Place): Where the server is.
        timeout (float): Seconds for each step.
    """
    url = place.url or ""
    if url.startswith("sandbox:"):
        yield Finding("network", Level.skipped, "there is none in between")
    elif place.proxy:
        yield Finding("network", Level.skipped, "names, connections and certificates are the proxy's business")
    else:
        for finding in _layers(url, timeout):
            yield finding
            if finding.level is Level.problem:
                return
    yield from _server(place, timeout)


def _layers(url: str, timeout: float) -> Iterator[Finding]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no name of a host"
        fix = "check the spelling of the host, and the DNS of this machine"
        yield Finding("DNS", Level.problem, f"{host} is not known: {reason}", fix)
        return
    yield Finding("DNS", Level.ok, f"{host} has {len({each[4][0] for each in found})} address(es)")
    start = time.monotonic()
    try:
        line = socket.create_connection((host, port), timeout=timeout)
    except OSError as error:
        reason = error.strerror or str(error)
        fix = "check the port, that the server runs, and firewalls"
        yield Finding("TCP", Level.problem, f"{host} port {port}: {reason}", fix)
        return
    with line:
        yield Finding("TCP", Level.ok, f"port {port} is open, after {1000 * (time.monotonic() - start):.0f} ms")
        if parts.scheme == "https":
            yield from _tls(line, host)
        else:
            yield Finding("TLS", Level.skipped, "the URL is one of http")


def _tls(line: socket.socket, host: str) -> Iterator[Finding]:
    import httpx

    # The one that the client uses.
    context = httpx.create_ssl_context()
    try:
        with context.wrap_socket(line, server_hostname=host) as encrypted:
            certificate: Any = encrypted.getpeercert()
            version = encrypted.version()
    except ssl.SSLCertVerificationError as error:
        fixes = {
            10: "the server's owner must renew its certificate; check this machine's clock, too",
            62: "use the name that the certificate was made for",
        }
        fix = fixes.get(error.verify_code, "name the authority that signed it in SSL_CERT_FILE")
        yield Finding("TLS", Level.problem, f"the certificate is refused: {error.verify_message}", fix)
        return
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        yield Finding("TLS", Level.problem, f"no handshake: {reason}", "check that the port speaks TLS, or use http")
        return
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (until - datetime.now(UTC)).days
    if days < SOON:
        yield Finding("TLS", Level.warning, f"the certificate ends in {days} days", "renew it in time")
        return
    yield Finding("TLS", Level.ok, f"{version}, and the certificate is good for {days} days")


class _Answer(NamedTuple):
    """What a request came to: a result, or an error."""

    result: Any = None
    error: EverMemOSError | None = None


def _server(place: Place, timeout: float) -> Iterator[Finding]:
    key = None if place.key is None else place.key._value  # noqa: SLF001
    try:
        client = EverMemOS(base_url=place.url, api_key=key, timeout=timeout, max_retries=0, deadline=3 * timeout)
    except ConfigurationError:
        # The findings say by now what is wrong with it.
        yield Finding("HTTP", Level.skipped, "nothing was asked, as there is no key that can be sent")
        return
    with client:
        health = _call(client.health)
        if isinstance(health.error, APIConnectionError) and health.error.status_code is None:
            fix = "check that this port speaks HTTP, and proxies in between"
            yield Finding("HTTP", Level.problem, "the connection broke before there was an answer", fix)
            return
        status = 200 if health.error is None else health.error.status_code
        yield Finding("HTTP", Level.ok, f"there are answers; GET /health: {status or 'not one of this API'}")
        found = {version: _call(getattr(client, version).memories.conversation_meta.get) for version in VERSIONS}
        serving = [version for version in VERSIONS if _is_answered(found[version])]
        for version, answer in found.items():
            finding = _version(version, answer)
            # Few programs use both.
            is_mild = serving and finding.level is Level.problem
            yield finding._replace(level=Level.warning) if is_mild else finding
        if not serving:
            if all(_is_refused(answer.error) or not _is_served(answer) for answer in found.values()):
                fix = "check the key (EVERMEMOS_API_KEY or the profile), and the URL"
                yield Finding("API", Level.problem, "no version of it could be used", fix)
            return
        for version in serving:
            yield from _default(version, found[version])
            yield _query(version, client, found[version])


def _version(version: str, answer: _Answer) -> Finding:
    check = f"API {version}"
    error = answer.error
    if _is_answered(answer):
        return Finding(check, Level.ok, "answers")
    if _is_refused(error):
        status = error.status_code if error else ""
        fix = "check the key: EVERMEMOS_API_KEY or the profile"
        return Finding(check, Level.problem, f"refuses the key, or that there is none ({status})", fix)
    if not _is_served(answer):
        return Finding(check, Level.note, "is not served here")
    if isinstance(error, APIStatusError):
        return Finding(check, Level.problem, f"fails with status {error.status_code}", NOT_SURE)
    if isinstance(error, APIResponseValidationError):
        fix = "check the URL: something else may answer there, such as a proxy or a page to log in"
        return Finding(check, Level.problem, "answers with what is not of this API", fix)
    return Finding(check, Level.problem, f"no answer ({type(error).__name__})", NOT_SURE)


def _default(version: str, answer: _Answer) -> Iterator[Finding]:
    check = f"default {version}"
    if answer.error is not None:
        option = "" if version == "v1" else " --api v0"
        fix = f"evermemos set{' --default' if version == 'v1' else ''}{option} ... makes one, if it is wanted"
        text = "there is no default record (or the server is without its database)"
        yield Finding(check, Level.note, text, fix)
    elif version == "v0":
        yield Finding(check, Level.ok, "there is a default record")
    else:
        text = "there is a default record: servers change it when they are to update a group that they do not know"
        yield Finding(check, Level.note, text, "evermemos update and client.v1.conversation(...) look first")


def _query(version: str, client: EverMemOS, plain: _Answer) -> Finding:
    """Find out whether the parameters of a GET arrive: ask for what cannot exist, and see whether it was heard."""
    name = secrets.token_hex(16)
    if version == "v1":
        named = _call(lambda: client.v1.memories.conversation_meta.get(group_id=name))
        # Either the record that stands in is called that, or the id is named as not found.
        heard = _is_answered(named) and _said(named) != _said(plain)
        probe = None if heard else _call(lambda: client.v1.memories.get(group_id=name))
    else:
        heard = False
        probe = _call(lambda: client.v0.status.request.get(request_id=name))
    check = f"query {version}"
    if heard or (probe is not None and probe.error is None):
        return Finding(check, Level.ok, "the parameters of a GET arrive")
    if probe is not None and isinstance(probe.error, (BadRequestError, UnprocessableEntityError)):
        # Without its filter, or its id, the request makes no sense.
        fix = "look at proxies and gateways: one takes them away, and every group reads as the default record"
        return Finding(check, Level.problem, "the parameters of a GET do not arrive", fix)
    return Finding(check, Level.note, "it cannot be told whether the parameters of a GET arrive", NOT_SURE)


def _said(answer: _Answer) -> str:
    return answer.error.message if answer.error is not None else str(answer.result.message)


def _call(method: Callable[[], Any]) -> _Answer:
    try:
        return _Answer(method())
    except EverMemOSError as error:
        return _Answer(error=error)


def _is_answered(answer: _Answer) -> bool:
    return answer.error is None or (isinstance(answer.error, NotFoundError) and _is_served(answer))


def _is_refused(error: EverMemOSError | None) -> bool:
    return isinstance(error, (AuthenticationError, PermissionDeniedError))


def _is_served(answer: _Answer) -> bool:
    # A framework that has no such path says so in its own words; the API names what it has not found.
    is_of_framework = isinstance(answer.error, NotFoundError) and answer.error.code is None
    return not is_of_framework
