"""JSON: UTF-8, strict, the same on every terminal. Written piece by piece: a document may be larger than the memory."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from json.encoder import encode_basestring
from typing import Any

from ..results import Document, Record
from .formats import Page

_STEP = "  "
"""By which the parts of a record or a list are indented."""

_ONE_LINE = ""
"""In place of the line break and the indentation that the parts of a document begin with."""

_AT_ONCE = 1024
"""Items of a list in one piece."""

_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What would steer a terminal or hide text, and JSON does not escape by itself: controls and bidirectional marks."""


def render_json(result: Document, page: Page) -> Iterator[str]:
    """The whole result as one indented document; one of many texts has a line of its own."""
    if page.many:
        yield _line(_plain_entries({**result.envelope(), **_place(page, "id")}) | _entries(result))
        return
    yield from _pieces(result, "\n")
    yield "\n"


def render_jsonl(result: Document, page: Page) -> Iterator[str]:
    """The parts of the result, one a line, each with what it takes to stand alone."""
    head = _plain_entries({**result.envelope(), **result.about(), **_place(page, "prompt_id")})
    for item in result.items():
        yield _line(_entries(item) if isinstance(item, Document) else head | _entries(item))


def _place(page: Page, id_name: str) -> dict[str, Any]:
    """Which text it is about."""
    called = {id_name: page.prompt_id} if page.many else {}
    return {**called, "prompt_index": page.prompt_index}


def json_line(value: dict[str, Any]) -> str:
    """An object on a line of its own."""
    return _line(_plain_entries(value))


def _line(entries: dict[str, str]) -> str:
    return "{" + ", ".join([f"{_quoted(name)}: {text}" for name, text in entries.items()]) + "}\n"


def _entries(record: Record) -> dict[str, str]:
    """The texts of a record's entries."""
    return {name: _text(value, _ONE_LINE) for name, value in record.entries().items()}


def _plain_entries(values: dict[str, Any]) -> dict[str, str]:
    """The texts of values that Python's own module writes."""
    return {name: _plain_text(value) for name, value in values.items()}


def json_in_html(result: Document) -> str:
    """The whole result on one line, for an element `script`: nothing in it ends that, or begins a comment."""
    text = json.dumps(
        {**result.envelope(), **result.to_dict()}, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", _without_steering(text))


def _pieces(value: Any, gap: str) -> Iterator[str]:
    """The text of a record or of a list of records, in pieces; of all else in one.

    The parts stand apart by `gap`, a line break and what the value is indented by, and _STEP; or all on one line.
    """
    inner = _inner(gap)
    if isinstance(value, Record) and (entries := value.entries()):
        before = "{" + inner
        for name, part in entries.items():
            yield f"{before}{_quoted(name)}: "
            yield from _pieces(part, inner)
            before = _comma(inner)
        yield gap + "}"
    elif isinstance(value, (list, tuple)) and len(value) > _AT_ONCE and not _are_numbers(value):
        before = "[" + inner
        for first in range(0, len(value), _AT_ONCE):
            yield before + _comma(inner).join(_texts(value[first : first + _AT_ONCE], inner))
            before = _comma(inner)
        yield gap + "]"
    else:
        yield _text(value, gap)


def _inner(gap: str) -> str:
    """What the parts of a part stand apart by."""
    return gap + _STEP if gap else gap


def _comma(gap: str) -> str:
    return "," + (gap or " ")


def _texts(values: Sequence[Any], gap: str) -> list[str]:
    """The text of each value. As there may be millions, those of one kind are written together, and equal ones once."""
    kinds = set(map(type, values))
    kind = kinds.pop() if len(kinds) == 1 else object
    if kind is int or (kind is float and all(map(math.isfinite, values))):
        return list(map(repr, values))
    if kind is str:
        quoted = {value: _quoted(value) for value in set(values)}
        return [quoted[value] for value in values]
    if kind is not tuple and not _is_plain(kind):
        return [_text(value, gap) for value in values]
    distinct = {id(value): value for value in values}
    if len(distinct) < len(values):
        texts = dict(zip(distinct, _texts(list(distinct.values()), gap), strict=True))
        return [texts[id(value)] for value in values]
    if kind is not tuple:
        values_of, template = _template(kind, gap)
        columns = [_texts(column, _inner(gap)) for column in zip(*map(values_of, values), strict=True)]
        return list(map(template.__mod__, zip(*columns, strict=True)))
    part_kinds = set(map(type, chain.from_iterable(values)))
    if part_kinds == {int}:
        return [repr(list(value)) for value in values]
    if all(map(_is_plain, part_kinds)):
        parts = iter(_texts(list(chain.from_iterable(values)), _inner(gap)))
        return [_joined(list(islice(parts, len(value))), gap) for value in values]
    return [_text(value, gap) for value in values]


def _text(value: Any, gap: str) -> str:
    kind: type = type(value)
    if kind is int:
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else "null"
    if kind is str:
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, (list, tuple)):
        return repr(list(value)) if _are_numbers(value) else _joined(_texts(value, _inner(gap)), gap)
    if _is_plain(kind):
        values_of, template = _template(kind, gap)
        return template % tuple([_text(part, _inner(gap)) for part in values_of(value)])
    if isinstance(value, Record):
        return "".join(_pieces(value, gap))
    return _plain_text(value)


def _is_plain(kind: type) -> bool:
    """True for the records that consist of their fields."""
    return issubclass(kind, Record) and kind.entries is Record.entries


@lru_cache(256)
def _template(kind: type[Record], gap: str) -> tuple[Callable[[Any], tuple[Any, ...]], str]:
    """What reads the fields of such a record, and where their texts stand in its own."""
    names, values_of = kind.reader()
    inner = _inner(gap)
    body = _comma(inner).join([f'"{name}": %s' for name in names])
    return values_of, "{" + inner + body + gap + "}" if names else "{}"


def _joined(texts: Sequence[str], gap: str) -> str:
    """A list of values with these texts."""
    inner = _inner(gap)
    return "[" + inner + _comma(inner).join(texts) + gap + "]" if texts else "[]"


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _plain_text(value: Any) -> str:
    """That of a value that Python's own module writes."""
    return _without_steering(_encode(value))


def _are_numbers(values: Sequence[Any]) -> bool:
    """True if there is at least one, and each is a number that JSON can write; such a list stands on one line."""
    kinds = set(map(type, values))
    return kinds <= {int, float} and bool(kinds) and (float not in kinds or all(map(math.isfinite, values)))


def _quoted(text: str) -> str:
    return _without_steering(encode_basestring(text))


def _without_steering(text: str) -> str:
    if text.isascii() and "\x7f" not in text:
        return text
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
