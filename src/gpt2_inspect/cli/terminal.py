"""What standard output gets: colours or none, for how many and on which background, and which signs."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import Message, Option, listed
from ..render.signs import ALL_ASCII, ASCII, UNICODE, Signs, can_be_written
from .streams import Streams

if TYPE_CHECKING:
    from ..render.lightness import RGB
    from ..render.theme import Theme

_WHEN = ("auto", "always", "never")
_THEMES = ("auto", "dark", "light", "none")

_WITHOUT_COLOURS = ("dumb", "unknown")
"""Values of TERM."""

_BITS_BY_ENDING = {"256color": 8, "kitty": 8}
"""Behind the last hyphen of TERM, as rich takes it; others have 16 colours, which is 4 bits."""

_LIGHT = {7, 9, 10, 11, 12, 13, 14, 15}
"""Backgrounds of the 16 colours that are light, as Vim takes them."""


def signs_for(streams: Streams, *, asked: bool) -> Signs:
    """Those of ASCII if they are asked for, or if the terminal could not show others."""
    if streams.stdout.isatty() and not can_be_written(streams.encoding):
        return ALL_ASCII
    return ASCII if asked else UNICODE


def choose_theme(streams: Streams, color: str, theme: str, *, shows: bool) -> "Theme | None":
    """The colours of a table, or None for none. Raises UsageError if an option says what it cannot.

    Args:
        color: `auto`, `always` or `never`.
        theme: `auto`, `dark`, `light` or `none`; only the first may ask the terminal.
        shows: whether there will be a table at all. If not, nothing is asked.
    """
    if color not in _WHEN:
        raise UsageError(
            Message("{option} is {value!r}", option=Option("color"), value=color),
            Message("choose one of {names}", names=listed(_WHEN)),
        )
    if theme not in _THEMES:
        raise UsageError(
            Message("{option} is {value!r}", option=Option("theme"), value=theme),
            Message("choose one of {names}; GPT2_INSPECT_THEME says it for all runs", names=listed(_THEMES)),
        )
    if not shows or not _wanted(streams, color):
        return None
    from ..render.theme import Theme

    if sys.platform == "win32":
        _switch_codes_on()
    return Theme(_bits(streams.environ), _background(streams, theme))


def _wanted(streams: Streams, color: str) -> bool:
    """The option first, then https://no-color.org, then https://force-color.org, then whether it is a terminal."""
    if color != "auto":
        return color == "always"
    if streams.environ.get("NO_COLOR"):
        return False
    if streams.environ.get("FORCE_COLOR"):
        return True
    return streams.stdout.isatty() and streams.environ.get("TERM", "").lower() not in _WITHOUT_COLOURS


def _bits(environ: Mapping[str, str]) -> int:
    """Of a colour: 24, 8 or 4, as rich decides it."""
    if sys.platform == "win32" or environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return 24
    _, _, ending = environ.get("TERM", "").strip().lower().rpartition("-")
    return _BITS_BY_ENDING.get(ending, 4)


def _switch_codes_on() -> None:
    """Windows' own console takes codes for text until it is told what they are (SetConsoleMode)."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetConsoleMode(kernel.GetStdHandle(-11), 7)  # standard output; processed, wrapped, and with codes


def _background(streams: Streams, theme: str) -> "RGB | None":
    """The colour that the terminal tells; else black or white, whichever it is likely to be; None for no shades."""
    from ..render.theme import BLACK, WHITE

    if theme == "none":
        return None
    if theme != "auto":
        return BLACK if theme == "dark" else WHITE
    from .background import ask_background

    *_, last = streams.environ.get("COLORFGBG", "").split(";")
    usual = WHITE if last.isdecimal() and len(last) < 3 and int(last) in _LIGHT else BLACK
    return ask_background(streams) or usual
