"""What scripts/check_breaking.py must report about an edit of the real spec, and what it must not."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import check_breaking
import pytest
import yaml

SCRIPT = Path(check_breaking.__file__)
# Through JSON, so that no part is shared: an edit is made in one place.
WHOLE = json.loads(json.dumps(yaml.safe_load(check_breaking.SPEC.read_text())))


def cut(*endings: str) -> dict[str, Any]:
    """The spec with some of its paths, and with the components that they need."""
    paths = {path: item for path, item in WHOLE["paths"].items() if path.endswith(endings)}
    kept: dict[str, dict[str, Any]] = {section: {} for section in WHOLE["components"]}
    waiting: list[Any] = [paths]
    while waiting:
        for section, name in re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(waiting.pop())):
            if name not in kept[section]:
                kept[section][name] = WHOLE["components"][section][name]
                waiting.append(kept[section][name])
    return {**WHOLE, "paths": paths, "components": kept}


# Its edits are compared in a third of the time.
OLD = cut("/conversation-meta")
TEXT = json.dumps(OLD)
GET = ("paths", "/api/v1/memories/conversation-meta", "get")
POST = (*GET[:2], "post")
NAMED = ("components", "schemas")
SENT = (*NAMED, "CreateConversationMetaV1Request")
RECORD = (*NAMED, "ConversationMetaResponse")
REQUIRED = OLD["components"]["schemas"]["CreateConversationMetaV1Request"]["required"]
GONE = object()

Edit = tuple[tuple[Any, ...], Any]

ON_POST = "request POST /api/v1/memories/conversation-meta"
ON_GET = "response GET /api/v1/memories/conversation-meta"

BREAKING: dict[str, tuple[Edit, str]] = {
    # Requests.
    "required field": (((*SENT, "required"), [*REQUIRED, "tags"]), f"{ON_POST} body.tags: is now required"),
    "field gone": (((*SENT, "properties", "tags"), GONE), f"{ON_POST} body.tags: is gone"),
    "enum value gone": (((*NAMED, "Scene", "enum"), ["group_chat"]), f"{ON_POST} body.scene: assistant is no longer"),
    "const": (((*SENT, "properties", "name", "const"), "x"), f"{ON_POST} body.name: any other value is no longer"),
    "type": (((*SENT, "properties", "name", "type"), "integer"), f"{ON_POST} body.name: string is no longer accepted"),
    "null gone": (((*SENT, "properties", "tags", "type"), "array"), f"{ON_POST} body.tags: null is no longer accepted"),
    "null gone from a reference": (
        ((*NAMED, "UserDetail", "properties", "role"), {"$ref": "#/components/schemas/UserRole"}),
        f"{ON_POST} body.user_details.*.role: null is no longer accepted",
    ),
    "closed": (
        ((*NAMED, "UserDetail", "additionalProperties"), False),
        f"{ON_POST} body.user_details.*.*: an unlisted",
    ),
    "map of less": (
        ((*NAMED, "SceneDesc", "additionalProperties"), {"type": "string"}),
        f"{ON_POST} body.scene_desc.*: number is no longer accepted",
    ),
    "items": (
        ((*SENT, "properties", "tags", "items", "maxLength"), 5),
        f"{ON_POST} body.tags[]: maxLength was None, is 5",
    ),
    "minimum length": (
        ((*SENT, "properties", "name", "minLength"), 1),
        f"{ON_POST} body.name: minLength was None, is 1",
    ),
    "pattern": (((*SENT, "properties", "name", "pattern"), "^a"), f"{ON_POST} body.name: pattern was None, is ^a"),
    "format": (((*SENT, "properties", "name", "format"), "uuid"), f"{ON_POST} body.name: format was None, is uuid"),
    "parameter required": (
        ((*GET, "parameters", 0, "required"), True),
        "request GET /api/v1/memories/conversation-meta query group_id: is now required",
    ),
    "new required parameter": (
        ((*POST, "parameters"), [{"name": "space", "in": "header", "required": True, "schema": {"type": "string"}}]),
        f"{ON_POST} header space: is now required",
    ),
    "parameter gone": (
        ((*GET, "parameters"), []),
        "request GET /api/v1/memories/conversation-meta query group_id: is gone",
    ),
    "body required": (
        ((*GET, "requestBody"), {"required": True, "content": {}}),
        "request GET /api/v1/memories/conversation-meta body: is now required",
    ),
    "body gone": (((*POST, "requestBody"), GONE), f"{ON_POST} body: application/json is gone"),
    # Answers.
    "answered field gone": (((*RECORD, "properties", "tags"), GONE), f"{ON_GET} 200.result.tags: is gone"),
    "no longer required": (((*RECORD, "required"), ["id"]), f"{ON_GET} 200.result.name: may now be absent"),
    "new null": (
        ((*RECORD, "properties", "name", "type"), ["string", "null"]),
        f"{ON_GET} 200.result.name: null may now come",
    ),
    "wider type": (
        ((*RECORD, "properties", "scene"), {}),
        f"{ON_GET} 200.result.scene: number may now come",
    ),
    "error field gone": (((*NAMED, "ErrorResponse", "properties", "error"), GONE), f"{ON_GET} 400.error: is gone"),
    "new success": (((*GET, "responses", "202"), {"description": ""}), f"{ON_GET} 202: is a new kind of success"),
    "status gone": (((*GET, "responses"), {"201": {"description": ""}}), f"{ON_GET} 200: is gone"),
    "answered media type": (
        ((*GET, "responses", "200", "content"), {"text/plain": {"schema": {"type": "string"}}}),
        f"{ON_GET} 200: application/json is gone",
    ),
    # Operations and names.
    "operation gone": ((GET, GONE), "operation GET /api/v1/memories/conversation-meta: is gone"),
    "operation id": (
        ((*GET, "operationId"), "read_conversation_meta_v1"),
        "operation GET /api/v1/memories/conversation-meta: operationId was get_conversation_meta_v1, is read_",
    ),
    "tag": (((*GET, "tags"), ["meta"]), "operation GET /api/v1/memories/conversation-meta: tags was"),
    "security": (
        ((*GET, "security"), [{"bearerAuth": []}]),
        "operation GET /api/v1/memories/conversation-meta: no credential is no longer enough",
    ),
    "repeat": (((*GET, "x-safe-to-repeat"), False), "operation GET /api/v1/memories/conversation-meta: x-safe-to-rep"),
}

# Of these the way back is harmless.
REVERSIBLE = [
    *("required field", "field gone", "enum value gone", "const", "null gone", "null gone from a reference", "closed"),
    *("items", "minimum length", "pattern", "parameter required", "body required", "answered field gone"),
    *("no longer required", "new null", "wider type", "error field gone", "operation gone", "security", "repeat"),
]

HARMLESS: dict[str, Edit] = {
    "description": ((*SENT, "properties", "name", "description"), "Another text."),
    "example": ((*SENT, "properties", "name", "example"), "Another name"),
    "examples": ((*GET, "responses", "200", "content", "application/json", "examples"), {}),
    "summary": ((*GET, "summary"), "Another text."),
    "default": ((*RECORD, "properties", "is_default", "default"), True),
    "personal text": ((*SENT, "properties", "name", "x-personal-text"), False),
    "declared tags": (("tags",), [{"name": "other"}, {"name": "conversation-meta"}]),
    "optional field": ((*SENT, "properties", "mood"), {"type": "string"}),
    "wider type sent": ((*SENT, "properties", "name", "type"), ["string", "integer"]),
    "enum value sent": ((*NAMED, "Scene", "enum"), ["group_chat", "assistant", "party"]),
    "optional parameter": (
        (*POST, "parameters"),
        [{"name": "space", "in": "query", "schema": {"type": "string"}}],
    ),
    "optional body": ((*GET, "requestBody"), {"content": {"application/json": {"schema": {"type": "string"}}}}),
    "enum answered": ((*RECORD, "properties", "scene", "enum"), ["assistant"]),
    "answered minimum": ((*RECORD, "properties", "name", "minLength"), 1),
    "error status": ((*GET, "responses", "404"), GONE),
    "another way in": ((*POST, "security"), [{"bearerAuth": []}, {"other": []}, {}]),
}


def edited(edit: Edit, document: dict[str, Any] = OLD) -> dict[str, Any]:
    document = copy.deepcopy(document)
    (*way, last), value = edit
    node: Any = document
    for key in way:
        node = node[key]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return document


def renamed(old: str, new: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(OLD).replace(old, new))
    return document


def test_a_spec_breaks_nothing_of_its_own() -> None:
    assert check_breaking.compare(WHOLE, WHOLE) == []


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_is_found(name: str) -> None:
    edit, expected = BREAKING[name]
    lines = check_breaking.compare(OLD, edited(edit))
    assert any(line.startswith(f"BREAKING {expected}") for line in lines), lines
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("name", REVERSIBLE)
def test_the_way_back_is_harmless(name: str) -> None:
    assert check_breaking.compare(edited(BREAKING[name][0]), OLD) == []


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_silent(name: str) -> None:
    assert check_breaking.compare(OLD, edited(HARMLESS[name])) == []


def test_a_new_value_breaks_only_those_who_read_it() -> None:
    old = edited(((*RECORD, "properties", "scene", "enum"), ["assistant"]))
    new = edited(((*RECORD, "properties", "scene", "enum"), ["assistant", "party"]))
    assert f"BREAKING {ON_GET} 200.result.scene: party may now come" in check_breaking.compare(old, new)
    assert check_breaking.compare(new, old) == []


@pytest.mark.parametrize(
    ("limit", "loose", "tight"),
    [("minimum", 0, 1), ("maximum", 9, 8), ("maxLength", 9, 8), ("maxItems", 9, 8), ("exclusiveMinimum", -1, 0)],
)
def test_limits_have_a_direction(limit: str, loose: int, tight: int) -> None:
    place = (*SENT, "properties", "name", limit)
    expected = f"BREAKING {ON_POST} body.name: {limit} was {loose}, is {tight}"
    assert check_breaking.compare(edited((place, loose)), edited((place, tight))) == [expected]
    assert check_breaking.compare(edited((place, tight)), edited((place, loose))) == []


def test_renaming_a_schema_renames_a_class() -> None:
    assert check_breaking.compare(OLD, renamed("LlmProviderConfig", "LlmProvider")) == [
        "BREAKING package class LlmProviderConfig: is gone or renamed"
    ]


def test_a_renamed_path_says_where_it_is() -> None:
    lines = check_breaking.compare(OLD, renamed("/api/v0/memories/conversation-meta", "/api/v0/conversation-meta"))
    assert len(lines) == 3
    assert lines[0] == (
        "BREAKING operation GET /api/v0/memories/conversation-meta: is now GET /api/v0/conversation-meta"
    )


def test_a_change_inside_a_schema_that_contains_itself_is_found() -> None:
    folder = {"type": "object", "properties": {"name": {"type": "string"}}}
    tree = edited(((*NAMED, "Extra"), folder | {"additionalProperties": {"$ref": "#/components/schemas/Extra"}}))
    lines = check_breaking.compare(tree, edited(((*NAMED, "Extra", "properties", "name", "minLength"), 1), tree))
    assert f"BREAKING {ON_POST} body.user_details.*.extra.name: minLength was None, is 1" in lines


def test_a_change_of_a_union_or_of_all_of_is_found_in_one_direction() -> None:
    union = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    old = edited(((*SENT, "properties", "mood"), union))
    new = edited(((*SENT, "properties", "mood"), {"type": "integer"}))
    assert check_breaking.compare(old, new) == [f"BREAKING {ON_POST} body.mood: string is no longer accepted"]
    assert check_breaking.compare(new, edited(((*SENT, "properties", "mood"), {"type": "number"}))) == []

    old = edited(((*SENT, "properties", "mood"), {"allOf": [{"type": "string"}]}))
    new = edited(((*SENT, "properties", "mood"), {"allOf": [{"type": "string", "minLength": 1}]}))
    assert check_breaking.compare(old, new) == [f"BREAKING {ON_POST} body.mood: minLength was None, is 1"]
    new = edited(((*SENT, "properties", "mood"), {"allOf": []}))
    assert check_breaking.compare(old, new) == [f"BREAKING {ON_POST} body.mood: allOf has more or fewer members"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the script alone in its first commit, and the spec in its second."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    (tmp_path / "openapi.yaml").write_text(TEXT)
    commit(tmp_path)
    return tmp_path


# A git hook sets variables that name its own repository.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, env=ENVIRONMENT)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A step")


def run(repository: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, str(repository / "scripts" / SCRIPT.name), *arguments]
    # Started elsewhere, because the script must find the repository by its own place.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=repository.parent, env=ENVIRONMENT
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.process
def test_the_script_compares_with_a_commit(repository: Path) -> None:
    assert run(repository, "HEAD") == (0, "nothing in openapi.yaml breaks what worked at HEAD\n", "")
    (repository / "openapi.yaml").write_text(TEXT.replace('["provider", "model"]', '["provider", "model", "extra"]'))
    code, out, err = run(repository, "HEAD")
    assert (code, err) == (1, "")
    place = "/api/v0/memories/conversation-meta body.llm_custom_setting.boundary.extra"
    assert out.splitlines() == [f"BREAKING request {method} {place}: is now required" for method in ("POST", "PATCH")]


@pytest.mark.process
def test_the_script_says_what_is_wrong_with_a_ref(repository: Path) -> None:
    code, out, err = run(repository, "HEAD~1")
    assert (code, out, err) == (0, "HEAD~1 has no openapi.yaml: nothing to compare\n", "")

    for ref in ("no-such-branch", "HEAD~9", ""):
        code, out, err = run(repository, ref)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"no commit {ref!r} here")
        assert "Give a branch, a tag or a commit" in err

    code, out, err = run(repository)
    assert (code, out) == (2, "")
    assert "the following arguments are required: BASE" in err


@pytest.mark.process
def test_the_script_needs_two_specs_that_can_be_read(repository: Path) -> None:
    for text in ("a: [", "- a", "openapi: 3.1.0", TEXT.replace('schemas/Scene"', 'schemas/Scent"')):
        (repository / "openapi.yaml").write_text(text)
        code, out, err = run(repository, "HEAD")
        assert (code, out, err.count("\n")) == (2, "", 1), text[:40]
        assert "`make validate` says more" in err
