"""CSV: tidy, one row for each prompt, step and rank, as a data frame wants it."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from ..results import Document, Result
from .formats import Page
from .views import flag, view_of


def render_csv(result: Document, page: Page) -> Iterator[str]:
    """A header and the rows (RFC 4180, but with plain line feeds)."""
    header, rows = view_of(result.command).tidy(result)
    meta = _meta(result) if page.meta and isinstance(result, Result) else {}
    for row in (["prompt_index", *header, *meta], *([page.prompt_index, *row, *meta.values()] for row in rows)):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerow(row)  # quotes what holds a character of the terminator
        yield buffer.getvalue().removesuffix("\r\n") + "\n"


def _meta(result: Result) -> dict[str, Any]:
    """What all rows have in common, by column: the model, how it was run, and the question's options."""
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
