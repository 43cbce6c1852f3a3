"""Beam search: keep the best few continuations, extend each by its best tokens, and keep the best few of those.

It finds what transformers' generate(num_beams=B, num_return_sequences=B, do_sample=False) finds, whose rules are:

- Of all extensions the best 2B are considered, by the sum of the logprobs of their tokens; with E end tokens, if
  E > 1, the best (1 + E)B, so that B of them can run on even if all others have ended.
- Those that end in an end token, and after the last step all, have ended: if they are among the first B of those
  considered, they get a score and a place among the best B ended ones. The first B others run on.
- The score is the sum divided by the number of tokens, an end token included, to the power of the length
  penalty. (Wu et al. 2016, section 7, divide by ((5 + length) / 6) to that power.)
- The search ends before the last step when B have ended and the best that still runs, were it to end now, would not
  score above the worst of them (early_stopping=False, the default).
- With one beam this is greedy search, for then the best token alone counts.

One thing is left out: transformers fills empty places with scores of -1e9, so that a penalty which makes real ones
smaller still, such as -9 over ten steps, leaves it with places that nothing fills.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..backends.base import Backend

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]
    Logprobs = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Beam:
    """A continuation of the prompt."""

    token_ids: tuple[int, ...]
    logprob: float
    """Sum over its tokens, in nats."""


@dataclass(frozen=True)
class Ended(Beam):
    """A continuation that is complete."""

    score: float


@dataclass(frozen=True)
class Extension:
    """A token that was considered as the next one of a running beam, and what became of it."""

    parent: int
    """Place of that beam among those that ran, from 0."""
    logprob: float
    """Of the token alone."""
    beam: Beam
    """The extended one."""
    place: int | None
    """Its own place among the beams that run on, None if it does not."""
    kept: bool
    """True if it runs on, or has ended and was among the best of those."""


class BeamSearch:
    """The state of one search. It is told how the model ranks the next tokens, and tells which beams run on."""

    def __init__(self, num_beams: int, steps: int, length_penalty: float, eos_token_ids: Collection[int]) -> None:
        self.num_beams = num_beams
        self.steps = steps
        self.running = [Beam((), 0.0)]
        """Best first."""
        self.ended: list[Ended] = []
        """The best `num_beams` so far, best first, equal ones as they ended."""
        self.tree: list[tuple[Extension, ...]] = []
        """For each step what was considered, best first, equal ones by parent and id."""
        self._length_penalty = length_penalty
        self._eos_token_ids = frozenset(eos_token_ids)
        self.width = max(2, 1 + len(self._eos_token_ids)) * num_beams
        """How many extensions are considered at each step."""

    def advance(self, ids: "Ids", logprobs: "Logprobs") -> list[int]:
        """Take a step. Gives, for each beam that now runs, the place of the beam that it extends; nothing at the end.

        `ids` and `logprobs` are the next tokens of each running beam, (beams, k), best first: `width` of them, or the
        whole vocabulary if that is smaller. No others of a beam can be among the best `width` of all.
        """
        considered = self._consider(ids, logprobs)
        ended = [beam for _, _, beam in considered[: self.num_beams] if isinstance(beam, Ended)]
        self.ended = sorted([*self.ended, *ended], key=lambda beam: -beam.score)[: self.num_beams]
        running = [(parent, beam) for parent, _, beam in considered if not isinstance(beam, Ended)][: self.num_beams]
        self.running = [beam for _, beam in running]

        places = {beam: place for place, beam in enumerate(self.running)}
        kept = places.keys() | set(self.ended)
        self.tree.append(
            tuple(
                Extension(parent, logprob, beam, places.get(beam), beam in kept) for parent, logprob, beam in considered
            )
        )
        return [] if self._is_over() else [parent for parent, _ in running]

    def _consider(self, ids: "Ids", logprobs: "Logprobs") -> list[tuple[int, float, Beam]]:
        """The best extensions, best first: the place of the beam that each extends, its token's logprob, the result."""
        sums = np.array([[beam.logprob] for beam in self.running]) + logprobs
        best = np.argsort(-sums, axis=None, kind="stable")[: self.width]
        considered = []
        for parent, column in zip(*(places.tolist() for places in np.unravel_index(best, sums.shape)), strict=True):
            token_ids = (*self.running[parent].token_ids, int(ids[parent, column]))
            beam = self._end_if_due(Beam(token_ids, float(sums[parent, column])))
            considered.append((parent, float(logprobs[parent, column]), beam))
        return considered

    def _end_if_due(self, beam: Beam) -> Beam:
        if beam.token_ids[-1] in self._eos_token_ids or len(beam.token_ids) == self.steps:
            return Ended(beam.token_ids, beam.logprob, self._score(beam))
        return beam

    def _score(self, beam: Beam) -> float:
        return beam.logprob / math.pow(len(beam.token_ids), self._length_penalty)

    def _is_over(self) -> bool:
        if not self.running:
            return True
        return len(self.ended) == self.num_beams and self._score(self.running[0]) <= self.ended[-1].score


def run_together(
    backend: Backend, token_ids: Sequence[int], searches: Sequence[BeamSearch], *, vocab_size: int
) -> None:
    """Run searches from the same prompt to their ends, all their beams as one batch with one cache.

    The prompt runs once, as a single sequence; then the cache is spread over the beams of all searches, and after each
    step put in the order of the beams that run on.
    """
    k = min(vocab_size, max(search.width for search in searches))
    read = len(token_ids) + max(search.steps for search in searches) - 1  # not the tokens of the last step
    cache = backend.new_cache(1, read)
    new = np.array([token_ids])
    going = [(search, [0]) for search in searches]  # with the rows of the batch that its beams have
    while going:
        ranking = backend.forward(new, cache).top_k(k)
        logprobs = ranking.logits.astype(np.float64) - ranking.log_normalizer[:, None]
        earlier: list[int] = []  # for each row of the next batch, the row that it goes on from
        still = []
        for search, rows in going:
            parents = search.advance(ranking.ids[rows], logprobs[rows])
            if parents:
                still.append((search, list(range(len(earlier), len(earlier) + len(parents)))))
                earlier += [rows[parent] for parent in parents]
        if still:
            cache.reorder(earlier)
            new = np.array([[beam.token_ids[-1]] for search, _ in still for beam in search.running])
        going = still
