"""`score` as a curve: the surprisal of each token, above the token, and the entropy that was to be expected."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from ...messages import Counted, say
from ...results.score import Score, ScoredToken
from ..views import visible
from . import NoRoomError
from .paper import DARK, LEAST, LIGHT, Paper, cut, width_of

_LEAST_CURVE = 45
"""Points that a curve must be high."""


def plot(result: Score, arrays: Mapping[str, Any], paper: Paper) -> None:
    """Long texts go on in further rows with the same scale. Raises NoRoomError."""
    tokens = result.positions
    size = max(LEAST, 0.8 * paper.letters)
    labels = [cut(visible(token), 9 * size, size) for token in tokens]
    in_a_row = int((paper.width - 6 * paper.letters) / (1.25 * size))
    rows = math.ceil(len(tokens) / in_a_row)
    in_a_row = math.ceil(len(tokens) / rows)
    widest = max(width_of(label, size) for label in labels)
    upright = widest + size > (paper.width - 6 * paper.letters) / in_a_row
    least = _LEAST_CURVE + (widest if upright else 0) + size
    if (lacking := rows * least + 5 * paper.letters - paper.height) > 0:
        raise NoRoomError(Counted("{n} token", "{n} tokens", n=len(tokens)), paper.larger(0, lacking))
    paper.frame(result, "")
    column = paper.figure.subplots(rows, 1, sharey=True, squeeze=False)[:, 0]
    for row, axes in enumerate(column):
        part = slice(row * in_a_row, (row + 1) * in_a_row)
        _curves(axes, tokens[part], row, paper)
        axes.set_xticks(range(len(labels[part])), labels[part], rotation=90 if upright else 0, size=size)
        axes.set_xlim(-0.6, in_a_row - 0.4)
        axes.tick_params(axis="x", length=2, pad=2)
        axes.tick_params(axis="y", labelsize=0.8 * paper.letters)
        axes.grid(True, axis="y", color=LIGHT, lw=0.4)
    entry = 4 * paper.letters  # the line before a label
    labels_wide = sum(width_of(str(line.get_label()), paper.letters) + entry for line in column[0].get_lines())
    column[0].set_ylim(bottom=0)
    column[0].locator_params(axis="y", nbins=5)
    paper.figure.supylabel(say("bits"), size=0.9 * paper.letters)
    paper.figure.legend(
        *column[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=2 if labels_wide < paper.width else 1,
        frameon=False,
        fontsize=paper.letters,
    )


def _curves(axes: Axes, tokens: Sequence[ScoredToken], row: int, paper: Paper) -> None:
    places = range(len(tokens))
    axes.plot(
        places,
        [_number(token.surprisal_bits) for token in tokens],
        color=DARK,
        marker="o",
        ms=0.4 * paper.letters,
        lw=1.3,
        label=say("surprisal"),
        gid=f"surprisal-{row}",
    )
    axes.plot(
        places,
        [_number(token.entropy_bits) for token in tokens],
        color="#a08a3c",
        ls="--",
        lw=1.1,
        label=say("entropy: the surprisal that was to be expected"),
        gid=f"entropy-{row}",
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
