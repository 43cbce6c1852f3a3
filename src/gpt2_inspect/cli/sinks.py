"""Where the answers about many texts go, one behind the other: each is written at once, and whole or not at all."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..errors import OutputError
from ..many.texts import Text
from ..messages import Message
from ..messages.languages import language_in_use, use_language
from ..render import BINARY, FORMATS, Page, render, render_head
from ..render.failures import render_failure
from ..render.signs import Signs, signs, use_signs
from ..render.visible import safe_text
from ..results import Result
from ..results.failure import Failure
from .files import open_whole, reported
from .journal import Journal
from .output import check_package
from .signals import Whole
from .streams import Streams


class Sink(Protocol):
    """Takes answers in their order."""

    made_of: Any
    """What is made of an answer where it was found: a function of a Text and a Result."""
    on_terminal: bool

    @property
    def offset(self) -> int:
        """Bytes that the output has."""

    def answer(self, text: Text, made: Any) -> None:
        """Write what `made_of` gave. Raises OutputError."""

    def failure(self, failure: Failure) -> bool:
        """Write what is wrong with a text; False if the format has no place for it. Raises OutputError."""


@contextmanager
def open_sink(
    streams: Streams, path: Path | None, form: str, page: Page, offset: int, journal: Journal | None
) -> Iterator[Sink]:
    """A Sink to a file, behind its first `offset` bytes, or to standard output. The rest of the file goes with the
    first answer. What is the same of all pages stands in `page`.

    Raises OutputError if the file cannot be written.
    """
    if form in BINARY:
        assert path is not None  # a format that is binary goes to a file
        check_package(form)
        from ..render.parquet import ParquetRows

        with open_whole(path, binary=True) as file:
            rows = ParquetRows(file)
            yield _RowSink(rows, path)
            with reported(path):
                rows.close()
        return
    if path is None:
        yield TextSink(_StandardOutput(streams), form, page, on_terminal=streams.stdout.isatty())
        return
    with reported(path):
        out = _File(path, offset, journal)
    try:
        yield TextSink(out, form, page, on_terminal=False)
        out.begin()
    finally:
        out.close()


def rendered(form: str, page: Page, shown_with: Signs, language: str, text: Text, result: Result) -> tuple[str, str]:
    """What stands above all answers, and this one."""
    use_signs(shown_with)
    if language != language_in_use():  # else the process that answers speaks it already
        use_language(language)
    page = page.of_text(text.prompt_index, text.id)
    return render_head(result, form, page), "".join(render(result, form, page))


def typed(text: Text, result: Result) -> Any:
    """The rows with the types of their columns."""
    from ..render.parquet import typed_rows

    return typed_rows(result, Page().of_text(text.prompt_index, text.id))


class TextSink:
    """Text in one of FORMATS."""

    def __init__(self, out: "_File | _StandardOutput", form: str, page: Page, *, on_terminal: bool) -> None:
        self._out = out
        self._form = form
        self._width = page.width
        self._headed = out.offset > 0
        self.on_terminal = on_terminal
        self.made_of = partial(rendered, form, page, signs(), language_in_use())

    @property
    def offset(self) -> int:
        return self._out.offset

    def answer(self, text: Text, made: Any) -> None:
        head, body = made
        self._write(body if self._headed else head + body)
        self._headed = True

    def failure(self, failure: Failure) -> bool:
        if not FORMATS[self._form].holds_failures:
            return False
        self._write("".join(render_failure(failure, self._form, self._width)))
        return True

    def _write(self, text: str) -> None:
        if self.on_terminal and FORMATS[self._form].exact:
            text = safe_text(text)
        self._out.write(text.encode("utf-8", "backslashreplace"))


class _RowSink:
    """Rows for a binary file."""

    made_of = staticmethod(typed)
    on_terminal = False
    offset = 0

    def __init__(self, rows: Any, path: Path) -> None:
        self._rows = rows
        self._path = path

    def answer(self, text: Text, made: Any) -> None:
        with reported(self._path):
            self._rows.add(*made)

    def failure(self, failure: Failure) -> bool:
        return False


class _File:
    """A file that grows. Until the first answer is there it is as it was."""

    def __init__(self, path: Path, offset: int, journal: Journal | None) -> None:
        self._path = path
        self._is_new = not path.exists()
        if path.is_dir():
            raise OutputError(Message("cannot write {path!r}: it is a directory", path=str(path)))
        self._number = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        self._regular = stat.S_ISREG(os.fstat(self._number).st_mode)
        self._journal = journal if self._regular else None
        self._anew = offset == 0
        self._begun = False
        self.offset = offset

    def begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        if self._journal is not None:
            self._journal.begin(anew=self._anew)  # first: an old one does not tell of what is written from now on
        with reported(self._path):
            if self._regular:
                os.ftruncate(self._number, self.offset)
                os.lseek(self._number, self.offset, os.SEEK_SET)

    def write(self, data: bytes) -> None:
        self.begin()
        with reported(self._path):
            self.offset += _write_whole(self._number, data, self.offset if self._regular else None)

    def close(self) -> None:
        os.close(self._number)
        if self._journal is not None:
            self._journal.close()
        if self._is_new and not self._begun:
            with suppress(OSError):
                self._path.unlink()


class _StandardOutput:
    """Standard output; if that is a file, a full disk leaves whole lines in it too."""

    def __init__(self, streams: Streams) -> None:
        self._stdout = streams.stdout
        self.offset = 0

    def write(self, data: bytes) -> None:
        self._stdout.flush()
        try:
            number = self._stdout.fileno()
        except (OSError, io.UnsupportedOperation):
            self._stdout.write(data.decode("utf-8"))
        else:
            about = os.fstat(number)
            _write_whole(number, data, about.st_size if stat.S_ISREG(about.st_mode) else None)
        self.offset += len(data)


def _write_whole(number: int, data: bytes, back_to: int | None) -> int:
    """Write it all, or cut the file back to a size and raise OSError. Gives the number of bytes."""
    rest = memoryview(data)
    with Whole():
        try:
            while rest:
                rest = rest[os.write(number, rest) :]
        except OSError:
            if back_to is not None:
                os.ftruncate(number, back_to)
            raise
    return len(data)
