"""CSV: tidy, one row for each prompt, step and rank, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator

from ..results import Document
from .formats import Page
from .views import view_of


def render_csv(result: Document, page: Page) -> Iterator[str]:
    """A header and the rows (RFC 4180, but with plain line feeds)."""
    header, rows = view_of(result.command).tidy(result)
    for row in (["prompt_index", *header], *([page.prompt_index, *row] for row in rows)):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerow(row)  # quotes what holds a character of the terminator
        yield buffer.getvalue().removesuffix("\r\n") + "\n"
