"""From the JSON that records are written as, back to the records."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from . import SCHEMA_VERSION, Record, Result, json_name

_R = TypeVar("_R", bound=Record)


def read(kind: type[_R], values: Any) -> _R:
    """The record of this kind that has these values, or of a more special kind that has just these fields.

    The options of a result become the question that has them, if the file of the question has been imported.

    Raises:
        ValueError: a field is missing, unknown or of another type, or a document is of another command or version.
    """
    if issubclass(kind, Result) and isinstance(values, Mapping):
        values = _without_envelope(kind, values)
    return _record(kind, values, kind.__name__)


def _without_envelope(kind: type[Result], values: Mapping[str, Any]) -> dict[str, Any]:
    expected = {"schema_version": SCHEMA_VERSION, "command": kind.command}
    for name, value in expected.items():
        if values.get(name) != value:
            raise ValueError(f"{name} is {values.get(name)!r}, not {value!r}")
    return {name: value for name, value in values.items() if name not in expected}


def _record(kind: type[_R], values: Any, where: str) -> _R:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where}: {values!r} is no object")
    for candidate in _kinds(kind):
        types = _types(candidate)
        if types.keys() == values.keys():
            read = {name: _value(types[name], value, f"{where}.{name}") for name, value in values.items()}
            return candidate(**{_field_name(candidate, name): value for name, value in read.items()})
    raise ValueError(f"{where}: a {kind.__name__} has not the fields {', '.join(values)}")


def _kinds(kind: type[_R]) -> Iterator[type[_R]]:
    """It and all that are made of it."""
    yield kind
    for other in kind.__subclasses__():
        yield from _kinds(other)


@cache
def _types(kind: Hashable) -> dict[str, Any]:
    """The type of each field, by its name in JSON."""
    hints = get_type_hints(kind)
    return {json_name(field.name): hints[field.name] for field in fields(kind)}  # type: ignore[arg-type]


def _field_name(kind: type[Record], name: str) -> str:
    return next(field.name for field in fields(kind) if json_name(field.name) == name)  # type: ignore[arg-type]


def _value(expected: Any, value: Any, where: str) -> Any:
    if get_origin(expected) is UnionType:
        return None if value is None else _value(_but_none(expected), value, where)
    if get_origin(expected) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where}: {value!r} is no list")
        items, *others = get_args(expected)
        kinds = [items] * len(value) if others == [...] else [items, *others]
        return tuple(_value(kind, item, where) for kind, item in zip(kinds, value, strict=True))
    if isinstance(expected, type) and issubclass(expected, Record):
        return _record(expected, value, where)
    if expected is float and (value is None or type(value) is int):
        return value if value is None else float(value)  # None was NaN or infinite
    if type(value) is not expected:
        raise ValueError(f"{where}: {value!r} is no {expected.__name__}")
    return value


def _but_none(expected: Any) -> Any:
    (kind,) = (part for part in get_args(expected) if part is not NoneType)
    return kind
