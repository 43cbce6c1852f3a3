"""Templates: Jinja2 with everything escaped, so that a token is text wherever it stands."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

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
    environment.globals |= {"opacity": opacity, "short": short, "tail": _end, "safe": safe_text, "shown": shown_columns}
    return environment
