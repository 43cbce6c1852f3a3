"""Flattening a result into rows, once for all formats that have rows.

`tidy_rows` gives plain values for machines, `cells` gives what people see of a candidate.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..results import Candidate, NextTokens, Result, SampledCandidate, Step
from .visible import visible_token


def tidy_rows(result: Result) -> tuple[list[str], list[list[Any]]]:
    """(header, rows) for CSV."""
    if isinstance(result, NextTokens):
        return _next_tokens_rows(result)
    raise NotImplementedError(result.command)


def _next_tokens_rows(result: NextTokens) -> tuple[list[str], list[list[Any]]]:
    header = ["prompt_index", "step", "context", "rank", "id", "token", "bytes_hex", "logit", "logprob", "prob"]
    sampled = result.decoding.strategy == "sample"
    header += (["prob_final", "kept"] if sampled else []) + ["chosen"]
    rows = []
    for step in result.steps:
        for candidate in listed_candidates(step):
            row: list[Any] = [0, step.step, step.context, candidate.rank, candidate.id, candidate.token]
            row += [bytes(candidate.bytes).hex(), candidate.logit, candidate.logprob, candidate.prob]
            if isinstance(candidate, SampledCandidate):
                row += [candidate.prob_final, _flag(candidate.kept)]
            rows.append([*row, _flag(candidate.id == step.chosen.id)])
    return header, rows


def _flag(value: bool) -> str:
    return "true" if value else "false"


def listed_candidates(step: Step) -> Sequence[Candidate]:
    """The best candidates, and behind them the chosen one if it was drawn from further down."""
    if any(candidate.id == step.chosen.id for candidate in step.top_logprobs):
        return step.top_logprobs
    return (*step.top_logprobs, step.chosen)


class Cell(NamedTuple):
    """A candidate as a person sees it."""

    rank: int
    token: str
    percent: str
    prob: float
    """What the shade shows."""
    chosen: bool

    @property
    def marked_token(self) -> str:
        """The token, with a mark if it was chosen."""
        return f"{self.token} {CHOSEN}" if self.chosen else self.token


CHOSEN = "◀"


def cells(step: Step) -> list[Cell]:
    """The candidates of one step, best first."""
    return [
        Cell(
            candidate.rank,
            visible_token(candidate.token, candidate.bytes),
            _percentages(candidate),
            candidate.prob,
            candidate.id == step.chosen.id,
        )
        for candidate in listed_candidates(step)
    ]


def _percentages(candidate: Candidate) -> str:
    """The model's probability; under sampling also the one after temperature and filters."""
    if isinstance(candidate, SampledCandidate):
        final = percent(candidate.prob_final) if candidate.kept else "cut"
        return f"{percent(candidate.prob)} → {final}"
    return percent(candidate.prob)


def percent(prob: float) -> str:
    """A probability in percent, with one decimal, and no false zero or hundred."""
    if 0 < prob < 0.0005:
        return "<0.1%"
    return f"{100 * prob:.1f}%" if prob <= 0.9995 or prob == 1 else ">99.9%"
