"""Where a result goes: standard output or a file, in one format."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import UsageError, importing
from ..messages import Message, Option, listed, one_of
from ..render import BINARY, EVERY_FORMAT, FORMATS, Page, render
from ..render.formats import ANY_PAGE, DEFAULT, PAGE, format_of_file
from ..results import Document, Result
from .files import open_whole, reported
from .streams import Streams

if TYPE_CHECKING:
    from ..render.live import LiveTable
    from ..render.sections import Section
    from ..render.theme import Theme


def choose_format(form: str | None, json: bool, path: Path | None, *, explained: bool) -> str:
    """The format that the options ask for, by default the one that the file's name ends in.

    Raises UsageError if they disagree or name no format, or if the result is to be explained in one for programs.
    """
    if json and form not in (None, "json"):
        raise UsageError(Message("--json and --format {form} contradict each other", form=form))
    form = "json" if json else form or (_format_of(path) if path else DEFAULT)
    if form in BINARY and path is None:
        raise UsageError(
            Message("{form} is for files", form=form), Message("add {output} FILE", output=Option("output"))
        )
    if form not in EVERY_FORMAT:
        raise UsageError(
            Message("there is no format {form!r}", form=form),
            Message("choose one of {names}", names=listed(tuple(EVERY_FORMAT))),
        )
    if explained and not EVERY_FORMAT[form].for_people:
        raise UsageError(
            Message("{explain} has no place in {form}", explain=Option("explain"), form=form),
            Message("choose {names}", names=one_of([name for name, each in FORMATS.items() if each.for_people])),
        )
    return form


def _format_of(path: Path) -> str:
    """The format of a file by its name, which is a table's if it has no ending."""
    form = format_of_file(path.suffix) if path.suffix else DEFAULT
    if form is None:
        endings = [ending for each in EVERY_FORMAT.values() for ending in each.endings]
        raise UsageError(
            Message("--output is {path!r}, and no format has the ending {ending}", path=str(path), ending=path.suffix),
            Message("end it in {endings}, or choose with --format", endings=one_of(endings)),
        )
    return form


def width_for(streams: Streams, theme: "Theme | None") -> int | None:
    """The columns of a table on standard output. With colours it may be for a pager."""
    return streams.width if theme is None else streams.width_behind_pipe


def check_package(form: str) -> None:
    """Raise BackendUnavailableError if the package that a binary format needs is not installed."""
    if form in BINARY:
        with importing(("pyarrow",), Message("{form}", form=form)):
            import pyarrow  # noqa: F401


class Output:
    """Takes a result and writes it. On a terminal a table is written step by step, before the result is whole."""

    def __init__(
        self,
        streams: Streams,
        file: IO[Any] | None,
        path: Path | None,
        form: str,
        page: Page = ANY_PAGE,
        *,
        explained: bool = False,
    ) -> None:
        self._streams = streams
        self._page = page
        self._file = file
        self._path = path
        self._form = form
        self._explained = explained
        self._live: LiveTable | None = None
        self._warned = False

    @property
    def is_page(self) -> bool:
        """Whether the result is drawn, for a browser."""
        return self._form == PAGE

    def live_table(self, command: str) -> "LiveTable | None":
        """A table to hand the parts of the command's result to, if they are to appear as they are computed.

        What `write` writes of the whole result is then the rest of that table.
        """
        if self._file is not None or self._form != "table" or not self._streams.stdout.isatty():
            return None
        from ..render.live import LiveTable

        self._live = LiveTable(command, self._streams.stdout, self._page._replace(width=self._streams.width or 80))
        return self._live

    def write(self, result: Document) -> None:
        """Write the whole result, or what its live table still lacks. Raises OutputError if the file cannot take it."""
        self._write(result)
        if not self._warned and isinstance(result, Result):
            from .unseen import unseen_note

            note = unseen_note(result)
            if note is not None:
                self._streams.note(note.say())
                self._warned = True

    def _write(self, result: Document) -> None:
        below = self._explanation(result)
        if self._live is not None:
            self._live.finish(result, below)
            return
        pieces = render(result, self._form, self._page._replace(below=below))
        self._put(self._shown(pieces) if EVERY_FORMAT[self._form].exact else pieces)

    def write_line(self, line: str) -> None:
        """Write a bare text and a line feed, in no format. Only for a terminal is it made safe. Raises OutputError."""
        self._put(self._shown([line, "\n"]))

    def _explanation(self, result: Document) -> "tuple[Section, ...]":
        """What is said about the result, if that is asked for."""
        if not self._explained:
            return ()
        from ..explanations import explain

        return explain(result, self._page)

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
def open_output(
    streams: Streams, path: Path | None, form: str, page: Page, *, explained: bool, opened: bool = False
) -> Iterator[Output]:
    """An Output to standard output, or to a file that appears only when all is written; it may then be `opened` in the
    browser, and have no name yet.

    Raises OutputError if the file cannot be written; that is found out before anything is computed.
    """
    if opened:
        from .browser import shown_when_done

        with (
            shown_when_done(streams, path) as file_of_page,
            open_output(streams, file_of_page, form, page, explained=explained) as out,
        ):
            yield out
        return
    if path is None:
        yield Output(streams, None, None, form, page, explained=explained)
        return
    check_package(form)
    with open_whole(path, binary=form in BINARY) as file:
        yield Output(streams, file, path, form, page, explained=explained)
