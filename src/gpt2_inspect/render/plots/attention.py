"""`attention`: the matrix of a chosen head as a heat map, or those of all heads as small ones side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...messages import Counted, say
from ...results.attention import Attention
from ..views import visible
from ..visible import visible_line
from . import NoRoomError
from .cells import Cells, Shade, draw_cells, draw_scale, write_cells
from .paper import COLOURS, LEAST, PALE, Paper, cut

_LEAST_SIDE = 14
"""Points of a small matrix."""


def plot(result: Attention, arrays: Mapping[str, Any], paper: Paper) -> None:
    """One matrix or all that were asked for; `arrays` has those. Raises NoRoomError."""
    if result.matrix is None:
        _small_multiples(result, arrays, paper)
    else:
        _one_matrix(result, result.matrix, paper)


def _one_matrix(result: Attention, matrix: Sequence[Sequence[float]], paper: Paper) -> None:
    (head,), tokens = result.heads, [visible(token) for token in result.prompt.tokens]
    cells = Cells(
        tuple(
            tuple(
                Shade(weight, f"query-{query}-key-{key}", number=f"{100 * weight:.0f}") if key <= query else None
                for key, weight in enumerate(row)
            )
            for query, row in enumerate(matrix)
        ),
        left=tokens,
        below=tokens,
        upright=True,
        least_width=1.1 * LEAST,
    )
    title = say("what head {head} of layer {layer} looks at from each token", head=head.head, layer=head.layer)
    paper.frame(result, title)
    axes = paper.figure.add_subplot()
    draw_cells(axes, cells, paper)
    axes.set_ylabel(say("the token that looks"), size=0.9 * paper.letters)
    axes.set_xlabel(say("what it looks at"), size=0.9 * paper.letters)
    draw_scale(axes, paper, say("weight"))
    paper.settle()
    write_cells(axes, cells, paper)


def _small_multiples(result: Attention, arrays: Mapping[str, Any], paper: Paper) -> None:
    """A row for each layer; the heads of a single one in as many rows as fit its shape."""
    tokens = [visible(token) for token in result.prompt.tokens]
    layers = sorted({head.layer for head in result.heads})
    heads = len(result.heads) // len(layers)
    across = heads if len(layers) > 1 else _across(heads, paper)
    rows = len(layers) if len(layers) > 1 else math.ceil(heads / across)
    paper.frame(result, visible_line(result.prompt.text))
    grid = paper.figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False)
    panels = list(grid.flat)
    for panel in panels[len(result.heads) :]:
        panel.set_visible(False)
    size = 0.8 * paper.letters
    for panel, head in zip(panels, result.heads, strict=False):
        weights = arrays[f"attentions_{head.layer}"][0][head.head].tolist()
        seen = [[w if key <= query else math.nan for key, w in enumerate(row)] for query, row in enumerate(weights)]
        panel.set_facecolor(PALE)
        panel.imshow(
            seen,
            *(COLOURS,),
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
            gid=f"layer-{head.layer}-head-{head.head}",
        )
        panel.spines[:].set_visible(False)
        panel.set_xticks([])
        panel.set_yticks([])
        if len(layers) == 1 or head.layer == layers[0]:
            panel.set_title(say("head {head}", head=head.head), size=size, pad=2)
        if len(layers) > 1 and head.head == 0:
            panel.set_ylabel(say("layer {layer}", layer=head.layer), size=size)
    paper.figure.supylabel(say("the token that looks, from top to bottom"), size=size)
    paper.figure.supxlabel(_below(layers), size=size)
    draw_scale(panels, paper, say("weight"))
    _label_tokens(grid, tokens, paper)
    paper.settle()
    wide, high = paper.room(panels[0])
    if min(wide, high) < _LEAST_SIDE:
        raise NoRoomError(
            Counted("{n} head", "{n} heads", n=len(result.heads)),
            paper.larger(across * (_LEAST_SIDE - wide), rows * (_LEAST_SIDE - high)),
        )


def _across(heads: int, paper: Paper) -> int:
    """How many heads of one layer stand in a row, so that they are about square."""
    return min(heads, max(1, round(math.sqrt(heads * paper.width / paper.height))))


def _below(layers: Sequence[int]) -> str:
    if len(layers) > 1:
        return say("what it looks at, from left to right")
    return say("what it looks at, from left to right, in the heads of layer {layer}", layer=layers[0])


def _label_tokens(grid: Any, tokens: Sequence[str], paper: Paper) -> None:
    """The tokens at the left and lower edge, where they can be read."""
    rows, across = grid.shape
    size = max(LEAST, 0.6 * paper.letters)
    side = 0.75 * min(paper.width / across, paper.height / rows) / len(tokens)
    if side < 1.1 * size:
        return
    places = range(len(tokens))
    labels = [cut(token, 8 * size, size) for token in tokens]
    grid[0, 0].set_xticks(places, labels)  # the axes are shared
    grid[0, 0].set_yticks(places, labels)
    for panel in grid.flat:
        panel.tick_params(length=0, labelsize=size, pad=1)
        panel.tick_params(axis="x", labelrotation=90)
