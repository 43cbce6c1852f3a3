"""Turning a result into text: one file per format, and only the one that is asked for is imported."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from .formats import ANY_PAGE, FORMATS, Page

if TYPE_CHECKING:
    from ..results import Document

__all__ = ["FORMATS", "Page", "render"]


def render(result: "Document", form: str, page: Page = ANY_PAGE) -> Iterator[str]:
    """What a question was answered with, in one of FORMATS, in pieces."""
    chosen = FORMATS[form]
    if not (page.timing and chosen.timed):
        result = result.without_times()
    module = import_module(f".{chosen.module}", __name__)
    pieces: Iterator[str] = getattr(module, chosen.function)(result, page)
    return pieces
