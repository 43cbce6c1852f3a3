"""Why `decode` takes an index: argmax and argsort of the logits, which say where a number stands and not how large."""

from collections.abc import Sequence

import numpy as np

from ..backends.base import Backend
from ..checkpoint.tokenizer import Tokenizer
from ..results import Candidate, Prompt
from ..results.decode import Argsort
from .tokens import make_candidate


def sort_logits(
    backend: Backend, tokenizer: Tokenizer, prompt: Prompt, *, vocab_size: int, top_k: int
) -> tuple[Candidate, Argsort]:
    """argmax and argsort of the logits (V,) behind the last token of the prompt, `top_k` from each end of the order.

    numpy.argsort leaves the order of equal logits open. Here the lower id has the higher rank, as everywhere.
    """
    token_ids = np.array([[token.id for token in prompt.tokens]])
    logits = backend.forward(token_ids, None)
    ranking = logits.top_k(vocab_size)  # all of them: argsort, the best first
    log_normalizer = float(ranking.log_normalizer[0])
    places: Sequence[int] = range(vocab_size)
    if 2 * top_k < vocab_size:
        places = [*places[:top_k], *places[-top_k:]]
    descending = tuple(
        make_candidate(
            tokenizer, int(ranking.ids[0, place]), place + 1, float(ranking.logits[0, place]), log_normalizer
        )
        for place in places
    )
    return descending[0], Argsort(descending[::-1], descending)
