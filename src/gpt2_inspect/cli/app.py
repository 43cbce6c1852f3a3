"""The command line's commands. Only the file of the one that is called is imported, or of all for their list."""

from collections.abc import Callable
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

OTHER_COMMANDS = ("compare", "quiz", "models")
"""Those that ask more, or something else, than one question; in files of their names, too."""

GROUPS = ("models",)
"""Those of them that are a group of commands: the function of that name makes it."""

TOOLS = ("explain", "completion")
"""So are these, but they ask no model, and have none of the options that the others share."""

EVERY = (*COMMANDS, *OTHER_COMMANDS, *TOOLS)
"""As `--help` lists them."""

SETTINGS: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "token_normalize_func": own_name},
}


class Commands(TyperGroup):
    """Builds a command when it is asked for: the options of all together take longer than a token of GPT-2."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(EVERY)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in EVERY:
            return None
        from .command import with_shared_options, with_streams

        name = cmd_name.replace("-", "_")
        function = getattr(import_module(f".{name}", __package__), name)
        if cmd_name in GROUPS:
            return typer.main.get_command(function(SETTINGS))
        return alone(cmd_name, with_streams(function) if cmd_name in TOOLS else with_shared_options(function))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name = own_name(args[0])
        command = self.get_command(ctx, name)
        if command is None:
            from .refusals import no_command

            raise no_command(args, EVERY)
        return name, command, args[1:]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from .help import fit, help_text, write_examples

        fit(ctx, formatter)
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_commands(ctx, formatter)
        write_examples(formatter, EXAMPLES)
        records = [(parameter, parameter.get_help_record(ctx)) for parameter in self.get_params(ctx)]
        with formatter.section(say("Options")):
            formatter.write_dl([(record[0], help_text(parameter, record)) for parameter, record in records if record])


def alone(name: str, function: Callable[..., None]) -> Any:
    """The command that Typer makes of a function, with the examples that end its documentation."""
    from .help import HelpfulCommand

    prose, _, examples = cleandoc(function.__doc__ or "").partition("\n\nExamples:\n")
    around = typer.Typer(**SETTINGS)
    around.command(name, cls=HelpfulCommand, help=say(prose))(function)
    command: Any = typer.main.get_command(around)
    command.examples = cleandoc(examples).splitlines()
    return command


EXAMPLES = (
    'gpt2-inspect next-tokens "hello,how are you"',
    'gpt2-inspect score "The cat sat on the table" --json',
)

app = typer.Typer(cls=Commands, **SETTINGS)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gpt2-inspect {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def gpt2_inspect(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=say("Show the version and exit."))
    ] = False,
) -> None:
    """See what GPT-2 thinks: which tokens it ranks, how sure it is, what its layers hold."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
