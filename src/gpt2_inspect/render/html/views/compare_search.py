"""The page of `compare-search`: the beam tree as a drawn tree, kept and pruned branches told apart."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from ....messages import say
from ....results.compare_search import BeamCandidate, CompareSearch
from ...sections import Grid, Section
from ...signs import signs
from ...views import decimal, percent, visible
from ..fill import fill

STEP, ROW = 168, 48
"""Pixels from one step to the next, and from one candidate to the one below it."""

BOX, TALL = 128, 38
"""Pixels: the size of a candidate."""

LETTERS = 11
"""Of a token; of a longer one the beginning is shown."""


class _Node(NamedTuple):
    x: int
    y: int
    text: str
    below: str
    title: str
    kind: str


class _Edge(NamedTuple):
    path: str
    kind: str


def arrange(result: CompareSearch, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The texts found, the tree, and it once more as a table; no tree if the sections have none."""
    _, *trees = [index for index, section in enumerate(sections) if isinstance(section, Grid)]
    if not trees:
        return list(sections)
    return [*sections[: trees[0]], _tree(result), *sections[trees[0] :]]


def _tree(result: CompareSearch) -> Markup:
    most = max(len(step.candidates) for step in result.tree)
    middle = ROW * (most - 1) // 2
    nodes = [_Node(8, 30 + middle, _cut(say("prompt")), "", say("prompt"), "kept")]
    edges: list[_Edge] = []
    running: dict[int | None, tuple[_Node, tuple[int, ...]]] = {0: (nodes[0], ())}
    results = {beam.token_ids for beam in result.beams}
    for step in result.tree:
        following: dict[int | None, tuple[_Node, tuple[int, ...]]] = {}
        for row, candidate in enumerate(step.candidates):
            parent, before = running[candidate.parent]
            ids = (*before, candidate.id)
            node = _node(step.step, row, candidate, found=ids in results)
            nodes.append(node)
            edges.append(_edge(parent, node))
            if candidate.beam is not None:
                following[candidate.beam] = node, ids
        running = following
    words = {
        "title": say("The beam tree: one column for each step, the best candidates on top"),
        "kept": say("solid: kept"),
        "pruned": say("dashed: pruned"),
        "found": say("thick: one of the results"),
        "below": say("below each token: its own probability, and the logprob of all tokens up to it"),
    }
    width, height = STEP * (len(result.tree) + 1), 30 + ROW * most
    heads = [(8 + STEP * step.step, say("step {step}", step=step.step)) for step in result.tree]
    size = {"BOX": BOX, "TALL": TALL, "width": width, "height": height}
    return fill("tree.html", nodes=nodes, edges=edges, heads=heads, words=words, **size)


def _node(step: int, row: int, candidate: BeamCandidate, *, found: bool) -> _Node:
    kind = "pruned" if not candidate.kept else "found" if found else "kept"
    prob, total = percent(math.exp(candidate.logprob)), decimal(candidate.cumulative_logprob, 2)
    return _Node(
        8 + STEP * step, 30 + ROW * row, _cut(visible(candidate)), f"{prob}  {total}", visible(candidate), kind
    )


def _edge(parent: _Node, node: _Node) -> _Edge:
    x, y, to_x, to_y = parent.x + BOX, parent.y + TALL // 2, node.x, node.y + TALL // 2
    bend = (x + to_x) // 2
    return _Edge(f"M{x} {y}C{bend} {y} {bend} {to_y} {to_x} {to_y}", node.kind)


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}{signs().cut}"
