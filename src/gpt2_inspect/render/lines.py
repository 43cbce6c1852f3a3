"""Lines of a terminal: pieces of text with what to shade them by, and breaking text so that none of it is lost."""

from collections.abc import Callable
from itertools import pairwise
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

    Chinese is broken between characters, but not before what closes nor behind what opens. Only spaces at the breaks
    are left out. There is always a line.
    """
    if measure(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split(" "):
        for index, piece in enumerate(pieces(word)):
            longer = f"{lines[-1]}{'' if index else ' '}{piece}" if lines else piece
            if lines and measure(longer) <= width:
                lines[-1] = longer
            else:
                lines += fold(piece, width, measure)
    return [line for line in lines if line.strip(" ")] or [""]


_CLOSING = frozenset(
    "\uff0c\u3002\u3001\uff1b\uff1a\uff01\uff1f\uff09\u3011\u300d\u300f\u300b\u3009\u201d\u2019\u2026%,.;:!?)]}"
)
_OPENING = frozenset("\uff08\u3010\u300c\u300e\u300a\u3008\u201c\u2018([{")
"""Full stops, commas and brackets: what begins no line and what ends none (https://www.w3.org/TR/clreq/)."""


def pieces(word: str) -> list[str]:
    """The word in pieces that may go on different lines: one, but for Chinese."""
    found = [word[:1]]
    for before, character in pairwise(word):
        chinese = _is_chinese(before) or _is_chinese(character)
        if chinese and before not in _OPENING and character not in _CLOSING:
            found.append(character)
        else:
            found[-1] += character
    return found


def _is_chinese(character: str) -> bool:
    """True for characters of Chinese and Japanese, with their punctuation and full-width forms."""
    return any(first <= character <= last for first, last in _CHINESE)


_CHINESE = (("\u2e80", "\u9fff"), ("\uf900", "\ufaff"), ("\uff00", "\uffef"), ("\U00020000", "\U0003ffff"))
"""Unicode's blocks for Chinese and Japanese, from radicals to unified ideographs and their extensions."""


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
