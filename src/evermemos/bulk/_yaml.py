"""Records in YAML, by pyyaml, with the lines of what stands there. Holds one record at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from evermemos_api.types import json_path

from ..errors import ConfigurationError
from ._input import Entry, Problem

try:
    import yaml
except ImportError:
    raise ConfigurationError("YAML needs pyyaml: pip install 'evermemos-client[bulk]'") from None

# libyaml, where pyyaml was built with it, is ten times as fast.
_Events: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# Nodes of one record, aliases unfolded: a few lines of YAML can stand for more than any memory holds.
MOST_NODES = 100_000


class _Constructor(yaml.SafeLoader):
    """Makes values of nodes. A time stays the text that it is written as."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self) -> None:
        super().__init__("")


class _Refused(yaml.YAMLError):
    """A node that is no part of a record."""

    def __init__(self, node: Any, problem: str) -> None:
        super().__init__(problem)
        self.line = node.start_mark.line + 1
        self.problem = problem


def load(file: IO[bytes]) -> Iterator[Entry | Problem]:
    """Read records: one in each document, or a list of them."""
    try:
        composer = _Composer(file)
        for node in composer.records():
            try:
                values = _value(node)
            except _Refused as refused:
                yield Problem(refused.line, refused.problem)
                continue
            except yaml.MarkedYAMLError as error:
                yield _problem(error)
                continue
            yield Entry(node.start_mark.line + 1, values, lambda path, node=node: _line(node, path))  # type: ignore[misc]
    except yaml.MarkedYAMLError as error:
        yield _problem(error)
    except yaml.YAMLError as error:
        # The reader's, of bytes that are no text; it does not know lines.
        yield Problem(1, f"not YAML: {str(error).splitlines()[0]}")
    except RecursionError:
        yield Problem(1, "not YAML: nested too deeply")


def dump(values: dict[str, Any], *, ascii: bool = False) -> bytes:
    """Write one record as a document, with escapes for all that is not ASCII if that is wanted."""
    text: bytes = yaml.dump(
        values,
        Dumper=_Dumper,
        explicit_start=True,
        sort_keys=False,
        allow_unicode=not ascii,
        encoding="utf-8",
        width=120,
    )
    return text


class _Composer:
    """Makes nodes of events, as pyyaml does, but one record of a list after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._events = yaml.parse(file, Loader=_Events)
        self._resolve: Any = _Constructor().resolve
        self._anchors: dict[str, Any] = {}

    def records(self) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                event = next(self._events)
                if not isinstance(event, yaml.SequenceStartEvent):
                    node = self._node(event)
                    # A document of comments alone.
                    if node.tag != "tag:yaml.org,2002:null" or node.value:
                        yield node
                    continue
                while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                    yield self._node(event)

    def _node(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _Refused(event, f"there is no anchor {event.anchor!r} before")
            return self._anchors[event.anchor]
        kind: Any = {
            yaml.ScalarEvent: yaml.ScalarNode,
            yaml.SequenceStartEvent: yaml.SequenceNode,
            yaml.MappingStartEvent: yaml.MappingNode,
        }[type(event)]
        tag = event.tag
        value: Any = event.value if kind is yaml.ScalarNode else []
        if tag in (None, "!"):
            tag = self._resolve(kind, value if kind is yaml.ScalarNode else None, event.implicit)
        node = kind(tag, value, event.start_mark, event.end_mark)
        if kind is yaml.SequenceNode:
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                value.append(self._node(inner))
        elif kind is yaml.MappingNode:
            while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
                key = self._node(inner)
                value.append((key, self._node(next(self._events))))
        # After its content: a node that holds itself has no end.
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node


def _value(node: Any) -> Any:
    left = MOST_NODES
    inside = [node]
    while inside:
        part = inside.pop()
        left -= 1
        if left < 0:
            raise _Refused(node, f"more than {MOST_NODES} values in one record, aliases counted where they are used")
        if isinstance(part, yaml.SequenceNode):
            inside += part.value
        elif isinstance(part, yaml.MappingNode):
            keys = set()
            for key, value in part.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in keys:
                        raise _Refused(key, f"{key.value}: it is there twice")
                    keys.add(key.value)
                inside.append(value)
    constructor = _Constructor()
    try:
        return constructor.construct_document(node)
    finally:
        constructor.dispose()


def _line(node: Any, path: str) -> int:
    """Find the line of a field, or of the innermost thing around it that stands in the file."""
    found: int = node.start_mark.line + 1
    while path:
        inner: list[tuple[str, Any, Any]] = []
        if isinstance(node, yaml.MappingNode):
            inner = [(json_path((key.value,)), key, value) for key, value in node.value if isinstance(key.value, str)]
        elif isinstance(node, yaml.SequenceNode):
            inner = [(json_path((index,)), value, value) for index, value in enumerate(node.value)]
        path = path if path.startswith(("[", ".")) else f".{path}"
        for step, place, value in sorted(inner, key=lambda each: -len(each[0])):
            if path.startswith(step) and path[len(step) :][:1] in ("", ".", "["):
                found, node, path = place.start_mark.line + 1, value, path[len(step) :]
                break
        else:
            break
    return found


def _problem(error: Any) -> Problem:
    mark = error.problem_mark or error.context_mark
    return Problem(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
