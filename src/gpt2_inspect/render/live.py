"""A table that is written to a terminal while its result is computed: the same lines as those of the whole."""

from collections.abc import Iterator
from typing import TextIO, cast

from ..results import Record, Result
from .grid import Layout, layouts, title_lines
from .lines import Line
from .table import measure, painter, section_lines
from .views import LiveView, view_of


class LiveTable:
    """Takes the parts of a result one by one, then the whole; for commands whose view has a `live`."""

    def __init__(self, command: str, terminal: TextIO, width: int, *, colour: bool, timing: bool = True) -> None:
        self._view = cast("LiveView", view_of(command))
        self._terminal = terminal
        self._width = width
        self._timing = timing
        self._layout: Layout | None = None  # chosen by the first part
        self._paint = painter(terminal if colour else None, width)

    def part(self, part: Record) -> None:
        """Write what this part adds to the first grid."""
        grid = self._view.live(part)
        if self._layout is None:
            (self._layout,) = layouts(grid, self._width, measure)
            self._write(title_lines(grid, self._width, measure))
            self._write(self._layout.head())
        for row in grid.rows:
            self._write(self._layout.row(row))

    def finish(self, result: Result) -> None:
        """Write what stands below that grid."""
        _, *others = self._view.sections(result if self._timing else result.without_times())
        self._terminal.write("\n")
        self._terminal.writelines(section_lines(others, self._width, self._paint))
        self._terminal.flush()

    def _write(self, lines: Iterator[Line]) -> None:
        self._terminal.writelines(self._paint(line) for line in lines)
        self._terminal.flush()
