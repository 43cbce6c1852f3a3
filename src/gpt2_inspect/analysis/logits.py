"""What logits are: which place each position ranks tokens for, and how the numbers of one become probabilities."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..backends.base import Ranking
from ..checkpoint.tokenizer import Tokenizer
from ..results import Token, record
from ..results.logits import AtTemperature, Logits, LogitsPosition, Softmax, SoftmaxCandidate, TemperedCandidate
from .checks import check_flag, check_position, check_prob, check_temperatures, check_top_k, check_whole
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import make_candidate, make_token

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Exact = npt.NDArray[np.float64]
    Ids = npt.NDArray[np.int64]


@record
class LogitsQuestion(Question[str, Logits]):
    """See the logits (1, T, V): which place each position ranks, and how softmax makes probabilities of one position's.

    The logits at position i rank the tokens for the place i + 1. Nothing is drawn: temperatures and filters are
    applied, and what they would leave is shown.

    The parts that can be seen before the answer is whole are the logits themselves, as one dictionary: `logits` (T, V)
    and `token_ids` (T,), those of the text; they are copies, which may be written to.

    Args:
        position: whose logits are turned into probabilities, from 0, or from the end if negative.
        top_k: how many candidates to list there.
        temperatures: show their probabilities after each of these, too; above 0.
        top_p: show what this would cut: all but the fewest tokens whose probabilities sum to it.
        sample_top_k: show what this would cut: all but so many of the most probable tokens.
        all_positions: the table shows every position, and not the last ones alone.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
        UsageError: an option has a value that makes no sense, or the text has no such position.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "logits"
    position: int = -1
    top_k: int = 5
    temperatures: tuple[float, ...] | None = None
    top_p: float | None = None
    sample_top_k: int | None = None
    all_positions: bool = False

    def __post_init__(self) -> None:
        self._settle(
            position=check_whole,
            top_k=check_whole,
            temperatures=check_temperatures,
            top_p=check_prob,
            sample_top_k=check_whole,
            all_positions=check_flag,
        )

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> Logits:
        vocab_size = model.info.vocab_size
        top_k = check_top_k(self.top_k, vocab_size, default=type(self).top_k)
        if self.sample_top_k is not None:
            check_top_k(self.sample_top_k, vocab_size, "sample_top_k")
        backend = model.backend
        prompt = whole_prompt(model, asked)
        position = check_position(self.position, len(prompt.tokens))
        tokenizer = model.tokenizer_for(asked)
        token_ids = np.array([token.id for token in prompt.tokens])
        computed = backend.forward(token_ids[None], None, every_position=True)
        logits = computed.to_numpy()  # (T, V), before they are ranked: so the ranking is that of these very numbers
        following = np.append(token_ids[1:], token_ids[-1])  # behind the last stands nothing: not looked at
        ranking = computed.top_k(1, following)
        softmax = explain_softmax(tokenizer, logits[position], top_k)
        log_normalizers = ranking.log_normalizer.tolist()
        log_normalizers[position] = softmax.log_sum_exp  # which has more digits
        temperatures = self._temperatures(logits[position], softmax.candidates)
        if on_part is not None:
            on_part({"logits": logits.copy(), "token_ids": token_ids})
        return Logits(
            model=model.info,
            run=model.run(),
            prompt=prompt,
            options=replace(self, top_k=top_k),
            shape=(1, *logits.shape),
            positions=rank_places(tokenizer, prompt.tokens, ranking, log_normalizers),
            position=position,
            softmax=softmax,
            temperatures=temperatures,
        )

    def _temperatures(
        self, logits: "Array", candidates: Sequence[SoftmaxCandidate]
    ) -> tuple[AtTemperature, ...] | None:
        """The logits (V,) after each temperature; filters alone are applied at 1."""
        if self.temperatures is None and self.top_p is None and self.sample_top_k is None:
            return None
        return tuple(
            at_temperature(logits, candidates, temperature, self.sample_top_k, self.top_p)
            for temperature in self.temperatures or (1.0,)
        )


def rank_places(
    tokenizer: Tokenizer, tokens: Sequence[Token], ranking: Ranking, log_normalizers: Sequence[float]
) -> tuple[LogitsPosition, ...]:
    """Of each token's logits, what they rank first for the next place, and how they rank what stands there."""
    assert ranking.targets is not None
    places = []
    for index, (token, log_normalizer) in enumerate(zip(tokens, log_normalizers, strict=True)):
        argmax = make_candidate(
            tokenizer,
            int(ranking.ids[index, 0]),
            rank=1,
            logit=float(ranking.logits[index, 0]),
            log_normalizer=log_normalizer,
        )
        next_token = None
        if index + 1 < len(tokens):
            next_token = make_candidate(
                tokenizer,
                tokens[index + 1].id,
                rank=int(ranking.targets.ranks[index]),
                logit=float(ranking.targets.logits[index]),
                log_normalizer=log_normalizer,
            )
        places.append(
            LogitsPosition(
                id=token.id, token=token.token, bytes=token.bytes, index=index, argmax=argmax, next_token=next_token
            )
        )
    return tuple(places)


def explain_softmax(tokenizer: Tokenizer, logits: "Array", top_k: int) -> Softmax:
    """The steps from logits (V,) to the probabilities of the best `top_k`, in float64."""
    best = np.argsort(-logits, kind="stable")[:top_k]  # equal ones by the lower id
    largest = float(logits[best[0]])
    shifted = logits.astype(np.float64) - largest
    exponentials = np.exp(shifted)
    sum_exp = float(exponentials.sum())
    log_sum_exp = largest + math.log(sum_exp)
    candidates = []
    for rank, token_id in enumerate(best.tolist(), start=1):
        token = make_token(tokenizer, token_id)
        logit, exponential = float(logits[token_id]), float(exponentials[token_id])
        candidates.append(
            SoftmaxCandidate(
                id=token.id,
                token=token.token,
                bytes=token.bytes,
                rank=rank,
                logit=logit,
                logprob=logit - log_sum_exp,
                prob=exponential / sum_exp,
                shifted_logit=logit - largest,
                exp=exponential,
            )
        )
    return Softmax(
        largest_logit=largest,
        sum_exp=sum_exp,
        log_sum_exp=log_sum_exp,
        entropy_bits=_entropy_bits(exponentials / sum_exp),
        candidates=tuple(candidates),
    )


def at_temperature(
    logits: "Array",
    candidates: Sequence[SoftmaxCandidate],
    temperature: float,
    sample_top_k: int | None,
    top_p: float | None,
) -> AtTemperature:
    """What sampling would draw from at this temperature, of logits (V,): before the filters and after them."""
    from .sampling import final_probabilities  # loads what only sampling needs

    before = final_probabilities(logits, temperature, None, None)
    after = final_probabilities(logits, temperature, sample_top_k, top_p)
    return AtTemperature(
        temperature=temperature,
        entropy_bits=_entropy_bits(before),
        entropy_final_bits=_entropy_bits(after),
        tokens_kept=int(np.count_nonzero(after)),
        candidates=tuple(
            TemperedCandidate(
                id=candidate.id,
                token=candidate.token,
                bytes=candidate.bytes,
                rank=candidate.rank,
                prob_at_temperature=float(before[candidate.id]),
                prob_final=float(after[candidate.id]),
                kept=bool(after[candidate.id] > 0),
            )
            for candidate in candidates
        ),
    )


def _entropy_bits(probabilities: "Exact") -> float:
    """Of a distribution (V,); `abs` because what is certain should have 0 bits and not -0."""
    possible = probabilities[probabilities > 0]
    return abs(float(possible @ np.log2(possible)))
