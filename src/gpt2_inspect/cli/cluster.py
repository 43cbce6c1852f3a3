"""`--engine ray`: one question about the texts of many files, each answered into a file of its own."""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, UsageError, importing
from ..many.texts import read_texts
from ..messages import Counted, Message, Option, listed, say
from ..render import EVERY_FORMAT
from ..render.visible import visible_line
from .journal import difference
from .many import Frame, Many, check_counts, description, line_about
from .output import choose_format
from .progress import Progress, open_progress

if TYPE_CHECKING:
    from ..analysis.question import Question
    from ..cluster.actors import Model, Report
    from ..cluster.storage import Folder, Found
    from ..session import Session
    from .expect import Judge

FORMATS = ("parquet", "jsonl", "json")
"""That files of answers can have, the default first."""

DESCRIPTION = "_gpt2-inspect.json"
"""The file in the folder that says how the others were made. Readers of a folder of Parquet pass over such a name."""


def format_on_cluster(form: str | None, *, json: bool, meta: bool) -> str:
    """The format that the options ask for. Raises UsageError if files cannot have it, or have no columns for `meta`."""
    form = choose_format(form or (None if json else FORMATS[0]), json, Path(), explained=False)
    if form not in FORMATS:
        raise UsageError(
            Message("{engine} ray writes no {form}", engine=Option("engine"), form=form),
            Message("choose one of {names}", names=listed(FORMATS)),
        )
    if meta:
        raise UsageError(Message("--csv-meta is for CSV, and the result is {form}", form=form))
    return form


def answer_on_cluster(
    many: Many,
    frame: Frame,
    output: str | None,
    question: "Question[Any, Any]",
    field: str,
    parse: Callable[[Any], Any],
    judge: "Judge | None",
    *,
    offline: bool,
) -> None:
    """Answer the question about each text of the files that --input matches, each file into one in the output folder.

    Files that are there already are passed over, so that the same command again goes on with a run that was stopped.
    All but the first two are as for `answer_many`.

    Raises InputError in the end if a text or a file could not be answered, else ExpectationError if an answer is not as
    expected.
    """
    folder_name = _check(many, output)
    with importing(("pyarrow",), Message("{engine} ray", engine=Option("engine"))):
        from ..cluster.storage import Folder, find_files, output_names
    from ..cluster.actors import Asking
    from ..cluster.on_ray import Job, answer_files, connected

    found = find_files(many.input)
    folder = Folder(folder_name)
    if any(file.place.startswith(f"{folder.place}/") for file in found):
        raise UsageError(
            Message("{input} has files that are in {output}", input=Option("input"), output=Option("output")),
            Message("name another folder"),
        )
    names = output_names(found, EVERY_FORMAT[frame.form].endings[0])
    field = many.field or field
    done = folder.names()
    session = frame.open_session(_first_text(found, field, parse, many.input_format))
    _describe(folder, done, names.values(), description(frame, question, session, field))
    folder.clear()
    jobs = [Job(place, name) for place, name in names.items() if name not in done]
    if len(jobs) < len(names):
        frame.streams.note(
            Counted(
                "note: {n} of {all} files is done already",
                "note: {n} of {all} files are done already",
                n=len(names) - len(jobs),
                all=len(names),
            ).say()
        )
    run = _Run(len(jobs))
    if jobs:
        finds = None if judge is None else judge.finds
        asking = Asking(question, field, parse, many.input_format, frame.form, frame.page, finds, folder)
        with (
            connected(many.ray_address) as said,
            open_progress(frame.streams, run, run.texts_read, 0, quiet=False) as bar,
        ):
            for report in answer_files(_model(session, frame, offline), asking, jobs, most=many.workers):
                run.take(report, bar)
                while said:
                    bar.note(visible_line(say("note: Ray: {line}", line=said.popleft())))
    folder.clear()
    run.report()


def _check(many: Many, output: str | None) -> str:
    """The name of the output folder. Raises UsageError if an option has no meaning on a cluster."""
    engine = Option("engine")
    if many.input == "-":
        raise UsageError(
            Message("{engine} ray reads files, not standard input", engine=engine),
            Message("name them: {input} 'DIR/*.jsonl'", input=Option("input")),
        )
    if not output or output == "-":
        raise UsageError(
            Message("{engine} ray needs {output}", engine=engine, output=Option("output")),
            Message("it names the folder for the answers: {output} DIR", output=Option("output")),
        )
    if many.resume:
        raise UsageError(
            Message("{engine} ray goes on by itself: files that are done are passed over", engine=engine),
            Message("leave {resume} out", resume=Option("resume")),
        )
    if many.fail_fast:
        raise UsageError(
            Message("{option} is for one file that is read in order", option=Option("fail_fast")),
            Message("leave it out, or {engine} ray", engine=engine),
        )
    return output


def _first_text(found: "list[Found]", field: str, parse: Callable[[Any], Any], form: str | None) -> str:
    """By which a model is chosen where none is named."""
    from ..cluster.storage import reading

    with reading(found[0].place, form) as source:
        for text in islice(read_texts(source, field, parse), 1):
            if isinstance(text.asked, str):
                return text.asked
    return ""


def _model(session: "Session", frame: Frame, offline: bool) -> "Model":
    """What the actors are to load, so that it is this on every node: a directory by its whole path, and that of the
    hub by its commit."""
    from ..cluster.actors import Model

    about = session.model
    name = str(Path(about.name).absolute()) if about.source == "directory" else about.name
    return Model(name, about.revision, offline=offline, **frame.run_as)


def _describe(folder: "Folder", there: set[str], names: Collection[str], now: dict[str, Any]) -> None:
    """Leave in the folder how its files are made. Raises UsageError if some are made in another way, or nobody knows
    how."""
    if there.isdisjoint(names):
        with folder.writing(DESCRIPTION) as file:
            file.write(json.dumps(now, indent=1).encode() + b"\n")
        return
    what: Message | None = Message("nothing in {name!r} says how it was made", name=DESCRIPTION)
    if DESCRIPTION in there:
        with suppress(ValueError, TypeError):
            what = difference(json.loads(folder.read(DESCRIPTION)), json.loads(json.dumps(now)))
    if what is not None:
        raise UsageError(
            Message("cannot go on with {path!r}: {what}", path=folder.place, what=what),
            Message("ask as before, or name another folder"),
        )


class _Run:
    """What has become of the files."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._done = self._unread = 0
        self._texts = self._failed = self._unmet = 0

    def part_read(self) -> float:
        return self._done / self._files

    def texts_read(self) -> int:
        return self._texts

    def take(self, report: "Report", bar: Progress) -> None:
        """Count a file, and tell what there is to say about it. Raises what leaves all files without an answer."""
        if report.broken is not None:
            raise report.broken
        self._done += 1
        self._texts += report.texts
        self._failed += report.failed
        self._unmet += report.unmet
        for text, error in report.told:
            bar.tell(visible_line(f"{report.place}: {line_about(text, error)}"))
        if report.error is not None:
            self._unread += 1
            bar.tell(visible_line(f"{report.place}: {report.error.say(Option.on_command_line)}"))
        bar.advance(report.tokens, failed=report.failed, texts=report.texts)

    def report(self) -> None:
        """Raise InputError if a file or a text could not be answered, else ExpectationError if one is not as
        expected."""
        if self._unread:
            raise InputError(
                Counted(
                    "{unread} of {n} file could not be answered",
                    "{unread} of {n} files could not be answered",
                    n=self._files,
                    unread=self._unread,
                )
            )
        check_counts(self._texts, self._failed, self._unmet)
