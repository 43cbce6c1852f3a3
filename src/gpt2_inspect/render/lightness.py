"""How light a colour looks, how readable text is on it, and the straight way from one colour to another for the eye.

Colours are sRGB with 8 bits a channel. The space is OKLab with its lightness corrected to what people see against white
(https://bottosson.github.io/posts/oklab/, and `toe` in .../posts/colorpicker/): where it rises evenly, so does what is
seen. Contrast is that of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
"""

RGB = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

Seen = tuple[float, float, float]
"""Lightness, from 0 for black to 1 for white, and two coordinates of hue and strength that are 0 for grey."""

_K1, _K2 = 0.206, 0.03
_K3 = (1 + _K1) / (1 + _K2)
"""The constants of `toe`."""


def contrast(one: RGB, other: RGB) -> float:
    """From 1, for alike, to 21, for black on white; for text 4.5 is asked for."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lightness(colour: RGB) -> float:
    """From 0 for black to 1 for white, in steps that look alike."""
    return _seen(colour)[0]


def between(start: RGB, end: RGB, part: float) -> RGB:
    """The colour that lies so far along the straight way; at 0 it is `start`, at 1 `end`."""
    red, green, blue = (a + (b - a) * part for a, b in zip(_seen(start), _seen(end), strict=True))
    return _rgb((red, green, blue))


def _luminance(colour: RGB) -> float:
    red, green, blue = map(_linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: int) -> float:
    part = channel / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _channel(light: float) -> int:
    part = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return round(255 * min(1.0, max(0.0, part)))


def _seen(colour: RGB) -> Seen:
    red, green, blue = map(_linear, colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    light = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    shifted = _K3 * light - _K1
    return (
        0.5 * (shifted + (shifted * shifted + 4 * _K2 * _K3 * light) ** 0.5),  # toe
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _rgb(seen: Seen) -> RGB:
    """The way back from `_seen`, into what a screen can show."""
    toe, a, b = seen
    light = toe * (toe + _K1) / (_K3 * (toe + _K2))
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _channel(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _channel(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _channel(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )
