"""The command line's commands. Only the file of the one that is called is imported, or of all for their list."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..messages import say
from ..version import __version__

COMMANDS = (
    "next-tokens",
    "compare-search",
    "score",
    "encode",
    "decode",
    "embeddings",
    "attention",
    "hidden-states",
    "compare-heads",
)
"""Each is a function of that name in a file of that name."""

SETTINGS: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Commands(TyperGroup):
    """Builds a command when it is asked for: the options of all together take longer than a token of GPT-2."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        from .command import with_shared_options
        from .language import with_language

        name = cmd_name.replace("-", "_")
        alone = typer.Typer(**SETTINGS)
        alone.command(cmd_name)(with_shared_options(getattr(import_module(f".{name}", __package__), name)))
        return with_language(typer.main.get_command(alone))


app = typer.Typer(cls=Commands, **SETTINGS)


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
