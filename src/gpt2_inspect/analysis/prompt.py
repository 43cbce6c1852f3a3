"""From the text that a user typed to the tokens that the model sees."""

from ..checkpoint.tokenizer import END_OF_TEXT, Tokenizer
from ..errors import InputError, ModelUnusableError, UsageError
from ..messages import Counted, Message, Option
from ..results import Prompt
from .question import LoadedModel
from .tokens import make_tokens


def prepare_prompt(
    model: LoadedModel, text: str, *, steps: int, max_length: int | None = None, truncate_left: bool = False
) -> Prompt:
    """The prompt in tokens, with room for `steps` more within `max_length`, which is by default the longest there is.

    An empty text becomes the token that GPT-2 was trained to start documents from. With `truncate_left` the oldest
    tokens are dropped until the steps fit.

    Raises:
        InputError: the text is not valid Unicode, is empty where the model has no token to start from, or its tokens
            and the steps together exceed `max_length`; or this exceeds what the context allows.
        ModelUnusableError: the model lacks a token that the text has.
    """
    n_positions = model.info.n_positions
    if max_length is not None and max_length > longest(n_positions):
        raise InputError(
            Message(
                "{option} is {value}, but the model's context is {context}",
                option=Option("max_length"),
                value=max_length,
                context=n_positions,
            ),
            Message(
                "the largest {max_length} is {most}: the last token is never read",
                max_length=Option("max_length"),
                most=longest(n_positions),
            ),
        )
    tokenizer = model.tokenizer_for(text)
    token_ids = encode(text, tokenizer)
    _check_ids(token_ids, tokenizer, model.info.vocab_size)
    bos_added = not token_ids
    if bos_added:
        if model.bos_token_id is None:
            raise InputError(
                Message("the text is empty, and this model has no token to start from"), Message("give some text")
            )
        token_ids = [model.bos_token_id]
    room = (longest(n_positions) if max_length is None else max_length) - steps
    dropped = max(0, len(token_ids) - room) if truncate_left and room > 0 else 0
    token_ids = token_ids[dropped:]
    if len(token_ids) > room:
        if max_length is not None:
            raise _nothing_to_add(len(token_ids), max_length, n_positions)
        raise _too_long(_counted(len(token_ids)), len(token_ids), steps, n_positions, may_truncate=True)
    return Prompt(text=text, tokens=make_tokens(tokenizer, token_ids), bos_added=bos_added, tokens_dropped=dropped)


def whole_prompt(
    model: LoadedModel, text: str, *, steps: int = 0, with_bos: bool = False, any_length: bool = False
) -> Prompt:
    """The prompt in tokens, for questions about the text itself: nothing is put in place of an empty one.

    Args:
        model: whose tokens these are.
        text: as typed.
        steps: how many tokens will be added.
        with_bos: put the token first that a text can be started from.
        any_length: no model reads the text, so nothing is too long.

    Raises:
        InputError: the text is empty or not valid Unicode, or its tokens and those of all steps but the last, which is
            never read, exceed n_positions.
        ModelUnusableError: the model lacks a token that the text has.
        UsageError: there is no token to put first.
    """
    tokenizer = model.tokenizer_for(text)
    token_ids = encode_some(text, tokenizer)
    if not any_length:
        _check_ids(token_ids, tokenizer, model.info.vocab_size)
    if with_bos:
        if model.bos_token_id is None:
            raise UsageError(Message("{option}: this model has no token to start from", option=Option("bos")))
        token_ids = [model.bos_token_id, *token_ids]
    n_positions = model.info.n_positions
    if not any_length and len(token_ids) > longest(n_positions) - max(1, steps):
        counted = _counted(len(token_ids))
        if with_bos:
            counted = Message("{counted} with {bos}", counted=counted, bos=Option("bos"))
        raise _too_long(counted, len(token_ids), steps, n_positions, may_truncate=False)
    return Prompt(text=text, tokens=make_tokens(tokenizer, token_ids), bos_added=with_bos, tokens_dropped=0)


def ids_of(prompt: Prompt) -> list[int]:
    """The ids of its tokens."""
    return [token.id for token in prompt.tokens]


def longest(n_positions: int) -> int:
    """Tokens of a prompt and its completion together: the context, and one more, which is asked for and never read."""
    return n_positions + 1


def encode_some(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token ids of the text. Raises InputError if there are none, or it is not valid Unicode."""
    token_ids = encode(text, tokenizer)
    if not token_ids:
        hint = Message("give some text")
        if tokenizer.end_of_text is not None:
            hint = Message(
                "give some text; to start from nothing, as GPT-2's documents do, give {end_of_text}",
                end_of_text=END_OF_TEXT,
            )
        raise InputError(Message("the text is empty"), hint)
    return token_ids


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token ids of the text. Raises InputError if it is not valid Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            Message("the text is not valid UTF-8"), Message("check the encoding of the file or of the terminal")
        ) from None
    return tokenizer.encode(text)


def _check_ids(token_ids: list[int], tokenizer: Tokenizer, vocab_size: int) -> None:
    largest = max(token_ids, default=0)
    if largest >= vocab_size:
        name = tokenizer.token_bytes(largest).decode("utf-8", "replace")
        raise ModelUnusableError(
            Message(
                "the tokenizer gives {name} the id {token_id}, but the model's tokens are 0 to {last}",
                name=repr(name),
                token_id=largest,
                last=vocab_size - 1,
            ),
            Message("tokenizer and weights belong to different models, or tokens were added without training them"),
        )


def _counted(tokens: int) -> Message:
    return Counted("the text has {n} token", "the text has {n} tokens", n=tokens)


def _or_truncate(hint: Message) -> Message:
    return Message("{hint}; {truncate_left} drops the oldest tokens", hint=hint, truncate_left=Option("truncate_left"))


def _nothing_to_add(tokens: int, max_length: int, n_positions: int) -> InputError:
    option = Option("max_length")
    hint = Message("no {option} fits", option=option)
    if tokens <= n_positions:
        hint = Message("the smallest that adds one is {least}", least=tokens + 1)
    return InputError(
        Message(
            "{counted}; {option} {value} leaves no room for another",
            counted=_counted(tokens),
            option=option,
            value=max_length,
        ),
        _or_truncate(hint) if max_length > 1 else hint,
    )


def _too_long(counted: Message, tokens: int, steps: int, n_positions: int, *, may_truncate: bool) -> InputError:
    if steps == 0:
        return InputError(
            Message("{counted}, but the model's context is {context}", counted=counted, context=n_positions),
            Message("give a shorter text"),
        )
    largest, option = longest(n_positions) - tokens, Option("steps")
    hint = Message("no {option} fits", option=option)
    if largest > 0:
        hint = Message("the largest {option} that fits is {most}", option=option, most=largest)
    return InputError(
        Message(
            "{counted}; there is no room for {more} more: the model's context is {context}",
            counted=counted,
            more=Counted("{n} step", "{n} steps", n=steps),
            context=n_positions,
        ),
        _or_truncate(hint) if may_truncate and steps < longest(n_positions) else hint,
    )
