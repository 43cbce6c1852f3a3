"""From the text that a user typed to the tokens that the model sees."""

from ..checkpoint.tokenizer import END_OF_TEXT, Tokenizer
from ..errors import InputError, ModelUnusableError
from ..results import Prompt
from .tokens import make_tokens


def prepare_prompt(
    text: str,
    tokenizer: Tokenizer,
    *,
    bos_token_id: int | None,
    n_positions: int,
    steps: int,
    vocab_size: int | None = None,
    max_length: int | None = None,
    truncate_left: bool = False,
) -> Prompt:
    """The prompt in tokens, with room for `steps` more within `max_length`, which is by default `n_positions`.

    An empty text becomes `bos_token_id`, the token that GPT-2 was trained to start documents from. With
    `truncate_left` the oldest tokens are dropped until the steps fit.

    Raises:
        InputError: the text is not valid Unicode, is empty where the model has no token to start from, or its tokens
            and the steps together exceed `max_length`; or this exceeds `n_positions`.
        ModelUnusableError: the model has no such token.
    """
    if max_length is not None and max_length > n_positions:
        raise InputError(
            f"--max-length is {max_length}, but the model's context is {n_positions}",
            f"the largest --max-length is {n_positions}",
        )
    token_ids = encode(text, tokenizer)
    if vocab_size is not None:
        _check_ids(token_ids, tokenizer, vocab_size)
    bos_added = not token_ids
    if bos_added:
        if bos_token_id is None:
            raise InputError("the text is empty, and this model has no token to start from", "give some text")
        token_ids = [bos_token_id]
    room = (n_positions if max_length is None else max_length) - steps
    dropped = max(0, len(token_ids) - room) if truncate_left and room > 0 else 0
    token_ids = token_ids[dropped:]
    if len(token_ids) > room:
        if max_length is not None:
            raise _nothing_to_add(len(token_ids), max_length, n_positions)
        raise _too_long(len(token_ids), steps, n_positions, may_truncate=True)
    return Prompt(text, make_tokens(tokenizer, token_ids), bos_added, dropped)


def whole_prompt(
    text: str,
    tokenizer: Tokenizer,
    *,
    n_positions: int | None,
    vocab_size: int | None = None,
    steps: int = 0,
    bos_token_id: int | None = None,
) -> Prompt:
    """The prompt in tokens, for questions about the text itself: nothing is put in place of an empty one.

    A `bos_token_id` is put first. Where no model reads the text, `n_positions` and `vocab_size` are None: then nothing
    is too long, and any id will do.

    Raises:
        InputError: the text is empty or not valid Unicode, or its tokens and the steps together exceed `n_positions`.
        ModelUnusableError: the model has no such token.
    """
    token_ids = encode_some(text, tokenizer)
    if vocab_size is not None:
        _check_ids(token_ids, tokenizer, vocab_size)
    if bos_token_id is not None:
        token_ids = [bos_token_id, *token_ids]
    if n_positions is not None and len(token_ids) + steps > n_positions:
        raise _too_long(len(token_ids), steps, n_positions, may_truncate=False, bos_added=bos_token_id is not None)
    return Prompt(text, make_tokens(tokenizer, token_ids), bos_token_id is not None, 0)


def encode_some(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token ids of the text. Raises InputError if there are none, or it is not valid Unicode."""
    token_ids = encode(text, tokenizer)
    if not token_ids:
        hint = f"give some text; to start from nothing, as GPT-2's documents do, give {END_OF_TEXT}"
        raise InputError("the text is empty", hint if tokenizer.end_of_text is not None else "give some text")
    return token_ids


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token ids of the text. Raises InputError if it is not valid Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("the text is not valid UTF-8", "check the encoding of the file or of the terminal") from None
    return tokenizer.encode(text)


def _check_ids(token_ids: list[int], tokenizer: Tokenizer, vocab_size: int) -> None:
    largest = max(token_ids, default=0)
    if largest >= vocab_size:
        name = tokenizer.token_bytes(largest).decode("utf-8", "replace")
        raise ModelUnusableError(
            f"the tokenizer gives {name!r} the id {largest}, but the model's tokens are 0 to {vocab_size - 1}",
            "tokenizer and weights belong to different models, or tokens were added without training them",
        )


def _nothing_to_add(tokens: int, max_length: int, n_positions: int) -> InputError:
    hint = f"the smallest that adds one is {tokens + 1}" if tokens < n_positions else "no --max-length fits"
    if max_length > 1:
        hint += "; --truncate-left drops the oldest tokens"
    counted = f"the text has {tokens} token{'s' * (tokens != 1)}"
    return InputError(f"{counted}; --max-length {max_length} leaves no room for another", hint)


def _too_long(tokens: int, steps: int, n_positions: int, *, may_truncate: bool, bos_added: bool = False) -> InputError:
    counted = f"the text has {tokens} token{'s' * (tokens != 1)}{' with --bos' * bos_added}"
    if steps == 0:
        return InputError(f"{counted}, but the model's context is {n_positions}", "give a shorter text")
    largest = n_positions - tokens
    hint = f"the largest --steps that fits is {largest}" if largest > 0 else "no --steps fits"
    if may_truncate and steps < n_positions:
        hint += "; --truncate-left drops the oldest tokens"
    more = f"{steps} step{'s' * (steps != 1)}"
    return InputError(f"{counted}; there is no room for {more} more: the model's context is {n_positions}", hint)
