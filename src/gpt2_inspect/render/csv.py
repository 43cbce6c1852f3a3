"""CSV: tidy, one row for each thing that was measured, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..results import Document, Result
from .formats import Page
from .places import place_columns, place_values


def render_csv(result: Document, page: Page) -> Iterator[str]:
    """The rows, and over those of a single text the header (RFC 4180, but with plain line feeds)."""
    header, rows = result.tidy()
    place, meta = place_values(page), _meta(result, page)
    if not page.many:
        yield _line([*place_columns(page), *header, *meta])
    for row in rows:
        yield _line([*place, *row, *meta.values()])


def csv_header(result: Document, page: Page) -> str:
    """The header over the rows of many texts."""
    header, _ = result.tidy()
    return _line([*place_columns(page), *header, *_meta(result, page)])


def _line(row: Sequence[Any]) -> str:
    buffer = io.StringIO()
    # quotes what holds a character of the terminator
    csv.writer(buffer, lineterminator="\r\n").writerow(map(cell_value, row))
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def cell_value(value: Any) -> Any:
    """A value as one cell has it: truth values as JSON writes them, the numbers of a list with spaces between them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _meta(result: Document, page: Page) -> dict[str, Any]:
    """What all rows have in common, by column: the model, how it was run, and the question's options; if wanted."""
    if not (page.meta and isinstance(result, Result)):
        return {}
    run = result.run
    settings = {
        "model": result.model.name,
        "revision": result.model.revision,
        "backend": run.backend,
        "device": run.device,
        "dtype": run.dtype,
        "seed": run.seed,
        "version": run.version,
    }
    for name, value in result.settings.entries().items():
        settings[f"option_{name}"] = value
    return settings
