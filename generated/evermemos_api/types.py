"""What every generated model is made of: UNSET, and the base classes with their JSON codec.

A model is a plain attrs declaration. Its codec is compiled from the annotations when the class is first used, as attrs
compiles `__init__`: one function that takes each field as it is if its class is allowed, and hands anything else to the
function for its annotation. Nothing that does not fit gets through; unknown fields are kept in `additional_properties`.
"""

import gc
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, NoReturn, Protocol, Self, TypeVar

from .errors import DecodeError, describe, json_path

if TYPE_CHECKING:
    from http import HTTPStatus

    import attrs

__all__ = [
    "UNSET",
    "DecodeError",
    "Deletion",
    "GroupedHits",
    "Hit",
    "Hits",
    "MapModel",
    "Model",
    "Response",
    "Unset",
    "describe",
    "encode",
    "hidden",
    "json_path",
    "reread",
]

T = TypeVar("T")
V = TypeVar("V")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound="Model")
N = TypeVar("N", bound="Model")


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
        return _decoders[cls](src_dict)  # type: ignore[no-any-return]

    @classmethod
    def check(cls, src_dict: Mapping[str, Any]) -> None:
        """Check a parsed JSON object that is to be sent, without making a model of it.

        Args:
            src_dict (Mapping[str, Any]): The object.

        Raises:
            DecodeError: If anything in it does not fit the schema, or is not declared there.
        """
        _checkers[cls](src_dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the parsed JSON object that this model stands for. Fields that are UNSET are left out."""
        return _encoders[self.__class__](self)

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


class Hit(NamedTuple, Generic[T]):
    """Something that a search found.

    Attributes:
        group_id (str | None): The group that it is of. v1 servers always name one, v0 servers may not.
        score (float | None): How well it fits what was looked for, more is better, if the server says so.
        memory (T): What was found.
    """

    group_id: str | None
    score: float | None
    memory: T


class _Found(Protocol[T_co]):
    @property
    def memories(self) -> Sequence[T_co]: ...


class _FoundByGroup(Protocol[T_co]):
    @property
    def memories(self) -> Sequence[Mapping[str, Sequence[T_co]]]: ...


class Hits(Model):
    """Base class of search results whose memories name their groups and scores themselves."""

    __slots__ = ()

    def hits(self: _Found[T]) -> Iterator[Hit[T]]:
        """Go through what was found, in the server's order."""
        for memory in self.memories:
            yield Hit(_sent(memory, "group_id"), _sent(memory, "score"), memory)


class GroupedHits(Model):
    """Base class of search results whose memories stand under the ids of their groups, and their scores likewise."""

    __slots__ = ()

    def hits(self: _FoundByGroup[T]) -> Iterator[Hit[T]]:
        """Go through what was found, in the server's order."""
        # There may be fewer scores than memories, or none.
        entries: Iterable[Any] = chain(_sent(self, "scores") or (), repeat({}))
        for groups, scores in zip(self.memories, entries, strict=False):
            for group_id, memories in groups.items():
                for memory, score in zip(memories, chain(scores.get(group_id, ()), repeat(None)), strict=False):
                    yield Hit(group_id, _sent(memory, "score") if score is None else score, memory)


def _sent(model: Any, name: str) -> Any:
    """Return a field, or None if there is no such field in what the server sent."""
    value = getattr(model, name, None)
    return None if value is UNSET else value


class Deletion(Model):
    """Base class of answers to a deletion."""

    __slots__ = ()

    @property
    def affected(self) -> int | None:
        """How many were deleted, as far as the server says: `result.count`, or the one number in `message`.

        The open-source v0 server always answers count 0, and the number in its message alone.
        """
        count, message = _sent(_sent(self, "result"), "count"), _sent(self, "message")
        numbers = [word for word in (message or "").split() if word.isdecimal()]
        return int(numbers[0]) if not count and len(numbers) == 1 else count


class Response(NamedTuple, Generic[T]):
    """A response from an endpoint"""

    status_code: "HTTPStatus"
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
    if cls is dict or (cls is not list and isinstance(value, Mapping)):
        return {
            key: item if item.__class__ in _PLAIN else encode(item) for key, item in value.items() if item is not UNSET
        }
    if cls is list or (isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))):
        return [item if item.__class__ in _PLAIN else encode(item) for item in value]
    import datetime
    import enum
    import uuid

    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, uuid.UUID) else value


def reread(item: Model, wanted: type[M], otherwise: type[N]) -> M | N:
    """Read a member of a union anew, where more is known of it than can be seen in it.

    Args:
        item (Model): The member as it was read.
        wanted (type[M]): What it must be, if it has the fields that this requires.
        otherwise (type[N]): What it is if it has not.

    Raises:
        DecodeError: If anything in it does not fit the schema.
    """
    if type(item) is wanted:
        return item
    fields = item.to_dict()
    return (wanted if fields.keys() >= _required(wanted) else otherwise).from_dict(fields)


def hidden(value: Any) -> str:
    """Return a repr that shows how much there is of a personal text, and none of it."""
    if value is None or value is UNSET:
        return repr(value)
    size = f", {len(value)}" if hasattr(value, "__len__") else ""
    return f"<{type(value).__name__}{size}>"


class _Type(NamedTuple):
    """How the values of one annotation are read."""

    expected: str
    accepts: frozenset[type]  # exact classes that are taken as they are
    convert: Callable[[Any], Any]  # for every other value: returns it converted, or raises DecodeError
    json_class: type = type(None)  # the class of JSON values that `convert` can do something with
    words: frozenset[str] = frozenset()  # strings that are taken as they are, where not every string is
    model: type | None = None  # the class that every JSON object becomes
    item: "_Type | None" = None  # of a list or a map, and of a union with one list: how the items are read
    convert_list: Callable[[Any], Any] | None = None  # the `convert` that is right for every JSON array


_MISSING: Final = type("nothing", (), {})()  # describe() shows the name of the class
_PLAIN: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
# Levels of nesting inside a free field that are taken.
DEEPEST: Final = 200
# Lists and maps with more items than this are large.
MANY: Final = 100
# New objects between two garbage collections while something large is decoded.
RARELY: Final = 1_000_000

# What is merged with `absent` has every declared field, in their order, and after them the unknown ones.
_DECODE = """
def decode(source):
    fields = absent | (source if type(source) is dict else as_dict(source))
    rest = take_rest(fields) if len(fields) > {count} else {{}}
    {values}= fields.values()
    try:{read}
    except DecodeError as error:
        error.inside(at)
        raise
    if rest:
        rest = convert_rest(rest){result}
"""
_READ = """
        if not ({test}):
            at = {name!r}
            {v} = {convert}"""
# Lists of scalars and maps are mostly so small that calling a function for them would take longer than reading them.
_READ_LIST = """
        if type({v}) is list:
            for item in {v}:
                if not ({item_test}):
                    at = {name!r}
                    {v} = {convert}
                    break
            else:
                {v} = {v}.copy()
        elif not ({test}):
            at = {name!r}
            {v} = {convert}"""
_DECODE_MAP = """
def decode(source):
    rest = source.copy() if type(source) is dict else as_dict(source)
    for item in rest.values():
        if not ({item_test}):
            rest = convert_rest(rest)
            break{result}
"""
_ENCODE = """
def encode_model(model):
    result = {start}{write}
    return result
"""
_WRITE = """
    v = model.{attribute}
    if v is not UNSET:
        result[{name!r}] = v if type(v) in PLAIN else encode(v)"""


class _Decoders(dict[type, Callable[[Any], Any]]):
    """The function that reads a model class, or only checks what it would be made of, compiled at first use."""

    def __init__(self, *, only_check: bool = False) -> None:
        self._only_check = only_check

    def __missing__(self, cls: type) -> Callable[[Any], Any]:
        hints = typing.get_type_hints(cls, localns=_ModelNames())
        is_open = "additional_properties" in hints and not (self._only_check and _declared(cls))
        rest = _compile(hints["additional_properties"], self) if is_open else _CLOSED
        scope: dict[str, Any] = {"cls": cls, "new": object.__new__, "as_dict": _as_dict, "convert_rest": rest.convert}
        scope |= {"decoders": self, "DecodeError": DecodeError, "UNSET": UNSET, "PLAIN": _PLAIN}
        absent, values, read = dict[str, Any](), dict[str, str](), ""
        for i, field in enumerate(_declared(cls)):
            name, how = _json_name(field), _compile(hints[field.name], self)
            absent[name] = UNSET if Unset in how.accepts else _MISSING
            values[field.name] = f"v{i}"
            read += _read(i, name, how, scope)
        scope |= {"absent": absent, "take_rest": lambda fields: {k: fields.pop(k) for k in list(fields)[len(absent) :]}}
        assigned = values if rest is _CLOSED else values | {"additional_properties": "rest"}
        parts = {"count": len(values), "values": "".join(f"{v}, " for v in values.values()), "read": read}
        result = "" if self._only_check else _result(cls, assigned)
        parts |= {"item_test": _test("item", rest.item or _CLOSED), "result": result}
        exec((_DECODE if values else _DECODE_MAP).format(**parts), scope)
        decode: Callable[[Any], Any] = scope["decode"]
        least: int = getattr(cls, "min_properties", 0)
        self[cls] = _at_least(least, decode) if least else decode
        return self[cls]


class _Encoders(dict[type, Callable[[Any], dict[str, Any]]]):
    """The function that writes a model class, compiled when it is first asked for."""

    def __missing__(self, cls: type) -> Callable[[Any], dict[str, Any]]:
        names = {field.name: _json_name(field) for field in _declared(cls)}
        write = "".join(_WRITE.format(attribute=attribute, name=name) for attribute, name in names.items())
        extra = "model.additional_properties"
        start = f"encode({extra}) if {extra} else {{}}" if hasattr(cls, "additional_properties") else "{}"
        scope: dict[str, Any] = {"encode": encode, "UNSET": UNSET, "PLAIN": _PLAIN}
        exec(_ENCODE.format(start=start, write=write), scope)
        encode_model: Callable[[Any], dict[str, Any]] = scope["encode_model"]
        self[cls] = encode_model
        return encode_model


_decoders: Final = _Decoders()
_checkers: Final = _Decoders(only_check=True)
_encoders: Final = _Encoders()


class _ModelNames(dict[str, Any]):
    """Resolves the names of models in annotations, which the models import for type checkers only."""

    def __missing__(self, name: str) -> Any:
        from . import models

        if name not in models.__all__:
            raise KeyError(name)
        return getattr(models, name)


def _declared(cls: type) -> list["attrs.Attribute[Any]"]:
    return [field for field in cls.__attrs_attrs__ if field.name != "additional_properties"]  # type: ignore[attr-defined]


def _json_name(field: "attrs.Attribute[Any]") -> str:
    return str(field.metadata.get("json", field.name))


def _read(i: int, name: str, how: _Type, scope: dict[str, Any]) -> str:
    """Write the statements that read a field, and put what they use into their scope."""
    v, convert = f"v{i}", f"convert{i}(v{i})"
    scope[f"convert{i}"] = how.convert
    if how.model:
        scope[f"model{i}"] = how.model
        condition = "" if how.json_class is dict else f" if type({v}) is dict else {convert}"
        convert = f"decoders[model{i}]({v}){condition}"
    template, item_test = _READ, ""
    if how.convert_list and how.item and how.item.json_class not in (dict, list):
        template, item_test = _READ_LIST, _test("item", how.item)
    elif how.convert_list:
        scope[f"list{i}"] = how.convert_list
        convert = f"list{i}({v}) if type({v}) is list else {convert}"
    return template.format(v=v, name=name, test=_test(v, how), item_test=item_test, convert=convert)


def _test(v: str, how: _Type) -> str:
    """Write the condition on which a value is taken as it is, with what is most likely first."""
    if how.accepts == _PLAIN:
        return f"type({v}) in PLAIN"
    tests = [f"type({v}) is str"] if str in how.accepts else []
    tests += [f"type({v}) is str and {v} in {set(how.words)!r}"] if how.words else []
    tests += [f"{v} is {name}" for name, kind in (("UNSET", Unset), ("None", type(None))) if kind in how.accepts]
    tests += [f"type({v}) is {kind.__name__}" for kind in (bool, int, float) if kind in how.accepts]
    return " or ".join(tests) or "False"


def _result(cls: type, values: Mapping[str, str]) -> str:
    """Write the statements that make an instance of attribute values."""
    # Calling a class takes longer than all the rest. Only a user's subclass may have an __init__ that does more.
    if cls.__module__.startswith(f"{__package__}.models."):
        lines = ["model = new(cls)", *(f"model.{name} = {value}" for name, value in values.items()), "return model"]
        return "".join(f"\n    {line}" for line in lines)
    aliases = {field.name: field.alias for field in cls.__attrs_attrs__}  # type: ignore[attr-defined]
    return f"\n    return cls({', '.join(f'{aliases[name]}={value}' for name, value in values.items())})"


def _as_dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else _refuse("object", value)


def _at_least(least: int, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decode_enough(source: Any) -> Any:
        if isinstance(source, Mapping) and len(source) < least:
            _refuse(f"object with at least {least} field{'s' * (least > 1)}", source)
        return decode(source)

    return decode_enough


def _no_such_field(fields: dict[str, Any]) -> NoReturn:
    raise DecodeError("no such field", "an unknown field", (next(iter(fields)),))


def _compile(hint: Any, decoders: _Decoders) -> _Type:
    origin = typing.get_origin(hint)
    if hint is Any:
        return _Type("any value", _PLAIN, _free, object)
    if origin in (typing.Union, types.UnionType):
        return _union([_compile(member, decoders) for member in typing.get_args(hint)])
    if origin is Literal:
        return _literal(typing.get_args(hint))
    if origin is list:
        return _items("list", list, tuple, enumerate, _compile(typing.get_args(hint)[0], decoders), decoders)
    if origin is dict:
        return _items("object", dict, Mapping, dict.items, _compile(typing.get_args(hint)[1], decoders), decoders)
    if isinstance(hint, type) and issubclass(hint, Model):
        return _Type("object", frozenset(), lambda value: decoders[hint](value), dict, model=hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and f"{hint.__module__}.{hint.__qualname__}" in _PARSED:
        return _parsed(_PARSED[f"{hint.__module__}.{hint.__qualname__}"], getattr(hint, "fromisoformat", hint))
    raise NotImplementedError(f"the codec does not know {hint!r}: use a JSON type in openapi.yaml")


def _free(value: Any) -> Any:
    """Let any value through that is not so deep that working with it would run out of stack."""
    if value is _MISSING:
        _refuse("any value", value)
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

    words = frozenset(value for value in values if isinstance(value, str))
    return _Type(expected, frozenset(), convert, values[0].__class__, words)


def _items(
    expected: str,
    kind: Any,
    other: type,
    pairs: Callable[[Any], Iterable[tuple[Any, Any]]],
    item: _Type,
    decoders: _Decoders,
) -> _Type:
    """Return how a list or a dict is read: as a copy, with every item read."""
    accepts, model = item.accepts, item.model if item.json_class is dict else None

    def convert(value: Any) -> Any:
        if type(value) is not kind and not isinstance(value, (kind, other)):
            _refuse(expected, value)
        result = kind(value)
        read = item.convert if model is None else decoders[model]
        usual = _usual_thresholds() if len(result) > MANY else None
        key: Any = None
        try:
            if usual:
                gc.set_threshold(RARELY, *usual[1:])
            for key, element in pairs(result):
                if type(element) not in accepts:
                    result[key] = read(element)
        except DecodeError as error:
            error.inside(key)
            raise
        finally:
            # Whoever set others meanwhile keeps them.
            if usual and gc.get_threshold()[0] == RARELY:
                gc.set_threshold(*usual)
        return result

    return _Type(expected, frozenset(), convert, kind, item=item, convert_list=convert if kind is list else None)


def _usual_thresholds() -> tuple[int, int, int] | None:
    """Return the thresholds of the garbage collector, or None if they are raised already, or collection is off.

    Collections in the midst of a large answer find nothing, and take up to half of the time. Raised thresholds, unlike
    gc.disable(), leave gc.disable() and gc.enable() to the program, and show that another decoder will lower them again.
    """
    usual = gc.get_threshold()
    return usual if 0 < usual[0] < RARELY else None


def _union(members: list[_Type]) -> _Type:
    accepts = frozenset[type]().union(*(member.accepts for member in members))
    words = frozenset[str]().union(*(member.words for member in members))
    expected = " | ".join(dict.fromkeys(member.expected for member in members if member is not _SCALARS[Unset]))
    objects = [member for member in members if member.json_class is dict]
    arrays = [member for member in members if member.json_class is list]
    choices = _choices({member.model: member for member in objects if member.model}) if len(objects) > 1 else []

    def convert(value: Any) -> Any:
        if value.__class__ is dict and len(objects) == 1:
            return objects[0].convert(value)
        if choices and isinstance(value, Mapping):
            for constants, required, member in choices:
                if value.items() >= constants.items() and value.keys() >= required:
                    return member.convert(value)
        fitting = [member for member in members if isinstance(value, member.json_class)]
        refused = describe(value)
        for member in fitting:
            try:
                return member.convert(value)
            except DecodeError as error:
                if len(fitting) == 1 and error.path:
                    raise
                refused = refused if error.path else error.got
        raise DecodeError(expected, refused)

    model = objects[0].model if len(objects) == 1 else None
    item, convert_list = (arrays[0].item, arrays[0].convert_list) if len(arrays) == 1 else (None, None)
    return _Type(expected, accepts, convert, words=words, model=model, item=item, convert_list=convert_list)


def _choices(members: dict[type, _Type]) -> list[tuple[dict[str, Any], frozenset[str], _Type]]:
    """Return which of several models an object is: the first whose constants it has, or else whose required fields.

    A model is asked about while it still requires a field that none of those after it declares.
    """
    constants = {cls: _constants(cls) for cls in members}
    left = sorted(members, key=lambda cls: not constants[cls])
    choices = []
    while left:
        others = {cls: [map(_json_name, _declared(other)) for other in left if other is not cls] for cls in left}
        first = next((cls for cls in left if constants[cls] or _required(cls).difference(*others[cls])), left[0])
        left.remove(first)
        needed = frozenset[str]() if constants[first] else _required(first)
        choices.append((constants[first], needed, members[first]))
    return choices


def _required(cls: type) -> frozenset[str]:
    """Return the JSON names of the fields that a model cannot be without."""
    from attrs import NOTHING

    return frozenset(_json_name(field) for field in _declared(cls) if field.default is NOTHING)


def _constants(cls: type) -> dict[str, Any]:
    """Return the fields of a model that have one possible value."""
    hints = typing.get_type_hints(cls, localns=_ModelNames())
    return {
        _json_name(field): typing.get_args(hints[field.name])[0]
        for field in _declared(cls)
        if typing.get_origin(hints[field.name]) is Literal and len(typing.get_args(hints[field.name])) == 1
    }


_SCALARS: Final[dict[Any, _Type]] = {
    str: _scalar("str", str),
    float: _scalar("number", float, int),
    bool: _scalar("bool", bool),
    int: _Type("int", frozenset({int}), _integer, float),
    type(None): _scalar("null", type(None)),
    Unset: _Type("nothing", frozenset({Unset}), lambda value: _refuse("nothing", value), Unset),
}
_CLOSED: Final = _Type("no such field", frozenset(), _no_such_field)
# Classes that are made of a string, by name: most APIs have no use for the modules that define them.
_PARSED: Final = {"datetime.datetime": "ISO 8601 time", "datetime.date": "ISO 8601 date", "uuid.UUID": "UUID"}
