"""A table that is written to a terminal while its result is computed: the same lines as those of the whole."""

from collections.abc import Iterator, Sequence
from typing import TextIO, cast

from ..results import Document, Record
from .formats import Page
from .grid import Layout, layouts, title_lines
from .lines import Line
from .sections import Section
from .table import measure, painter, section_lines
from .views import LiveView, view_of


class LiveTable:
    """Takes the parts of a result one by one, then the whole; for commands whose view has a `live`."""

    def __init__(self, command: str, terminal: TextIO, page: Page) -> None:
        self._view = cast("LiveView", view_of(command))
        self._terminal = terminal
        self._page = page
        self._layout: Layout | None = None  # chosen by the first part
        self._paint = painter(page.theme)

    def part(self, part: Record) -> None:
        """Write what this part adds to the first grid."""
        grid = self._view.live(part, self._page)
        if self._layout is None:
            (self._layout,) = layouts(grid, self._page.width, measure)
            self._write(title_lines(grid, self._page.width, measure))
            self._write(self._layout.head())
        for row in grid.rows:
            self._write(self._layout.row(row))

    def finish(self, result: Document, below: Sequence[Section] = ()) -> None:
        """Write what stands below that grid, and what is said `below` the result."""
        _, *others = self._view.sections(result if self._page.timing else result.without_times(), self._page)
        self._terminal.write("\n")
        self._terminal.writelines(section_lines([*others, *below], self._page.width, self._paint))
        self._terminal.flush()

    def _write(self, lines: Iterator[Line]) -> None:
        self._terminal.writelines(self._paint(line) for line in lines)
        self._terminal.flush()
