"""Turning a result into text: one file per format, and only the one that is asked for is imported."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from .formats import FORMATS, Page

if TYPE_CHECKING:
    from ..results import Document
    from .theme import Theme

__all__ = ["FORMATS", "Page", "render"]


def render(
    result: "Document",
    form: str,
    width: int | None = None,
    theme: "Theme | None" = None,
    *,
    prompt_index: int = 0,
) -> Iterator[str]:
    """The result in one of FORMATS, in pieces.

    Args:
        result: what a question was answered with.
        form: the name of the format.
        width: columns that a table may take; None for as many as it needs.
        theme: the colours of a table; None for none.
        prompt_index: which of several texts the result is about, for rows and lines that stand alone; from 0.
    """
    chosen = FORMATS[form]
    module = import_module(f".{chosen.module}", __name__)
    pieces: Iterator[str] = getattr(module, chosen.function)(result, Page(width, theme, prompt_index))
    return pieces
