"""From plain values, as JSON has them, to the frozen dataclasses that they were made from."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_K = TypeVar("_K")


class Reader:
    """Reads the values of one document.

    Args:
        plain_name: the name that a field has among the values.
        admits: whether a class may be made at all.
        content: the values of a class's fields among all that are there for it; ValueError if they are not its own.
    """

    def __init__(
        self,
        plain_name: Callable[[str], str],
        admits: Callable[[type], bool],
        content: Callable[[type, Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        self._plain_name = plain_name
        self._admits = admits
        self._content = content

    def read(self, kind: type[_K], values: Any, where: str) -> _K:
        """One of this kind, or of a more special kind, that has just these fields; `where` names it in errors.

        Raises ValueError if there is none, or a value is of another type than its field.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"{where}: {values!r} is no object")
        values = self._content(kind, values)
        for candidate in self._kinds(kind):
            names = {self._plain_name(field.name): field.name for field in fields(candidate)}
            if names.keys() == values.keys():
                types = get_type_hints(candidate)
                made: _K = candidate(
                    **{
                        names[name]: self._value(types[names[name]], value, f"{where}.{name}")
                        for name, value in values.items()
                    }
                )
                return made
        raise ValueError(f"{where}: there is no {kind.__name__} with the fields {', '.join(values)}")

    def _value(self, expected: Any, value: Any, where: str) -> Any:
        if get_origin(expected) is UnionType:
            return self._one_of(get_args(expected), value, where)
        if get_origin(expected) is tuple:
            return self._tuple(get_args(expected), value, where)
        if is_dataclass(expected) or any(self._kinds(expected)):
            return self.read(expected, value, where)
        if expected is float and (value is None or type(value) is int):
            return value if value is None else float(value)  # None was NaN or infinite
        if type(value) is not expected:
            raise ValueError(f"{where}: {value!r} is no {expected.__name__}")
        return value

    def _one_of(self, kinds: tuple[Any, ...], value: Any, where: str) -> Any:
        if value is None and NoneType in kinds:
            return None
        *others, last = (kind for kind in kinds if kind is not NoneType)
        for kind in others:
            with suppress(ValueError):
                return self._value(kind, value, where)
        return self._value(last, value, where)

    def _tuple(self, kinds: tuple[Any, ...], values: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(values, list):
            raise ValueError(f"{where}: {values!r} is no list")
        if kinds[-1] is ...:
            kinds = kinds[:1] * len(values)
        if len(kinds) != len(values):
            raise ValueError(f"{where}: it has {len(values)} items, not {len(kinds)}")
        return tuple(self._value(kind, value, where) for kind, value in zip(kinds, values, strict=True))

    def _kinds(self, kind: Any) -> Iterator[Any]:
        """Those that can be made of it and of the kinds that are made of it."""
        if is_dataclass(kind) and self._admits(kind):  # type: ignore[arg-type]
            yield kind
        for other in type.__subclasses__(kind) if kind not in (int, float, str, bool) else ():
            yield from self._kinds(other)
