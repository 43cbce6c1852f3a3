"""What a command may touch of the world outside: standard streams and the environment. Tests hand in their own."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, Self, TextIO

from ..errors import InputError, system_reason
from ..messages import Message

MAX_INPUT = 16 * 2**20
"""Bytes read from standard input; a model's context is some thousand tokens."""

_NARROWEST = 20
"""Columns; a table does not fit in fewer."""

_DIGITS = 6
"""Of a number of columns. More make no sense, and very many Python refuses to read."""


class Streams(NamedTuple):
    """Standard input, output and error, and the environment variables."""

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    encoding: str = "utf-8"
    """Of the terminal, as the system says. What is written is UTF-8 whatever it is."""
    quiet: bool = False
    """No notes, then. Errors are told through streams that are not."""

    @classmethod
    def of_process(cls) -> Self:
        """Those of this process. Standard output is UTF-8 with plain line feeds everywhere."""
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:  # closed by the shell, as with `>&-`
                setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # as long as the process
        encoding = sys.stdout.encoding
        if isinstance(sys.stdout.buffer, io.RawIOBase):  # PYTHONUNBUFFERED: a full disk would lose text unnoticed
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.detach()))
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")  # type: ignore[union-attr]
        sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        return cls(sys.stdin.buffer, sys.stdout, sys.stderr, os.environ, encoding)

    def note(self, line: str) -> None:
        """A line on standard error, on a terminal broken between words. If nobody takes it, the exit code must do."""
        if not self.quiet:
            self.tell("".join(f"{part}\n" for part in self._fitting(line)))

    def tell(self, text: str) -> None:
        """Text on standard error that belongs to a dialogue. If nobody can take it, that goes on unheard."""
        try:
            self.stderr.write(text)
            self.stderr.flush()
        except OSError:
            _abandon(self.stderr)

    def _fitting(self, line: str) -> list[str]:
        """`line` in as many as it takes on the terminal that standard error is."""
        width = (self._asked_width() or _width_of(self.stderr)) if self.stderr.isatty() else None
        if width is None or (line.isascii() and len(line) <= width):  # most are; the others are worth an import
            return [line]
        from ..render.lines import wrap
        from ..render.table import measure

        return wrap(line, width, measure)

    @property
    def width(self) -> int | None:
        """Columns of standard output: from COLUMNS, else of the terminal; None where nothing limits them."""
        return self._asked_width() or (_width_of(self.stdout) or 80 if self.stdout.isatty() else None)

    @property
    def width_behind_pipe(self) -> int | None:
        """The same for what a pager will show: where standard output is no terminal, that of the one it runs in."""
        if self.width is not None:
            return self.width
        try:
            with open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123  # a Path would be buffered
                return _width_of(terminal)
        except OSError:
            return _width_of(self.stderr)

    def _asked_width(self) -> int | None:
        columns = self.environ.get("COLUMNS", "")
        if columns.isdecimal() and len(columns) <= _DIGITS and int(columns) > 0:
            return max(_NARROWEST, int(columns))
        return None

    def read_text(self, text: str) -> str:
        """`text` itself, or standard input if it is `-`. One line feed at the end of the input is dropped.

        Raises:
            InputError: the input cannot be read, is not UTF-8, or is larger than MAX_INPUT.
        """
        if text != "-":
            return text
        return self._text(lambda: self.stdin.read(MAX_INPUT + 1)) or ""

    def read_line(self) -> str | None:
        """The next line of standard input, without its end; None behind the last. Raises InputError as `read_text`."""
        return self._text(lambda: self.stdin.readline(MAX_INPUT + 1))

    def _text(self, read: Callable[[], bytes]) -> str | None:
        """What was read as text, without a line feed at its end; None for nothing."""
        try:
            raw = read()
        except OSError as error:
            raise InputError(Message("cannot read standard input: {reason}", reason=system_reason(error))) from error
        if len(raw) > MAX_INPUT:
            raise InputError(Message("standard input is larger than {limit} MiB", limit=MAX_INPUT // 2**20))
        try:
            return raw.decode().removesuffix("\n").removesuffix("\r") if raw else None
        except UnicodeDecodeError as error:
            raise InputError(
                Message(
                    "standard input is not valid UTF-8: byte {start} is 0x{byte:02x}",
                    start=error.start,
                    byte=raw[error.start],
                ),
                Message("convert it first, for example with `iconv -t UTF-8`"),
            ) from error

    def abandon_stdout(self) -> None:
        """Once standard output takes no more: the reader has gone, the disk is full."""
        _abandon(self.stdout)


def _width_of(stream: IO[Any]) -> int | None:
    """Columns of a terminal; None if it is none, or does not say."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return None
    return max(_NARROWEST, columns) if columns else None


def _abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that the exit is quiet."""
    with contextlib.suppress(OSError, ValueError):  # not a real file: nothing will be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
