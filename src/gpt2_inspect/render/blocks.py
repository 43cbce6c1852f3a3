"""What people see of a result, whatever the format: grids, facts, texts, listings. Tables and Markdown are made of it.

All text in here is visible already (see `visible`), but for that of a Passage.
"""

from typing import NamedTuple


class Cell(NamedTuple):
    """A text in a grid or a listing; a grid may break it at its spaces."""

    text: str
    prob: float | None = None
    """What to shade it by, from 0 to 1; None for no shade."""
    strong: bool = False


class Column(NamedTuple):
    """A column of a grid."""

    heading: str
    number: bool = False
    """Numbers stand at the right and are not broken."""


class Grid(NamedTuple):
    """Rows of cells under headings."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    keys: int = 0
    """Where the grid is too wide, its columns are spread over several grids that all begin with the first so many.
    If 0, each row becomes a list of its cells instead."""
    gap: int = 2
    """Spaces between columns."""


class Facts(NamedTuple):
    """A line each."""

    lines: tuple[str, ...]


class Passage(NamedTuple):
    """A text that someone may want to copy: it is not broken, and its line breaks are its own."""

    text: str


class Listing(NamedTuple):
    """Lines whose indentation counts."""

    lines: tuple[Cell, ...]


Block = Grid | Facts | Passage | Listing
