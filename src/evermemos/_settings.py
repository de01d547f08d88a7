"""What a client is configured with: arguments and environment, checked once, when the client is made.

httpx is imported only where an argument is an object of its own: making a client must not wait for it.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from evermemos_api.types import UNSET, Unset, describe

from .errors import ConfigurationError

if TYPE_CHECKING:
    import ssl
    from typing import TypeAlias

    import httpx

    from .sandbox import Sandbox

    TimeoutTypes: TypeAlias = float | httpx.Timeout | None
    VerifyTypes: TypeAlias = bool | str | ssl.SSLContext

LONGEST_TIME = 365 * 24 * 3600.0
PRODUCTION_URL = "https://api.evermind.ai"
# What stands in the requests to a sandbox in this process.
SANDBOX_URL = "http://sandbox.localhost"
# What a client shows to a sandbox that takes any key. It is no secret.
ANY_KEY = "sandbox"
DEFAULT_TIMEOUT = 30.0
# Seconds that an httpx client has that nobody gave a timeout.
HTTPX_TIMEOUT = 5.0
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_RESPONSE_BYTES = 64 * 1024 * 1024

# Of an attempt, as httpx names them.
STEPS = ("connect", "read", "write", "pool")

KEY_VARIABLE = "EVERMEMOS_API_KEY"
URL_VARIABLES = ("EVERMEMOS_BASE_URL", "EVER_MEM_OS_BASE_URL")
# Names that people set by mistake: the right name with a part missing, and other names of the product.
_NEAR_MISS = (
    r"(?:EVERMEMOS_(?:API_?|BASE)?|(?:EVER_MEM_OS|EVEROS|EVERMIND)_\w*?)"
    r"(?:(?P<key>KEY|TOKEN|SECRET)|URL|HOST|ENDPOINT|BASE|SERVER)"
)

# URLs that are right and plain, which no parser has to find out.
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PLAIN_URL = re.compile(
    rf"https?://(?!\S*xn--)(?P<host>{_BYTE}(?:\.{_BYTE}){{3}}|(?![\d.]+(?:[:/]|$))[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}})*)"
    r"(?::(?!(?:80|443)\b)(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}))?(?:/[\w-][\w.-]*)*/*",
    re.ASCII,
)


class ApiKey:
    """The API key, in a box that does not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<API key>"

    def __reduce__(self) -> Any:
        """Pickle as the wish to have a key: it is read from the environment of whoever unpickles it."""
        return (ApiKey, (ANY_KEY,)) if self._value == ANY_KEY else (ApiKey.from_environment, ())

    @classmethod
    def from_environment(cls) -> ApiKey:
        return cls(os.environ.get(KEY_VARIABLE) or None)

    def problem(self) -> str | None:
        """Say what keeps this from being a key, without showing it."""
        if self._value is None:
            return f"it is not part of a pickled client: set {KEY_VARIABLE} in this process"
        if not isinstance(self._value, str):
            return f"it is of type {type(self._value).__name__}, expected str"
        if not self._value.strip():
            return "it is empty"
        if not self._value.isascii():
            return "it holds a character that is not ASCII"
        if not self._value.isprintable():
            return "it holds a line break or another control character"
        if self._value != self._value.strip():
            return "it begins or ends with a space"
        return None

    def header(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._value}"

    def redact(self, text: str) -> str:
        """Return a text without the key, should a server have repeated it. What is as short as a word is no key."""
        return text.replace(self._value, "<API key>") if len(self._value) >= 8 else text


class Settings(NamedTuple):
    """The settings of one client. Made by `resolve`, changed by `evolve`."""

    base_url: str
    sandbox: Sandbox | None
    api_key: ApiKey | None
    timeout: TimeoutTypes
    deadline: float | None
    max_retries: int
    default_headers: Mapping[str, str]
    proxy: httpx.Proxy | None
    verify: VerifyTypes
    validate: bool
    max_response_bytes: int
    custom_role: str

    def __repr__(self) -> str:
        shown = self._asdict() | {"default_headers": f"<{', '.join(self.default_headers)}>"}
        del shown["proxy"], shown["verify"]
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Settings:
        return self

    def check_key(self) -> None:
        if self.api_key is not None and (problem := self.api_key.problem()):
            raise ConfigurationError(f"api_key cannot be used: {problem}")


def resolve(
    *,
    api_key: ApiKey | None,
    base_url: str | httpx.URL | Sandbox | None,
    timeout: TimeoutTypes,
    deadline: float | None,
    max_retries: int,
    default_headers: Mapping[str, str] | None,
    http_client: httpx.Client | httpx.AsyncClient | None,
    proxy: str | httpx.URL | httpx.Proxy | None,
    verify: VerifyTypes,
    validate: bool,
    max_response_bytes: int,
    custom_role: str,
) -> Settings:
    """Check the arguments of a client's constructor and fill in from the environment.

    Raises:
        ConfigurationError: If anything is wrong; the message says what, and what to do.
    """
    if http_client is not None and (proxy is not None or verify is not True):
        raise ConfigurationError("proxy and verify are settings of the http_client that you pass: set them there")
    if base_url is None and http_client is not None and str(http_client.base_url):
        base_url = http_client.base_url
    if http_client is not None and timeout == DEFAULT_TIMEOUT and set(_steps(http_client.timeout)) != {HTTPX_TIMEOUT}:
        timeout = http_client.timeout
    checked: dict[str, Any] = {
        "timeout": check_timeout(timeout),
        "deadline": check_deadline(deadline),
        "max_retries": check_count("max_retries", max_retries, least=0),
        "default_headers": check_headers("default_headers", default_headers),
        "proxy": _check_proxy(proxy),
        "verify": _check_verify(verify),
        "validate": validate,
        "max_response_bytes": check_count("max_response_bytes", max_response_bytes, least=1),
        "custom_role": _check_custom_role(custom_role),
    }
    where = base_url if base_url is not None else _environment_url() or PRODUCTION_URL
    # After everything else, because it may make a file.
    sandbox = find_sandbox(where, is_direct=http_client is None and proxy is None)
    if sandbox is not None:
        # The key of a real account has no business here.
        where, api_key = SANDBOX_URL, api_key or ApiKey(sandbox.api_key or ANY_KEY)
    url = check_url(str(where))
    own_auth = http_client is not None and (http_client.auth is not None or "Authorization" in http_client.headers)
    key = api_key or (None if own_auth else _environment_key())
    if key is None and not own_auth and _host(url) == _host(PRODUCTION_URL):
        raise ConfigurationError(f"{url} needs an API key: pass api_key=... or set {KEY_VARIABLE}")
    if key is not None and url.startswith("http://") and not is_loopback(_host(url)):
        warnings.warn(f"the API key is sent unencrypted to {url}: use https", UserWarning, stacklevel=3)
    settings = Settings(base_url=url, sandbox=sandbox, api_key=key, **checked)
    settings.check_key()
    return settings


def evolve(
    settings: Settings,
    *,
    timeout: TimeoutTypes | Unset,
    deadline: float | None | Unset,
    max_retries: int | Unset,
    default_headers: Mapping[str, str] | Unset,
    validate: bool | Unset,
    custom_role: str | Unset,
) -> Settings:
    """Return settings with those of the arguments changed that are not UNSET; headers are added to the old ones."""
    changes: dict[str, Any] = {}
    if not isinstance(timeout, Unset):
        changes["timeout"] = check_timeout(timeout)
    if not isinstance(deadline, Unset):
        changes["deadline"] = check_deadline(deadline)
    if not isinstance(max_retries, Unset):
        changes["max_retries"] = check_count("max_retries", max_retries, least=0)
    if not isinstance(default_headers, Unset):
        changes["default_headers"] = merged(settings.default_headers, check_headers("default_headers", default_headers))
    if validate is not UNSET:
        changes["validate"] = validate
    if not isinstance(custom_role, Unset):
        changes["custom_role"] = _check_custom_role(custom_role)
    return settings._replace(**changes)


def check_http_client(client: Any, kind: str) -> None:
    """Refuse what is no httpx client of the kind that is named, `Client` or `AsyncClient`."""
    if client is None:
        return
    import httpx

    if not isinstance(client, getattr(httpx, kind)):
        raise ConfigurationError(f"http_client is of type {type(client).__name__}, expected httpx.{kind}")


def find_sandbox(where: Any, *, is_direct: bool) -> Sandbox | None:
    """Return the sandbox that a base_url means, if it means one."""
    is_url = isinstance(where, str) or _is_of_httpx(where, "URL")
    if is_url and not str(where).startswith("sandbox:"):
        return None
    from .sandbox._core import Sandbox, from_url

    if not is_url and not isinstance(where, Sandbox):
        kind = type(where).__name__
        raise ConfigurationError(f"base_url is of type {kind}: expected a str, an httpx.URL or a Sandbox")
    if not is_direct:
        raise ConfigurationError(
            "a sandbox is reached without http_client and proxy: leave them out,"
            " or make the http_client with transport=sandbox.transport()"
        )
    return where if isinstance(where, Sandbox) else from_url(str(where))


def check_url(text: str) -> str:
    """Return a base URL in its plain form: no /api/v0 or /api/v1 at the end, no slash either."""
    url = text if _PLAIN_URL.fullmatch(text) else _parsed_url(text)
    return re.sub(r"/+(api/v[01]/*)?$", "", url.rstrip("/") + "/")


def _parsed_url(text: str) -> str:
    import httpx

    example = "expected something like https://api.evermind.ai, http://localhost:1995 or sandbox://memory"
    try:
        url = httpx.URL(text)
        # What cannot be a host would be found out when something is sent, by whoever looks it up.
        url.raw_host.decode("ascii").encode("idna")
        _ = url.host
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if set("@?#") & set(text):
        raise ConfigurationError(f"base_url may not hold a user name, a query or a fragment: {example}")
    if url.scheme not in ("http", "https") or not url.host or (url.port is not None and not 0 < url.port < 65536):
        raise ConfigurationError(f"base_url is {text[:200]!r}: {example}")
    return str(url)


def _host(url: str) -> str:
    if match := _PLAIN_URL.fullmatch(url):
        return match["host"]
    import httpx

    return httpx.URL(url).host


def _is_of_httpx(value: Any, name: str) -> bool:
    """Whether a value is of a class of httpx. Where that was not imported, nothing is."""
    httpx = sys.modules.get("httpx")
    return httpx is not None and isinstance(value, getattr(httpx, name))


def check_timeout(timeout: TimeoutTypes) -> TimeoutTypes:
    """Return a timeout, for all steps or an httpx.Timeout; None is no limit."""
    if _is_of_httpx(timeout, "Timeout"):
        for step, seconds in zip(STEPS, _steps(timeout), strict=True):
            if seconds is not None:
                _seconds(f"timeout ({step})", seconds)
        return timeout
    return None if timeout is None else _seconds("timeout", timeout)


def _steps(timeout: Any) -> list[float | None]:
    return [getattr(timeout, step) for step in STEPS]


def steps(
    timeout: TimeoutTypes, within: Callable[[float | None], float | None] = lambda seconds: seconds
) -> dict[str, float | None]:
    """Return the seconds that each step of an attempt may take, each turned into what `within` makes of it."""
    if timeout is None or isinstance(timeout, float):
        return dict.fromkeys(STEPS, within(timeout))
    return {step: within(seconds) for step, seconds in zip(STEPS, _steps(timeout), strict=True)}


def check_deadline(deadline: float | None) -> float | None:
    return None if deadline is None else _seconds("deadline", deadline)


def check_count(name: str, value: Any, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} is {value!r}: expected an int of {least} or more")
    return value


def _check_custom_role(policy: Any) -> str:
    if policy not in ("send", "extra"):
        raise ConfigurationError(f"custom_role is {describe(policy, text=True)}: expected 'send' or 'extra'")
    return str(policy)


def check_headers(name: str, headers: Any) -> dict[str, str]:
    """Return a copy of the headers. Messages name a header and never show its value, which may be a secret."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{name}: expected a dict of str to str, got {type(headers).__name__}")
    for key, value in headers.items():
        if not isinstance(key, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", key):
            raise ConfigurationError(f"{name}: {key!r} is not the name of a header")
        if key.lower() in ("content-length", "transfer-encoding"):
            raise ConfigurationError(
                f"{name}: {key} says where a request ends, which is for the client to say: leave it out"
            )
        if not isinstance(value, str) or not re.fullmatch(r"[\t\x20-\x7e]*", value) or value != value.strip():
            raise ConfigurationError(
                f"{name}: the value of {key} cannot be sent: expected printable ASCII without spaces around it"
            )
    return merged(headers)


def merged(*headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with those of later arguments in the place of earlier ones, whatever their letter case."""
    by_name = {name.lower(): (name, value) for group in headers for name, value in group.items()}
    return dict(by_name.values())


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= LONGEST_TIME:
        return float(value)
    raise ConfigurationError(
        f"{name} is {describe(value)}: expected seconds above 0, up to a year, or None for no limit"
    )


def _check_proxy(proxy: Any) -> httpx.Proxy | None:
    if proxy is None:
        return None
    import httpx

    try:
        return proxy if isinstance(proxy, httpx.Proxy) else httpx.Proxy(proxy)
    except (TypeError, ValueError, httpx.InvalidURL):
        # The message of httpx may hold the password.
        raise ConfigurationError("proxy cannot be used: expected a URL with http, https, socks5 or socks5h") from None


def is_context(verify: Any) -> bool:
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(verify, ssl.SSLContext)


def _check_verify(verify: Any) -> VerifyTypes:
    # pathlib would take as long to import as all the rest of making a client.
    is_path = isinstance(verify, str) and os.path.exists(verify)  # noqa: PTH110
    if is_path or isinstance(verify, bool) or is_context(verify):
        return verify  # type: ignore[no-any-return]
    raise ConfigurationError(
        f"verify is {describe(verify, text=True)}: expected a bool, an SSLContext, or a file or folder of certificates"
    )


def is_loopback(host: str) -> bool:
    if host in ("localhost", "127.0.0.1") or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _environment_key() -> ApiKey | None:
    if os.environ.get(KEY_VARIABLE):
        return ApiKey.from_environment()
    _warn_of_near_miss(KEY_VARIABLE, is_key=True)
    return None


def _environment_url() -> str | None:
    for name in URL_VARIABLES:
        if value := os.environ.get(name):
            return value
    _warn_of_near_miss(URL_VARIABLES[0], is_key=False)
    return None


def _warn_of_near_miss(right: str, *, is_key: bool) -> None:
    for name in near_misses(is_key=is_key):
        warnings.warn(f"{name} is set and means nothing here: did you mean {right}?", UserWarning, stacklevel=5)


def near_misses(*, is_key: bool) -> list[str]:
    """Return the names of variables that are set and mean nothing, and look as if they were to be a key or a URL."""
    found = [(name, re.fullmatch(_NEAR_MISS, name)) for name in sorted(os.environ)]
    right = (KEY_VARIABLE, *URL_VARIABLES)
    return [name for name, match in found if match and bool(match["key"]) is is_key and name not in right]
