"""`gpt2-inspect compare-heads`: what a language-model head adds."""

from typing import Annotated

import typer

from . import options
from .command import Request


def compare_heads(
    request: Request,
    text: options.Text,
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", help="How many candidates to show. Default: 5.")] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Show all modules of both models.")] = False,
) -> None:
    """Compare AutoModelForCausalLM with AutoModel.

    Their classes, modules and outputs, and how those of the one follow from those of the other. These are
    transformers' own objects, so torch is loaded, which takes seconds.
    """
    prompt = request.streams.read_text(text)
    with request.open_output() as out:
        out.write(request.open_session().compare_heads(prompt, top_k=top_k, tree=tree))
