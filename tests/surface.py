"""Print as JSON what users meet of the package `evermemos`: ours, or the official SDK, whichever this Python has.

Names are written as in `APIError`, `APIError.message`, `client.close()`, `client.v0.memories.add(content=)`, and
`$EVERMEMOS_API_KEY` for a variable. What `sync` and `async` hold is named alike, whichever client has it.
"""

import ast
import contextlib
import importlib
import inspect
import json
import pkgutil
import re
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import evermemos

Found = Iterator[tuple[str, dict[str, Any]]]
PACKAGES = ("evermemos", "evermemos_api")
# What both clients have, each in its own way.
TWINS = ("EverMemOS", "Client", "APIResponse", "RawResponse", "Stream")
# What says in the type of an argument that it takes None; TimeoutTypes is an alias of ours.
NONE = r"\b(None|Optional|TimeoutTypes)\b"
RAW = (".with_raw_response.", ".with_streaming_response.")


def main() -> None:
    raw = getattr(evermemos, "RawResponse", None)
    found = {
        "names": dict([*names(evermemos), *inside("types"), *inside("resources"), *generated(), *variables()]),
        "sync": dict([*client(evermemos.EverMemOS), *response(raw or evermemos.APIResponse)]),
        "async": dict([*client(evermemos.AsyncEverMemOS), *response(raw or evermemos.AsyncAPIResponse)]),
    }
    print(json.dumps(found))


def public(candidates: Iterable[str]) -> list[str]:
    return [name for name in candidates if not name.startswith("_")]


def exported(module: types.ModuleType) -> dict[str, Any]:
    named = {*getattr(module, "__all__", ()), "__version__"}
    return {name: getattr(module, name) for name in dir(module) if name in named or not name.startswith("_")}


def names(module: types.ModuleType, prefix: str = "") -> Found:
    """What a module exports, with the members of its classes."""
    for name, value in exported(module).items():
        is_class = isinstance(value, type)
        yield prefix + name, {"bases": [base.__name__ for base in value.__mro__] if is_class else []}
        if is_class and name.removeprefix("Async") not in TWINS:
            yield from members(prefix + name, value)


def inside(name: str) -> Found:
    """What the modules in a package inside ours export, each thing at the shortest path that leads to it."""
    with contextlib.suppress(ModuleNotFoundError):
        package = importlib.import_module(f"evermemos.{name}")
        below = (each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
        seen: list[object] = []
        for module in sorted(
            [package, *map(importlib.import_module, below)], key=lambda each: each.__name__.count(".")
        ):
            for own in public(getattr(module, "__all__", vars(module))):
                value = getattr(module, own)
                is_theirs = getattr(value, "__module__", "").startswith((package.__name__, "typing"))
                if is_theirs and not any(value is other for other in seen):
                    seen.append(value)
                    place = f"{module.__name__.removeprefix('evermemos.')}.{own}"
                    yield place, {}
                    if name == "types" and isinstance(value, type):
                        yield from members(place, value)


def generated() -> Found:
    """The package beside ours that has the models."""
    with contextlib.suppress(ModuleNotFoundError):
        for module in map(importlib.import_module, ("evermemos_api.models", "evermemos_api.types")):
            yield module.__name__, {}
            yield from names(module, f"{module.__name__}.")


def members(place: str, cls: type) -> Found:
    """The fields, methods and properties of a class, and the arguments of its constructor."""
    above = [each for each in exported(evermemos).values() if each in cls.__mro__[1:]]
    theirs = {name for each in above for name in (*dir(each), *inspect.get_annotations(each))}
    for base in reversed([base for base in cls.__mro__ if base.__module__.partition(".")[0] in PACKAGES]):
        # Some fields are set by the constructor: the docstring has them.
        described = re.findall(r"^ {4}(\w+) \(", inspect.cleandoc(base.__doc__ or ""), re.MULTILINE)
        fields = public([*inspect.get_annotations(base), *described])
        for name in {*fields, *public(vars(base))}:
            value = getattr(base, name, None)
            if callable(value) and not isinstance(value, type):
                found = method(f"{place}.{name}", value)
            else:
                found = iter([(f"{place}.{name}", {"is_field": name in fields})])
            yield from ((each, {**entry, "is_inherited": name in theirs}) for each, entry in found)
    if "__init__" in vars(cls) and not hasattr(cls, "__attrs_attrs__"):
        yield from arguments(place, vars(cls)["__init__"])


def response(cls: type) -> Found:
    yield from members(cls.__name__.removeprefix("Async"), cls)


def client(cls: Callable[..., Any]) -> Found:
    yield from arguments("EverMemOS", cls)
    yield from tree("client", cls(api_key="none"))


def tree(place: str, part: object) -> Found:
    """What is below a part of a client."""
    for name in public(dir(part)):
        value, below = getattr(part, name), f"{place}.{name}"
        if inspect.isroutine(value):
            yield from method(below, value)
        else:
            yield below, {}
            if type(value).__module__.startswith("evermemos."):
                yield from tree(below, value)


def method(place: str, value: Callable[..., Any]) -> Found:
    is_raw = any(part in place for part in RAW)
    yield f"{place}()", {"is_awaited": inspect.iscoroutinefunction(value), "is_raw": is_raw}
    if not is_raw:
        yield from arguments(place, value)


def arguments(place: str, function: Callable[..., Any]) -> Found:
    for name, parameter in inspect.signature(function).parameters.items():
        takes_none = bool(re.search(NONE, str(parameter.annotation)))
        if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            yield f"{place}({name}=)", {"is_required": parameter.default is parameter.empty, "takes_none": takes_none}


def variables() -> Found:
    """Variables of the environment: those that are read by their names, and those that have ours."""
    for path in Path(str(evermemos.__file__)).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        calls = [each for each in nodes if isinstance(each, ast.Call) and ast.unparse(each.func) == "os.environ.get"]
        read = [call.args[0] for call in calls]
        for node in nodes:
            if isinstance(node, ast.Constant) and (node in read or re.fullmatch("EVER[A-Z_]+", str(node.value))):
                yield f"${node.value!s}", {}


if __name__ == "__main__":
    main()
