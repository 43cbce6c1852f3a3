"""Laying out a grid for a terminal of a given width. Nothing is cut: what is longer than its column is broken.

Three forms, the first that fits is taken: every column as wide as it needs; columns of text narrower, their cells
broken into lines; and where even that is too wide, several grids below each other or a list for each row.
"""

from collections.abc import Iterator, Sequence

from .blocks import Cell, Grid
from .lines import Line, Measure, Segment, pad, wrap

_WORD = 12
"""Columns that a word keeps before it is broken."""

_VALUE = 8
"""Columns that a value in a list needs beside its heading; with fewer it goes below."""


def grid_lines(grid: Grid, width: int | None, measure: Measure) -> Iterator[Line]:
    """The lines of a grid, its title first."""
    if grid.title:
        for line in [grid.title] if width is None else wrap(grid.title, width, measure):
            yield [Segment(line, heading=True)]
    for index, part in enumerate(_bands(grid, width, measure)):
        if index:
            yield []
        widths = _fit(part, width, measure)
        yield from _records(part, width or 0, measure) if widths is None else _table(part, widths, measure)


def _bands(grid: Grid, width: int | None, measure: Measure) -> Iterator[Grid]:
    """The grid itself; or if it is too wide and has key columns, as many of the others at a time as fit beside them."""
    natural = _natural(grid, measure)
    if width is None or not grid.keys or sum(natural) + grid.gap * (len(natural) - 1) <= width:
        yield grid
        return
    keys = list(range(grid.keys))
    room = width - sum(natural[key] + grid.gap for key in keys)
    chosen: list[int] = []
    used = 0
    for column in range(grid.keys, len(natural)):
        if chosen and used + natural[column] > room:
            yield _columns(grid, keys + chosen)
            chosen, used = [], 0
        chosen.append(column)
        used += natural[column] + grid.gap
    yield _columns(grid, keys + chosen)


def _columns(grid: Grid, chosen: Sequence[int]) -> Grid:
    return grid._replace(
        columns=tuple(grid.columns[index] for index in chosen),
        rows=tuple(tuple(row[index] for index in chosen) for row in grid.rows),
    )


def _natural(grid: Grid, measure: Measure) -> list[int]:
    """The width of each column if nothing in it is broken."""
    return [
        max(measure(text) for text in (column.heading, *(row[index].text for row in grid.rows)))
        for index, column in enumerate(grid.columns)
    ]


def _fit(grid: Grid, width: int | None, measure: Measure) -> list[int] | None:
    """Widths of the columns with which the grid is as wide as `width` at most; None if there are none.

    The column with the most to spare gives way first. A column of text keeps its longest word, or _WORD of it; one of
    numbers keeps the longest of them.
    """
    widths = _natural(grid, measure)
    if width is None:
        return widths
    surplus = sum(widths) + grid.gap * (len(widths) - 1) - width
    if surplus <= 0:
        return widths
    least = list(widths)
    for index, column in enumerate(grid.columns):
        cells = [row[index].text for row in grid.rows]
        words = [word for text in (column.heading, *([] if column.number else cells)) for word in text.split(" ")]
        least[index] = min(_WORD, max(map(measure, words)))
        if column.number:
            least[index] = max(least[index], *map(measure, cells), 0)
    for _ in range(surplus):
        spare, index = max((most - least[index], index) for index, most in enumerate(widths))
        if spare <= 0:
            return None
        widths[index] -= 1
    return widths


def _table(grid: Grid, widths: Sequence[int], measure: Measure) -> Iterator[Line]:
    headings = tuple(Cell(column.heading) for column in grid.columns)
    yield from _row(grid, headings, widths, measure, heading=True)
    for row in grid.rows:
        yield from _row(grid, row, widths, measure)


def _row(
    grid: Grid, row: Sequence[Cell], widths: Sequence[int], measure: Measure, *, heading: bool = False
) -> Iterator[Line]:
    broken = [wrap(cell.text, width, measure) or [""] for cell, width in zip(row, widths, strict=True)]
    for index in range(max(map(len, broken))):
        line: Line = []
        for column, cell, parts, width in zip(grid.columns, row, broken, widths, strict=True):
            inside = index < len(parts)
            text = pad(parts[index] if inside else "", width, measure, right=column.number)
            gap = [Segment(" " * grid.gap)] if line else []
            line += [*gap, Segment(text, cell.prob if inside else None, cell.strong, heading)]
        yield line


def _records(grid: Grid, width: int, measure: Measure) -> Iterator[Line]:
    """A list for each row: a heading and its value on each line."""
    indent = max(measure(column.heading) for column in grid.columns) + grid.gap
    beside = width - indent >= _VALUE
    for index, row in enumerate(grid.rows):
        if index:
            yield []
        for column, cell in zip(grid.columns, row, strict=True):
            if not beside:
                yield [Segment(column.heading, heading=True)]
            for number, part in enumerate(wrap(cell.text, width - indent if beside else width - grid.gap, measure)):
                label = column.heading if beside and number == 0 else ""
                room = indent if beside else grid.gap
                yield [Segment(pad(label, room, measure), heading=True), Segment(part, cell.prob, cell.strong)]
