"""Checking the numbers and flags that a question comes with. Options are named as Python spells them.

Python, NumPy and torch have them in many types. What comes in as one of them goes on, and into the record, as
Python's own.
"""

import math
from operator import index
from typing import Any

from ..errors import PositionError, UsageError
from ..messages import Counted, Message, Option

_TOO_LARGE = 10**4300
"""Python refuses to write numbers of 4300 digits and more, which messages and records would have to."""


def check_whole(name: str, value: Any) -> int:
    """A whole number of any type as Python's. Raises UsageError if it is none; a truth value is none."""
    try:
        number = None if _is_truth(value) else index(value)
    except TypeError:
        number = None
    if number is None:
        raise UsageError(
            Message("{option} is {value}; it must be a whole number", option=Option(name), value=_shown(value))
        )
    if abs(number) >= _TOO_LARGE:
        raise UsageError(Message("{option} has thousands of digits", option=Option(name)))
    return number


def check_real(name: str, value: Any) -> float:
    """A finite number of any type as Python's float. Raises UsageError if it is none."""
    try:
        number = math.nan if _is_truth(value) or isinstance(value, (str, bytes, bytearray)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(
            Message("{option} is {value}; it must be a finite number", option=Option(name), value=_shown(value))
        )
    return number


def check_flag(name: str, value: Any) -> bool:
    """A truth value, NumPy's too, as Python's. Raises UsageError if it is none: "no" would count as true."""
    if not _is_truth(value):
        raise UsageError(
            Message("{option} is {value}; it must be True or False", option=Option(name), value=_shown(value))
        )
    return bool(value)


def _is_truth(value: Any) -> bool:
    """Python's or NumPy's; NumPy's is a class of its own, which has the same name."""
    return type(value).__name__ in ("bool", "bool_")


def _shown(value: Any) -> str | Message:
    """On one line, and not a whole array."""
    try:
        text = " ".join((str(value) if isinstance(value, float) else repr(value)).split())
    except ValueError:  # thousands of digits
        return Message("a number with thousands of digits")
    return text if len(text) <= 40 else text[:40] + "…"


def check_positive(name: str, value: Any) -> int:
    """The number. Raises UsageError unless it is 1 or more."""
    count = check_whole(name, value)
    if count < 1:
        raise UsageError(Message("{option} is {value}; it must be 1 or more", option=Option(name), value=count))
    return count


def check_count(name: str, count: int, most: int, what: Message, *, default: int | None = None) -> int:
    """The number; if it is the default and exceeds `most`, that. `what` says where this limit comes from.

    Raises UsageError unless it is 1 to `most`.
    """
    if count == default:
        return min(count, most)
    count = check_whole(name, count)
    if not 1 <= count <= most:
        raise UsageError(
            Message(
                "{option} is {value}; it must be between 1 and {what}, {most}",
                option=Option(name),
                value=count,
                what=what,
                most=most,
            )
        )
    return count


def check_top_k(count: int, vocab_size: int, name: str = "top_k", *, default: int | None = None) -> int:
    """The number of candidates. Raises UsageError unless it is 1 to the size of the vocabulary."""
    return check_count(name, count, vocab_size, Message("the vocabulary's size"), default=default)


def check_temperature(name: str, value: Any, hint: Message | None = None) -> float:
    """The number that logits are divided by. Raises UsageError, with this hint, unless it is above 0."""
    temperature = check_real(name, value)
    if temperature <= 0:
        raise UsageError(
            Message("{option} is {value}; it must be above 0", option=Option(name), value=temperature), hint
        )
    return temperature


def check_temperatures(name: str, values: Any) -> tuple[float, ...]:
    """Several of them. Raises UsageError unless there is one at least, and each is above 0."""
    try:
        temperatures = None if isinstance(values, (str, bytes, bytearray)) else tuple(values)
    except TypeError:
        temperatures = None
    if temperatures is None:
        raise UsageError(
            Message("{option} is {value}; it must be a list of numbers", option=Option(name), value=_shown(values))
        )
    if not temperatures:
        raise UsageError(Message("{option} has no number in it", option=Option(name)))
    return tuple(check_temperature(name, value) for value in temperatures)


def check_prob(name: str, value: Any) -> float:
    """A probability, or a sum of them. Raises UsageError unless it is above 0 and at most 1."""
    prob = check_real(name, value)
    if not 0 < prob <= 1:
        raise UsageError(
            Message("{option} is {value}; it must be above 0 and at most 1", option=Option(name), value=prob)
        )
    return prob


def check_text(name: str, value: Any) -> str:
    """A string. Raises UsageError if it is none."""
    if not isinstance(value, str):
        raise UsageError(Message("{option} is {value}; it must be a string", option=Option(name), value=repr(value)))
    return value


EXPECTATION: dict[str, Any] = {"expect": check_text, "within": check_positive, "min_prob": check_prob}
"""The checks of the options that every question with an expectation has."""


def check_index(name: str, value: int, count: int, what: Message) -> int:
    """The number. Raises UsageError unless it is 0 to `count` - 1; `what` names the things that it counts."""
    value = check_whole(name, value)
    if not 0 <= value < count:
        raise UsageError(
            Message(
                "{option} is {value}; {what} go from 0 to {last}",
                option=Option(name),
                value=value,
                what=what,
                last=count - 1,
            )
        )
    return value


def check_position(position: int, tokens: int) -> int:
    """The position in a text, negative ones counted from its end, as one counted from 0. Raises PositionError."""
    if not -tokens <= position < tokens:
        raise PositionError(
            Message(
                "{option} is {value}; the text has {counted}, from 0 to {last} or -{tokens} to -1",
                option=Option("position"),
                value=position,
                counted=Counted("{n} token", "{n} tokens", n=tokens),
                last=tokens - 1,
                tokens=tokens,
            )
        )
    return position % tokens
