"""What comes next: rank the candidates for the next token, take one, append it, and ask again."""

import math
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..backends.base import Backend, Logits, Ranking
from ..checkpoint.tokenizer import Tokenizer
from ..errors import UsageError
from ..results import Candidate, Prompt, SampledCandidate
from ..results.next_tokens import Completion, Decoding, Step
from .checks import check_positive, check_top_k
from .tokens import completed, make_candidate, make_candidates

if TYPE_CHECKING:
    from .sampling import Draw, Sampler

DEFAULT_STEPS = 10

Chosen = tuple[Candidate, tuple[Candidate, ...], float]
"""The token taken, the candidates listed, the entropy in nats."""


def plan_decoding(
    *,
    steps: int | None,
    max_length: int | None = None,
    top_k: int,
    temperature: float | None,
    top_p: float | None,
    sample_top_k: int | None,
    ignore_eos: bool,
    vocab_size: int,
) -> Decoding:
    """How to choose the tokens: by sampling if any of the three options of sampling is set, else greedily.

    How many steps a `max_length` leaves room for is not known before the prompt: until `fit_steps` it is one.

    Raises:
        UsageError: a value that makes no sense, or both `steps` and `max_length`.
    """
    if steps is not None and max_length is not None:
        raise UsageError(
            "--steps and --max-length exclude each other",
            "--steps counts the new tokens alone, --max-length the prompt's as well",
        )
    for name, count in (("--steps", steps), ("--max-length", max_length)):
        if count is not None:
            check_positive(name, count)
    if steps is None:
        steps = DEFAULT_STEPS if max_length is None else 1
    check_top_k(top_k, vocab_size)
    if sample_top_k is not None:
        check_top_k(sample_top_k, vocab_size, "--sample-top-k")
    if temperature is not None and not 0 < temperature < math.inf:
        raise UsageError(f"--temperature is {temperature}; it must be above 0", "leave it out for greedy decoding")
    if top_p is not None and not 0 < top_p <= 1:
        raise UsageError(f"--top-p is {top_p}; it must be above 0 and at most 1")
    sampled = any(option is not None for option in (temperature, top_p, sample_top_k))
    if sampled and temperature is None:
        temperature = 1.0
    strategy = "sample" if sampled else "greedy"
    return Decoding(strategy, steps, max_length, top_k, temperature, top_p, sample_top_k, ignore_eos)


def fit_steps(decoding: Decoding, prompt: Prompt) -> Decoding:
    """The decoding with the steps that its `max_length`, if it has one, leaves behind the prompt."""
    if decoding.max_length is None:
        return decoding
    return replace(decoding, steps=decoding.max_length - len(prompt.tokens))


def generate_steps(
    backend: Backend,
    tokenizer: Tokenizer,
    prompt: Prompt,
    decoding: Decoding,
    *,
    seed: int | None,
    eos_token_ids: Container[int],
) -> Iterator[Step]:
    """Yield each step as soon as it is computed. The first runs the whole prompt, the others one token each."""
    token_ids = [token.id for token in prompt.tokens]
    choose = _chooser(tokenizer, decoding, seed)
    cache = backend.new_cache(1, len(token_ids) + decoding.steps)
    context, new = token_ids[prompt.bos_added :], token_ids
    for step in range(1, decoding.steps + 1):
        started = time.perf_counter()
        chosen, candidates, entropy = choose(backend.forward(np.array([new]), cache))
        elapsed_ms = 1000 * (time.perf_counter() - started)
        yield Step(step, tokenizer.decode(context), entropy / math.log(2), elapsed_ms, chosen, candidates)
        if chosen.id in eos_token_ids and not decoding.ignore_eos:
            return
        new = [chosen.id]
        context = context + new


def finish(
    tokenizer: Tokenizer, steps: Sequence[Step], eos_token_ids: Container[int], decoding: Decoding
) -> tuple[Completion, str]:
    """What the steps have added, and why they ended. A final end token is among the ids, not in the text."""
    token_ids = tuple(step.chosen.id for step in steps)
    text, reason = completed(tokenizer, token_ids, () if decoding.ignore_eos else eos_token_ids)
    return Completion(text, token_ids), reason


def _chooser(tokenizer: Tokenizer, decoding: Decoding, seed: int | None) -> Callable[[Logits], Chosen]:
    if decoding.strategy == "greedy":
        return lambda logits: _take_best(tokenizer, logits, decoding.top_k)
    from .sampling import Sampler  # loads what only sampling needs

    assert seed is not None and decoding.temperature is not None
    sampler = Sampler(seed, decoding.temperature, decoding.sample_top_k, decoding.top_p)
    return lambda logits: _draw(tokenizer, logits, decoding.top_k, sampler)


def _take_best(tokenizer: Tokenizer, logits: Logits, top_k: int) -> Chosen:
    ranking = logits.top_k(top_k)
    candidates = make_candidates(tokenizer, ranking, 0)
    return candidates[0], candidates, float(ranking.entropy[0])


def _draw(tokenizer: Tokenizer, logits: Logits, top_k: int, sampler: "Sampler") -> Chosen:
    row = logits.to_numpy()[0]  # (V,)
    ranking = logits.top_k(top_k)
    draw = sampler.draw(row)
    candidates = tuple(_sampled(candidate, draw) for candidate in make_candidates(tokenizer, ranking, 0))
    listed = next((candidate for candidate in candidates if candidate.id == draw.token_id), None)
    chosen = listed or _sampled(_unlisted(tokenizer, draw.token_id, logits, ranking), draw)
    return chosen, candidates, float(ranking.entropy[0])


def _unlisted(tokenizer: Tokenizer, token_id: int, logits: Logits, ranking: Ranking) -> Candidate:
    """The record of a token that was drawn from below the listed candidates."""
    drawn = logits.top_k(1, np.array([token_id])).targets
    assert drawn is not None
    rank, logit = int(drawn.ranks[0]), float(drawn.logits[0])
    return make_candidate(tokenizer, token_id, rank, logit, float(ranking.log_normalizer[0]))


def _sampled(candidate: Candidate, draw: "Draw") -> SampledCandidate:
    prob_final = float(draw.probabilities[candidate.id])
    return SampledCandidate(
        candidate.id,
        candidate.token,
        candidate.bytes,
        candidate.rank,
        candidate.logit,
        candidate.logprob,
        candidate.prob,
        prob_final,
        prob_final > 0,
    )
