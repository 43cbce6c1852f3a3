"""Files that appear whole or not at all."""

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import OutputError, UsageError, system_reason
from ..messages import Message, one_of
from . import unfinished

TEXT: Any = {"encoding": "utf-8", "newline": "\n", "errors": "backslashreplace"}
"""How text is opened."""


def file_named(option: str, name: str) -> Path:
    """The file that an option names. Raises UsageError if that can be no file's name."""
    if not name:
        raise UsageError(
            Message("{option} is empty", option=option),
            Message("give the name of a file: {option} FILE", option=option),
        )
    if name.endswith(os.sep):
        raise UsageError(
            Message("{option} is {name!r}, which names a directory", option=option, name=name),
            Message("add the name of a file"),
        )
    return Path(name)


def check_ending(option: str, path: Path, suffixes: Sequence[str]) -> None:
    """Raise UsageError if the file's name ends in none of them: it says what the file is to hold."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            Message(
                "{option} is {path!r}; it must be {names}",
                option=option,
                path=str(path),
                names=one_of([f"FILE{suffix}" for suffix in suffixes]),
            )
        )


def check_other_files(option: str, path: Path, others: Mapping[str, Path | None]) -> None:
    """Raise UsageError if the file is one of those that other options name, which would replace it."""
    for other, place in others.items():
        if place is not None and os.path.realpath(path) == os.path.realpath(place):
            raise UsageError(
                Message("{option} and {other} are the same file, {path!r}", option=option, other=other, path=str(path))
            )


@contextmanager
def open_whole(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write to, which appears under its name only if the block ends without an error.

    Raises OutputError if it cannot be written, where possible before anything is computed.
    """
    with reported(path):
        mode = _mode(path)
        if mode is not None and stat.S_ISDIR(mode):
            raise OutputError(Message("cannot write {path!r}: it is a directory", path=str(path)))
    special = mode is not None and not stat.S_ISREG(mode)  # a device or a pipe: there is nothing to keep whole
    settings = {} if binary else TEXT
    kind = "b" if binary else ""
    with _in_place(path, "w" + kind, settings) if special else _replacing(path, "x" + kind, settings) as file:
        yield file


def _mode(path: Path) -> int | None:
    """Kind and permissions of a file; None if there is none. Raises OSError, as for links in a circle."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


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
        # no other process has this name, not even one with the same number in another container
        temporary = target.with_name(f".gpt2-inspect.{os.urandom(8).hex()}.tmp")
    unfinished.begin(str(temporary), str(path))
    try:
        with reported(path):
            try:
                file = temporary.open(mode, **settings)
            except OSError:
                unfinished.forget(str(temporary))  # if there is such a file, it is somebody else's
                raise
        try:
            yield file
            with reported(path):
                file.close()
                old = _mode(target)
                if old is not None:
                    temporary.chmod(stat.S_IMODE(old))
                temporary.replace(target)
            unfinished.forget(str(temporary))
        finally:
            _close(file)
    finally:
        unfinished.delete(str(temporary))


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
        raise OutputError(
            Message("cannot write {path!r}: {reason}", path=str(path), reason=system_reason(error))
        ) from error
