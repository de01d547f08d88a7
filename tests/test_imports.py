"""What is loaded when: next to nothing for an import, little for a client, and for a call what it needs."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CREATE_V1, PATCHED, RECORD, ROOT, ScriptedServer, http
from programs import OTHERS, loaded

import evermemos

pytestmark = pytest.mark.process

Serve = Callable[..., ScriptedServer]
OURS = ("evermemos", "evermemos_api")
# What the extras bring.
EXTRAS = ("httptools", "orjson", "uvicorn", "swagger_ui", "typer", "rich", "dask", "distributed")
# Modules that cannot be imported without an extra.
NEED_AN_EXTRA = {
    **dict.fromkeys(("_http1", "_http1_async", "_http1_sync", "_async.http1", "_sync.http1"), "httptools"),
    "integrations.dask": "dask",
    **dict.fromkeys(("_cli._app", "_cli._doctor", "_cli._many", "_cli._session", "_cli._single"), "typer"),
}
NEED_AN_EXTRA = {f"evermemos.{name}": extra for name, extra in NEED_AN_EXTRA.items()}
WITHIN = sorted(each.name for each in pkgutil.walk_packages(evermemos.__path__, "evermemos."))


def among(modules: set[str], *packages: str) -> set[str]:
    """Those of the modules that are one of the packages, or in one."""
    return {name for name in modules if name.startswith(tuple(f"{package}." for package in packages))} | (
        modules & {*packages}
    )


def test_importing_the_package_loads_nothing_else() -> None:
    modules = loaded("import evermemos")
    assert among(modules, *OURS) == {"evermemos"}
    assert among(modules, "httpx", "attrs", "attr", "typing", "asyncio", "ssl") == set()


CONSTRUCTIONS = {
    "a key": ('api_key="k"', {}),
    "a key of the environment": ("", {"EVERMEMOS_API_KEY": "k"}),
    "a URL": ('base_url="http://localhost:45123"', {}),
    "a URL of the environment": ("", {"EVERMEMOS_BASE_URL": "http://localhost:45123/api/v1"}),
    "times": ('api_key="k", timeout=5, deadline=60, max_retries=0', {}),
    "headers": ('api_key="k", default_headers={"X-A": "1"}', {}),
    "all at once": ('base_url="http://localhost:45123", timeout=5, deadline=60, default_headers={"X-A": "1"}', {}),
    "a file of certificates": ("api_key='k', verify=evermemos.__file__", {}),
    "no check of certificates": ("api_key='k', verify=False", {}),
}


@pytest.mark.parametrize("cls", ["EverMemOS", "AsyncEverMemOS"])
@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_making_a_client_loads_nothing_that_only_a_call_needs(cls: str, construction: str) -> None:
    arguments, environment = CONSTRUCTIONS[construction]
    modules = loaded(f"import evermemos\nevermemos.{cls}({arguments})", **environment)
    unwanted = ("httpx", "httpcore", "attr", "attrs", "ssl", "asyncio", "logging", "json", "pathlib", "ipaddress")
    assert among(modules, *unwanted, "evermemos.sandbox", "evermemos_api.models", "evermemos_api.api") == set()
    flavour = {"EverMemOS": "_sync", "AsyncEverMemOS": "_async"}[cls]
    assert among(modules, *OURS) == {
        "evermemos",
        "evermemos._place",
        "evermemos._settings",
        f"evermemos.{flavour}",
        f"evermemos.{flavour}.client",
        f"evermemos.{flavour}.pool",
        "evermemos.errors",
        "evermemos_api",
        "evermemos_api.errors",
        "evermemos_api.types",
    }
    # Those of the standard library included; 38 when this was written, on Python 3.11.
    assert len(modules) <= 50


ERRORS = {"error_response", "validation_error_response"}
RECORD_V0 = {"conversation_meta_envelope_v0", "conversation_meta_response_v0", "user_details_response_v0"}
RECORD_V0 |= {"extra", "scene_desc", "llm_custom_setting"}
RECORD_V1 = {"conversation_meta_envelope", "conversation_meta_response", "user_details_response"}
RECORD_V1 |= {"extra", "scene_desc", "user_detail_response"}
RESULT = {"patch_conversation_meta_response", "patch_conversation_meta_result"}
REQUEST = {"scene_desc", "user_details"}
REQUEST_V0 = {"scene_desc", "user_details_v0"}
CREATE_V0 = {name: CREATE_V1[name] for name in ("created_at", "scene", "scene_desc")}
# By version and method: arguments, an answer, and the models that both need.
CALLS: dict[str, tuple[dict[str, Any], Any, set[str]]] = {
    "v0.get": ({}, RECORD, RECORD_V0),
    "v1.get": ({}, RECORD, RECORD_V1),
    "v0.update": (
        {"description": "d"},
        PATCHED,
        RESULT | REQUEST_V0 | {"update_conversation_meta_v0_request", "llm_custom_setting"},
    ),
    "v1.update": ({"name": "n"}, PATCHED, RESULT | REQUEST | {"update_conversation_meta_v1_request"}),
    "v0.create": (CREATE_V0, RECORD, RECORD_V0 | REQUEST_V0 | {"create_conversation_meta_v0_request", "scene"}),
    "v1.create": (CREATE_V1, RECORD, RECORD_V1 | REQUEST | {"create_conversation_meta_v1_request", "scene"}),
}


@pytest.mark.socket
@pytest.mark.parametrize("cls", ["EverMemOS", "AsyncEverMemOS"])
@pytest.mark.parametrize("call", CALLS)
def test_the_first_call_loads_the_models_of_its_operation_only(serve: Serve, cls: str, call: str) -> None:
    arguments, good, models = CALLS[call]
    version, method = call.split(".")
    program = f"""
import asyncio, inspect, evermemos
async def main():
    client = evermemos.{cls}(base_url="{serve(http(good)).url}", api_key="k")
    answer = client.{version}.memories.conversation_meta.{method}(**{arguments})
    answer = await answer if inspect.isawaitable(answer) else answer
    assert answer.status == "ok"
    await client.aclose() if inspect.iscoroutinefunction(getattr(client, "aclose", None)) else client.close()
asyncio.run(main())
"""
    modules = loaded(program, OTHERS)
    prefix = "evermemos_api.models."
    found = {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}
    assert found == ERRORS | models
    assert among(modules, "evermemos_api.api") == {
        "evermemos_api.api",
        "evermemos_api.api.conversation_meta",
        f"evermemos_api.api.conversation_meta.{method}_conversation_meta_{version}",
    }
    unwanted = ("evermemos.sandbox", "evermemos.pytest_plugin", "evermemos._cli")
    assert among(modules, *unwanted) == set()
    other = {"EverMemOS": "_async", "AsyncEverMemOS": "_sync"}[cls]
    assert among(modules, f"evermemos.{other}") == set()
    # All but the models; 34 when this was written.
    assert len(among(modules, *OURS) - {prefix + name for name in found}) <= 34


def test_a_call_to_a_sandbox_in_this_process_loads_no_server() -> None:
    client = "__import__('evermemos').EverMemOS.sandbox()"
    modules = loaded(f"{client}.v1.memories.conversation_meta.create(**{CREATE_V1})")
    assert "evermemos.sandbox._core" in modules
    assert among(modules, "uvicorn", "httptools", "swagger_ui", "yaml", "evermemos.sandbox._asgi") == set()


@pytest.mark.parametrize("package", OURS)
def test_every_module_can_be_imported_and_only_those_that_are_named_need_an_extra(package: str) -> None:
    program = f"""
import importlib, pkgutil
for extra in {EXTRAS}:
    sys.modules[extra] = None
names = [each.name for each in pkgutil.walk_packages({package}.__path__, "{package}.")]
failed = {{}}
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        failed[name] = error.name
for extra in {EXTRAS}:
    del sys.modules[extra]
expected = {{name: extra for name, extra in {NEED_AN_EXTRA}.items() if name.startswith("{package}.")}}
assert failed == expected, failed
assert len(names) >= {len(list((ROOT).glob(f"*/{package}/**/*.py"))) - 1}, names
"""
    modules = loaded(f"import {package}\n{program}", OTHERS)
    assert among(modules, package) >= {package}


@pytest.mark.parametrize("name", NEED_AN_EXTRA)
def test_with_the_extra_its_modules_can_be_imported(name: str) -> None:
    pytest.importorskip(NEED_AN_EXTRA[name])
    assert {name, NEED_AN_EXTRA[name]} <= loaded(f"import {name}", OTHERS)


@pytest.mark.parametrize("name", [name for name in WITHIN if not name.endswith("__main__")])
def test_every_module_can_be_imported_before_all_others(name: str) -> None:
    # A circle of imports shows in one order only.
    assert name in loaded(f"import {name}", OTHERS)
