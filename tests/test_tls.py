"""TLS contexts: made once for a configuration, not at all for plain http, and never in the place of one's own."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest
from conftest import ROOT, Flavour

from evermemos import ConfigurationError, _http

CERTIFICATE = ROOT / "tests/data/localhost.pem"
LOCALHOST = "localhost"
Made = list[str]


def names(context: ssl.SSLContext) -> list[str]:
    """The common names of the authorities that a context trusts. Those of a folder are looked up late."""
    subjects: list[Any] = [certificate["subject"] for certificate in context.get_ca_certs()]
    return [value for subject in subjects for part in subject for name, value in part if name == "commonName"]


@pytest.fixture
def flavour(both_flavours: Flavour) -> Flavour:
    return both_flavours


@pytest.fixture(autouse=True)
def none_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the contexts of other tests, and then those of this one. The usual authorities are certifi's."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)

    def forget() -> None:
        _http._shared_tls.cache_clear()
        _http._tls_of_nobody.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """The contexts that have been made in one of the usual ways, by the name of the way."""
    names: Made = []

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            names.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    count(ssl, "create_default_context")
    count(httpx, "create_ssl_context")
    return names


def context(flavour: Flavour, base_url: str = "https://localhost:1", **settings: Any) -> ssl.SSLContext:
    """The context of a new client's connections."""
    client = flavour.client(base_url=base_url, **settings)

    async def find() -> Any:
        return client._pool.client(client._settings)

    within = flavour.call(find) if flavour.name == "async" else client._pool.client(client._settings)
    cell = within._transport._make()
    if hasattr(cell, "_make_plain"):
        # With the extra `fast`: the cell for what it leaves to httpx has the same.
        found = cell._make_plain.keywords["verify"]
        assert cell._verify is (found if base_url.startswith("https") else None)
    else:
        found = cell._of["verify"]
    assert isinstance(found, ssl.SSLContext)
    return found


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "the usual authorities": {},
    "no check": {"verify": False},
    "a file": {"verify": str(CERTIFICATE)},
    "a folder": {"verify": str(CERTIFICATE.parent)},
    "a proxy": {"proxy": "http://localhost:2"},
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_clients_of_one_configuration_share_one_context(flavour: Flavour, made: Made, configuration: str) -> None:
    first = context(flavour, **CONFIGURATIONS[configuration])
    before = len(made)
    assert before in (1, 2)
    for number in range(20):
        other = context(flavour, f"https://localhost:{number + 1}", timeout=number + 1, **CONFIGURATIONS[configuration])
        assert other is first
    assert len(made) == before


def test_clients_of_several_configurations_share_none(flavour: Flavour) -> None:
    kinds = [CONFIGURATIONS[name] for name in CONFIGURATIONS if name != "a proxy"]
    contexts = [context(flavour, **each) for each in kinds]
    assert len(set(contexts)) == len(contexts)
    assert [each.verify_mode for each in contexts] == [ssl.CERT_REQUIRED, ssl.CERT_NONE, *[ssl.CERT_REQUIRED] * 2]
    assert [each.check_hostname for each in contexts] == [True, False, True, True]


def test_both_flavours_share_one_context() -> None:
    flavours = Flavour("sync"), Flavour("async")
    first, second = map(context, flavours)
    for each in flavours:
        each.finish()
    assert first is second


@pytest.mark.parametrize("verify", [True, False, str(CERTIFICATE)])
def test_for_plain_http_none_of_the_usual_contexts_is_made(flavour: Flavour, made: Made, verify: Any) -> None:
    found = context(flavour, "http://localhost:1", verify=verify)
    assert context(flavour, "http://127.0.0.1:2", verify=verify) is found
    assert made == []
    # Should it ever be asked, it trusts nobody.
    assert (found.verify_mode, found.check_hostname, found.get_ca_certs()) == (ssl.CERT_REQUIRED, True, [])


@pytest.mark.parametrize("settings", [{"proxy": "https://localhost:2"}, {"base_url": "https://localhost:1"}])
def test_what_goes_over_tls_has_a_context_that_trusts_somebody(flavour: Flavour, settings: dict[str, str]) -> None:
    assert context(flavour, **{"base_url": "http://localhost:1", **settings}).get_ca_certs() != []


@pytest.mark.parametrize("base_url", ["https://localhost:1", "http://localhost:1"])
def test_a_context_of_the_users_own_is_used_as_it_is(flavour: Flavour, made: Made, base_url: str) -> None:
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    options, ciphers, stats = own.options, own.get_ciphers(), own.cert_store_stats()
    for _ in range(2):
        assert context(flavour, base_url, verify=own) is own
    assert context(flavour, base_url, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) is not own
    assert (own.options, own.get_ciphers(), own.cert_store_stats(), made) == (options, ciphers, stats, [])


def test_a_changed_file_of_certificates_gives_a_new_context(flavour: Flavour, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(certifi.where(), file)
    first = context(flavour, verify=str(file))
    assert context(flavour, verify=str(file)) is first
    shutil.copy(CERTIFICATE, file)
    os.utime(file, ns=(0, 1_000_000_000))
    second = context(flavour, verify=str(file))
    assert second is not first
    assert names(second) == [LOCALHOST]
    # That of the clients that are there already stays as it was.
    assert LOCALHOST not in names(first)


def test_a_file_of_certificates_that_is_gone_or_spoilt_is_refused(flavour: Flavour, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(CERTIFICATE, file)
    context(flavour, verify=str(file))
    client = flavour.client(base_url="https://localhost:1", verify=str(file))
    for spoil in (lambda: file.write_text("nonsense"), file.unlink):
        spoil()
        with pytest.raises(ConfigurationError, match="cannot be built"):
            flavour.call(client.v1.memories.conversation_meta.get)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_variables_that_name_other_authorities_give_a_new_context(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    first = context(flavour)
    monkeypatch.setenv(variable, str(CERTIFICATE if variable == "SSL_CERT_FILE" else tmp_path))
    second = context(flavour)
    assert context(flavour) is second is not first
    assert names(second) == ([LOCALHOST] if variable == "SSL_CERT_FILE" else [])


def test_a_changed_file_that_a_variable_names_gives_a_new_context(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(certifi.where(), file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    first = context(flavour)
    assert context(flavour) is first
    shutil.copy(CERTIFICATE, file)
    os.utime(file, ns=(0, 1_000_000_000))
    assert names(context(flavour)) == [LOCALHOST]


def test_what_needs_no_proxy_needs_no_certificates_for_it(
    flavour: Flavour, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    context(flavour, "http://localhost:1")
    assert made == []


def test_who_names_a_file_of_certificates_trusts_nobody_else(flavour: Flavour) -> None:
    assert names(context(flavour, verify=str(CERTIFICATE))) == [LOCALHOST]
    assert names(context(flavour, verify=str(CERTIFICATE.parent))) == []
