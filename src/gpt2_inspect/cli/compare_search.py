"""`gpt2-inspect compare-search`: greedy search beside beam search."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request


def compare_search(
    request: Request,
    text: options.Text,
    steps: Annotated[int, typer.Option("--steps", "-n", help=say("How many tokens to add."))] = 6,
    num_beams: Annotated[int, typer.Option("--num-beams", "-b", help=say("How many beams run side by side."))] = 3,
    length_penalty: Annotated[
        float,
        typer.Option(
            "--length-penalty",
            help=say("Beams are ranked by logprob / tokens ** this: above 0 favours long ones, below 0 short ones."),
        ),
    ] = 1.0,
    no_tree: Annotated[bool, typer.Option("--no-tree", help=say("Leave the beam tree out of the table."))] = False,
    plot: options.Plot = None,
    plot_size: options.PlotSize = None,
) -> None:
    """Compare greedy search with beam search.

    Greedy search takes the most probable token at each step. Beam search keeps the most probable few continuations and
    extends all of them. The results are those of transformers' generate() with num_beams and num_return_sequences.

    The table shows of each step the running beams and one of the pruned candidates; JSON and CSV have all. In it `·` is
    a space, `⏎` a line break, and `◀` marks greedy search's own path.

    Examples:
        gpt2-inspect compare-search "The cat sat on" --steps 5
        gpt2-inspect compare-search "The cat sat on" --num-beams 4 --length-penalty 0
    """
    request.answer(lambda: analysis.CompareSearchQuestion, text, tree=not no_tree)
