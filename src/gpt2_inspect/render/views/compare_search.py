"""`compare-search`: a row for each step and candidate; grids of the texts found and of the tree."""

import math
from collections.abc import Iterator
from typing import Any
from unicodedata import east_asian_width

from ...results import Token
from ...results.compare_search import BeamCandidate, CompareSearch, Found
from ..blocks import Block, Cell, Column, Facts, Grid
from ..lines import tail
from ..visible import visible_line
from . import TOKEN_COLUMNS, decimal, flag, model_and_backend, text_of, token_values, visible

TAIL = 18
"""Columns for the end of a candidate's text in the tree; the whole texts stand on top."""


def tidy(result: CompareSearch) -> tuple[list[str], list[list[Any]]]:
    """The tree: one row for each step and candidate."""
    header = ["prompt_index", "step", "parent", "beam", *TOKEN_COLUMNS]
    header += ["logprob", "cumulative_logprob", "ended", "score", "kept"]
    rows = []
    for step in result.tree:
        for candidate in step.candidates:
            row: list[Any] = [0, step.step, candidate.parent, candidate.beam, *token_values(candidate)]
            row += [candidate.logprob, candidate.cumulative_logprob]
            rows.append([*row, flag(candidate.ended), candidate.score, flag(candidate.kept)])
    return header, rows


def blocks(result: CompareSearch) -> list[Block]:
    """What the two found, the tree, and where they differ."""
    return [_texts(result), _tree(result), Facts((*_outcome(result), *model_and_backend(result)))]


def _texts(result: CompareSearch) -> Grid:
    found = {"greedy": result.greedy}
    found |= {f"beam search: {rank if rank > 1 else 'best'}": beam for rank, beam in enumerate(result.beams, start=1)}
    numbers = (Column(heading, number=True) for heading in ("logprob", "tokens", "score"))
    return Grid(
        (Column("search"), *numbers, Column("end"), Column("text")),
        tuple((Cell(name), *_found(text)) for name, text in found.items()),
        title=f"{visible_line(result.prompt.text)} …",
        keys=1,
    )


def _found(found: Found) -> tuple[Cell, ...]:
    numbers = (decimal(found.logprob), str(len(found.token_ids)), decimal(found.score))
    return *map(Cell, numbers), Cell(found.finish_reason), Cell(visible_line(found.text) or "–")


def _tree(result: CompareSearch) -> Grid:
    return Grid(
        (
            *(Column(heading, number=True) for heading in ("step", "from")),
            Column("token"),
            *(Column(heading, number=True) for heading in ("logprob", "sum")),
            Column("becomes"),
            Column("text"),
        ),
        tuple(_branch(*branch) for branch in _branches(result)),
        title="beam tree: from which running beam each candidate comes, and what becomes of it",
        keys=3,
    )


def _branches(result: CompareSearch) -> Iterator[tuple[int, BeamCandidate, str, str]]:
    """Step, candidate, what becomes of it, and the end of the text that has been added so far."""
    results = {beam.token_ids for beam in result.beams}
    running: dict[int | None, tuple[Token, ...]] = {0: ()}
    for step in result.tree:
        extended = [(candidate, (*running[candidate.parent], candidate)) for candidate in step.candidates]
        for candidate, tokens in extended:
            is_result = tuple(token.id for token in tokens) in results
            yield step.step, candidate, _fate(candidate, is_result), tail(text_of(tokens), TAIL, _columns)
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
        return "pruned"
    if not candidate.ended:
        return f"beam {candidate.beam}"
    return f"{'result' if is_result else 'displaced'}: {decimal(candidate.score)}"


def _columns(text: str) -> int:
    """About how many columns a text takes on a terminal: Chinese characters and their like take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _outcome(result: CompareSearch) -> tuple[str, ...]:
    facts = ["greedy search and the best beam are the same"]
    if result.first_divergence is not None:
        facts = [f"greedy search and the best beam first differ at step {result.first_divergence}"]
    taken, steps = len(result.tree), result.search["steps"]
    if taken < steps:
        reason = "no running beam scored above the worst of those that had ended"
        facts.append(f"beam search ended after {taken} of {steps} steps: {reason}")
    return *facts, f"score: logprob / tokens ** {result.search['length_penalty']:g} (the length penalty)"
