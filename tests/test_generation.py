"""The road from openapi.yaml to the generated package, tested as its users go it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import check_spec
import generate
import pytest
from conftest import ROOT

pytestmark = pytest.mark.process

# sha256 of the upstream templates that scripts/templates replaces. A new generator version that changes one of them
# makes this test fail: read the upstream change, carry over what matters, then renew the hash.
UPSTREAM = {
    "errors.py.jinja": "b6ba7ea79aa7d7f24b47119985d1ed20268d3da0ab70309ee138088a106b6af9",
    "model.py.jinja": "fd1c79680d51c06cfbb89809ad123750ba9add98b688036c04cabbf1f8ba40a0",
    "models_init.py.jinja": "4f64a3d6e1b15a561be5573c1b7702eb928c0e4fa6b67107d20e57a74c44d51a",
    "package_init.py.jinja": "ac15907e32dc39bd9b83ea6f2002fb87514f2182b97f88231b5a9c47321f6210",
    "types.py.jinja": "93df9d75883a4eafac77dd21bc6907f3ef612e3f7841e08656618dcf6c4ce494",
}
UPDATE_V1 = """
    UpdateConversationMetaV1Request:
      type: object
      properties:
"""
NEW_FIELD = """\
        mood:
          type: [string, 'null']
          description: How the conversation goes.
"""
# The last one of UpdateConversationMetaV0Request.
OLD_FIELD = """\
        default_timezone:
          type: [string, 'null']
          description: New IANA time zone name.
          example: Asia/Shanghai
    CreateConversationMetaV1Request:
"""
NEW_OPERATION = """
  /api/v1/memories/conversation-mood:
    get:
      operationId: get_conversation_mood_v1
      tags: [conversation-meta]
      summary: Read the mood of a conversation
      x-safe-to-repeat: true
      security:
        - bearerAuth: []
      responses:
        '200':
          description: The record.
          content:
            application/json:
              schema: {$ref: '#/components/schemas/ConversationMetaEnvelope'}
        '400': {$ref: '#/components/responses/BadRequest'}
        '401': {$ref: '#/components/responses/Unauthorized'}
        '403': {$ref: '#/components/responses/Forbidden'}
        '404': {$ref: '#/components/responses/NotFound'}
        '409': {$ref: '#/components/responses/Conflict'}
        '422': {$ref: '#/components/responses/UnprocessableEntity'}
        '429': {$ref: '#/components/responses/TooManyRequests'}
        '500': {$ref: '#/components/responses/InternalServerError'}
        '503': {$ref: '#/components/responses/ServiceUnavailable'}
        default: {$ref: '#/components/responses/Unexpected'}

components:
"""


class Copy:
    """A copy of the project, in which the spec may be edited and the code derived anew."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        unwanted = shutil.ignore_patterns(".venv*", ".git", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, self.root, ignore=unwanted)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join(str(self.root / folder) for folder in ("src", "generated"))
        env = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **environment}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)

    def generate(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("scripts/generate.py", *options, **environment)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_committed_code_is_what_its_inputs_make() -> None:
    """Needs no generator: hashes alone show that openapi.yaml, a template or the output changed without the others."""
    kept: dict[str, Any] = json.loads((ROOT / generate.PROVENANCE).read_text())
    made = generate.provenance(ROOT / generate.PACKAGE)
    assert made["inputs"] == kept["inputs"], "openapi.yaml or a template changed: run `make generate`"
    assert made["output"] == kept["output"], "generated/ was edited: edit openapi.yaml and run `make generate`"


def test_generator_and_formatter_are_pinned() -> None:
    kept: dict[str, Any] = json.loads((ROOT / generate.PROVENANCE).read_text())
    pins = (ROOT / "scripts/requirements-dev.txt").read_text().splitlines()
    for name in ("openapi-python-client", "ruff"):
        assert f"{name}=={kept[name]}" in pins
        assert version(name) == kept[name]


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "scripts/templates").iterdir()])
def test_the_upstream_template_is_the_one_that_was_replaced(name: str) -> None:
    upstream = files("openapi_python_client").joinpath("templates", name)
    assert hashlib.sha256(upstream.read_bytes()).hexdigest() == UPSTREAM[name]


def test_every_run_writes_the_same_bytes_and_check_generated_lists_what_differs(copy: Copy) -> None:
    package = copy.root / "generated/evermemos_api"
    committed = generate.tree_hash(copy.root)
    # The seed changes the order of all sets, which must not show.
    done = copy.generate("--check", PYTHONHASHSEED="0")
    assert done.returncode == 0, done.stderr
    (package / "stale.py").touch()
    (package / "errors.py").unlink()
    (package / "py.typed").unlink()
    (package / "client.py").write_text("# edited")
    (copy.root / "src/evermemos/_sync/send.py").write_text("# edited")
    copy.edit("openapi.yaml", UPDATE_V1, UPDATE_V1 + NEW_FIELD)
    before = generate.tree_hash(copy.root)
    done = copy.generate("--check", PYTHONHASHSEED="1")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "missing  generated/evermemos_api/errors.py",
        "missing  generated/evermemos_api/py.typed",
        "extra    generated/evermemos_api/stale.py",
        "changed  generated/evermemos_api/client.py",
        "changed  generated/evermemos_api/models/update_conversation_meta_v1_request.py",
        "changed  generated/evermemos_api/openapi.json",
        "changed  generated/provenance.json",
        "changed  src/evermemos/_sync/send.py",
        "The derived code is not up to date. Run `make generate` and commit the result.",
    ]
    assert generate.tree_hash(copy.root) == before, "a check wrote something"
    copy.edit("openapi.yaml", NEW_FIELD, "")
    done = copy.generate(PYTHONHASHSEED="12345")
    assert done.returncode == 0, done.stderr
    assert generate.tree_hash(copy.root) == committed


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("generator-config.yaml", "literal_enums:", "literal_enum:", "unknown key literal_enum"),
        ("openapi.yaml", "#/components/schemas/ConversationMetaResponse'", "#/components/schemas/Nowhere'", "Nowhere"),
        (
            "openapi.yaml",
            "operationId: get_conversation_meta_v1",
            "operationId: get_conversation_meta_v0",
            "18 operations, the generator wrote 17 modules",
        ),
    ],
)
def test_a_fault_stops_generation_and_leaves_the_tree_alone(
    copy: Copy, name: str, old: str, new: str, message: str
) -> None:
    before = generate.tree_hash(copy.root / "generated")
    copy.edit(name, old, new)
    done = copy.generate()
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert generate.tree_hash(copy.root / "generated") == before


def test_an_edit_of_the_spec_arrives_in_the_package_and_the_tests_name_the_wrappers_to_change(copy: Copy) -> None:
    """The whole road: edit the spec, generate, import, send the new field, and see what is left to do."""
    copy.edit("openapi.yaml", UPDATE_V1, UPDATE_V1 + NEW_FIELD)
    copy.edit("openapi.yaml", "\ncomponents:\n", NEW_OPERATION)
    copy.edit("openapi.yaml", OLD_FIELD, "    CreateConversationMetaV1Request:\n")
    assert check_spec.check((copy.root / "openapi.yaml").read_text()) == []
    done = copy.generate()
    assert done.returncode == 0, done.stderr
    assert "generated/evermemos_api/api/conversation_meta/get_conversation_mood_v1.py" in done.stdout
    script = """
import httpx
from evermemos_api import AuthenticatedClient
from evermemos_api.api.conversation_meta import get_conversation_mood_v1, update_conversation_meta_v1
from evermemos_api.models import UpdateConversationMetaV1Request

def handler(request):
    print(request.method, request.url.path, request.content.decode())
    return httpx.Response(200, json={"result": {"id": "1", "scene": "s", "name": "n", "conversation_created_at": "t"}})

client = AuthenticatedClient(base_url="http://127.0.0.1", token="t")
client.set_httpx_client(httpx.Client(base_url="http://127.0.0.1", transport=httpx.MockTransport(handler)))
update_conversation_meta_v1.sync(client=client, body=UpdateConversationMetaV1Request(mood="calm"))
print(get_conversation_mood_v1.sync(client=client).result.id)
"""
    ran = copy.run("-c", script)
    assert ran.stdout.replace(": ", ":").splitlines() == [
        'PATCH /api/v1/memories/conversation-meta {"mood":"calm"}',
        "GET /api/v1/memories/conversation-mood ",
        "1",
    ], ran.stderr
    tests = copy.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "tests/test_operations.py"
    )
    assert tests.returncode == 1
    assert "get_conversation_mood_v1 is not wrapped" in tests.stdout
    assert "v1.memories.conversation_meta.update lacks the argument 'mood'" in tests.stdout
    method = "v0.memories.conversation_meta.update"
    fault = f"{method} has the argument 'default_timezone', which update_conversation_meta_v0 has not"
    assert fault in tests.stdout
