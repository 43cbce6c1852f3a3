"""`next-tokens`: a row for each step and candidate, and a grid with a row for each step."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...results import Candidate, SampledCandidate
from ...results.next_tokens import NextTokens, Step
from ..blocks import Block, Cell, Column, Facts, Grid, Passage
from ..visible import visible_line
from . import CANDIDATE_COLUMNS, candidate_values, flag, model_and_backend, percent, visible

CHOSEN = "◀"


def tidy(result: NextTokens) -> tuple[list[str], list[list[Any]]]:
    """One row for each prompt, step and rank."""
    header = ["prompt_index", "step", "context", *CANDIDATE_COLUMNS]
    sampled = result.decoding.strategy == "sample"
    header += (["prob_final", "kept"] if sampled else []) + ["chosen"]
    rows = []
    for step in result.steps:
        for candidate in listed_candidates(step):
            row: list[Any] = [0, step.step, step.context, *candidate_values(candidate)]
            if isinstance(candidate, SampledCandidate):
                row += [candidate.prob_final, flag(candidate.kept)]
            rows.append([*row, flag(candidate.id == step.chosen.id)])
    return header, rows


def blocks(result: NextTokens) -> list[Block]:
    """A row for each step. On a terminal `layout` takes the place of the grid, so that steps can appear one by one."""
    rows = [proposals(step) for step in result.steps]
    width = max(map(len, rows))
    headings = [f"top {rank}" for rank in range(1, result.decoding.top_k + 1)]
    headings += ["drawn"] * (width - result.decoding.top_k)
    grid = Grid(
        (Column("step", number=True), Column("text"), *map(Column, headings)),
        tuple(
            (
                Cell(str(step.step)),
                Cell(visible_line(step.context)),
                *(Cell(f"{shown.token} {shown.percent}", shown.prob, shown.chosen) for shown in row),
                *[Cell("")] * (width - len(row)),
            )
            for step, row in zip(result.steps, rows, strict=True)
        ),
    )
    return [grid, *below(result)]


def below(result: NextTokens) -> list[Block]:
    """What stands below the steps: the completed text, and facts about the run."""
    facts = model_and_backend(result, _timing(result))
    if result.decoding.strategy == "sample":
        facts += (f"sampled: {_sampling(result)}",)
    if result.finish_reason == "eos":
        facts += (f"ended with step {len(result.steps)}: the model chose {visible(result.steps[-1].chosen)}",)
    return [Passage(result.steps[0].context + result.completion.text), Facts(facts)]


def listed_candidates(step: Step) -> Sequence[Candidate]:
    """The best candidates, and behind them the chosen one if it was drawn from further down."""
    if any(candidate.id == step.chosen.id for candidate in step.top_logprobs):
        return step.top_logprobs
    return (*step.top_logprobs, step.chosen)


class Proposal(NamedTuple):
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


def proposals(step: Step) -> list[Proposal]:
    """The candidates of one step, best first."""
    return [
        Proposal(
            candidate.rank,
            visible(candidate),
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


def _timing(result: NextTokens) -> str:
    first, *others = (step.elapsed_ms for step in result.steps)
    text = f"first step {first:.1f} ms"
    return f"{text}, then {sum(others) / len(others):.1f} ms a step" if others else text


def _sampling(result: NextTokens) -> str:
    decoding = result.decoding
    settings = {"temperature": decoding.temperature, "top-p": decoding.top_p, "top-k": decoding.sample_top_k}
    named = [f"{name} {value}" for name, value in settings.items() if value is not None]
    return ", ".join([*named, f"seed {result.run.seed}"])
