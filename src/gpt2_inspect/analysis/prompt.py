"""From the text that a user typed to the tokens that the model sees."""

from ..checkpoint.tokenizer import END_OF_TEXT, Tokenizer
from ..errors import InputError
from ..results import Prompt
from .tokens import make_tokens


def prepare_prompt(
    text: str,
    tokenizer: Tokenizer,
    *,
    bos_token_id: int | None,
    n_positions: int,
    steps: int,
    max_length: int | None = None,
    truncate_left: bool = False,
) -> Prompt:
    """The prompt in tokens, with room for `steps` more within `max_length`, which is by default the longest there is.

    An empty text becomes `bos_token_id`, the token that GPT-2 was trained to start documents from. With
    `truncate_left` the oldest tokens are dropped until the steps fit.

    Raises:
        InputError: the text is not valid Unicode, is empty where the model has no token to start from, or its tokens
            and the steps together exceed `max_length`; or this exceeds what the context allows.
    """
    if max_length is not None and max_length > longest(n_positions):
        raise InputError(
            f"--max-length is {max_length}, but the model's context is {n_positions}",
            f"the largest --max-length is {longest(n_positions)}: the last token is never read",
        )
    token_ids = encode(text, tokenizer)
    bos_added = not token_ids
    if bos_added:
        if bos_token_id is None:
            raise InputError("the text is empty, and this model has no token to start from", "give some text")
        token_ids = [bos_token_id]
    room = (longest(n_positions) if max_length is None else max_length) - steps
    dropped = max(0, len(token_ids) - room) if truncate_left and room > 0 else 0
    token_ids = token_ids[dropped:]
    if len(token_ids) > room:
        if max_length is not None:
            raise _nothing_to_add(len(token_ids), max_length, n_positions)
        raise _too_long(len(token_ids), steps, n_positions, may_truncate=True)
    return Prompt(text, make_tokens(tokenizer, token_ids), bos_added, dropped)


def whole_prompt(
    text: str, tokenizer: Tokenizer, *, n_positions: int | None, steps: int = 0, bos_token_id: int | None = None
) -> Prompt:
    """The prompt in tokens, for questions about the text itself: nothing is put in place of an empty one.

    A `bos_token_id` is put first. Where no model reads the text, `n_positions` is None and nothing is too long.

    Raises:
        InputError: the text is empty or not valid Unicode, or its tokens and those of all steps but the last, which is
            never read, exceed `n_positions`.
    """
    token_ids = encode(text, tokenizer)
    if not token_ids:
        hint = f"give some text; to start from nothing, as GPT-2's documents do, give {END_OF_TEXT}"
        raise InputError("the text is empty", hint if tokenizer.end_of_text is not None else "give some text")
    if bos_token_id is not None:
        token_ids = [bos_token_id, *token_ids]
    if n_positions is not None and len(token_ids) > longest(n_positions) - max(1, steps):
        raise _too_long(len(token_ids), steps, n_positions, may_truncate=False, bos_added=bos_token_id is not None)
    return Prompt(text, make_tokens(tokenizer, token_ids), bos_token_id is not None, 0)


def longest(n_positions: int) -> int:
    """Tokens of a prompt and its completion together: the context, and one more, which is asked for and never read."""
    return n_positions + 1


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token ids of the text. Raises InputError if it is not valid Unicode."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("the text is not valid UTF-8", "check the encoding of the file or of the terminal")
    return tokenizer.encode(text)


def _nothing_to_add(tokens: int, max_length: int, n_positions: int) -> InputError:
    hint = f"the smallest that adds one is {tokens + 1}" if tokens <= n_positions else "no --max-length fits"
    if max_length > 1:
        hint += "; --truncate-left drops the oldest tokens"
    counted = f"the text has {tokens} token{'s' * (tokens != 1)}"
    return InputError(f"{counted}; --max-length {max_length} leaves no room for another", hint)


def _too_long(tokens: int, steps: int, n_positions: int, *, may_truncate: bool, bos_added: bool = False) -> InputError:
    counted = f"the text has {tokens} token{'s' * (tokens != 1)}{' with --bos' * bos_added}"
    if steps == 0:
        return InputError(f"{counted}, but the model's context is {n_positions}", "give a shorter text")
    largest = longest(n_positions) - tokens
    hint = f"the largest --steps that fits is {largest}" if largest > 0 else "no --steps fits"
    if may_truncate and steps < longest(n_positions):
        hint += "; --truncate-left drops the oldest tokens"
    more = f"{steps} step{'s' * (steps != 1)}"
    return InputError(f"{counted}; there is no room for {more} more: the model's context is {n_positions}", hint)
