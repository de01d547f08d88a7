"""What every generated model is made of: UNSET, the base classes with their JSON codec, and DecodeError.

A model is a plain attrs declaration. Its codec is compiled from the annotations when the class is first used, as attrs
compiles `__init__`: one function that takes each field as it is if its class is allowed, and hands anything else to the
function for its annotation. Nothing that does not fit gets through; unknown fields are kept in `additional_properties`.
"""

import datetime
import enum
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Generic, Literal, NamedTuple, NoReturn, Self, TypeVar

import attrs

__all__ = [
    "UNSET",
    "DecodeError",
    "MapModel",
    "Model",
    "Response",
    "Unset",
    "describe",
    "encode",
    "hidden",
    "json_path",
]

T = TypeVar("T")
V = TypeVar("V")


class Unset:
    """Type of UNSET, the value of a field that is absent, as opposed to one that is null. There is one instance."""

    __slots__ = ()
    _instance: typing.ClassVar["Unset | None"] = None

    def __new__(cls) -> "Unset":
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Final[Unset] = Unset()


class DecodeError(ValueError):
    """JSON that does not fit the schema.

    Attributes:
        expected (str): What the schema allows at this place.
        got (str): What came: its type, and its value where that cannot be somebody's text.
        path (tuple[str | int, ...]): Where, as keys and indexes from the top.
    """

    def __init__(self, expected: str, got: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(expected, got, path)

    @property
    def expected(self) -> str:
        return str(self.args[0])

    @property
    def got(self) -> str:
        return str(self.args[1])

    @property
    def path(self) -> tuple[str | int, ...]:
        return tuple(self.args[2])

    def inside(self, key: str | int) -> None:
        """Note that the place is inside `key` of an outer value."""
        self.args = (self.expected, self.got, (key, *self.path))

    def __str__(self) -> str:
        return f"${json_path(self.path)}: expected {self.expected}, got {self.got}"


class Model:
    """Base class of the models: JSON objects with declared fields."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Make a model from a parsed JSON object.

        Args:
            src_dict (Mapping[str, Any]): The object. It is not changed.

        Raises:
            DecodeError: If anything in it does not fit the schema.
        """
        if src_dict.__class__ is not dict and not isinstance(src_dict, Mapping):
            raise DecodeError("object", describe(src_dict))
        return _codecs[cls].decode(src_dict)  # type: ignore[no-any-return]

    def to_dict(self) -> dict[str, Any]:
        """Return the parsed JSON object that this model stands for. Fields that are UNSET are left out."""
        return _codecs[self.__class__].encode(self)

    @property
    def additional_keys(self) -> list[str]:
        """Names of the fields that the schema does not declare."""
        return list(getattr(self, "additional_properties", ()))


class MapModel(Model, MutableMapping[str, V], Generic[V]):
    """Base class of the models that are maps: JSON objects without declared fields. They behave as a dict does."""

    __slots__ = ()

    @property
    def _items(self) -> dict[str, V]:
        return self.additional_properties  # type: ignore[attr-defined, no-any-return]

    def __getitem__(self, key: str) -> V:
        return self._items[key]

    def __setitem__(self, key: str, value: V) -> None:
        self._items[key] = value

    def __delitem__(self, key: str) -> None:
        del self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    # attrs would compare with the same class only; a map equals every map with the same items.
    __eq__ = Mapping.__eq__


@attrs.define
class Response(Generic[T]):
    """A response from an endpoint"""

    status_code: HTTPStatus
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T | None


def encode(value: Any) -> Any:
    """Return the JSON value for a field: models and maps become dicts, sequences lists, times ISO 8601 strings."""
    cls = value.__class__
    if cls in _PLAIN:
        return value
    if isinstance(value, Model):
        return value.to_dict()
    if cls is dict or isinstance(value, Mapping):
        return {
            key: item if item.__class__ in _PLAIN else encode(item) for key, item in value.items() if item is not UNSET
        }
    if cls is list or (isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))):
        return [item if item.__class__ in _PLAIN else encode(item) for item in value]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, uuid.UUID) else value


def json_path(path: Iterable[str | int]) -> str:
    """Write a place inside a JSON value, such as `.users['a b'].tags[0]`."""
    return "".join(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]" for key in path)


def hidden(value: Any) -> str:
    """Return a repr that shows how much there is of a personal text, and none of it."""
    if value is None or value is UNSET:
        return repr(value)
    size = f", {len(value)}" if hasattr(value, "__len__") else ""
    return f"<{type(value).__name__}{size}>"


def describe(value: Any, *, text: bool = False) -> str:
    """Name a value that did not fit: its type, and the value itself for numbers and, with `text`, for short strings."""
    if value is None:
        return "null"
    # Python refuses to write integers of thousands of digits.
    if isinstance(value, int) and value.bit_length() > 256:
        return f"int of {value.bit_length()} bits"
    shown = repr(value) if isinstance(value, (bool, int, float)) or (text and isinstance(value, str)) else ""
    return f"{type(value).__name__} {shown[:60]}".strip()


class _Type(NamedTuple):
    """How the values of one annotation are read."""

    expected: str
    accepts: frozenset[type]  # exact classes that are taken as they are
    convert: Callable[[Any], Any]  # for every other value: returns it converted, or raises DecodeError
    json_class: type = type(None)  # the class of JSON values that `convert` can do something with
    constants: Mapping[str, Any] = {}  # of a model: the fields with one possible value


class _Codec(NamedTuple):
    """The two functions of a model class."""

    decode: Callable[[Mapping[str, Any]], Any]
    encode: Callable[[Any], dict[str, Any]]


_MISSING: Final = object()
_PLAIN: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
# Levels of nesting inside a free field that are taken.
DEEPEST: Final = 200

# A field that is read: taken as it is, or converted; and a field that is written.
_READ = """
    v{i} = get({name!r}, {absent})
    if v{i}.__class__ not in accepts{i}:
        if v{i} is MISSING:
            raise DecodeError({expected!r}, "nothing", ({name!r},))
        try:
            v{i} = convert{i}(v{i})
        except DecodeError as error:
            error.inside({name!r})
            raise"""
_WRITE = """
    v = model.{attribute}
    if v.__class__ in PLAIN:
        result[{name!r}] = v
    elif v is not UNSET:
        result[{name!r}] = encode(v)"""
_MODULE = """
def decode(source):
    get = source.get{read}
    if known.issuperset(source):
        return cls({values})
    return cls({values}**unknown(source))

def write(model):
    result = {start}{write}
    return result
"""


class _Codecs(dict[type, _Codec]):
    def __missing__(self, cls: type) -> _Codec:
        hints = typing.get_type_hints(cls, localns=_ModelNames())
        rest = _compile(hints.pop("additional_properties")).convert if "additional_properties" in hints else None
        declared = [field for field in attrs.fields(cls) if field.name in hints]
        names = frozenset(map(_json_name, declared))

        def unknown(source: Mapping[str, Any]) -> dict[str, Any]:
            fields = {key: value for key, value in source.items() if key not in names} if names else source
            if rest is None:
                raise DecodeError("no such field", "an unknown field", (next(iter(fields)),))
            return {"additional_properties": rest(fields)}

        scope = {"cls": cls, "known": names, "unknown": unknown, "encode": encode, "DecodeError": DecodeError}
        scope |= {"MISSING": _MISSING, "UNSET": UNSET, "PLAIN": _PLAIN}
        read = write = ""
        for i, field in enumerate(declared):
            name, how = _json_name(field), _compile(hints[field.name])
            scope |= {f"accepts{i}": how.accepts, f"convert{i}": how.convert}
            absent = "UNSET" if Unset in how.accepts else "MISSING"
            read += _READ.format(i=i, name=name, absent=absent, expected=how.expected)
            write += _WRITE.format(attribute=field.name, name=name)
        extra = "model.additional_properties"
        start = "dict()" if rest is None else f"encode({extra}) if {extra} else dict()"
        values = "".join(f"v{i}, " for i in range(len(declared)))
        exec(_MODULE.format(read=read, write=write, values=values, start=start), scope)
        codec = self[cls] = _Codec(scope["decode"], scope["write"])  # type: ignore[arg-type]
        return codec


_codecs: Final = _Codecs()


class _ModelNames(dict[str, Any]):
    """Resolves the names of models in annotations, which the models import for type checkers only."""

    def __missing__(self, name: str) -> Any:
        from . import models

        if name not in models.__all__:
            raise KeyError(name)
        return getattr(models, name)


def _json_name(field: "attrs.Attribute[Any]") -> str:
    return str(field.metadata.get("json", field.name))


def _compile(hint: Any) -> _Type:
    origin = typing.get_origin(hint)
    if hint is Any:
        return _Type("any value", _PLAIN, _free, object)
    if origin in (typing.Union, types.UnionType):
        return _union([_compile(member) for member in typing.get_args(hint)])
    if origin is Literal:
        return _literal(typing.get_args(hint))
    if origin is list:
        return _list(_compile(typing.get_args(hint)[0]))
    if origin is dict:
        return _map(_compile(typing.get_args(hint)[1]))
    if isinstance(hint, type) and issubclass(hint, Model):
        return _Type("object", frozenset(), hint.from_dict, dict, _constants(hint))
    if hint in _SCALARS:
        return _SCALARS[hint]
    raise NotImplementedError(f"the codec does not know {hint!r}: use a JSON type in openapi.yaml")


def _free(value: Any) -> Any:
    """Let any value through that is not so deep that working with it would run out of stack."""
    level, depth = [value], 0
    while level := [item for item in level if item.__class__ is dict or item.__class__ is list]:
        depth += 1
        if depth > DEEPEST:
            raise DecodeError(f"at most {DEEPEST} levels of nesting", "more")
        level = [item for outer in level for item in (outer.values() if outer.__class__ is dict else outer)]
    return value


def _refuse(expected: str, value: Any) -> NoReturn:
    raise DecodeError(expected, describe(value))


def _scalar(expected: str, kind: type, *also: type) -> _Type:
    def convert(value: Any) -> Any:
        if isinstance(value, (kind, *also)) and not (isinstance(value, bool) and kind is not bool):
            return value
        _refuse(expected, value)

    return _Type(expected, frozenset({kind, *also}), convert, kind)


def _integer(value: Any) -> int:
    # JSON Schema counts 5.0 as an integer.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    _refuse("int", value)


def _parsed(expected: str, parse: Callable[[str], Any]) -> _Type:
    def convert(value: Any) -> Any:
        if isinstance(value, str):
            try:
                return parse(value)
            except ValueError:
                raise DecodeError(expected, describe(value, text=True)) from None
        _refuse(expected, value)

    return _Type(expected, frozenset(), convert, str)


def _literal(values: tuple[Any, ...]) -> _Type:
    expected = " | ".join(map(repr, values))
    allowed = {(value.__class__, value) for value in values}

    def convert(value: Any) -> Any:
        if value.__class__ in _PLAIN and (value.__class__, value) in allowed:
            return value
        raise DecodeError(expected, describe(value, text=True))

    return _Type(expected, frozenset(), convert, values[0].__class__)


def _list(item: _Type) -> _Type:
    def convert(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            _refuse("list", value)
        result = list(value)
        for index, element in enumerate(result):
            if element.__class__ not in item.accepts:
                try:
                    result[index] = item.convert(element)
                except DecodeError as error:
                    error.inside(index)
                    raise
        return result

    return _Type("list", frozenset(), convert, list)


def _map(item: _Type) -> _Type:
    def convert(value: Any) -> Any:
        result = dict(value)
        for key, element in result.items():
            if element.__class__ not in item.accepts:
                try:
                    result[key] = item.convert(element)
                except DecodeError as error:
                    error.inside(key)
                    raise
        return result

    return _Type("object", frozenset(), convert, dict)


def _union(members: list[_Type]) -> _Type:
    accepts = frozenset[type]().union(*(member.accepts for member in members))
    expected = " | ".join(member.expected for member in members if member is not _SCALARS[Unset])

    objects = [member for member in members if member.json_class is dict]

    def convert(value: Any) -> Any:
        if value.__class__ is dict and len(objects) == 1:
            return objects[0].convert(value)
        fitting = [member for member in members if isinstance(value, member.json_class)]
        if len(fitting) > 1 and isinstance(value, Mapping):
            same = [m for m in fitting if all(value.get(name) == const for name, const in m.constants.items())]
            fitting = same if len(same) == 1 else fitting
        refused = describe(value)
        for member in fitting:
            try:
                return member.convert(value)
            except DecodeError as error:
                if len(fitting) == 1 and error.path:
                    raise
                refused = refused if error.path else error.got
        raise DecodeError(expected, refused)

    return _Type(expected, accepts, convert)


def _constants(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, localns=_ModelNames())
    return {
        _json_name(field): typing.get_args(hints[field.name])[0]
        for field in attrs.fields(cls)
        if typing.get_origin(hints[field.name]) is Literal and len(typing.get_args(hints[field.name])) == 1
    }


_SCALARS: Final[dict[Any, _Type]] = {
    str: _scalar("str", str),
    float: _scalar("number", float, int),
    bool: _scalar("bool", bool),
    int: _Type("int", frozenset({int}), _integer, float),
    type(None): _scalar("null", type(None)),
    Unset: _Type("nothing", frozenset({Unset}), lambda value: _refuse("nothing", value), Unset),
    datetime.datetime: _parsed("ISO 8601 time", datetime.datetime.fromisoformat),
    datetime.date: _parsed("ISO 8601 date", datetime.date.fromisoformat),
    uuid.UUID: _parsed("UUID", uuid.UUID),
}
