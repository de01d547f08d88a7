"""How a client connects, an httpx client of one's own, proxy, TLS and copies."""

import contextlib
import copy
import pickle
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import PATCHED, Flavour, ScriptedServer, answer, http

from evermemos import APIConnectionError, AsyncEverMemOS, ConfigurationError, EverMemOS

pytestmark = pytest.mark.socket

Serve = Callable[..., ScriptedServer]
GOOD = http(PATCHED)
CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
LONG = 20.0


def update(flavour: Flavour, client: Any, **options: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, name="new", **options)


def own_client(flavour: Flavour, **settings: Any) -> Any:
    cls: Any = {"sync": httpx.Client, "async": httpx.AsyncClient}[flavour.name]
    return cls(**settings)


def header(request: bytes, name: str) -> str | None:
    lines = dict(line.split(": ", 1) for line in request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:])
    return {key.lower(): value for key, value in lines.items()}.get(name)


# An httpx client of one's own


def test_an_http_client_of_ones_own_is_used_and_stays_open(flavour: Flavour, serve: Serve) -> None:
    server = serve(GOOD)
    own = own_client(flavour, base_url=f"{server.url}/api/v1/", headers={"X-Own": "a", "User-Agent": "mine"})
    client = flavour.client(http_client=own)
    assert update(flavour, client).status == "ok"
    flavour.close(client)
    with pytest.raises(ConfigurationError, match="closed"):
        update(flavour, client)
    assert not own.is_closed
    assert update(flavour, flavour.client(http_client=own)).status == "ok"
    flavour.close(own)
    assert server.connections == 1
    for request in server.requests:
        assert request.startswith(b"PATCH /api/v1/memories/conversation-meta HTTP/1.1\r\n")
        assert [header(request, name) for name in ("x-own", "user-agent", "authorization")] == [
            *("a", "mine"),
            "Bearer test-key",
        ]


def test_the_auth_of_an_http_client_of_ones_own_is_used_when_there_is_no_key(flavour: Flavour, serve: Serve) -> None:
    server = serve(GOOD)
    own = own_client(flavour, base_url=server.url, auth=("user", "pass"))
    update(flavour, flavour.client(api_key=None, http_client=own))
    flavour.close(own)
    assert header(server.requests[0], "authorization") == "Basic dXNlcjpwYXNz"


def test_a_base_url_given_beats_that_of_the_http_client(flavour: Flavour, serve: Serve) -> None:
    server = serve(GOOD)
    own = own_client(flavour, base_url="http://localhost:1/other")
    update(flavour, flavour.client(http_client=own, base_url=server.url))
    flavour.close(own)
    assert len(server.requests) == 1


def test_an_http_client_of_the_other_kind_is_refused(flavour: Flavour) -> None:
    wrong, right = ("AsyncClient", "httpx.Client") if flavour.name == "sync" else ("Client", "httpx.AsyncClient")
    with pytest.raises(ConfigurationError, match=f"http_client.* {wrong}, expected {right}$"):
        flavour.cls(api_key="k", http_client=getattr(httpx, wrong)())


@pytest.mark.parametrize("more", [{"proxy": "http://localhost:1"}, {"verify": False}, {"verify": str(CERTIFICATE)}])
def test_proxy_and_verify_belong_to_an_http_client_of_ones_own(flavour: Flavour, more: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(more))):
        flavour.client(http_client=flavour.httpx_client(lambda _: answer(PATCHED)), **more)


# Proxy and TLS


@pytest.mark.parametrize("form", [str, httpx.URL, httpx.Proxy])
def test_requests_go_through_the_proxy(flavour: Flavour, serve: Serve, form: Callable[[str], Any]) -> None:
    server = serve(GOOD)
    proxy = form(server.url.replace("http://", "http://user:hunter2@"))
    update(flavour, flavour.client(base_url="http://memory.invalid:8080", api_key=None, proxy=proxy))
    assert server.requests[0].startswith(b"PATCH http://memory.invalid:8080/api/v1/memories/conversation-meta HTTP/1.1")
    assert header(server.requests[0], "proxy-authorization") == "Basic dXNlcjpodW50ZXIy"


def test_the_proxy_of_the_environment_is_used(flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(GOOD)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    update(flavour, flavour.client(base_url="http://memory.invalid:8080", api_key=None))
    assert server.requests[0].startswith(b"PATCH http://memory.invalid:8080/")


def test_a_proxy_that_refuses_is_an_error_and_never_sees_the_key(flavour: Flavour, serve: Serve) -> None:
    server = serve(http({}, "407 Proxy Authentication Required"))
    client = flavour.client(base_url="https://memory.invalid", proxy=server.url, max_retries=0)
    with pytest.raises(APIConnectionError, match="407") as caught:
        update(flavour, client)
    assert not caught.value.outcome_unknown
    assert server.requests[0].startswith(b"CONNECT memory.invalid:443 ")
    assert b"test-key" not in server.requests[0]


class TlsServer(ScriptedServer):
    def _serve(self, connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        with contextlib.suppress(OSError):
            super()._serve(context.wrap_socket(connection, server_side=True))


@pytest.mark.parametrize("verify", ["file", "context", False])
def test_a_certificate_that_one_trusts_is_accepted(flavour: Flavour, verify: Any) -> None:
    choices = {"file": str(CERTIFICATE), "context": ssl.create_default_context(cafile=str(CERTIFICATE))}
    with contextlib.closing(TlsServer(GOOD)) as server:
        client = flavour.client(
            base_url=server.url.replace("http:", "https:"), verify=choices.get(verify, verify), max_retries=0
        )
        assert update(flavour, client).status == "ok"


@pytest.mark.parametrize("method", ["get", "update"])
def test_a_certificate_that_nobody_trusts_is_an_error_at_once(flavour: Flavour, method: str) -> None:
    with contextlib.closing(TlsServer(GOOD)) as server:
        client = flavour.client(base_url=server.url.replace("http:", "https:"))
        with pytest.raises(APIConnectionError, match="certificate") as caught:
            flavour.call(getattr(client.v1.memories.conversation_meta, method))
        assert (caught.value.attempts, caught.value.outcome_unknown, server.requests) == (1, False, [])
        assert server.connections == 1


# Copies


def test_a_copy_with_other_options_shares_the_connection_and_loses_nothing(flavour: Flavour, serve: Serve) -> None:
    server = serve(GOOD)
    client = flavour.client(
        api_key="the-key",
        base_url=server.url,
        timeout=7,
        deadline=LONG,
        max_retries=5,
        default_headers={"X-A": "a", "X-B": "b"},
        validate=False,
        max_response_bytes=10_000,
    )
    before = repr(client._settings)
    changes: list[dict[str, Any]] = [
        {},
        {"timeout": 3},
        {"deadline": None},
        {"max_retries": 1},
        {"default_headers": {"X-B": "c", "X-C": "d"}},
        {"validate": True},
    ]
    changed = client
    for change in changes:
        changed = changed.with_options(**change)
        assert type(changed) is type(client)
        assert changed is not client
        update(flavour, changed)
    update(flavour, client)
    assert server.connections == 1
    assert {header(request, "authorization") for request in server.requests} == {"Bearer the-key"}
    *_, last, first = [[header(request, name) for name in ("x-a", "x-b", "x-c")] for request in server.requests]
    assert (last, first) == (["a", "c", "d"], ["a", "b", None])
    assert repr(client._settings) == before
    new = changed._settings
    assert (new.timeout, new.deadline, new.max_retries, new.validate) == (3.0, None, 1, True)
    assert (new.base_url, new.max_response_bytes) == (server.url, 10_000)


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"deadline": "5"}, {"max_retries": -1}, {"default_headers": "X"}])
def test_wrong_options_of_a_copy_are_refused(flavour: Flavour, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        flavour.client().with_options(**wrong)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda client: copy.deepcopy({"a": [client]})["a"][0]])
def test_a_copied_client_keeps_the_key_and_the_connection(
    flavour: Flavour, serve: Serve, copied: Callable[[Any], Any]
) -> None:
    server = serve(GOOD)
    client = flavour.client(base_url=server.url)
    twin = copied(client)
    for each in (client, twin):
        update(flavour, each)
    assert twin is not client
    assert type(twin) is type(client)
    assert server.connections == 1
    assert {header(request, "authorization") for request in server.requests} == {"Bearer test-key"}


@pytest.mark.parametrize("used", [False, True])
def test_a_copied_resource_keeps_the_key_and_the_connection(flavour: Flavour, serve: Serve, *, used: bool) -> None:
    server = serve(GOOD)
    meta = flavour.client(base_url=server.url).v1.memories.conversation_meta
    if used:
        flavour.call(meta.update, name="new")
    for twin in (copy.copy(meta), copy.deepcopy(meta), copy.deepcopy({"a": [meta]})["a"][0]):
        flavour.call(twin.update, name="new")
    assert server.connections == 1
    assert {header(request, "authorization") for request in server.requests} == {"Bearer test-key"}


def test_a_copy_keeps_the_http_client_of_ones_own(flavour: Flavour) -> None:
    client = flavour.client(lambda _: answer(PATCHED))
    assert update(flavour, client.with_options(timeout=1)).status == "ok"


class Tenant(EverMemOS):
    def __init__(self, tenant: str, **settings: Any) -> None:
        super().__init__(**settings, default_headers={"X-Tenant": tenant})
        self.tenant = tenant


class AsyncTenant(AsyncEverMemOS):
    def __init__(self, tenant: str, **settings: Any) -> None:
        super().__init__(**settings, default_headers={"X-Tenant": tenant})
        self.tenant = tenant


def test_a_subclass_survives_being_copied_and_pickled(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERMEMOS_API_KEY", "k")
    server = serve(GOOD)
    cls = {"sync": Tenant, "async": AsyncTenant}[flavour.name]
    client: Any = cls("acme", base_url=server.url)
    for each in (client.with_options(timeout=3), copy.copy(client), pickle.loads(pickle.dumps(client))):
        assert (type(each), each.tenant) == (cls, "acme")
        flavour._clients.append(each)
        update(flavour, each)
    assert {header(request, "x-tenant") for request in server.requests} == {"acme"}
