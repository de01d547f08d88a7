"""Schemas of openapi.yaml, compiled to functions that list what is wrong with a value.

The words, the places and the order are pydantic's, because that is what servers put into a 422. A validator of JSON
Schema gives neither, and a translation of what it finds would be longer than this.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from ._messages import Issue, Place

Schema: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[Any, Place], list[Issue]]


class Keyword(NamedTuple):
    """What a value is held against: a test, pydantic's kind of issue, and its words about the limit."""

    holds: Callable[[Any, Any], bool]
    kind: str
    words: str


_TYPES: dict[str, Keyword] = {
    "string": Keyword(lambda value, _: isinstance(value, str), "string_type", "Input should be a valid string"),
    "boolean": Keyword(lambda value, _: isinstance(value, bool), "bool_type", "Input should be a valid boolean"),
    "integer": Keyword(
        lambda value, _: _is_number(value) and value == int(value), "int_type", "Input should be a valid integer"
    ),
    "number": Keyword(lambda value, _: _is_number(value), "float_type", "Input should be a valid number"),
    "array": Keyword(lambda value, _: isinstance(value, list), "list_type", "Input should be a valid list"),
    "object": Keyword(lambda value, _: isinstance(value, dict), "dict_type", "Input should be a valid dictionary"),
}
# By the type that they speak of.
_LIMITS: dict[str, dict[str, Keyword]] = {
    "number": {
        "minimum": Keyword(
            lambda value, limit: value >= limit, "greater_than_equal", "Input should be greater than or equal to {}"
        ),
        "maximum": Keyword(
            lambda value, limit: value <= limit, "less_than_equal", "Input should be less than or equal to {}"
        ),
        "exclusiveMinimum": Keyword(
            lambda value, limit: value > limit, "greater_than", "Input should be greater than {}"
        ),
        "exclusiveMaximum": Keyword(lambda value, limit: value < limit, "less_than", "Input should be less than {}"),
    },
    "string": {
        "minLength": Keyword(
            lambda value, limit: len(value) >= limit, "string_too_short", "String should have at least {} characters"
        ),
        "maxLength": Keyword(
            lambda value, limit: len(value) <= limit, "string_too_long", "String should have at most {} characters"
        ),
        "pattern": Keyword(
            lambda value, limit: re.search(limit, value) is not None,
            "string_pattern_mismatch",
            "String should match pattern '{}'",
        ),
    },
    "array": {
        "minItems": Keyword(
            lambda value, limit: len(value) >= limit, "too_short", "List should have at least {} items"
        ),
        "maxItems": Keyword(lambda value, limit: len(value) <= limit, "too_long", "List should have at most {} items"),
    },
    "object": {
        "minProperties": Keyword(
            lambda value, limit: len(value) >= limit, "too_short", "Dictionary should have at least {} items"
        ),
    },
}
_LIMITS["integer"] = _LIMITS["number"]
# What says nothing about which values are allowed, or is looked at together with another keyword.
_SILENT = {"description", "example", "examples", "deprecated", "format", "type", "properties", "required"}
_SILENT |= {"additionalProperties", "items", "enum", "anyOf", "x-personal-text"}

_BOOLEANS = {"true", "t", "1", "yes", "y", "on", "false", "f", "0", "no", "n", "off"}
_EXTRA = "Extra inputs are not permitted"


def issue(kind: str, place: Place, value: Any, words: str, **more: Any) -> Issue:
    """Describe one thing that is wrong with `value`."""
    return {"type": kind, "loc": place, "msg": words, "input": value, **more}


class Schemas:
    """Compiles schemas.

    Args:
        named (Mapping[str, Schema]): components/schemas of the spec.
        rules (Mapping[str, Check]): What servers ask beyond the spec of the objects of a schema, by its name. A rule
            sees an object whose fields are in order.
        closed (bool): Whether objects with declared fields refuse all others.
    """

    def __init__(self, named: Mapping[str, Schema], rules: Mapping[str, Check], *, closed: bool) -> None:
        self._named = named
        self._rules = rules
        self._closed = closed
        self._made: dict[str, Check] = {}

    def check(self, schema: Schema) -> Check:
        """Compile one schema.

        Raises:
            NotImplementedError: If the schema says something that this does not understand.
        """
        if "$ref" in schema:
            return self._reference(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            branches = schema["anyOf"]
        else:
            types = schema.get("type", ())
            branches = [{**schema, "type": one} for one in ([types] if isinstance(types, str) else types)]
        checks = [self._plain(branch) for branch in branches if branch.get("type") != "null"]
        if not checks:
            return lambda *_: []
        check = checks[0] if len(checks) == 1 else _any_of(checks)
        return or_null(check) if len(checks) < len(branches) else check

    def _reference(self, name: str) -> Check:
        if name not in self._made:
            # Looked up when it is called: a schema may refer to itself.
            self._made[name] = lambda value, place: self._made[name](value, place)
            check, rule = self.check(self._named[name]), self._rules.get(name)
            self._made[name] = check if rule is None else lambda value, place: check(value, place) or rule(value, place)
        return self._made[name]

    def _plain(self, schema: Schema) -> Check:
        """Compile a schema of one type."""
        if "type" not in schema:
            return self.check(schema)
        kind = schema["type"]
        limits = _LIMITS.get(kind, {})
        if unknown := schema.keys() - limits.keys() - _SILENT:
            raise NotImplementedError(f"the sandbox does not understand {', '.join(sorted(unknown))} of a {kind}")
        if kind == "object":
            return self._object(schema)
        if kind == "boolean" and not self._closed:
            return boolean
        checks = [_keyword(_TYPES[kind], None)]
        checks += [_keyword(limits[name], limit) for name, limit in schema.items() if name in limits]
        if "enum" in schema:
            checks.append(_one_of(schema["enum"]))
        if "items" in schema:
            checks.append(_items(self.check(schema["items"])))
        return checks[0] if len(checks) == 1 else _first_of(checks)

    def _object(self, schema: Schema) -> Check:
        others = schema.get("additionalProperties", True)
        if "properties" in schema:
            fields = {name: self.check(field) for name, field in schema["properties"].items()}
            checks = [model(fields, frozenset(schema.get("required", ())), closed=self._closed or others is False)]
        else:
            checks = [_keyword(_TYPES["object"], None)]
            checks += [_values(self.check(others))] if isinstance(others, Mapping) else []
        limits = _LIMITS["object"]
        checks += [_keyword(limits[name], limit) for name, limit in schema.items() if name in limits]
        return checks[0] if len(checks) == 1 else _first_of(checks)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _keyword(keyword: Keyword, limit: Any) -> Check:
    holds, kind, words = keyword.holds, keyword.kind, keyword.words.format(limit)
    return lambda value, place: [] if holds(value, limit) else [issue(kind, place, value, words)]


def boolean(value: Any, place: Place) -> list[Issue]:
    """Check a boolean, or what pydantic reads as one where it is not strict."""
    if isinstance(value, str):
        is_known = value.lower() in _BOOLEANS
    elif isinstance(value, (int, float)) and abs(value) < 2**63 and value == int(value):
        is_known = value in (0, 1)
    else:
        return [issue("bool_type", place, value, "Input should be a valid boolean")]
    words = "Input should be a valid boolean, unable to interpret input"
    return [] if is_known else [issue("bool_parsing", place, value, words)]


def _one_of(values: list[Any]) -> Check:
    *most, last = [repr(value) for value in values]
    expected = f"{', '.join(most)} or {last}" if most else last
    context = {"expected": expected}
    return lambda value, place: (
        [] if value in values else [issue("literal_error", place, value, f"Input should be {expected}", ctx=context)]
    )


def or_null(check: Check) -> Check:
    """Let null through."""
    return lambda value, place: [] if value is None else check(value, place)


def _first_of(checks: list[Check]) -> Check:
    """What the first of the checks finds that finds anything."""

    def check(value: Any, place: Place) -> list[Issue]:
        for one in checks:
            if found := one(value, place):
                return found
        return []

    return check


def _any_of(checks: list[Check]) -> Check:
    """What all of the checks find, or nothing if one finds nothing."""

    def check(value: Any, place: Place) -> list[Issue]:
        found = [one(value, place) for one in checks]
        return [problem for problems in found for problem in problems] if all(found) else []

    return check


def _items(check: Check) -> Check:
    return lambda value, place: [found for n, item in enumerate(value) for found in check(item, (*place, n))]


def _values(check: Check) -> Check:
    return lambda value, place: [found for key, item in value.items() for found in check(item, (*place, key))]


def model(fields: Mapping[str, Check], required: frozenset[str] = frozenset(), *, closed: bool = False) -> Check:
    """Check an object of declared fields."""

    def check(value: Any, place: Place) -> list[Issue]:
        if not isinstance(value, dict):
            words = "Input should be a valid dictionary or object to extract fields from"
            return [issue("model_attributes_type", place, value, words)]
        found: list[Issue] = []
        for name, field in fields.items():
            if name in value:
                found += field(value[name], (*place, name))
            elif name in required:
                found.append(issue("missing", (*place, name), value, "Field required"))
        if closed:
            extra = [name for name in value if name not in fields]
            found += [issue("extra_forbidden", (*place, name), value[name], _EXTRA) for name in extra]
        return found

    return check
