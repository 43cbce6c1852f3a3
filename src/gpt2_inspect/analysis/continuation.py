"""A text that grows token by token: see what the model would put next, take a token, go back, branch off."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ..backends.base import CacheFullError, Logits, Ranking
from ..errors import InputError
from ..messages import Counted, Message
from ..results import Candidate, SampledCandidate
from .question import LoadedModel
from .tokens import check_token_id, make_candidate, make_candidates

if TYPE_CHECKING:
    from .sampling import Draw, Sampler


class Proposals(NamedTuple):
    """What the model would put next."""

    candidates: tuple[Candidate, ...]
    """The best, best first; after a draw these are SampledCandidates."""
    chosen: Candidate
    """The best of all, or the one that was drawn, which may be none of the candidates."""
    entropy_bits: float
    """Of the model's whole distribution."""


class Continuation:
    """Some tokens, and those that were taken after them.

    Every token is read once, together with all that stand before it and have not been read: when proposals are asked
    for. So the last token taken is never read if nobody asks what comes next.
    """

    def __init__(self, model: LoadedModel, token_ids: Sequence[int], capacity: int | None = None) -> None:
        """Start from `token_ids`, at least one. Up to `capacity` tokens can be read, by default n_positions."""
        self._model = model
        self._tokenizer = model.tokenizer_for("")
        self._token_ids = list(token_ids)
        self._started_with = len(token_ids)
        self._cache = model.backend.new_cache(1, model.info.n_positions if capacity is None else capacity)
        self._logits: Logits | None = None  # of the last token, once it has been read

    @property
    def token_ids(self) -> tuple[int, ...]:
        """All tokens, those that it was started from among them."""
        return tuple(self._token_ids)

    @property
    def taken(self) -> tuple[int, ...]:
        """The tokens that were taken."""
        return tuple(self._token_ids[self._started_with :])

    def propose(self, top_k: int) -> Proposals:
        """The best `top_k` tokens to take next.

        Raises:
            InputError: there are more tokens than the model can read.
            ModelUnusableError: a logit is NaN or infinite.
        """
        ranking = self._read().top_k(top_k)
        (candidates,) = make_candidates(self._tokenizer, ranking)
        return Proposals(candidates, candidates[0], _entropy_bits(ranking))

    def draw(self, sampler: "Sampler", top_k: int) -> Proposals:
        """A token drawn at random, beside the best `top_k`. Raises what `propose` does."""
        logits = self.logits()  # first: the ranking then uses them, too
        ranking = self._read().top_k(top_k)
        draw = sampler.draw(logits)
        candidates = tuple(_sampled(each, draw) for each in make_candidates(self._tokenizer, ranking)[0])
        listed = next((candidate for candidate in candidates if candidate.id == draw.token_id), None)
        return Proposals(candidates, listed or _sampled(self.candidate(draw.token_id), draw), _entropy_bits(ranking))

    def candidate(self, token_id: int) -> Candidate:
        """Any token as a candidate, with the rank that it has here.

        Raises what `propose` does, and InputError if there is no token with this id.
        """
        check_token_id(token_id, self._model.info.vocab_size)
        ranking = self._read().top_k(1, np.array([token_id]))
        assert ranking.targets is not None
        return make_candidate(
            self._tokenizer,
            token_id,
            rank=int(ranking.targets.ranks[0]),
            logit=float(ranking.targets.logits[0]),
            log_normalizer=float(ranking.log_normalizer[0]),
        )

    def logits(self) -> npt.NDArray[np.float32]:
        """Those of what comes next, (V,), not to be written to. Raises InputError as `propose` does."""
        (row,) = self._read().to_numpy()
        return np.asarray(row)

    def take(self, token_id: int) -> None:
        """Append a token, whatever the model thinks of it. Raises InputError if there is none with this id."""
        check_token_id(token_id, self._model.info.vocab_size)
        self._token_ids.append(token_id)
        self._logits = None

    def back(self, steps: int = 1) -> None:
        """Give back the last tokens taken. Raises InputError if fewer have been taken."""
        if not 0 <= steps <= len(self.taken):
            raise InputError(
                Counted(
                    "cannot go back {steps}: {n} token has been taken",
                    "cannot go back {steps}: {n} tokens have been taken",
                    n=len(self.taken),
                    steps=steps,
                )
            )
        if steps:
            del self._token_ids[-steps:]
            self._cache.truncate(min(self._cache.length, len(self._token_ids) - 1))  # the last is read once more
            self._logits = None

    def fork(self) -> "Continuation":
        """Another continuation of the same tokens; from here on the two go on apart."""
        other = object.__new__(Continuation)
        other.__dict__ |= self.__dict__ | {"_token_ids": self._token_ids.copy(), "_cache": self._cache.fork()}
        return other

    @staticmethod
    def read_together(continuations: "Sequence[Continuation]") -> None:
        """Read what each has not read yet in one forward pass: what they propose next is there then.

        They are of one model, and in all of them there is room.
        """
        waiting = [continuation for continuation in continuations if continuation._logits is None]
        if waiting:
            unread, caches = [each._unread for each in waiting], [each._cache for each in waiting]
            found = waiting[0]._model.backend.forward_many(unread, caches)
            for continuation, logits in zip(waiting, found.each, strict=True):
                continuation._logits = logits

    @property
    def _unread(self) -> list[int]:
        return self._token_ids[self._cache.length :]

    def _read(self) -> Logits:
        """The logits of the last token, (1, V)."""
        if self._logits is None:
            try:
                self._logits = self._model.backend.forward(np.array([self._unread]), self._cache)
            except CacheFullError:
                raise InputError(
                    Message(
                        "{tokens} tokens are more than can be read: there is room for {capacity}",
                        tokens=len(self._token_ids),
                        capacity=self._cache.capacity,
                    ),
                    Message("go back, or start from fewer tokens"),
                ) from None
        return self._logits


def _entropy_bits(ranking: Ranking) -> float:
    return float(ranking.entropy[0]) / math.log(2)


def _sampled(candidate: Candidate, draw: "Draw") -> SampledCandidate:
    prob_final = float(draw.probabilities[candidate.id])
    return SampledCandidate(
        id=candidate.id,
        token=candidate.token,
        bytes=candidate.bytes,
        rank=candidate.rank,
        logit=candidate.logit,
        logprob=candidate.logprob,
        prob=candidate.prob,
        prob_final=prob_final,
        kept=prob_final > 0,
    )
