"""`gpt2-inspect score`: how probable a text is."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request, takes_many


@takes_many
def score(
    request: Request,
    text: options.OneText = None,
    bos: Annotated[
        bool,
        typer.Option("--bos", help=say("Put <|endoftext|> before the text, so that its first token is scored too.")),
    ] = False,
    top_k: Annotated[
        int, typer.Option("--top-k", "-k", help=say("How many proposals for the next place to show at each token."))
    ] = 5,
) -> None:
    """Say how probable each token of a text is.

    The logits at position i rank the token at i + 1: from them come its probability and rank, given what stands before
    it, and what the model would rather have put there. The first token has nothing before it.
    """
    request.answer(lambda: analysis.ScoreQuestion, text)
