"""`gpt2-inspect score`: how probable a text is."""

from typing import Annotated

import typer

from . import options
from .command import Request


def score(
    request: Request,
    text: options.Text,
    bos: Annotated[
        bool, typer.Option("--bos", help="Put <|endoftext|> before the text, so that its first token is scored too.")
    ] = False,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", "-k", help="How many proposals for the next place to show at each token. Default: 5."),
    ] = None,
) -> None:
    """Say how probable each token of a text is.

    The logits at position i rank the token at i + 1: from them come its probability and rank, given what stands before
    it, and what the model would rather have put there. The first token has nothing before it.
    """
    prompt = request.streams.read_text(text)
    with request.open_output() as out:
        out.write(request.open_session().score(prompt, bos=bos, top_k=top_k))
