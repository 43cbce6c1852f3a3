"""The texts in a file, one after the other: no more of it is in memory than the text that is being read.

Which form the file has, its ending says, else its first line. What is wrong with one text stands in its place, for the
others can still be answered; what makes the rest unreadable is raised.
"""

import contextlib
import gzip
import io
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from ..errors import InputError, InspectError, UsageError, importing
from ..messages import Message, Option
from .forms import ENDINGS, FORMS

LONGEST = 16 * 2**20
"""Bytes of a line; a model's context is some thousand tokens."""

_GZIP = ".gz"

_OTHERS = {
    b"\x1f\x8b": Message("gzip, which only the ending .gz is read as"),
    b"PAR1": Message("Parquet, which is read from a file that ends in .parquet"),
    b"\xff\xfe": Message("UTF-16"),
    b"\xfe\xff": Message("UTF-16"),
}
"""What a first line shows that is no text in UTF-8."""

_BOM = b"\xef\xbb\xbf"


class Text(NamedTuple):
    """One of many texts, or what a question is about instead."""

    prompt_index: int
    """Its place in the input, from 0."""
    id: Any
    """What the input calls it, any value of JSON; None if it does not say."""
    asked: Any
    """None if there is an error in its place."""
    error: InspectError | None = None


class Source(NamedTuple):
    """An open input."""

    file: BinaryIO
    name: str
    """For messages."""
    form: str | None
    """One of FORMS; None if the first line decides."""
    raw: IO[bytes]
    """What the system reads from: `file` is that, or what comes out of it."""

    def part_read(self) -> float | None:
        """How much of the input has been read, from 0 to 1; None where its end is not known."""
        with contextlib.suppress(OSError, ValueError):
            about = os.fstat(self.raw.fileno())
            if stat.S_ISREG(about.st_mode) and about.st_size:
                return min(1.0, self.raw.tell() / about.st_size)
        return None


@contextmanager
def open_source(name: str, stdin: BinaryIO, form: str | None) -> Iterator[Source]:
    """The file of this name, or `stdin` for `-`.

    Raises:
        InputError: it cannot be read.
        UsageError: there is no such form.
    """
    if form is not None and form not in FORMS:
        raise UsageError(
            Message("there is no input format {form!r}", form=form),
            Message("choose one of {names}", names=", ".join(FORMS)),
        )
    if name == "-":
        yield Source(stdin, "-", form, stdin)
        return
    with _reading(name):
        raw = Path(name).open("rb", buffering=0)  # noqa: SIM115  # its place is what has been read, not what waits
    source = source_of(raw, name, form)
    try:
        yield source
    finally:
        if stat.S_ISREG(os.fstat(raw.fileno()).st_mode):  # else the thread that reads may be waiting in it
            source.file.close()
            raw.close()


def source_of(raw: Any, name: str, form: str | None) -> Source:
    """What an open file without a buffer holds: by its name, unpacked, and in the form that its ending says if there is
    no other."""
    path = Path(name)
    packed = path.suffix.lower() == _GZIP
    form = form or ENDINGS.get((path.with_suffix("") if packed else path).suffix.lower())
    buffered = io.BufferedReader(raw)
    file: Any = io.BufferedReader(gzip.open(buffered)) if packed else buffered  # noqa: SIM115
    return Source(file, name, form, raw)


def read_texts(source: Source, field: str, parse: Callable[[Any], Any]) -> Iterator[Text]:
    """The texts of an input, in its order.

    Args:
        source: the input.
        field: the key or the column that has the text.
        parse: makes of that value what the question is asked about, or raises InputError.

    Raises:
        InputError: the input cannot be read, or not any further.
        BackendUnavailableError: it is Parquet, and pyarrow is not installed.
    """
    with _reading(source.name):
        for index, found in enumerate(_records(source, field)):
            try:
                if found.error is not None:
                    raise found.error
                yield Text(index, found.id, parse(found.value))
            except InputError as error:
                yield Text(index, found.id, None, error)


class _Record(NamedTuple):
    value: Any
    id: Any = None
    error: InputError | None = None


def _records(source: Source, field: str) -> Iterator[_Record]:
    if source.form == "parquet":
        yield from _parquet(source, field)
        return
    lines = _lines(source.file)
    first = next(lines, b"")
    if first is not None:
        for beginning, what in _OTHERS.items():
            if first.startswith(beginning):
                raise InputError(
                    Message("cannot read {name!r}: it is {what}", name=source.name, what=what),
                    Message("texts are UTF-8; others can be converted, for example with `iconv -t UTF-8`"),
                )
        first = first.removeprefix(_BOM)
    form = source.form or _form_of(first, field)
    lines = chain([first], lines) if first != b"" else lines
    match form:
        case "text":
            yield from map(_line, lines)
        case "jsonl":
            yield from _jsonl(lines, field)
        case _:
            yield from _table(lines, "," if form == "csv" else "\t", field, source.name)


def _form_of(first: bytes | None, field: str) -> str:
    """What a first line says: an object is JSON Lines, columns of which one has the field's name are a table."""
    if first is None:
        return "text"
    if first.lstrip().startswith(b"{"):
        return "jsonl"
    for form, separator in (("csv", ","), ("tsv", "\t")):
        names = [name.strip('"') for name in _bare(first).split(separator)]
        if field in names and len(names) > 1:
            return form
    return "text"


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Each line with its end; None in place of one that is longer than LONGEST, which is read over."""
    while line := file.readline(LONGEST + 1):
        if len(line) <= LONGEST or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST)
        yield None


def _decoded(line: bytes) -> str:
    """Bytes that are no UTF-8 become halves of surrogates, which whoever reads the text will refuse."""
    return line.decode("utf-8", "surrogateescape")


def _bare(line: bytes) -> str:
    """Without its end."""
    return _decoded(line.removesuffix(b"\n").removesuffix(b"\r"))


def _too_long() -> InputError:
    return InputError(Message("the line is larger than {limit} MiB", limit=LONGEST // 2**20))


def _line(line: bytes | None) -> _Record:
    return _Record(None, error=_too_long()) if line is None else _Record(_bare(line))


def _jsonl(lines: Iterable[bytes | None], field: str) -> Iterator[_Record]:
    for line in lines:
        if line is None:
            yield _Record(None, error=_too_long())
        elif line.strip():
            yield _object(_bare(line), field)


def _object(line: str, field: str) -> _Record:
    try:
        found = json.loads(line, parse_constant=_no_constant)
        name = found.get("id") if isinstance(found, dict) else None
        json.dumps(name, allow_nan=False)  # 1e999 has become infinite
    except (ValueError, RecursionError):
        found = name = None
    if not isinstance(found, dict):
        return _Record(
            None,
            error=InputError(
                Message("the line is no JSON object"), Message("give {example} in each line", example='{"text": "…"}')
            ),
        )
    if field not in found:
        return _Record(None, name, _no_field(Message("the object has no {field!r}", field=field)))
    return _Record(found[field], name)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _no_field(what: Message) -> InputError:
    return InputError(what, Message("{field} says where the text stands", field=Option("field")))


def _table(lines: Iterable[bytes | None], separator: str, field: str, name: str) -> Iterator[_Record]:
    """The rows under a header; a cell in quotes may have line breaks."""
    import csv

    csv.field_size_limit(max(LONGEST, csv.field_size_limit()))

    def whole() -> Iterator[str]:
        for line in lines:
            if line is None:
                raise _too_long()
            yield _decoded(line)

    reader = csv.reader(whole(), delimiter=separator)
    try:
        header = next(reader, [])
        place = _place(field, header, name)
        id_place = header.index("id") if "id" in header and field != "id" else None
        for row in reader:
            if not row:
                continue
            called = row[id_place] if id_place is not None and id_place < len(row) else None
            if place < len(row):
                yield _Record(row[place], called)
            else:
                yield _Record(None, called, _no_field(Message("the row has no {field!r}", field=field)))
    except csv.Error as error:
        raise InputError(
            Message("cannot read {name!r} after line {line}: {error}", name=name, line=reader.line_num, error=error),
            Message("a quote that is never closed takes the rest of the file"),
        ) from error


def _place(field: str, header: list[str], name: str) -> int:
    """Where the column stands."""
    if field not in header:
        raise InputError(
            Message(
                "{name!r} has no column {field!r}; it has {columns}",
                name=name,
                field=field,
                columns=", ".join(header) if any(header) else Message("none"),
            ),
            Message("{field} names the column that has the text", field=Option("field")),
        )
    return header.index(field)


def _parquet(source: Source, field: str) -> Iterator[_Record]:
    with importing(("pyarrow",), Message("Parquet")):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    if not source.file.seekable():
        raise InputError(
            Message("cannot read {name!r}: Parquet is read from its end, which a pipe does not show", name=source.name),
            Message("give the name of a file"),
        )
    try:
        file = ParquetFile(source.file)
        place = _place(field, file.schema_arrow.names, source.name)
        columns = [field, *(["id"] if "id" in file.schema_arrow.names and field != "id" else [])]
        column = file.schema_arrow.names[place]
        for batch in file.iter_batches(batch_size=256, columns=columns):
            for row in batch.to_pylist():
                yield _Record(row[column], _plain(row.get("id")) if "id" in columns[1:] else None)
    except ArrowException as error:
        raise InputError(
            Message("cannot read {name!r}: {error}", name=source.name, error=str(error).partition("\n")[0])
        ) from error


def _plain(value: Any) -> Any:
    """A value that JSON has; a date and its like as text."""
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what the system or the unpacking says into an InputError."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(Message("cannot read {name!r}: {reason}", name=name, reason=reason)) from error
