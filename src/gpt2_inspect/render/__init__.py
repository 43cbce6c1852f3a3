"""Turning a result into text: one file per format, and only the one that is asked for is imported."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from .formats import FORMATS, Page

if TYPE_CHECKING:
    from ..results import Result

__all__ = ["FORMATS", "Page", "render"]


def render(
    result: "Result",
    form: str,
    width: int | None = None,
    terminal: TextIO | None = None,
    *,
    prompt_index: int = 0,
    timing: bool = True,
    meta: bool = False,
) -> Iterator[str]:
    """The result in one of FORMATS, in pieces.

    Args:
        result: what a question was answered with.
        form: the name of the format.
        width: columns that a table may take; None for as many as it needs.
        terminal: what gives a table its colours; None for none.
        prompt_index: which of several texts the result is about, for rows and lines that stand alone; from 0.
        timing: whether to tell how long things took, in the formats that do.
        meta: whether the rows of CSV say which model and settings they come from.
    """
    chosen = FORMATS[form]
    if not (timing and chosen.timed):
        result = result.without_times()
    module = import_module(f".{chosen.module}", __name__)
    pieces: Iterator[str] = getattr(module, chosen.function)(result, Page(width, terminal, prompt_index, meta))
    return pieces
