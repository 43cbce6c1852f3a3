"""The command line's commands. Only the file of the one that is called is imported, or of all for their list."""

from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import cleandoc
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..messages import say
from ..version import __version__
from .names import own_name

COMMANDS = (
    "next-tokens",
    "compare-search",
    "score",
    "logits",
    "encode",
    "decode",
    "embeddings",
    "attention",
    "hidden-states",
    "compare-heads",
)
"""Each asks a question of a model, and is a function of that name in a file of that name."""

OTHER_COMMANDS = ("compare", "report", "quiz", "models")
"""Those that ask more, or something else, than one question; in files of their names, too."""

GROUPS = ("models",)
"""Those of them that are a group of commands: the function of that name makes it."""

WITHOUT = {
    "compare": ("csv_meta",),
    "report": ("csv_meta",),
    "quiz": ("explain", "no_timing", "csv_meta"),
}
"""Shared options that have no meaning for a command: it is about two models, its rows are command lines, or its
answer is a game's score."""

EXPLAINED = (*COMMANDS, "compare", "report")
"""Those that have --explain."""

TOOLS = ("explain", "schema", "completion")
"""So are these, but they ask no model, and have none of the options that the others share."""

EVERY = (*COMMANDS, *OTHER_COMMANDS, *TOOLS)
"""As `--help` lists them."""

SETTINGS: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "token_normalize_func": own_name},
}


class Group(TyperGroup):
    """A group of commands that says what each of them is for."""

    examples: Sequence[str] = ()

    def get_help(self, ctx: Any) -> str:
        from .help import help_page

        return help_page(self, ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from .help import help_text, write_examples

        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        with formatter.section(say("Commands")):
            commands: dict[str, Any] = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
            formatter.write_dl([(name, command.help.partition("\n\n")[0]) for name, command in commands.items()])
        write_examples(formatter, self.examples)
        with formatter.section(say("Options")):
            records = [(parameter, parameter.get_help_record(ctx)) for parameter in self.get_params(ctx)]
            formatter.write_dl([(record[0], help_text(parameter, ctx)) for parameter, record in records if record])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name = own_name(args[0])
        command = self.get_command(ctx, name)
        if command is None:
            raise self.refusal(ctx, args)
        return name, command, args[1:]

    def refusal(self, ctx: Any, args: list[str]) -> Exception:
        """The error for what begins with no command."""
        from .refusals import no_command_of

        return no_command_of(ctx.command_path, args[0], self.list_commands(ctx))


class Commands(Group):
    """Builds a command when it is asked for: the options of all together take longer than a token of GPT-2."""

    examples = (
        'gpt2-inspect next-tokens "hello,how are you"',
        'gpt2-inspect score "The cat sat on the table" --json',
    )

    def list_commands(self, ctx: Any) -> list[str]:
        return list(EVERY)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in EVERY:
            return None
        from .command import with_shared_options, with_streams
        from .language import with_language

        name = cmd_name.replace("-", "_")
        function = getattr(import_module(f".{name}", __package__), name)
        if cmd_name in GROUPS:
            return with_language(function())
        if cmd_name in TOOLS:
            return with_language(alone(cmd_name, with_streams(function)))
        return with_language(alone(cmd_name, with_shared_options(function, WITHOUT.get(cmd_name, ()))))

    def refusal(self, ctx: Any, args: list[str]) -> Exception:
        from .refusals import no_command

        return no_command(args, EVERY)


def alone(name: str, function: Callable[..., None]) -> Any:
    """The command that Typer makes of a function, with the examples that end its documentation."""
    from .help import HelpfulCommand

    prose, _, examples = cleandoc(function.__doc__ or "").partition("\n\nExamples:\n")
    around = typer.Typer(**SETTINGS)
    around.command(name, cls=HelpfulCommand, help=say(prose), options_metavar=say("[OPTIONS]"))(function)
    command: Any = typer.main.get_command(around)
    command.examples = cleandoc(examples).splitlines()
    return command


def group_of_commands(kind: type[Group]) -> typer.Typer:
    """What Typer makes a group of."""
    words: dict[str, Any] = {"options_metavar": say("[OPTIONS]"), "subcommand_metavar": say("COMMAND [ARGS]...")}
    return typer.Typer(cls=kind, **words, **SETTINGS)


app = group_of_commands(Commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gpt2-inspect {__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    help=say("See what GPT-2 thinks: which tokens it ranks, how sure it is, what its layers hold."),
)
def gpt2_inspect(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=say("Show the version and exit."))
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
