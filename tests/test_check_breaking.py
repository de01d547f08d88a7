"""What scripts/check_breaking.py must report about an edit of the real spec, and what it must not."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import check_breaking
import pytest
import yaml

SCRIPT = Path(check_breaking.__file__)
TEXT = check_breaking.SPEC.read_text()
# Through JSON, so that no part is shared: an edit is made in one place.
OLD = json.loads(json.dumps(yaml.safe_load(TEXT)))
GET = ("paths", "/api/v1/memories/conversation-meta", "get")
POST = (*GET[:2], "post")
NAMED = ("components", "schemas")
SENT = (*NAMED, "CreateConversationMetaV1Request")
RECORD = (*NAMED, "ConversationMetaResponse")
GONE = object()

Edit = tuple[tuple[Any, ...], Any]

ON_POST = "request POST /api/v1/memories/conversation-meta"
ON_GET = "response GET /api/v1/memories/conversation-meta"

BREAKING: dict[str, tuple[Edit, str]] = {
    # Requests.
    "required field": (((*SENT, "required"), ["tags"]), f"{ON_POST} body.tags: is now required"),
    "field gone": (((*SENT, "properties", "tags"), GONE), f"{ON_POST} body.tags: is gone"),
    "enum value gone": (((*NAMED, "Scene", "enum"), ["group_chat"]), f"{ON_POST} body.scene: assistant is no longer"),
    "const": (((*SENT, "properties", "name", "const"), "x"), f"{ON_POST} body.name: any other value is no longer"),
    "type": (((*SENT, "properties", "name", "type"), "integer"), f"{ON_POST} body.name: string is no longer accepted"),
    "null gone": (((*SENT, "properties", "tags", "type"), "array"), f"{ON_POST} body.tags: null is no longer accepted"),
    "null gone from a reference": (
        ((*NAMED, "UserDetail", "properties", "role"), {"$ref": "#/components/schemas/UserRole"}),
        f"{ON_POST} body.user_details.*.role: null is no longer accepted",
    ),
    "closed": (((*NAMED, "UserDetail", "additionalProperties"), False), f"{ON_POST} body.user_details.*.*: an unlisted"),
    "map of less": (
        ((*NAMED, "SceneDesc", "additionalProperties"), {"type": "string"}),
        f"{ON_POST} body.scene_desc.*: number is no longer accepted",
    ),
    "items": (((*SENT, "properties", "tags", "items", "maxLength"), 5), f"{ON_POST} body.tags[]: maxLength was None, is 5"),
    "minimum length": (((*SENT, "properties", "name", "minLength"), 1), f"{ON_POST} body.name: minLength was None, is 1"),
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
    "schema gone": (((*NAMED, "Scene"), GONE), "package class Scene: is gone or renamed"),
}

# Of these the way back is harmless.
REVERSIBLE = [
    *("required field", "field gone", "enum value gone", "const", "null gone", "null gone from a reference", "closed"),
    *("items", "minimum length", "pattern", "parameter required", "body required", "answered field gone"),
    *("no longer required", "new null", "wider type", "error field gone", "operation gone", "security", "repeat"),
    "schema gone",
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


def edited(*edits: Edit) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(OLD)
    for (*way, last), value in edits:
        node: Any = document
        for key in way:
            node = node[key]
        if value is GONE:
            del node[last]
        else:
            node[last] = value
    return document


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_is_found(name: str) -> None:
    edit, expected = BREAKING[name]
    if name == "schema gone":
        new = json.loads(json.dumps(OLD).replace("/Scene\"", "/Mood\"").replace('"Scene"', '"Mood"'))
        assert check_breaking.compare(OLD, new) == ["BREAKING package class Scene: is gone or renamed"]
        return
    lines = check_breaking.compare(OLD, edited(edit))
    assert any(line.startswith(f"BREAKING {expected}") for line in lines), lines
