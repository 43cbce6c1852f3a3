"""`gpt2-inspect attention`: which tokens each token looks at."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import analysis
from ..messages import say
from . import options
from .command import Request, takes_many

if TYPE_CHECKING:
    from ..session import Session


@takes_many
def attention(
    request: Request,
    text: options.OneText = None,
    layer: Annotated[
        int | None, typer.Option("--layer", metavar="L", help=say("One layer, from 0. Default: all."))
    ] = None,
    head: Annotated[
        int | None,
        typer.Option("--head", metavar="H", help=say("One head of the layer, from 0: shows its whole matrix.")),
    ] = None,
    position: options.Position = -1,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help=say("How many tokens to show for each head."))] = 3,
    rows: Annotated[
        bool,
        typer.Option("--rows", help=say("Into JSON: the weights of every token in each head, as a page shows them.")),
    ] = False,
    save: Annotated[
        str | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help=say("Write the weights of all layers and heads to FILE.npz or FILE.safetensors."),
        ),
    ] = None,
    plot: options.Plot = None,
    plot_size: options.PlotSize = None,
) -> None:
    """See which tokens each token looks at.

    For each head: to which tokens the one at --position, by default the last, gives the largest attention weights, and
    the entropy of all its weights. With --layer and --head also the weights of every token.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect attention "The cat sat on the mat"
        gpt2-inspect attention "The cat sat on the mat" --layer 1 --head 2
    """
    request.answer(lambda: analysis.AttentionQuestion, text, save, on_page=_on_page)


def _on_page(session: "Session", text: str) -> dict[str, Any]:
    """A page draws all weights, if they are not too many."""
    from ..analysis.drawn import all_weights_fit

    return {"rows": True} if all_weights_fit(session.model, len(session.encode_ids(text))) else {}
