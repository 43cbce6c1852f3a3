"""`hidden-states`: from the first state at the bottom to the last at the top, what each would say, and its norm."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from ...messages import Counted, say
from ...results.hidden_states import HiddenState, HiddenStates
from ..views import percent, visible
from ..views.hidden_states import name_of
from ..visible import visible_line
from . import NoRoomError
from .cells import Cells, Shade, draw_cells, draw_scale, write_cells
from .paper import DARK, LEAST, LIGHT, Paper


def plot(result: HiddenStates, arrays: Mapping[str, Any], paper: Paper) -> None:
    """With the lens its heat map beside the norms, as in nostalgebraist's figure (2020); without it norms and cosines.

    Raises NoRoomError.
    """
    states = result.layers[::-1]
    token = visible(result.prompt.tokens[result.position])
    text = visible_line(result.prompt.text)
    title = say("{text}: position {position}, {token}", text=text, position=result.position, token=token)
    paper.frame(result, title)
    if result.layers[0].top_logprobs is None:
        left, right = paper.figure.subplots(1, 2, sharey=True)
        _label(left, states, paper)
        _curve(right, [state.cosine_to_previous for state in states], say("cosine to previous"), "cosine", paper)
        _curve(left, [state.norm for state in states], say("norm"), "norm", paper)
        paper.settle()
    else:
        cells = _lens(states)
        ratios = [max(2, 1.1 * len(cells.below)), 1]
        left, right = paper.figure.subplots(1, 2, sharey=True, width_ratios=ratios)
        _curve(right, [state.norm for state in states], say("norm"), "norm", paper)
        draw_cells(left, cells, paper)
        left.set_xlabel(say("rank under the logit lens"), size=0.9 * paper.letters)
        right.tick_params(axis="y", labelleft=False)
        draw_scale(left, paper, say("probability"))
        paper.settle()
        write_cells(left, cells, paper)
    _check_height(left, len(states), paper)


def _lens(states: tuple[HiddenState, ...]) -> Cells:
    return Cells(
        tuple(
            tuple(
                Shade(
                    candidate.prob,
                    f"state-{state.index}-rank-{candidate.rank}",
                    visible(candidate),
                    percent(candidate.prob),
                )
                for candidate in state.top_logprobs or ()
            )
            for state in states
        ),
        left=[name_of(state) for state in states],
        below=[str(rank) for rank in range(1, len(states[0].top_logprobs or ()) + 1)],
    )


def _label(axes: Axes, states: tuple[HiddenState, ...], paper: Paper) -> None:
    axes.set_yticks(
        [row + 0.5 for row in range(len(states))], [name_of(state) for state in states], size=0.85 * paper.letters
    )
    axes.set_ylim(len(states), 0)


def _curve(axes: Axes, values: list[float | None], label: str, name: str, paper: Paper) -> None:
    """A number of each state, beside it."""
    rows = [row + 0.5 for row in range(len(values))]
    numbers = [float("nan") if value is None else value for value in values]
    axes.plot(numbers, rows, color=DARK, marker="o", ms=0.4 * paper.letters, lw=1.2, gid=name)
    axes.set_xlabel(label, size=0.9 * paper.letters)
    axes.tick_params(labelsize=0.8 * paper.letters)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.15)
    axes.locator_params(axis="x", nbins=3)
    axes.grid(True, color=LIGHT, lw=0.4)


def _check_height(axes: Axes, states: int, paper: Paper) -> None:
    """Raises NoRoomError if the names of the states have none."""
    high = paper.room(axes)[1] / states
    if high < 1.2 * LEAST:
        raise NoRoomError(Counted("{n} state", "{n} states", n=states), paper.larger(0, states * (1.2 * LEAST - high)))
    for label in axes.get_yticklabels():
        label.set_fontsize(min(label.get_fontsize(), high / 1.2))
