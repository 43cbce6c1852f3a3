"""`gpt2-inspect hidden-states`: what the layers hold."""

from typing import Annotated

import typer

from . import options
from .command import Request


def hidden_states(
    request: Request,
    text: options.Text,
    position: options.Position = -1,
    lens: Annotated[
        bool, typer.Option("--lens", help="Also read each state out as if it were the last (the logit lens).")
    ] = False,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help="How many candidates the lens shows.")] = 5,
    save: options.Save = None,
) -> None:
    """Look at what the layers hold, one after the other.

    These are the n_layer + 1 states that transformers returns with output_hidden_states=True: the residual stream
    before the first block and after each. The numbers are those of one position, by default the last. Below them
    stands the size of the key-value cache.
    """
    prompt = request.streams.read_text(text)
    with request.open_output() as out, request.open_save(save) as saver:
        session = request.open_session()
        on_arrays = saver.write if saver else None
        out.write(session.hidden_states(prompt, position=position, lens=lens, top_k=top_k, on_arrays=on_arrays))
