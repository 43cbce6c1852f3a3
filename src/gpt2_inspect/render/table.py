"""The table for people, shaded by probability where the terminal has colours. Only this file loads rich, to measure.

Tokens reach the terminal as plain text with their controls escaped. The codes of colours are written here: rich's
console, which can write them too, takes longer to load than a token takes to compute.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ..results import Document
from .formats import Page
from .grid import grid_lines
from .lines import Line, Segment, wrap
from .places import place_line
from .sections import Facts, Grid, Listing, Passage, Prose, Section
from .views import view_of
from .visible import safe_text

if TYPE_CHECKING:
    from .theme import Theme

Paint = Callable[[Line], str]
"""Turns a line into text."""

measure = lru_cache(4096)(cell_len)
"""Columns of a text on a terminal; a table asks for the same texts again and again."""


READABLE = 100
"""Columns of the longest lines of prose."""

_ITEM = "- "
"""Stands before the items of a list."""


def render_table(result: Document, page: Page) -> Iterator[str]:
    """The sections of the result, as plain text or with the colours of a terminal."""
    sections = [*view_of(result.command).sections(result, page), *page.below]
    lines = section_lines(sections, page.width, painter(page.theme))
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
                if section.title:
                    yield paint([Segment(section.title, heading=True)])
                yield from (paint([Segment(cell.text, cell.prob, cell.strong)]) for cell in section.lines)
            case Facts():
                for line in map(safe_text, section.lines):
                    yield from wrapped(line, width)
            case Prose():
                yield from map(paint, prose_lines(section, width))


def wrapped(line: str, width: int | None) -> Iterator[str]:
    """A line of text as lines that fit."""
    yield from (f"{part}\n" for part in ([line] if width is None else wrap(line, width, measure)))


def prose_lines(prose: Prose, width: int | None) -> Iterator[Line]:
    """The heading and the paragraphs, in lines that can be read; those of an item stand behind its mark."""
    width = min(width or READABLE, READABLE)
    for line in wrap(prose.heading, width, measure):
        yield [Segment(line, heading=True)]
    mark = _ITEM if prose.listed else ""
    for paragraph in map(safe_text, prose.paragraphs):
        first, *others = wrap(paragraph, width - len(mark), measure)
        yield [Segment(mark + first)]
        yield from ([Segment(" " * len(mark) + line)] for line in others)


def _plain(line: Line) -> str:
    return "".join(segment.text for segment in line).rstrip() + "\n"


def painter(theme: "Theme | None") -> Paint:
    """Puts in the colours of a terminal; none without a theme."""
    if theme is None:
        return _plain

    def paint(line: Line) -> str:
        return "".join(_coloured(segment, theme) for segment in line).rstrip() + "\n"

    return paint


def _coloured(segment: Segment, theme: "Theme") -> str:
    """With the codes of ECMA-48's SGR before and behind it."""
    shade = None if segment.prob is None else theme.shade(segment.prob)
    codes = [] if shade is None else [shade.text, shade.background]
    if (segment.heading or segment.chosen) and (shade is None or shade.takes_bold):
        codes.insert(0, "1")
    if not codes or not segment.text:
        return segment.text
    return f"\x1b[{';'.join(codes)}m{segment.text}\x1b[0m"
