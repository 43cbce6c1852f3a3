"""`--save FILE` and its like: arrays as a file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..render.arrays import SUFFIXES, write_arrays
from .files import check_ending, check_other_files, open_whole, reported


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
def open_save(option: str, path: Path | None, others: Mapping[str, Path | None]) -> Iterator[Saver | None]:
    """A Saver whose file appears only if all went well; None if no file was named.

    Args:
        option: that named the file.
        path: the file.
        others: the other files that will be written, by the options that name them.

    Raises:
        UsageError: the name says neither npz nor safetensors, or the file is one of the others.
        OutputError: the file cannot be written.
    """
    if path is None:
        yield None
        return
    check_ending(option, path, SUFFIXES)
    check_other_files(option, path, others)
    with open_whole(path, binary=True) as file:
        yield Saver(path, file)
