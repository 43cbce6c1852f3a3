"""Greedy search beside beam search: what each finds, how beam search got there, and where the two part."""

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, ClassVar

from ..checkpoint.tokenizer import Tokenizer
from ..errors import UsageError
from ..messages import Message, Option
from ..results import record
from ..results.compare_search import BeamCandidate, BeamStep, CompareSearch, Found
from .beam_search import BeamSearch, Ended, Extension, run_together
from .checks import check_positive, check_real, check_top_k, check_whole
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import completed, make_token

MOST_DIGITS = 30
"""Decimal digits by which a length penalty may make scores larger or smaller; float32 has room for 38."""


@record
class CompareSearchQuestion(Question[str, CompareSearch]):
    """Compare greedy search with beam search, whose results are those of transformers' generate().

    Args:
        steps: how many tokens to add (transformers' max_new_tokens); fewer where an end token comes first.
        num_beams: how many beams run side by side, and how many are given back.
        length_penalty: beams are ranked by logprob / tokens ** length_penalty: above 0 favours long ones, below 0
            short ones.

    Raises:
        InputError: the text is empty, not valid Unicode, or exceeds the model's n_positions along with all steps but
            the last, whose token is never read.
        UsageError: an option has a value that makes no sense.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "compare-search"
    steps: int = 6
    num_beams: int = 3
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        self._settle(steps=check_positive, num_beams=check_whole, length_penalty=check_real)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> CompareSearch:
        vocab_size = model.info.vocab_size
        num_beams = check_top_k(self.num_beams, vocab_size, "num_beams", default=type(self).num_beams)
        self._check_length_penalty(min(self.steps, model.info.n_positions))  # more steps fit no prompt
        backend = model.backend
        prompt = whole_prompt(model, asked, steps=self.steps)
        tokenizer, ends = model.tokenizer_for(asked), model.eos_token_ids
        greedy, beams = (BeamSearch(beams, self.steps, self.length_penalty, ends) for beams in (1, num_beams))
        run_together(backend, [token.id for token in prompt.tokens], (greedy, beams), vocab_size=vocab_size)
        one, *_ = greedy.ended
        return CompareSearch(
            model=model.info,
            run=model.run(),
            prompt=prompt,
            search=replace(self, num_beams=num_beams),
            greedy=_found(tokenizer, one, ends),
            beams=tuple(_found(tokenizer, ended, ends) for ended in beams.ended),
            tree=tuple(
                BeamStep(step=step, candidates=tuple(_candidate(tokenizer, extension) for extension in considered))
                for step, considered in enumerate(beams.tree, start=1)
            ),
            first_divergence=first_divergence(one.token_ids, beams.ended[0].token_ids),
        )

    def _check_length_penalty(self, longest: int) -> None:
        if abs(self.length_penalty) * math.log10(longest) > MOST_DIGITS:
            raise UsageError(
                Message(
                    "{option} is {value}; with {longest} steps it must be between -{most} and {most}",
                    option=Option("length_penalty"),
                    value=self.length_penalty,
                    longest=longest,
                    most=math.floor(MOST_DIGITS / math.log10(longest)),
                )
            )


def first_divergence(one: tuple[int, ...], other: tuple[int, ...]) -> int | None:
    """The step, from 1, at which two continuations first differ; None if they do not.

    Neither goes on where the other ends: both end with the same token or after the last step.
    """
    pairs = enumerate(zip(one, other, strict=False), start=1)
    return next((step for step, (first, second) in pairs if first != second), None)


def _found(tokenizer: Tokenizer, ended: Ended, eos_token_ids: Collection[int]) -> Found:
    text, reason = completed(tokenizer, ended.token_ids, eos_token_ids)
    return Found(token_ids=ended.token_ids, text=text, logprob=ended.logprob, score=ended.score, finish_reason=reason)


def _candidate(tokenizer: Tokenizer, extension: Extension) -> BeamCandidate:
    beam = extension.beam
    token = make_token(tokenizer, beam.token_ids[-1])
    return BeamCandidate(
        id=token.id,
        token=token.token,
        bytes=token.bytes,
        parent=extension.parent,
        beam=extension.place,
        logprob=extension.logprob,
        cumulative_logprob=beam.logprob,
        ended=isinstance(beam, Ended),
        score=beam.score if isinstance(beam, Ended) else None,
        kept=extension.kept,
    )
