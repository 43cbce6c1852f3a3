"""The records of `next-tokens`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from . import Candidate, Prompt, Record, Result, SampledCandidate, record
from .columns import CANDIDATE_COLUMNS, candidate_values
from .expectation import Expectation


@record
class Decoding(Record):
    """How each next token is chosen."""

    strategy: str
    """`greedy` or `sample`."""
    steps: int
    """How many tokens may be added: transformers' `max_new_tokens`."""
    max_length: int | None
    """How many tokens the prompt and those may have together, if that is what was asked for; else None."""
    top_k: int
    """How many candidates are listed; no bearing on the choice."""
    temperature: float | None
    """Logits are divided by it; None under greedy decoding, as are the next two."""
    top_p: float | None
    """Only the smallest set of tokens whose probabilities sum to this is drawn from."""
    sample_top_k: int | None
    """Only that many of the most probable tokens are drawn from."""
    ignore_eos: bool
    """True if an end token is taken like any other and ends nothing."""


@record
class Step(Record):
    """One next token: what was known, what the model proposed and what was taken."""

    step: int
    context: str
    """The text before this token: the prompt and what has been added so far."""
    entropy_bits: float
    """Entropy of the model's whole distribution, in bits."""
    elapsed_ms: float | None
    """Time for the forward pass and the choice; None where times are left out."""
    chosen: Candidate | SampledCandidate
    """The token that was taken."""
    top_logprobs: tuple[Candidate | SampledCandidate, ...]
    """The `top_k` best candidates, best first."""

    def lists_chosen(self) -> bool:
        """False if the chosen one was drawn from further down than `top_logprobs` goes."""
        return any(candidate.id == self.chosen.id for candidate in self.top_logprobs)

    def listed(self) -> Sequence[Candidate]:
        """The best candidates, and behind them the chosen one if it is not among them."""
        return self.top_logprobs if self.lists_chosen() else (*self.top_logprobs, self.chosen)


@record
class Completion(Record):
    """What was added to the prompt."""

    text: str
    token_ids: tuple[int, ...]


@record
class NextTokens(Result):
    """The result of `next-tokens`."""

    command: ClassVar[str] = "next-tokens"
    prompt: Prompt
    decoding: Decoding
    steps: tuple[Step, ...]
    completion: Completion
    finish_reason: str
    """`length`: all steps were taken. `eos`: the last token chosen is an end token."""
    expectation: Expectation | None = None
    """What came of the expectation; None if nothing was expected."""

    def items(self) -> Sequence[Step]:
        return self.steps

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each step and rank."""
        header = ["step", "context", *CANDIDATE_COLUMNS]
        sampled = self.decoding.strategy == "sample"
        header += (["prob_final", "kept"] if sampled else []) + ["chosen"]
        rows = []
        for step in self.steps:
            for candidate in step.listed():
                row: list[Any] = [step.step, step.context, *candidate_values(candidate)]
                if isinstance(candidate, SampledCandidate):
                    row += [candidate.prob_final, candidate.kept]
                rows.append([*row, candidate.id == step.chosen.id])
        return header, rows

    @property
    def settings(self) -> Decoding:
        return self.decoding

    def without_times(self) -> Self:
        return replace(self, steps=tuple(replace(step, elapsed_ms=None) for step in self.steps))
