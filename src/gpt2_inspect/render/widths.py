"""How wide the columns of a grid become on a terminal, and which of them go side by side."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .lines import Measure, pieces, wrap
from .sections import Cell, Column, Grid, Row

_WORD = 13
"""Columns that a word keeps before it is broken: those of `<|endoftext|>`."""

_MARKED = _WORD + 2
"""Columns that a text with an aside keeps: those of a word with a mark."""

SPARE = 3
"""Columns more than a typical cell that one with an aside takes where there is room for them."""

TALLEST = 3
"""Lines of a heading."""

USUAL = 2
"""Lines that the cells of a column have at most, taken together."""

GROWTH = 24
"""Columns more than a typical text that a tail column takes where there is room for them: later texts are longer. Still
more would only be a gap, and a longer text goes above its row."""


class Band(NamedTuple):
    """Columns that go side by side."""

    indices: list[int]
    widths: list[int]


class _Need(NamedTuple):
    """The width that a column would like to have, that in which its cells are whole, and that it cannot do without."""

    natural: int
    cells: int
    least: int


def deciding_rows(grid: Grid, width: int | None) -> tuple[Row, ...]:
    """The rows that the widths depend on."""
    return (grid.sample,) if grid.sample and width is not None else grid.rows


def tail_column(grid: Grid) -> int | None:
    """The index of the column whose texts stay on one line, if there is one."""
    return next((index for index, column in enumerate(grid.columns) if column.tail), None)


def bands(grid: Grid, width: int | None, measure: Measure) -> list[Band] | None:
    """How the columns that are not `below` go into `width`; None if not even a part of them fits.

    Of a grid with a sample all go side by side as they are, and the texts of the tail column take more if there is
    more: later ones may need it.
    """
    across = _across(grid)
    needs = _needs(grid, across, width, measure)
    natural = [need.natural for need in needs.values()]
    if width is None or _total(natural, grid.gap) <= width:
        if (tail := tail_column(grid)) is not None and width is not None:
            spare = width - _total(natural, grid.gap)
            natural[across.index(tail)] += min(spare, GROWTH if grid.sample else _cut(grid, tail, measure))
        return [Band(across, natural)]
    if grid.sample:
        widths = _narrowed(list(needs.values()), grid.gap, width)
        fits = all(now >= typical for now, typical in zip(widths, _typical(grid, across, measure), strict=True))
        return [Band(across, widths)] if fits else None
    found = []
    narrow = _total([need.least for need in needs.values()], grid.gap) <= width
    for indices in [across] if narrow or not grid.keys else _spread(across, needs, grid.keys, grid.gap, width):
        widths = _narrowed([needs[index] for index in indices], grid.gap, width)
        if _total(widths, grid.gap) > width or (not grid.keys and _is_tall(grid, widths, indices, measure)):
            return None
        found.append(Band(indices, widths))
    return found


def _is_tall(grid: Grid, widths: Sequence[int], indices: Sequence[int], measure: Measure) -> bool:
    """Whether headings or cells would become towers, which nobody reads: then a list is better."""

    def lines(text: str, width: int) -> int:
        return len(wrap(text, width, measure))

    return any(
        lines(grid.columns[at].heading, width) > TALLEST
        or sum(lines(row[at].text, width) for row in grid.rows) > USUAL * len(grid.rows)
        for at, width in zip(indices, widths, strict=True)
    )


def _cut(grid: Grid, tail: int, measure: Measure) -> int:
    """How many columns the longest text of the tail column lacks."""
    column = grid.columns[tail]
    longest = max((whole_width(row[tail], measure) for row in grid.rows), default=0)
    return max(0, longest - max(column.tail, measure(column.heading)))


def band_below_texts(grid: Grid, width: int, measure: Measure) -> Band | None:
    """The columns that go, indented, below a text and the cell before it; None if they do not fit."""
    tail = tail_column(grid)
    if tail is None:
        return None
    indices = _across(grid)[tail + 1 :]
    room = width - grid.gap
    widths = _narrowed(list(_needs(grid, indices, width, measure).values()), grid.gap, room)
    return Band(indices, widths) if indices and _total(widths, grid.gap) <= room else None


def _across(grid: Grid) -> list[int]:
    return [index for index, column in enumerate(grid.columns) if not column.below]


def _needs(grid: Grid, indices: Sequence[int], width: int | None, measure: Measure) -> dict[int, _Need]:
    rows = deciding_rows(grid, width)
    typical = bool(grid.sample) and width is not None
    return {index: _need(grid.columns[index], [row[index] for row in rows], typical, measure) for index in indices}


def _need(column: Column, cells: Sequence[Cell], typical: bool, measure: Measure) -> _Need:
    """`typical`: the cells are those of a sample, and others may be longer."""
    heading = measure(column.heading)
    heading_word = _longest_piece(column.heading, measure)
    whole = max((whole_width(cell, measure) for cell in cells), default=0)
    if column.tail:
        natural = max(heading, whole if typical else min(column.tail, whole))
        return _Need(natural, natural, natural)
    if column.number or column.whole:
        return _Need(max(heading, whole), max(heading_word, whole), max(heading_word, whole))
    least = max((_least_width(cell, measure) for cell in cells), default=0)
    if typical and any(cell.aside for cell in cells):
        whole += SPARE
        least = max(least, _WORD)
    return _Need(max(heading, whole), max(heading_word, whole), max(heading_word, least))


def _typical(grid: Grid, indices: Sequence[int], measure: Measure) -> list[int]:
    """The widths in which the cells of the sample are whole."""
    return [whole_width(grid.sample[index], measure) for index in indices]


def whole_width(cell: Cell, measure: Measure) -> int:
    """The width of a cell that is not broken, its aside beside its text."""
    return measure(cell.text) + (1 + measure(cell.aside) if cell.aside else 0)


def _least_width(cell: Cell, measure: Measure) -> int:
    """With its longest word, or _WORD of it, on one line; with an aside, all of it or _MARKED, and that on another."""
    if cell.aside:
        return max(min(_MARKED, measure(cell.text)), measure(cell.aside))
    return min(_WORD, _longest_word(cell.text, measure))


def _longest_word(text: str, measure: Measure) -> int:
    """The width of the longest word of a text."""
    return max(map(measure, text.split(" ")))


def _longest_piece(text: str, measure: Measure) -> int:
    """The same for a heading, whose words stay whole; Chinese, which may be broken anywhere, keeps _WORD."""
    longest = max(measure(piece) for word in text.split(" ") for piece in pieces(word))
    return max(longest, min(_WORD, _longest_word(text, measure)))


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _narrowed(needs: Sequence[_Need], gap: int, width: int) -> list[int]:
    """Widths with which the columns take `width` together, or as near to it as they can come.

    Headings alone give way if that leaves all cells whole. The column with the most to spare does so first.
    """
    least = [need.least for need in needs]
    if _total(least, gap) >= width:
        return least
    cells = [need.cells for need in needs]
    ends = cells if _total(cells, gap) <= width else least
    widths = [need.natural for need in needs]
    for _ in range(_total(widths, gap) - width):
        spare = [most - end for most, end in zip(widths, ends, strict=True)]
        widths[max(range(len(widths)), key=lambda at: (spare[at], at))] -= 1
    return widths


def _spread(across: Sequence[int], needs: dict[int, _Need], keys: int, gap: int, width: int) -> Iterator[list[int]]:
    """The key columns and as many of the others at a time as fit beside them.

    The keys give way if they take more than half of the width.
    """
    first, others = list(across[:keys]), across[keys:]
    key_needs = [needs[index] for index in first]
    room = width - sum(_narrowed(key_needs, 0, width // 2)) - gap * len(first)
    chosen: list[int] = []
    used = 0
    for index in others:
        if chosen and used + needs[index].natural > room:
            yield first + chosen
            chosen, used = [], 0
        chosen.append(index)
        used += needs[index].natural + gap
    yield first + chosen
