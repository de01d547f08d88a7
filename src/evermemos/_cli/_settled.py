"""What `evermemos doctor` finds without a network: variables, profile, URL, key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from .._settings import KEY_VARIABLE, PRODUCTION_URL, URL_VARIABLES, ApiKey, check_url, is_loopback, near_misses
from ..errors import ConfigurationError
from ._findings import Finding, Level
from ._profile import Profile

if TYPE_CHECKING:
    from ._session import Session

# Marks of a key that was copied with what stood around it, or not at all.
_WRAPPED = re.compile(r"^(bearer\b|[\"'`<{\[$])|[\"'`>}\]]$", re.IGNORECASE)
SHORTEST_KEY = 8


class Place(NamedTuple):
    """Where to look on.

    Attributes:
        findings (list[Finding]): What was found so far.
        url (str | None): Base URL, if one can be used.
        key (ApiKey | None): The key, if one can be used.
        proxy (str | None): Host of the proxy that leads to the server.
    """

    findings: list[Finding]
    url: str | None
    key: ApiKey | None
    proxy: str | None


def examine(session: Session) -> Place:
    """Look at everything that is settled before anything is sent."""
    findings = [*_variables()]
    try:
        profile = session.found
    except ConfigurationError as error:
        findings.append(Finding("profile", Level.problem, _without_folders(error.message), "correct it"))
        return Place(findings, None, None, None)
    findings.append(Finding("settings", Level.ok, f"server and key are those of {profile.place}"))
    given = profile.base_url or next(filter(None, map(os.environ.get, URL_VARIABLES)), None)
    url, more = _url(given or PRODUCTION_URL, is_given=given is not None)
    findings += more
    if url is None:
        return Place(findings, None, None, None)
    key, more = _key(profile, url)
    proxy = _proxy(url)
    if proxy:
        findings.append(
            Finding("proxy", Level.note, f"requests go through {proxy}", "NO_PROXY names hosts to reach directly")
        )
    return Place([*findings, *more], url, key, proxy)


def _variables() -> Iterator[Finding]:
    misses = [(name, KEY_VARIABLE) for name in near_misses(is_key=True)]
    misses += [(name, URL_VARIABLES[0]) for name in near_misses(is_key=False)]
    for name, right in misses:
        yield Finding("variables", Level.warning, f"{name} is set and means nothing", f"did you mean {right}?")
    first, second = (os.environ.get(name) for name in URL_VARIABLES)
    if first and second and first != second:
        names = " and ".join(URL_VARIABLES)
        yield Finding("variables", Level.warning, f"{names} differ; the first counts", f"unset {URL_VARIABLES[1]}")
    is_set = [name for name in (KEY_VARIABLE, *URL_VARIABLES) if os.environ.get(name)]
    yield Finding("variables", Level.ok, f"set: {', '.join(is_set) or 'none'}")


def _url(given: str, *, is_given: bool) -> tuple[str | None, list[Finding]]:
    if given.startswith("sandbox:"):
        return given, [Finding("URL", Level.ok, "a sandbox in this process")]
    try:
        url = check_url(given)
    except ConfigurationError as error:
        # Its words may show what stands in the URL.
        expected = error.message.rpartition("expected ")[2]
        return None, [Finding("URL", Level.problem, "the URL of the server cannot be used", f"expected {expected}")]
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc}{' with a path' if parts.path else ''}"
    findings = [Finding("URL", Level.ok, f"{where}{'' if is_given else ', as none was given'}")]
    if re.search(r"/v\d|/api\b|/memories", parts.path):
        findings.append(
            Finding("URL", Level.warning, "its path looks like that of the API", "give the URL without /api/...")
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        findings.append(Finding("URL", Level.warning, "the key is sent unencrypted", "use https"))
    return url, findings


def _key(profile: Profile, url: str) -> tuple[ApiKey | None, list[Finding]]:
    key = profile.api_key or (ApiKey.from_environment() if os.environ.get(KEY_VARIABLE) else None)
    if key is None:
        if urlsplit(url).hostname == urlsplit(PRODUCTION_URL).hostname:
            fix = f"set {KEY_VARIABLE}, or write api_key into a profile"
            return None, [Finding("key", Level.problem, "there is none, and the hosted product needs one", fix)]
        return None, [Finding("key", Level.note, "there is none, which servers of one's own need not have")]
    if (problem := key.problem()) is not None:
        return None, [Finding("key", Level.problem, f"it cannot be used: {problem}", "copy it again, without spaces")]
    value = key._value  # noqa: SLF001 - to look at its shape
    if _WRAPPED.search(value):
        fix = "give the key alone, without quotes, brackets or Bearer"
        return key, [Finding("key", Level.warning, "it is wrapped in something, or stands for one", fix)]
    if len(value) < SHORTEST_KEY or re.search(r"\s", value):
        return key, [Finding("key", Level.warning, "it is short for one, or has spaces", "copy it again, whole")]
    return key, [Finding("key", Level.ok, "it looks like one")]


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if url.startswith("sandbox:") or proxy is None or proxy_bypass(parts.hostname or ""):
        return None
    found = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    # Without the user and the password that may stand before the host.
    return f"{found.hostname}:{found.port}" if found.port else found.hostname


def _without_folders(text: str) -> str:
    """Shorten paths: folders have the names of people."""
    return re.sub(r"(?<!\w)/(?:[^\s/:]+/)+", ".../", text)
