"""`gpt2-inspect compare-heads`: what a language-model head adds."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request


def compare_heads(
    request: Request,
    text: options.Text,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help=say("How many candidates to show."))] = 5,
    tree: Annotated[bool, typer.Option("--tree", help=say("Show all modules of both models."))] = False,
) -> None:
    """Compare AutoModelForCausalLM with AutoModel.

    Their classes, modules and outputs, and how those of the one follow from those of the other. These are
    transformers' own objects, so torch is loaded, which takes seconds.

    Examples:
        gpt2-inspect compare-heads "Once upon a"
        gpt2-inspect compare-heads "Once upon a" --tree
    """
    request.answer(lambda: analysis.CompareHeadsQuestion, text)
