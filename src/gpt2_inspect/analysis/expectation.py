"""Expectations: is a token as probable as it should be? For tests, Makefiles and those who grade."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..checkpoint.tokenizer import Tokenizer
from ..errors import InputError
from ..messages import Counted, Message, Option
from ..results import Candidate, Token
from ..results.expectation import Expectation
from .continuation import Continuation
from .prompt import encode
from .tokens import make_token

if TYPE_CHECKING:
    from ..results.score import ScoredToken

_SPACE = "\N{MIDDLE DOT}"
"""What stands for a space where tokens are shown."""


class Expected:
    """What is expected of a token: which one it is, and what its rank and probability must be."""

    def __init__(self, expect: str | None, within: int | None, min_prob: float | None, tokenizer: Tokenizer) -> None:
        """With a token, but neither rank nor probability, it must be the first.

        Raises InputError if `expect` is not one token.
        """
        self.within = 1 if expect is not None and within is None and min_prob is None else within
        self.min_prob = min_prob
        self.token_id = None if expect is None else _one_token(expect, tokenizer)
        self._expect = expect
        self._tokenizer = tokenizer

    def is_met(self, rank: int | None, prob: float | None) -> bool:
        """Whether a token of this rank and probability is as expected; one that has none is not."""
        if rank is None or prob is None:
            return False
        return (self.within is None or rank <= self.within) and (self.min_prob is None or prob >= self.min_prob)

    def twins(self) -> Iterator[int]:
        """The token that the expected one is easily taken for: with a space before it, or without."""
        if self._expect:
            other = self._expect[1:] if self._expect.startswith(" ") else f" {self._expect}"
            token_ids = self._tokenizer.encode(other)
            if len(token_ids) == 1:
                yield token_ids[0]

    def next(self, step: int, continuation: Continuation, chosen: Candidate) -> Expectation:
        """Judge what comes next at a step, before a token is taken."""
        best = continuation.propose(1).chosen
        found = chosen if self.token_id is None else continuation.candidate(self.token_id)
        met = self.is_met(found.rank, found.prob)
        ranked = map(continuation.candidate, () if met else self.twins())
        twin = next((each for each in ranked if self.is_met(each.rank, each.prob)), None)
        return self._judged(met, step, found, found.rank, found.prob, (best, best.prob), twin)

    def never(self) -> Expectation:
        """Of a step that was not reached, or of a token that the text does not have."""
        token = None if self.token_id is None else make_token(self._tokenizer, self.token_id)
        return self._judged(False, None, token, None, None, None, None)

    def text(self, tokens: "Sequence[ScoredToken]") -> Expectation:
        """Judge the expected token of a text, the last if it is there several times; or without one all tokens."""
        if self.token_id is None:
            scored = [token for token in tokens if token.rank is not None]
            wrong = [token for token in scored if not self.is_met(token.rank, token.prob)]
            found = min(wrong or scored, key=lambda token: token.prob or 0, default=None)
            # of a text that is not scored nothing can be said
            return self._scored(found, tokens) if found else self.never()
        there = {token.id: token for token in tokens}
        if self.token_id in there:
            return self._scored(there[self.token_id], tokens)
        twin = next((there[token_id] for token_id in self.twins() if token_id in there), None)
        return self.never() if twin is None else self._twin_only(twin)

    def _twin_only(self, twin: Token) -> Expectation:
        assert self.token_id is not None
        return self._judged(False, None, make_token(self._tokenizer, self.token_id), None, None, None, twin)

    def _scored(self, token: "ScoredToken", tokens: "Sequence[ScoredToken]") -> Expectation:
        met = self.is_met(token.rank, token.prob)
        best = tokens[token.index - 1].next_top_logprobs[0] if token.index else None
        return self._judged(
            met, token.index, token, token.rank, token.prob, None if best is None else (best, best.prob), None
        )

    def _judged(
        self,
        met: bool,
        place: int | None,
        token: Token | None,
        rank: int | None,
        prob: float | None,
        best: tuple[Token, float] | None,
        twin: Token | None,
    ) -> Expectation:
        return Expectation(
            met=met,
            within=self.within,
            min_prob=self.min_prob,
            place=place,
            token=_bare(token),
            rank=rank,
            prob=prob,
            best=_bare(best[0]) if best else None,
            best_prob=best[1] if best else None,
            confused_with=_bare(twin),
        )


def _bare(token: Token | None) -> Token | None:
    """Nothing but the token, of a record that says more."""
    return None if token is None else Token(id=token.id, token=token.token, bytes=token.bytes)


def _one_token(text: str, tokenizer: Tokenizer) -> int:
    token_ids = encode(text, tokenizer)
    if len(token_ids) == 1:
        return token_ids[0]
    option = Option("expect")
    if not token_ids:
        raise InputError(Message("{option} is empty; it must be a token", option=option))
    pieces = ", ".join(repr(make_token(tokenizer, token_id).token) for token_id in token_ids[:10])
    hint = Message("they are {pieces}", pieces=pieces)
    if _SPACE in text:
        hint = Message("where tokens are shown, {mark} stands for a space: type the space", mark=_SPACE)
    raise InputError(
        Counted(
            "{option} is {text!r}, which is {n} token; it must be one",
            "{option} is {text!r}, which is {n} tokens; it must be one",
            n=len(token_ids),
            option=option,
            text=text,
        ),
        hint,
    )
