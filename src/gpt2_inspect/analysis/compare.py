"""Two runs of next-tokens side by side: two texts, or one under two models, temperatures or seeds.

The sides go on step by step together, each with its own text: once they have taken different tokens, a step compares
what each makes of what it has before it.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..checkpoint.tokenizer import Tokenizer
from ..results import Candidate
from ..results.compare import ComparedStep, ComparedToken, Comparison, Standing
from ..results.next_tokens import Step
from .next_tokens import NextTokensQuestion, new_seed
from .question import LoadedModel
from .sampling import final_probabilities

Distribution = npt.NDArray[np.float64]


class Asked(NamedTuple):
    """One side: a question, and what is asked about whom."""

    question: NextTokensQuestion
    model: LoadedModel
    text: str


def compare(a: Asked, b: Asked) -> Comparison:
    """Both sides, and each step of them side by side. If both are sampled, and neither has a seed, they get the same.

    Raises what NextTokensQuestion does, for either side.
    """
    if all(asked.question.sampled and asked.question.seed is None for asked in (a, b)):
        seed = new_seed()
        a, b = (asked._replace(question=replace(asked.question, seed=seed)) for asked in (a, b))
    sides = (_Side(a), _Side(b))
    ids = None if _same_vocabulary(a, b) else (_ids_by_bytes(a), _ids_by_bytes(b))
    steps: list[ComparedStep] = []
    parted = False
    for pair in zip_longest(*(side.walk.steps() for side in sides)):
        for side, own in zip(sides, pair, strict=True):
            side.step = own
        step = _compared(len(steps) + 1, *sides, ids=ids, parted=parted)
        parted = parted or step.parts
        steps.append(step)
    return Comparison(
        a=sides[0].walk.result(),
        b=sides[1].walk.result(),
        same_vocabulary=ids is None,
        first_divergence=next((step.step for step in steps if step.parts), None),
        steps=tuple(steps),
    )


class _Side:
    """A run, and the step that it is at; None once it has ended."""

    def __init__(self, asked: Asked) -> None:
        self.walk = asked.question.walk(asked.model, asked.text)
        self.step: Step | None = None

    def distribution(self) -> Distribution:
        """What the token of this step is taken from, (V,)."""
        how = self.walk.decoding
        logits = self.walk.continuation.logits()
        return final_probabilities(logits, how.temperature or 1.0, how.sample_top_k, how.top_p)

    def listed(self) -> Iterator[Candidate]:
        """The candidates of this step, and the one that it takes."""
        if self.step is not None:
            yield from self.step.top_logprobs
            yield self.step.chosen

    def standing(self, token_id: int | None, distribution: Distribution) -> Standing | None:
        """How a token fares in this step."""
        if self.step is None or token_id is None:
            return None
        found = next((each for each in self.listed() if each.id == token_id), None)
        found = found or self.walk.continuation.candidate(token_id)
        sampled = self.walk.decoding.strategy == "sample"
        return Standing(
            id=token_id,
            rank=found.rank,
            logprob=found.logprob,
            prob=found.prob,
            prob_final=float(distribution[token_id]) if sampled else found.prob,
            chosen=token_id == self.step.chosen.id,
        )


_Ids = tuple[dict[bytes, int], dict[bytes, int]]
"""The ids of both sides by the bytes of their tokens."""


def _compared(number: int, a: _Side, b: _Side, *, ids: _Ids | None, parted: bool) -> ComparedStep:
    p, q = (None if side.step is None else side.distribution() for side in (a, b))
    kl_a_b_bits = kl_b_a_bits = None
    if ids is None and p is not None and q is not None:
        kl_a_b_bits, kl_b_a_bits = divergence_bits(p, q), divergence_bits(q, p)
    return ComparedStep(
        step=number,
        same_context=a.step is not None and b.step is not None and a.step.context == b.step.context,
        parts=not parted and _taken(a) != _taken(b),
        candidates=_union(a, b, p, q, ids),
        kl_a_b_bits=kl_a_b_bits,
        kl_b_a_bits=kl_b_a_bits,
    )


def _taken(side: _Side) -> tuple[int, ...] | None:
    return None if side.step is None else side.step.chosen.bytes


def _union(
    a: _Side, b: _Side, p: Distribution | None, q: Distribution | None, ids: _Ids | None
) -> tuple[ComparedToken, ...]:
    def key(candidate: Candidate) -> int | bytes:
        return candidate.id if ids is None else bytes(candidate.bytes)

    of_a, of_b = ({key(candidate): candidate for candidate in side.listed()} for side in (a, b))

    def token_id(token: int | bytes, own: dict[int | bytes, Candidate], side: int) -> int | None:
        if isinstance(token, int):
            return token
        return own[token].id if token in own else ids[side].get(token) if ids else None

    found = [
        ComparedToken(
            token=candidate.token,
            bytes=candidate.bytes,
            a=None if p is None else a.standing(token_id(token, of_a, 0), p),
            b=None if q is None else b.standing(token_id(token, of_b, 1), q),
        )
        for token, candidate in (of_b | of_a).items()
    ]
    return tuple(sorted(found, key=_largest, reverse=True))


def _largest(token: ComparedToken) -> float:
    return max(side.prob_final for side in (token.a, token.b) if side is not None)


def divergence_bits(p: Distribution, q: Distribution) -> float:
    """Kullback-Leibler divergence of q from p, both (V,): the sum of p * log2(p / q) where p is not 0.

    How many bits a token costs on average beyond need where it comes from p and q was expected (Kullback and Leibler
    1951). Infinite if q is 0 where p is not.
    """
    possible = p > 0
    with np.errstate(divide="ignore"):
        bits = float(np.sum(p[possible] * (np.log2(p[possible]) - np.log2(q[possible]))))
    return max(0.0, bits)  # rounding


def _same_vocabulary(a: Asked, b: Asked) -> bool:
    if a.model is b.model:
        return True
    one, other = _tokenizer(a), _tokenizer(b)
    return a.model.info.vocab_size == b.model.info.vocab_size and all(
        one.token_bytes(token_id) == other.token_bytes(token_id) for token_id in range(a.model.info.vocab_size)
    )


def _ids_by_bytes(asked: Asked) -> dict[bytes, int]:
    """Of several tokens with the same bytes the one with the lowest id; none without bytes."""
    tokenizer = _tokenizer(asked)
    ids: dict[bytes, int] = {}
    for token_id in range(tokenizer.vocab_size):
        if raw := tokenizer.token_bytes(token_id):
            ids.setdefault(raw, token_id)
    return ids


def _tokenizer(asked: Asked) -> Tokenizer:
    return asked.model.tokenizer_for(asked.text)
