"""A figure as the bytes of a file: the same bytes for the same result, whatever the machine's own settings are."""

import io
import logging
import warnings
from importlib import import_module
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ...results import Result
from . import Figures, NoRoomError, fonts
from .paper import Paper

_SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # a $ is a dollar
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "gpt2-inspect",  # which the names in the file are made of, at random without one
    "pdf.fonttype": 42,  # whole characters, which can be searched for and copied
    "axes.unicode_minus": True,
    "savefig.dpi": 200,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

_NO_DATES: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}


def draw(result: Result, figures: Figures, suffix: str) -> tuple[bytes, str]:
    """The file, in the form that `suffix`, one of SUFFIXES, stands for; and the characters that no font here has.

    Raises NoRoomError if the result cannot be read at this size.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # that it looks for fonts is nothing to tell
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from", category=UserWarning)  # that is told once, by us
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        families = [fonts.BASE]
        while True:
            matplotlib.rcParams["font.family"] = families
            try:
                figure = _figure(result, figures)
            except NoRoomError as error:
                raise _with_room(error, result, figures) from error
            shown = {character for text in figure.findobj(Text) for character in text.get_text()}
            lacking = fonts.lacking(shown, families)
            more = [family for family in fonts.with_any_of(lacking) if family not in families]
            if not more:
                break
            families += more
        file = io.BytesIO()
        figure.savefig(file, format=suffix.removeprefix("."), metadata=_NO_DATES[suffix])
    return file.getvalue(), "".join(sorted(lacking))


def _with_room(error: NoRoomError, result: Result, figures: Figures) -> NoRoomError:
    """The error with a size that does have room: on a larger one letters and margins are larger too."""
    for _ in range(_TRIES):
        try:
            _figure(result, figures._replace(size=error.room))
        except NoRoomError as again:
            error = again
        else:
            break
    return error


_TRIES = 5


def _figure(result: Result, figures: Figures) -> Figure:
    figure = Figure(figsize=figures.size)
    FigureCanvasAgg(figure)
    module = import_module(f".{result.command.replace('-', '_')}", __package__)
    module.plot(result, figures.arrays, Paper(figure))
    return figure
