"""What every command has in common: the options that name model, backend and output, and what becomes of them.

A command is a function whose first parameter is a Request and whose others are its own arguments and options; the
shared options are put behind them.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import typer

from ..errors import UsageError
from ..messages import Message, Option
from ..render.formats import PAGE, Page
from ..render.signs import use_signs
from . import options
from .streams import Streams
from .terminal import choose_theme, signs_for

if TYPE_CHECKING:
    from pathlib import Path

    from ..analysis.question import Question
    from ..session import Session
    from .expect import Judge
    from .many import Many
    from .output import Output
    from .plot import Plotter
    from .save import Saver


_Q = TypeVar("_Q", bound="Question[Any, Any]")


class Request(NamedTuple):
    """The streams, and what the options say: those that commands share, and the command's own."""

    streams: Streams
    shared: dict[str, Any]
    own: dict[str, Any]
    command: str
    many: "Many | None" = None
    """Where many texts are asked about."""

    def answer(
        self,
        question: "Callable[[], type[Question[str, Any]]]",
        text: str | None,
        save: str | None = None,
        judge: "Judge | None" = None,
        *,
        tree: bool = True,
        on_page: "Callable[[Session, str], dict[str, Any]] | None" = None,
    ) -> None:
        """All that most commands do: ask the question about the text, or about many, and write the answer.

        The parts of a question whose command can `save` are arrays by their names, for that file and for a plot. What
        the `judge` finds is told once all is written. Where the result is a page, what `on_page` says for the model
        and the text is asked in place of the command's own options.
        """
        if self.is_about_many(text):
            self.refuse_with_many(save=save, plot=self.own.get("plot"), plot_size=self.own.get("plot_size"))
            self.answer_many(question(), judge=judge)
            return
        asked = self.read_text(text)
        with self.open_output(tree=tree) as out, self.open_save(save) as saver, self.open_plot(save) as plotter:
            session = self.open_session(asked)
            others = on_page(session, asked) if on_page and out.is_page else {}
            takers: list[Callable[[Any], None]] = [saver.write] if saver else []
            if plotter and self.own.get("head") is None:  # else the record has all that a plot shows
                takers.append(plotter.keep)
            result = session.ask(self.question(question(), **others), asked, on_part=_to_each(takers))
            if plotter:
                plotter.draw(result)
            out.write(result)
        if judge is not None:
            judge.check(result)

    def read_text(self, text: str | None) -> str:
        """The text, or standard input if it is `-`. Raises UsageError if there is none, and InputError."""
        if text is None:
            raise UsageError(
                Message("neither TEXT nor {input} is given", input=_INPUT),
                Message("see `{command} --help`", command=f"gpt2-inspect {self.command}"),
            )
        return self.streams.read_text(text)

    def is_about_many(self, given: object) -> bool:
        """Whether --input takes the place of what was `given`. Raises UsageError if there are both."""
        if self.many is None:
            return False
        if given:
            raise UsageError(
                Message("{input} takes the place of what is asked about", input=_INPUT),
                Message("give one or the other"),
            )
        return True

    def refuse_with_many(self, **values: object) -> None:
        """Raise UsageError if one of these options is given, which are for a single text."""
        for name, value in values.items():
            if value:
                raise UsageError(
                    Message("{option} is for a single text, not for {input}", option=Option(name), input=_INPUT)
                )

    def answer_many(
        self,
        question: "type[_Q]",
        field: str = "text",
        parse: "Callable[[Any], Any] | None" = None,
        judge: "Judge | None" = None,
        columns: tuple[str, ...] = (),
    ) -> None:
        """The same for many texts. `field` is where a record of the input has them, `parse` takes them from there."""
        from .many import Frame, answer_many, as_text

        assert self.many is not None  # see is_about_many
        self.refuse_with_many(explain=self.shared["explain"], open=self.shared["open_page"])
        run_as = {name: self.shared[name] for name in ("backend", "device", "dtype")}
        parse = parse or as_text
        if self.many.on_cluster():
            from .cluster import answer_on_cluster, format_on_cluster

            form = format_on_cluster(self.shared["form"], json=self.shared["json"], meta=self.shared["csv_meta"])
            page = Page(timing=not self.shared["no_timing"])
            frame = Frame(self.streams, form, page, None, self.open_session, run_as)
            output, offline = self.shared["output"], self.shared["offline"]
            answer_on_cluster(self.many, frame, output, self.question(question), field, parse, judge, offline=offline)
            return
        form, page = self._form_and_page()
        frame = Frame(self.streams, form, page._replace(columns=columns), self.output, self.open_session, run_as)
        answer_many(self.many, frame, self.question(question), field, parse, judge)

    def question(self, kind: type[_Q], **others: Any) -> _Q:
        """The question with the command's own options, or `others` in place of them; one that was not given, or is
        None, is left to the question."""
        names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # questions are dataclasses
        values = {**self.own, **others}
        return kind(**{name: value for name, value in values.items() if name in names and value is not None})

    def open_session(self, text: str = "") -> "Session":
        """Load the model that is named, or the one for this text."""
        return self.open_session_of(self.shared["model"], text)

    def open_session_of(self, model: str | None, text: str = "") -> "Session":
        """Load this model; None for the one for this text."""
        from .model import open_session

        names = ("revision", "offline", "backend", "device", "dtype")
        return open_session(self.streams, model, **{name: self.shared[name] for name in names}, for_text=text)

    @property
    def default_model(self) -> str | None:
        """The model of a command that has a `--model` of its own, if that is not given."""
        return self.streams.environ.get(options.MODEL_VARIABLE) or None

    def refuse_formats(self, option: str) -> None:
        """Raise UsageError if a format is asked for beside an option that prints a bare line."""
        form = "--json" if self.shared["json"] else self.shared["form"] and f"--format {self.shared['form']}"
        form = form or (self.shared.get("explain") and "--explain") or (self.shared.get("open_page") and "--open")
        if form:
            raise UsageError(Message("{option} and {form} contradict each other", option=option, form=form))

    def open_output(
        self, *, bare: bool = False, columns: tuple[str, ...] = (), tree: bool = True
    ) -> "AbstractContextManager[Output]":
        """Where the result goes, or if it is bare, lines alone; `columns` and `tree` are those of a Page.

        Raises UsageError or OutputError if it cannot go there.
        """
        from .output import open_output

        form, page = self._form_and_page(bare=bare)
        page = page._replace(columns=columns, tree=tree)
        explained, opened = self.shared.get("explain", False), self.shared.get("open_page", False)
        return open_output(self.streams, self.output, form, page, explained=explained, opened=opened)

    def _form_and_page(self, *, bare: bool = False) -> "tuple[str, Page]":
        """The format that is asked for, and what is to be written for. Raises UsageError if options disagree."""
        from .output import choose_format, width_for

        path, explained, asked = self.output, self.shared.get("explain", False), self.shared["form"]
        opened = self.shared.get("open_page", False)
        if opened and path is None and not self.shared["json"]:
            asked = asked or PAGE
        form = choose_format(asked, self.shared["json"], path, explained=explained)
        if opened and form != PAGE:
            raise UsageError(
                Message("{option} shows a page, and the result is {form}", option=Option("open"), form=form),
                Message("--format html, or an --output that ends in .html"),
            )
        meta = self.shared.get("csv_meta", False)
        if meta and form != "csv":
            raise UsageError(
                Message("--csv-meta is for CSV, and the result is {form}", form=form),
                Message("--format csv, or an --output that ends in .csv"),
            )
        theme = choose_theme(
            self.streams,
            self.shared["color"],
            self.shared["theme"],
            shows=form == "table" and path is None and not bare,
        )
        width = width_for(self.streams, theme) if path is None else None
        return form, Page(width, theme, timing=not self.shared.get("no_timing", False), meta=meta)

    def write_line(self, line: str) -> None:
        """Write a bare text and a line feed to standard output."""
        from ..render.formats import DEFAULT
        from .output import Output

        Output(self.streams, None, None, DEFAULT).write_line(line)

    def open_save(self, name: str | None, option: str = "--save") -> "AbstractContextManager[Saver | None]":
        """Where the arrays go that this option asks for. Raises UsageError or OutputError if they cannot go there."""
        from .files import file_named
        from .save import open_save

        others = {"--output": self.output}
        if option != "--save" and (beside := self.own["save"]) is not None:
            others["--save"] = file_named("--save", beside)
        return open_save(option, None if name is None else file_named(option, name), others)

    def open_plot(self, save: str | None = None) -> "AbstractContextManager[Plotter | None]":
        """Where the picture goes, if the command has an option for one and it was given.

        Args:
            save: the file for arrays, which cannot be the same.

        Raises UsageError or OutputError if it cannot go there, BackendUnavailableError if there is no matplotlib.
        """
        name, size = self.own.get("plot"), self.own.get("plot_size")
        if name is None and size is None:
            return nullcontext()
        from .files import file_named
        from .plot import open_plot

        others = {"--output": self.output, "--save": None if save is None else file_named("--save", save)}
        return open_plot(self.streams, None if name is None else file_named("--plot", name), size, others)

    @property
    def output(self) -> "Path | None":
        """The file that the result goes to; None for standard output, which `-` stands for as in many commands."""
        from .files import file_named

        name: str | None = self.shared["output"]
        return None if name in (None, "-") else file_named("--output", name)


def _to_each(takers: Sequence[Callable[[Any], None]]) -> Callable[[Any], None] | None:
    """One that hands on to all of them; None if there are none, for whoever is not asked keeps nothing."""
    if not takers:
        return None

    def take(part: Any) -> None:
        for taker in takers:
            taker(part)

    return take


def shared_options(
    context: typer.Context,
    model: options.Model = None,
    revision: options.Revision = None,
    offline: options.Offline = False,
    backend: options.Backend = "auto",
    device: options.Device = "cpu",
    dtype: options.Dtype = "float32",
    form: options.Format = None,
    json: options.Json = False,
    output: options.OutputFile = None,
    open_page: options.Open = False,
    color: options.Color = "auto",
    theme: options.Theme = "auto",
    ascii: options.Ascii = False,
    explain: options.Explain = False,
    no_timing: options.NoTiming = False,
    csv_meta: options.CsvMeta = False,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:
    """Only its parameters count: they become those of every command."""


def many_options(
    input: options.Input = None,
    input_format: options.InputFormat = None,
    field: options.Field = None,
    workers: options.Workers = None,
    fail_fast: options.FailFast = False,
    resume: options.Resume = False,
    engine: options.Engine = None,
    ray_address: options.RayAddress = None,
) -> None:
    """The same for commands that can be asked about many texts."""


def takes_many(function: Callable[..., None]) -> Callable[..., None]:
    """Marks such a command."""
    function.takes_many = True  # type: ignore[attr-defined]
    return function


def _many(values: dict[str, Any]) -> "Many | None":
    """What the options say; None without --input, which the others need."""
    if values.get("input") is None:
        for name, value in values.items():
            if value not in (None, False):
                raise UsageError(Message("{option} is for {input}", option=Option(name), input=_INPUT))
        return None
    from .many import Many

    return Many(**values)


_INPUT = Option("input")


def with_shared_options(function: Callable[..., None], without: Collection[str] = ()) -> Callable[..., None]:
    """`function(request, ...)` as a function whose parameters are the command's own and the shared ones.

    An option of the command's own takes the place of the shared one with the same name; those that `without` names
    have no meaning for it.
    """
    _, *own = inspect.signature(function).parameters.values()
    _, *every = inspect.signature(shared_options).parameters.values()
    left_out = {*without, *(parameter.name for parameter in own)}
    shared = [parameter for parameter in every if parameter.name not in left_out]
    many = [*inspect.signature(many_options).parameters.values()] if hasattr(function, "takes_many") else []

    def call(streams: Streams, **values: Any) -> None:
        streams = streams._replace(quiet=values["quiet"])
        many_values, shared_values = (
            {parameter.name: values.pop(parameter.name) for parameter in each} for each in (many, shared)
        )
        name = function.__name__.replace("_", "-")
        request = Request(streams, shared_values, values, name, _many(many_values))
        use_signs(signs_for(streams, asked=request.shared["ascii"]))
        function(request, **values)

    return _for_typer(function, call, [*many, *shared])


def with_streams(function: Callable[..., None]) -> Callable[..., None]:
    """`function(streams, ...)` as a function whose parameters are the command's own."""
    return _for_typer(function, function, [])


def _for_typer(
    function: Callable[..., None], call: Callable[..., None], shared: list[inspect.Parameter]
) -> Callable[..., None]:
    """What Typer makes a command of: `call` with the streams, and `function`'s name, help and parameters."""
    _, *own = inspect.signature(function).parameters.values()
    first, *_ = inspect.signature(shared_options).parameters.values()

    def command(**values: Any) -> None:
        call(values.pop(first.name).obj, **values)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)  # so that those with a default may stand anywhere
        for parameter in (first, *own, *shared)
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command
