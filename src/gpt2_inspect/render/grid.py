"""Laying out a grid for a terminal of a given width. Nothing is cut: what is longer than its column is broken.

Three forms, the first that fits is taken: every column as wide as it needs; if the grid has key columns, several grids
below each other that all begin with these, else columns of text narrower, their cells broken into lines; and where
even that is too wide, a list for each row.
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
    tables = _tables(grid, width, measure)
    if width is not None and tables is None:
        yield from _records(grid, width, measure)
    for index, (part, widths) in enumerate(tables or ()):
        if index:
            yield []
        yield from _table(part, widths, measure)


def _tables(grid: Grid, width: int | None, measure: Measure) -> list[tuple[Grid, list[int]]] | None:
    """What of the grid goes side by side, and how wide the columns are; None if not even a part of it fits."""
    natural = _natural(grid, measure)
    if width is None or _total(natural, grid.gap) <= width:
        return [(grid, natural)]
    least = _least(grid, measure)
    tables = []
    for columns in _bands(grid, natural, least, width) if grid.keys else [list(range(len(natural)))]:
        widths = _narrowed([natural[index] for index in columns], [least[index] for index in columns], grid.gap, width)
        if _total(widths, grid.gap) > width:
            return None
        tables.append((_columns(grid, columns), widths))
    return tables


def _natural(grid: Grid, measure: Measure) -> list[int]:
    """The width of each column if nothing in it is broken."""
    return [
        max(measure(text) for text in (column.heading, *(row[index].text for row in grid.rows)))
        for index, column in enumerate(grid.columns)
    ]


def _least(grid: Grid, measure: Measure) -> list[int]:
    """The width that each column needs: one of text its longest word or _WORD of it, one of numbers the longest."""
    least = []
    for index, column in enumerate(grid.columns):
        cells = [row[index].text for row in grid.rows]
        words = [word for text in (column.heading, *([] if column.number else cells)) for word in text.split(" ")]
        longest_number = max(map(measure, cells), default=0) if column.number else 0
        least.append(max(longest_number, min(_WORD, max(map(measure, words)))))
    return least


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _narrowed(natural: Sequence[int], least: Sequence[int], gap: int, width: int) -> list[int]:
    """Widths with which the columns take `width` together, or as near to it as they can come.

    The column with the most to spare gives way first.
    """
    if _total(least, gap) >= width:
        return list(least)
    widths = list(natural)
    for _ in range(_total(natural, gap) - width):
        _, index = max((most - least[index], index) for index, most in enumerate(widths))
        widths[index] -= 1
    return widths


def _bands(grid: Grid, natural: Sequence[int], least: Sequence[int], width: int) -> Iterator[list[int]]:
    """The key columns and as many of the others at a time as fit beside them.

    The keys give way if they take more than half of the width.
    """
    keys = list(range(grid.keys))
    room = width - sum(_narrowed(natural[: grid.keys], least[: grid.keys], 0, width // 2)) - grid.gap * grid.keys
    chosen: list[int] = []
    used = 0
    for column in range(grid.keys, len(natural)):
        if chosen and used + natural[column] > room:
            yield keys + chosen
            chosen, used = [], 0
        chosen.append(column)
        used += natural[column] + grid.gap
    yield keys + chosen


def _columns(grid: Grid, chosen: Sequence[int]) -> Grid:
    return grid._replace(
        columns=tuple(grid.columns[index] for index in chosen),
        rows=tuple(tuple(row[index] for index in chosen) for row in grid.rows),
    )


def _table(grid: Grid, widths: Sequence[int], measure: Measure) -> Iterator[Line]:
    headings = tuple(Cell(column.heading) for column in grid.columns)
    yield from _row(grid, headings, widths, measure, heading=True)
    for row in grid.rows:
        yield from _row(grid, row, widths, measure)


def _row(
    grid: Grid, row: Sequence[Cell], widths: Sequence[int], measure: Measure, *, heading: bool = False
) -> Iterator[Line]:
    broken = [wrap(cell.text, width, measure) for cell, width in zip(row, widths, strict=True)]
    for index in range(max(map(len, broken))):
        line: Line = []
        for column, cell, parts, width in zip(grid.columns, row, broken, widths, strict=True):
            inside = index < len(parts)
            text = pad(parts[index] if inside else "", width, measure, right=column.number)
            gap = [Segment(" " * grid.gap)] if line else []
            line += [*gap, Segment(text, cell.prob if inside else None, cell.strong, heading)]
        yield line


def _records(grid: Grid, width: int, measure: Measure) -> Iterator[Line]:
    """A list for each row: a heading and its value on each line, or on two if values would have too little room.

    A number is broken only if it is wider than the terminal. Without rows there are the headings alone.
    """
    indent = max(measure(column.heading) for column in grid.columns) + grid.gap
    numbers = [cell.text for row in grid.rows for column, cell in zip(grid.columns, row, strict=True) if column.number]
    longest = max(map(measure, numbers), default=0)
    beside = width - indent >= max(_VALUE, longest)
    if not beside:
        indent = grid.gap if width - grid.gap >= longest else 0
    no_row = (Cell(""),) * len(grid.columns)
    for index, row in enumerate(grid.rows or [no_row]):
        if index:
            yield []
        for column, cell in zip(grid.columns, row, strict=True):
            label = column.heading if beside else ""
            if column.heading and not beside:
                yield from ([Segment(part, heading=True)] for part in wrap(column.heading, width, measure))
            for part in wrap(cell.text, width - indent, measure):
                yield [Segment(pad(label, indent, measure), heading=True), Segment(part, cell.prob, cell.strong)]
                label = ""
