"""Show what an edit of openapi.yaml breaks for callers and for users of the generated package.

Usage: check_breaking.py BASE    compare the file with the one at a git ref, such as main, v1.2.0 or HEAD~1
Exit:  0 nothing breaks, 1 something does, 2 there is no such ref or a spec cannot be read

What callers send by the old spec must fit the new one, and what servers answer by the new spec must fit the old one.
Descriptions, examples, defaults, new operations, new optional fields and error statuses are never reported.
Neither is x-safe-to-repeat turning true: that only promises more. Turning false, it takes repeats away.
What an operation uses in several places is reported at the first of them.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

SPEC = Path(__file__).resolve().parent.parent / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
TYPES = ["string", "number", "boolean", "array", "object", "null"]
# 1 where a larger value leaves less, -1 where a smaller one does, 0 where any other value may.
LIMITS = dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), 1)
LIMITS |= dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), -1)
LIMITS |= dict.fromkeys(("pattern", "multipleOf", "uniqueItems"), 0)

Node = dict[str, Any]
# One object, because comparisons are remembered by the identity of what is compared.
ANY: Node = {}
Faults = Iterator[tuple[str, str]]


def compare(old: Node, new: Node) -> list[str]:
    """One line for each thing that works with the old spec and not with the new one."""
    lines = [f"package class {name}: is gone or renamed" for name in schemas(old) if name not in schemas(new)]
    before, after = operations(old), operations(new)
    moved = {operation["operationId"]: f"is now {name}" for name, operation in after.items()}
    for name, operation in before.items():
        if name not in after:
            lines.append(f"operation {name}: {moved.get(operation['operationId'], 'is gone')}")
            continue
        lines += [f"operation {name}: {message}" for message in conduct(operation, after[name])]
        request, response = Direction("request", old, new, set()), Direction("response", new, old, set())
        lines += [f"request {name} {place}: {text}" for place, text in requests(request, operation, after[name])]
        lines += [f"response {name} {place}: {text}" for place, text in responses(response, operation, after[name])]
    return [f"BREAKING {line}" for line in dict.fromkeys(lines)]


def schemas(document: Node) -> Node:
    found: Node = document.get("components", {}).get("schemas", {})
    return found


def operations(document: Node) -> dict[str, Node]:
    """Every operation by method and path, with what it inherits."""
    found = {}
    for path, item in document["paths"].items():
        for method in (method for method in METHODS if method in item):
            listed = [resolve(document, p) for p in item.get("parameters", []) + item[method].get("parameters", [])]
            parameters = {f"{p['in']} {p['name']}": p for p in listed}
            inherited = {"security": document.get("security", [])}
            found[f"{method.upper()} {path}"] = inherited | item[method] | {"parameters": parameters}
    return found


def resolve(document: Node, node: Node) -> Node:
    while "$ref" in node:
        _, _, section, name = node["$ref"].split("/")
        node = document["components"][section][name]
    return node


def conduct(old: Node, new: Node) -> Iterator[str]:
    for key, effect in (("operationId", "the module is renamed"), ("tags", "the module moves")):
        if old.get(key) != new.get(key):
            yield f"{key} was {old.get(key)}, is {new.get(key)}: {effect}"
    if old.get("x-safe-to-repeat") and not new.get("x-safe-to-repeat"):
        yield "x-safe-to-repeat is no longer true: the client gives up where it tried again"
    for choice in credentials(old):
        if not any(needed <= choice for needed in credentials(new)):
            yield f"{' and '.join(sorted(choice)) or 'no credential'} is no longer enough"


def credentials(operation: Node) -> list[set[str]]:
    """The sets of credentials and scopes of which one is enough."""
    choices = operation["security"] or [{}]
    return [{*choice, *(f"{name} {scope}" for name in choice for scope in choice[name])} for choice in choices]


class Direction(NamedTuple):
    """All that the spec `given` allows must fit the spec `taken`; `seen` ends the comparison of recursive schemas."""

    name: str
    given: Node
    taken: Node
    seen: set[tuple[str, int, int]]

    def say(self, request: str, response: str) -> str:
        return request if self.name == "request" else response


def requests(way: Direction, old: Node, new: Node) -> Faults:
    for name, parameter in new["parameters"].items():
        if parameter.get("required") and not old["parameters"].get(name, {}).get("required"):
            yield name, "is now required"
    for name, parameter in old["parameters"].items():
        if name not in new["parameters"]:
            yield name, "is gone"
        else:
            yield from fits(way, parameter.get("schema", ANY), new["parameters"][name].get("schema", ANY), name)
    before, after = (resolve(d, o.get("requestBody", {})) for d, o in ((way.given, old), (way.taken, new)))
    if after.get("required") and not before.get("required"):
        yield "body", "is now required"
    yield from contents(way, before, after, "body")


def responses(way: Direction, old: Node, new: Node) -> Faults:
    for status, answer in old.get("responses", {}).items():
        if status in new.get("responses", {}):
            after, before = resolve(way.given, new["responses"][status]), resolve(way.taken, answer)
            yield from contents(way, after, before, status)
        elif str(status).startswith("2"):
            yield status, "is gone"
    for status in new.get("responses", {}):
        # The generated code reads it, but callers expect the models of the others.
        if str(status).startswith("2") and status not in old.get("responses", {}):
            yield status, "is a new kind of success"


def contents(way: Direction, given: Node, taken: Node, place: str) -> Faults:
    given, taken = given.get("content", {}), taken.get("content", {})
    old, new = (given, taken) if way.name == "request" else (taken, given)
    yield from ((place, f"{media} is gone") for media in old if media not in new)
    for media in (media for media in old if media in new):
        yield from fits(way, given[media].get("schema", ANY), taken[media].get("schema", ANY), place)


def branches(document: Node, schema: Node) -> list[tuple[str, Node]]:
    """A schema as alternatives of one type each."""
    schema = resolve(document, schema)
    members = schema.get("anyOf") or schema.get("oneOf")
    if members:
        return [branch for member in members for branch in branches(document, member)]
    types = schema.get("type") or ("object" if "properties" in schema else TYPES)
    return [(kind, schema) for kind in ([types] if isinstance(types, str) else types)]


def fits(way: Direction, given: Node, taken: Node, place: str) -> Faults:
    """Whether every alternative of one schema fits some alternative of the other."""
    for kind, part in branches(way.given, given):
        same = [other for k, other in branches(way.taken, taken) if k == kind or (kind, k) == ("integer", "number")]
        if not same:
            yield place, f"{kind} " + way.say("is no longer accepted", "may now come")
        else:
            yield from min((list(narrower(way, kind, part, other, place)) for other in same), key=len)


def narrower(way: Direction, kind: str, given: Node, taken: Node, place: str) -> Faults:
    """What one schema allows and another does not, of a type that both have."""
    if (kind, id(given), id(taken)) in way.seen:
        return
    way.seen.add((kind, id(given), id(taken)))
    old, new = (given, taken) if way.name == "request" else (taken, given)
    possible, allowed = ([s["const"]] if "const" in s else s.get("enum", []) for s in (given, taken))
    for value in [v for v in possible or ["any other value"] if v not in allowed] if allowed else []:
        yield place, f"{value} " + way.say("is no longer accepted", "may now come")
    if old.get("format") != new.get("format"):
        yield place, f"format was {old.get('format')}, is {new.get('format')}: the Python type changes"
    for key, sign in LIMITS.items():
        changed = key in taken and taken[key] is not False and taken[key] != given.get(key)
        if changed and (key not in given or sign == 0 or (taken[key] > given[key]) == (sign > 0)):
            yield place, f"{key} was {old.get(key)}, is {new.get(key)}"
    if len(given.get("allOf", [])) != len(taken.get("allOf", [])):
        yield place, "allOf has more or fewer members"
    for part, other in zip(given.get("allOf", []), taken.get("allOf", []), strict=False):
        yield from fits(way, part, other, place)
    if kind == "array":
        yield from fits(way, given.get("items", ANY), taken.get("items", ANY), f"{place}[]")
    if kind == "object":
        yield from fields(way, given, taken, place)


def fields(way: Direction, given: Node, taken: Node, place: str) -> Faults:
    old, new = (given, taken) if way.name == "request" else (taken, given)
    for name in old.get("properties", {}):
        if name not in new.get("properties", {}):
            yield f"{place}.{name}", "is gone"
        else:
            yield from fits(way, given["properties"][name], taken["properties"][name], f"{place}.{name}")
    for name in taken.get("required", []):
        if name not in given.get("required", []):
            yield f"{place}.{name}", way.say("is now required", "may now be absent")
    more, fewer = (
        ANY if s.get("additionalProperties", True) is True else s["additionalProperties"] for s in (given, taken)
    )
    if more is not False and fewer is not False:
        yield from fits(way, more, fewer, f"{place}.*")
    elif more is not False:
        yield f"{place}.*", "an unlisted field " + way.say("is no longer accepted", "may now come")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", metavar="BASE", help="a branch, a tag or a commit")
    base = parser.parse_args().base
    try:
        commit = git("rev-parse", "--verify", "--end-of-options", f"{base}^{{commit}}").strip()
    except (OSError, subprocess.CalledProcessError) as error:
        reason = " ".join(str(getattr(error, "stderr", error)).split())
        print(f"no commit {base!r} here ({reason}). Give a branch, a tag or a commit that is fetched", file=sys.stderr)
        return 2
    if not git("ls-tree", "--name-only", commit, SPEC.name):
        print(f"{base} has no {SPEC.name}: nothing to compare")
        return 0
    try:
        old, new = (yaml.safe_load(text) for text in (git("show", f"{commit}:./{SPEC.name}"), SPEC.read_text()))
        lines = compare(old, new)
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        print(f"{SPEC.name} cannot be read, here or at {base}: {error!r}. `make validate` says more", file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    if not lines:
        print(f"nothing in {SPEC.name} breaks what worked at {base}")
    return 1 if lines else 0


def git(*arguments: str) -> str:
    command = ["git", "-C", str(SPEC.parent), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
