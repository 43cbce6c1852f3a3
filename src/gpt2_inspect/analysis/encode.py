"""Where in a text its tokens stand, and which of them share a character.

A byte-level BPE may cut inside a character, and a token may even end one and begin the next. The characters that a
token has a byte of are found from the exact bytes, which are the text's own if the tokenizer changes nothing.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from ..results import Token, record
from ..results.encode import Encode, EncodedToken, Group
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import is_complete_utf8


@record
class EncodeQuestion(Question[str, Encode]):
    """Turn a text into tokens, and say where in it each stands. Needs no weights.

    The text may be of any length, but not empty; what exceeds n_positions is counted and not refused.

    Raises:
        InputError: the text is empty or not valid Unicode.
        ModelUnusableError: the tokenizer is broken.
        BackendUnavailableError: the tokenizer needs transformers, which is not installed.
    """

    command: ClassVar[str] = "encode"

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> Encode:
        prompt = whole_prompt(model, asked, any_length=True)
        tokens, groups = place_tokens(asked, prompt.tokens)
        return Encode(
            model=model.info,
            run=model.run_without_weights(),
            prompt=prompt,
            options=self,
            tokens=tokens,
            groups=groups,
        )


def place_tokens(text: str, tokens: Sequence[Token]) -> tuple[tuple[EncodedToken, ...], tuple[Group, ...] | None]:
    """The tokens with their places in the text, and the groups; places and groups are None if bytes differ."""
    kinds = {
        id(token): _Kind(token) for token in {id(token): token for token in tokens}.values()
    }  # few, of many tokens
    kind_of = [kinds[id(token)] for token in tokens]
    if b"".join([kind.raw for kind in kind_of]) != text.encode():
        return tuple(
            _placed(token, kind, index, start=None, end=None, group=None)
            for index, (token, kind) in enumerate(zip(tokens, kind_of, strict=True))
        ), None
    placed = []
    groups = []  # of each, the index of its first token and its first character
    begun = 0  # characters that have begun before the token
    for index, (token, kind) in enumerate(zip(tokens, kind_of, strict=True)):
        inside = kind.goes_on if kind.raw else _goes_on(kind_of, index)
        if not inside:
            groups.append((index, begun))
        start, begun = begun - inside, begun + kind.characters
        placed.append(_placed(token, kind, index, start=start, end=begun, group=len(groups) - 1))
    bounds = pairwise([*groups, (len(placed), begun)])
    return tuple(placed), tuple(
        Group(text=text[start:end], start=start, end=end, token_indices=tuple(range(first, behind)))
        for (first, start), (behind, end) in bounds
    )


class _Kind:
    """What is the same wherever a token stands."""

    def __init__(self, token: Token) -> None:
        self.raw = bytes(token.bytes)
        self.complete = is_complete_utf8(token)
        self.characters = sum(map(_begins_character, self.raw))
        """That begin in it."""
        self.goes_on = self.raw != b"" and not _begins_character(self.raw[0])
        """True if it goes on with a character that another has begun."""


def _placed(
    token: Token, kind: _Kind, index: int, *, start: int | None, end: int | None, group: int | None
) -> EncodedToken:
    return EncodedToken(
        id=token.id,
        token=token.token,
        bytes=token.bytes,
        index=index,
        complete_utf8=kind.complete,
        start=start,
        end=end,
        group=group,
    )


def _goes_on(kinds: Sequence[_Kind], index: int) -> bool:
    """True if a token without bytes stands inside a character."""
    return next((kind.goes_on for kind in kinds[index:] if kind.raw), False)


def _begins_character(byte: int) -> bool:
    """All bytes of UTF-8 but those of the form 10xxxxxx do (RFC 3629, section 3)."""
    return byte & 0b1100_0000 != 0b1000_0000
