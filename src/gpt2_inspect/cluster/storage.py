"""Files by path or URI, as pyarrow and so Ray Data name them: which there are, reading one, writing one whole."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple
from urllib.parse import quote

from ..errors import InputError, OutputError, UsageError, first_line
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
    is_uri = "://" in pattern
    place, glob = pattern, ""
    if (sign := _GLOB.search(pattern)) and (is_uri or not Path(pattern).exists()):
        cut = pattern.rfind("/", 0, sign.start())
        place, glob = pattern[: cut + 1], pattern[cut + 1 :]
    with _reported(InputError, pattern):
        files, start = _filesystem(place)
        names = sorted(_matching(files, start.rstrip("/"), glob))
    if not names:
        raise InputError(
            Message("there is no file {name!r}", name=pattern),
            Message("quote a pattern, so that the shell leaves it alone"),
        )
    if names == [""]:
        return [Found(place, PurePosixPath(start).name)]
    return [Found(f"{place.rstrip('/')}/{quote(name) if is_uri else name}", name) for name in names]


def _matching(files: Any, start: str, glob: str) -> Iterator[str]:
    """The files in a folder, by their names there; without a name the place itself, if it is a file."""
    from pyarrow.fs import FileSelector, FileType

    if files.get_file_info(start or "/").type == FileType.File:
        yield ""
        return
    wanted = re.compile(_expression(glob))
    for found in files.get_file_info(
        FileSelector(start or "/", recursive="/" in glob or "**" in glob, allow_not_found=True)
    ):
        name = found.path[len(start) :].lstrip("/")
        if found.type == FileType.File and (wanted.fullmatch(name) if glob else _is_text(name)):
            yield name


def _is_text(name: str) -> bool:
    """Whether a file in a folder that was named without a pattern is taken."""
    return not name.startswith((".", "_")) and _plain_name(name) != name


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
def _reported(kind: type[InputError | OutputError], place: str) -> Iterator[None]:
    """Turn what a file system says into an error of ours."""
    try:
        yield
    except OSError as error:
        reason = first_line(error)
        if kind is InputError:
            raise InputError(Message("cannot read {name!r}: {reason}", name=place, reason=reason)) from error
        raise OutputError(Message("cannot write {path!r}: {reason}", path=place, reason=reason)) from error
