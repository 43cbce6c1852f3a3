"""`next-tokens` as a heat map: a row for each step, a column for each rank, the token taken in a frame."""

from collections.abc import Mapping
from typing import Any

from ...messages import say
from ...results import Candidate
from ...results.next_tokens import NextTokens, Step
from ..signs import signs
from ..views import percent, visible
from ..visible import visible_line
from .cells import Cells, Shade, draw_cells, draw_scale, write_cells
from .paper import Paper


def plot(result: NextTokens, arrays: Mapping[str, Any], paper: Paper) -> None:
    """The candidates of each step; one drawn from further down has a column of its own. Raises NoRoomError."""
    ranks = max(len(step.top_logprobs) for step in result.steps)
    drawn = any(not step.lists_chosen() for step in result.steps)
    cells = Cells(
        tuple(_row(step, ranks, drawn) for step in result.steps),
        left=[str(step.step) for step in result.steps],
        below=[*(str(rank) for rank in range(1, ranks + 1)), *([say("taken")] if drawn else [])],
    )
    paper.frame(result, f"{visible_line(result.prompt.text)} {signs().cut}")
    axes = paper.figure.add_subplot()
    draw_cells(axes, cells, paper)
    axes.set_xlabel(say("rank (the token taken is framed)"), size=0.9 * paper.letters)
    axes.set_ylabel(say("step"), size=0.9 * paper.letters)
    draw_scale(axes, paper, say("probability"))
    paper.settle()
    write_cells(axes, cells, paper)


def _row(step: Step, ranks: int, drawn: bool) -> list[Shade | None]:
    row: list[Shade | None] = [_shade(step, candidate) for candidate in step.top_logprobs]
    row += [None] * (ranks - len(row))
    if drawn:
        row.append(None if step.lists_chosen() else _shade(step, step.chosen))
    return row


def _shade(step: Step, candidate: Candidate) -> Shade:
    return Shade(
        candidate.prob,
        f"step-{step.step}-rank-{candidate.rank}",
        visible(candidate),
        percent(candidate.prob),
        chosen=candidate.id == step.chosen.id,
    )
