"""openapi.yaml, read at run time: which operations there are, who may call them, and what they take.

The document is shipped with the generated package, so an edit of it reaches the sandbox with `make generate`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from ._messages import Issue, Place, Refused, Unanswerable, loads
from ._schema import Check, Schemas, issue, model, or_null

Document = dict[str, Any]
# By API version.
_ROLES = {"v0": ["user", "assistant", "tool"], "v1": ["user", "assistant"]}
# The schemas of objects with a role.
_WITH_ROLE = ("UserDetail", "UserDetailV0", "AddMemoriesV0Request", "AddMemoriesV1Request", "LoadedMessage")


class Parameter(NamedTuple):
    """A parameter in the query or in a header.

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
        is_open (bool): Whether nobody is asked for a key, not even where the sandbox has one of its own.
        query (Mapping[str, Parameter]): The query parameters by name.
        headers (Mapping[str, Parameter]): The parameters in headers by name.
        body (Check | None): What the body is held against, None for an operation without one.
        fields (tuple[str, ...]): The declared fields of the body, in the order of the spec.
        errors (Mapping[str, Any]): The body of an error by HTTP status, where the spec has an example.
    """

    id: str
    writes: bool
    key_needed: bool
    is_open: bool
    query: Mapping[str, Parameter]
    headers: Mapping[str, Parameter]
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
    rules = {} if strict else {name: _known_role("v0" if "V0" in name else "v1") for name in _WITH_ROLE}
    schemas = Schemas(named, rules, closed=strict)
    routes = {
        path: {method.upper(): _operation(method, operation, schemas, content) for method, operation in item.items()}
        for path, item in content["paths"].items()
    }
    return Spec(routes, named, strict)


def _operation(method: str, operation: Document, schemas: Schemas, content: Document) -> Operation:
    parameters: dict[str, dict[str, Parameter]] = {"query": {}, "header": {}}
    for given in operation.get("parameters", []):
        parameter = _resolved(given, content)
        schema = parameter["schema"]
        is_list = schema.get("type") == "array"
        kind = _resolved(schema["items"] if is_list else schema, content).get("type", "string")
        known = Parameter(kind, is_list, parameter.get("required", False), schemas.check(schema))
        parameters[parameter["in"]][parameter["name"]] = known
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    errors = {}
    for status, response in operation["responses"].items():
        media = _resolved(response, content)["content"]["application/json"]
        if "example" in media:
            errors[status] = media["example"]
    security = operation.get("security", [])
    return Operation(
        operation["operationId"],
        method != "get",
        {} not in security,
        security == [{}],
        parameters["query"],
        parameters["header"],
        schemas.check(body) if body else None,
        tuple(_resolved(body, content)["properties"]) if body else (),
        errors,
    )


def _resolved(part: Document, content: Document) -> Document:
    """Follow a reference to a component."""
    if "$ref" not in part:
        return part
    _, kind, name = part["$ref"].rsplit("/", 2)
    found: Document = content["components"][kind][name]
    return found


def _as_servers_do(content: Document) -> None:
    """Edit the spec to what servers are known to take beyond it or instead of it (docs/server-behaviour.md)."""
    schemas = content["components"]["schemas"]
    text = {"type": ["string", "null"]}
    # The application looks at the scene (400), and a rule at the role, in any letter case.
    schemas["Scene"].pop("enum")
    schemas["UserRole"].pop("enum")
    schemas["UserRoleV0"].pop("enum")
    schemas["CreateConversationMetaV0Request"]["required"].remove("scene")
    # Of a message of an agent, which only the open-source v0 server takes.
    message = schemas["AddMemoriesV0Request"]
    calls = {"type": ["array", "null"], "items": {"type": "object"}}
    fields = {**message["properties"], "tool_calls": calls, "tool_call_id": text, "raw_data_type": text}
    # In the order in which a 422 names them.
    order = ["content", "tool_calls", "tool_call_id", "refer_list", "flush", "raw_data_type"]
    message["properties"] = {name: fields[name] for name in [*(each for each in fields if each not in order), *order]}


def _known_role(api: str) -> Check:
    roles = _ROLES[api]

    def check(owner: Any, place: Place) -> list[Issue]:
        role = owner.get("role")
        # An empty one is as none.
        if not role or role.lower() in roles:
            return []
        words = f"Value error, Invalid role '{role}'. Must be one of: {roles}"
        return [issue("value_error", place, owner, words, ctx={"error": {}})]

    return check


def arguments(
    operation: Operation, query: str, headers: Mapping[str, str], body: bytes, *, strict: bool
) -> dict[str, Any] | None:
    """Read and check what an operation is called with, from the query, the headers and the body together.

    Args:
        operation (Operation): The operation.
        query (str): The query of the request.
        headers (Mapping[str, str]): The headers of the request, by their names in lower case.
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
    for name, parameter in operation.headers.items():
        if name.lower() in headers:
            values[name], found = _read(parameter, [headers[name.lower()]], ("header", name.lower()))
            issues += found
    content: Any = {}
    if body and (operation.body or (operation.query and not strict)):
        content = content_of(body, headers.get("content-type", ""))
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
            values[name], found = _read(parameter, given[name], place)
            issues += found
        elif parameter.required:
            issues.append(issue("missing", place, None, "Field required"))
    for name in given if strict else ():
        if name not in operation.query:
            issues.append(issue("extra_forbidden", ("query", name), given[name][-1], "Extra inputs are not permitted"))
    return values, issues


def content_of(body: bytes, content_type: str) -> Any:
    """Read a body: as JSON where its type says so or nothing, else as text.

    Raises:
        Refused: If it is not JSON.
        Unanswerable: If it is not text. Servers fail to repeat it in an error.
    """
    if not _is_json(content_type):
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise Unanswerable from error
    try:
        return loads(body)
    except json.JSONDecodeError as error:
        problem = issue("json_invalid", ("body", error.pos), {}, "JSON decode error", ctx={"error": error.msg})
        raise Refused(422, detail=[problem]) from None
    except ValueError:
        raise Refused(400, detail="There was an error parsing the body") from None


@lru_cache(64)
def _is_json(content_type: str) -> bool:
    # Servers take a type that has not one slash for text/plain.
    main, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return not content_type or (main == "application" and re.fullmatch("([^/]*[+])?json", subtype) is not None)


def _like_query(operation: Operation) -> Check:
    return model({name: or_null(parameter.check) for name, parameter in operation.query.items()})


def _read(parameter: Parameter, texts: list[str], place: Place) -> tuple[Any, list[Issue]]:
    """Read and check the values of a parameter. Of one that may not be repeated the last one counts."""
    cast = _CASTS.get(parameter.kind)
    texts = texts if parameter.is_list else texts[-1:]
    if cast is None:
        values: list[Any] = texts
        issues: list[Issue] = []
    else:
        values = [cast.read(text) for text in texts]
        places = [(*place, number) if parameter.is_list else place for number in range(len(texts))]
        unread = zip(values, texts, places, strict=True)
        issues = [issue(cast.kind, where, text, cast.words) for value, text, where in unread if value is None]
    value = values if parameter.is_list else values[-1]
    return value, issues or parameter.check(value, place)


class Cast(NamedTuple):
    """How text is read: a function that gives None for what is none, pydantic's kind of issue, and its words."""

    read: Callable[[str], Any]
    kind: str
    words: str


def _integer(text: str) -> int | None:
    return int(text.partition(".")[0]) if re.fullmatch(r"[+-]?[0-9]{1,300}(\.0*)?", text.strip()) else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if text.isascii() and math.isfinite(value) else None


_BOOLEANS = {
    **dict.fromkeys(("true", "t", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "f", "0", "no", "n", "off"), False),
}
_CASTS = {
    "integer": Cast(_integer, "int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    "number": Cast(_number, "float_parsing", "Input should be a valid number, unable to parse string as a number"),
    "boolean": Cast(
        lambda text: _BOOLEANS.get(text.lower()),
        "bool_parsing",
        "Input should be a valid boolean, unable to interpret input",
    ),
}
