"""CSV: tidy, one row for each thing that was measured, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from ..results import Result
from .formats import Page


def render_csv(result: Result, page: Page) -> Iterator[str]:
    """A header and the rows (RFC 4180, but with plain line feeds)."""
    header, rows = result.tidy()
    for row in (["prompt_index", *header], *([page.prompt_index, *row] for row in rows)):
        buffer = io.StringIO()
        # quotes what holds a character of the terminator
        csv.writer(buffer, lineterminator="\r\n").writerow(map(cell_value, row))
        yield buffer.getvalue().removesuffix("\r\n") + "\n"


def cell_value(value: Any) -> Any:
    """A value as one cell has it: truth values as JSON writes them, the numbers of a list with spaces between them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, list) else value
