"""JSON: UTF-8, strict, the same on every terminal. Written piece by piece: a document may be larger than the memory."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring
from typing import Any

from ..results import Document, Record
from .formats import Page

_STEP = "  "
"""By which the parts of a record or a list are indented."""

_AT_ONCE = 1024
"""Items of a list in one piece."""

_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What would steer a terminal or hide text, and JSON does not escape by itself: controls and bidirectional marks."""


def render_json(result: Document, page: Page) -> Iterator[str]:
    """The whole result as one indented document; one of many texts has a line of its own."""
    if page.many:
        yield json_line({**result.envelope(), **_place(page, "id"), **result.to_dict()})
        return
    yield from _pieces(result, "")
    yield "\n"


def render_jsonl(result: Document, page: Page) -> Iterator[str]:
    """The parts of the result, one a line, each with what it takes to stand alone."""
    for item in result.items():
        if isinstance(item, Document):
            yield json_line(item.to_dict())
            continue
        head = {**result.envelope(), **result.about(), **_place(page, "prompt_id")}
        yield json_line({**head, **item.to_dict()})


def _place(page: Page, id_name: str) -> dict[str, Any]:
    """Which text it is about."""
    called = {id_name: page.prompt_id} if page.many else {}
    return {**called, "prompt_index": page.prompt_index}


def json_line(value: dict[str, Any]) -> str:
    """An object on a line of its own."""
    return _without_steering(json.dumps(value, ensure_ascii=False, allow_nan=False)) + "\n"


def json_in_html(result: Document) -> str:
    """The whole result on one line, for an element `script`: nothing in it ends that, or begins a comment."""
    text = json.dumps(
        {**result.envelope(), **result.to_dict()}, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", _without_steering(text))


def _pieces(value: Any, indent: str) -> Iterator[str]:
    """The text of a record or of a list of records, in pieces; of all else in one."""
    inner = indent + _STEP
    if isinstance(value, Record) and (entries := value.entries()):
        before = "{\n"
        for name, part in entries.items():
            yield f"{before}{inner}{_quoted(name)}: "
            yield from _pieces(part, inner)
            before = ",\n"
        yield f"\n{indent}}}"
    elif isinstance(value, (list, tuple)) and len(value) > _AT_ONCE and not _are_numbers(value):
        before = "[\n"
        for first in range(0, len(value), _AT_ONCE):
            yield before + _lines(value[first : first + _AT_ONCE], inner)
            before = ",\n"
        yield f"\n{indent}]"
    else:
        yield _text(value, indent)


def _lines(items: Sequence[Any], indent: str) -> str:
    return ",\n".join([indent + text for text in _texts(items, indent)])


def _texts(values: Sequence[Any], indent: str) -> list[str]:
    """The text of each value. As there may be millions, those of one kind are written together, and equal ones once."""
    kinds = set(map(type, values))
    kind = kinds.pop()
    if kinds:
        return [_text(value, indent) for value in values]
    if kind is int:
        return list(map(repr, values))
    if kind is str:
        quoted = {value: _quoted(value) for value in set(values)}
        return [quoted[value] for value in values]
    distinct = {id(value): value for value in values}
    if len(distinct) < len(values):
        texts = dict(zip(distinct, _texts(list(distinct.values()), indent), strict=True))
        return [texts[id(value)] for value in values]
    if issubclass(kind, Record) and kind.entries is Record.entries:
        names, values_of = kind.reader()
        inner = indent + _STEP
        columns = [_texts(column, inner) for column in zip(*map(values_of, values), strict=True)]
        template = "{\n" + ",\n".join(f'{inner}"{name}": %s' for name in names) + f"\n{indent}}}"
        return list(map(template.__mod__, zip(*columns, strict=True)))
    return [_text(value, indent) for value in values]


def _text(value: Any, indent: str) -> str:
    if type(value) is int:
        return repr(value)
    if type(value) is float:
        return repr(value) if math.isfinite(value) else "null"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (list, tuple)):
        if not value:
            return "[]"
        if _are_numbers(value):
            return repr(list(value))
        return f"[\n{_lines(value, indent + _STEP)}\n{indent}]"
    if isinstance(value, Record):
        return "".join(_pieces(value, indent)) if value.entries() else "{}"
    return json.dumps(value, allow_nan=False)


def _are_numbers(values: Sequence[Any]) -> bool:
    """True if there is at least one, and each is a number that JSON can write; such a list stands on one line."""
    kinds = set(map(type, values))
    return kinds <= {int, float} and bool(kinds) and (float not in kinds or all(map(math.isfinite, values)))


def _quoted(text: str) -> str:
    return _without_steering(encode_basestring(text))


def _without_steering(text: str) -> str:
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
