"""How probable a text is: the logits at each position rank the token that follows it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..backends.base import Ranking
from ..checkpoint.tokenizer import Tokenizer
from ..errors import InspectError
from ..results import Prompt, record
from ..results.score import Score, ScoredToken, Totals
from .checks import EXPECTATION, check_flag, check_top_k, check_whole
from .prompt import ids_of, whole_prompt
from .question import LoadedModel, Question
from .together import in_groups
from .tokens import make_candidates

if TYPE_CHECKING:
    from .expectation import Expected


@record
class ScoreQuestion(Question[str, Score]):
    """Say how probable each token of a text is, given those before it, and how probable the whole is.

    The logits at position i rank the token at i + 1. The first token has nothing before it and is not scored.

    Args:
        bos: put `<|endoftext|>` before the text, so that its first token is scored too.
        top_k: how many proposals for the next place to list at each position.
        expect: a token of the text, the last one of several, that should be probable: the record's `expectation` says
            whether it is. It must have rank 1, unless one of the next two says more.
        within: the rank that it must have at most; without `expect`, that each token that is scored must have.
        min_prob: the probability that it must have at least; without `expect`, that each token must have.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions, or `expect` is not one
            token.
        UsageError: an option has a value that makes no sense, or there is no token to put first.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "score"
    bos: bool = False
    top_k: int = 5
    expect: str | None = None
    within: int | None = None
    min_prob: float | None = None

    def __post_init__(self) -> None:
        self._settle(bos=check_flag, top_k=check_whole)
        self._settle(**EXPECTATION)

    def _expected(self, tokenizer: Tokenizer) -> "Expected | None":
        if self.expect is None and self.within is None and self.min_prob is None:
            return None
        from .expectation import Expected  # loads what only this needs

        return Expected(self.expect, self.within, self.min_prob, tokenizer)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> Score:
        top_k = check_top_k(self.top_k, model.info.vocab_size, default=type(self).top_k)
        backend = model.backend
        prompt = whole_prompt(model, asked, with_bos=self.bos)
        expected = self._expected(model.tokenizer_for(asked))
        token_ids = ids_of(prompt)
        ranking = backend.forward(np.array([token_ids]), None, every_position=True).top_k(top_k, _following(token_ids))
        return _score(model, prompt, ranking, replace(self, top_k=top_k), expected)

    def answer_together(self, model: LoadedModel, asked: Sequence[str]) -> Iterator[Score | InspectError]:
        top_k = check_top_k(self.top_k, model.info.vocab_size, default=type(self).top_k)
        backend = model.backend
        expected = self._expected(model.tokenizer_for(self.expect or ""))
        options = replace(self, top_k=top_k)

        def answer(prompts: list[Prompt]) -> Iterator[Score]:
            texts = list(map(ids_of, prompts))
            logits = backend.forward_many(texts, every_position=True)
            ranking = logits.top_k(top_k, np.concatenate(list(map(_following, texts))))
            stops = accumulate(map(len, texts))
            for prompt, stop in zip(prompts, stops, strict=True):
                own = ranking.part(slice(stop - len(prompt.tokens), stop))
                yield _score(model, prompt, own, options, expected)

        return in_groups(asked, lambda text: whole_prompt(model, text, with_bos=self.bos), answer)


def _score(
    model: LoadedModel, prompt: Prompt, ranking: Ranking, options: ScoreQuestion, expected: "Expected | None"
) -> Score:
    positions, totals = score_tokens(ranking, model.tokenizer_for(prompt.text), prompt)
    return Score(
        model=model.info,
        run=model.run(),
        prompt=prompt,
        options=options,
        positions=positions,
        totals=totals,
        expectation=expected.text(positions) if expected else None,
    )


def _following(token_ids: list[int]) -> npt.NDArray[np.int64]:
    """The token behind each; behind the last stands nothing, and what its place has is not looked at."""
    return np.array([*token_ids[1:], token_ids[-1]])


def score_tokens(ranking: Ranking, tokenizer: Tokenizer, prompt: Prompt) -> tuple[tuple[ScoredToken, ...], Totals]:
    """Every token given those before it, and the totals, from the ranking of what follows at each position."""
    assert ranking.targets is not None
    chosen = ranking.targets.logits.astype(np.float64) - ranking.log_normalizer.astype(np.float64)
    logprobs = chosen[:-1].tolist()
    ranks = ranking.targets.ranks[:-1].tolist()
    entropies = (ranking.entropy[:-1].astype(np.float64) / math.log(2)).tolist()
    measures = zip([None, *logprobs], [None, *ranks], [None, *entropies], strict=True)
    positions = tuple(
        [
            ScoredToken(
                id=token.id,
                token=token.token,
                bytes=token.bytes,
                index=index,
                logprob=logprob,
                prob=None if logprob is None else math.exp(logprob),
                rank=rank,
                surprisal_bits=None if logprob is None else surprisal_bits(logprob),
                entropy_bits=entropy,
                next_top_logprobs=candidates,
            )
            for index, (token, (logprob, rank, entropy), candidates) in enumerate(
                zip(prompt.tokens, measures, make_candidates(tokenizer, ranking), strict=True)
            )
        ]
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
    return Totals(
        logprob=logprob,
        perplexity=perplexity,
        bits_per_byte=surprisal_bits(logprob) / size if size else None,
        tokens_scored=len(logprobs),
    )


def surprisal_bits(logprob: float) -> float:
    """From nats to bits; `abs` because what is certain should have 0 bits and not -0."""
    return abs(logprob) / math.log(2)
