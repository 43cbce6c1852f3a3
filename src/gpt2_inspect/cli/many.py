"""`--input`: one question about many texts, from a stream into a stream."""

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ExpectationError, InputError, InspectError, OutputError, UsageError
from ..many.crew import Answered, answers
from ..many.texts import Source, Text, open_source, read_texts
from ..many.worker import Job
from ..messages import Counted, Message, Option, in_english, listed, say
from ..render import BINARY, EVERY_FORMAT, Page
from ..render.failures import id_as_text
from ..render.signs import signs
from ..render.visible import visible_line
from ..results import Result
from ..results.failure import failure_of
from ..version import __version__
from .journal import Journal, Mark
from .processors import processors_for_us
from .progress import open_progress
from .sinks import Sink, open_sink
from .streams import Streams
from .unseen import unseen_note

if TYPE_CHECKING:
    from ..analysis.question import Question
    from ..session import Session
    from .expect import Judge

ENGINES = ("local", "ray")

MARK_S = 0.1
"""Between two marks in the journal, at first; later a five-hundredth of the time so far, but no more than the next."""

MOST_MARK_S = 5.0


class Many(NamedTuple):
    """What the options about many texts say."""

    input: str
    input_format: str | None
    field: str | None
    workers: int | None
    fail_fast: bool
    resume: bool
    engine: str | None
    """None for the local one."""
    ray_address: str | None

    def on_cluster(self) -> bool:
        """Whether Ray is to answer. Raises UsageError if the options make no sense, whatever answers."""
        if self.engine not in (None, *ENGINES):
            raise UsageError(
                Message("there is no engine {engine!r}", engine=self.engine),
                Message("choose one of {names}", names=listed(ENGINES)),
            )
        if self.engine != "ray" and self.ray_address is not None:
            raise UsageError(
                Message("{address} is for {engine} ray", address=Option("ray_address"), engine=Option("engine"))
            )
        if self.workers is not None and self.workers < 1:
            raise UsageError(
                Message("{option} is {value}; it must be 1 or more", option=Option("workers"), value=self.workers)
            )
        return self.engine == "ray"


class Frame(NamedTuple):
    """What every command has around its question."""

    streams: Streams
    form: str
    page: Page
    path: Path | None
    """Where the answers go; None for standard output."""
    open_session: "Callable[[str], Session]"
    """Takes the first text, by which a model is chosen where none is named."""
    run_as: dict[str, str]
    """Backend, device and dtype, by their options."""


def answer_many(
    many: Many,
    frame: Frame,
    question: "Question[Any, Any]",
    field: str,
    parse: Callable[[Any], Any],
    judge: "Judge | None",
) -> None:
    """Answer the question about each text of --input, and write the answers in their order.

    Args:
        many: where the texts are, and how they are answered.
        frame: where the answers go, and who gives them.
        question: with its options.
        field: the key or column that has the text, unless --field names another.
        parse: makes of its value what the question is about, or raises InputError.
        judge: tells which answers are not as expected, if something is.

    Raises InputError in the end if a text could not be answered, else ExpectationError if one is not as expected.
    """
    streams, path, field = frame.streams, frame.path, many.field or field
    if EVERY_FORMAT[frame.form].single:
        raise UsageError(
            Message("{form} is for a single text, not for {input}", form=frame.form, input=Option("input")),
            Message("choose one of {names}", names=listed(_formats_of_many())),
        )
    workers = many.workers or (
        processors_for_us() if frame.run_as["device"] == "cpu" else 1
    )  # a GPU has no room for more
    if many.resume:
        _check_resumable(path, frame.form)
    with open_source(many.input, streams.stdin, many.input_format) as source:
        _refuse_same_file(source, path, streams)
        texts = read_texts(source, field, parse)
        first = list(islice(texts, 1))
        texts = chain(first, texts)
        session = frame.open_session(first[0].asked if first and isinstance(first[0].asked, str) else "")
        if path is not None and session.is_read_from(str(path)):
            raise OutputError(
                Message("cannot write {place!r}: the model is read from it", place=str(path)),
                Message("name another file"),
            )
        journal = Journal(path, description(frame, question, session, field)) if path else None
        start = journal.last_mark() if journal is not None and many.resume else Mark()
        with open_sink(streams, path, frame.form, frame.page, start.offset, journal) as sink:
            for_people = EVERY_FORMAT[frame.form].for_people
            run = _Run(sink, journal, start, fail_fast=many.fail_fast, for_people=for_people)
            texts = run.counting(texts)
            run.skip(texts)
            job = Job(session, question, partial(_made, sink.made_of, judge))
            found = answers(job, texts, workers=workers, on_lost=run.note_lost)
            quiet = path is None and sink.on_terminal
            with closing(found), open_progress(streams, source, run.read, start.texts, quiet=quiet) as run.bar:
                run.write_all(found)
    run.report()


class _Run:
    """The texts that are done, and what was wrong with some."""

    def __init__(self, sink: Sink, journal: Journal | None, start: Mark, *, fail_fast: bool, for_people: bool) -> None:
        self._fail_fast = fail_fast
        self._for_people = for_people
        self._sink = sink
        self._journal = journal
        self._start = start
        self._digest = hashlib.sha256()
        self._texts = 0
        self._texts_read = 0
        self._failed = start.failed
        self._unmet = start.unmet
        self._warned = False
        self._stopped = False
        self.bar: Any = None

    def counting(self, texts: Iterator[Text]) -> Iterator[Text]:
        """The same texts, counted as they are read."""
        for text in texts:
            self._texts_read += 1
            yield text

    def read(self) -> int:
        """How many texts have been read."""
        return self._texts_read

    def skip(self, texts: Iterator[Text]) -> None:
        """Pass over what an earlier run has answered. Raises UsageError if it had other texts."""
        for text in islice(texts, self._start.texts):
            self._count(text)
        if (self._texts, self._digest_so_far()) != (self._start.texts, self._start.digest or self._digest_so_far()):
            raise UsageError(
                Message("cannot go on: the output was made from another input"),
                Message("give the same {input}, or leave {resume} out", input=Option("input"), resume=Option("resume")),
            )

    def write_all(self, found: Iterator[Answered]) -> None:
        started = marked = time.monotonic()
        for text, reply in found:
            self._count(text)
            if reply.error is None:
                self._take(text, reply.answer)
            else:
                self._fail(text, reply.error)
            self.bar.advance(reply.tokens, failed=reply.error is not None)
            now = time.monotonic()
            if now - marked > min(MOST_MARK_S, max(MARK_S, (now - started) / 500)):
                self._mark()
                marked = now
            if reply.error is not None and self._fail_fast:
                self._stopped = True
                break
        self._mark()

    def note_lost(self, reason: Message) -> None:
        self.bar.note(say("note: a process that answered ended ({reason}); another one goes on", reason=reason.say()))

    def report(self) -> None:
        """Raise InputError if a text could not be answered, else ExpectationError if one is not as expected."""
        if self._stopped:
            raise InputError(Message("stopped at prompt {index}, which has no answer", index=self._texts - 1))
        check_counts(self._texts, self._failed, self._unmet)

    def _take(self, text: Text, made: "_Made") -> None:
        """Write an answer, and tell what there is to say about it."""
        self._sink.answer(text, made.written)
        if made.unseen is not None and not self._warned:
            self._warned = True
            self.bar.note(made.unseen.say())
        if made.unmet is not None:
            self._unmet += 1
            self._tell(text, made.unmet)

    def _fail(self, text: Text, error: InspectError) -> None:
        self._failed += 1
        with nullcontext() if self._for_people else in_english():
            failure = failure_of(error, text.prompt_index, text.id, Option.on_command_line)
        if self._sink.failure(failure) and not self._fail_fast:
            return
        self._tell(text, error)

    def _tell(self, text: Text, error: InspectError) -> None:
        """A line on standard error about one text."""
        self.bar.tell(visible_line(line_about(text, error)))

    def _count(self, text: Text) -> None:
        self._texts += 1
        read = [text.id, text.asked, text.error is None]
        self._digest.update(json.dumps(read).encode())

    def _digest_so_far(self) -> str:
        return self._digest.hexdigest()[:16]

    def _mark(self) -> None:
        if self._journal is not None:
            self._journal.add(Mark(self._texts, self._sink.offset, self._failed, self._unmet, self._digest_so_far()))


def check_counts(texts: int, failed: int, unmet: int) -> None:
    """Raise InputError if some texts could not be answered, else ExpectationError if some are not as expected."""
    if failed:
        raise InputError(
            Counted(
                "{failed} of {n} text could not be answered",
                "{failed} of {n} texts could not be answered",
                n=texts,
                failed=failed,
            )
        )
    if unmet:
        raise ExpectationError(
            Counted(
                "{unmet} of {n} text is not as expected",
                "{unmet} of {n} texts are not as expected",
                n=texts,
                unmet=unmet,
            )
        )


def line_about(text: Text, error: InspectError) -> str:
    """What is told about one text."""
    place = str(text.prompt_index) if text.id is None else f"{text.prompt_index} ({id_as_text(text.id)})"
    return say("prompt {place}: {message}", place=place, message=error.say(Option.on_command_line))


class _Made(NamedTuple):
    """What has been made of an answer where it was found, and what is to be said about it."""

    written: Any
    unmet: ExpectationError | None
    unseen: Message | None


def _made(made_of: Callable[[Text, Any], Any], judge: "Judge | None", text: Text, result: Result) -> _Made:
    unmet = None if judge is None else judge.finds(result)
    return _Made(made_of(text, result), unmet, unseen_note(result))


def as_text(value: Any) -> str:
    """What a record of the input has as its text. Raises InputError if that is none."""
    if not isinstance(value, str):
        raise InputError(Message("its text is {value}, which is no string", value=_shown(value)))
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:40] + "…"


def _formats_of_many() -> tuple[str, ...]:
    return tuple(name for name, form in EVERY_FORMAT.items() if not form.single)


def _check_resumable(path: Path | None, form: str) -> None:
    resume, output = Option("resume"), Option("output")
    if path is None:
        raise UsageError(
            Message("{resume} needs {output}", resume=resume, output=output),
            Message("it goes on with a file that an earlier run has begun"),
        )
    if form in BINARY:
        raise UsageError(
            Message("{resume} cannot go on with {form}, which is written whole in the end", resume=resume, form=form),
            Message("write jsonl or csv"),
        )
    if path.exists() and not path.is_file():
        raise UsageError(Message("{resume}: {path!r} is no file that keeps what it has", resume=resume, path=str(path)))


def _refuse_same_file(source: Source, path: Path | None, streams: Streams) -> None:
    """Raise UsageError if the output, named or redirected, is the input."""
    try:
        about = os.fstat(source.raw.fileno())
        other = path.stat() if path is not None else os.fstat(streams.stdout.fileno())
    except (OSError, ValueError):
        return  # there is none yet, or it is none of the system's
    if os.path.samestat(about, other) and _is_regular(other):
        raise UsageError(
            Message("{input} and {output} are the same file", input=Option("input"), output=Option("output"))
        )


def _is_regular(about: os.stat_result) -> bool:
    """A file that would be overwritten, and no terminal or pipe."""
    return stat.S_ISREG(about.st_mode)


def description(frame: Frame, question: "Question[Any, Any]", session: "Session", field: str) -> dict[str, Any]:
    """All that decides what is written, but for the input itself."""
    try:
        files = session.fingerprint()
    except OSError as error:
        raise InputError(Message("cannot read the model: {reason}", reason=error.strerror or error)) from error
    model = session.model
    return {
        "version": __version__,
        "command": question.command,
        "format": frame.form,
        "ascii": signs().ascii,
        "no_timing": not frame.page.timing,
        "csv_meta": frame.page.meta,
        "model": model.name,
        "revision": model.revision,
        "model files": files,
        **frame.run_as,
        "field": field,
        **{f"options.{name}": value for name, value in question.to_dict().items()},
    }
