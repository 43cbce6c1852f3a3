"""Where in a text its tokens stand, and which of them share a character.

A byte-level BPE may cut inside a character, and a token may even end one and begin the next. The characters that a
token has a byte of are found from the exact bytes, which are the text's own if the tokenizer changes nothing.
"""

from collections.abc import Sequence
from itertools import accumulate, groupby

from ..results import Token
from ..results.encode import EncodedToken, Group
from .tokens import is_complete_utf8


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
    return EncodedToken(token.id, token.token, token.bytes, index, is_complete_utf8(token), start, end, group)


def _group(text: str, members: Sequence[EncodedToken]) -> Group:
    start, end = members[0].start, members[-1].end
    assert start is not None and end is not None
    return Group(text[start:end], start, end, tuple(token.index for token in members))
