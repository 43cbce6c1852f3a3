"""Where a result goes: standard output or a file, in one format."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

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

    def live_table(self, *, top_k: int, sampled: bool) -> "LiveTable | None":
        """A table to hand the steps to, if they are to appear as they are computed."""
        if self._file is not None or self._form != "table" or not self._streams.stdout.isatty():
            return None
        from ..render.table import LiveTable

        width = self._streams.width or 80
        return LiveTable(self._streams.stdout, width, top_k=top_k, sampled=sampled, colour=self._streams.colour)

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

    The file is written under a temporary name beside its place and then renamed, so a run that fails leaves an
    older file whole. Raises OutputError if it cannot be written; that is found out before anything is computed.
    """
    if path is None:
        yield Output(streams, None, form)
        return
    if path.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: it is a directory")
    if path.exists() and not path.is_file():  # a device or a pipe: there is nothing to keep whole
        with _reported(path), path.open("w", encoding="utf-8", newline="\n") as file:
            yield Output(streams, file, form)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _reported(path):
        file = temporary.open("x", encoding="utf-8", newline="\n", errors="backslashreplace")
    try:
        yield Output(streams, file, form)
        with _reported(path):
            file.close()
            temporary.replace(path)
    finally:
        file.close()
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
