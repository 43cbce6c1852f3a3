"""`--plot FILE`: a result as a picture, beside where it goes as text."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from unicodedata import east_asian_width

from ..errors import UsageError, importing
from ..messages import Message, Option, say
from ..render.plots import SIZES, SUFFIXES, Figures, NoRoomError, Size, size_named
from ..results import Result
from .files import check_ending, check_other_files, open_whole, reported
from .streams import Streams

_MOST_SHOWN = 12
"""Characters that a note lists."""


class Plotter:
    """Draws a result into a file."""

    def __init__(self, streams: Streams, path: Path, file: IO[bytes], size: Size) -> None:
        self._streams = streams
        self._path = path
        self._file = file
        self._size = size
        self._arrays: Mapping[str, Any] = {}

    def keep(self, arrays: Mapping[str, Any]) -> None:
        """What the plot needs and the result will not have."""
        self._arrays = arrays

    def draw(self, result: Result) -> None:
        """Write the picture.

        Raises UsageError if it cannot be read at its size, OutputError if the file cannot take it.
        """
        from ..render.plots.drawing import draw

        try:
            picture, lacking = draw(result, Figures(self._arrays, self._size), self._path.suffix.lower())
        except NoRoomError as error:
            room = error.room_in_cm()
            raise UsageError(
                Message("the plot has no room for {what}", what=error.what),
                Message("make it larger: {option} {size}", option=Option("plot_size"), size=room)
                if room
                else Message("no size has room for it; ask for less"),
            ) from error
        with reported(self._path):
            self._file.write(picture)
            self._file.flush()
        if lacking:
            self._note(lacking)

    def _note(self, lacking: str) -> None:
        some = lacking[:_MOST_SHOWN]
        if any(east_asian_width(character) in "WF" and character < "\U0001f000" for character in lacking):
            note = say(
                "note: no font on this machine was found that has {characters}; in the plot they are boxes. Noto Sans "
                "CJK has Chinese, Japanese and Korean: the package fonts-noto-cjk, or fonts.google.com/noto",
                characters=some,
            )
        else:
            note = say(
                "note: no font on this machine was found that has {characters}; in the plot they are boxes",
                characters=some,
            )
        self._streams.note(note)


@contextmanager
def open_plot(
    streams: Streams, path: Path | None, size: str | None, others: Mapping[str, Path | None]
) -> Iterator[Plotter | None]:
    """A Plotter whose file appears only if all went well; None if no file was named.

    Args:
        streams: where notes go.
        path: the file.
        size: as it was typed; None for the default.
        others: the other files that will be written, by the options that name them.

    Raises:
        UsageError: the name says none of the forms, the file is one of the others, or the size is none.
        BackendUnavailableError: matplotlib is missing.
        OutputError: the file cannot be written.
    """
    if path is None:
        if size is not None:
            raise UsageError(Message("--plot-size is for --plot"), Message("give the name of a file: --plot FILE.svg"))
        yield None
        return
    check_ending("--plot", path, SUFFIXES)
    check_other_files("--plot", path, others)
    chosen = next(iter(SIZES.values())) if size is None else _size(size)
    with importing(("matplotlib",), Message("a plot")):
        from ..render.plots import drawing  # noqa: F401  # before anything is computed
    with open_whole(path, binary=True) as file:
        yield Plotter(streams, path, file, chosen)


def _size(text: str) -> Size:
    size = size_named(text)
    if size is None:
        raise UsageError(
            Message("--plot-size is {size!r}; it must be {names} or WxH", size=text, names=", ".join(SIZES)),
            Message("16x9 is in centimetres, 6.3x3.5in in inches; from 4 cm to 2 m"),
        )
    return size
