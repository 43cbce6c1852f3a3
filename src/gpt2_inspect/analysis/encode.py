"""Where in a text its tokens stand, and which of them share a character.

A byte-level BPE may cut inside a character, and a token may even end one and begin the next. The characters that a
token has a byte of are found from the exact bytes, which are the text's own if the tokenizer changes nothing.
"""

from collections.abc import Sequence
from itertools import pairwise

from ..results import Token
from ..results.encode import EncodedToken, Group
from .tokens import is_complete_utf8


def place_tokens(text: str, tokens: Sequence[Token]) -> tuple[tuple[EncodedToken, ...], tuple[Group, ...] | None]:
    """The tokens with their places in the text, and the groups; places and groups are None if bytes differ."""
    kinds = {
        id(token): _Kind(token) for token in {id(token): token for token in tokens}.values()
    }  # few, of many tokens
    kind_of = [kinds[id(token)] for token in tokens]
    if b"".join([kind.raw for kind in kind_of]) != text.encode():
        return tuple(
            EncodedToken(token.id, token.token, token.bytes, index, kind.complete, None, None, None)
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
        group = len(groups) - 1
        placed.append(EncodedToken(token.id, token.token, token.bytes, index, kind.complete, start, begun, group))
    bounds = pairwise([*groups, (len(placed), begun)])
    return tuple(placed), tuple(
        Group(text[start:end], start, end, tuple(range(first, behind))) for (first, start), (behind, end) in bounds
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


def _goes_on(kinds: Sequence[_Kind], index: int) -> bool:
    """True if a token without bytes stands inside a character."""
    return next((kind.goes_on for kind in kinds[index:] if kind.raw), False)


def _begins_character(byte: int) -> bool:
    """All bytes of UTF-8 but those of the form 10xxxxxx do (RFC 3629, section 3)."""
    return byte & 0b1100_0000 != 0b1000_0000
