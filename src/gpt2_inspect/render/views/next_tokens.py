"""`next-tokens`: a grid with a row for each step, and the text."""

from collections.abc import Sequence

from ...messages import listed, say, say_as
from ...results import Candidate, SampledCandidate
from ...results.next_tokens import NextTokens, Step
from ..columns import ENTROPY, ID, LOGIT, LOGPROB
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Passage, Row, Section
from ..signs import signs
from ..visible import visible_line
from . import (
    candidate_cell,
    decimal,
    legend,
    marked,
    model_and_backend,
    percent,
    top_columns,
    visible,
)

_TAIL = 80
"""Columns for the text before a step where nothing limits the width; the whole text stands below the grid."""

_GROWTH = 20
"""Columns that the text gets beside those of the prompt, so that the tokens of some steps fit as well."""

_TYPICAL = "possible"
"""A token of a usual length, for the width of its column."""

_TYPICAL_NUMBERS = {ID: "50256", LOGIT: "-123.456", LOGPROB: "-12.345", ENTROPY: "12.34"}
"""And numbers."""


def sections(result: NextTokens, page: Page) -> list[Section]:
    """A row for each step, the completed text, and facts about the run."""
    grid = _grid(result.steps, page.columns)
    facts = legend([grid], say("{mark} taken", mark=signs().chosen))
    facts += (*_units(page.columns), _lengths(result), *model_and_backend(result, _timing(result)))
    if result.decoding.strategy == "sample":
        facts += (_sampling(result),)
    if result.finish_reason == "eos":
        token = visible(result.steps[-1].chosen)
        facts += (say("ended with step {step}: the model chose {token}", step=len(result.steps), token=token),)
    return [grid, Passage(result.steps[0].context + result.completion.text), Facts(facts)]


def live(part: Step, page: Page) -> Grid:
    """The grid of one step, to be written before the others are computed."""
    return _grid((part,), page.columns)


def _grid(steps: Sequence[Step], names: Sequence[str]) -> Grid:
    """Candidates side by side; below each other, a row each, if more of their numbers are wanted."""
    step = Column(say("step"), number=True)
    text = Column(say_as("text so far", "text"), tail=_TAIL)
    keys = (Cell("1000"), Cell(visible_line(steps[0].context) + " " * _GROWTH))
    if set(names) - {ENTROPY}:
        return _long(steps, names, (step, text), keys)
    best = top_columns(len(steps[0].top_logprobs))
    sampled = isinstance(steps[0].chosen, SampledCandidate)
    entropy = [_column(name) for name in names]
    typical = marked(f"{signs().space}{_TYPICAL}", chosen=True)
    probs = f"99.9% {signs().becomes} 100.0%" if sampled else "99.9%"
    return Grid(
        (step, text, *entropy, *best, Column(say("drawn from further down"), below=True)),
        tuple(_row(each, entropy=bool(entropy)) for each in steps),
        sample=(
            *keys,
            *(Cell(_TYPICAL_NUMBERS[name]) for name in names),
            *[Cell(typical, aside=probs)] * len(best),
            Cell(""),
        ),
    )


def _row(step: Step, *, entropy: bool) -> Row:
    candidates = (_candidate(candidate, chosen=candidate.id == step.chosen.id) for candidate in step.top_logprobs)
    drawn = Cell("") if step.lists_chosen() else _drawn(step.chosen)
    numbers = [_entropy(step)] if entropy else []
    return Cell(str(step.step)), Cell(visible_line(step.context)), *numbers, *candidates, drawn


def _candidate(candidate: Candidate, *, chosen: bool) -> Cell:
    """A candidate, shaded by the probability with which it could be taken."""
    cell = candidate_cell(candidate, chosen=chosen)
    if isinstance(candidate, SampledCandidate):
        both = (f"{part:>{width}}" for part, width in zip(_percentages(candidate), (5, 6), strict=True))
        return cell._replace(prob=candidate.prob_final, aside=f" {signs().becomes} ".join(both))
    return cell


def _drawn(candidate: Candidate) -> Cell:
    """One that was chosen from below those that are listed."""
    percentages = f" {signs().becomes} ".join(_percentages(candidate))
    return candidate_cell(candidate, chosen=True)._replace(
        aside=say("{percent}, rank {rank}", percent=percentages, rank=candidate.rank)
    )


def _percentages(candidate: Candidate) -> list[str]:
    """The model's probability; under sampling also the one after temperature and filters."""
    if isinstance(candidate, SampledCandidate):
        return [percent(candidate.prob), percent(candidate.prob_final) if candidate.kept else say("cut")]
    return [percent(candidate.prob)]


def _long(steps: Sequence[Step], names: Sequence[str], keys: tuple[Column, ...], sample: Row) -> Grid:
    """A row for each step and candidate; the first of a step also has what is the step's own."""
    sampled = isinstance(steps[0].chosen, SampledCandidate)
    probs = (say("prob"), say("drawn with")) if sampled else (say("prob"),)
    rows = [
        (*_own(step, first=candidate is step.top_logprobs[0]), *_numbers(step, candidate, names))
        for step in steps
        for candidate in step.listed()
    ]
    return Grid(
        (
            *keys,
            Column(say("rank"), number=True),
            Column(say("token")),
            *map(_column, names),
            *(Column(name, number=True) for name in probs),
        ),
        tuple(rows),
        sample=(
            *sample,
            Cell("50000"),
            Cell(marked("<|endoftext|>", chosen=True)),
            *(Cell(_TYPICAL_NUMBERS[name]) for name in names),
            *[Cell("100.0%")] * len(probs),
        ),
    )


def _own(step: Step, *, first: bool) -> Row:
    return (Cell(str(step.step)), Cell(visible_line(step.context))) if first else (Cell(""), Cell(""))


def _numbers(step: Step, candidate: Candidate, names: Sequence[str]) -> Row:
    chosen = candidate.id == step.chosen.id
    values = {
        ID: Cell(str(candidate.id)),
        LOGIT: Cell(decimal(candidate.logit)),
        LOGPROB: Cell(decimal(candidate.logprob)),
        ENTROPY: _entropy(step) if candidate is step.top_logprobs[0] else Cell(""),
    }
    token = Cell(marked(visible(candidate), chosen=chosen), candidate.prob, chosen)
    probs = (Cell(text, candidate.prob, chosen) for text in _percentages(candidate))
    return Cell(str(candidate.rank)), token, *(values[name] for name in names), *probs


def _entropy(step: Step) -> Cell:
    return Cell(decimal(step.entropy_bits, 2))


def _column(name: str) -> Column:
    headings = {ID: say("id"), LOGIT: say("logit"), LOGPROB: say("logprob"), ENTROPY: say("entropy")}
    return Column(headings[name], number=True)


def _units(names: Sequence[str]) -> tuple[str, ...]:
    """Of the numbers that have one."""
    units = {LOGPROB: say("logprob in nats"), ENTROPY: say("entropy in bits")}
    return tuple(units[name] for name in names if name in units)


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
    settings = {
        say("temperature"): decoding.temperature,
        say("top-p"): decoding.top_p,
        say("top-k"): decoding.sample_top_k,
        say("seed"): result.run.seed,
    }
    named = [f"{name} {value}" for name, value in settings.items() if value is not None]
    return say("sampled: {settings}", settings=listed(named))
