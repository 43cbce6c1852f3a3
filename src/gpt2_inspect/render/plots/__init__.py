"""A result as a picture in a file: a file of this folder for each command that has one, and only that one is imported.

Nothing of matplotlib is loaded before a picture is to be drawn, so that names and sizes can be checked before that.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...messages import Message

SUFFIXES = (".svg", ".png", ".pdf")
"""What a picture's file may end in."""

_CM_PER_INCH = 2.54


class Size(NamedTuple):
    """Of a picture, in inches."""

    width: float
    height: float


SIZES = {"slide": Size(10, 5.625), "column": Size(3.35, 2.9)}
"""By name, the default first: a slide of 16:9, and a column of a paper in two columns (8.5 cm)."""

_SMALLEST, _LARGEST = 1.5, 80
"""Inches of a side."""


def size_named(text: str) -> Size | None:
    """A name of SIZES, or `WxH` in centimetres, or with `in` behind it in inches; None if it is neither or extreme."""
    if text in SIZES:
        return SIZES[text]
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)[x\u00d7](\d+(?:\.\d+)?) ?(cm|in)?", text, re.ASCII | re.IGNORECASE)
    if parts is None:
        return None
    unit = 1 if (parts[3] or "").lower() == "in" else _CM_PER_INCH
    size = Size(float(parts[1]) / unit, float(parts[2]) / unit)
    return size if all(_SMALLEST <= side <= _LARGEST for side in size) else None


class Figures(NamedTuple):
    """What a plot is made of, beside the record."""

    arrays: Mapping[str, Any]
    """What the record leaves out, by the names that `--save` gives it; empty unless NEEDS_ARRAYS."""
    size: Size


class NoRoomError(Exception):
    """A result that cannot be read at this size: what is too many, and about the least size that has room."""

    def __init__(self, what: Message, room: Size) -> None:
        super().__init__(str(what))
        self.what = what
        self.room = Size(*(math.ceil(side * _CM_PER_INCH) / _CM_PER_INCH for side in room))

    def room_in_cm(self) -> str | None:
        """That size as it is typed; None if no size has room."""
        return "x".join(f"{side * _CM_PER_INCH:.0f}" for side in self.room) if max(self.room) <= _LARGEST else None
