"""`gpt2-inspect schema`: the JSON Schema of what commands write."""

from typing import Annotated

import typer

from ..errors import UsageError
from ..messages import Message, say
from .streams import Streams


def schema(
    streams: Streams,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]",
            help=say("Whose JSON is to be described, such as score; without it that of all commands is."),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of what a command writes.

    It describes the document of --json and the lines of --format jsonl, in the dialect 2020-12.

    Examples:
        gpt2-inspect schema score
        gpt2-inspect schema models list
    """
    import json

    from ..results.schema import commands, schema_of, whole_schema

    name = " ".join(command or ())
    described = schema_of(name) if command else whole_schema()
    if not described["anyOf"]:
        raise UsageError(
            Message("there is no command {command!r} that writes JSON", command=name),
            Message("choose one of {names}", names=", ".join(commands())),
        )
    streams.stdout.write(json.dumps(described, ensure_ascii=False, indent=2) + "\n")
