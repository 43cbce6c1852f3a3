"""CSV: tidy, one row for each prompt, step and rank, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator

from ..results import Result
from .rows import tidy_rows


def render_csv(result: Result) -> Iterator[str]:
    """A header and the rows (RFC 4180, but with plain line feeds)."""
    header, rows = tidy_rows(result)
    for row in (header, *rows):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerow(row)  # quotes what holds a character of the terminator
        yield buffer.getvalue().removesuffix("\r\n") + "\n"
