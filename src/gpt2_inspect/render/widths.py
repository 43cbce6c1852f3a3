"""How wide the columns of a grid become on a terminal, and which of them go side by side."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .lines import Measure
from .sections import Cell, Column, Grid, Row

_WORD = 12
"""Columns that a word keeps before it is broken."""

_TAIL = 14
"""Columns that the end of a text keeps."""

_SPARE = 3
"""Columns more than a typical cell that one with an aside takes where there is room for them."""


class Band(NamedTuple):
    """Columns that go side by side."""

    indices: list[int]
    widths: list[int]
    beside: bool
    """Asides go at the right of their texts, not below."""


class _Need(NamedTuple):
    """The width that a column would like to have, and the one it cannot do without."""

    natural: int
    least: int


def deciding_rows(grid: Grid, width: int | None) -> tuple[Row, ...]:
    """The rows that the widths depend on."""
    return (grid.sample,) if grid.sample and width is not None else grid.rows


def bands(grid: Grid, width: int | None, measure: Measure) -> list[Band] | None:
    """How the columns that are not `below` go into `width`; None if not even a part of them fits."""
    rows = deciding_rows(grid, width)
    across = [index for index, column in enumerate(grid.columns) if not column.below]
    asides = any(cell.aside for row in rows for cell in row)
    typical = bool(grid.sample) and width is not None
    for beside in (True, False) if asides else (True,):
        needs = {
            index: _need(grid.columns[index], [row[index] for row in rows], beside, typical, measure)
            for index in across
        }
        found = _fitted(grid, needs, beside, width)
        if found is not None:
            return found
    return None


def _need(column: Column, cells: Sequence[Cell], beside: bool, typical: bool, measure: Measure) -> _Need:
    """`typical`: the cells are those of a sample, and others may be longer."""
    heading = measure(column.heading)
    heading_word = min(_WORD, _longest_word(column.heading, measure))
    if column.tail:
        longest = max((measure(cell.text) for cell in cells), default=0)
        natural = max(heading, column.tail if typical else min(column.tail, longest))
        return _Need(natural, max(heading_word, min(natural, _TAIL)))
    whole = max((whole_width(cell, beside, measure) for cell in cells), default=0)
    if column.number:
        return _Need(max(heading, whole), max(heading_word, whole))
    least = max((_least_width(cell, beside, measure) for cell in cells), default=0)
    spare = _SPARE if beside and typical and any(cell.aside for cell in cells) else 0
    return _Need(max(heading, whole + spare), max(heading_word, least))


def whole_width(cell: Cell, beside: bool, measure: Measure) -> int:
    """The width of a cell that is not broken."""
    if not cell.aside:
        return measure(cell.text)
    if beside:
        return measure(cell.text) + 1 + measure(cell.aside)
    return max(measure(cell.text), measure(cell.aside))


def _least_width(cell: Cell, beside: bool, measure: Measure) -> int:
    """With its longest word, or _WORD of it, on one line. An aside is not broken."""
    if cell.aside and beside:
        return whole_width(cell, beside, measure)
    return max(min(_WORD, _longest_word(cell.text, measure)), measure(cell.aside))


def _longest_word(text: str, measure: Measure) -> int:
    """The width of the longest word of a text."""
    return max(map(measure, text.split(" ")))


def _fitted(grid: Grid, needs: dict[int, _Need], beside: bool, width: int | None) -> list[Band] | None:
    across = list(needs)
    natural = [need.natural for need in needs.values()]
    if width is None or _total(natural, grid.gap) <= width:
        return [Band(across, natural, beside)]
    spread = grid.keys and not grid.sample
    found = []
    for indices in _spread(across, needs, grid.keys, grid.gap, width) if spread else [across]:
        tails = [bool(grid.columns[index].tail) for index in indices]
        widths = _narrowed([needs[index] for index in indices], tails, grid.gap, width)
        if _total(widths, grid.gap) > width:
            return None
        found.append(Band(indices, widths, beside))
    return found


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _narrowed(needs: Sequence[_Need], tails: Sequence[bool], gap: int, width: int) -> list[int]:
    """Widths with which the columns take `width` together, or as near to it as they can come.

    The ends of texts give way first, then the column with the most to spare.
    """
    least = [need.least for need in needs]
    if _total(least, gap) >= width:
        return least
    widths = [need.natural for need in needs]
    for _ in range(_total(widths, gap) - width):
        spare = [most - need.least for most, need in zip(widths, needs, strict=True)]
        index = max(range(len(widths)), key=lambda at: (spare[at] > 0 and tails[at], spare[at], at))
        widths[index] -= 1
    return widths


def _spread(across: Sequence[int], needs: dict[int, _Need], keys: int, gap: int, width: int) -> Iterator[list[int]]:
    """The key columns and as many of the others at a time as fit beside them.

    The keys give way if they take more than half of the width.
    """
    first, others = list(across[:keys]), across[keys:]
    key_needs = [needs[index] for index in first]
    room = width - sum(_narrowed(key_needs, [False] * len(first), 0, width // 2)) - gap * len(first)
    chosen: list[int] = []
    used = 0
    for index in others:
        if chosen and used + needs[index].natural > room:
            yield first + chosen
            chosen, used = [], 0
        chosen.append(index)
        used += needs[index].natural + gap
    yield first + chosen
