"""Greedy search beside beam search: what each finds, how beam search got there, and where the two part."""

import math
from collections.abc import Collection

from ..backends.base import Backend
from ..checkpoint.tokenizer import Tokenizer
from ..errors import UsageError
from ..results import Prompt
from ..results.compare_search import BeamCandidate, BeamStep, Found, Search
from .beam_search import BeamSearch, Ended, Extension, run_together
from .checks import check_positive, check_top_k
from .tokens import completed, make_token

MOST_DIGITS = 30
"""Decimal digits by which a length penalty may make scores larger or smaller; float32 has room for 38."""


def plan_search(*, steps: int, num_beams: int, length_penalty: float, vocab_size: int, n_positions: int) -> Search:
    """What is to be done. Raises UsageError if a value makes no sense."""
    check_positive("--steps", steps)
    check_top_k(num_beams, vocab_size, "--num-beams")
    if not math.isfinite(length_penalty):
        raise UsageError(f"--length-penalty is {length_penalty}; it must be a finite number")
    longest = min(steps, n_positions)  # more steps are refused once the prompt is known
    if abs(length_penalty) * math.log10(longest) > MOST_DIGITS:
        most = math.floor(MOST_DIGITS / math.log10(longest))
        raise UsageError(
            f"--length-penalty is {length_penalty}; with {longest} steps it must be between -{most} and {most}"
        )
    return Search(steps, num_beams, length_penalty)


def compare_searches(
    backend: Backend,
    tokenizer: Tokenizer,
    prompt: Prompt,
    search: Search,
    *,
    vocab_size: int,
    eos_token_ids: Collection[int],
) -> tuple[Found, tuple[Found, ...], tuple[BeamStep, ...], int | None]:
    """What greedy search and beam search find, the steps of the latter, and the first step at which they differ."""
    greedy, beams = (
        BeamSearch(num_beams, search.steps, search.length_penalty, eos_token_ids) for num_beams in (1, search.num_beams)
    )
    run_together(backend, [token.id for token in prompt.tokens], (greedy, beams), vocab_size=vocab_size)
    tree = tuple(
        BeamStep(step, tuple(_candidate(tokenizer, extension) for extension in considered))
        for step, considered in enumerate(beams.tree, start=1)
    )
    one, *_ = greedy.ended
    found = tuple(_found(tokenizer, ended, eos_token_ids) for ended in beams.ended)
    return _found(tokenizer, one, eos_token_ids), found, tree, first_divergence(one.token_ids, beams.ended[0].token_ids)


def first_divergence(one: tuple[int, ...], other: tuple[int, ...]) -> int | None:
    """The step, from 1, at which two continuations first differ; None if they do not.

    Neither goes on where the other ends: both end with the same token or after the last step.
    """
    pairs = enumerate(zip(one, other, strict=False), start=1)
    return next((step for step, (first, second) in pairs if first != second), None)


def _found(tokenizer: Tokenizer, ended: Ended, eos_token_ids: Collection[int]) -> Found:
    text, reason = completed(tokenizer, ended.token_ids, eos_token_ids)
    return Found(ended.token_ids, text, ended.logprob, ended.score, reason)


def _candidate(tokenizer: Tokenizer, extension: Extension) -> BeamCandidate:
    beam = extension.beam
    token = make_token(tokenizer, beam.token_ids[-1])
    return BeamCandidate(
        token.id,
        token.token,
        token.bytes,
        parent=extension.parent,
        beam=extension.place,
        logprob=extension.logprob,
        cumulative_logprob=beam.logprob,
        ended=isinstance(beam, Ended),
        score=beam.score if isinstance(beam, Ended) else None,
        kept=extension.kept,
    )
