"""The commands, gathered in one Typer application. What a command needs beyond its options is imported when it runs."""

from typing import Annotated

import typer

from ..version import __version__
from .next_tokens import next_tokens

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gpt2-inspect {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def gpt2_inspect(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """See what GPT-2 thinks: which tokens it ranks, how sure it is, what its layers hold."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("next-tokens")(next_tokens)
