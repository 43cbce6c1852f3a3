"""CSV: tidy, one row for each prompt, step and rank, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..results import Result
from .formats import Page
from .places import place_columns, place_values
from .views import view_of


def render_csv(result: Result, page: Page) -> Iterator[str]:
    """The rows, and over those of a single text the header (RFC 4180, but with plain line feeds)."""
    header, rows = view_of(result.command).tidy(result)
    if not page.many:
        yield _line([*place_columns(page), *header])
    values = place_values(page)
    for row in rows:
        yield _line([*values, *row])


def csv_header(result: Result, page: Page) -> str:
    """The header over the rows of many texts."""
    header, _ = view_of(result.command).tidy(result)
    return _line([*place_columns(page), *header])


def _line(row: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(row)  # quotes what holds a character of the terminator
    return buffer.getvalue().removesuffix("\r\n") + "\n"
