"""From the JSON that records are written as, back to the records."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from . import SCHEMA_VERSION, Options, Record, Result, json_name

_R = TypeVar("_R", bound=Record)


def read(kind: type[_R], values: Any) -> _R:
    """The record of this kind that has these values, or of a more special kind that has just these fields.

    The options of a result become the question that has them, if the file of the question has been imported.

    Raises:
        ValueError: a field is missing, unknown or of another type, or a document is of another command or version.
    """
    if issubclass(kind, Result) and isinstance(values, Mapping):
        return _Reader(kind.command).record(kind, _without_envelope(kind, values), kind.__name__)
    return _Reader(None).record(kind, values, kind.__name__)


def _without_envelope(kind: type[Result], values: Mapping[str, Any]) -> dict[str, Any]:
    expected = {"schema_version": SCHEMA_VERSION, "command": kind.command}
    for name, value in expected.items():
        if values.get(name) != value:
            raise ValueError(f"{name} is {values.get(name)!r}, not {value!r}")
    return {name: value for name, value in values.items() if name not in expected}


class _Reader:
    """Reads the values of one document; `command` says whose question its options are."""

    def __init__(self, command: str | None) -> None:
        self._command = command

    def record(self, kind: type[_R], values: Any, where: str) -> _R:
        if not isinstance(values, Mapping):
            raise ValueError(f"{where}: {values!r} is no object")
        for candidate in self._kinds(kind):
            types = _types(candidate)
            if types.keys() == values.keys():
                read = {name: self.value(types[name], value, f"{where}.{name}") for name, value in values.items()}
                return candidate(**{_field_name(candidate, name): value for name, value in read.items()})
        raise ValueError(f"{where}: there is no {kind.__name__} with the fields {', '.join(values)}")

    def value(self, expected: Any, value: Any, where: str) -> Any:
        if get_origin(expected) is UnionType:
            return None if value is None else self.value(_but_none(expected), value, where)
        if get_origin(expected) is tuple:
            return self._tuple(get_args(expected), value, where)
        if isinstance(expected, type) and issubclass(expected, Record):
            return self.record(expected, value, where)
        if expected is float and (value is None or type(value) is int):
            return value if value is None else float(value)  # None was NaN or infinite
        if type(value) is not expected:
            raise ValueError(f"{where}: {value!r} is no {expected.__name__}")
        return value

    def _tuple(self, kinds: tuple[Any, ...], values: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(values, list):
            raise ValueError(f"{where}: {values!r} is no list")
        if kinds[-1] is ...:
            kinds = kinds[:1] * len(values)
        if len(kinds) != len(values):
            raise ValueError(f"{where}: it has {len(values)} items, not {len(kinds)}")
        return tuple(self.value(kind, value, where) for kind, value in zip(kinds, values, strict=True))

    def _kinds(self, kind: type[_R]) -> Iterator[type[_R]]:
        """It and all that are made of it."""
        if is_dataclass(kind) and not (issubclass(kind, Options) and kind.command != self._command):
            yield kind
        for other in kind.__subclasses__():
            yield from self._kinds(other)


def _types(kind: type[Record]) -> dict[str, Any]:
    """The type of each field, by its name in JSON."""
    hints = get_type_hints(kind)
    return {json_name(field.name): hints[field.name] for field in fields(kind)}  # type: ignore[arg-type]


def _field_name(kind: type[Record], name: str) -> str:
    return next(field.name for field in fields(kind) if json_name(field.name) == name)  # type: ignore[arg-type]


def _but_none(expected: Any) -> Any:
    (kind,) = (part for part in get_args(expected) if part is not NoneType)
    return kind
