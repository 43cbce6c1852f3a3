"""The shades of probabilities, by what their codes look like: as rich's palettes and formulas of CIE and WCAG say."""

import colorsys
import io
import math
from itertools import pairwise
from typing import Any

import pytest
from rich._palettes import EIGHT_BIT_PALETTE, STANDARD_PALETTE
from rich.color import Color, ColorSystem
from rich.console import Console

from gpt2_inspect.cli.streams import Streams
from gpt2_inspect.cli.terminal import choose_theme
from gpt2_inspect.render.lightness import RGB, between, lightness
from gpt2_inspect.render.theme import BLACK, WHITE, Shade, Theme
from harness import Terminal

BACKGROUNDS: list[RGB] = [BLACK, WHITE, (30, 30, 30), (40, 44, 52), (0, 43, 54), (253, 246, 227), (95, 95, 95)]
"""Black and white, and what some terminals have: VS Code, One Dark, Solarized dark and light, grey."""

PROBS = [step / 2000 for step in range(2001)] + [1e-12, 0.0005, 0.99999]

every_depth = pytest.mark.parametrize("bits", [24, 8, 4])
both_themes = pytest.mark.parametrize("background", [BLACK, WHITE])


def looks(code: str) -> RGB:
    """What a parameter of SGR makes of text or background, by rich's palettes."""
    kind, *numbers = map(int, code.split(";"))
    if kind in (38, 48):
        mode, *rest = numbers
        red, green, blue = rest if mode == 2 else EIGHT_BIT_PALETTE[rest[0]]
    else:
        red, green, blue = STANDARD_PALETTE[kind % 10 + 8 * (kind >= 90)]
    return red, green, blue


def luminance(colour: RGB) -> float:
    """WCAG 2.2, relative luminance: CIE's Y."""
    parts = (part / 255 for part in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lab_lightness(colour: RGB) -> float:
    """CIE 1976 L*, from 0 to 100."""
    y = luminance(colour)
    return 116 * y ** (1 / 3) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


def contrast(one: RGB, other: RGB) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def shown(theme: Theme) -> list[Shade]:
    """The shades that there are, from low probabilities to high ones."""
    found = (theme.shade(prob) for prob in sorted(PROBS))
    return list(dict.fromkeys(shade for shade in found if shade))


@every_depth
@pytest.mark.parametrize("background", [*BACKGROUNDS, (128, 128, 128), (119, 119, 119)])
def test_text_can_be_read_on_every_shade(bits: int, background: RGB) -> None:
    for shade in shown(Theme(bits, background)):
        assert contrast(looks(shade.background), looks(shade.text)) >= 4.5


@every_depth
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_codes_look_as_they_are_taken_to(bits: int, background: RGB) -> None:
    for shade in shown(Theme(bits, background)):
        assert (looks(shade.background), looks(shade.text)) == (shade.rgb, shade.text_rgb)


@both_themes
def test_steps_rise_evenly_with_24_bits(background: RGB) -> None:
    """By CIE's lightness, too, which is not what they are made with; next to black it rises less."""
    theme = Theme(24, background)
    eighths = [theme.shade((step / 8) ** 2.5) for step in range(1, 9)]
    heights = [lab_lightness(background), *(lab_lightness(looks(shade.background)) for shade in eighths if shade)]
    rises = [after - before for before, after in pairwise(heights)]
    assert len(rises) == 8
    assert max(rises[1:], key=abs) / min(rises[1:], key=abs) < 1.3
    assert rises[0] * rises[1] > 0
    rises = [
        after - before for before, after in pairwise([lightness(background), *(lightness(s.rgb) for s in eighths if s)])
    ]
    assert max(rises, key=abs) / min(rises, key=abs) < 1.1


@both_themes
@pytest.mark.parametrize(("bits", "count", "most"), [(8, 4, 1.15), (4, 2, 1.5)])
def test_steps_rise_evenly_in_palettes(background: RGB, bits: int, count: int, most: float) -> None:
    steps = Theme(bits, background).steps
    assert len(steps) == count
    heights = [lightness(background), *(lightness(looks(shade.background)) for shade in steps)]
    rises = [after - before for before, after in pairwise(heights)]
    assert max(rises, key=abs) / min(rises, key=abs) < most


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_steps_of_256_colours_lie_beyond_the_background(background: RGB) -> None:
    """The darker blues do not, on a terminal that is not quite black."""
    theme = Theme(8, background)
    sign = 1 if theme.dark else -1
    heights = [sign * lab_lightness(background), *(sign * lab_lightness(looks(s.background)) for s in theme.steps)]
    assert heights == sorted(set(heights))


@every_depth
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_more_is_never_shown_as_less(bits: int, background: RGB) -> None:
    theme = Theme(bits, background)
    sign = 1 if lightness(theme.shade(1.0).rgb) >= lightness(background) else -1  # type: ignore[union-attr]
    heights = [sign * lightness(shade.rgb if shade else background) for shade in map(theme.shade, sorted(PROBS))]
    assert all(after >= before - 0.004 for before, after in pairwise(heights))  # half a level of a channel


@both_themes
def test_low_probabilities_fade_into_the_background(background: RGB) -> None:
    theme = Theme(24, background)
    levels = [
        abs(lightness(shade.rgb if shade else background) - lightness(background)) for shade in map(theme.shade, PROBS)
    ]
    assert theme.shade(0.0) is theme.shade(0.00049) is None
    assert 0 < levels[PROBS.index(0.0005)] < 0.03


@every_depth
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_no_jump_between_one_and_two_percent(bits: int, background: RGB) -> None:
    theme = Theme(bits, background)
    shades = [theme.shade(prob / 10000) for prob in range(95, 186)]
    if bits != 24:
        assert len(set(shades)) == 1
    else:
        heights = [lightness(shade.rgb) for shade in shades if shade]
        assert len(heights) == len(shades)
        assert max(abs(after - before) for before, after in pairwise(heights)) < 0.005
        assert len({shade.text for shade in shades if shade}) == 1


@pytest.mark.parametrize("bits", [24, 8])
@pytest.mark.parametrize("background", BACKGROUNDS[:-1])
def test_nine_percent_is_more_than_five(bits: int, background: RGB) -> None:
    theme = Theme(bits, background)
    assert theme.shade(0.05) != theme.shade(0.09)


@pytest.mark.parametrize("bits", [24, 8])
@both_themes
def test_all_is_blue(bits: int, background: RGB) -> None:
    """No teal in between. rich's own way from 24 bits to 256 colours leads through it, and is less even."""

    def hues(colours: list[RGB]) -> list[float]:
        return [360 * colorsys.rgb_to_hsv(*colour)[0] for colour in colours]

    ours = [looks(shade.background) for shade in shown(Theme(bits, background)) if max(shade.rgb) - min(shade.rgb) > 8]
    assert all(205 <= hue <= 245 for hue in hues(ours))
    if bits == 8:
        fine = shown(Theme(24, background))
        numbers = [Color.from_rgb(*shade.rgb).downgrade(ColorSystem.EIGHT_BIT).number for shade in fine]
        theirs: list[Any] = [tuple(EIGHT_BIT_PALETTE[number or 0]) for number in dict.fromkeys(numbers)]
        assert not all(205 <= hue <= 245 for hue in hues([c for c in theirs if max(c) - min(c) > 8])) or spread(
            theirs
        ) > spread(ours)


def spread(colours: list[RGB]) -> float:
    rises = [abs(lightness(after) - lightness(before)) for before, after in pairwise(colours)]
    return max(rises) / max(min(rises), 1e-9)


def test_the_way_between_two_colours_ends_at_them() -> None:
    for start in BACKGROUNDS:
        for end in BACKGROUNDS:
            assert (between(start, end, 0.0), between(start, end, 1.0)) == (start, end)
            half = lightness(between(start, end, 0.5))
            assert math.isclose(half, (lightness(start) + lightness(end)) / 2, abs_tol=0.01)


@pytest.mark.parametrize(
    "term", ["", "xterm", "xterm-256color", "XTERM-256COLOR", "xterm-kitty", "screen", "linux", "rxvt-16color"]
)
@pytest.mark.parametrize("colorterm", ["", "truecolor", " 24bit ", "TrueColor", "yes"])
def test_as_many_colours_as_rich_sees(term: str, colorterm: str) -> None:
    environ = {"TERM": term, "COLORTERM": colorterm}
    theirs = Console(file=io.StringIO(), force_terminal=True, _environ=environ).color_system
    theme = choose_theme(Streams(io.BytesIO(), Terminal(), io.StringIO(), environ), "auto", "auto", shows=True)
    assert theme is not None
    assert theme.bits == {"truecolor": 24, "256": 8, "standard": 4}[theirs or ""]
