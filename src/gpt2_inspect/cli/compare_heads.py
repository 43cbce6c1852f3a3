"""`gpt2-inspect compare-heads`: what a language-model head adds."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request
from .working import working


def compare_heads(
    request: Request,
    text: options.Text,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help=say("How many candidates to show."))] = 5,
    tree: Annotated[bool, typer.Option("--tree", help=say("Show all modules of both models."))] = False,
) -> None:
    """Compare AutoModelForCausalLM with AutoModel.

    Their classes, modules and outputs, and how those of the one follow from those of the other. These are
    transformers' own objects, so torch is loaded, which takes seconds.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect compare-heads "Once upon a"
        gpt2-inspect compare-heads "Once upon a" --tree
    """
    asked = request.streams.read_text(text)
    with request.open_output() as out:
        session = request.open_session(asked)
        question = request.question(analysis.CompareHeadsQuestion)
        with working(request.streams, say("loading torch and running both models ...")):
            result = session.ask(question, asked)
        out.write(result)
