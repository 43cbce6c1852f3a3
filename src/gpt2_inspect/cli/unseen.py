"""A note about characters that a bundled model has hardly or never seen in training.

Their texts have no such character often enough for the tokenizer to have a token of it, or of two of its bytes: it
comes to single bytes. Where it has been trained on many texts that tells nothing: GPT-2 knows more than it has tokens.
"""

from collections.abc import Iterator

from ..messages import Message
from ..results import Result, Token
from ..sources import CHINESE, ENGLISH

_MOST = 3
"""Characters that are named."""

_HAN = ("\u4e00", "\u9fff")
"""The first and the last of the common ideographs."""


def unseen_note(result: Result) -> Message | None:
    """The note, if a bundled model was given such characters."""
    if result.model.source != "bundled" or result.prompt is None or result.run.backend is None:
        return None
    if result.prompt.text.isascii():
        return None
    unseen = list(dict.fromkeys(_in_single_bytes(result.prompt.tokens)))
    if not unseen:
        return None
    shown = " ".join(unseen[:_MOST]) + (" …" if len(unseen) > _MOST else "")
    name = result.model.name
    if name == ENGLISH and any(_HAN[0] <= character <= _HAN[1] for character in unseen):
        return Message(
            "note: {name} has hardly or never seen {shown} in training; `--model {other}` knows Chinese",
            name=name,
            shown=shown,
            other=CHINESE,
        )
    return Message(
        "note: {name} has hardly or never seen {shown} in training; GPT-2 has: `--model gpt2`",
        name=name,
        shown=shown,
    )


def _in_single_bytes(tokens: tuple[Token, ...]) -> Iterator[str]:
    """The characters of several bytes of which each byte is a token of its own."""
    alone = [len(token.bytes) == 1 for token in tokens for _ in token.bytes]  # (bytes of the text,)
    raw = b"".join(bytes(token.bytes) for token in tokens)
    start = 0
    for character in raw.decode("utf-8", "surrogateescape"):
        size = len(character.encode("utf-8", "surrogateescape"))
        if size > 1 and character.isprintable() and all(alone[start : start + size]):
            yield character
        start += size
