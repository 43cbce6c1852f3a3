"""Where a result goes: standard output or a file, in one format."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import UsageError, importing
from ..messages import Message, Option
from ..render import BINARY, FORMATS, render
from ..render.formats import DEFAULT, format_of_file
from ..results import Result
from .files import open_whole, reported
from .streams import Streams

if TYPE_CHECKING:
    from ..render.live import LiveTable


def choose_format(form: str | None, json: bool, path: Path | None) -> str:
    """The format that the options ask for. Raises UsageError if they disagree or name no format."""
    if json and form not in (None, "json"):
        raise UsageError(Message("--json and --format {form} contradict each other", form=form))
    form = "json" if json else form or (format_of_file(path.suffix) if path else None) or DEFAULT
    if form in BINARY and path is None:
        raise UsageError(
            Message("{form} is for files", form=form), Message("add {output} FILE", output=Option("output"))
        )
    if form not in FORMATS | BINARY:
        raise UsageError(
            Message("there is no format {form!r}", form=form),
            Message("choose one of {names}", names=", ".join(FORMATS | BINARY)),
        )
    return form


def check_package(form: str) -> None:
    """Raise BackendUnavailableError if the package that a binary format needs is not installed."""
    if form in BINARY:
        with importing(("pyarrow",), Message("{form}", form=form)):
            import pyarrow  # noqa: F401


class Output:
    """Takes a result and writes it. On a terminal a table is written step by step, before the result is whole."""

    def __init__(self, streams: Streams, file: IO[Any] | None, path: Path | None, form: str) -> None:
        self._streams = streams
        self._file = file
        self._path = path
        self._form = form

    def live_table(self, command: str) -> "LiveTable | None":
        """A table to hand the parts of the command's result to, if they are to appear as they are computed."""
        if self._file is not None or self._form != "table" or not self._streams.stdout.isatty():
            return None
        from ..render.live import LiveTable

        width = self._streams.width or 80
        return LiveTable(command, self._streams.stdout, width, colour=self._streams.colour)

    def write(self, result: Result) -> None:
        """Write the whole result. Raises OutputError if the file cannot take it."""
        if self._file is not None:
            pieces = render(result, self._form)
        else:
            terminal = self._streams.stdout if self._streams.colour else None
            pieces = render(result, self._form, self._streams.width, terminal)
        self._put(self._shown(pieces) if (FORMATS | BINARY)[self._form].exact else pieces)

    def write_line(self, line: str) -> None:
        """Write a bare text and a line feed, in no format. Only for a terminal is it made safe. Raises OutputError."""
        self._put(self._shown([line, "\n"]))

    def _shown(self, pieces: Iterable[str]) -> Iterable[str]:
        """What a program may read, exact as it is; or for a terminal, which it must not steer."""
        if not (self._file or self._streams.stdout).isatty():
            return pieces
        from ..render.visible import safe_text

        return map(safe_text, pieces)

    def _put(self, pieces: Iterable[Any]) -> None:
        if self._file is None or self._path is None:
            self._streams.stdout.writelines(pieces)
            return
        with reported(self._path):
            self._file.writelines(pieces)
            self._file.flush()


@contextmanager
def open_output(streams: Streams, path: Path | None, form: str) -> Iterator[Output]:
    """An Output to standard output, or to a file that appears only when all is written.

    Raises OutputError if the file cannot be written; that is found out before anything is computed.
    """
    if path is None:
        yield Output(streams, None, None, form)
        return
    check_package(form)
    with open_whole(path, binary=form in BINARY) as file:
        yield Output(streams, file, path, form)
