"""The shades of probabilities: from the terminal's own background, which is 0, in even steps to a blue, which is 1.

With 24 bits a shade lies on the straight way for the eye between the two (see `lightness`). Palettes hold no such way:
their nearest colours, which rich would take, turn teal and jump. So with fewer bits there are a few steps, of those
blues that the palette has, and chosen to rise as evenly as they can from this background.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from .lightness import RGB, between, contrast, lightness

BLACK, WHITE = (0, 0, 0), (255, 255, 255)

_READABLE = 4.5
"""The contrast of text that WCAG asks for."""

_POWER = 0.4
"""A shade lies so far from the background as this power of its probability: 1 % is to be told from nothing, and half
from all. No step of a palette begins between 1.0 % and 1.8 %, and one does between 5 % and 9 %."""

_FAINT = 0.0005
"""What has less is shown as <0.1 %, on the background itself."""

_STEPS = 4
"""Steps of a palette. Of blues that look evenly apart, that of 256 colours has no more."""

_LEVELS = 255
"""Shades with 24 bits: there are no more between two colours."""


class _Colour(NamedTuple):
    """A colour of a palette."""

    background: str
    """The parameter of SGR (ECMA-48, and xterm's 38 and 48) that makes it the background."""
    rgb: RGB
    """What it looks like; of the 16 colours that is for each terminal to say, here as the VGA had them."""


def _of_256(number: int) -> _Colour:
    """A colour of xterm's cube of 6 x 6 x 6."""
    red, green, blue = (0 if part == 0 else 55 + 40 * part for part in _digits(number - 16))
    return _Colour(f"48;5;{number}", (red, green, blue))


def _digits(number: int) -> tuple[int, int, int]:
    return number // 36, number // 6 % 6, number % 6


_FULL = {True: (21, 101, 192), False: (30, 136, 229)}
"""On a dark background, where text is white, and on a light one, where it is black."""

_PALETTES = {
    (8, True): [_of_256(number) for number in (17, 18, 19, 20, 21, 26, 27)],
    (8, False): [_of_256(number) for number in (189, 147, 111, 105, 69, 63)],
    (4, True): [_Colour("44", (0, 0, 170)), _Colour("104", (85, 85, 255))],
    (4, False): [_Colour("47", (170, 170, 170)), _Colour("104", (85, 85, 255))],
}
"""By bits, and whether the background is dark: blues on the way to the last of them, which is for 100 %."""

_TEXT = {24: ("38;2;0;0;0", "38;2;255;255;255"), 8: ("38;5;16", "38;5;231"), 4: ("30", "97")}
"""Black and white text, as exactly as each can say it."""


class Shade(NamedTuple):
    """A background, and text that can be read on it."""

    background: str
    """A parameter of SGR."""
    text: str
    rgb: RGB
    """The background, as far as it is known."""
    text_rgb: RGB

    @property
    def takes_bold(self) -> bool:
        """Among 16 colours many terminals show bold black as grey."""
        return self.text != "30"


class Theme:
    """The colours of one terminal.

    Args:
        bits: 24, 8 for a palette of 256 colours, or 4 for one of 16.
        background: of the terminal; what it looks like at probability 0. None for no shades: bold is all there is.
    """

    def __init__(self, bits: int, background: RGB | None) -> None:
        self.bits = bits
        self.background = background
        self.dark = background is not None and contrast(WHITE, background) >= _READABLE
        self._of_level = lru_cache(_LEVELS + 1)(self._on_the_way)

    def __reduce__(self) -> Any:
        """For other processes, without the shades that are kept."""
        return Theme, (self.bits, self.background)

    def shade(self, prob: float) -> Shade | None:
        """The shade of a probability; None for the background itself."""
        if self.background is None or prob < _FAINT:
            return None
        part = min(1.0, prob) ** _POWER
        if self.bits == 24:
            return self._of_level(round(part * _LEVELS))
        steps = self.steps
        step = int(part * len(steps) + 0.5)
        return steps[step - 1] if step else None

    @cached_property
    def steps(self) -> Sequence[Shade]:
        """Of a palette, those that lie beyond the background; the first is for the lowest probabilities."""
        assert self.background is not None
        palette = _PALETTES[self.bits, self.dark]
        start = lightness(self.background)
        sign = 1 if self.dark else -1
        rise = {colour: sign * (lightness(colour.rgb) - start) for colour in palette}
        *beyond, last = [colour for colour in palette if rise[colour] > 0] or palette[-1:]
        chosen = min(
            combinations(beyond, min(len(beyond), _STEPS - 1)),
            key=lambda some: _unevenness([0.0, *(rise[colour] for colour in (*some, last))]),
        )
        return [self._shade(colour.background, colour.rgb) for colour in (*chosen, last)]

    def _on_the_way(self, level: int) -> Shade:
        assert self.background is not None
        rgb = between(self.background, _FULL[self.dark], level / _LEVELS)
        return self._shade("48;2;{};{};{}".format(*rgb), rgb)

    def _shade(self, background: str, rgb: RGB) -> Shade:
        white = contrast(WHITE, rgb) >= _READABLE and (self.dark or contrast(BLACK, rgb) < _READABLE)
        return Shade(background, _TEXT[self.bits][white], rgb, WHITE if white else BLACK)


def _unevenness(heights: Sequence[float]) -> float:
    """How many times the smallest step goes into the largest."""
    rises = [after - before for before, after in pairwise(heights)]
    return max(rises) / min(rises) if min(rises) > 0 else float("inf")
