"""Turning a result into text: one file per format, and only the one that is asked for is imported."""

from collections.abc import Iterator
from typing import TextIO

from ..results import Result

FORMATS = ("table", "json", "jsonl", "csv", "markdown")
"""`table` is for people at a terminal, the others are plain text."""


def render(result: Result, form: str, width: int | None = None, terminal: TextIO | None = None) -> Iterator[str]:
    """The result in one of FORMATS, in pieces. `width` limits the columns of a table, `terminal` gives it colours."""
    if form == "json":
        from .json import render_json as renderer
    elif form == "jsonl":
        from .json import render_jsonl as renderer
    elif form == "csv":
        from .csv import render_csv as renderer
    elif form == "markdown":
        from .markdown import render_markdown as renderer
    elif result.command == "next-tokens":
        from .step_table import render_steps

        return render_steps(result, width, terminal)  # type: ignore[arg-type]  # it is that command's result
    else:
        from .table import render_table

        return render_table(result, width, terminal)
    return renderer(result)
