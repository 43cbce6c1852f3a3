"""Where a result goes: standard output or a file, in one format."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import OutputError, UsageError
from ..render import FORMATS, render
from ..results import Result
from .streams import Streams

if TYPE_CHECKING:
    from ..render.table import LiveTable


def choose_format(form: str | None, json: bool) -> str:
    """The format that the two options ask for. Raises UsageError if they disagree or name no format."""
    if json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} contradict each other")
    form = "json" if json else form or "table"
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", f"choose one of {', '.join(FORMATS)}")
    return form


class Output:
    """Takes a result and writes it. On a terminal a table is written step by step, before the result is whole."""

    def __init__(self, streams: Streams, file: TextIO | None, path: Path | None, form: str) -> None:
        self._streams = streams
        self._file = file
        self._path = path
        self._form = form

    def live_table(self) -> "LiveTable | None":
        """A table to hand the steps to, if they are to appear as they are computed."""
        if self._file is not None or self._form != "table" or not self._streams.stdout.isatty():
            return None
        from ..render.table import LiveTable

        width = self._streams.width or 80
        return LiveTable(self._streams.stdout, width, colour=self._streams.colour)

    def write(self, result: Result) -> None:
        """Write the whole result. Raises OutputError if the file cannot take it."""
        if self._file is None or self._path is None:
            self._streams.stdout.writelines(render(result, self._form, self._streams.width))
            return
        with _reported(self._path):
            self._file.writelines(render(result, self._form))
            self._file.flush()


@contextmanager
def open_output(streams: Streams, path: Path | None, form: str) -> Iterator[Output]:
    """An Output to standard output, or to a file that appears only when all is written.

    Raises OutputError if the file cannot be written; that is found out before anything is computed.
    """
    if path is None:
        yield Output(streams, None, None, form)
        return
    with _reported(path):
        if path.is_dir():
            raise OutputError(f"cannot write {str(path)!r}: it is a directory")
        special = path.exists() and not path.is_file()  # a device or a pipe: there is nothing to keep whole
    with _in_place(path) if special else _replacing(path) as file:
        yield Output(streams, file, path, form)


@contextmanager
def _in_place(path: Path) -> Iterator[TextIO]:
    with _reported(path):
        file = path.open("w", **_TEXT)
    try:
        yield file
    finally:
        _close(file)


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file under a temporary name beside its place that is then renamed: a run that fails leaves the old one whole.

    Of a link, the file that it leads to is replaced. The new file has the old one's permissions.
    """
    with _reported(path):
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".gpt2-inspect.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)  # left by a process that was killed
        file = temporary.open("x", **_TEXT)
    try:
        yield file
        with _reported(path):
            file.close()
            if target.exists():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
    finally:
        _close(file)
        temporary.unlink(missing_ok=True)


_TEXT: Any = {"encoding": "utf-8", "newline": "\n", "errors": "backslashreplace"}


def _close(file: TextIO) -> None:
    """Close without a word: what could not be written has been reported."""
    with contextlib.suppress(OSError):
        file.close()


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # the reader has gone; that is no error
        raise
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
