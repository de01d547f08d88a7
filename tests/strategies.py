"""Hypothesis strategies for the subset of JSON Schema that openapi.yaml uses: bodies that conform, and that do not."""

import copy
from functools import cache
from typing import Any, NamedTuple

import yaml
from conftest import ROOT
from hypothesis import strategies as st

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
COMPONENTS: dict[str, Any] = DOCUMENT["components"]["schemas"]
Path = tuple[str | int, ...]
Schema = dict[str, Any]

# Names that mean something to the models themselves, among the unknown ones that a server may send.
NAMES = st.sampled_from(["additional_properties", "additional_keys", "to_dict", "self", "type_", "x-y"]) | st.text()
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(-(2**53), 2**53),
    "number": st.integers(-100, 100) | st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(max_size=8),
}
JSON = st.recursive(
    st.one_of(*SCALARS.values()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=3,
)
# What a broken body has in place of a value. The text must never show up in an error.
CANARY = "somebody's own words"
WRONG: tuple[Any, ...] = (None, True, 7, 1.5, CANARY, [], {}, [CANARY], {"unknown": CANARY})


@cache
def conforming(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that conform to a component of openapi.yaml."""
    return _objects(COMPONENTS[name])


def _values(schema: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return conforming(name) if COMPONENTS[name]["type"] == "object" else _values(COMPONENTS[name])
    if "anyOf" in schema:
        return st.one_of(*map(_values, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kinds = schema.get("type", "any")
    if isinstance(kinds, list):
        return st.one_of(*(_values({**schema, "type": kind}) for kind in kinds))
    if kinds == "array":
        return st.lists(_values(schema["items"]), max_size=3)
    return SCALARS.get(kinds, JSON)


def _objects(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties", {})
    fields = {name: _values(inner) for name, inner in properties.items()}
    required = {name: fields.pop(name) for name in schema.get("required", ())}
    declared = st.fixed_dictionaries(required, optional=fields)
    additional = schema.get("additionalProperties", True)
    others = JSON if additional is True else _values(additional)
    unknown = st.dictionaries(NAMES.filter(lambda name: name not in properties), others, max_size=2)
    bodies = st.builds(lambda known, more: {**known, **more}, declared, unknown)
    return bodies.filter(lambda body: len(body) >= schema.get("minProperties", 0))


class Change(NamedTuple):
    """One place of a body and what is put there; `drop` takes the place out instead."""

    path: Path
    value: Any
    drop: bool = False

    def apply(self, body: Any) -> Any:
        """Return a changed copy."""
        if not self.path:
            return copy.deepcopy(self.value)
        body = copy.deepcopy(body)
        *outer, last = self.path
        place = body
        for key in outer:
            place = place[key]
        if self.drop:
            del place[last]
        else:
            place[last] = copy.deepcopy(self.value)
        return body


def changes(body: Any, path: Path = ()) -> list[Change]:
    """Every single change of a body that may break it."""
    found = [Change(path, value) for value in WRONG]
    if path and isinstance(path[-1], str):
        found.append(Change(path, None, drop=True))
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inside:
        found += changes(value, (*path, key))
    return found
