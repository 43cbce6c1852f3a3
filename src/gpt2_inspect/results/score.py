"""The records of `score`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Candidate, Options, Prompt, Record, Result, Token, record
from .columns import CANDIDATE_COLUMNS, TOKEN_COLUMNS, candidate_values, token_values
from .expectation import Expectation

_MEASURES = ("logprob", "prob", "rank", "surprisal_bits", "entropy_bits")


@record
class ScoredToken(Token):
    """A token that the model read: how it fared given those before it, and what its own logits propose.

    The numbers are read from the logits of the position before, which rank this token; for the first there are none,
    and they are None.
    """

    index: int
    """Its position in what the model read, from 0; a `<|endoftext|>` that was put first counts."""
    logprob: float | None
    """Natural logarithm of `prob`, in nats."""
    prob: float | None
    rank: int | None
    """Among all tokens of the vocabulary, from 1. Equal logits are ranked by the lower id."""
    surprisal_bits: float | None
    """-log2 of `prob`."""
    entropy_bits: float | None
    """Entropy of the whole distribution that the token was ranked by: the surprisal that was to be expected."""
    next_top_logprobs: tuple[Candidate, ...]
    """What the logits of this position propose for the next one, best first."""


@record
class Totals(Record):
    """Sums and means over the scored tokens: all but the one that nothing stands before."""

    logprob: float
    """Sum, in nats; 0 if no token was scored."""
    perplexity: float | None
    """exp(-logprob / tokens_scored). None if no token was scored; infinite, null in JSON, beyond the largest float."""
    bits_per_byte: float | None
    """Sum of the surprisals over the number of bytes of the scored tokens; None if these have none."""
    tokens_scored: int


@record
class Score(Result):
    """The result of `score`."""

    command: ClassVar[str] = "score"
    prompt: Prompt
    options: Options
    """What was asked for."""
    positions: tuple[ScoredToken, ...]
    totals: Totals
    expectation: Expectation | None = None
    """What came of the expectation; None if nothing was expected."""

    def items(self) -> Sequence[ScoredToken]:
        return self.positions

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each token and rank of a proposal; the measures are empty for a token with nothing before it."""
        header = ["index", *TOKEN_COLUMNS, *_MEASURES]
        header += [f"next_{name}" for name in CANDIDATE_COLUMNS]
        rows = []
        for token in self.positions:
            row = [token.index, *token_values(token), *(getattr(token, name) for name in _MEASURES)]
            rows += [[*row, *candidate_values(candidate)] for candidate in token.next_top_logprobs]
        return header, rows
