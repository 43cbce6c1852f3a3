"""Ranking logits in NumPy: the k best of each row, the normaliser and the entropy."""

import numpy as np
import numpy.typing as npt

from ..errors import not_finite
from ..messages import Message
from .base import Ranking, Targets
from .kernels import PIECE
from .team import share

_LANES = 64

_ROWS = 8
"""Ranked at a time at least: from here on it hardly counts what NumPy's calls cost."""

LOGITS = Message("the model's logits")


@np.errstate(invalid="ignore")  # reported as an error below
def rank(logits: npt.NDArray[np.float32], k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
    """The best k of each row of logits (N, V), and the rank of one target in each.

    A few rows at a time stay in a core's cache.

    Raises:
        ModelUnusableError: a logit is NaN or infinite.
    """
    rows, vocab_size = logits.shape
    ids, best = np.empty((rows, k), np.int64), np.empty((rows, k), np.float32)
    log_normalizer, entropy = np.empty(rows, np.float32), np.empty(rows, np.float32)
    found = None if targets is None else Targets(np.empty(rows, np.float32), np.empty(rows, np.int64))
    step = max(_ROWS, PIECE // vocab_size)

    def rank_rows(part: slice) -> None:
        scratch = np.empty((2, min(step, part.stop - part.start), vocab_size), np.float32)
        for first in range(part.start, part.stop, step):
            piece = slice(first, min(first + step, part.stop))
            some = logits[piece]
            each = np.arange(len(some))
            ids[piece] = _best_ids(some, k)
            best[piece] = some[each[:, None], ids[piece]]
            if targets is not None and found is not None:
                found.logits[piece] = some[each, targets[piece]]
                found.ranks[piece] = _ranks_of(targets[piece], some)
            shifted, exponentials = scratch[:, : len(some)]
            np.subtract(some, best[piece, :1], out=shifted)
            np.exp(shifted, out=exponentials)
            totals = exponentials.sum(axis=1)
            log_totals = np.log(totals)
            log_normalizer[piece] = best[piece, 0] + log_totals
            entropy[piece] = log_totals - np.vecdot(exponentials, shifted) / totals

    share(rank_rows, rows)
    if not np.isfinite(entropy).all():  # 0 * -inf is NaN, so no infinite logit is lost
        raise not_finite(LOGITS)
    return Ranking(ids, best, log_normalizer, entropy, found)


def _ranks_of(token_ids: npt.NDArray[np.int64], logits: npt.NDArray[np.float32]) -> list[int]:
    """The rank of one token in each row of logits (N, V), from 1, equal ones by the lower id."""
    return [
        1 + int(np.count_nonzero(row[:token_id] >= row[token_id]) + np.count_nonzero(row[token_id:] > row[token_id]))
        for token_id, row in zip(token_ids.tolist(), logits, strict=True)
    ]


def _best_ids(logits: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Ids of the k largest of each row of (N, V), best first, equal ones by the lower id.

    The maxima of disjoint lanes bound the k-th largest value from below, and few values reach that bound; so one
    pass for the maxima and one for the comparison replace a selection over the whole vocabulary.
    """
    rows, vocab_size = logits.shape
    lanes = logits[:, : vocab_size // _LANES * _LANES].reshape(rows, _LANES, -1).max(axis=1)
    if k <= lanes.shape[1]:
        bound = np.partition(lanes, lanes.shape[1] - k, axis=1)[:, -k, None]
        candidates = np.flatnonzero(logits >= bound)
    else:
        candidates = np.arange(logits.size)
    row = candidates // vocab_size
    firsts = np.searchsorted(row, np.arange(rows + 1))
    if (firsts[1:] - firsts[:-1]).min() < k:  # only NaN compares like that
        raise not_finite(LOGITS)
    order = np.lexsort((-logits.ravel()[candidates], row))  # which leaves equal ones as they are
    best: npt.NDArray[np.int64] = candidates[order[firsts[:-1, None] + np.arange(k)]] % vocab_size
    return best


def best_first(ids: npt.NDArray[np.int64], logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The order that puts the best logit first, and equal ones by the lower id."""
    return np.lexsort((ids, -logits))
