"""Checking the numbers that a question comes with; the names are those of the command line.

Python, NumPy and torch have numbers of many types. What comes in as one of them goes on, and into the record, as
Python's own.
"""

import math
from operator import index
from typing import Any

from ..errors import UsageError

DEFAULT_TOP_K = 5
"""Candidates listed, or all of a vocabulary that is smaller."""

_TOO_LARGE = 10**4300
"""Python refuses to write numbers of so many digits, and messages and records do."""


def check_whole(name: str, value: Any) -> int:
    """A whole number of any type as Python's. Raises UsageError if it is none; a truth value is none."""
    try:
        number = None if _is_truth(value) else index(value)
    except TypeError:
        number = None
    if number is None:
        raise UsageError(f"{name} is {_shown(value)}; it must be a whole number")
    if abs(number) >= _TOO_LARGE:
        raise UsageError(f"{name} has thousands of digits")
    return number


def check_real(name: str, value: Any) -> float:
    """A finite number of any type as Python's float. Raises UsageError if it is none."""
    try:
        number = math.nan if _is_truth(value) or isinstance(value, (str, bytes, bytearray)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{name} is {_shown(value)}; it must be a finite number")
    return number


def _is_truth(value: Any) -> bool:
    """Python's or NumPy's; NumPy's is a class of its own, which has the same name."""
    return type(value).__name__ in ("bool", "bool_")


def _shown(value: Any) -> str:
    """On one line, and not a whole array."""
    try:
        text = " ".join((str(value) if isinstance(value, float) else repr(value)).split())
    except ValueError:  # thousands of digits
        text = "a number with thousands of digits"
    return text if len(text) <= 40 else text[:40] + "…"


def check_positive(name: str, count: int) -> int:
    """The number. Raises UsageError unless it is 1 or more."""
    count = check_whole(name, count)
    if count < 1:
        raise UsageError(f"{name} is {count}; it must be 1 or more")
    return count


def check_count(name: str, count: int | None, most: int, what: str, *, default: int | None = None) -> int:
    """The number; for None `default`, or `most` if that is smaller.

    Raises UsageError unless it is 1 to `most`; `what` says where that limit comes from.
    """
    if count is None and default is not None:
        return min(default, most)
    count = check_whole(name, count)
    if not 1 <= count <= most:
        raise UsageError(f"{name} is {count}; it must be between 1 and {what}, {most}")
    return count


def check_top_k(top_k: int | None, vocab_size: int, name: str = "--top-k", default: int | None = DEFAULT_TOP_K) -> int:
    """The number of candidates; for None the default. Raises UsageError if there are not so many."""
    return check_count(name, top_k, vocab_size, "the vocabulary's size", default=default)


def check_index(name: str, position: int, count: int, what: str) -> int:
    """The number. Raises UsageError unless it is 0 to `count` - 1; `what` names the things that it counts."""
    position = check_whole(name, position)
    if not 0 <= position < count:
        raise UsageError(f"{name} is {position}; {what} go from 0 to {count - 1}")
    return position


def check_position(position: int, tokens: int) -> int:
    """The position in a text, negative ones counted from its end, as one counted from 0. Raises UsageError."""
    position = check_whole("--position", position)
    if not -tokens <= position < tokens:
        counted = f"{tokens} token{'s' * (tokens != 1)}"
        raise UsageError(f"--position is {position}; the text has {counted}, from 0 to {tokens - 1} or -{tokens} to -1")
    return position % tokens
