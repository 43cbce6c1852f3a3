"""Token ids as records: what a token is, and what a candidate for the next one is."""

import math
from collections.abc import Container, Sequence
from functools import lru_cache

from ..backends.base import Ranking
from ..checkpoint.tokenizer import Tokenizer
from ..errors import InputError
from ..messages import Message
from ..results import Candidate, Token


def make_token(tokenizer: Tokenizer, token_id: int) -> Token:
    """The record of one token id."""
    text, raw = _text_and_bytes(tokenizer.token_bytes(token_id))
    return Token(id=token_id, token=text, bytes=raw)


@lru_cache(1 << 17)  # more than a vocabulary has
def _text_and_bytes(raw: bytes) -> tuple[str, tuple[int, ...]]:
    return raw.decode("utf-8", "replace"), tuple(raw)


def make_tokens(tokenizer: Tokenizer, token_ids: Sequence[int]) -> tuple[Token, ...]:
    """The records of several token ids. An id has one record however often it comes: texts may be long."""
    tokens = {token_id: make_token(tokenizer, token_id) for token_id in set(token_ids)}
    return tuple(tokens[token_id] for token_id in token_ids)


def completed(tokenizer: Tokenizer, token_ids: Sequence[int], eos_token_ids: Container[int]) -> tuple[str, str]:
    """The text of a completion, and why it ended.

    `eos` if its last token is one of `eos_token_ids`, which is then left out of the text; else `length`.
    """
    ended = token_ids[-1] in eos_token_ids
    return tokenizer.decode(token_ids[:-1] if ended else token_ids), "eos" if ended else "length"


def check_token_id(token_id: int, vocab_size: int) -> None:
    """Raise InputError if the vocabulary has no such id."""
    if not 0 <= token_id < vocab_size:
        raise InputError(
            Message("token id {token_id} is outside the vocabulary", token_id=token_id),
            Message("this model has {vocab_size} tokens, from 0 to {last}", vocab_size=vocab_size, last=vocab_size - 1),
        )


def is_complete_utf8(token: Token) -> bool:
    """True if the bytes of the token are whole UTF-8 by themselves, as no bytes at all are."""
    try:
        bytes(token.bytes).decode()
    except UnicodeDecodeError:
        return False
    return True


def make_candidate(tokenizer: Tokenizer, token_id: int, *, rank: int, logit: float, log_normalizer: float) -> Candidate:
    """The record of a candidate; `log_normalizer` is the log of the sum of exp(logit) over the vocabulary."""
    text, raw = _text_and_bytes(tokenizer.token_bytes(token_id))
    logprob = logit - log_normalizer
    return Candidate(
        id=token_id,
        token=text,
        bytes=raw,
        rank=rank,
        logit=logit,
        logprob=logprob,
        prob=math.exp(logprob),
    )


def make_candidates(tokenizer: Tokenizer, ranking: Ranking) -> list[tuple[Candidate, ...]]:
    """The candidates at each position of a ranking, best first."""
    ranked = zip(ranking.ids.tolist(), ranking.logits.tolist(), ranking.log_normalizer.tolist(), strict=True)
    return [
        tuple(
            [
                make_candidate(tokenizer, token_id, rank=rank, logit=logit, log_normalizer=log_normalizer)
                for rank, (token_id, logit) in enumerate(zip(ids, logits, strict=True), start=1)
            ]
        )
        for ids, logits, log_normalizer in ranked
    ]
