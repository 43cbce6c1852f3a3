"""What an actor does: it loads the model once, then answers batches of rows, or whole files.

Only `on_ray.py` knows Ray; these are classes as Ray Data's `map_batches` takes them, and so that they can be tried
without it.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ExpectationError, InputError, InspectError
from ..many.failures import failure_of
from ..many.texts import Text, read_texts
from ..messages import Message, Option, in_english
from ..render import BINARY, Page, render
from ..render.failures import render_failure
from ..render.parquet import ParquetRows, arrow_table, typed_rows
from ..results import Result
from ..session import TOGETHER, Session, load
from .storage import Folder, reading

if TYPE_CHECKING:
    import pyarrow

TOLD = 20
"""Texts of a file without an answer, or not as expected, that are told of one by one."""


class Model(NamedTuple):
    """What an actor loads; the arguments of `load`."""

    model: str | None
    revision: str | None
    backend: str
    device: str
    dtype: str
    offline: bool

    def session(self) -> Session:
        return load(**self._asdict())


class Asking(NamedTuple):
    """What is asked about the texts of files, and how the answers are written."""

    question: Any
    field: str
    """The key or column that has the text."""
    parse: Callable[[Any], Any]
    input_format: str | None
    form: str
    page: Page
    finds: Callable[[Result], ExpectationError | None] | None
    """What tells which answers are not as expected."""
    folder: Folder


class Told(NamedTuple):
    """What is to be said about one text."""

    text: Text
    error: InspectError


class Report(NamedTuple):
    """What became of a file."""

    place: str
    texts: int = 0
    tokens: int = 0
    failed: int = 0
    unmet: int = 0
    told: tuple[Told, ...] = ()
    error: InspectError | None = None
    """Why the file has no output."""
    broken: BaseException | None = None
    """Why no file has any."""


class FileActor:
    """Answers all texts of a file into a file."""

    def __init__(self, model: Model, asking: Asking) -> None:
        self._asking = asking
        self._broken: BaseException | None = None
        try:
            self._session = model.session()
        except InspectError as error:
            self._broken = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """For each `place` and the `name` of its output a pickled Report."""
        reports = [self.answer(str(place), str(name)) for place, name in zip(batch["place"], batch["name"], strict=True)]
        return {"report": [pickle.dumps(report) for report in reports]}

    def answer(self, place: str, name: str) -> Report:
        """Answer a file. Its output is there whole, or not at all."""
        if self._broken is not None:
            return Report(place, broken=self._broken)
        try:
            return self._answer(place, name)
        except InputError as error:
            return Report(place, error=error)
        except InspectError as error:
            return Report(place, broken=error)

    def _answer(self, place: str, name: str) -> Report:
        asking = self._asking
        counts = dict.fromkeys(("texts", "tokens", "failed", "unmet"), 0)
        told: list[Told] = []
        with reading(place, asking.input_format) as source, asking.folder.writing(name) as file, in_english():
            write = _RowWriter(file) if asking.form in BINARY else _TextWriter(file, asking.form, asking.page)
            texts = read_texts(source, asking.field, asking.parse)
            for text, answer in answered(self._session, asking.question, texts):
                counts["texts"] += 1
                if isinstance(answer, InspectError):
                    counts["failed"] += 1
                    if not write.failure(text, answer) and len(told) < TOLD:
                        told.append(Told(text, answer))
                    continue
                counts["tokens"] += len(answer.items() if answer.prompt is None else answer.prompt.tokens)
                write.answer(text, answer)
                if asking.finds is not None and (unmet := asking.finds(answer)) is not None:
                    counts["unmet"] += 1
                    if len(told) < TOLD:
                        told.append(Told(text, unmet))
            write.close()
        return Report(place, **counts, told=tuple(told))


class RowActor:
    """Answers the texts in a column of Ray Data's rows."""

    def __init__(self, model: Model, question: Any, field: str) -> None:
        self._question = question
        self._field = field
        self._session = model.session()

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        """The tidy rows, each with the `prompt_id` that its text has as `id`, and an `error` for texts without any."""
        asked = batch.column(self._field).to_pylist()
        ids = batch.column("id").to_pylist() if "id" in batch.column_names else [None] * len(asked)
        texts = [_text_of_row(index, *pair) for index, pair in enumerate(zip(ids, asked, strict=True))]
        kinds: dict[str, type] = {}
        rows: list[dict[str, Any]] = []
        for text, answer in answered(self._session, self._question, texts):
            if isinstance(answer, InspectError):
                rows.append({"prompt_id": text.id, "error": answer.message})
                continue
            found, values = typed_rows(answer, Page())
            kinds |= {name: kind for name, kind in found.items() if name not in kinds}
            rows += ({"prompt_id": text.id, **dict(zip(found, row, strict=True))} for row in values)
        kinds.pop("prompt_index", None)  # of rows that are spread over a cluster nobody knows which is the first
        return arrow_table(kinds, {"prompt_id": None, "error": str}, rows)


def _text_of_row(index: int, called: Any, value: Any) -> Text:
    if isinstance(value, (str, list)):
        return Text(index, called, value)
    return Text(index, called, None, InputError(Message("the row has no text")))


def answered(session: Session, question: Any, texts: Iterable[Text]) -> Iterator[tuple[Text, Any]]:
    """Each text with its answer or its error, in order; some are read together.

    Raises what the question says, but for errors that only concern a text.
    """
    texts = iter(texts)
    while some := list(islice(texts, TOGETHER)):
        answers = session.ask_together(question, [text.asked for text in some if text.error is None])
        for text in some:
            yield text, text.error if text.error is not None else next(answers)


class _TextWriter:
    """Answers as lines."""

    def __init__(self, file: Any, form: str, page: Page) -> None:
        self._file = file
        self._form = form
        self._page = page

    def answer(self, text: Text, answer: Result) -> None:
        self._write(render(answer, self._form, _page_of(text, self._page)))

    def failure(self, text: Text, error: InspectError) -> bool:
        self._write(render_failure(failure_of(text, error, Option.on_command_line), self._form))
        return True

    def close(self) -> None:
        pass

    def _write(self, pieces: Iterator[str]) -> None:
        self._file.write("".join(pieces).encode("utf-8", "backslashreplace"))


class _RowWriter:
    """Answers as rows."""

    def __init__(self, file: Any) -> None:
        self._rows = ParquetRows(file)

    def answer(self, text: Text, answer: Result) -> None:
        self._rows.add(*typed_rows(answer, _page_of(text, Page())))

    def failure(self, text: Text, error: InspectError) -> bool:
        return False

    def close(self) -> None:
        self._rows.close()


def _page_of(text: Text, page: Page) -> Page:
    return page._replace(prompt_index=text.prompt_index, prompt_id=text.id, many=True)
