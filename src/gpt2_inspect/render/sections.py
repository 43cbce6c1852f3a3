"""What people see of a result in any format: sections, one below the other. Tables and Markdown are made of them.

All text in here is visible already (see `visible`), but for that of a Passage.
"""

from typing import NamedTuple


class Cell(NamedTuple):
    """A text in a grid or a listing; a grid may break it at its spaces."""

    text: str
    prob: float | None = None
    """What to shade it by, from 0 to 1; None for no shade."""
    strong: bool = False
    aside: str = ""
    """What belongs to the text but stands at the right end of the cell, beside the text or below it: a percentage."""


class Column(NamedTuple):
    """A column of a grid."""

    heading: str
    number: bool = False
    """Numbers stand at the right and are not broken."""
    whole: bool = False
    """Nor are these texts, which stand at the left: names."""
    tail: int = 0
    """If not 0, its texts stay on one line; it is the second column of a grid with a sample. One that is longer than
    the column goes above its row, and of one that is longer than the terminal the end is shown; where nothing limits
    the width, the end of one that takes more columns than this."""
    below: bool = False
    """On a terminal the few cells that have a text stand in a line of their own below their row."""


Row = tuple[Cell, ...]


class Grid(NamedTuple):
    """Rows of cells under headings."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: str = ""
    keys: int = 0
    """Where the grid is too wide, its columns are spread over several grids that all begin with the first so many.
    If 0, each row becomes a list of its cells instead."""
    gap: int = 2
    """Spaces between columns."""
    sample: Row = ()
    """For rows that are written as they are computed: a typical one. On a terminal it fixes the widths, in place of the
    rows, and the grid is not spread. A row whose first cell is empty goes on with the row before it."""


class Facts(NamedTuple):
    """A line each."""

    lines: tuple[str, ...]


class Passage(NamedTuple):
    """A text that someone may want to copy: it is not broken, and its line breaks are its own."""

    text: str


class Listing(NamedTuple):
    """Lines whose indentation counts."""

    lines: tuple[Cell, ...]
    title: str = ""


class Prose(NamedTuple):
    """Paragraphs under a heading, for reading: a terminal breaks them into lines that are not too long for that."""

    heading: str
    paragraphs: tuple[str, ...]
    listed: bool = False
    """Each is an item of a list."""


Section = Grid | Facts | Passage | Listing | Prose
