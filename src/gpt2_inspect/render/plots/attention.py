"""`attention`: the matrix of a chosen head as a heat map, or those of all heads as small ones side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from ...messages import Counted, say
from ...results.attention import Attention
from ..views import visible
from ..visible import visible_line
from . import NoRoomError
from .cells import Cells, Shade, draw_cells, draw_scale, draw_scale_in, write_cells
from .paper import COLOURS, LEAST, PALE, Paper, cut, width_of

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
    """A row for each layer; the heads of a single one in as many rows as fit its shape.

    There may be hundreds, for which matplotlib's own layout takes long.
    """
    layers = sorted({head.layer for head in result.heads})
    heads = len(result.heads) // len(layers)
    across = heads if len(layers) > 1 else _across(heads, paper)
    rows, tokens = math.ceil(len(result.heads) / across), [visible(token) for token in result.prompt.tokens]
    grid = _Grid(paper, rows, across, tokens, titled=len(layers) == 1)
    paper.entitle(visible_line(result.prompt.text))
    paper.sign(result)
    for place, head in enumerate(result.heads):
        row, column = divmod(place, across)
        weights = arrays[f"attentions_{head.layer}"][0][head.head].tolist()
        panel = grid.panel(row, column)
        _draw(panel, weights, f"layer-{head.layer}-head-{head.head}")
        if len(layers) == 1 or row == 0:
            panel.set_title(say("head {head}", head=head.head), size=grid.size, pad=2)
        if len(layers) > 1 and column == 0:
            grid.beside(row, say("layer {layer}", layer=head.layer))
    grid.around(say("the token that looks, from top to bottom"), _below(layers))
    draw_scale_in(grid.for_scale(), paper, say("weight"))


def _draw(panel: Axes, weights: Sequence[Sequence[float]], name: str) -> None:
    seen = [[w if key <= query else math.nan for key, w in enumerate(row)] for query, row in enumerate(weights)]
    panel.set_facecolor(PALE)
    panel.imshow(seen, COLOURS, vmin=0, vmax=1, aspect="auto", interpolation="nearest", gid=name)
    panel.spines[:].set_visible(False)


def _across(heads: int, paper: Paper) -> int:
    """How many heads of one layer stand in a row, so that they are about square."""
    return min(heads, max(1, round(math.sqrt(heads * paper.width / paper.height))))


def _below(layers: Sequence[int]) -> str:
    if len(layers) > 1:
        return say("what it looks at, from left to right")
    return say("what it looks at, from left to right, in the heads of layer {layer}", layer=layers[0])


class _Grid:
    """Small matrices in rows and columns, with the tokens at the left and lower edge where they can be read."""

    def __init__(self, paper: Paper, rows: int, across: int, tokens: Sequence[str], *, titled: bool) -> None:
        """`titled` says whether each has a title, not only the first of its column. Raises NoRoomError."""
        self._paper = paper
        self._rows = rows
        self._across = across
        self.size = max(LEAST, 0.8 * paper.letters)
        small = max(LEAST, 0.6 * paper.letters)
        labels = [cut(token, 8 * small, small) for token in tokens]
        for shown in (labels, ()):
            room = max((width_of(label, small) for label in shown), default=0) + 3
            self._left, self._bottom = 3.8 * self.size + room, 3.5 * self.size + room
            self._right, self._top = 7 * self.size, 2.2 * paper.letters + 1.6 * self.size
            self._gap = 0.4 * self.size, (1.7 if titled else 0.6) * self.size
            self._wide = (paper.width - self._left - self._right + self._gap[0]) / across
            self._high = (paper.height - self._bottom - self._top + self._gap[1]) / rows
            self._labels, self._small = shown, small
            side = min(self._wide - self._gap[0], self._high - self._gap[1])
            if side >= 1.1 * small * len(shown):
                break
        if side < _LEAST_SIDE:
            lacking = (_LEAST_SIDE + gap - one for gap, one in zip(self._gap, (self._wide, self._high), strict=True))
            wide, high = lacking
            what = Counted("{n} head", "{n} heads", n=rows * across)
            raise NoRoomError(what, paper.larger(across * wide, rows * high))

    def panel(self, row: int, column: int) -> Axes:
        """An empty one."""
        paper, (aside, above) = self._paper, self._gap
        x = self._left + column * self._wide
        y = paper.height - self._top - (row + 1) * self._high + above
        axes = paper.axes(x, y, self._wide - aside, self._high - above)
        places = range(len(self._labels))
        axes.set_xticks(places if row == self._rows - 1 else [], self._labels if row == self._rows - 1 else [])
        axes.set_yticks(places if column == 0 else [], self._labels if column == 0 else [])
        axes.tick_params(length=0, labelsize=self._small, pad=1)
        axes.tick_params(axis="x", labelrotation=90)
        return axes

    def beside(self, row: int, text: str) -> None:
        """A text to the left of a row."""
        y = self._paper.height - self._top - (row + 0.5) * self._high + self._gap[1] / 2
        self._write(2.6 * self.size, y, text, rotation=90)

    def around(self, left: str, below: str) -> None:
        """What the rows and the columns of every matrix are."""
        middle = (self._bottom + self._paper.height - self._top) / 2
        self._write(0.9 * self.size, middle, left, rotation=90)
        self._write((self._left + self._paper.width - self._right) / 2, 2.3 * self.size, below)

    def for_scale(self) -> Axes:
        """Where the meaning of the shades goes."""
        high = self._paper.height - self._top - self._bottom
        return self._paper.axes(self._paper.width - self._right + self.size, self._bottom, 0.7 * self.size, high)

    def _write(self, x: float, y: float, text: str, **style: Any) -> None:
        x, y = x / self._paper.width, y / self._paper.height
        self._paper.figure.text(x, y, text, size=self.size, ha="center", va="center", **style)
