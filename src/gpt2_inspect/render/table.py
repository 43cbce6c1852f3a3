"""The table for people, shaded by probability where the terminal has colours. Only this file loads rich.

Tokens reach the terminal as plain text with their controls escaped; rich's markup is never parsed.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TextIO

from rich.cells import cell_len

from ..results import Result
from .formats import Page
from .grid import grid_lines
from .lines import Line, Segment, wrap
from .places import place_line
from .sections import Facts, Grid, Listing, Passage, Section
from .views import view_of
from .visible import safe_text

Paint = Callable[[Line], str]
"""Turns a line into text."""

measure = lru_cache(4096)(cell_len)
"""Columns of a text on a terminal; a table asks for the same texts again and again."""

_SHADE = (30, 136, 229)
"""The background of a candidate with probability 1; others lie between it and black by the root of theirs."""

_SHADED_FROM = 0.01
"""Below, black boxes would be all that a light terminal shows."""


def render_table(result: Result, page: Page) -> Iterator[str]:
    """The sections of the result, as plain text or with the colours of a terminal."""
    sections = view_of(result.command).sections(result)
    lines = section_lines(sections, page.width, painter(page.terminal, page.width))
    if not page.many:
        return lines
    return chain(wrapped(place_line(page, result), page.width), lines, ["\n"])


def section_lines(sections: Sequence[Section], width: int | None, paint: Paint) -> Iterator[str]:
    """The sections, with empty lines between them."""
    for index, section in enumerate(sections):
        if index:
            yield "\n"
        match section:
            case Grid():
                yield from map(paint, grid_lines(section, width, measure))
            case Passage():
                yield f"{safe_text(section.text)}\n"
            case Listing():
                yield from (paint([Segment(cell.text, cell.prob, cell.strong)]) for cell in section.lines)
            case Facts():
                for line in map(safe_text, section.lines):
                    yield from wrapped(line, width)


def wrapped(line: str, width: int | None) -> Iterator[str]:
    """A line of text as lines that fit."""
    yield from (f"{part}\n" for part in ([line] if width is None else wrap(line, width, measure)))


def _plain(line: Line) -> str:
    return "".join(segment.text for segment in line).rstrip() + "\n"


def painter(terminal: TextIO | None, width: int | None) -> Paint:
    """Puts in the colours that the terminal understands; none without a terminal."""
    if terminal is None:
        return _plain
    from rich.color import Color
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    console = Console(
        file=terminal,
        force_terminal=True,
        width=width,
        height=24,  # of no use, but otherwise it reads LINES, which may hold anything
        highlight=False,
        markup=False,
        emoji=False,
    )

    def style(segment: Segment) -> Style:
        if segment.prob is None or segment.prob < _SHADED_FROM:
            return Style(bold=segment.heading or segment.chosen or None)
        strength = segment.prob**0.5
        shade = Color.from_rgb(*(strength * part for part in _SHADE))
        return Style(color="bright_white", bgcolor=shade, bold=segment.chosen or None)

    def paint(line: Line) -> str:
        text = Text(no_wrap=True, overflow="ignore", end="\n")
        for segment in line:
            text.append(segment.text, style(segment))
        with console.capture() as captured:
            console.print(text, soft_wrap=True)
        return captured.get()

    return paint
