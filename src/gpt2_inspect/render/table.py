"""The table for people, shaded by probability where the terminal has colours. Only this file loads rich.

Tokens reach the terminal as plain text with their controls escaped; rich's markup is never parsed.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TextIO

from rich.cells import cell_len

from ..results import Result, SampledCandidate
from ..results.next_tokens import NextTokens, Step
from .blocks import Block, Facts, Grid, Listing, Passage
from .grid import grid_lines
from .layout import Layout
from .lines import Line, Segment, wrap
from .rows import blocks
from .views.next_tokens import below
from .visible import safe_text

measure = lru_cache(4096)(cell_len)
"""Columns of a text on a terminal; a table asks for the same texts again and again."""

_SHADE = (30, 136, 229)
"""The background of a candidate with probability 1; others lie between it and black by the root of theirs."""

_SHADED_FROM = 0.01
"""Below, black boxes would be all that a light terminal shows."""


def render_table(result: Result, width: int | None, terminal: TextIO | None = None) -> Iterator[str]:
    """The whole table; as plain text, or with the colours of `terminal`."""
    paint = _plain if terminal is None or width is None else _painter(terminal, width)
    if isinstance(result, NextTokens):
        layout = _layout(width, result.steps)
        yield from map(paint, layout.header())
        for step in result.steps:
            yield from map(paint, layout.step(step))
        yield "\n"
        yield from _block_lines(below(result), width, paint)
    else:
        yield from _block_lines(blocks(result), width, paint)


def _block_lines(shown: Sequence[Block], width: int | None, paint: Callable[[Line], str]) -> Iterator[str]:
    for index, block in enumerate(shown):
        if index:
            yield "\n"
        match block:
            case Grid():
                yield from map(paint, grid_lines(block, width, measure))
            case Passage():
                yield f"{safe_text(block.text)}\n"
            case Listing():
                yield from (paint([Segment(cell.text, cell.prob, cell.strong)]) for cell in block.lines)
            case Facts():
                for line in map(safe_text, block.lines):
                    yield from (f"{part}\n" for part in ([line] if width is None else wrap(line, width, measure)))


class LiveTable:
    """Writes a table to a terminal as its steps are computed."""

    def __init__(self, terminal: TextIO, width: int, *, colour: bool) -> None:
        self._terminal = terminal
        self._width = width
        self._layout: Layout | None = None  # chosen by the first step
        self._paint = _painter(terminal, width) if colour else _plain

    def step(self, step: Step) -> None:
        """Write one step."""
        if self._layout is None:
            self._layout = _layout(self._width, [step])
            self._write(self._layout.header())
        self._write(self._layout.step(step))

    def finish(self, result: NextTokens) -> None:
        """Write what stands below the table."""
        self._terminal.write("\n")
        self._terminal.writelines(_block_lines(below(result), self._width, self._paint))
        self._terminal.flush()

    def _write(self, lines: Iterator[Line]) -> None:
        self._terminal.writelines(self._paint(line) for line in lines)
        self._terminal.flush()


def _layout(width: int | None, steps: Sequence[Step]) -> Layout:
    """For these steps, or for all that are like the first of them."""
    first = steps[0]
    return Layout(len(first.top_logprobs), width, measure, isinstance(first.chosen, SampledCandidate), steps)


def _plain(line: Line) -> str:
    return "".join(segment.text for segment in line).rstrip() + "\n"


def _painter(terminal: TextIO, width: int) -> Callable[[Line], str]:
    """A function that turns a line into text with the colours that the terminal understands."""
    from rich.color import Color
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    console = Console(file=terminal, force_terminal=True, width=width, highlight=False, markup=False, emoji=False)

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
