"""The records of `attention`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Options, Prompt, Record, Result, Token, record
from .columns import TOKEN_COLUMNS, token_values


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

    def items(self) -> Sequence[AttentionHead] | Sequence[AttentionRow]:
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

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each head and rank; of a chosen head one for each token and each that it can see."""
        return self._rows_of_heads() if self.matrix is None else self._rows_of_pairs()

    def _rows_of_heads(self) -> tuple[list[str], list[list[Any]]]:
        header = ["position", "layer", "head", "entropy_bits", "rank", "index", *TOKEN_COLUMNS, "weight"]
        return header, [
            [self.position, head.layer, head.head, head.entropy_bits, rank, at.index, *token_values(at), at.weight]
            for head in self.heads
            for rank, at in enumerate(head.top, start=1)
        ]

    def _rows_of_pairs(self) -> tuple[list[str], list[list[Any]]]:
        (head,), tokens = self.heads, self.prompt.tokens
        header = ["layer", "head"]
        header += [f"{side}_{name}" for side in ("query", "key") for name in ("index", *TOKEN_COLUMNS)]
        return [*header, "weight"], [
            [head.layer, head.head, query, *token_values(tokens[query]), key, *token_values(tokens[key]), weight]
            for query, row in enumerate(self.matrix or ())
            for key, weight in enumerate(row[: query + 1])
        ]
