"""Drawing the next token at random: temperature, top-k, top-p, and the same draw on every backend."""

import math
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Draw:
    """A token drawn, and what it was drawn from."""

    token_id: int
    probabilities: npt.NDArray[np.float64]
    """(V,) after temperature and filters; 0 where a filter took the token out."""


class Sampler:
    """Draws tokens, the same ones for the same seed.

    One uniform number from Python's Mersenne Twister picks the token from the cumulative distribution in the order of
    the ids, in float64, so that rounding in the logits does not change the draw.
    """

    def __init__(self, seed: int, temperature: float, top_k: int | None, top_p: float | None) -> None:
        self._random = random.Random(seed)
        self._temperature = temperature
        self._top_k = top_k
        self._top_p = top_p

    def draw(self, logits: npt.NDArray[np.float32]) -> Draw:
        """Draw from the logits (V,) of one position."""
        probabilities = final_probabilities(logits, self._temperature, self._top_k, self._top_p)
        cumulative = np.cumsum(probabilities)
        chosen = int(np.searchsorted(cumulative, self._random.random() * cumulative[-1], side="right"))
        if chosen == len(cumulative):  # rounding at the very end
            chosen = int(np.flatnonzero(probabilities)[-1])
        return Draw(chosen, probabilities)


def final_probabilities(
    logits: npt.NDArray[np.float32], temperature: float, top_k: int | None, top_p: float | None
) -> npt.NDArray[np.float64]:
    """What is drawn from: the probabilities (V,) of logits (V,) after temperature and filters, 0 where one cuts.

    The filters are applied in the order and with the meaning that transformers' `generate` gives them: temperature,
    then top-k, then top-p (Holtzman et al. 2019, https://arxiv.org/abs/1904.09751).
    """
    scaled = logits.astype(np.float64)
    scaled -= scaled.max()
    with np.errstate(over="ignore"):  # next to no temperature leaves the best token alone
        scaled /= temperature
    if top_k is not None and top_k < len(scaled):
        weakest = np.partition(scaled, -top_k)[-top_k]
        scaled[scaled < weakest] = -math.inf
    probabilities = _softmax(scaled)
    return probabilities if top_p is None or top_p >= 1 else _nucleus(probabilities, top_p)


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of logits (V,) whose largest is 0."""
    exponentials = np.exp(logits)
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float64)


def _nucleus(probabilities: npt.NDArray[np.float64], top_p: float) -> npt.NDArray[np.float64]:
    """Keep the fewest tokens whose probabilities sum to `top_p` or more, one at least, and rescale them to 1."""
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.zeros_like(probabilities)
    inside = order[(before < top_p)]
    kept[inside] = probabilities[inside]
    return np.asarray(kept / kept.sum(), dtype=np.float64)
