"""Curves over the tokens of a text or the states of a model: where on the paper their points lie."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from ..signs import signs
from .fill import fill

LEFT, TOP, HEIGHT = 46, 12, 170
"""Pixels: what the numbers of the scale take, what is free above, and what the curves take."""

STEP, LEAST = 34, 320
"""Pixels between two points, and the least for all."""

LETTER, NAME = 7.3, 16
"""Pixels of a letter of a name, and how many letters are shown of one."""


class Line(NamedTuple):
    """A curve."""

    name: str
    values: Sequence[float | None]
    """None for no point."""
    places: int = 1
    """Decimals of the numbers that are shown."""


class _Point(NamedTuple):
    x: float
    y: float
    text: str = ""


def chart(caption: str, names: Sequence[str], lines: Sequence[Line], label: str) -> Markup:
    """Curves over what has these names. `label` says in words what is drawn, for those who do not see it."""
    values = [value for line in lines for value in line.values if value is not None]
    low, high = min([0.0, *values]), max([1e-9, *values])
    step = _nice((high - low) / 4)
    low, high = step * (low // step), step * -(-high // step)
    longest = max((min(len(name), NAME + 1) for name in names), default=0)
    margin = 0.71 * LETTER * longest + 8  # names stand at 45 degrees and end below their point
    left = max(LEFT, margin - 8)
    width = max(LEAST, left + STEP * len(names) + 10)
    gap = (width - left - 30) / max(1, len(names) - 1)

    def place(index: int, value: float) -> _Point:
        return _Point(round(left + 16 + gap * index, 1), round(TOP + HEIGHT * (high - value) / (high - low), 1))

    ticks = [
        _Point(0, place(0, low + step * n).y, f"{low + step * n:.4g}") for n in range(round((high - low) / step) + 1)
    ]
    drawn = []
    for line in lines:
        points = [
            place(index, value)._replace(text=f"{names[index]} {value:.{line.places}f}")
            for index, value in enumerate(line.values)
            if value is not None
        ]
        path = "M" + " ".join(f"{point.x} {point.y}" for point in points)
        drawn.append({"name": line.name, "points": points, "path": path})
    return fill(
        "chart.html",
        chart={
            "caption": caption,
            "label": label,
            "left": round(left, 1),
            "width": round(width),
            "height": round(TOP + HEIGHT + 14 + margin),
            "base": TOP + HEIGHT,
            "ticks": ticks,
            "names": [_turned(place(index, 0).x, TOP + HEIGHT + 14, _cut(name)) for index, name in enumerate(names)],
            "lines": drawn,
        },
    )


def _turned(x: float, y: float, text: str) -> _Point:
    """The same place on a paper that is turned by 45 degrees against the clock."""
    return _Point(round((x - y) * 0.5**0.5, 1), round((x + y) * 0.5**0.5, 1), text)


def _cut(name: str) -> str:
    return name if len(name) <= NAME else f"{name[:NAME]}{signs().cut}"


def _nice(step: float) -> float:
    """The next larger of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** len(str(int(step))) / 10 if step >= 1 else 1.0
    while power > step:
        power /= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999)
