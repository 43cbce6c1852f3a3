"""Files by path or URI, as pyarrow and so Ray Data name them: which there are, reading one, writing one whole."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from ..errors import InputError, InspectError, OutputError, UsageError, first_line
from ..many.forms import ENDINGS
from ..many.texts import Source, source_of
from ..messages import Message

_PART = ".part"

_GLOB = re.compile(r"[*?\[]")


class Found(NamedTuple):
    """A file of the input."""

    place: str
    """Its path or URI."""
    name: str
    """What it is called below the folder that they all are in, with slashes."""


def absolute(place: str) -> str:
    """A path as it is called from everywhere; a URI as it is."""
    return place if "://" in place else str(Path(place).absolute())


def find_files(pattern: str) -> list[Found]:
    """The files that a path or URI means, in the order of their names.

    Args:
        pattern: a file; a folder, for all in it that end as texts do; or with `*`, `?`, `[...]` and `**`.

    Raises InputError if there are none, or they cannot be listed.
    """
    pattern = absolute(pattern)
    with _reported(InputError, pattern):
        files, start = _filesystem(pattern)
        names = list(_matching(files, start))
    if not names:
        raise InputError(
            Message("there is no file {name!r}", name=pattern),
            Message("quote a pattern, so that the shell leaves it alone"),
        )
    root = pattern[: len(pattern) - len(start)] if "://" in pattern else ""
    return [Found(root + path, name) for path, name in sorted(names)]


def _matching(files: Any, start: str) -> Iterator[tuple[str, str]]:
    """Path and name of each file."""
    from pyarrow.fs import FileSelector, FileType

    about = files.get_file_info(start)
    if about.type == FileType.File:
        yield start, PurePosixPath(start).name
        return
    folder, glob = start.rstrip("/"), ""
    if about.type == FileType.NotFound:
        if not (sign := _GLOB.search(start)):
            return
        folder = start[: start.rfind("/", 0, sign.start())]
        glob = start[len(folder) + 1 :]
    wanted = re.compile(_expression(glob)) if glob else None
    selector = FileSelector(folder or "/", recursive="/" in glob or "**" in glob, allow_not_found=True)
    for found in files.get_file_info(selector):
        name = found.path[len(folder) :].lstrip("/")
        hidden = any(part.startswith((".", "_")) for part in name.split("/"))
        if found.type != FileType.File or (hidden and wanted is None):
            continue
        if wanted.fullmatch(name) if wanted else _plain_name(name) != name:
            yield found.path, name


def _expression(pattern: str) -> str:
    """A glob as a regular expression; only `**` goes through slashes."""
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^\]]+\])", pattern)
    return "".join(
        signs.get(piece) or (piece.replace("[!", "[^") if _GLOB.match(piece) else re.escape(piece)) for piece in pieces
    )


def _plain_name(name: str) -> str:
    """Without the endings that say what form of text a file holds."""
    bare = name.removesuffix(".gz")
    ending = PurePosixPath(bare).suffix
    return bare.removesuffix(ending) if ending.lower() in ENDINGS else name


def output_names(found: list[Found], ending: str) -> dict[str, str]:
    """For each file's place the name of its output. Raises UsageError if two would have the same."""
    names: dict[str, str] = {}
    for file in found:
        name = _plain_name(file.name) + ending
        if name in names:
            raise UsageError(
                Message(
                    "{first!r} and {second!r} would both go to {name!r}",
                    first=names[name],
                    second=file.place,
                    name=name,
                ),
                Message("answer them in two runs, with an output folder each"),
            )
        names[name] = file.place
    return {place: name for name, place in names.items()}


class Folder:
    """Where outputs go: a folder by path or URI, with files whose names have slashes."""

    def __init__(self, place: str) -> None:
        self.place = absolute(place).rstrip("/")

    def names(self) -> set[str]:
        """The files that are whole; none if there is no such folder. Raises OutputError."""
        return {name for name in self._list("", recursive=True) if not name.endswith(_PART)}

    def begun(self, name: str) -> int:
        """How often this file has been begun and not ended. An object store does not show that. Raises OutputError."""
        return sum(each.startswith(_hidden(name)) and each.endswith(_PART) for each in self._list(_above(name)))

    def clear(self) -> None:
        """Delete what is begun and not ended. Raises OutputError."""
        with _reported(OutputError, self.place):
            for name in self._list("", recursive=True):
                if name.endswith(_PART):
                    files, path = _filesystem(f"{self.place}/{name}")
                    files.delete_file(path)

    def read(self, name: str) -> bytes:
        """What a file holds. Raises OutputError."""
        place = f"{self.place}/{name}"
        with _reported(OutputError, place):
            files, path = _filesystem(place)
            with files.open_input_stream(path) as file:
                return bytes(file.read())

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A file that has its name only when all of it is written. Raises OutputError."""
        place = f"{self.place}/{name}"
        with _reported(OutputError, place):
            files, path = _filesystem(place)
            files.create_dir(_above(path), recursive=True)
            part = f"{_hidden(path)}{os.urandom(8).hex()}{_PART}"  # who is taken for lost may still write another
            try:
                with files.open_output_stream(part) as stream:
                    yield stream
                files.move(part, path)
            except BaseException:
                with suppress(OSError):
                    files.delete_file(part)
                raise

    def _list(self, below: str, *, recursive: bool = False) -> list[str]:
        from pyarrow.fs import FileSelector, FileType

        with _reported(OutputError, self.place):
            files, path = _filesystem(self.place)
            if files.get_file_info(path).type == FileType.File:
                raise OutputError(
                    Message("cannot write to {path!r}: it is a file", path=self.place), Message("name a folder")
                )
            folder = f"{path}/{below}".rstrip("/")
            selector = FileSelector(folder, recursive=recursive, allow_not_found=True)
            return [found.path[len(path) :].lstrip("/") for found in files.get_file_info(selector) if found.is_file]


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _hidden(path: str) -> str:
    """The beginning of the names that a file has while it is written."""
    above, slash, last = path.rpartition("/")
    return f"{above}{slash}.{last}."


@contextmanager
def reading(place: str, form: str | None) -> Iterator[Source]:
    """An input by its path or URI. Raises InputError."""
    with _reported(InputError, place):
        files, path = _filesystem(place)
        with files.open_input_file(path) as raw:
            yield source_of(raw, place, form)


def _filesystem(place: str) -> tuple[Any, str]:
    """Where a path or URI leads."""
    from pyarrow.fs import FileSystem

    try:
        found: tuple[Any, str] = FileSystem.from_uri(place)
    except ValueError as error:  # pyarrow's for what it cannot read as a URI, or knows no files of
        raise OSError(first_line(error)) from error
    return found


@contextmanager
def _reported(kind: type[InspectError], place: str) -> Iterator[None]:
    """Turn what a file system says into an error of ours."""
    try:
        yield
    except OSError as error:
        what = "cannot read {name!r}: {reason}" if kind is InputError else "cannot write {name!r}: {reason}"
        raise kind(Message(what, name=place, reason=first_line(error))) from error
