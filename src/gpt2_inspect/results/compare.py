"""The records of `compare`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from . import Document, Record, record
from .next_tokens import NextTokens


@record
class Standing(Record):
    """How a token fares on one side."""

    id: int
    """In that side's vocabulary."""
    rank: int
    """From 1. Equal logits are ranked by the lower id."""
    logprob: float
    """Natural logarithm of `prob`, in nats."""
    prob: float
    """The model's own probability, before any temperature."""
    prob_final: float
    """What it could be taken with: `prob` under greedy decoding, else after temperature and filters."""
    chosen: bool


@record
class ComparedToken(Record):
    """A token that one of the sides lists or takes."""

    token: str
    """The text of the bytes; U+FFFD where they are not whole UTF-8."""
    bytes: tuple[int, ...]
    """By which the sides' tokens are matched where their vocabularies differ."""
    a: Standing | None
    """None if the side has no such token, or had ended by then."""
    b: Standing | None


@record
class ComparedStep(Record):
    """One step of both sides."""

    step: int
    same_context: bool
    """True if both sides have the same text before this step; else each is asked about its own."""
    parts: bool
    """True for the first step at which they take different tokens, or only one of them takes any."""
    candidates: tuple[ComparedToken, ...]
    """The union of what both list and take, by the larger of the two `prob_final`."""
    kl_a_b_bits: float | None
    """Kullback-Leibler divergence of B's distribution from A's, the sum of p_a * log2(p_a / p_b) over the vocabulary,
    with the probabilities that `prob_final` has. None if the vocabularies differ, or a side had ended; infinite, null
    in JSON, if B cannot take what A may."""
    kl_b_a_bits: float | None
    """The same with A and B in each other's place."""


@record
class Comparison(Document):
    """The result of `compare`: two runs of next-tokens, A and B, and each step of them side by side."""

    command: ClassVar[str] = "compare"
    a: NextTokens
    b: NextTokens
    same_vocabulary: bool
    """True if all ids stand for the same tokens on both sides."""
    first_divergence: int | None
    """The step that `parts`; None if both take the same tokens all the way."""
    steps: tuple[ComparedStep, ...]
    """As many as the longer side has."""

    def about(self) -> dict[str, Any]:
        return {"models": [side.model.name for side in (self.a, self.b)]}

    def items(self) -> Sequence[ComparedStep]:
        return self.steps

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each step and token of the union."""
        standing = Standing.reader()[0]
        header = ["step", "same_context", "parts", "token", "bytes_hex"]
        header += [f"{name}_{side}" for side in "ab" for name in standing]
        header += ["kl_a_b_bits", "kl_b_a_bits"]
        rows = []
        for step in self.steps:
            for token in step.candidates:
                row: list[Any] = [step.step, step.same_context, step.parts, token.token, bytes(token.bytes).hex()]
                for side in (token.a, token.b):
                    row += [None] * len(standing) if side is None else side.entries().values()
                rows.append([*row, step.kl_a_b_bits, step.kl_b_a_bits])
        return header, rows

    def without_times(self) -> Self:
        return replace(self, a=self.a.without_times(), b=self.b.without_times())
