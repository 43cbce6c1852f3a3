"""Files that appear whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import OutputError

TEXT: Any = {"encoding": "utf-8", "newline": "\n", "errors": "backslashreplace"}
"""How text is opened."""


@contextmanager
def open_whole(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write to, which appears under its name only if the block ends without an error.

    Raises OutputError if it cannot be written, where possible before anything is computed.
    """
    with reported(path):
        if path.is_dir():
            raise OutputError(f"cannot write {str(path)!r}: it is a directory")
        special = path.exists() and not path.is_file()  # a device or a pipe: there is nothing to keep whole
    settings = {} if binary else TEXT
    kind = "b" if binary else ""
    with _in_place(path, "w" + kind, settings) if special else _replacing(path, "x" + kind, settings) as file:
        yield file


@contextmanager
def _in_place(path: Path, mode: str, settings: Any) -> Iterator[IO[Any]]:
    with reported(path):
        file = path.open(mode, **settings)
    try:
        yield file
    finally:
        _close(file)


@contextmanager
def _replacing(path: Path, mode: str, settings: Any) -> Iterator[IO[Any]]:
    """A file under a temporary name beside its place that is then renamed: a run that fails leaves the old one whole.

    Of a link, the file that it leads to is replaced. The new file has the old one's permissions.
    """
    with reported(path):
        target = Path(os.path.realpath(path))
        # the arrays of --save may lie beside the file of --output
        temporary = target.with_name(f".gpt2-inspect.{os.getpid()}{'.arrays' * ('b' in mode)}.tmp")
        temporary.unlink(missing_ok=True)  # left by a process that was killed
        file = temporary.open(mode, **settings)
    try:
        yield file
        with reported(path):
            file.close()
            if target.exists():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
    finally:
        _close(file)
        temporary.unlink(missing_ok=True)


def _close(file: IO[Any]) -> None:
    """Close without a word: what could not be written has been reported."""
    with contextlib.suppress(OSError):
        file.close()


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into an OutputError."""
    try:
        yield
    except BrokenPipeError:  # the reader has gone; that is no error
        raise
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
