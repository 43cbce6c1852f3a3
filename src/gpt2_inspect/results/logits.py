"""The records of `logits`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Candidate, Options, Prompt, Record, Result, Token, record
from .columns import CANDIDATE_COLUMNS, candidate_values


@record
class LogitsPosition(Token):
    """A token of the text, and what the logits at its position say about the place behind it."""

    index: int
    """Its position, from 0: the logits at `index` rank the tokens for the place `index` + 1."""
    argmax: Candidate
    """The token that they rank first."""
    next_token: Candidate | None
    """The token that really stands there; None for the last position, behind which nothing stands."""


@record
class SoftmaxCandidate(Candidate):
    """A candidate, with the steps from its logit to its probability."""

    shifted_logit: float
    """The logit minus the largest of all: 0 or less."""
    exp: float
    """e to the power of that: 1 for the best. `prob` is this divided by the sum over the whole vocabulary."""


@record
class Softmax(Record):
    """How the logits of one position become probabilities; computed in float64."""

    largest_logit: float
    sum_exp: float
    """Of exp(logit - largest_logit) over the whole vocabulary."""
    log_sum_exp: float
    """log of the sum of exp(logit), which is largest_logit + log(sum_exp): `logprob` is the logit minus this."""
    entropy_bits: float
    candidates: tuple[SoftmaxCandidate, ...]
    """The best, best first."""


@record
class TemperedCandidate(Token):
    """A candidate at one temperature."""

    rank: int
    """From 1; no temperature changes it."""
    prob_at_temperature: float
    """Softmax of all logits divided by the temperature."""
    prob_final: float
    """What would be drawn with: after the filters too. 0 if one cuts it."""
    kept: bool
    """True if it passes the filters."""


@record
class AtTemperature(Record):
    """The distribution of one position after a temperature."""

    temperature: float
    entropy_bits: float
    """After the temperature, before the filters."""
    entropy_final_bits: float
    """After both."""
    tokens_kept: int
    """How many tokens of the vocabulary could be drawn."""
    candidates: tuple[TemperedCandidate, ...]
    """The same tokens as without a temperature, in the same order."""


@record
class Logits(Result):
    """The result of `logits`."""

    command: ClassVar[str] = "logits"
    prompt: Prompt
    options: Options
    """What was asked for."""
    shape: tuple[int, int, int]
    """[1, T, V]: batch, tokens, vocabulary."""
    positions: tuple[LogitsPosition, ...]
    position: int
    """Whose logits `softmax` and `temperatures` are about, from 0."""
    softmax: Softmax
    temperatures: tuple[AtTemperature, ...] | None
    """In the order asked for; None if neither a temperature nor a filter was."""

    def items(self) -> Sequence[LogitsPosition]:
        return self.positions

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each candidate of the chosen position, or for each temperature and candidate."""
        header = ["position", *CANDIDATE_COLUMNS, "shifted_logit", "exp"]
        rows = [
            [self.position, *candidate_values(candidate), candidate.shifted_logit, candidate.exp]
            for candidate in self.softmax.candidates
        ]
        if self.temperatures is None:
            return header, rows
        return [*header, "temperature", "prob_at_temperature", "prob_final", "kept"], [
            [*row, at.temperature, candidate.prob_at_temperature, candidate.prob_final, candidate.kept]
            for at in self.temperatures
            for row, candidate in zip(rows, at.candidates, strict=True)
        ]
