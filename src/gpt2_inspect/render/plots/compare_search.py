"""`compare-search` as a tree: a column for each step, each candidate with a line from the beam that it extends."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ...messages import Message, say
from ...results.compare_search import BeamCandidate, CompareSearch
from ..views import decimal, visible
from ..visible import visible_line
from . import NoRoomError
from .paper import DARK, LEAST, LIGHT, MIDDLE, PALE, Paper, cut, cut_front, width_of

_LEAST_WIDTH, _LEAST_HEIGHT = 26, 9
"""Points of a node with the space around it."""

_GREEDY = "#c69a00"


class _Node(NamedTuple):
    """A candidate with its place."""

    step: int
    candidate: BeamCandidate
    path: tuple[int, ...]
    place: int
    """From the top, among those of its step."""
    above: "_Node | None"
    """The one that it extends; None for the prompt."""


def plot(result: CompareSearch, arrays: Mapping[str, Any], paper: Paper) -> None:
    """The beams that were kept, those that were pruned, and the paths of greedy search and of the best beam.

    Raises NoRoomError.
    """
    steps = list(_nodes(result))
    most = max(map(len, steps))
    edge = paper.letters
    top, bottom = 3.2 * paper.letters, 5.2 * paper.letters
    wide, high = (paper.width - 2 * edge) / (len(steps) + 1), (paper.height - top - bottom) / most
    if wide < _LEAST_WIDTH or high < _LEAST_HEIGHT:
        lacking = (len(steps) + 1) * (_LEAST_WIDTH - wide), most * (_LEAST_HEIGHT - high)
        what = Message("a tree of {steps} steps and {beams} candidates in each", steps=len(steps), beams=most)
        raise NoRoomError(what, paper.larger(*lacking))
    axes = paper.figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, paper.width)
    axes.set_ylim(0, paper.height)
    tree = _Tree(result, axes, paper, wide, high, edge, (bottom, most))
    for step, nodes in enumerate(steps, 1):
        tree.heading(step)
        for node in sorted(nodes, key=lambda node: (node.candidate.kept, tree.is_greedy(node))):
            tree.line(node)
        for node in nodes:
            tree.box(node)
    tree.root()
    _legend(paper)
    paper.sign(result)


def _nodes(result: CompareSearch) -> Iterator[list[_Node]]:
    """Those of each step, in the order of the beams that they extend, so that no lines cross."""
    running: dict[int | None, _Node | None] = {0: None}
    for step in result.tree:
        places = {beam: node.place if node else 0 for beam, node in running.items()}
        found = sorted(step.candidates, key=lambda each: (places[each.parent], -each.cumulative_logprob))
        nodes = []
        for place, candidate in enumerate(found):
            above = running[candidate.parent]
            path = (*(above.path if above else ()), candidate.id)
            nodes.append(_Node(step.step, candidate, path, place, above))
        yield nodes
        running = {node.candidate.beam: node for node in nodes if node.candidate.beam is not None}


class _Tree:
    """Puts nodes where they belong, in points."""

    def __init__(
        self,
        result: CompareSearch,
        axes: Axes,
        paper: Paper,
        wide: float,
        high: float,
        edge: float,
        lowest: tuple[float, int],
    ) -> None:
        self._result = result
        self._axes = axes
        self._paper = paper
        self._wide = wide
        self._high = high
        self._edge = edge
        self._bottom, self._most = lowest
        self._counts = [len(step.candidates) for step in result.tree]
        self._ranks = {beam.token_ids: rank for rank, beam in enumerate(result.beams, 1)}

    def x(self, step: int) -> float:
        """The middle of a step's column; 0 is the prompt's."""
        return self._edge + (step + 0.5) * self._wide

    def _y(self, node: _Node | None) -> float:
        if node is None:
            return self._bottom + self._most / 2 * self._high
        blank = (self._most - self._counts[node.step - 1]) / 2
        return self._bottom + (self._most - blank - node.place - 0.5) * self._high

    def heading(self, step: int) -> None:
        """Above the column of a step."""
        text, high = say("step {step}", step=step), self._paper.height - 2.2 * self._paper.letters
        size = max(LEAST, min(0.8 * self._paper.letters, 0.9 * self._wide / width_of(text, 1)))
        self._axes.text(self.x(step), high, text, size=size, ha="center", va="bottom", color=MIDDLE)

    def is_greedy(self, node: _Node) -> bool:
        """Whether greedy search has come by it."""
        return node.path == self._result.greedy.token_ids[: len(node.path)]

    def _is_best(self, node: _Node) -> bool:
        return node.path == self._result.beams[0].token_ids[: len(node.path)]

    def line(self, node: _Node) -> None:
        """From the one that it extends."""
        half, kept = 0.42 * self._wide, node.candidate.kept
        best, greedy = self._is_best(node), self.is_greedy(node)
        start, end = self.x(node.step - 1) + half, self.x(node.step) - half
        self._axes.plot(
            [start, end],
            [self._y(node.above), self._y(node)],
            color=_GREEDY if greedy else DARK if best else MIDDLE if kept else LIGHT,
            lw=2.2 if greedy else 1.6 if best else 0.9,
            ls="-" if kept or greedy else ":",
            solid_capstyle="butt",
        )

    def box(self, node: _Node) -> None:
        """The token, and below it the sum of its logprobs, or the rank and score of a text that was found."""
        candidate, best, greedy = node.candidate, self._is_best(node), self.is_greedy(node)
        wide, high = 0.84 * self._wide, min(0.8 * self._high, 3.4 * self._paper.letters)
        name = f"step-{node.step}-parent-{candidate.parent}-id-{candidate.id}"
        self._axes.add_patch(
            Rectangle(
                (self.x(node.step) - wide / 2, self._y(node) - high / 2),
                *(wide, high),
                facecolor=DARK if best else "white" if candidate.kept else PALE,
                edgecolor=_GREEDY if greedy else MIDDLE if candidate.kept else LIGHT,
                lw=2.4 if greedy else 0.9,
                ls="-" if candidate.kept or greedy else ":",
                gid=name,
            )
        )
        rank = self._ranks.get(node.path)
        number = decimal(candidate.cumulative_logprob, 2)
        if rank is not None:
            number = f"#{rank}: {decimal(self._result.beams[rank - 1].score, 2)}"
        colour = "white" if best else "black" if candidate.kept or greedy else "#555555"
        self._write(node, visible(candidate), number, colour, wide, high, name)

    def _write(self, node: _Node, token: str, number: str, colour: str, wide: float, high: float, name: str) -> None:
        size = max(LEAST, min(self._paper.letters, high / 2.7))
        room, x, y = 0.92 * wide, self.x(node.step), self._y(node)
        size = max(LEAST, min(size, room / max(width_of(token, 1), 0.1)))
        small = max(LEAST, min(0.8 * size, room / width_of(number, 1)))
        both = high > 1.15 * (size + small) and width_of(number, small) <= room
        style = {"color": colour, "ha": "center", "va": "center_baseline"}
        up = 0.22 * high if both else 0
        self._axes.text(x, y + up, cut(token, room, size), size=size, gid=f"{name}-text", **style)  # type: ignore[arg-type]
        if both:
            self._axes.text(x, y - 0.24 * high, number, size=small, gid=f"{name}-number", **style)  # type: ignore[arg-type]

    def root(self) -> None:
        """The end of the prompt."""
        text = visible_line(self._result.prompt.text)
        room = 0.9 * self._wide
        size = max(LEAST, min(self._paper.letters, room / max(width_of(text, 1), 0.1)))
        shown = cut_front(text, room, size)
        self._axes.text(
            self.x(0) + 0.4 * self._wide,
            self._y(None),
            shown,
            size=size,
            ha="right",
            va="center_baseline",
            gid="prompt",
        )


def _legend(paper: Paper) -> None:
    handles = [
        Patch(facecolor=DARK, edgecolor=MIDDLE, label=say("best beam")),
        Patch(facecolor="white", edgecolor=_GREEDY, lw=2, label=say("greedy search")),
        Line2D([], [], color=MIDDLE, lw=0.9, label=say("kept")),
        Line2D([], [], color=LIGHT, ls=":", lw=1.2, label=say("pruned")),
    ]
    paper.figure.legend(
        handles=handles,
        loc="lower center",
        ncols=4,
        frameon=False,
        fontsize=0.8 * paper.letters,
        columnspacing=1.2,
        handlelength=1.5,
        bbox_to_anchor=(0.5, 2.7 * paper.letters / paper.height),
        borderaxespad=0,
    )
    note = say("below each token the sum of its logprobs; of a text that was found, its rank and score")
    size = max(LEAST, 0.7 * paper.letters)
    paper.figure.text(
        0.5 * paper.letters / paper.width,
        1.5 * paper.letters / paper.height,
        cut(note, paper.width - paper.letters, size),
        size=size,
        color=MIDDLE,
        va="bottom",
    )
