"""`compare-search`: a row for each step and candidate; grids of the texts found and of the tree."""

import math
from collections.abc import Iterator
from typing import Any

from ...messages import say, say_n
from ...results import Token
from ...results.compare_search import BeamCandidate, CompareSearch, Found
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from ..visible import visible_line
from . import TOKEN_COLUMNS, decimal, flag, model_and_backend, text_of, token_values, visible

_TAIL = 18
"""Columns on a terminal for the end of a candidate's text in the tree; the whole texts stand on top."""


def tidy(result: CompareSearch) -> tuple[list[str], list[list[Any]]]:
    """The tree: one row for each step and candidate."""
    header = ["step", "parent", "beam", *TOKEN_COLUMNS]
    header += ["logprob", "cumulative_logprob", "ended", "score", "kept"]
    rows = []
    for step in result.tree:
        for candidate in step.candidates:
            row: list[Any] = [step.step, candidate.parent, candidate.beam, *token_values(candidate)]
            row += [candidate.logprob, candidate.cumulative_logprob]
            rows.append([*row, flag(candidate.ended), candidate.score, flag(candidate.kept)])
    return header, rows


def sections(result: CompareSearch) -> list[Section]:
    """What the two found, the tree, and where they differ."""
    return [_texts(result), _tree(result), Facts((*_outcome(result), *model_and_backend(result)))]


def _texts(result: CompareSearch) -> Grid:
    best, *others = result.beams
    rows = [(Cell(say("greedy")), *_found(result.greedy)), (Cell(say("beam search: best")), *_found(best))]
    for rank, beam in enumerate(others, start=2):
        rows.append((Cell(say("beam search: {rank}", rank=rank)), *_found(beam)))
    numbers = (Column(heading, number=True) for heading in (say("logprob"), say("tokens"), say("score")))
    return Grid(
        (Column(say("search")), *numbers, Column(say("end")), Column(say("text"))),
        tuple(rows),
        title=f"{visible_line(result.prompt.text)} {signs().cut}",
        keys=1,
    )


def _found(found: Found) -> tuple[Cell, ...]:
    numbers = (decimal(found.logprob), str(len(found.token_ids)), decimal(found.score))
    return *map(Cell, numbers), Cell(found.finish_reason), Cell(visible_line(found.text) or signs().nothing)


def _tree(result: CompareSearch) -> Grid:
    return Grid(
        (
            *(Column(heading, number=True) for heading in (say("step"), say("from"))),
            Column(say("token")),
            *(Column(heading, number=True) for heading in (say("logprob"), say("sum"))),
            Column(say("becomes")),
            Column(say("text"), tail=_TAIL),
        ),
        tuple(_branch(*branch) for branch in _branches(result)),
        title=say("beam tree: from which running beam each candidate comes, and what becomes of it"),
        keys=3,
    )


def _branches(result: CompareSearch) -> Iterator[tuple[int, BeamCandidate, str, str]]:
    """Step, candidate, what becomes of it, and the text that has been added so far."""
    results = {beam.token_ids for beam in result.beams}
    running: dict[int | None, tuple[Token, ...]] = {0: ()}
    for step in result.tree:
        extended = [(candidate, (*running[candidate.parent], candidate)) for candidate in step.candidates]
        for candidate, tokens in extended:
            is_result = tuple(token.id for token in tokens) in results
            yield step.step, candidate, _fate(candidate, is_result), visible_line(text_of(tokens))
        running = {candidate.beam: tokens for candidate, tokens in extended}


def _branch(step: int, candidate: BeamCandidate, fate: str, text: str) -> tuple[Cell, ...]:
    return (
        Cell(str(step)),
        Cell(str(candidate.parent)),
        Cell(visible(candidate), math.exp(candidate.logprob), candidate.kept),
        Cell(decimal(candidate.logprob)),
        Cell(decimal(candidate.cumulative_logprob)),
        Cell(fate, strong=candidate.kept),
        Cell(text),
    )


def _fate(candidate: BeamCandidate, is_result: bool) -> str:
    if not candidate.kept:
        return say("pruned")
    if not candidate.ended:
        return say("beam {number}", number=candidate.beam)
    score = decimal(candidate.score)
    return say("result: {score}", score=score) if is_result else say("displaced: {score}", score=score)


def _outcome(result: CompareSearch) -> Iterator[str]:
    if result.first_divergence is None:
        yield say("greedy search and the best beam are the same")
    else:
        yield say("greedy search and the best beam first differ at step {step}", step=result.first_divergence)
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
    penalty = f"{result.search['length_penalty']:g}"
    yield say("score: logprob / tokens ** {penalty} (the length penalty)", penalty=penalty)
