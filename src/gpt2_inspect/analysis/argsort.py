"""Why `decode` takes an index: argmax and argsort of the logits, which say where a number stands and not how large."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ..backends.base import Backend
from ..checkpoint.tokenizer import Tokenizer
from ..results import Candidate, Prompt, record
from ..results.decode import Argsort, Decode
from .checks import check_flag, check_top_k, check_whole
from .decode import decode_ids
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import make_candidate


@record
class DecodeArgmaxQuestion(Question[str, Decode]):
    """Go from the logits after a text to the next token: argmax gives an index, and the index is decoded.

    Args:
        top_k: how many tokens to list from each end of the logits' order.
        skip_special_tokens: leave `<|endoftext|>` and its like out of the text, though not out of the tokens.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
        UsageError: an option has a value that makes no sense.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "decode"
    top_k: int = 5
    skip_special_tokens: bool = False

    def __post_init__(self) -> None:
        self._settle(top_k=check_whole, skip_special_tokens=check_flag)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> Decode:
        vocab_size = model.info.vocab_size
        top_k = check_top_k(self.top_k, vocab_size, default=type(self).top_k)
        backend = model.backend
        prompt = whole_prompt(model, asked)
        tokenizer = model.tokenizer_for(asked)
        argmax, argsort = sort_logits(backend, tokenizer, prompt, vocab_size=vocab_size, top_k=top_k)
        tokens, text = decode_ids(
            tokenizer, [argmax.id], vocab_size=vocab_size, skip_special_tokens=self.skip_special_tokens
        )
        return Decode(
            model=model.info,
            run=model.run(),
            prompt=prompt,
            options=replace(self, top_k=top_k),
            tokens=tokens,
            text=text,
            argmax=argmax,
            argsort=argsort,
        )


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
            tokenizer,
            int(ranking.ids[0, place]),
            rank=place + 1,
            logit=float(ranking.logits[0, place]),
            log_normalizer=log_normalizer,
        )
        for place in places
    )
    return descending[0], Argsort(ascending=descending[::-1], descending=descending)
