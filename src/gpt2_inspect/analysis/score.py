"""How probable a text is: the logits at each position rank the token that follows it."""

import math
from collections.abc import Sequence

import numpy as np

from ..backends.base import Backend
from ..checkpoint.tokenizer import Tokenizer
from ..results import Prompt
from ..results.score import ScoredToken, Totals
from .tokens import make_candidates

Measures = tuple[float | None, float | None, int | None, float | None, float | None]
"""Of a ScoredToken: logprob, prob, rank, surprisal, entropy."""


def score_tokens(
    backend: Backend, tokenizer: Tokenizer, prompt: Prompt, *, top_k: int
) -> tuple[tuple[ScoredToken, ...], Totals]:
    """Every token given those before it, and the totals, from one forward pass.

    Raises ModelUnusableError if a logit is NaN or infinite.
    """
    token_ids = [token.id for token in prompt.tokens]
    logits = backend.forward(np.array([token_ids]), None, every_position=True)
    following = np.array([*token_ids[1:], token_ids[-1]])  # behind the last stands nothing: its target is not looked at
    ranking = logits.top_k(top_k, following)
    assert ranking.targets is not None

    chosen = ranking.targets.logits.astype(np.float64) - ranking.log_normalizer.astype(np.float64)
    logprobs = chosen[:-1].tolist()
    ranks = ranking.targets.ranks[:-1].tolist()
    entropies = (ranking.entropy[:-1].astype(np.float64) / math.log(2)).tolist()
    measures: list[Measures] = [(None, None, None, None, None)]
    for logprob, rank, entropy in zip(logprobs, ranks, entropies, strict=True):
        measures.append((logprob, math.exp(logprob), rank, surprisal_bits(logprob), entropy))
    positions = tuple(
        ScoredToken(token.id, token.token, token.bytes, index, *measured, make_candidates(tokenizer, ranking, index))
        for index, (token, measured) in enumerate(zip(prompt.tokens, measures, strict=True))
    )
    return positions, total(logprobs, sum(len(token.bytes) for token in prompt.tokens[1:]))


def total(logprobs: Sequence[float], size: int) -> Totals:
    """The totals of tokens that have `size` bytes together."""
    logprob = math.fsum(logprobs)
    perplexity = None
    if logprobs:
        try:
            perplexity = math.exp(-logprob / len(logprobs))
        except OverflowError:
            perplexity = math.inf
    return Totals(logprob, perplexity, surprisal_bits(logprob) / size if size else None, len(logprobs))


def surprisal_bits(logprob: float) -> float:
    """From nats to bits; `abs` because what is certain should have 0 bits and not -0."""
    return abs(logprob) / math.log(2)
