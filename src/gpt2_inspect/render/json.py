"""JSON: UTF-8, strict, the same on every terminal."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ..results import SCHEMA_VERSION, Result
from .formats import Page

_NUMBERS = re.compile(r"\[\n\s+([-+.\deE,\s]+?)\n\s+\]")
"""A list of numbers over several lines. Strings are safe from it: JSON writes no line break inside one."""

_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What would steer a terminal or hide text, and JSON does not escape by itself: controls and bidirectional marks."""


def render_json(result: Result, page: Page) -> Iterator[str]:
    """The whole result as one indented document."""
    text = _dump(result.to_dict(), indent=2)
    yield _NUMBERS.sub(lambda numbers: f"[{' '.join(numbers[1].split())}]", text) + "\n"


def render_jsonl(result: Result, page: Page) -> Iterator[str]:
    """The parts of the result, one a line, each with what it takes to stand alone."""
    for item in result.items():
        head = {"schema_version": SCHEMA_VERSION, "command": result.command, "model": result.model.name}
        yield _dump({**head, "prompt_index": page.prompt_index, **item.to_dict()}) + "\n"


def _dump(value: dict[str, Any], indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
