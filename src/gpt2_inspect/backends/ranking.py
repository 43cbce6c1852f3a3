"""Ranking logits in NumPy: the k best of each row, the normaliser and the entropy."""

import numpy as np
import numpy.typing as npt

from ..errors import not_finite
from ..messages import Message
from .base import Ranking, Targets
from .team import share

_LANES = 64

LOGITS = Message("the model's logits")


@np.errstate(invalid="ignore")  # reported as an error below
def rank(logits: npt.NDArray[np.float32], k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
    """The best k of each row of logits (N, V), and the rank of one target in each; overwrites `logits`.

    One row at a time stays in a core's cache.

    Raises:
        ModelUnusableError: a logit is NaN or infinite.
    """
    rows = len(logits)
    ids, best = np.empty((rows, k), np.int64), np.empty((rows, k), np.float32)
    log_normalizer, entropy = np.empty(rows, np.float32), np.empty(rows, np.float32)
    found = None if targets is None else Targets(np.empty(rows, np.float32), np.empty(rows, np.int64))

    def rank_rows(part: slice) -> None:
        exponentials = np.empty(logits.shape[1], np.float32)
        for i in range(part.start, part.stop):
            row = logits[i]
            ids[i] = _best_ids(row, k)
            best[i] = row[ids[i]]
            if targets is not None and found is not None:
                found.logits[i] = row[targets[i]]
                found.ranks[i] = rank_of(targets[i], row)
            row -= best[i, 0]
            total = np.exp(row, out=exponentials).sum()
            log_total = np.log(total)
            log_normalizer[i] = best[i, 0] + log_total
            entropy[i] = log_total - np.dot(exponentials, row) / total

    share(rank_rows, rows)
    if not np.isfinite(entropy).all():  # 0 * -inf is NaN, so no infinite logit is lost
        raise not_finite(LOGITS)
    return Ranking(ids, best, log_normalizer, entropy, found)


def rank_of(token_id: int, logits: npt.NDArray[np.float32]) -> int:
    """The rank of a token among logits (V,), from 1, equal ones by the lower id."""
    own = logits[token_id]
    return int(1 + np.count_nonzero(logits > own) + np.count_nonzero(logits[:token_id] == own))


def _best_ids(row: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Ids of the k largest of (V,), best first, equal ones by the lower id.

    The maxima of disjoint lanes bound the k-th largest value from below, and few values reach that bound; so one
    pass for the maxima and one for the comparison replace a selection over the whole vocabulary.
    """
    lanes = row[: len(row) // _LANES * _LANES].reshape(_LANES, -1).max(axis=0)
    if k <= len(lanes):
        bound = np.partition(lanes, len(lanes) - k)[len(lanes) - k]
        candidates = np.flatnonzero(row >= bound)
    else:
        candidates = np.arange(len(row))
    if len(candidates) < k:  # only NaN compares like that
        raise not_finite(LOGITS)
    return candidates[best_first(candidates, row[candidates])[:k]]


def best_first(ids: npt.NDArray[np.int64], logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The order that puts the best logit first, and equal ones by the lower id."""
    return np.lexsort((ids, -logits))
