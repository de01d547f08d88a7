"""Check openapi.yaml: OpenAPI 3.1, and the rules of the house that keep the generated client right.

Usage: check_spec.py [path]    one line for each fault and exit 1, or one line of counts and exit 0

The generator says nothing about most of these faults. It writes a client that sends or reads the wrong thing.
"""

import argparse
import difflib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml
from jsonschema.exceptions import SchemaError
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

# Of the two validators that openapi-spec-validator can use, the one whose messages name what is wrong. The other would
# be taken as soon as it is installed, for whatever reason.
os.environ["OPENAPI_SPEC_VALIDATOR_SCHEMA_VALIDATOR_BACKEND"] = "jsonschema"
SPEC = Path(__file__).resolve().parent.parent / "openapi.yaml"
STATUSES = {"400", "401", "403", "404", "409", "422", "429", "500", "503", "default"}
# Names that the generated models have themselves.
TAKEN = {"additional_keys", "additional_properties", "affected", "check", "from_dict", "hits"}
TAKEN |= {"min_properties", "to_dict"}
# The pure Python loader takes five times as long, and is the same otherwise.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Every kind of object, the keys it may have and what they hold: an object of a kind, or a list or map* of it.
# A key that the generator does not read is left out, so that nobody counts on it.
TABLE = """
document         openapi info servers tags paths=path-item* components=components
components       schemas=schema* responses=response* parameters=parameter* requestBodies=request-body*
components       securitySchemes=security-scheme*
path-item        summary description parameters=parameter* get=operation put=operation post=operation
path-item        delete=operation options=operation head=operation patch=operation trace=operation
operation        operationId tags summary description deprecated security externalDocs x-safe-to-repeat
operation        parameters=parameter* requestBody=request-body responses=response*
parameter        name in description required deprecated schema=schema example examples
request-body     description required content=media-type*
response         description content=media-type* headers=header*
header           description required deprecated schema=schema example examples
media-type       schema=schema example examples
security-scheme  type description name in scheme bearerFormat flows openIdConnectUrl
schema           type enum const format description deprecated readOnly writeOnly externalDocs x-personal-text
schema           minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern
schema           minItems maxItems uniqueItems minProperties maxProperties required default example examples
schema           properties=schema* additionalProperties=schema items=schema prefixItems=schema*
schema           anyOf=schema* allOf=schema* x-hits x-affected
reference        $ref summary description deprecated example examples x-personal-text
"""
KINDS: dict[str, dict[str, str]] = {}
for row in TABLE.strip().splitlines():
    name, *words = row.split()
    KINDS.setdefault(name, {}).update({key: child for key, _, child in (word.partition("=") for word in words)})
HINTS = {
    "explode": "the generator writes a list as name=a&name=b in any case, remove it",
    "nullable": "it is OpenAPI 3.0. Write type: [string, 'null'], or anyOf of the $ref and {type: 'null'}",
    "oneOf": "write anyOf, or an enum for a choice of values",
    "style": "the generator writes a list as name=a&name=b in any case, remove it",
    "title": "it would rename the generated class, remove it",
}

Place = tuple[str, ...]
Node = dict[str, Any]


class Spec:
    def __init__(self, text: str) -> None:
        loader = Loader(text)
        root: Any = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise yaml.YAMLError("the top level is not a mapping with openapi, info, paths and components")
        self.lines: dict[Place, int] = {}
        self.bad_keys = list(self.read(root, ()))
        self.document: Any = loader.construct_document(root)
        self.components: dict[str, Node] = self.document.get("components", {})
        self.items = list(self.walk(self.document, "document", ()))

    def read(self, node: yaml.Node, place: Place) -> Iterator[tuple[Place, str]]:
        """Note the line of every place, and yield what is wrong with keys, which the document no longer shows."""
        self.lines.setdefault(place, node.start_mark.line + 1)
        for index, part in enumerate(node.value if isinstance(node, yaml.SequenceNode) else ()):
            yield from self.read(part, (*place, str(index)))
        for key, part in node.value if isinstance(node, yaml.MappingNode) else ():
            inner, line = (*place, str(key.value)), key.start_mark.line + 1
            if inner in self.lines:
                yield inner, f"the key stands in line {self.lines[inner]} and in line {line}: remove one"
            if not key.tag.endswith((":str", ":merge")):
                yield inner, "the key is not text: quote it"
            self.lines[inner] = line
            yield from self.read(part, inner)

    def walk(self, node: Any, kind: str, place: Place) -> Iterator["Item"]:
        """Every object of the document. One with a $ref is of the kind 'schema-reference' or the like."""
        if not isinstance(node, dict):
            return
        yield Item(self, place, f"{kind}-reference" if "$ref" in node else kind, node)
        for key, child in KINDS[kind].items():
            value = node.get(key)
            many = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for name, part in many if child.endswith("*") else ():
                yield from self.walk(part, child[:-1], (*place, key, str(name)))
            if child in KINDS:
                yield from self.walk(value, child, (*place, key))

    def reached(self, roots: Iterable[Place]) -> set[Place]:
        """The roots, and the components that they refer to over any number of steps."""
        found, size = set(roots), -1
        while size != len(found):
            size = len(found)
            found |= {target(item.node) for item in self.items if "$ref" in item.node and item.inside(found)}
        return found


class Item(NamedTuple):
    spec: Spec
    place: Place
    kind: str
    node: Node

    def inside(self, places: set[Place]) -> bool:
        return any(self.place[:size] in places for size in range(len(self.place) + 1))

    def fault(self, message: str, *below: object) -> str:
        place, lines = (*self.place, *map(str, below)), self.spec.lines
        line = next(lines[place[:size]] for size in range(len(place), -1, -1) if place[:size] in lines)
        return f"{'/'.join(('#', *place))}: {' '.join(message.split())} (line {line})"


def target(node: Node) -> Place:
    return tuple(node["$ref"].removeprefix("#/").split("/"))


def types(node: Node) -> list[str]:
    kind: Any = node.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def suggest(word: object, known: Iterable[str], otherwise: str = "correct or remove it") -> str:
    close = difflib.get_close_matches(str(word), map(str, known), 1)
    return f"did you mean '{close[0]}'?" if close else otherwise


def is_json(content: Node) -> bool:
    return list(content) == ["application/json"] and "schema" in content["application/json"]


def has_memories(node: Node) -> bool:
    return "memories" in node.get("required", []) and "array" in types(node.get("properties", {}).get("memories", {}))


def has_message(node: Node) -> bool:
    return {"result", "message"} <= {*node.get("properties", {})}


def is_null_or(members: list[Node]) -> bool:
    return {"type": "null"} not in members or any("$ref" in member for member in members)


class Rule(NamedTuple):
    name: str
    kinds: tuple[str, ...]
    run: Callable[[Item], Iterable[str]]


RULES: list[Rule] = []


def must(kinds: str, key: str, right: Callable[[Node], object], message: str) -> None:
    """Register a rule about one object by itself; the comment above each says why it is there."""

    def run(item: Item) -> list[str]:
        return [] if right(item.node) else [item.fault(message, *key.split())]

    RULES.append(Rule(message, tuple(kinds.split()), run))


def rule(*kinds: str) -> Callable[[Callable[[Item], Iterator[str]]], None]:
    """Register a rule that looks further, or has more to say."""
    return lambda run: RULES.append(Rule(run.__name__, kinds, run))


@rule("document")
def yaml_keys(item: Item) -> Iterator[str]:
    """YAML drops all but the last of equal keys without a word, and 200 is not the key '200'."""
    for place, message in item.spec.bad_keys:
        yield item.fault(message, *place)


@rule("document")
def openapi(item: Item) -> Iterator[str]:
    """The rules of the house only add to the standard."""
    try:
        for error in OpenAPIV31SpecValidator(item.node).iter_errors():
            causes = [error]
            while causes[-1].context:
                causes.append(max(causes[-1].context, key=lambda cause: len(cause.absolute_path)))
            # A path that starts elsewhere is one inside of a schema, without the schema's own place.
            if next(iter(causes[-1].absolute_path), "paths") in item.node:
                yield item.fault(f"not OpenAPI 3.1: {causes[-1].message[-200:]}", *causes[-1].absolute_path)
    except Exception as error:
        yield item.fault(f"openapi-spec-validator stopped, correct the other faults first: {str(error)[:100]}")


@rule("schema")
def schema_forms(item: Item) -> Iterator[str]:
    """Of a faulty schema openapi-spec-validator does not tell the place."""
    try:
        OAS31Validator.check_schema(item.node)
    except SchemaError as error:
        yield item.fault(f"not JSON Schema 2020-12: {error.message[-200:]}", *error.absolute_path)


@rule(*(f"{kind}-reference" for kind in KINDS))
def references(item: Item) -> Iterator[str]:
    """An operation that refers to nothing, or to another kind of thing, is left out of the client."""
    kind, reference, (*start, last) = item.kind.removesuffix("-reference"), item.node["$ref"], target(item.node)
    section = next((name for name, child in KINDS["components"].items() if child == f"{kind}*"), "")
    if start != ["components", section] or last not in item.spec.components.get(section, {}):
        hint = suggest(last, item.spec.components.get(section, {}))
        yield item.fault(f"{reference} is not a {kind} in #/components/{section}: {hint}")
    if item.place[:-1] == ("components", section):
        yield item.fault(f"a component that is only a $ref: use {reference} itself")


@rule(*KINDS, *(f"{kind}-reference" for kind in KINDS))
def known_keys(item: Item) -> Iterator[str]:
    """A misspelt key, or one that the generator does not read, is ignored without a word."""
    known = KINDS["reference" if "$ref" in item.node else item.kind]
    for key in (key for key in item.node if key not in known):
        hint = HINTS.get(key) or suggest(key, known, "nothing reads it here, remove it")
        yield item.fault(f"unknown key in a {item.kind}: {hint}", key)


@rule("document")
def operation_ids(item: Item) -> Iterator[str]:
    """The id names a module: the second of two with one name overwrites the first."""
    seen: dict[str, Item] = {}
    for operation in (i for i in item.spec.items if i.kind == "operation"):
        name, version = str(operation.node.get("operationId", "")), re.search(r"/(v\d+)/", operation.place[1])
        if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            yield operation.fault(f"operationId is '{name}': every operation needs one, in snake_case")
        elif seen.setdefault(name, operation) is not operation:
            yield operation.fault(f"operationId {name} is used twice: rename one")
        elif version and version[1] not in name.split("_"):
            yield operation.fault(f"operationId {name} must contain the version of the path, as in _v1")


@rule("operation", "schema")
def declared_names(item: Item) -> Iterator[str]:
    """A name that is declared nowhere is ignored without a word."""
    node, tags = item.node, [tag.get("name") for tag in item.spec.document.get("tags", [])]
    schemes = [name for choice in node.get("security", []) for name in choice]
    for key, used, known in (
        ("tags", node.get("tags", []), tags),
        ("security", schemes, item.spec.components.get("securitySchemes", {})),
        ("required", node.get("required", []), node.get("properties", {})),
    ):
        for name in (name for name in used if name not in known):
            yield item.fault(f"'{name}' is not declared: {suggest(name, known)}", key)


@rule("operation")
def statuses(item: Item) -> Iterator[str]:
    """The wrapper has an error class for each, which carries the body that is documented."""
    found = {str(status) for status in item.node.get("responses", {})}
    missing = sorted(STATUSES - found) + ([] if {s for s in found if s[0] == "2"} else ["a success status"])
    if missing:
        yield item.fault(f"document {', '.join(missing)} too", "responses")


@rule("schema")
def named_components(item: Item) -> Iterator[str]:
    """The generator makes up a name for what has none, and another one when a neighbour changes."""
    inline = "object" in types(item.node) or {"properties", "additionalProperties", "enum"} & item.node.keys()
    if inline and len(item.place) > 3:
        yield item.fault("an object, map or enum without a name: move it to #/components/schemas and write a $ref")


@rule("schema")
def value_types(item: Item) -> Iterator[str]:
    """A value of another type than the schema's can neither be sent nor read."""
    kind = OAS31Validator({"type": types(item.node)} if "type" in item.node else {})
    for value in item.node.get("enum", []) + [item.node[key] for key in item.node if key == "const"]:
        if not kind.is_valid(value):
            yield item.fault(f"{value!r} is not of type {' or '.join(types(item.node))}: correct one of them")


@rule("schema")
def unions(item: Item) -> Iterator[str]:
    """Of objects that nothing tells apart the first one that fits wins, which may be the wrong one."""
    references = [member for member in item.node.get("anyOf", []) if "$ref" in member]
    parts = [item.spec.components["schemas"][target(member)[-1]] for member in references]
    parts = [part for part in parts if types(part) in ([], ["object"])]
    if len(parts) > 1 and not has_constants(parts) and not has_own_requirements(parts):
        yield item.fault(
            """objects that look alike: give each a required const property, all different, except for a last one that
            takes what is left, or order them so that each requires a property that none after it has""",
            "anyOf",
        )


def has_constants(parts: list[Node]) -> bool:
    for name in parts[0].get("required", []):
        fields = [part.get("properties", {}).get(name, {}) for part in parts]
        required = [field for field, part in zip(fields, parts, strict=True) if name in part.get("required", [])]
        different = {repr(field["const"]) for field in required if "const" in field}
        if len(different) == len(parts) - ("const" not in fields[-1]):
            return True
    return False


def has_own_requirements(parts: list[Node]) -> bool:
    return all(
        {*part.get("required", [])} - {name for other in parts[place:] for name in other.get("properties", {})}
        for place, part in enumerate(parts[:-1], 1)
    )


@rule("document")
def defaults(item: Item) -> Iterator[str]:
    """The generated client sends a default by itself, as if the caller had asked for it."""
    sent = item.spec.reached(i.place for i in item.spec.items if i.kind in {"request-body", "parameter"})
    for schema in item.spec.items:
        if "default" in schema.node and schema.inside(sent):
            yield schema.fault("the client would send it unasked: say it in the description instead", "default")


@rule("document")
def closed_answers(item: Item) -> Iterator[str]:
    """A newer server may add a field, and an answer that allows no further ones could not be read any more."""
    answered = item.spec.reached(i.place for i in item.spec.items if i.kind == "response")
    for schema in item.spec.items:
        if schema.node.get("additionalProperties") is False and schema.inside(answered):
            yield schema.fault("a new field of a server would be an error: leave it open", "additionalProperties")


@rule("document")
def unused_components(item: Item) -> Iterator[str]:
    """What nothing uses is still generated, and nobody notices when it is wrong."""
    used = item.spec.reached([("paths",)])
    choices = [choice for i in item.spec.items if i.kind == "operation" for choice in i.node.get("security", [])]
    used |= {("components", "securitySchemes", name) for choice in choices for name in choice}
    for part in item.spec.items:
        if part.place[:1] == ("components",) and len(part.place) == 3 and part.place not in used:
            yield part.fault(f"no operation uses this {part.kind}: remove it")


@rule("schema", "schema-reference", "media-type", "parameter", "header")
def examples(item: Item) -> Iterator[str]:
    """Examples are what people copy and what the sandbox answers."""
    schema = (*item.place, "schema") if "schema" in item.node else item.place
    pointer = "/".join(quote(part.replace("~", "~0").replace("/", "~1")) for part in schema)
    registry: Registry[Any] = Registry().with_resource("urn:spec", DRAFT202012.create_resource(item.spec.document))
    reference = {"$ref": f"urn:spec#/{pointer}"}
    validator = OAS31Validator(reference, registry=registry, format_checker=oas31_format_checker)
    for place, value in values(item.node):
        for error in validator.iter_errors(value):
            yield item.fault(f"does not fit its schema: {error.message[-200:]}", *place, *error.absolute_path)


def values(node: Node) -> Iterator[tuple[Place, Any]]:
    """The examples and the default of a schema, or of what has one."""
    yield from (((key,), node[key]) for key in ("default", "example") if key in node)
    many = node.get("examples", [])
    if isinstance(many, list):
        yield from ((("examples", str(index)), value) for index, value in enumerate(many))
    else:
        yield from ((("examples", name, "value"), part.get("value")) for name, part in many.items())


# A second tag is ignored, and without one the module lands in a package named default.
must("operation", "", lambda n: len(n.get("tags", [])) == 1, "tags must have exactly one entry")
# The generator does not read security at the top level: the client would send no key.
must("operation", "", lambda n: "security" in n, "security is missing: write it on every operation")
# The client decides by it whether to send a request again.
must("operation", "", lambda n: isinstance(n.get("x-safe-to-repeat"), bool), "x-safe-to-repeat must be true or false")
# The client decides by it what it may print. A quoted 'false' would be true.
SHOWN = "x-personal-text must be true or false"
must("schema schema-reference", "", lambda n: isinstance(n.get("x-personal-text", True), bool), SHOWN)
# A body that is not required is one that the caller can forget, and that of a GET is dropped on the way.
must("request-body", "", lambda n: n.get("required") is True, "write required: true")
must("path-item", "get", lambda n: "requestBody" not in n.get("get", {}), "GET takes no body: use query parameters")
# The template takes the class of `hits()` from the memories, which must be there for it to go through them.
HITS = "x-hits must be true, on an object that requires memories"
must("schema", "", lambda n: n.get("x-hits", True) is True and ("x-hits" not in n or has_memories(n)), HITS)
# The base class of the template takes the number from there.
AFFECTED = "x-affected must be true, on an object with result and message"
must("schema", "", lambda n: n.get("x-affected", True) is True and ("x-affected" not in n or has_message(n)), AFFECTED)
# Without a schema the return type is Any, and our codec knows nothing but JSON: no multipart, no bytes.
JSON = "must be application/json with a schema, and nothing else"
must("request-body response", "content", lambda n: is_json(n.get("content", {})), JSON)
must("schema", "format", lambda n: n.get("format") not in {"binary", "byte"}, "JSON has no bytes: use a plain string")
OURS = f"{', '.join(sorted(TAKEN))} are taken: use another name"
# Every generated class has these itself.
must("schema", "properties", lambda n: not TAKEN & set(n.get("properties", ())), OURS)
# Of the ways to write `or null` and `one of these values`, only one gives the right type.
must("schema", "enum", lambda n: None not in n.get("enum", []), "take null out, and write anyOf where the enum is used")
must("schema", "type", lambda n: "enum" not in n or len(types(n)) == 1, "an enum has exactly one type, and never null")
must("schema", "type", lambda n: not {"object", "null"} <= {*types(n)}, "write anyOf of a $ref and {type: 'null'}")
must("schema", "anyOf", lambda n: not all("const" in m for m in n.get("anyOf", [{}])), "write an enum, as a component")
must("schema", "anyOf", lambda n: is_null_or(n.get("anyOf", [])), "null is for a $ref: write type: [string, 'null']")


def check(text: str, rules: Iterable[Rule] = RULES) -> list[str]:
    """Every fault of a spec, one line each: the place, what is wrong and what to do, the line in the file."""
    try:
        spec = Spec(text)
    except (yaml.YAMLError, RecursionError) as error:
        return [f"#: not a spec: {' '.join(str(error).split())}"]
    faults: list[str] = []
    for name, kinds, run in rules:
        for item in (item for item in spec.items if item.kind in kinds):
            try:
                faults += run(item)
            except Exception as error:
                # A rule may take for granted what the ones before it have found to be wrong.
                if not faults:
                    faults.append(item.fault(f"cannot be read by the rule {name}, write it plainly: {error!r}"))
    return list(dict.fromkeys(faults))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, default=SPEC)
    path = parser.parse_args().path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"{path}: cannot be read: {error}")
        return 1
    faults = check(text)
    if faults:
        print("\n".join(faults))
        return 1
    items = Spec(text).items
    count, shown = Counter(item.kind for item in items), sum(len(list(values(item.node))) for item in items)
    print(f"{path.name}: no faults in {count['operation']} operations, {count['schema']} schemas, {shown} examples")
    return 0


if __name__ == "__main__":
    sys.exit(main())
