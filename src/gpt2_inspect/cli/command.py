"""What every command has in common: the options that name model, backend and output, and what becomes of them.

A command is a function whose first parameter is a Request and whose others are its own arguments and options; the
shared options are put behind them.
"""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import typer

from ..errors import UsageError
from ..messages import Message, Option, say
from . import options
from .streams import Streams

if TYPE_CHECKING:
    from pathlib import Path

    from ..analysis.question import Question
    from ..results import Options
    from ..session import Session
    from .many import Many
    from .output import Output
    from .save import Saver


_Q = TypeVar("_Q", bound="Options")


class Request(NamedTuple):
    """The streams, and what the options say: those that commands share, and the command's own."""

    streams: Streams
    shared: dict[str, Any]
    own: dict[str, Any]
    command: str
    many: "Many | None" = None
    """Where many texts are asked about."""

    def answer(
        self, question: "Callable[[], type[Question[str, Any]]]", text: str | None, save: str | None = None
    ) -> None:
        """All that most commands do: ask the question about the text, or about many, and write the answer.

        The parts of a question whose command can `save` are arrays by their names, for that file.
        """
        if self.is_about_many(text):
            self.refuse_with_many(save=save)
            self.answer_many(question())
            return
        asked = self.read_text(text)
        with self.open_output() as out, self.open_save(save) as saver:
            session = self.open_session(asked)
            out.write(session.ask(self.question(question()), asked, on_part=saver.write if saver else None))

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
        question: "type[Question[Any, Any]]",
        field: str = "text",
        parse: "Callable[[Any], Any] | None" = None,
    ) -> None:
        """The same for many texts. `field` is where a record of the input has them, `parse` takes them from there."""
        from .many import Frame, answer_many, as_text

        if self.many is not None:
            run_as = {name: self.shared[name] for name in ("backend", "device", "dtype")}
            frame = Frame(self.streams, self.format, self.output, self.open_session, run_as)
            answer_many(self.many, frame, self.question(question), field, parse or as_text)

    def question(self, kind: type[_Q]) -> _Q:
        """The question with the command's own options; one that was not given is left to the question."""
        names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # questions are dataclasses
        return kind(**{name: value for name, value in self.own.items() if name in names and value is not None})

    def open_session(self, text: str = "") -> "Session":
        """Load the model that is named, or the one for this text."""
        from .model import open_session

        names = ("model", "revision", "offline", "backend", "device", "dtype")
        return open_session(self.streams, **{name: self.shared[name] for name in names}, for_text=text)

    def refuse_formats(self, option: str) -> None:
        """Raise UsageError if a format is asked for beside an option that prints a bare line."""
        form = "--json" if self.shared["json"] else self.shared["form"] and f"--format {self.shared['form']}"
        if form:
            raise UsageError(Message("{option} and {form} contradict each other", option=option, form=form))

    def open_output(self) -> "AbstractContextManager[Output]":
        """Where the result goes. Raises UsageError or OutputError if it cannot go there."""
        from .output import open_output

        return open_output(self.streams, self.output, self.format)

    def open_save(self, name: str | None, option: str = "--save") -> "AbstractContextManager[Saver | None]":
        """Where the arrays go that this option asks for. Raises UsageError or OutputError if they cannot go there."""
        from .files import file_named
        from .save import open_save

        others = {"--output": self.output}
        if option != "--save" and (beside := self.own["save"]) is not None:
            others["--save"] = file_named("--save", beside)
        return open_save(option, None if name is None else file_named(option, name), others)

    @property
    def format(self) -> str:
        """The one that is asked for. Raises UsageError if options disagree or name none."""
        from .output import choose_format

        return choose_format(self.shared["form"], self.shared["json"], self.output)

    @property
    def output(self) -> "Path | None":
        """The file that the result goes to; None for standard output, which `-` stands for as in many commands."""
        from .files import file_named

        name: str | None = self.shared["output"]
        return None if name in (None, "-") else file_named("--output", name)


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


def with_shared_options(function: Callable[..., None]) -> Callable[..., None]:
    """`function(request, ...)` as a function whose parameters are the command's own and the shared ones."""
    _, *own = inspect.signature(function).parameters.values()
    first, *shared = inspect.signature(shared_options).parameters.values()
    many = inspect.signature(many_options).parameters.values() if hasattr(function, "takes_many") else ()

    def command(**values: Any) -> None:
        streams: Streams = values.pop(first.name).obj
        many_values = {parameter.name: values.pop(parameter.name) for parameter in many}
        shared_values = {parameter.name: values.pop(parameter.name) for parameter in shared}
        name = function.__name__.replace("_", "-")
        request = Request(streams, shared_values, values, name, _many(many_values))
        function(request, **values)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)  # so that those with a default may stand anywhere
        for parameter in (first, *own, *many, *shared)
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = function.__name__, say(inspect.cleandoc(function.__doc__ or ""))
    return command
