"""What a plot is drawn on: its size in points, its letters, and how much room a text takes."""

from functools import lru_cache
from typing import NamedTuple

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from ...messages import say
from ...results import Result
from ..signs import signs
from ..visible import visible_line
from . import Size

DARK, MIDDLE, LIGHT, PALE = "#00224e", "#7c7b78", "#b8b8b8", "#f0f0f0"
"""The dark end of cividis, and greys."""

COLOURS = "cividis"
"""The same to people who are colour-blind, and ever lighter in grey."""

LEAST = 5.0
"""Points: smaller letters are not read."""

POINTS = 72
"""In an inch."""


class Paper(NamedTuple):
    """A figure that is to be drawn on."""

    figure: Figure

    @property
    def letters(self) -> float:
        """Points of the letters."""
        return 7 if self.figure.get_figwidth() < 5 else 10

    @property
    def width(self) -> float:
        """Points."""
        return self.figure.get_figwidth() * POINTS

    @property
    def height(self) -> float:
        """Points."""
        return self.figure.get_figheight() * POINTS

    def larger(self, width: float = 0, height: float = 0) -> Size:
        """The size with so many points more."""
        return Size((self.width + max(width, 0)) / POINTS, (self.height + max(height, 0)) / POINTS)

    def frame(self, result: Result, title: str) -> None:
        """A title above the axes, the model's name below them, and between them axes that leave room for labels."""
        side, below, above = 0.5 * self.letters, 1.5 * self.letters, 0.3 * self.letters
        inside = 1 - 2 * side / self.width, 1 - (below + above) / self.height
        self.figure.set_layout_engine(
            "constrained", rect=(side / self.width, below / self.height, *inside), h_pad=0.03, w_pad=0.03
        )
        if title:
            self.entitle(title)
        self.sign(result)

    def entitle(self, title: str) -> None:
        """A title at the top, of which the end is kept where it is too long."""
        shown = cut_front(title, self.width - 2 * self.letters, 1.1 * self.letters)
        self.figure.suptitle(shown, fontsize=1.1 * self.letters)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes with their lower left corner there, in points."""
        return self.figure.add_axes((x / self.width, y / self.height, width / self.width, height / self.height))

    def sign(self, result: Result) -> None:
        """The model's name, in the lower right corner."""
        name = say("model: {name}", name=visible_line(result.model.name))
        size = max(0.7 * self.letters, LEAST)
        self.figure.text(
            1 - 0.5 * self.letters / self.width,
            0.4 * self.letters / self.height,
            cut(name, self.width / 2, size),
            size=size,
            color=MIDDLE,
            ha="right",
            va="bottom",
        )

    def settle(self) -> None:
        """Lay the axes out, so that it can be asked how large they are."""
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        for axes in self.figure.axes:  # the solver's last digits differ from run to run, and so would the files
            left, bottom, width, height = (round(part, 6) for part in axes.get_position().bounds)
            axes.set_position((left, bottom, width, height))

    def room(self, axes: Axes) -> tuple[float, float]:
        """Width and height in points, once they are settled."""
        box = axes.get_position()
        return box.width * self.width, box.height * self.height


def width_of(text: str, size: float) -> float:
    """Points that a text takes in letters of so many points."""
    return _width_of(text, tuple(rcParams["font.family"])) * size / 100


_measuring = RendererAgg(1, 1, POINTS)  # type: ignore[no-untyped-call]


@lru_cache(10_000)
def _width_of(text: str, families: tuple[str, ...]) -> float:
    letters = FontProperties(family=list(families), size=100)
    width, _, _ = _measuring.get_text_width_height_descent(text, letters, False)  # type: ignore[no-untyped-call]
    return float(width)


def cut(text: str, room: float, size: float) -> str:
    """The beginning of the text that has room in so many points, with a sign where more would come."""
    if width_of(text, size) <= room:
        return text
    end = signs().cut
    length = min(len(text), int(room / size * 4))  # no letter is thinner than a quarter of its height
    while length and width_of(text[:length] + end, size) > room:
        length -= 1
    return text[:length] + end


def cut_front(text: str, room: float, size: float) -> str:
    """The same of the end."""
    if width_of(text, size) <= room:
        return text
    start = signs().cut
    length = min(len(text), int(room / size * 4))
    while length and width_of(start + text[-length:], size) > room:
        length -= 1
    return start + (text[-length:] if length else "")
