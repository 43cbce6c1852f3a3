"""From token ids to text: each token by itself, and all of them together."""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, ClassVar

from ..checkpoint.tokenizer import Tokenizer
from ..errors import InputError
from ..messages import Message
from ..results import record
from ..results.decode import Decode, DecodedToken
from .checks import check_flag
from .question import LoadedModel, Question
from .tokens import check_token_id, is_complete_utf8, make_token


@record
class DecodeQuestion(Question[Sequence[int], Decode]):
    """Turn token ids into text: each by itself, and all together. Needs no weights.

    There is at least one id; how many the model could read does not matter.

    Args:
        skip_special_tokens: leave `<|endoftext|>` and its like out of the text, though not out of the tokens.

    Raises:
        InputError: there are no ids, or one is outside the vocabulary.
        UsageError: `skip_special_tokens` is neither True nor False.
        ModelUnusableError: the tokenizer is broken.
        BackendUnavailableError: the tokenizer needs transformers, which is not installed.
    """

    command: ClassVar[str] = "decode"
    about: ClassVar[str] = "token_ids"
    skip_special_tokens: bool = False

    def __post_init__(self) -> None:
        self._settle(skip_special_tokens=check_flag)

    def answer(self, model: LoadedModel, asked: Sequence[int], on_part: Callable[[Any], None] | None = None) -> Decode:
        tokens, text = decode_ids(
            model.tokenizer_for(""),
            asked,
            vocab_size=model.info.vocab_size,
            skip_special_tokens=self.skip_special_tokens,
        )
        return Decode(
            model=model.info,
            run=model.run_without_weights(),
            prompt=None,
            options=self,
            tokens=tokens,
            text=text,
            argmax=None,
            argsort=None,
        )


def decode_ids(
    tokenizer: Tokenizer, token_ids: Sequence[int], *, vocab_size: int, skip_special_tokens: bool
) -> tuple[tuple[DecodedToken, ...], str]:
    """The tokens and their text, which is joined from bytes: a character may be spread over several tokens.

    Raises InputError if there are no ids, or one is outside the vocabulary.
    """
    token_ids = list(map(index, token_ids))  # NumPy's and torch's whole numbers are made Python's
    if not token_ids:
        raise InputError(Message("there are no token ids"), Message("give one or more, for example 318"))
    for token_id in token_ids:
        check_token_id(token_id, vocab_size)
    decoded = {token_id: _decoded(tokenizer, token_id) for token_id in set(token_ids)}
    tokens = tuple(decoded[token_id] for token_id in token_ids)
    return tokens, tokenizer.decode(token_ids, skip_special_tokens=skip_special_tokens)


def _decoded(tokenizer: Tokenizer, token_id: int) -> DecodedToken:
    token = make_token(tokenizer, token_id)
    return DecodedToken(id=token.id, token=token.token, bytes=token.bytes, complete_utf8=is_complete_utf8(token))
