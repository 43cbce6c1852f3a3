"""Laying out a grid for a terminal of a given width, whole or row by row. What is longer than its column is broken.

Nothing is cut but texts of a tail column that are longer than the terminal. These forms there are, and the first that
fits is taken:

    columns      each as wide as it needs; or columns of text narrower, their cells broken into lines; or, if the grid
                 has key columns, several grids below each other that all begin with these. The tail column, if there
                 is one, takes more if there is more; a text that is longer goes above its row
    below texts  the first cell and the text of the tail column on a line, the other columns on the next
    lists        a list of cells for each row

Asides go at the right of their texts if in a row all do, else below. Where a text is too long for that, it takes what
its neighbours in the row have to spare.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from operator import add
from typing import Protocol

from ..messages import say
from .lines import Line, Measure, Segment, pad, tail, wrap
from .sections import Cell, Column, Grid, Row
from .widths import SPARE, Band, band_below_texts, bands, deciding_rows, tail_column, whole_width

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
    if found:
        return [_Columns(grid, band, width, measure, first=band is found[0], last=band is found[-1]) for band in found]
    assert width is not None  # without a limit everything fits
    below = band_below_texts(grid, width, measure)
    return [_BelowTexts(grid, below, width, measure) if below else _Lists(grid, width, measure)]


class _Columns:
    """Side by side, under headings."""

    def __init__(
        self,
        grid: Grid,
        band: Band,
        width: int | None,
        measure: Measure,
        *,
        first: bool = True,
        last: bool = False,
    ) -> None:
        self._grid = grid
        self._indices, self._widths = band
        self._columns = [grid.columns[index] for index in band.indices]
        self._tail = tail_column(grid)
        self._width = width
        self._measure = measure
        self._first = first
        self._last = last
        self._reaches = band.widths
        self._lends = bool(grid.sample) and width is not None  # later rows may be longer than was reckoned with
        self._beside = not self._lends and self._ends_with_asides()

    def head(self) -> Iterator[Line]:
        broken = [
            wrap(column.heading, width, self._measure)
            for column, width in zip(self._columns, self._widths, strict=True)
        ]
        return self._lines([Cell("")] * len(broken), broken, self._widths, self._widths, heading=True)

    def no_rows(self) -> Iterator[Line]:
        return iter(())

    def row(self, row: Row) -> Iterator[Line]:
        cells = [row[index] for index in self._indices]
        if self._width is not None and self._tail in self._indices:
            at = self._indices.index(self._tail)
            if self._measure(cells[at].text) > self._widths[at]:
                yield _line_above(row, self._widths[0], self._grid.gap, self._width, self._measure)
                cells[: at + 1] = [Cell("")] * (at + 1)
        widths, ends, beside = self._room(cells)
        broken = [
            [tail(cell.text, end, self._measure)] if column.tail else _broken(cell, end, self._measure, beside=beside)
            for column, cell, end in zip(self._columns, cells, ends, strict=True)
        ]
        if self._first or self._has_values(cells):
            yield from self._lines(cells, broken, widths, ends)
        if self._last:
            yield from _lines_below(self._grid, row, self._widths[0] + self._grid.gap, self._width, self._measure)

    def _ends_with_asides(self) -> bool:
        """Let asides go no further to the right than the widest cell of a column, whatever its heading takes.

        Gives whether all are whole then, beside their texts.
        """
        widest = [
            max((whole_width(row[at], self._measure) for row in self._grid.rows), default=0) for at in self._indices
        ]
        self._reaches = [min(pair) for pair in zip(self._widths, widest, strict=True)]
        return self._reaches == widest

    def _room(self, cells: Sequence[Cell]) -> tuple[Sequence[int], Sequence[int], bool]:
        """The widths of a row's cells, how much of each they fill, and whether all asides stand beside their texts."""
        widths, reaches, beside = self._widths, self._reaches, self._beside
        if self._lends and (lent := _lent(cells, reaches, self._measure)):
            widths, reaches, beside = list(map(add, widths, lent)), list(map(add, reaches, lent)), True
        elif not beside:
            fits = (
                whole_width(cell, self._measure) <= end for cell, end in zip(cells, reaches, strict=True) if cell.aside
            )
            beside = all(fits)
        ends = [reach if cell.aside else width for cell, width, reach in zip(cells, widths, reaches, strict=True)]
        return widths, ends, beside

    def _has_values(self, cells: Sequence[Cell]) -> bool:
        """Whether a row has more to say in these columns than what it is called."""
        keys = self._grid.keys
        return any(cell.text or cell.aside for index, cell in zip(self._indices, cells, strict=True) if index >= keys)

    def _lines(
        self,
        cells: Sequence[Cell],
        broken: Sequence[list[str]],
        widths: Sequence[int],
        ends: Sequence[int],
        *,
        heading: bool = False,
    ) -> Iterator[Line]:
        """The lines of a row. `ends`: how much of the width of each cell is shaded."""
        for index in range(max(map(len, broken))):
            line: Line = []
            gap = 0
            for column, cell, parts, width, end in zip(self._columns, cells, broken, widths, ends, strict=True):
                inside = index < len(parts)
                text = pad(parts[index] if inside else "", end, self._measure, right=column.number)
                if line:
                    line.append(_space(gap))
                line.append(Segment(text, cell.prob if inside else None, cell.strong, heading))
                gap = self._grid.gap + width - end
            yield line


class _BelowTexts:
    """The first cell and the text on a line, the others indented on the next ones."""

    def __init__(self, grid: Grid, band: Band, width: int, measure: Measure) -> None:
        self._grid = grid
        self._first = whole_width(grid.sample[0], measure)
        self._others = _Columns(grid, band, width - grid.gap, measure)
        self._width = width
        self._measure = measure

    def head(self) -> Iterator[Line]:
        first, text, *_ = (Cell(column.heading) for column in self._grid.columns)
        line = _line_above((first, text), self._first, self._grid.gap, self._width, self._measure)
        yield [segment._replace(heading=True) for segment in line]
        yield from self._indented(self._others.head())

    def no_rows(self) -> Iterator[Line]:
        return iter(())

    def row(self, row: Row) -> Iterator[Line]:
        if row[0].text:
            yield _line_above(row, self._first, self._grid.gap, self._width, self._measure)
        yield from self._indented(self._others.row(row))
        yield from _lines_below(self._grid, row, self._grid.gap, self._width, self._measure)

    def _indented(self, lines: Iterator[Line]) -> Iterator[Line]:
        return ([Segment(" " * self._grid.gap), *line] for line in lines)


class _Lists:
    """A heading and its value on each line, or on two if values would have too little room.

    A number is broken only if it is wider than the terminal. Without rows there are the headings alone.
    """

    def __init__(self, grid: Grid, width: int, measure: Measure) -> None:
        rows = deciding_rows(grid, width)
        self._grid = grid
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
        with_aside = (whole_width(cell, measure) for _, cell in pairs if cell.aside)
        self._with_aside = min(width - indent, max(with_aside, default=0) + SPARE)
        room = width - indent - longest - grid.gap
        self._shown_end = tail_column(grid) is not None
        self._shares = self._shown_end and self._beside and room >= _END

    def head(self) -> Iterator[Line]:
        return iter(())

    def no_rows(self) -> Iterator[Line]:
        return self.row((Cell(""),) * len(self._columns))

    def row(self, row: Row) -> Iterator[Line]:
        goes_on = bool(row) and self._shown_end and not row[0].text
        if self._begun:
            yield []
        self._begun = True
        for index, (column, cell) in enumerate(zip(self._columns, row, strict=True)):
            if column.below or (goes_on and not cell.text) or (self._shares and index == 1):
                continue
            values = self._values(column, cell)
            if self._shares and index == 0:  # the end of the text goes on the line of the first cell
                values = [cell.text + " " * self._gap + self._end(row[1], self._measure(cell.text) + self._gap)]
            yield from self._item(column, cell, values)
        yield from _lines_below(self._grid, row, 0, self._width, self._measure)

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
        if not cell.aside:
            return wrap(cell.text, self._width - self._indent, self._measure)
        width = self._with_aside
        return _broken(cell, width, self._measure, beside=whole_width(cell, self._measure) <= width)

    def _end(self, cell: Cell, used: int) -> str:
        return tail(cell.text, self._width - self._indent - used, self._measure)


@lru_cache
def _space(columns: int) -> Segment:
    return Segment(" " * columns)


def _lent(cells: Sequence[Cell], reaches: Sequence[int], measure: Measure) -> list[int] | None:
    """How many columns each cell gets beyond its own, so that the asides of the row stand beside their texts.

    One that lacks some takes it from those next to it that have asides too, the later ones first, which keep SPARE.
    None if these have not enough.
    """
    spare = [
        reach - whole_width(cell, measure) if cell.aside else 0 for cell, reach in zip(cells, reaches, strict=True)
    ]
    lent = [0] * len(cells)
    for at in range(len(cells)):
        after, before = range(at + 1, len(cells)), range(at - 1, -1, -1)
        for others in (after, before) if spare[at] < 0 else ():
            for other in takewhile(lambda other: cells[other].aside, others):
                part = max(0, min(-spare[at], spare[other] - SPARE))
                for index, gets in ((at, part), (other, -part)):
                    spare[index] += gets
                    lent[index] += gets
    return None if min(spare, default=0) < 0 else lent


def _line_above(row: Row, first: int, gap: int, width: int, measure: Measure) -> Line:
    """The first cell, `first` columns wide, and as much of the end of the text behind it as a line can hold."""
    room = width - first - gap
    number = pad(row[0].text, first, measure, right=True)
    return [Segment(number), Segment(" " * gap), Segment(tail(row[1].text, room, measure))]


def _lines_below(grid: Grid, row: Row, indent: int, width: int | None, measure: Measure) -> Iterator[Line]:
    """Heading, text and aside of the cells that stand below their row, indented if that leaves room."""
    if width is not None and width - indent < _VALUE:
        indent = 0
    for column, cell in zip(grid.columns, row, strict=True):
        if not column.below or not cell.text:
            continue
        meaning = f"{cell.text} {cell.aside}".rstrip()
        text = say("{heading}: {meaning}", heading=column.heading, meaning=meaning)
        heading, _, _ = text.partition(meaning)
        room = None if width is None else width - indent
        if room is None or measure(text) <= room:
            lines = [[Segment(heading), Segment(meaning, cell.prob, cell.strong)]]
        else:
            lines = [[Segment(part)] for part in wrap(heading.rstrip(), room, measure)]
            lines += [[Segment(part, cell.prob, cell.strong)] for part in wrap(meaning, room, measure)]
        space = [Segment(" " * indent)] if indent else []
        yield from ([*space, *line] for line in lines)


def _broken(cell: Cell, width: int, measure: Measure, *, beside: bool) -> list[str]:
    """The lines of a cell in so many columns; its aside stands at the right, so that those of a column line up."""
    if cell.aside and beside:
        return [pad(cell.text, width - measure(cell.aside), measure) + cell.aside]
    lines = wrap(cell.text, width, measure)
    if not cell.aside:
        return lines
    if len(lines) > 1 and measure(lines[-1]) + 1 + measure(cell.aside) <= width:
        return [*lines[:-1], pad(lines[-1], width - measure(cell.aside), measure) + cell.aside]
    return [*lines, *(pad(part, width, measure, right=True) for part in wrap(cell.aside, width, measure))]
