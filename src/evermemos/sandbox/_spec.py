"""openapi.yaml, read at run time: which operations there are, who may call them, and what they take.

The document is shipped with the generated package, so an edit of it reaches the sandbox with `make generate`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from ._messages import Issue, Place, Refused, loads
from ._schema import Check, Schemas, issue, model, or_null

Document = dict[str, Any]
_ROLES = ["user", "assistant"]


class Parameter(NamedTuple):
    """A query parameter.

    Attributes:
        kind (str): The type of its value, of one item of it where it is a list.
        is_list (bool): Whether it may be repeated.
        required (bool): Whether it must be there.
        check (Check): What its value is held against.
    """

    kind: str
    is_list: bool
    required: bool
    check: Check


class Operation(NamedTuple):
    """An operation of the spec.

    Attributes:
        id (str): Its operationId.
        writes (bool): Whether it may change a record.
        key_needed (bool): Whether there must be a key, any, where the sandbox has none of its own.
        query (Mapping[str, Parameter]): The query parameters by name.
        body (Check | None): What the body is held against, None for an operation without one.
        fields (tuple[str, ...]): The declared fields of the body, in the order of the spec.
        errors (Mapping[str, Any]): The body of an error by HTTP status, where the spec has an example.
    """

    id: str
    writes: bool
    key_needed: bool
    query: Mapping[str, Parameter]
    body: Check | None
    fields: tuple[str, ...]
    errors: Mapping[str, Any]


class Spec(NamedTuple):
    """openapi.yaml, compiled.

    Attributes:
        routes (Mapping[str, Mapping[str, Operation]]): The operations by path and HTTP method.
        schemas (Mapping[str, Document]): The schemas by name.
        strict (bool): Whether the operations take what the spec says, and not what servers are known to take.
    """

    routes: Mapping[str, Mapping[str, Operation]]
    schemas: Mapping[str, Document]
    strict: bool

    @property
    def operations(self) -> dict[str, Operation]:
        """The operations by id."""
        return {operation.id: operation for route in self.routes.values() for operation in route.values()}


def document() -> Document:
    """Read openapi.yaml."""
    # Found without importing the package, which would import httpx.
    found = find_spec("evermemos_api")
    folder = found and found.submodule_search_locations
    content: Document = json.loads(Path(folder[0] if folder else "", "openapi.json").read_text("utf-8"))
    return content


@cache
def load(*, strict: bool) -> Spec:
    """Compile openapi.yaml."""
    content = document()
    if not strict:
        _as_servers_do(content)
    named = content["components"]["schemas"]
    schemas = Schemas(named, {} if strict else {"UserDetail": _known_role}, closed=strict)
    responses = content["components"]["responses"]
    routes = {
        path: {
            method.upper(): _operation(method, operation, schemas, named, responses)
            for method, operation in item.items()
        }
        for path, item in content["paths"].items()
    }
    return Spec(routes, named, strict)


def _operation(method: str, operation: Document, schemas: Schemas, named: Document, responses: Document) -> Operation:
    query = {}
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        is_list = schema.get("type") == "array"
        kind = schema["items"] if is_list else schema
        kind = named[kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind
        required = parameter.get("required", False)
        query[parameter["name"]] = Parameter(kind.get("type", "string"), is_list, required, schemas.check(schema))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    errors = {}
    for status, response in operation["responses"].items():
        response = responses[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        media = response["content"]["application/json"]
        if "example" in media:
            errors[status] = media["example"]
    return Operation(
        operation["operationId"],
        method != "get",
        {} not in operation.get("security", []),
        query,
        schemas.check(body) if body else None,
        tuple(named[body["$ref"].rpartition("/")[2]]["properties"]) if body else (),
        errors,
    )


def _as_servers_do(content: Document) -> None:
    """Edit the spec to what servers are known to take beyond it or instead of it (contract section 4)."""
    schemas, path = content["components"]["schemas"], "/api/{}/memories/conversation-meta"
    text = {"type": ["string", "null"]}
    # The application looks at the scene (400), and a rule at the role, in any letter case.
    schemas["Scene"].pop("enum")
    schemas["UserRole"].pop("enum")
    # v0 servers have records of groups too.
    create, update = (schemas[f"{verb}ConversationMetaV0Request"] for verb in ("Create", "Update"))
    for request in (create, update):
        request["properties"] = {"group_id": text, "name": text, **request["properties"]}
    create["required"].remove("scene")
    content["paths"][path.format("v0")]["get"]["parameters"] = content["paths"][path.format("v1")]["get"]["parameters"]


def _known_role(user: Any, place: Place) -> list[Issue]:
    role = user.get("role")
    if not role or role.lower() in _ROLES:
        return []
    words = f"Value error, Invalid role '{role}'. Must be one of: {_ROLES}"
    return [issue("value_error", place, user, words, ctx={"error": {}})]


def arguments(operation: Operation, query: str, body: bytes, *, strict: bool) -> dict[str, Any] | None:
    """Read and check what an operation is called with, from the query and the body together.

    Args:
        operation (Operation): The operation.
        query (str): The query of the request.
        body (bytes): The body of the request.
        strict (bool): Whether only that counts which the spec describes.

    Returns:
        dict[str, Any] | None: The arguments by name, or None for a body that is null.

    Raises:
        Refused: If they do not fit the spec.
    """
    values: dict[str, Any] = {}
    issues: list[Issue] = []
    if operation.query or strict:
        values, issues = _query(operation, parse_qs(query, keep_blank_values=True), strict=strict)
    content: Any = {}
    if body and (operation.body or not strict):
        content = _content(body)
        # A request to read has no body in the spec; servers read one all the same, and its fields count more.
        if content is not None or strict:
            issues += (operation.body or _like_query(operation))(content, ("body",))
    elif operation.body and strict:
        issues.append(issue("missing", ("body",), None, "Field required"))
    elif operation.body:
        raise Refused(400, "Expecting value: line 1 column 1 (char 0)")
    if issues:
        raise Refused(422, detail=issues)
    return content if operation.body else {**values, **(content or {})}


def _query(operation: Operation, given: Mapping[str, list[str]], *, strict: bool) -> tuple[dict[str, Any], list[Issue]]:
    values: dict[str, Any] = {}
    issues: list[Issue] = []
    for name, parameter in operation.query.items():
        place = ("query", name)
        if name in given:
            items = [_CASTS[parameter.kind](text) for text in given[name]]
            values[name] = items if parameter.is_list else items[-1]
            issues += parameter.check(values[name], place)
        elif parameter.required:
            issues.append(issue("missing", place, None, "Field required"))
    for name in given if strict else ():
        if name not in operation.query:
            issues.append(issue("extra_forbidden", ("query", name), given[name][-1], "Extra inputs are not permitted"))
    return values, issues


def _content(body: bytes) -> Any:
    try:
        return loads(body)
    except json.JSONDecodeError as error:
        problem = issue("json_invalid", ("body", error.pos), {}, "JSON decode error", ctx={"error": error.msg})
        raise Refused(422, detail=[problem]) from None
    except ValueError:
        raise Refused(400, detail="There was an error parsing the body") from None


def _like_query(operation: Operation) -> Check:
    return model({name: or_null(parameter.check) for name, parameter in operation.query.items()})


def _number(text: str) -> Any:
    """Read a number, or leave what is none to the check that follows."""
    try:
        return loads(text.encode())
    except ValueError:
        return text


_CASTS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _number,
    "number": _number,
    "boolean": lambda text: {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text),
}
