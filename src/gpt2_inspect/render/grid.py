"""Laying out a grid for a terminal of a given width, whole or row by row. What is longer than its column is broken.

Nothing is cut but columns of which the end is shown. These forms there are, and the first that fits is taken:

    columns   each as wide as it needs; or, if the grid has key columns, several grids below each other that all begin
              with these; or columns of text narrower, their cells broken into lines. Asides go at the right of their
              texts if that fits, else below
    lists     a list of cells for each row
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..messages import say
from .lines import Line, Measure, Segment, pad, tail, wrap
from .sections import Cell, Column, Grid, Row
from .widths import Band, bands, deciding_rows, whole_width

_VALUE = 8
"""Columns that a value in a list needs beside its heading; with fewer it goes below."""

_END = 14
"""Columns that the end of a text needs to share the line of the cell before it."""


class Layout(Protocol):
    """A form for the rows of a grid, or for some of their columns."""

    def head(self) -> Iterator[Line]:
        """What stands above the rows."""

    def row(self, row: Row) -> Iterator[Line]:
        """The lines of the next row."""

    def no_rows(self) -> Iterator[Line]:
        """What stands in place of the rows if there are none."""


def grid_lines(grid: Grid, width: int | None, measure: Measure) -> Iterator[Line]:
    """The lines of a grid, its title first."""
    yield from title_lines(grid, width, measure)
    for index, layout in enumerate(layouts(grid, width, measure)):
        if index:
            yield []
        yield from layout.head()
        for row in grid.rows:
            yield from layout.row(row)
        if not grid.rows:
            yield from layout.no_rows()


def title_lines(grid: Grid, width: int | None, measure: Measure) -> Iterator[Line]:
    """The lines of the title, if there is one."""
    if grid.title:
        for line in [grid.title] if width is None else wrap(grid.title, width, measure):
            yield [Segment(line, heading=True)]


def layouts(grid: Grid, width: int | None, measure: Measure) -> list[Layout]:
    """What writes the rows, below each other; one for a grid with a sample, whose rows need not be known for it."""
    found = bands(grid, width, measure)
    if not found:
        assert width is not None  # without a limit everything fits
        return [_Lists(grid, width, measure)]
    return [_Columns(grid, band, width, measure, last=band is found[-1]) for band in found]


class _Columns:
    """Side by side, under headings."""

    def __init__(self, grid: Grid, band: Band, width: int | None, measure: Measure, *, last: bool) -> None:
        self._band = band
        self._gap = grid.gap
        self._columns = [grid.columns[index] for index in band.indices]
        self._below = [(index, column) for index, column in enumerate(grid.columns) if column.below and last]
        self._width = width
        self._measure = measure

    def head(self) -> Iterator[Line]:
        broken = [
            wrap(column.heading, width, self._measure)
            for column, width in zip(self._columns, self._band.widths, strict=True)
        ]
        return self._lines([Cell("")] * len(broken), broken, heading=True)

    def no_rows(self) -> Iterator[Line]:
        return iter(())

    def row(self, row: Row) -> Iterator[Line]:
        cells = [row[index] for index in self._band.indices]
        broken = [
            [tail(cell.text, width, self._measure)]
            if column.tail
            else _broken(cell, width, self._measure, beside=self._band.beside)
            for column, cell, width in zip(self._columns, cells, self._band.widths, strict=True)
        ]
        yield from self._lines(cells, broken)
        for index, column in self._below:
            if row[index].text:
                yield from self._line_below(column, row[index])

    def _lines(self, cells: Sequence[Cell], broken: Sequence[list[str]], *, heading: bool = False) -> Iterator[Line]:
        for index in range(max(map(len, broken))):
            line: Line = []
            for column, cell, parts, width in zip(self._columns, cells, broken, self._band.widths, strict=True):
                inside = index < len(parts)
                text = pad(parts[index] if inside else "", width, self._measure, right=column.number)
                gap = [Segment(" " * self._gap)] if line else []
                line += [*gap, Segment(text, cell.prob if inside else None, cell.strong, heading)]
            yield line

    def _line_below(self, column: Column, cell: Cell) -> Iterator[Line]:
        """Indented behind the first column, if that leaves room."""
        indent = self._band.widths[0] + self._gap
        if self._width is not None and self._width - indent < _VALUE:
            indent = 0
        room = None if self._width is None else self._width - indent
        for line in _line_below(column, cell, room, self._measure):
            yield [Segment(" " * indent), *line]


class _Lists:
    """A heading and its value on each line, or on two if values would have too little room.

    A number is broken only if it is wider than the terminal. Without rows there are the headings alone.
    """

    def __init__(self, grid: Grid, width: int, measure: Measure) -> None:
        rows = deciding_rows(grid, width)
        self._columns = grid.columns
        self._width = width
        self._measure = measure
        self._gap = grid.gap
        self._begun = False
        labels = (measure(column.heading) for column in grid.columns if not column.below)
        indent = max(labels, default=0) + grid.gap
        pairs = [pair for row in rows for pair in zip(grid.columns, row, strict=True)]
        longest = max((measure(cell.text) for column, cell in pairs if column.number), default=0)
        self._beside = width - indent >= max(_VALUE, longest)
        if not self._beside:
            indent = grid.gap if width - grid.gap >= longest else 0
        self._indent = indent
        with_aside = (whole_width(cell, True, measure) for _, cell in pairs if cell.aside)
        self._with_aside = min(width - indent, max(with_aside, default=0))
        room = width - indent - longest - grid.gap
        self._shares = self._beside and room >= _END and len(grid.columns) > 1 and bool(grid.columns[1].tail)

    def head(self) -> Iterator[Line]:
        return iter(())

    def no_rows(self) -> Iterator[Line]:
        return self.row((Cell(""),) * len(self._columns))

    def row(self, row: Row) -> Iterator[Line]:
        if self._begun:
            yield []
        self._begun = True
        for index, (column, cell) in enumerate(zip(self._columns, row, strict=True)):
            if column.below:
                if cell.text:
                    yield from _line_below(column, cell, self._width, self._measure)
                continue
            if self._shares and index == 1:
                continue
            values = self._values(column, cell)
            if self._shares and index == 0:  # the end of the text goes on the line of the first cell
                values = [cell.text + " " * self._gap + self._end(row[1], self._measure(cell.text) + self._gap)]
            yield from self._item(column, cell, values)

    def _item(self, column: Column, cell: Cell, values: Sequence[str]) -> Iterator[Line]:
        label = column.heading if self._beside else ""
        if column.heading and not self._beside:
            yield from ([Segment(part, heading=True)] for part in wrap(column.heading, self._width, self._measure))
        for part in values:
            yield [
                Segment(pad(label, self._indent, self._measure), heading=True),
                Segment(part, cell.prob, cell.strong),
            ]
            label = ""

    def _values(self, column: Column, cell: Cell) -> list[str]:
        if column.tail:
            return [self._end(cell, 0)]
        width = self._with_aside if cell.aside else self._width - self._indent
        return _broken(cell, width, self._measure, beside=True)

    def _end(self, cell: Cell, used: int) -> str:
        return tail(cell.text, self._width - self._indent - used, self._measure)


def _line_below(column: Column, cell: Cell, width: int | None, measure: Measure) -> Iterator[Line]:
    """Heading, text and aside together, below a row."""
    text = say("{heading}: {meaning}", heading=column.heading, meaning=f"{cell.text} {cell.aside}".rstrip())
    for part in [text] if width is None else wrap(text, width, measure):
        yield [Segment(part, cell.prob, cell.strong)]


def _broken(cell: Cell, width: int, measure: Measure, *, beside: bool) -> list[str]:
    """The lines of a cell in so many columns."""
    if cell.aside and beside and whole_width(cell, beside, measure) <= width:
        return [pad(cell.text, width - measure(cell.aside), measure) + cell.aside]
    aside = wrap(cell.aside, width, measure) if cell.aside else []
    return [*wrap(cell.text, width, measure), *aside]
