"""Turning a result into text: one file per format, and only the one that is asked for is imported."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .formats import ANY_PAGE, BINARY, EVERY_FORMAT, FORMATS, Page

if TYPE_CHECKING:
    from ..results import Document

__all__ = ["BINARY", "EVERY_FORMAT", "FORMATS", "Page", "render", "render_head"]


def render(result: "Document", form: str, page: Page = ANY_PAGE) -> Iterator[Any]:
    """What a question was answered with, in one of FORMATS, in pieces of text; or of bytes, in one that is BINARY."""
    chosen = EVERY_FORMAT[form]
    if not (page.timing and chosen.timed):
        result = result.without_times()
    pieces: Iterator[Any] = getattr(import_module(f".{chosen.module}", __name__), chosen.function)(result, page)
    return pieces


def render_head(result: "Document", form: str, page: Page) -> str:
    """What stands once above the results of many texts; nothing in most formats."""
    chosen = FORMATS[form]
    if not chosen.head:
        return ""
    head: str = getattr(import_module(f".{chosen.module}", __name__), chosen.head)(result, page)
    return head
