"""The table of next-tokens, whose rows can be written as they are computed."""

from collections.abc import Iterator, Sequence
from typing import TextIO

from ..results import SampledCandidate
from ..results.next_tokens import NextTokens, Step
from .layout import Layout
from .lines import Line
from .table import block_lines, measure, painter
from .views.next_tokens import below


def render_steps(result: NextTokens, width: int | None, terminal: TextIO | None = None) -> Iterator[str]:
    """The whole table; as plain text, or with the colours of `terminal`."""
    paint = painter(terminal, width)
    layout = _layout(width, result.steps)
    yield from map(paint, layout.header())
    for step in result.steps:
        yield from map(paint, layout.step(step))
    yield "\n"
    yield from block_lines(below(result), width, paint)


class LiveTable:
    """Writes a table to a terminal as its steps are computed."""

    def __init__(self, terminal: TextIO, width: int, *, colour: bool) -> None:
        self._terminal = terminal
        self._width = width
        self._layout: Layout | None = None  # chosen by the first step
        self._paint = painter(terminal if colour else None, width)

    def step(self, step: Step) -> None:
        """Write one step."""
        if self._layout is None:
            self._layout = _layout(self._width, [step])
            self._write(self._layout.header())
        self._write(self._layout.step(step))

    def finish(self, result: NextTokens) -> None:
        """Write what stands below the table."""
        self._terminal.write("\n")
        self._terminal.writelines(block_lines(below(result), self._width, self._paint))
        self._terminal.flush()

    def _write(self, lines: Iterator[Line]) -> None:
        self._terminal.writelines(self._paint(line) for line in lines)
        self._terminal.flush()


def _layout(width: int | None, steps: Sequence[Step]) -> Layout:
    """For these steps, or for all that are like the first of them."""
    first = steps[0]
    return Layout(len(first.top_logprobs), width, measure, isinstance(first.chosen, SampledCandidate), steps)
