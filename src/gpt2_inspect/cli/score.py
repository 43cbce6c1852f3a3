"""`gpt2-inspect score`: how probable a text is."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request, takes_many
from .expect import Judge


@takes_many
def score(
    request: Request,
    text: options.OneText = None,
    bos: Annotated[
        bool,
        typer.Option("--bos", help=say("Put <|endoftext|> before the text, so that its first token is scored too.")),
    ] = False,
    top_k: Annotated[
        int,
        typer.Option("--top-k", "-k", help=say("How many tokens to show that the model would rather put after each.")),
    ] = 5,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="TOKEN",
            help=say(
                "A token of the text, with its space, that should have rank 1. Without it the next two are about all "
                "tokens."
            ),
        ),
    ] = None,
    within: Annotated[
        int | None, typer.Option("--within", metavar="K", help=say("It may have any rank up to K."))
    ] = None,
    min_prob: options.MinProb = None,
    plot: options.Plot = None,
    plot_size: options.PlotSize = None,
) -> None:
    """Say how probable each token of a text is.

    The logits at position i rank the token at i + 1: from them come its probability and rank, given what stands before
    it, and what the model would rather have put there. The first token has nothing before it.

    In tables `·` is a space, `⏎` a line break, and `◀` marks the token that stands there.

    Examples:
        gpt2-inspect score "The cat sat on the table."
        gpt2-inspect score "Once upon a time" --bos --top-k 3 --format csv
    """
    request.answer(lambda: analysis.ScoreQuestion, text, judge=Judge(named=expect is not None))
