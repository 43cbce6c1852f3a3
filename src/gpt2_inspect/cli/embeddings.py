"""`gpt2-inspect embeddings`: what the text is before the first block."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request


def embeddings(
    request: Request,
    text: options.Text,
    neighbors: Annotated[int, typer.Option("--neighbors", help=say("How many of the nearest tokens to show."))] = 5,
    save: options.Save = None,
    save_all: Annotated[
        str | None,
        typer.Option(
            "--save-all",
            metavar="FILE",
            help=say("Write wte.weight and wpe.weight whole to FILE.npz or FILE.safetensors."),
        ),
    ] = None,
) -> None:
    """Look at the vectors of tokens and positions (wte, wpe).

    Their sums are what the first block reads. The nearest tokens are those whose vectors in wte have the largest
    cosines with the token's own; it is not among them itself.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect embeddings "king queen"
        gpt2-inspect embeddings " king" --neighbors 10 --json
    """
    prompt = request.streams.read_text(text)
    with (
        request.open_output() as out,
        request.open_save(save) as saver,
        request.open_save(save_all, "--save-all") as whole,
    ):
        session = request.open_session(prompt)
        question = request.question(analysis.EmbeddingsQuestion)
        result = session.ask(question, prompt, on_part=saver.write if saver else None)
        if whole:
            whole.write(session.embedding_weights())
        out.write(result)
