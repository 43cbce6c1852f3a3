"""`next-tokens`: a row for each step and candidate; for people, a grid with a row for each step, and the text."""

from collections.abc import Sequence
from typing import Any

from ...messages import say
from ...results import Candidate, SampledCandidate
from ...results.next_tokens import NextTokens, Step
from ..sections import Cell, Column, Facts, Grid, Passage, Row, Section
from ..signs import signs
from ..visible import visible_line
from . import CANDIDATE_COLUMNS, candidate_values, flag, model_and_backend, percent, top_columns, visible

_TAIL = 40
"""Columns on a terminal for the end of the text before a step; the whole text stands below the grid."""


def tidy(result: NextTokens) -> tuple[list[str], list[list[Any]]]:
    """One row for each step and rank."""
    header = ["step", "context", *CANDIDATE_COLUMNS]
    sampled = result.decoding.strategy == "sample"
    header += (["prob_final", "kept"] if sampled else []) + ["chosen"]
    rows = []
    for step in result.steps:
        for candidate in _listed(step):
            row: list[Any] = [step.step, step.context, *candidate_values(candidate)]
            if isinstance(candidate, SampledCandidate):
                row += [candidate.prob_final, flag(candidate.kept)]
            rows.append([*row, flag(candidate.id == step.chosen.id)])
    return header, rows


def _listed(step: Step) -> Sequence[Candidate]:
    """The best candidates, and behind them the chosen one if it was drawn from further down."""
    return step.top_logprobs if _is_listed(step) else (*step.top_logprobs, step.chosen)


def _is_listed(step: Step) -> bool:
    return any(candidate.id == step.chosen.id for candidate in step.top_logprobs)


def sections(result: NextTokens) -> list[Section]:
    """A row for each step, the completed text, and facts about the run."""
    facts = (_lengths(result), *model_and_backend(result, _timing(result)))
    if result.decoding.strategy == "sample":
        facts += (_sampling(result),)
    if result.finish_reason == "eos":
        token = visible(result.steps[-1].chosen)
        facts += (say("ended with step {step}: the model chose {token}", step=len(result.steps), token=token),)
    return [_grid(result.steps), Passage(result.steps[0].context + result.completion.text), Facts(facts)]


def live(part: Step) -> Grid:
    """The grid of one step, to be written before the others are computed."""
    return _grid((part,))


def _grid(steps: Sequence[Step]) -> Grid:
    first = steps[0]
    best = top_columns(len(first.top_logprobs))
    typical = _marked(f"{signs().space}possible")  # of a usual length
    probs = f"99.9% {signs().becomes} 100.0%" if isinstance(first.chosen, SampledCandidate) else "99.9%"
    return Grid(
        (
            Column(say("step"), number=True),
            Column(say("text"), tail=_TAIL),
            *best,
            Column(say("drawn from further down"), below=True),
        ),
        tuple(map(_row, steps)),
        sample=(Cell("1000"), Cell(""), *[Cell(typical, aside=probs)] * len(best), Cell("")),
    )


def _row(step: Step) -> Row:
    candidates = (_candidate(candidate, chosen=candidate.id == step.chosen.id) for candidate in step.top_logprobs)
    drawn = Cell("") if _is_listed(step) else _drawn(step.chosen)
    return Cell(str(step.step)), Cell(visible_line(step.context)), *candidates, drawn


def _candidate(candidate: Candidate, *, chosen: bool) -> Cell:
    """A candidate, shaded by the probability with which it could be taken."""
    token = visible(candidate)
    prob = candidate.prob_final if isinstance(candidate, SampledCandidate) else candidate.prob
    return Cell(_marked(token) if chosen else token, prob, chosen, _percentages(candidate))


def _marked(token: str) -> str:
    return f"{token} {signs().chosen}"


def _drawn(candidate: Candidate) -> Cell:
    """One that was chosen from below those that are listed."""
    cell = _candidate(candidate, chosen=True)
    return cell._replace(aside=say("{percent}, rank {rank}", percent=cell.aside, rank=candidate.rank))


def _percentages(candidate: Candidate) -> str:
    """The model's probability; under sampling also the one after temperature and filters."""
    if isinstance(candidate, SampledCandidate):
        final = percent(candidate.prob_final) if candidate.kept else say("cut")
        return f"{percent(candidate.prob)} {signs().becomes} {final}"
    return percent(candidate.prob)


def _lengths(result: NextTokens) -> str:
    prompt, new = len(result.prompt.tokens), len(result.steps)
    return say("{prompt} prompt + {new} new = {total} tokens", prompt=prompt, new=new, total=prompt + new)


def _timing(result: NextTokens) -> str:
    times = [step.elapsed_ms for step in result.steps if step.elapsed_ms is not None]
    if not times:
        return ""
    first, *others = times
    if not others:
        return say("first step {first} ms", first=f"{first:.1f}")
    mean = sum(others) / len(others)
    return say("first step {first} ms, then {mean} ms a step", first=f"{first:.1f}", mean=f"{mean:.1f}")


def _sampling(result: NextTokens) -> str:
    decoding = result.decoding
    settings = {"temperature": decoding.temperature, "top-p": decoding.top_p, "top-k": decoding.sample_top_k}
    named = [f"{name} {value}" for name, value in settings.items() if value is not None]
    return say("sampled: {settings}", settings=", ".join([*named, f"seed {result.run.seed}"]))
