"""`gpt2-inspect logits`: which place each position ranks, and from logits to probabilities."""

from typing import Annotated

import typer

from .. import analysis
from ..errors import UsageError
from ..messages import Message, say
from . import options
from .command import Request


def logits(
    request: Request,
    text: options.Text,
    position: options.Position = -1,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help=say("How many candidates to show."))] = 5,
    temperatures: Annotated[
        str | None,
        typer.Option(
            "--temperatures",
            "-t",
            metavar="T,T,...",
            help=say("Show their probabilities at each of these temperatures, too: 0.5,1,2 for example."),
        ),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p",
            help=say("Show what this would cut: all but the fewest tokens whose probabilities sum to it."),
        ),
    ] = None,
    sample_top_k: Annotated[
        int | None,
        typer.Option(
            "--sample-top-k", help=say("Show what this would cut: all but so many of the most probable tokens.")
        ),
    ] = None,
    all_positions: Annotated[
        bool, typer.Option("--all-positions", help=say("Show every position of a long text, not the last ones alone."))
    ] = False,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help=say("Write all logits to FILE.npz or FILE.safetensors.")),
    ] = None,
) -> None:
    """See what logits are, and how they become probabilities.

    The logits at position i rank the tokens for the place i + 1, and so only those of the last position speak of a
    token that is not there yet. From them softmax makes probabilities: each logit minus the largest, exp of that,
    divided by the sum over the whole vocabulary. With --temperatures, --top-p or --sample-top-k it shows what sampling
    would draw from. Nothing is drawn.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect logits "Once upon a"
        gpt2-inspect logits "Once upon a" --temperatures 0.5,1,2 --top-p 0.9
    """
    given = {} if temperatures is None else {"temperatures": _numbers(temperatures)}
    request._replace(own=request.own | given).answer(lambda: analysis.LogitsQuestion, text, save)


def _numbers(typed: str) -> tuple[float, ...]:
    """Numbers with commas between them. Raises UsageError if something there is none."""
    try:
        return tuple(map(float, typed.split(",")))
    except ValueError:
        raise UsageError(
            Message("--temperatures is {typed!r}; it must be numbers with commas between them", typed=typed),
            Message("for example `--temperatures 0.5,1,2`"),
        ) from None
