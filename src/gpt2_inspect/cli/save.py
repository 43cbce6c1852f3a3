"""`--save FILE`: the arrays behind a result."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import UsageError
from ..messages import Message, one_of
from ..render.arrays import SUFFIXES, write_arrays
from .files import open_whole, reported


class Saver:
    """Takes arrays and writes them to a file."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def write(self, arrays: Mapping[str, Any]) -> None:
        """Write the arrays by their names. Raises OutputError if the file cannot take them."""
        with reported(self._path):
            write_arrays(arrays, self._path.suffix.lower(), self._file)
            self._file.flush()


@contextmanager
def open_save(path: Path | None, output: Path | None) -> Iterator[Saver | None]:
    """A Saver whose file appears only if all went well; None if no file was named.

    Raises:
        UsageError: the name says neither npz nor safetensors, or the file is `output`, where the result goes.
        OutputError: the file cannot be written.
    """
    if path is None:
        yield None
        return
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            Message(
                "--save is {path!r}; it must be {names}",
                path=str(path),
                names=one_of([f"FILE{suffix}" for suffix in SUFFIXES]),
            )
        )
    if output is not None and os.path.realpath(path) == os.path.realpath(output):
        raise UsageError(Message("--save and --output are the same file, {path!r}", path=str(path)))
    with open_whole(path, binary=True) as file:
        yield Saver(path, file)
