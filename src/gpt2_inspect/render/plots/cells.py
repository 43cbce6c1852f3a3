"""A heat map: rectangles that are shaded by a number from 0 to 1, with a text in each that has room for it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from ...messages import Message
from . import NoRoomError
from .paper import COLOURS, LEAST, Paper, cut, width_of

_LINE = 1.25
"""Height of a line, in that of its letters."""


class Shade(NamedTuple):
    """A rectangle."""

    value: float
    """From 0 to 1."""
    name: str
    """By which it is found in the file."""
    text: str = ""
    number: str = ""
    chosen: bool = False
    """It gets a frame."""


class Cells(NamedTuple):
    """Rows from top to bottom; None where there is no rectangle."""

    rows: Sequence[Sequence[Shade | None]]
    left: Sequence[str]
    """What stands beside each row."""
    below: Sequence[str]
    """What stands below each column."""
    upright: bool = False
    """It stands there from bottom to top."""
    least_width: float = 4 * LEAST
    """Points that a column must have."""

    def each(self) -> Iterator[tuple[int, int, Shade]]:
        """(row, column, what is there)."""
        for row, shades in enumerate(self.rows):
            for column, shade in enumerate(shades):
                if shade is not None:
                    yield row, column, shade


def draw_cells(axes: Axes, cells: Cells, paper: Paper) -> None:
    """The rectangles and what stands beside them. The texts in them are for `write_cells`."""
    colours = colormaps[COLOURS]
    for row, column, shade in cells.each():
        axes.add_patch(
            Rectangle((column, row), 1, 1, facecolor=colours(shade.value), edgecolor="white", lw=0.5, gid=shade.name)
        )
    for row, column, shade in cells.each():
        if shade.chosen:
            inset = 0.04
            axes.add_patch(
                Rectangle(
                    (column + inset, row + inset),
                    *(1 - 2 * inset, 1 - 2 * inset),
                    fill=False,
                    edgecolor="black" if shade.value > 0.5 else "white",
                    lw=0.18 * paper.letters,
                    gid=f"{shade.name}-chosen",
                )
            )
    axes.set_xlim(0, len(cells.below))
    axes.set_ylim(len(cells.rows), 0)
    size = 0.85 * paper.letters
    room = 0.22 * min(paper.width, 2 * paper.height)
    axes.set_xticks(
        [column + 0.5 for column in range(len(cells.below))],
        [cut(text, room, size) for text in cells.below],
        rotation=90 if cells.upright else 0,
        size=size,
    )
    axes.set_yticks(
        [row + 0.5 for row in range(len(cells.rows))], [cut(text, room, size) for text in cells.left], size=size
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_scale(axes: Axes, paper: Paper, label: str) -> None:
    """What the shades mean, at the right of the axes."""
    scale = ScalarMappable(Normalize(0, 1), COLOURS)
    _label_scale(paper.figure.colorbar(scale, ax=axes, fraction=0.035, pad=0.015, aspect=40), paper, label)


def draw_scale_in(axes: Axes, paper: Paper, label: str) -> None:
    """The same in axes of its own."""
    _label_scale(paper.figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), cax=axes), paper, label)


def _label_scale(bar: Colorbar, paper: Paper, label: str) -> None:
    bar.set_ticks([0, 0.5, 1], labels=["0%", "50%", "100%"])
    bar.ax.tick_params(labelsize=0.75 * paper.letters, length=2, pad=2)
    bar.set_label(label, size=0.8 * paper.letters, labelpad=0)
    bar.outline.set_visible(False)


def write_cells(axes: Axes, cells: Cells, paper: Paper) -> None:
    """The texts, as large as there is room for, once the axes are settled. Raises NoRoomError."""
    rows, columns = len(cells.rows), len(cells.below)
    wide, high = (side / count for side, count in zip(paper.room(axes), (columns, rows), strict=True))
    least = LEAST * _LINE
    if high < least or wide < cells.least_width:
        raise NoRoomError(
            Message("a grid of {rows} by {columns} cells", rows=rows, columns=columns),
            paper.larger(columns * (cells.least_width - wide), rows * (least - high)),
        )
    _shrink_labels(axes, wide if cells.upright else None, high)
    room = 0.92 * wide
    two_lines = high > 2.3 * LEAST * _LINE
    sizes = sorted(_size(shade, room, two_lines) for _, _, shade in cells.each())
    usual = sizes[len(sizes) // 20]  # one token in twenty may be cut, and no number
    numbers = min(room / max(width_of(shade.number, 1), 0.1) for _, _, shade in cells.each())
    size = max(LEAST, min(usual, numbers, paper.letters, high / (_LINE * (2.1 if two_lines else 1.1))))
    style: dict[str, Any] = {"size": size, "ha": "center", "va": "baseline"}
    for row, column, shade in cells.each():
        lines = _lines(shade, room, size, two_lines)
        for line, name in zip(lines, ("text", "number"), strict=False):
            below = 0.35 if len(lines) == 1 else -0.27 if name == "text" else 0.95  # of the middle, to its baseline
            axes.text(
                column + 0.5,
                row + 0.5 + below * size / high,
                line,
                color="black" if shade.value > 0.5 else "white",
                gid=f"{shade.name}-{name}",
                **style,
            )


def _shrink_labels(axes: Axes, wide: float | None, high: float) -> None:
    for label in axes.get_yticklabels():
        label.set_fontsize(max(LEAST, min(label.get_fontsize(), high / _LINE)))
    for label in axes.get_xticklabels() if wide is not None else ():
        label.set_fontsize(max(LEAST, min(label.get_fontsize(), (wide or 0) / 1.1)))


def _size(shade: Shade, room: float, two_lines: bool) -> float:
    """Points of the letters in which its text fills the room."""
    if two_lines:
        return room / max(width_of(shade.text, 1), width_of(shade.number, 1), 0.1)
    return room / max(width_of(f"{shade.text} {shade.number}".strip(), 1), 0.1)


def _lines(shade: Shade, room: float, size: float, two_lines: bool) -> tuple[str, ...]:
    number = shade.number if width_of(shade.number, size) <= room else ""
    if not shade.text:
        return (number,) if number else ()
    if two_lines:
        return cut(shade.text, room, size), number
    whole = f"{shade.text} {shade.number}"
    return (whole if width_of(whole, size) <= room else cut(shade.text, room, size),)
