"""The short way of a request through httpx: taken where nothing stands in between, and never past what does."""

from __future__ import annotations

import functools
import inspect
import logging
import unittest.mock
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest
import respx
import wrapt
from conftest import PATCHED, RECORD, Flavour, ScriptedServer, http
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from evermemos import APIError, _short

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
Ways = list[str]


@pytest.fixture
def flavour(both_flavours: Flavour) -> Flavour:
    return both_flavours


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Which way each request has taken."""
    taken: Ways = []
    prepare = _short.prepare

    def spy(*arguments: Any) -> tuple[httpx.Request, Any]:
        request, transport = prepare(*arguments)
        taken.append("ordinary" if transport is None else "short")
        return request, transport

    monkeypatch.setattr(_short, "prepare", spy)
    return taken


def spied(flavour: Flavour, client: Any) -> list[tuple[httpx.Request, set[str]]]:
    """Each request that comes to the transport from now on, and the functions of httpx's client it came through."""
    transport, found = inner(flavour, client)._transport, list[tuple[httpx.Request, set[str]]]()
    name = "handle_request" if flavour.name == "sync" else "handle_async_request"
    original = getattr(transport, name)

    def spy(request: httpx.Request) -> Any:
        callers: set[str] = set()
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_globals.get("__name__") == "httpx._client":
                callers.add(frame.f_code.co_name)
            frame = frame.f_back
        found.append((request, callers))
        return original(request)

    setattr(transport, name, spy)
    return found


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, group_id="group_123", name="new", **options)


def get(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.get, **options)


def inner(flavour: Flavour, client: Any) -> Any:
    """The httpx client that a client sends with."""
    if flavour.name == "sync":
        return client._pool.client(client._settings)

    async def find() -> Any:
        return client._pool.client(client._settings)

    return flavour.call(find)


def lines(request: bytes) -> list[bytes]:
    """A request as received; in which order the headers come says nothing."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    return [first, *sorted(fields), body]


# Which way


def test_the_short_way_goes_past_send_and_the_ordinary_way_through_it(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(http(PATCHED), http(RECORD), http(PATCHED), http(RECORD))
    found = []
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        client = flavour.client(base_url=server.url)
        requests = spied(flavour, client)
        update(flavour, client)
        get(flavour, client)
        found.append([callers for _, callers in requests])
    through = {"send", "_send_handling_auth", "_send_handling_redirects", "_send_single_request"}
    assert found == [[set(), set()], [through, through]]
    assert ways == ["short", "short", "ordinary", "ordinary"]


# The same requests


CALLS: dict[str, dict[str, Any]] = {
    "nothing special": {},
    "headers": {"extra_headers": {"X-A": "1", "user-agent": "mine", "ACCEPT": "*/*"}},
    "query": {"extra_query": {"a b": "ä&=", "n": [1, True]}},
    "body": {"extra_body": {"more": ["ä", None, {"x": 1.5}]}},
    "authorization": {"extra_headers": {"authorization": "Basic abc"}},
    "host and cookie": {"extra_headers": {"HOST": "elsewhere:1", "Cookie": "a=b"}},
    "types of content": {"extra_headers": {"content-type": "application/merge-patch+json", "Accept-Language": "de"}},
    "timeout": {"timeout": httpx.Timeout(9, read=None), "deadline": None},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "nothing special": {},
    "headers": {"default_headers": {"X-B": "2", "Accept-Encoding": "identity"}},
    "authorization": {"default_headers": {"Authorization": "Basic abc"}},
    "no key": {"api_key": None},
    "deadline": {"deadline": 60},
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("special", CALLS)
def test_both_ways_send_the_same(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch, special: str, setting: str
) -> None:
    server = serve(http(PATCHED), http(RECORD), http(RECORD))
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        client = flavour.client(base_url=server.url, **SETTINGS[setting])
        server.script[:] = [http(RECORD)] * len(server.requests) + [http(PATCHED), http(RECORD)]
        update(flavour, client, **CALLS[special])
        get(flavour, client, group_id="grüp & co/%20 +#?", **CALLS[special])
        # What was special about the call before has not stayed.
        get(flavour, client)
    short, ordinary = server.requests[:3], server.requests[3:]
    assert ways == ["short"] * 3 + ["ordinary"] * 3
    assert list(map(lines, short)) == list(map(lines, ordinary))


def test_every_body_has_its_own_length(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(http(PATCHED))
    bodies: list[dict[str, Any] | None] = [None, {"description": "ä" * 99}, {"description": ""}, None]
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        client = flavour.client(base_url=server.url)
        server.script[:] = [http(RECORD)] * len(server.requests) + [http(PATCHED)] * 4 + [http(RECORD)]
        for method in (update, get):
            for body in bodies:
                method(flavour, client, extra_body=body)
    assert list(map(lines, server.requests[:8])) == list(map(lines, server.requests[8:]))
    assert [b"Content-Length: " in request for request in server.requests[:8]] == [
        *[True] * 4,
        False,
        True,
        True,
        False,
    ]
    assert ways == ["short"] * 8 + ["ordinary"] * 8


@pytest.mark.parametrize("timeout", [None, 7, httpx.Timeout(9, read=None)])
def test_both_ways_hand_the_same_timeouts_to_the_transport(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, timeout: Any
) -> None:
    given, server = [], serve(http(PATCHED))
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        client = flavour.client(base_url=server.url)
        requests = spied(flavour, client)
        update(flavour, client)
        update(flavour, client, timeout=timeout)
        given.append([request.extensions for request, _ in requests])
    assert given[0] == given[1]
    assert given[0][0] != given[0][1]


LIVE: dict[str, Callable[[Any], Any]] = {
    "a header more": lambda client: client.headers.update({"X-Live": "1"}),
    "a header that the client sends itself": lambda client: client.headers.update({"accept": "text/html"}),
    "another user agent": lambda client: client.headers.update({"USER-AGENT": "mine"}),
    "a header less": lambda client: client.headers.pop("user-agent"),
    "a key": lambda client: client.headers.update({"Authorization": "Basic abc"}),
    "other headers": lambda client: setattr(client, "headers", [("X-Twice", "1"), ("X-Twice", "2")]),
    "a header beyond ASCII": lambda client: client.headers.update({"X-Name": "Jürgen".encode()}),
    "timeout": lambda client: setattr(client, "timeout", 1e-9),
    "base_url": lambda client: setattr(client, "base_url", "http://127.0.0.1:1/elsewhere"),
    "follow_redirects": lambda client: setattr(client, "follow_redirects", True),
}


@pytest.mark.parametrize("key", ["test-key", None])
@pytest.mark.parametrize("live", LIVE)
def test_what_is_changed_of_the_httpx_client_between_two_calls_shows_as_in_the_ordinary_way(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch, live: str, key: str | None
) -> None:
    server = serve(http(PATCHED))
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        client = flavour.client(base_url=server.url, api_key=key)
        update(flavour, client)
        before = inner(flavour, client).headers.copy()
        LIVE[live](inner(flavour, client))
        update(flavour, client)
        inner(flavour, client).headers = before
        update(flavour, client)
    assert ways == ["short"] * 3 + ["ordinary"] * 3
    short, ordinary = list(map(lines, server.requests[:3])), list(map(lines, server.requests[3:]))
    assert short == ordinary
    assert short[0] == short[2]
    # The key and what the client itself accepts are as they were; timeout and URL are its own.
    no_matter = ["a header that the client sends itself", "timeout", "base_url", "follow_redirects"]
    assert (short[0] == short[1]) is (live in no_matter or (live == "a key" and key is not None))


def test_copies_of_a_client_send_the_same_both_ways_and_share_nothing_but_connections(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(http(PATCHED))
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        client = flavour.client(base_url=server.url)
        copy = client.with_options(default_headers={"X-Copy": "1", "User-Agent": "copy"})
        for each in (client, copy, client, copy.with_options(default_headers={"Authorization": "Basic abc"})):
            update(flavour, each)
    assert ways == ["short"] * 4 + ["ordinary"] * 4
    assert list(map(lines, server.requests[:4])) == list(map(lines, server.requests[4:]))
    assert [b"X-Copy: 1" in request for request in server.requests[:4]] == [False, True, False, True]


def test_another_attempt_sends_the_same_again(flavour: Flavour, serve: Serve, ways: Ways) -> None:
    server = serve(http({"message": "busy"}, "503 Busy", "Retry-After-Ms: 1"), http(RECORD))
    client = flavour.client(base_url=server.url)
    get(flavour, client, group_id="group_123", extra_query={"a": "1"}, extra_headers={"X-A": "1"})
    assert ways == ["short"] * 2
    assert server.requests[0] == server.requests[1]


def test_mounts_and_proxies_of_the_httpx_client_are_read_live(flavour: Flavour, serve: Serve, ways: Ways) -> None:
    server, other = serve(http(PATCHED)), serve(http(PATCHED))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    kind = httpx.HTTPTransport if flavour.name == "sync" else httpx.AsyncHTTPTransport
    mounts: Any = inner(flavour, client)._mounts
    proxied: Any = kind(proxy=other.url)
    mounts[next(iter(httpx.Client(mounts={"http://": None})._mounts))] = proxied
    update(flavour, client)
    mounts.clear()
    flavour.call(proxied.close if flavour.name == "sync" else proxied.aclose)
    update(flavour, client)
    assert (len(server.requests), len(other.requests)) == (2, 1)
    assert other.requests[0].startswith(b"PATCH http://127.0.0.1:")
    assert ways == ["short"] * 3


def test_elapsed_is_set_and_the_line_of_httpx_is_logged(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(http(PATCHED))
    seen: list[httpx.Response] = []
    received = _short.received

    def spy(client: Any, request: httpx.Request, response: httpx.Response) -> None:
        seen.append(response)
        received(client, request, response)

    monkeypatch.setattr(_short, "received", spy)
    messages = []
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        with caplog.at_level(logging.INFO, "httpx"):
            update(flavour, flavour.client(base_url=server.url), extra_query={"a": "b"})
        records = [record for record in caplog.records if record.name == "httpx"]
        messages.append([(record.levelname, record.getMessage()) for record in records])
        caplog.clear()
    line = f'HTTP Request: PATCH {server.url}{PATH}?a=b "HTTP/1.1 200 OK"'
    assert messages[0] == messages[1] == [("INFO", line)]
    assert [response.elapsed.total_seconds() > 0 for response in seen] == [True]


PATH = "/api/v1/memories/conversation-meta"


# What makes a request take the ordinary way


def hook(_: Any) -> None:
    pass


async def async_hook(_: Any) -> None:
    pass


def set_hook(kind: str) -> Callable[[Flavour, Any], None]:
    def change(flavour: Flavour, client: Any) -> None:
        client.event_hooks = {kind: [hook if flavour.name == "sync" else async_hook]}

    return change


def set_attribute(name: str, value: Any) -> Callable[[Flavour, Any], None]:
    return lambda _, client: setattr(client, name, value)


NEEDS: dict[str, Callable[[Flavour, Any], None]] = {
    "a request hook": set_hook("request"),
    "a response hook": set_hook("response"),
    "auth": set_attribute("auth", httpx.BasicAuth("a", "b")),
    "cookies": set_attribute("cookies", {"a": "b"}),
    "params": set_attribute("params", {"a": "b"}),
}


@pytest.mark.parametrize("need", NEEDS)
def test_what_is_wanted_of_the_httpx_client_is_done(flavour: Flavour, serve: Serve, ways: Ways, need: str) -> None:
    server = serve(http(PATCHED))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    NEEDS[need](flavour, inner(flavour, client))
    update(flavour, client)
    assert ways == ["short", "ordinary"]
    assert need != "cookies" or b"cookie: a=b" in server.requests[1].lower()
    assert need != "params" or b"?a=b HTTP" in server.requests[1]


def test_a_cookie_of_the_server_comes_back(flavour: Flavour, serve: Serve, ways: Ways) -> None:
    server = serve(http(PATCHED, "200 OK", "Set-Cookie: sticky=17; Path=/"), http(PATCHED))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    update(flavour, client)
    assert [b"cookie: sticky=17" in request.lower() for request in server.requests] == [False, True]
    assert ways == ["short", "ordinary"]


def assigned(cls: Any, name: str, called: list[str]) -> Iterator[None]:
    original = getattr(cls, name)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return original(*args, **kwargs)

    setattr(cls, name, replacement)
    yield
    setattr(cls, name, original)


def wrapped(cls: Any, name: str, called: list[str]) -> Iterator[None]:
    original = getattr(cls, name)

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return original(*args, **kwargs)

    setattr(cls, name, replacement)
    yield
    setattr(cls, name, original)


def mocked(cls: Any, name: str, called: list[str]) -> Iterator[None]:
    original = getattr(cls, name)
    with unittest.mock.patch.object(cls, name, autospec=True) as mock:
        result: Any = original

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await result(*args, **kwargs)

        mock.side_effect = awaited if inspect.iscoroutinefunction(original) else original
        yield
        called += [name] * mock.call_count


def wrapted(cls: Any, name: str, called: list[str]) -> Iterator[None]:
    original = getattr(cls, name)

    def wrapper(function: Any, _: Any, args: Any, kwargs: Any) -> Any:
        called.append(name)
        return function(*args, **kwargs)

    wrapt.wrap_function_wrapper(cls.__module__, f"{cls.__name__}.{name}", wrapper)
    yield
    setattr(cls, name, original)


@pytest.mark.parametrize("name", _short.METHODS)
@pytest.mark.parametrize("how", [assigned, wrapped, mocked, wrapted])
def test_a_method_of_httpx_that_somebody_replaced_is_called(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch, name: str, how: Any
) -> None:
    server = serve(http(PATCHED))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    cls = httpx.Client if flavour.name == "sync" else httpx.AsyncClient
    # Put back by whoever declares it, not by a subclass that inherits it.
    owner = next(each for each in cls.__mro__ if name in vars(each))
    called: list[str] = []
    replacing = how(owner, name, called)
    next(replacing)
    update(flavour, client)
    update(flavour, client)
    next(replacing, None)
    update(flavour, client)
    assert ways == ["short", "ordinary", "ordinary", "short"]
    assert called == [name, name]


@pytest.mark.parametrize("name", _short.METHODS)
def test_a_method_that_somebody_replaced_on_the_instance_is_called(
    flavour: Flavour, serve: Serve, ways: Ways, name: str
) -> None:
    server = serve(http(PATCHED))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    within, called = inner(flavour, client), list[str]()
    original = getattr(within, name)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return original(*args, **kwargs)

    setattr(within, name, replacement)
    update(flavour, client)
    delattr(within, name)
    update(flavour, client)
    assert (ways, called, len(server.requests)) == (["short", "ordinary", "short"], [name], 3)


@pytest.mark.parametrize("name", _short.METHODS)
def test_without_a_method_of_httpx_the_ordinary_way_is_taken(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server = serve(http(PATCHED))
    client = flavour.client(base_url=server.url)
    update(flavour, client)
    cls = httpx.Client if flavour.name == "sync" else httpx.AsyncClient
    owner = next(each for each in cls.__mro__ if name in vars(each))
    original = getattr(owner, name)

    def instead(self: Any, asked: str) -> Any:
        if asked == name:
            return functools.partial(original, self)
        raise AttributeError(asked)

    # The class has it no longer, as after a release that renamed it; httpx itself still finds it.
    monkeypatch.delattr(owner, name)
    monkeypatch.setattr(httpx._client.BaseClient, "__getattr__", instead, raising=False)
    update(flavour, client)
    assert (len(server.requests), ways) == (2, ["short", "ordinary"])


def test_a_variable_switches_the_short_way_off(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERMEMOS_SHORT_WAY", "0")
    update(flavour, flavour.client(base_url=serve(http(PATCHED)).url))
    assert ways == ["ordinary"]


def test_an_httpx_client_of_the_users_own_never_takes_the_short_way(flavour: Flavour, serve: Serve, ways: Ways) -> None:
    own: Any = httpx.Client() if flavour.name == "sync" else httpx.AsyncClient()
    update(flavour, flavour.client(base_url=serve(http(PATCHED)).url, http_client=own))
    flavour.call(own.close if flavour.name == "sync" else own.aclose)
    assert ways == ["ordinary"]


def test_a_closed_httpx_client_says_so(flavour: Flavour, serve: Serve) -> None:
    client = flavour.client(base_url=serve(http(PATCHED)).url)
    within = inner(flavour, client)
    flavour.call(within.close if flavour.name == "sync" else within.aclose)
    with pytest.raises(Exception, match="closed"):
        update(flavour, client)


# The same outcomes


def hung_up(connection: Any) -> None:
    pass


OUTCOMES: dict[str, Any] = {
    "a refusal": http({"message": "no"}, "404 Not Found"),
    "a failure": http({"message": "boom"}, "500 Internal Server Error"),
    "a redirect": http(b"", "307 Temporary Redirect", "Location: /elsewhere"),
    "no answer": hung_up,
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "no JSON": http(b"<html>"),
    "a compressed body that is none": http(b"{}", "200 OK", "Content-Encoding: gzip"),
    "an encoding that nobody asked for": http(b"{}", "200 OK", "Content-Encoding: br"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_both_ways_end_in_the_same_error(
    flavour: Flavour, serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    server, errors = serve(OUTCOMES[outcome]), []
    for switch in ("1", "0"):
        monkeypatch.setenv("EVERMEMOS_SHORT_WAY", switch)
        with pytest.raises(APIError) as caught:
            update(flavour, flavour.client(base_url=server.url))
        errors.append((type(caught.value), str(caught.value), vars(caught.value)))
    assert errors[0] == errors[1]
    assert ways == ["short", "ordinary"]


# Mocks and tracers


@pytest.mark.parametrize("using", ["httpx", "httpcore"])
@pytest.mark.parametrize("first", ["the mock", "a call"])
@pytest.mark.usefixtures("extra")
def test_respx_sees_every_call(flavour: Flavour, serve: Serve, ways: Ways, using: str, first: str) -> None:
    server = serve(http(PATCHED))
    client = flavour.client(base_url=server.url)
    if first == "a call":
        update(flavour, client)
    before = len(server.requests)
    with respx.mock(using=using) as router:
        route = router.patch(f"{server.url}{PATH}").respond(json=PATCHED)
        for _ in range(3):
            update(flavour, client)
        assert (route.call_count, len(server.requests)) == (3, before)
        with pytest.raises(respx.models.AllMockedAssertionError):
            get(flavour, client)
    update(flavour, client)
    assert len(server.requests) == before + 1
    assert ways[-1] == "short"


@pytest.mark.parametrize("first", ["the tracer", "a call"])
@pytest.mark.parametrize("scope", ["everywhere", "one client"])
@pytest.mark.usefixtures("extra")
def test_opentelemetry_sees_every_call(flavour: Flavour, serve: Serve, ways: Ways, first: str, scope: str) -> None:
    server, exporter, provider = serve(http(PATCHED)), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    client, tracer = flavour.client(base_url=server.url), HTTPXClientInstrumentor()
    if first == "a call":
        update(flavour, client)
    if scope == "everywhere":
        tracer.instrument(tracer_provider=provider)
    else:
        tracer.instrument_client(inner(flavour, client), tracer_provider=provider)
    try:
        for _ in range(3):
            update(flavour, client)
        assert [dict(span.attributes or {})["http.method"] for span in exporter.get_finished_spans()] == ["PATCH"] * 3
        assert b"traceparent: " in server.requests[-1].lower()
    finally:
        tracer.uninstrument() if scope == "everywhere" else tracer.uninstrument_client(inner(flavour, client))
    update(flavour, client)
    assert len(exporter.get_finished_spans()) == 3
    assert b"traceparent: " not in server.requests[-1].lower()
    assert ways[-1] == "short"


# Parameters of the query

VALUES = st.text() | st.integers() | st.booleans() | st.none() | st.floats()


@given(params=st.dictionaries(st.text(), VALUES | st.lists(VALUES), min_size=1))
def test_parameters_make_the_url_that_httpx_makes_of_them(params: dict[str, Any]) -> None:
    url = httpx.URL("https://localhost:8443/a%20b/c")
    try:
        expected = url.copy_merge_params(params)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            _short.with_query(url, params)
        return
    made = _short.with_query(url, params)
    assert made == expected
    assert (made.raw_path, made.params, made.host, hash(made)) == (
        expected.raw_path,
        expected.params,
        expected.host,
        hash(expected),
    )
    assert url == httpx.URL("https://localhost:8443/a%20b/c")


def test_a_url_of_another_shape_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx.URL, "_uri_reference", property(), raising=False)
    monkeypatch.setattr(httpx.URL, "copy_merge_params", lambda _, params: params)
    assert _short.with_query(object.__new__(httpx.URL), {"a": "b"}) == {"a": "b"}


def test_a_url_with_a_query_and_a_long_one_are_left_to_httpx() -> None:
    assert str(_short.with_query(httpx.URL("http://localhost/?a=1"), {"a": "2"})) == "http://localhost/?a=2"
    with pytest.raises(httpx.InvalidURL, match="too long"):
        _short.with_query(httpx.URL("http://localhost/"), {"a": "b" * 70_000})


# Where tracers and mocks reach for connections.
CONNECTIONS: dict[str, dict[str, Any]] = {
    "httpx": {"sync": httpx.HTTPTransport, "async": httpx.AsyncHTTPTransport},
    "httpcore": {"sync": httpcore.HTTPConnection, "async": httpcore.AsyncHTTPConnection},
    "a pool of httpcore": {"sync": httpcore.ConnectionPool, "async": httpcore.AsyncConnectionPool},
}


@pytest.mark.parametrize("how", [assigned, wrapped, wrapted])
@pytest.mark.parametrize("package", CONNECTIONS)
@pytest.mark.usefixtures("extra")
def test_what_somebody_put_in_the_place_of_connections_is_called(
    flavour: Flavour, serve: Serve, package: str, how: Any
) -> None:
    cls = CONNECTIONS[package][flavour.name]
    name = "handle_request" if flavour.name == "sync" else "handle_async_request"
    client, called = flavour.client(base_url=serve(http(PATCHED)).url), list[str]()
    update(flavour, client)
    replacing = how(cls, name, called)
    next(replacing)
    update(flavour, client)
    next(replacing, None)
    update(flavour, client)
    assert called == [name]
