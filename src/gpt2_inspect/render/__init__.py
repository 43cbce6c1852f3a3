"""Turning a result into text: one file per format, and only the one that is asked for is imported."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from .formats import BINARY, FORMATS, Page

if TYPE_CHECKING:
    from ..results import Result

__all__ = ["BINARY", "FORMATS", "Page", "render", "render_head", "render_on"]


def render(
    result: "Result",
    form: str,
    width: int | None = None,
    terminal: TextIO | None = None,
    *,
    prompt_index: int = 0,
) -> Iterator[Any]:
    """The result in one of FORMATS, in pieces of text; or of bytes, in one that is binary.

    Args:
        result: what a question was answered with.
        form: the name of the format.
        width: columns that a table may take; None for as many as it needs.
        terminal: what gives a table its colours; None for none.
        prompt_index: which of several texts the result is about, for rows and lines that stand alone; from 0.
    """
    return render_on(Page(width, terminal, prompt_index), result, form)


def render_on(page: Page, result: "Result", form: str) -> Iterator[Any]:
    """The same for this page."""
    chosen = (FORMATS | BINARY)[form]
    pieces: Iterator[Any] = getattr(import_module(f".{chosen.module}", __name__), chosen.function)(result, page)
    return pieces


def render_head(page: Page, result: "Result", form: str) -> str:
    """What stands once above the results of many texts; nothing in most formats."""
    chosen = FORMATS[form]
    if not chosen.head:
        return ""
    head: str = getattr(import_module(f".{chosen.module}", __name__), chosen.head)(result, page)
    return head
