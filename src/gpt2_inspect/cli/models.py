"""`gpt2-inspect models`: the models on this machine; its commands are `list`, `pull`, `path` and `check`."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from ..errors import ModelUnusableError
from ..messages import Message, say
from .app import Group, alone, group_of_commands
from .command import Request, with_shared_options

_OF_A_RUN = ("model", "offline", "backend", "device", "dtype")
"""Shared options that say which model is to run and how: here none runs, or both backends do."""

_OF_AN_ANSWER = ("explain", "no_timing", "csv_meta")
"""And those that are about what a model answers."""

_OF_A_RESULT = ("form", "json", "output", "open_page", "color", "theme")
"""And those of a result, where all there is to print is a line."""

Name = Annotated[str, typer.Argument(metavar="NAME", help=say("What --model takes."), show_default=False)]


def models() -> Any:
    """The group of commands."""
    around = group_of_commands(Group)
    around.callback(invoke_without_command=True, help=say("List, fetch, find and check models."))(_show_help)
    group: Any = typer.main.get_command(around)
    group.examples = ("gpt2-inspect models list", "gpt2-inspect models check pocket")
    for name, (function, without) in _COMMANDS.items():
        group.add_command(alone(name, with_shared_options(function, (*without, *_OF_AN_ANSWER))), name)
    return group


def _show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _list(request: Request) -> None:
    """List the bundled models, and the GPT-2s in the hub's cache.

    Examples:
        gpt2-inspect models list
        gpt2-inspect models list --format csv
    """
    from ..models import list_models

    with request.open_output() as out:
        out.write(list_models(request.default_model))


def _pull(request: Request, name: Name) -> None:
    """Fetch a model from the hub, or go on with a fetch that broke off.

    Only what a GPT-2 needs is fetched. Progress goes to standard error; standard output gets the model's folder.

    Examples:
        gpt2-inspect models pull gpt2
        gpt2-inspect models pull distilgpt2 --revision main
    """
    from ..models import pull

    request.write_line(str(pull(name, request.shared["revision"])))


def _path(request: Request, name: Name) -> None:
    """Print the folder of a model on this machine.

    Examples:
        gpt2-inspect models path pocket
        gpt2-inspect models path pocket-zh
    """
    from ..models import path_of

    request.write_line(str(path_of(name, request.shared["revision"])))


def _check(
    request: Request,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help=say("What --model takes. Default: all models on this machine.")),
    ] = None,
) -> None:
    """Check that models are whole and compute what they should.

    Checksums where they are known, weights and tokenizer against the configuration, both backends against each other,
    and gpt2 against numbers that others have published.

    Examples:
        gpt2-inspect models check
        gpt2-inspect models check pocket --json
    """
    from ..models.check import check_models

    with request.open_output() as out:
        result, errors = check_models(name, request.shared["revision"])
        out.write(result)
    if len(errors) == 1:
        raise errors[0]
    for error in errors:
        request.streams.note(say("damaged: {error}", error=error.say()))
    if errors:
        raise ModelUnusableError(Message("{count} models are damaged", count=len(errors)))


_COMMANDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "list": (_list, (*_OF_A_RUN, "revision")),
    "pull": (_pull, (*_OF_A_RUN, *_OF_A_RESULT)),
    "path": (_path, (*_OF_A_RUN, *_OF_A_RESULT)),
    "check": (_check, _OF_A_RUN),
}
"""Each with the shared options that have no meaning for it."""
