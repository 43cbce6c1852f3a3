"""The records of `attention`."""

from collections.abc import Sequence
from typing import ClassVar

from . import Options, Prompt, Record, Result, Token, record


@record
class AttendedToken(Token):
    """A token that a head looks at."""

    index: int
    """Its position, from 0."""
    weight: float
    """How much of the head's output comes from it: from 0 to 1."""


@record
class AttentionHead(Record):
    """What one head looks at from the chosen position."""

    layer: int
    """From 0."""
    head: int
    """From 0."""
    entropy_bits: float
    """Entropy of the weights at the chosen position: 0 if it looks at one token alone, log2(n) if at n alike."""
    top: tuple[AttendedToken, ...]
    """The tokens with the largest weights, largest first, equal ones by the lower index."""
    rows: tuple[tuple[float, ...], ...] | None
    """If asked for, the weights of every position, not of the chosen one alone: `rows[i][j]` is what position i gives
    to position j, for j up to i, to 8 decimals; there are none for those behind it."""


@record
class AttentionRow(Token):
    """A line of the matrix: what a head looks at from one position."""

    layer: int
    head: int
    index: int
    """The position that looks, from 0; the token is the one that stands there."""
    weights: tuple[float, ...]
    """One for each position of the text; 0 for those behind `index`."""


@record
class Attention(Result):
    """The result of `attention`."""

    command: ClassVar[str] = "attention"
    prompt: Prompt
    options: Options
    """What was asked for."""
    position: int
    """The chosen position, from 0, which `heads` tell of."""
    heads: tuple[AttentionHead, ...]
    """All heads of the layers that were asked for, or the chosen one."""
    matrix: tuple[tuple[float, ...], ...] | None
    """[T][T], if a head was chosen: `matrix[i][j]` is the weight that position i gives to position j. Each line sums to
    1, and is 0 where j is behind i."""

    def items(self) -> Sequence[Record]:
        """The heads; or of a chosen one the lines of its matrix."""
        if self.matrix is None:
            return self.heads
        layer, head = self.heads[0].layer, self.heads[0].head
        return [
            AttentionRow(
                id=token.id,
                token=token.token,
                bytes=token.bytes,
                layer=layer,
                head=head,
                index=index,
                weights=weights,
            )
            for index, (token, weights) in enumerate(zip(self.prompt.tokens, self.matrix, strict=True))
        ]
