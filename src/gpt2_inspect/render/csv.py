"""CSV: tidy, one row for each prompt, step and rank, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..results import Document, Result
from .formats import Page
from .places import place_columns, place_values
from .views import flag, view_of


def render_csv(result: Document, page: Page) -> Iterator[str]:
    """The rows, and over those of a single text the header (RFC 4180, but with plain line feeds)."""
    header, rows = view_of(result.command).tidy(result)
    place, meta = place_values(page), _meta(result, page)
    if not page.many:
        yield _line([*place_columns(page), *header, *meta])
    for row in rows:
        yield _line([*place, *row, *meta.values()])


def csv_header(result: Document, page: Page) -> str:
    """The header over the rows of many texts."""
    header, _ = view_of(result.command).tidy(result)
    return _line([*place_columns(page), *header, *_meta(result, page)])


def _line(row: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(row)  # quotes what holds a character of the terminator
    return buffer.getvalue().removesuffix("\r\n") + "\n"


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
        settings[f"option_{name}"] = _cell(value)
    return settings


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return flag(value)
    return " ".join(map(str, value)) if isinstance(value, tuple) else value
