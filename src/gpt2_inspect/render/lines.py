"""Lines of a terminal: pieces of text with what to shade them by, and breaking text so that none of it is lost."""

from collections.abc import Callable
from typing import NamedTuple

from .signs import signs

Measure = Callable[[str], int]
"""Columns that a text takes on a terminal; a Chinese character takes two."""


class Segment(NamedTuple):
    """A piece of a line. `prob` is what to shade it by, None for no shade."""

    text: str
    prob: float | None = None
    chosen: bool = False
    heading: bool = False


Line = list[Segment]


def fold(text: str, width: int, measure: Measure) -> list[str]:
    """`text` in lines of at most `width` columns."""
    if measure(text) <= width:
        return [text]
    lines = [""]
    for character in text:
        if measure(lines[-1] + character) > width:
            lines.append("")
        lines[-1] += character
    return lines


def wrap(text: str, width: int, measure: Measure) -> list[str]:
    """`text` in lines of at most `width` columns, broken between words where these are not too long themselves.

    Only spaces at the breaks are left out. There is always a line.
    """
    if measure(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure(longer) <= width:
            lines[-1] = longer
        else:
            lines += fold(word, width, measure)
    return [line for line in lines if line.strip(" ")] or [""]


def tail(text: str, width: int, measure: Measure) -> str:
    """The end of a visible text on one line of at most `width` columns."""
    shown = text[-4 * width :]  # four characters a column: some have no width of their own
    if len(shown) == len(text) and measure(shown) <= width:
        return shown
    cut = signs().cut
    while shown and (excess := measure(shown) - (width - len(cut))) > 0:
        shown = shown[(excess + 1) // 2 :]  # no character takes more than two columns
    return cut + shown


def pad(text: str, width: int, measure: Measure, *, right: bool = False) -> str:
    """`text` with spaces behind it, or before it if it goes to the right."""
    space = " " * (width - measure(text))
    return space + text if right else text + space
