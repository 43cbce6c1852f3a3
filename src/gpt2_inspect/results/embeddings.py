"""The records of `embeddings`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Options, Prompt, Record, Result, Token, record
from .columns import TOKEN_COLUMNS, token_values


@record
class Shapes(Record):
    """Those of the two matrices."""

    wte: tuple[int, int]
    """[vocab_size, n_embd]: a row for each token."""
    wpe: tuple[int, int]
    """[n_positions, n_embd]: a row for each position."""


@record
class Vector(Record):
    """What there is to say about a vector of n_embd numbers."""

    norm: float
    """L2 norm."""
    mean: float
    std: float
    """Standard deviation over the numbers (not that of a sample)."""
    first: tuple[float, ...]
    """The first four numbers."""


@record
class Neighbor(Token):
    """A token whose row of wte points in nearly the same direction."""

    cosine: float
    """Of the angle between the two rows, from -1 to 1."""


@record
class EmbeddedToken(Token):
    """A token of the text, and what becomes of it before the first block."""

    position: int
    """From 0."""
    wte: Vector
    """The token's row of wte."""
    wpe: Vector
    """The position's row of wpe."""
    sum: Vector
    """Both added up in float32: what the first block reads, `hidden_states[0]` of transformers, which is rounded where
    the model runs in reduced precision."""
    alike: int
    """How many other tokens have a row of wte with a cosine of at least 0.99 with this one. Training keeps the rows of
    what it shows apart; those of tokens that it hardly or never shows have only ever been pushed away together, by the
    softmax of every step, so that many are nearly the same. Where this is 16 or more, neighbours mean nothing."""
    plane: tuple[float, float]
    """Where its row of wte lies on the plane that the rows of the text's tokens are spread over most: their first two
    principal components (PCA). Each different token counts once."""
    nearest: tuple[Neighbor, ...]
    """The other tokens whose rows of wte have the largest cosines with this one, best first, equal ones by the lower
    id. Rows of nothing but zeros, as padding has them, point nowhere: they are in no list, and have an empty one."""


@record
class Embeddings(Result):
    """The result of `embeddings`."""

    command: ClassVar[str] = "embeddings"
    prompt: Prompt
    options: Options
    """What was asked for."""
    shapes: Shapes
    plane_share: float | None
    """How much of the variance of these rows lies in that plane, from 0 to 1; None if they do not vary, as of one
    token."""
    tokens: tuple[EmbeddedToken, ...]

    def items(self) -> Sequence[EmbeddedToken]:
        return self.tokens

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """A token without neighbours has one row, whose columns of them are empty."""
        header = ["position", *TOKEN_COLUMNS]
        header += [f"{kind}_{measure}" for kind in ("wte", "wpe", "sum") for measure in Vector.reader()[0]]
        header += ["alike", "rank", *(f"nearest_{name}" for name in TOKEN_COLUMNS), "cosine"]
        rows = []
        for token in self.tokens:
            row: list[Any] = [token.position, *token_values(token)]
            for vector in (token.wte, token.wpe, token.sum):
                row += vector.to_dict().values()
            row.append(token.alike)
            for rank, found in enumerate(token.nearest, start=1):
                rows.append([*row, rank, *token_values(found), found.cosine])
            if not token.nearest:
                rows.append([*row, None, *[None] * len(TOKEN_COLUMNS), None])
        return header, rows
