"""Templates: Jinja2 with everything escaped, so that a token is text wherever it stands."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..lines import tail
from ..sections import Grid
from ..visible import safe_text


def fill(template: str, **values: Any) -> Markup:
    """What the template gives with these values: markup, which is not escaped again."""
    return Markup(_environment().get_template(template).render(**values))


def opacity(prob: float) -> str:
    """Of the hue that shades a probability: its square root, so that 1 % is to be told from nothing."""
    return short(min(1.0, max(0.0, prob)) ** 0.5)


def short(value: float) -> str:
    """In as few characters as can be, with up to two decimals: a page has thousands of them."""
    return f"{value:.2f}".strip("0").rstrip(".") or "0"


def shown_columns(grid: Grid) -> list[int]:
    """All but those of a terminal's lines below that hold nothing here."""
    return [
        index
        for index, column in enumerate(grid.columns)
        if not column.below or any(row[index].text for row in grid.rows)
    ]


def longest_aside(grid: Grid) -> int:
    """Its characters; 0 if no cell has one."""
    return max((len(cell.aside) for row in grid.rows for cell in row), default=0)


def with_code(text: str) -> Markup:
    """With command lines of this program, which stand between backticks, as code."""
    return Markup(re.sub("`(gpt2-inspect [^`]*)`", r"<code>\1</code>", str(escape(text))))


def _end(text: str, width: int) -> str:
    return tail(text, width, len)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "longest_aside": longest_aside,
        "opacity": opacity,
        "safe": safe_text,
        "short": short,
        "shown": shown_columns,
        "tail": _end,
        "with_code": with_code,
    }
    return environment
