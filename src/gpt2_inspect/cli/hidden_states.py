"""`gpt2-inspect hidden-states`: what the layers hold."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import analysis
from ..errors import UsageError
from ..messages import Message, Option, say
from . import options
from .command import Request, takes_many

if TYPE_CHECKING:
    from ..session import Session

ALL = "all"


def _position(typed: str) -> int | None:
    """None for all."""
    try:
        return None if typed == ALL else int(typed)
    except ValueError:
        message = Message(
            "{option} is {value!r}; it must be a whole number or all", option=Option("position"), value=typed
        )
        raise UsageError(message) from None


@takes_many
def hidden_states(
    request: Request,
    text: options.OneText = None,
    position: Annotated[
        int,
        typer.Option(
            "--position",
            "-p",
            metavar="N",
            parser=_position,
            help=say("Which token, from 0; negative ones count from the end; `all` for every one."),
        ),
    ] = -1,
    lens: Annotated[
        bool, typer.Option("--lens", help=say("Also read each state out as if it were the last (the logit lens)."))
    ] = False,
    top_k: Annotated[
        int | None, typer.Option("--top-k", "-k", help=say("With --lens: how many candidates to show. Default: 5."))
    ] = None,
    save: options.Save = None,
    plot: options.Plot = None,
    plot_size: options.PlotSize = None,
) -> None:
    """Look at what the layers hold, one after the other.

    These are the n_layer + 1 states that transformers returns with output_hidden_states=True: the residual stream
    before the first block and after each. The numbers are those of one position, by default the last. Below them
    stands the size of the key-value cache.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect hidden-states "Once upon a"
        gpt2-inspect hidden-states "Once upon a" --lens --top-k 3
    """
    if top_k is not None and not lens:
        raise UsageError(Message("--top-k is for --lens"), Message("without it no candidates are shown"))
    request = request._replace(own={**request.own, "every_position": position is None})
    request.answer(lambda: analysis.HiddenStatesQuestion, text, save, on_page=_on_page if lens else None)


def _on_page(session: "Session", text: str) -> dict[str, Any]:
    """A page draws the lens of all positions, if they are not too many."""
    from ..analysis.drawn import all_states_fit

    return {"every_position": True} if all_states_fit(session.model, len(session.encode_ids(text))) else {}
