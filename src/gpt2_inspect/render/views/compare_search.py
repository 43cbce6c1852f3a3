"""`compare-search`: grids of the texts found and, a row a step, of the tree."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...messages import say, say_as, say_n
from ...results.compare_search import BeamCandidate, CompareSearch, Found
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from ..visible import visible_line
from . import decimal, legend, marked, model_and_backend, visible


def sections(result: CompareSearch, page: Page) -> list[Section]:
    """What the two found, the tree, and at the end where they differ."""
    grids = [_texts(result), *([_tree(result)] if page.tree else [])]
    meanings = legend(grids, say("{mark} greedy search's own path", mark=signs().chosen))
    return [*grids, Facts((*meanings, _score(result), *model_and_backend(result), *_outcome(result)))]


def _texts(result: CompareSearch) -> Grid:
    best, *others = result.beams
    founds = [(say("greedy"), result.greedy), (say("beam search: best"), best)]
    founds += [(say("beam search: {rank}", rank=rank), beam) for rank, beam in enumerate(others, start=2)]
    ends = ends_differ(result)
    numbers = (Column(heading, number=True) for heading in (say("logprob"), say("tokens"), say("score")))
    return Grid(
        (Column(say("search"), whole=True), *numbers, *([Column(say("end"))] if ends else []), Column(say("text"))),
        tuple((Cell(name), *_found(found, ends=ends)) for name, found in founds),
        title=f"{visible_line(result.prompt.text)} {signs().cut}",
        keys=1,
    )


def ends_differ(result: CompareSearch) -> bool:
    """Whether one of the texts ended before all steps were taken, so that it is worth a column how each did."""
    return any(found.finish_reason != "length" for found in (result.greedy, *result.beams))


def _found(found: Found, *, ends: bool) -> tuple[Cell, ...]:
    numbers = (decimal(found.logprob), str(len(found.token_ids)), decimal(found.score))
    words = {"length": say_as("end of a text", "length"), "eos": say_as("end of a text", "eos")}
    end = [words[found.finish_reason]] if ends else []
    return *map(Cell, (*numbers, *end)), Cell(visible_line(found.text) or signs().nothing)


class _Branch(NamedTuple):
    """A candidate of a step, as the tree shows it."""

    candidate: BeamCandidate
    greedy: bool
    """Whether greedy search has taken it, and all tokens before it."""
    result: bool
    """Whether it completes one of the texts found."""


def _tree(result: CompareSearch) -> Grid:
    """A row for each step: the beams that run on, those that have ended, and one of those that were pruned."""
    running, ended = columns_of_tree(result)
    return Grid(
        (
            Column(say("step"), number=True),
            *(Column(say("beam {number}", number=number)) for number in range(running)),
            *[Column(say("ended"))] * ended,
            Column(say("pruned")),
        ),
        tuple(
            (
                Cell(str(step)),
                *_cells(kept, running),
                *(_ended(branch) for branch in gone),
                *[Cell("")] * (ended - len(gone)),
                *_cells(pruned, 1),
            )
            for step, (kept, gone, pruned) in enumerate(_sorted_steps(result), 1)
        ),
        title=say("beam tree: the beam that each comes from, its token, the sum of its logprobs"),
        keys=1,
    )


def columns_of_tree(result: CompareSearch) -> tuple[int, int]:
    """How many columns beams have that run on, and how many those that have ended."""
    steps = _sorted_steps(result)
    return max(len(kept) for kept, _, _ in steps), max(len(gone) for _, gone, _ in steps)


def _sorted_steps(result: CompareSearch) -> list[tuple[list[_Branch], list[_Branch], list[_Branch]]]:
    steps = list(_branches(result))
    last = len(steps) == result.search["steps"]
    return [_sorted_out(branches, last=last and step == len(steps)) for step, branches in enumerate(steps, 1)]


def _branches(result: CompareSearch) -> Iterator[list[_Branch]]:
    """The candidates of each step."""
    results = {beam.token_ids for beam in result.beams}
    running: dict[int | None, tuple[int, ...]] = {0: ()}
    for step in result.tree:
        paths = [(candidate, (*running[candidate.parent], candidate.id)) for candidate in step.candidates]
        yield [
            _Branch(candidate, path == result.greedy.token_ids[: len(path)], path in results)
            for candidate, path in paths
        ]
        running = {candidate.beam: path for candidate, path in paths}


def _sorted_out(branches: Sequence[_Branch], *, last: bool) -> tuple[list[_Branch], list[_Branch], list[_Branch]]:
    """Those that run on, or by the last step have come through; those that have ended before; the best pruned one.

    If greedy search's own is among the pruned ones it is shown in the place of the best.
    """
    kept = [branch for branch in branches if branch.candidate.kept]
    pruned = sorted((branch for branch in branches if not branch.candidate.kept), key=lambda branch: not branch.greedy)
    if last:
        return kept, [], pruned[:1]
    running = sorted((branch for branch in kept if not branch.candidate.ended), key=lambda one: one.candidate.beam or 0)
    return running, [branch for branch in kept if branch.candidate.ended], pruned[:1]


def _cells(branches: Sequence[_Branch], count: int) -> list[Cell]:
    """A cell for each, with the sum of its logprobs, and empty ones up to `count`."""
    cells = [_cell(branch)._replace(aside=decimal(branch.candidate.cumulative_logprob)) for branch in branches]
    return [*cells, *[Cell("")] * (count - len(cells))]


def _ended(branch: _Branch) -> Cell:
    """One that ended before the last step, with its score; better ones may have taken its place later."""
    score = decimal(branch.candidate.score)
    fate = say("result: {score}", score=score) if branch.result else say("displaced: {score}", score=score)
    return _cell(branch)._replace(aside=fate)


def _cell(branch: _Branch) -> Cell:
    candidate = branch.candidate
    text = marked(f"{candidate.parent} {visible(candidate)}", chosen=branch.greedy)
    return Cell(text, math.exp(candidate.logprob), branch.greedy)


def _score(result: CompareSearch) -> str:
    penalty = f"{result.search['length_penalty']:g}"
    return say("score: logprob / tokens ** {penalty} (the length penalty)", penalty=penalty)


def _outcome(result: CompareSearch) -> Iterator[str]:
    taken, steps = len(result.tree), result.search["steps"]
    if taken < steps:
        yield say_n(
            "beam search ended after {taken} of {n} step: "
            "no running beam scored above the worst of those that had ended",
            "beam search ended after {taken} of {n} steps: "
            "no running beam scored above the worst of those that had ended",
            n=steps,
            taken=taken,
        )
    for step, branches in enumerate(_branches(result), start=1):
        if any(branch.greedy and not branch.candidate.kept for branch in branches):
            yield say("beam search pruned greedy search's own path at step {step}", step=step)
    if result.first_divergence is None:
        yield say("greedy search and the best beam are the same")
    else:
        yield say("greedy search and the best beam first differ at step {step}", step=result.first_divergence)
