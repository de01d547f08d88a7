"""What is shipped: names, imports, wheel and sdist, and papers that agree with each other."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import evermemos_api
import pytest
from conftest import ROOT
from programs import loaded, run

import evermemos
import evermemos.errors

pytestmark = pytest.mark.process

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODULES = sorted((ROOT / "src/evermemos").rglob("*.py"))


def test_public_names_are_those_that_are_exported() -> None:
    assert sorted(evermemos.__all__) == sorted(set(evermemos.__all__))
    for name in evermemos.__all__:
        assert getattr(evermemos, name) is not None
    assert set(evermemos.__all__) <= set(dir(evermemos))
    assert set(evermemos.errors.__all__) <= set(evermemos.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        evermemos.nothing_of_the_kind  # noqa: B018


def test_type_checkers_see_the_names_that_are_exported() -> None:
    tree = ast.parse((ROOT / "src/evermemos/__init__.py").read_text())
    imports = [node for block in tree.body if isinstance(block, ast.If) for node in block.body]
    names = {alias.name for node in imports if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names - {"Any"} == set(evermemos.__all__)


def test_the_generated_package_does_not_know_the_wrapper() -> None:
    for path in (ROOT / "generated").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) evermemos\b(?!_api)", path.read_text(), re.MULTILINE), path


def test_the_sandbox_does_not_know_the_client() -> None:
    assert not {"evermemos._call", "evermemos._sync.client"} & loaded("import evermemos.sandbox")


def test_importing_the_generated_types_loads_what_typing_needs_and_no_more() -> None:
    modules = loaded("import evermemos_api.types") - loaded("import typing, collections.abc, gc")
    assert modules == {"evermemos_api", "evermemos_api.errors", "evermemos_api.types"}


def test_reading_and_writing_loads_no_module_that_it_does_not_need() -> None:
    read = "from evermemos_api.models import Extra; Extra.from_dict({'a': [1]}).to_dict()"
    assert not {"datetime", "uuid", "http", "httpx"} & (loaded(read) - loaded("import attrs"))


def test_the_generated_clients_are_loaded_when_they_are_asked_for() -> None:
    assert {"AuthenticatedClient", "Client"} == set(evermemos_api.__all__) <= set(dir(evermemos_api))
    assert "httpx" not in loaded("import evermemos_api")
    assert {"httpx", "evermemos_api.client"} <= loaded("from evermemos_api import AuthenticatedClient, Client")
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        evermemos_api.nothing_of_the_kind  # noqa: B018


def test_importing_one_operation_does_not_import_every_model() -> None:
    modules = loaded("from evermemos_api.api.conversation_meta import get_conversation_meta_v1")
    models = {name for name in modules if name.startswith("evermemos_api.models.")}
    assert models == {
        "evermemos_api.models.conversation_meta_envelope",
        "evermemos_api.models.error_response",
        "evermemos_api.models.validation_error_response",
    }
    assert not any(name.split(".")[0] == "evermemos" for name in modules)


def test_every_model_can_be_imported() -> None:
    from evermemos_api import models

    assert set(dir(models)) == set(models.__all__)
    assert all(getattr(models, name) for name in models.__all__)
    with pytest.raises(AttributeError, match="NoSuchModel"):
        models.NoSuchModel  # noqa: B018


def test_no_module_is_too_long_to_hold_in_ones_head() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 450} == {}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build wheel and sdist, from the sdist as pip would."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path.suffix: path for path in folder.iterdir()}


def test_wheel_and_sdist_hold_both_packages(distributions: dict[str, Path]) -> None:
    names = set(zipfile.ZipFile(distributions[".whl"]).namelist())
    for package, folder in (("evermemos", "src"), ("evermemos_api", "generated")):
        expected = {
            path.relative_to(ROOT / folder).as_posix()
            for path in (ROOT / folder / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert f"{package}/py.typed" in expected
        assert {name for name in names if name.startswith(f"{package}/")} == expected
    others = {name for name in names if not name.startswith(("evermemos/", "evermemos_api/"))}
    assert all(name.startswith(f"evermemos_client-{evermemos.__version__}.dist-info/") for name in others)


def test_the_wheel_works_in_an_environment_of_its_own(distributions: dict[str, Path], tmp_path: Path) -> None:
    """Its requirements come from this environment by PYTHONPATH, in which .pth files, and so ours, do not count."""
    venv.create(tmp_path / "venv")
    interpreter = str(tmp_path / "venv/bin/python")
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", distributions[".whl"]], check=True)
    code = """
import evermemos, evermemos_api.models
from evermemos import EverMemOS
from evermemos.sandbox import Sandbox
with Sandbox().serve() as url, EverMemOS(base_url=url, api_key="k") as client:
    client.v0.memories.conversation_meta.create(created_at="2025-01-01T00:00:00Z", scene="assistant", scene_desc={})
    print(client.v0.memories.conversation_meta.update(description="d").status, evermemos.__file__)
"""
    env = {**os.environ, "PYTHONPATH": sysconfig.get_paths()["purelib"]}
    done = subprocess.run(
        [interpreter, "-W", "error", "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    status, place = done.stdout.split()
    assert status == "ok"
    assert Path(place).is_relative_to(tmp_path / "venv")


def test_the_client_needs_httpx_and_attrs_only() -> None:
    required = [re.split(r"[^\w-]", requirement)[0] for requirement in PROJECT["dependencies"]]
    assert sorted(required) == ["attrs", "httpx"]


def test_every_dependency_has_its_reason() -> None:
    decisions = (ROOT / "docs/decisions.md").read_text()
    extras = PROJECT["optional-dependencies"]
    for requirement in [*PROJECT["dependencies"], *(each for extra in extras.values() for each in extra)]:
        assert re.split(r"[^\w-]", requirement)[0] in decisions
    pinned = (ROOT / "scripts/requirements-dev.txt").read_text().lower()
    assert all(re.split(r"[^\w-]", requirement)[0] in pinned for requirement in extras["sandbox"])


def test_the_sandbox_in_process_needs_no_extra() -> None:
    program = """
import sys
for name in ("uvicorn", "httptools", "swagger_ui", "yaml"):
    sys.modules[name] = None
from evermemos import EverMemOS
meta = EverMemOS.sandbox().v0.memories.conversation_meta
print(meta.create(created_at="2025-01-15T10:00:00Z", scene="assistant", scene_desc={}).status)
"""
    done = run(program)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_version_changelog_and_metadata_agree() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] in (evermemos.__version__, "Unreleased")
    assert evermemos.__version__ in versions[:2]
    assert metadata("evermemos-client")["Version"] == evermemos.__version__


def test_supported_pythons_agree() -> None:
    listed = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert PROJECT["requires-python"] == f">={listed[0]}"
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert all(f'"{version}"' in workflow for version in listed)


def test_the_generated_package_has_no_version_of_its_own() -> None:
    assert not hasattr(evermemos_api, "__version__")


def test_no_machine_is_mentioned() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    pattern = re.compile(r"(^|[^\w.])/(home|root|work|Users)/[a-z]|index[-_]url\b *[=:]|\"resolved\": \"http")
    for name in filter(None, tracked.stdout.split("\0")):
        text = (ROOT / name).read_text(errors="ignore")
        assert name.endswith("test_packaging.py") or not pattern.search(text), name
