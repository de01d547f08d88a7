"""What a client is made with: arguments and environment, what beats what, and what is refused."""

import contextlib
import math
import re
import traceback
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import PATCHED, ROOT, Flavour, answer, http

from evermemos import APIConnectionError, AsyncEverMemOS, ConfigurationError, EverMemOS, EverMemOSError

CLIENTS: list[Any] = [EverMemOS, AsyncEverMemOS]
PRODUCTION = "https://api.evermind.ai"
PASSWORD = "hunter2"
META = "/api/v1/memories/conversation-meta"


def sent(flavour: Flavour, **settings: Any) -> httpx.Request:
    """The request that a client with these settings sends."""
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(PATCHED)

    own: Any = {"sync": httpx.Client, "async": httpx.AsyncClient}[flavour.name]
    client = flavour.client(http_client=own(transport=httpx.MockTransport(handler)), **settings)
    flavour.call(client.v1.memories.conversation_meta.update, name="new")
    return requests[0]


# The key


@pytest.mark.parametrize(
    ("argument", "variable", "used"),
    [("a", None, "a"), ("a", "v", "a"), (None, "v", "v"), ("a", "", "a"), ("a", "bad\n", "a")],
)
def test_a_key_given_as_an_argument_beats_the_environment(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, argument: str | None, variable: str | None, used: str
) -> None:
    if variable is not None:
        monkeypatch.setenv("EVERMEMOS_API_KEY", variable)
    assert sent(flavour, api_key=argument).headers["authorization"] == f"Bearer {used}"


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize(
    "url",
    [
        None,
        PRODUCTION,
        f"{PRODUCTION}/",
        f"{PRODUCTION}/api/v1",
        f"{PRODUCTION}:443",
        "https://API.Evermind.AI",
        f"{PRODUCTION}/gateway",
        f"{PRODUCTION}:8443",
        "http://api.evermind.ai",
    ],
)
@pytest.mark.parametrize("variable", [None, ""])
def test_the_production_host_needs_a_key(
    cls: Any, url: str | None, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("EVERMEMOS_API_KEY", variable)
    with pytest.raises(ConfigurationError, match=r"(?s)(?=.*api_key)(?=.*EVERMEMOS_API_KEY)"):
        cls(base_url=url)


@pytest.mark.parametrize("url", ["http://localhost:1995", "https://memory.example.org", "http://10.0.0.1"])
def test_no_other_host_needs_a_key(flavour: Flavour, url: str) -> None:
    assert "authorization" not in sent(flavour, base_url=url, api_key=None).headers


# The server


@pytest.mark.parametrize(
    ("argument", "new", "old", "used"),
    [
        (None, None, None, PRODUCTION),
        (None, None, "http://localhost:2", "http://localhost:2"),
        (None, "http://localhost:1", None, "http://localhost:1"),
        (None, "http://localhost:1", "http://localhost:2", "http://localhost:1"),
        ("http://localhost:3", "http://localhost:1", "http://localhost:2", "http://localhost:3"),
        ("http://localhost:3", "nonsense", "nonsense", "http://localhost:3"),
        (None, "", "http://localhost:2", "http://localhost:2"),
        (None, "", "", PRODUCTION),
        (None, "http://localhost:1/api/v1/", None, "http://localhost:1"),
    ],
)
def test_a_base_url_given_as_an_argument_beats_the_environment(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, argument: str | None, new: str | None, old: str | None, used: str
) -> None:
    for name, value in (("EVERMEMOS_BASE_URL", new), ("EVER_MEM_OS_BASE_URL", old)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert str(sent(flavour, base_url=argument).url) == used + META


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("http://localhost:1995", "http://localhost:1995"),
        ("http://localhost:1995/", "http://localhost:1995"),
        ("http://localhost:1995///", "http://localhost:1995"),
        ("http://localhost:1995/api/v0", "http://localhost:1995"),
        ("http://localhost:1995/api/v1", "http://localhost:1995"),
        ("http://localhost:1995/api/v1/", "http://localhost:1995"),
        ("http://localhost:1995//api/v1//", "http://localhost:1995"),
        ("https://example.org/memory", "https://example.org/memory"),
        ("https://example.org/memory/", "https://example.org/memory"),
        ("https://example.org/memory/api/v0/", "https://example.org/memory"),
        ("https://example.org/api", "https://example.org/api"),
        ("https://example.org/api/v10", "https://example.org/api/v10"),
        ("https://example.org/my-api/v1", "https://example.org/my-api/v1"),
        ("https://example.org:443", "https://example.org"),
        ("HTTPS://Example.ORG", "https://example.org"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:1995/api/v1", "http://[::1]:1995"),
        (httpx.URL("http://localhost:1995/api/v1"), "http://localhost:1995"),
    ],
)
def test_a_base_url_is_brought_into_its_plain_form(flavour: Flavour, url: Any, used: str) -> None:
    assert str(sent(flavour, base_url=url).url) == used + META


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("where", ["argument", "environment"])
@pytest.mark.parametrize(
    "url",
    [
        *(" ", "localhost", "localhost:1995", "//localhost", "/api/v1", "ftp://localhost", "ws://localhost", "http://"),
        *("http:///api/v1", "http://localhost:port", "http://localhost:99999", "http://[::1", "http://256.1.1.1"),
        *("http://localhost\n", "http://localhost?a=1", "http://localhost#a", "file:///etc/passwd", "http://user@host"),
    ],
)
def test_what_is_no_base_url_is_refused_with_an_example(
    cls: Any, where: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERMEMOS_BASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"base_url.*https://api\.evermind\.ai") as caught:
        cls(api_key="k", **({"base_url": url} if where == "argument" else {}))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("url", ["", b"http://localhost", 5, ["http://localhost"], True])
def test_what_is_no_text_is_no_base_url(cls: Any, url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        cls(api_key="k", base_url=url)


# Variables that were meant well


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize(
    ("wrong", "right"),
    {
        "EVERMEMOS_URL": "EVERMEMOS_BASE_URL",
        "EVERMEMOS_HOST": "EVERMEMOS_BASE_URL",
        "EVERMEMOS_API_URL": "EVERMEMOS_BASE_URL",
        "EVER_MEM_OS_URL": "EVERMEMOS_BASE_URL",
        "EVEROS_BASE_URL": "EVERMEMOS_BASE_URL",
        "EVEROS_URL": "EVERMEMOS_BASE_URL",
        "EVEROS_API_BASE": "EVERMEMOS_BASE_URL",
        "EVERMEMOS_KEY": "EVERMEMOS_API_KEY",
        "EVER_MEM_OS_API_KEY": "EVERMEMOS_API_KEY",
        "EVEROS_API_KEY": "EVERMEMOS_API_KEY",
        "EVEROS_KEY": "EVERMEMOS_API_KEY",
        "EVEROS_APIKEY": "EVERMEMOS_API_KEY",
    }.items(),
)
def test_a_near_miss_gives_a_warning_that_names_both_unless_the_right_one_is_set(
    cls: Any, wrong: str, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(wrong, PASSWORD)
    with pytest.warns(UserWarning, match=right) as caught, contextlib.suppress(ConfigurationError):
        cls(**({"api_key": "k"} if right.endswith("URL") else {"base_url": "http://localhost"}))
    (warning,) = caught
    assert wrong in str(warning.message)
    assert PASSWORD not in str(warning.message)
    assert warning.filename == __file__
    cls(api_key="k", base_url="http://localhost")
    monkeypatch.setenv(right, "http://localhost" if right.endswith("URL") else "k")
    cls(**({"api_key": "k"} if right.endswith("URL") else {"base_url": "http://localhost"}))


@pytest.mark.parametrize("cls", CLIENTS)
def test_the_documented_older_variable_is_no_near_miss(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVER_MEM_OS_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("EVERMEMOS_URL", "http://localhost:2")
    assert "localhost:1" in repr(cls())


# A key that travels in the open


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("where", ["argument", "environment"])
@pytest.mark.parametrize(
    ("url", "key", "warned"),
    [
        ("http://example.org", "k", True),
        ("http://10.0.0.5:1995", "k", True),
        ("http://api.evermind.ai", "k", True),
        ("http://localhost.example.org", "k", True),
        ("http://127.0.0.1.example.org", "k", True),
        ("http://0.0.0.0:1995", "k", True),
        ("http://[2001:db8::1]", "k", True),
        ("http://example.org", None, False),
        ("https://example.org", "k", False),
        ("https://10.0.0.5", "k", False),
        ("http://localhost:1995", "k", False),
        ("http://LOCALHOST", "k", False),
        ("http://127.0.0.1:1995", "k", False),
        ("http://127.1.2.3", "k", False),
        ("http://[::1]:1995", "k", False),
    ],
)
def test_a_key_over_plain_http_gives_a_warning_unless_it_stays_on_the_machine(
    cls: Any, where: str, url: str, key: str | None, *, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"base_url": url} | ({} if key is None else {"api_key": key})
    if where == "environment":
        for name, value in settings.items():
            monkeypatch.setenv(f"EVERMEMOS_{name.upper()}", value)
        settings = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cls(**settings)
    assert len(caught) == warned
    for warning in caught:
        assert url in str(warning.message)
        assert "https" in str(warning.message)
        assert warning.filename == __file__


# Numbers and headers


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize(
    "wrong",
    [
        *({n: v} for n in ("timeout", "deadline") for v in ("30", 0, -1, math.nan, math.inf, True, [30], 10**400)),
        *({"max_retries": value} for value in (-1, 1.0, "2", True, None)),
        *({"max_response_bytes": value} for value in (0, -1, 1e6, "1", None, True)),
        *({"default_headers": value} for value in (["X-A"], "X-A: a", 5, {5: "a"}, {"": "a"}, {"X A": "a"})),
        *({"default_headers": {"X-A": value}} for value in (5, None, "a\nb", "a\r\nB: c", "é", "a\0", " a", b"a")),
        *({"default_headers": {name: "a"}} for name in ("X-A:", "X-A\n", "é", "X-A\r\nB")),
        *({"http_client": value} for value in (5, "client", httpx.Client, object())),
        *({"proxy": value} for value in (5, "", "localhost:3128", "ftp://localhost", ["http://localhost"])),
        *({"verify": value} for value in (5, None, "", "/no/such/file", ["a"])),
    ],
    ids=lambda wrong: re.sub(" at 0x[0-9a-f]+", "", str(wrong)[:60]),
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(cls: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))) as caught:
        cls(api_key="k", **wrong)
    assert str(caught.value).isprintable()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, EverMemOSError)


@pytest.mark.socket
@pytest.mark.parametrize("timeout", [1e12, float(2**62), 1e300])
def test_a_timeout_too_long_for_a_socket_is_refused_or_no_limit(flavour: Flavour, serve: Any, timeout: float) -> None:
    server = serve(http(PATCHED))
    with contextlib.suppress(EverMemOSError):
        client = flavour.client(base_url=server.url, timeout=timeout, deadline=timeout)
        assert flavour.call(client.v1.memories.conversation_meta.update).status == "ok"


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("path", [__file__, str(Path(__file__).parent / "data" / "localhost.pem"), str(ROOT)])
def test_verify_takes_a_path_that_is_there(cls: Any, path: str) -> None:
    cls(api_key="k", verify=path)


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("name", ["api_kee", "url", "organization"])
def test_an_unknown_setting_is_a_type_error(cls: Any, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        cls(api_key="k", **{name: 1})


def test_headers_of_the_client_are_sent_and_those_of_a_call_beat_them(flavour: Flavour) -> None:
    headers = {"X-Tenant": "a", "X-Both": "client"}
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(PATCHED)

    client = flavour.client(handler, default_headers=headers)
    headers.clear()
    for target in (client, client.with_options(default_headers={"x-both": "copy"})):
        for extra in ({}, {"x-both": "call"}):
            flavour.call(target.v1.memories.conversation_meta.update, name="new", extra_headers=extra)
    assert [request.headers.get_list("x-both") for request in requests] == [["client"], ["call"], ["copy"], ["call"]]
    assert {request.headers["x-tenant"] for request in requests} == {"a"}


# Passwords inside of URLs


def assert_no_password(error: BaseException) -> None:
    assert PASSWORD not in str(error)
    assert PASSWORD not in repr(error)
    assert PASSWORD not in "".join(traceback.format_exception(error))


GOOD = f"http://user:{PASSWORD}@127.0.0.1:1"
BAD = [
    f"https://user:{PASSWORD}@localhost:port",
    f"https://user:{PASSWORD}/x@localhost",
    f"https://user:{PASSWORD}#x@localhost",
    f"https://user:{PASSWORD}@[::1",
    f"ftp://user:{PASSWORD}@localhost",
    f"//user:{PASSWORD}@localhost",
    f"user:{PASSWORD}@localhost:1995",
]


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize(
    ("where", "url"),
    [
        *((where, url) for where in ("argument", "environment") for url in (GOOD, f"https://{PASSWORD}@host", *BAD)),
        *(("proxy", url) for url in BAD),
    ],
)
def test_a_password_in_a_url_that_is_refused_is_not_shown(
    cls: Any, where: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "environment":
        monkeypatch.setenv("EVERMEMOS_BASE_URL", url)
    with pytest.raises(ConfigurationError) as caught:
        cls(api_key="k", **{"argument": {"base_url": url}, "environment": {}, "proxy": {"proxy": url}}[where])
    assert_no_password(caught.value)


@pytest.mark.socket
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_a_password_of_a_proxy_is_not_shown(flavour: Flavour, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", GOOD)
    client = flavour.client(base_url="http://memory.invalid", api_key=None, proxy=GOOD if where == "argument" else None)
    assert PASSWORD not in f"{client!r} {client} {client._settings!r} {client.v1!r}"
    with pytest.raises(APIConnectionError) as caught:
        flavour.call(client.v1.memories.conversation_meta.get, max_retries=0)
    assert_no_password(caught.value)


@pytest.mark.socket
@pytest.mark.parametrize("url", BAD)
def test_a_proxy_of_the_environment_that_does_not_work_is_one_of_our_errors(
    flavour: Flavour, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    client = flavour.client(base_url="http://memory.invalid", api_key=None, max_retries=0)
    assert PASSWORD not in repr(client)
    with pytest.raises(EverMemOSError) as caught:
        flavour.call(client.v1.memories.conversation_meta.get, deadline=5)
    assert_no_password(caught.value)


@pytest.mark.parametrize("header", ["Content-Length", "transfer-encoding"])
def test_headers_that_say_where_a_request_ends_are_refused(flavour: Flavour, header: str) -> None:
    with pytest.raises(ConfigurationError, match=f"default_headers: {header} says where a request ends"):
        flavour.cls(api_key="k", default_headers={header: "3"})
    client = flavour.client(lambda _: answer(PATCHED))
    with pytest.raises(ConfigurationError, match=f"extra_headers: {header} says where a request ends"):
        flavour.call(client.v1.memories.conversation_meta.update, name="n", extra_headers={header: "3"})
