"""The signs in texts for people, where something has no shape or would take a word: as Unicode has them, or ASCII.

Which of them are used holds for the whole process, as the language does.
"""

from typing import NamedTuple


class Signs(NamedTuple):
    """One way to write them."""

    space: str
    """In a token; elsewhere spaces are left as they are."""
    line_feed: str
    tab: str
    no_bytes: str
    """A token without any bytes."""
    chosen: str
    """Behind a candidate that was taken."""
    cut: str
    """Where a text goes on."""
    becomes: str
    nothing: str
    """Where there is no value."""
    infinite: str
    first: str
    """The upper end of a bracket over several lines."""
    middle: str
    last: str
    ascii: bool = False
    """They are characters that a text may hold. It is then told from them by a backslash: `\\_`, `\\\\`, `\\...`."""
    all_ascii: bool = False
    """Characters of texts that are not ASCII are shown by their codes."""


UNICODE = Signs("·", "⏎", "⇥", "∅", "◀", "…", "→", "–", "∞", "┌", "│", "└")
ASCII = Signs("_", r"\n", r"\t", r"\empty", "*", "...", "->", "-", "inf", "/", "|", "\\", ascii=True)
ALL_ASCII = ASCII._replace(all_ascii=True)

_signs = UNICODE


def signs() -> Signs:
    """Those that are in use."""
    return _signs


def use_signs(chosen: Signs) -> None:
    """From now on write everything with these."""
    global _signs
    _signs = chosen


def can_be_written(encoding: str) -> bool:
    """True if a terminal with this encoding can show the signs of UNICODE."""
    try:
        "".join(part for part in UNICODE if isinstance(part, str)).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
