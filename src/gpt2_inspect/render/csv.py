"""CSV: tidy, one row for each prompt, step and rank, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator

from ..results import Result
from .rows import tidy_rows


def render_csv(result: Result) -> Iterator[str]:
    """A header and the rows (RFC 4180, but with plain line feeds)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header, rows = tidy_rows(result)
    writer.writerow(header)
    writer.writerows(rows)
    yield buffer.getvalue()
