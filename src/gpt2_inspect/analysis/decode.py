"""From token ids to text: each token by itself, and all of them together."""

from collections.abc import Sequence
from operator import index

from ..checkpoint.tokenizer import Tokenizer
from ..errors import InputError
from ..results.decode import DecodedToken
from .tokens import is_complete_utf8, make_token


def decode_ids(
    tokenizer: Tokenizer, token_ids: Sequence[int], *, vocab_size: int, skip_special_tokens: bool
) -> tuple[tuple[DecodedToken, ...], str]:
    """The tokens and their text, which is joined from bytes: a character may be spread over several tokens.

    Raises InputError if there are no ids, or one is outside the vocabulary.
    """
    token_ids = list(map(index, token_ids))  # NumPy's and torch's whole numbers are made Python's
    if not token_ids:
        raise InputError("there are no token ids", "give one or more, for example 318")
    for token_id in token_ids:
        if not 0 <= token_id < vocab_size:
            raise InputError(
                f"token id {token_id} is outside the vocabulary",
                f"this model has {vocab_size} tokens, from 0 to {vocab_size - 1}",
            )
    decoded = {token_id: _decoded(tokenizer, token_id) for token_id in set(token_ids)}
    tokens = tuple(decoded[token_id] for token_id in token_ids)
    return tokens, tokenizer.decode(token_ids, skip_special_tokens=skip_special_tokens)


def _decoded(tokenizer: Tokenizer, token_id: int) -> DecodedToken:
    token = make_token(tokenizer, token_id)
    return DecodedToken(token.id, token.token, token.bytes, is_complete_utf8(token))
