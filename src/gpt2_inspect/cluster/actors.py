"""What an actor does: it loads the model once, then answers batches of rows, or whole files.

Only `on_ray.py` knows Ray; these are classes as Ray Data's `map_batches` takes them, and so that they can be tried
without it.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..errors import BackendUnavailableError, ExpectationError, InputError, InspectError
from ..many.texts import Text, read_texts
from ..many.worker import tokens_in
from ..messages import Message, Option, in_english
from ..render import BINARY, Page, render
from ..render.failures import render_failure
from ..render.parquet import ParquetRows, arrow_table, typed_rows
from ..results import Result
from ..results.failure import failure_of
from ..session import TOGETHER, Session, load
from .storage import Folder, reading

if TYPE_CHECKING:
    import pyarrow

TOLD = 20
"""Texts of a file without an answer, or not as expected, that are told of one by one."""


TRIES = 3
"""Actors that a file may cost."""


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
        reports = [
            self.answer(str(place), str(name)) for place, name in zip(batch["place"], batch["name"], strict=True)
        ]
        return {"report": [pickle.dumps(report) for report in reports]}

    def answer(self, place: str, name: str) -> Report:
        """Answer a file. Its output is there whole, or not at all."""
        if self._broken is not None:
            return Report(place, broken=self._broken)
        try:
            if self._asking.folder.begun(name) >= TRIES:
                return Report(place, error=_lost())
            return self._answer(place, name)
        except InputError as error:
            return Report(place, error=error)
        except InspectError as error:
            return Report(place, broken=error)

    def _answer(self, place: str, name: str) -> Report:
        asking = self._asking
        texts = tokens = failed = unmet = 0
        told: list[Told] = []
        with reading(place, asking.input_format) as source, asking.folder.writing(name) as file, in_english():
            write = _RowWriter(file) if asking.form in BINARY else _TextWriter(file, asking.form, asking.page)
            for text, answer in answered(
                self._session, asking.question, read_texts(source, asking.field, asking.parse)
            ):
                texts += 1
                if isinstance(answer, InspectError):
                    failed += 1
                    error = None if write.failure(text, answer) else answer
                else:
                    tokens += tokens_in(answer)
                    write.answer(text, answer)
                    error = asking.finds(answer) if asking.finds is not None else None
                    unmet += error is not None
                if error is not None and len(told) < TOLD:
                    told.append(Told(text, error))
            write.close()
        return Report(place, texts, tokens, failed, unmet, tuple(told))


def _lost() -> InspectError:
    return BackendUnavailableError(
        Message("the actor that answers it ends every time"), Message("it may need more memory than there is")
    )


class RowActor:
    """Answers the texts in a column of Ray Data's rows."""

    def __init__(self, model: Model, question: Any, field: str) -> None:
        self._question = question
        self._field = field
        self._session = model.session()

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        """The tidy rows of each text; before them its `prompt_id`, where the rows have an `id`, behind them `error`,
        which says in a row of its own why a text has no answer."""
        asked = batch.column(self._field).to_pylist()
        texts = (Text(index, None, *_asked(value)) for index, value in enumerate(asked))
        types: dict[str, type] = {}
        rows: list[tuple[list[Any], str | None]] = []
        places: list[int] = []
        for text, answer in answered(self._session, self._question, texts):
            if isinstance(answer, InspectError):
                found: list[tuple[list[Any], str | None]] = [([], answer.message)]
            else:
                of_answer, values = typed_rows(answer, Page())
                types = types or of_answer
                found = [(row, None) for row in values]
            rows += found
            places += [text.prompt_index] * len(found)
        none = [None] * len(types)
        table = arrow_table(types | {"error": str}, [[*(row or none), error] for row, error in rows])
        if types:  # nobody knows where in a dataset that is spread over a cluster a text stands
            table = table.drop_columns("prompt_index")
        if "id" in batch.column_names:
            table = table.add_column(0, "prompt_id", batch.column("id").take(places))
        return table


def _asked(value: Any) -> tuple[Any, InputError | None]:
    if isinstance(value, (str, list)):
        return value, None
    return None, InputError(Message("the row has no text"))


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

    def __init__(self, file: IO[bytes], form: str, page: Page) -> None:
        self._file = file
        self._form = form
        self._page = page

    def answer(self, text: Text, answer: Result) -> None:
        self._write(render(answer, self._form, self._page.of_text(text.prompt_index, text.id)))

    def failure(self, text: Text, error: InspectError) -> bool:
        failure = failure_of(error, text.prompt_index, text.id, Option.on_command_line)
        self._write(render_failure(failure, self._form))
        return True

    def close(self) -> None:
        pass

    def _write(self, pieces: Iterable[str]) -> None:
        self._file.write("".join(pieces).encode("utf-8", "backslashreplace"))


class _RowWriter:
    """Answers as rows, where a text without an answer has none."""

    def __init__(self, file: IO[bytes]) -> None:
        self._rows = ParquetRows(file)

    def answer(self, text: Text, answer: Result) -> None:
        self._rows.add(*typed_rows(answer, Page().of_text(text.prompt_index, text.id)))

    def failure(self, text: Text, error: InspectError) -> bool:
        return False

    def close(self) -> None:
        self._rows.close()
