"""Write the API reference from the docstrings, and the documents of the project beside it, as HTML.

Usage: make docs, or .venv/bin/python scripts/docs.py [FOLDER]; the folder is build/docs if it is not given.
Exit code 1 if the tool warns, something public is not there with its docstring, or a link leads nowhere.
"""

import functools
import html
import inspect
import operator
import re
import shutil
import sys
import types
import typing
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import evermemos_api.models
import evermemos_api.types
import pdoc.render
from evermemos_api.types import Unset
from pdoc.doc import Class, Doc, Function, Module, Variable

import evermemos
import evermemos.bulk
import evermemos.errors
import evermemos.pytest_plugin
import evermemos.sandbox

ROOT = Path(__file__).resolve().parent.parent
# Documents that become pages, by the name of the page.
DOCUMENTS = {"index": ROOT / "README.md", **{path.stem: path for path in sorted((ROOT / "docs").glob("*.md"))}}
# What is below a client gets a page, though no module has that name.
CLIENTS = {
    "client": evermemos.EverMemOS(api_key="none", base_url="http://localhost"),
    "async_client": evermemos.AsyncEverMemOS(api_key="none", base_url="http://localhost"),
}
# Methods that send nothing and return what has methods of its own, with arguments for them.
HANDLES: dict[str, tuple[str, ...]] = {"conversation": ("group",), "default_conversation": ()}
TREE = "What an `evermemos.{}` has. These classes are not there to be imported or made: a client has their instances."
# Classes outside of the tree that users get, and do not make.
GIVEN = {"AsyncMemoryIterator", "AsyncRun", "Input", "MemoryIterator", "RawResponse", "Result", "Run"}
# What a module is called whose names are not for users, in the tool's own words.
PRIVATE = r"(^|\.)_"
# What is said of aliases, which have no docstrings.
ALIASES = {
    "Action": "What became of a record, or would become of it, as `Result` says of each method.",
    "Memory": "Each kind of memory that is listed.",
}
# Every model has it, so it is said once.
UNKNOWN = "additional_properties"
MODELS = (
    f"What all models have, and the error of reading one. `{UNKNOWN}` has the fields that the API does not declare."
)
BASES = {
    name: value
    for name, value in vars(evermemos_api.types).items()
    if inspect.isclass(value) and value.__module__ in ("evermemos_api.types", "evermemos_api.errors")
    if not name.startswith("_") and value is not Unset
}


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else ROOT / "build/docs"
    pdoc.render.configure(docformat="google", show_source=False)
    linked: set[Path] = set()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pages = reference()
        texts = {name: rendered(module, pages) for name, module in pages.items()}
        problems = [*missing(texts)]
        texts |= {name: document(name, path, pages, linked) for name, path in DOCUMENTS.items()}
        search = without_modules(pdoc.render.search_index(pages))
    problems += [str(warning.message) for warning in caught]
    problems += [f"a link leads to {path.name}, which is no file" for path in sorted(linked) if not path.is_file()]
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in texts.items():
        path = folder / address(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "search.js").write_text(search)
    for path in filter(Path.is_file, linked):
        shutil.copy(path, folder)
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    if not problems:
        print(f"Written: {folder / 'index.html'}")
    return int(bool(problems))


def address(name: str) -> str:
    return f"{name.replace('.', '/')}.html"


# The reference


def reference() -> dict[str, Module]:
    """Return its pages, by their names."""
    # In the order in which they are drawn.
    errors = [name for name in vars(evermemos.errors) if name in evermemos.errors.__all__]
    first = [type(client).__name__ for client in CLIENTS.values()]
    pages = [
        page(evermemos, [*first, *(name for name in evermemos.__all__ if name not in (*first, *errors))]),
        *(tree(name, client) for name, client in CLIENTS.items()),
        page(evermemos.bulk, evermemos.bulk.__all__),
        page(evermemos.errors, errors),
        page(evermemos.sandbox, evermemos.sandbox.__all__),
        Module(evermemos.pytest_plugin),
        page(evermemos_api.models, evermemos_api.models.__all__),
        made("evermemos_api.types", MODELS, BASES),
    ]
    for module in pages:
        for member in module.members.values():
            tidy(member)
    return {module.modulename: module for module in pages}


def page(module: types.ModuleType, names: Iterable[str]) -> Module:
    """Make the page of a module, which may import its names lazily."""
    return made(module.__name__, module.__doc__, {name: getattr(module, name) for name in names})


def tree(name: str, client: object) -> Module:
    """Make the page of all classes below a client."""
    classes = {type(part).__name__: type(part) for part in below(client)}
    for cls in classes.values():
        # By this the tool knows where to link to.
        cls.__module__ = name
    return made(name, TREE.format(type(client).__name__), classes)


def below(part: object) -> Iterator[object]:
    """Everything that properties and handles lead to."""
    for name, member in inspect.getmembers_static(type(part)):
        is_property = isinstance(member, (property, functools.cached_property))
        if not name.startswith("_") and (is_property or name in HANDLES):
            value = getattr(part, name)
            value = value if is_property else value(*HANDLES[name])
            if type(value).__module__ != "builtins":
                yield value
                yield from below(value)


def made(name: str, text: str | None, members: dict[str, Any], markup: str = "google") -> Module:
    module = types.ModuleType(name, text)
    vars(module).update(members, __all__=list(members), __docformat__=markup)
    return Module(module)


def tidy(doc: Doc[Any], kinds: Mapping[Any, Any] | None = None) -> None:
    """Take away what is not for users, and what would be said twice. TypeVars become the types that they stand for."""
    kinds = kinds or {}
    if isinstance(doc, Function):
        shown = [
            each.replace(annotation=each.empty if each.name == "self" else readable(each.annotation, kinds))
            for each in doc.signature.parameters.values()
            if each.name != UNKNOWN
        ]
        answer = readable(doc.signature.return_annotation, kinds)
        doc.signature = doc.signature.replace(parameters=shown, return_annotation=answer)
        if doc.docstring.startswith("Method generated by attrs"):
            doc.docstring = ""
    if isinstance(doc, Variable):
        doc.annotation = readable(doc.annotation, kinds)
        doc.docstring = doc.docstring or ALIASES.get(doc.qualname, "")
    if isinstance(doc, Class):
        # The type arguments of a private base class, of which users see the members alone.
        kinds = dict(pair for base in getattr(doc.obj, "__orig_bases__", ()) for pair in stands_for(base))
        bases = [base for base in doc.bases if not re.search(PRIVATE, f"{base[0]}.{base[1]}")]
        doc.bases = [
            (module, name, re.sub(r"(collections\.abc|typing)\.|~", "", text))
            for module, name, text in bases
            if (module, name) != ("typing", "Generic")
        ]
        is_made_by_users = doc.modulename not in CLIENTS and doc.name not in GIVEN and not issubclass(doc.obj, tuple)
        for name, member in list(doc.members.items()):
            if member.docstring.startswith("Alias for field number"):
                member.docstring = ""
            is_said = isinstance(member, Variable) and not member.docstring and is_described(doc.obj, name)
            is_constructor = name == "__init__" and name in vars(doc.obj) and is_made_by_users
            if is_said or (name.startswith("_") and not is_constructor):
                del doc.members[name]
                continue
            if re.search(PRIVATE, ".".join(member.taken_from)):
                # The tool hides what is inherited from a class without a page.
                member.taken_from = (doc.modulename, member.qualname)
            tidy(member, kinds)


def stands_for(base: Any) -> Iterator[tuple[Any, Any]]:
    """Which type each TypeVar of a base class is in a subclass."""
    variables = getattr(typing.get_origin(base), "__parameters__", ())
    for variable, kind in zip(variables, typing.get_args(base), strict=False):
        is_forward = isinstance(kind, typing.ForwardRef)
        yield variable, getattr(evermemos_api.models, kind.__forward_arg__) if is_forward else kind


def readable(annotation: Any, kinds: Mapping[Any, Any]) -> Any:
    """Write a type as users know it."""
    if isinstance(annotation, typing.TypeVar):
        return kinds.get(annotation, named(annotation.__name__))
    if typing.get_origin(annotation) is typing.Unpack:
        # Which Python writes with a star, that is for tuples.
        return types.GenericAlias(named("Unpack"), typing.get_args(annotation))
    if variables := getattr(annotation, "__parameters__", ()):
        annotation = annotation[tuple(readable(each, kinds) for each in variables)]
    return without_unset(annotation)


def named(name: str) -> type:
    """Return a type of which users see the name alone."""
    return type(name, (), {"__module__": "builtins"})


def without_unset(annotation: Any) -> Any:
    """Leave out the type of UNSET: the default says that an argument may be left out."""
    kinds = typing.get_args(annotation)
    if Unset not in kinds:
        return annotation
    return functools.reduce(operator.or_, [kind for kind in kinds if kind is not Unset])


def is_described(cls: type, name: str) -> bool:
    """Whether the docstring of a class, or of one above it, describes an attribute."""
    return name == UNKNOWN or any(f"    {name} (" in (base.__doc__ or "") for base in cls.__mro__)


def rendered(module: Module, pages: dict[str, Module]) -> str:
    """Return a page, in whose links classes are without their modules, by which lines would become too long."""
    modules = "|".join(map(re.escape, sorted(pages, key=len, reverse=True)))
    text = re.sub(rf'(<a href="[^"]*#[^"]*">)(?:{modules})\.', r"\1", pdoc.render.html_module(module, pages))
    return without_modules(text)


def without_modules(text: str) -> str:
    """Take the names of private modules, and of typing, away from types."""
    coloured = '</span><span class="o">.</span><span class="n">'
    dot = rf"(?:\.|{re.escape(coloured)})"
    text = re.sub(rf"\bevermemos(?:{dot}[a-z]\w*)*(?:{dot}_[a-z]\w*)+{dot}", "", text)
    return re.sub(rf"\btyping(?:{re.escape(coloured)}|\.(?=(?:Any|Literal|Optional|Union)\b))", "", text)


# What is checked


def missing(texts: dict[str, str]) -> Iterator[str]:
    """Name the classes, methods, properties and functions that are not on a page with their docstring."""
    sections = dict(re.findall(r' id="([\w.]+)"(.*?)(?= id="|\Z)', "".join(texts.values()), re.DOTALL))
    found: dict[str, object] = {}
    for name, each in public():
        found[name] = each
        if inspect.isclass(each):
            members = own(each).items()
            found |= {
                f"{name}.{own_name}": member for own_name, member in members if is_for_users(each, own_name, member)
            }
    for name, member in found.items():
        text = (inspect.getdoc(member) or "").partition("\n")[0]
        if not text:
            yield f"{name} has no docstring"
        elif letters(text) not in letters(sections.get(name, "")):
            yield f"{name} is not there with its docstring"


def public() -> Iterator[tuple[str, object]]:
    """Every class that users meet, and every function."""
    yield from BASES.items()
    for module in (evermemos, evermemos.bulk, evermemos.sandbox, evermemos_api.models):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield name, value
    for client in CLIENTS.values():
        yield from {(type(part).__name__, type(part)) for part in below(client)}


def own(cls: type) -> dict[str, object]:
    """Return the members of a class, with those of base classes that have no page."""
    above = [base for base in cls.__mro__[1:] if re.search(PRIVATE, f"{base.__module__}.{base.__name__}")]
    return {name: each for base in reversed([cls, *above]) for name, each in vars(base).items()}


def is_for_users(cls: type, name: str, member: object) -> bool:
    is_method = inspect.isroutine(member) or isinstance(member, (property, functools.cached_property))
    return is_method and not name.startswith("_") and not is_described(cls, name)


def letters(text: str) -> str:
    """Return what HTML and Markdown of the same text have in common."""
    return re.sub(r"[\W_]", "", html.unescape(re.sub(r"<[^>]*>", "", text)))


# The documents


def document(name: str, path: Path, pages: dict[str, Module], linked: set[Path]) -> str:
    """Return the page of a document. What it links to and is no page is added to `linked`."""
    addresses = {other: address(name) for name, other in DOCUMENTS.items()}

    def moved(link: re.Match[str]) -> str:
        target = (path.parent / link[1]).resolve()
        if target not in addresses:
            linked.add(target)
        return f"]({addresses.get(target, target.name)}"

    heading, _, text = re.sub(r"\]\(([^)#:\s]+)(?=[)#])", moved, path.read_text()).partition("\n")
    if name == "index":
        links = [f"[{each}]({address(each)})" for each in (*pages, *DOCUMENTS) if each != name]
        text = f"\nReference and documents: {', '.join(links)}.\n{text}"
    module = made(name, f"{heading}\n{text}", {}, "markdown")
    # It has a heading of its own, and pictures of any size.
    page = re.sub(r'<h1 class="modulename">.*?</h1>', "", rendered(module, pages), count=1, flags=re.DOTALL)
    return page.replace("<img src=", '<img style="max-width: 100%" src=')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
