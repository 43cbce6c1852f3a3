"""What a command may touch of the world outside: standard streams and the environment. Tests hand in their own."""

import contextlib
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, TextIO

from ..errors import InputError
from ..messages import Message

MAX_INPUT = 16 * 2**20
"""Bytes read from standard input; a model's context is some thousand tokens."""


_DIGITS = 6
"""Of a number of columns. More make no sense, and very many Python refuses to read."""


class Streams(NamedTuple):
    """Standard input, output and error, and the environment variables."""

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    quiet: bool = False
    """No notes, then. Errors are told through streams that are not."""

    @classmethod
    def of_process(cls) -> Self:
        """Those of this process. Standard output is UTF-8 with plain line feeds everywhere."""
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:  # closed by the shell, as with `>&-`
                setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # as long as the process
        if isinstance(sys.stdout.buffer, io.RawIOBase):  # PYTHONUNBUFFERED: a full disk would lose text unnoticed
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.detach()))
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")  # type: ignore[union-attr]
        sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        return cls(sys.stdin.buffer, sys.stdout, sys.stderr, os.environ)

    def note(self, line: str) -> None:
        """A line on standard error. If nobody can take it, the exit code must do."""
        if self.quiet:
            return
        try:
            self.stderr.write(line + "\n")
            self.stderr.flush()
        except OSError:
            _abandon(self.stderr)

    @property
    def colour(self) -> bool:
        """True if standard output is a terminal and colours are welcome (https://no-color.org)."""
        return self.stdout.isatty() and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int | None:
        """Columns of standard output: from COLUMNS, else of the terminal; None where nothing limits them."""
        columns = self.environ.get("COLUMNS", "")
        if columns.isdecimal() and len(columns) <= _DIGITS and int(columns) > 0:
            return max(20, int(columns))
        if not self.stdout.isatty():
            return None
        try:
            return max(20, os.get_terminal_size(self.stdout.fileno()).columns)
        except OSError:
            return 80

    def read_text(self, text: str) -> str:
        """`text` itself, or standard input if it is `-`. One line feed at the end of the input is dropped.

        Raises:
            InputError: the input cannot be read, is not UTF-8, or is larger than MAX_INPUT.
        """
        if text != "-":
            return text
        try:
            raw = self.stdin.read(MAX_INPUT + 1)
        except OSError as error:
            raise InputError(Message("cannot read standard input: {reason}", reason=error.strerror or error)) from error
        if len(raw) > MAX_INPUT:
            raise InputError(Message("standard input is larger than {limit} MiB", limit=MAX_INPUT // 2**20))
        try:
            return raw.decode().removesuffix("\n").removesuffix("\r")
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


def _abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that the exit is quiet."""
    with contextlib.suppress(OSError, ValueError):  # not a real file: nothing will be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
