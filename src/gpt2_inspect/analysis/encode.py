"""Where in a text its tokens stand, and which of them share a character.

A byte-level BPE may cut inside a character, and a token may even end one and begin the next. The characters that a
token has a byte of are found from the exact bytes, which are the text's own if the tokenizer changes nothing.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby
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
    raw = text.encode()
    if b"".join(bytes(token.bytes) for token in tokens) != raw:
        return tuple(_encoded(index, token, None, None, None) for index, token in enumerate(tokens)), None
    begun = list(accumulate(map(_begins_character, raw), initial=0))  # characters that have begun before each byte
    bounds = list(accumulate((len(token.bytes) for token in tokens), initial=0))
    inside = [bound < len(raw) and not _begins_character(raw[bound]) for bound in bounds]  # of a character
    placed = []
    group = -1
    for index, token in enumerate(tokens):
        first, last = bounds[index], bounds[index + 1]
        group += not inside[index]
        placed.append(_encoded(index, token, begun[first] - inside[index], begun[last], group))
    groups = groupby(placed, lambda token: token.group)
    return tuple(placed), tuple(_group(text, list(members)) for _, members in groups)


def _begins_character(byte: int) -> bool:
    """All bytes of UTF-8 but those of the form 10xxxxxx do (RFC 3629, section 3)."""
    return byte & 0b1100_0000 != 0b1000_0000


def _encoded(index: int, token: Token, start: int | None, end: int | None, group: int | None) -> EncodedToken:
    return EncodedToken(
        id=token.id,
        token=token.token,
        bytes=token.bytes,
        index=index,
        complete_utf8=is_complete_utf8(token),
        start=start,
        end=end,
        group=group,
    )


def _group(text: str, members: Sequence[EncodedToken]) -> Group:
    start, end = members[0].start, members[-1].end
    assert start is not None and end is not None
    return Group(text=text[start:end], start=start, end=end, token_indices=tuple(token.index for token in members))
