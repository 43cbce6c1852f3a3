"""`embeddings`: a row for each token and neighbour, and grids of the tokens, of each kind of vector one."""

from typing import Any

from ...messages import say
from ...results.embeddings import EmbeddedToken, Embeddings, Neighbor, Vector
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from . import TOKEN_COLUMNS, decimal, model_and_backend, token_values, visible

KINDS = ("wte", "wpe", "sum")
MANY = 16
"""So many other rows that are nearly the same are not words with nearly the same meaning."""

MEASURES = ("norm", "mean", "std", "first")


def tidy(result: Embeddings) -> tuple[list[str], list[list[Any]]]:
    """A token without neighbours has one row, whose columns of them are empty."""
    header = ["position", *TOKEN_COLUMNS]
    header += [f"{kind}_{measure}" for kind in KINDS for measure in MEASURES]
    header += ["alike", "rank", *(f"nearest_{name}" for name in TOKEN_COLUMNS), "cosine"]
    rows = []
    for token in result.tokens:
        row: list[Any] = [token.position, *token_values(token)]
        for kind in KINDS:
            vector: Vector = getattr(token, kind)
            row += [vector.norm, vector.mean, vector.std, " ".join(map(str, vector.first))]
        row.append(token.alike)
        for rank, found in enumerate(token.nearest, start=1):
            rows.append([*row, rank, *token_values(found), found.cosine])
        if not token.nearest:
            rows.append([*row, None, *[None] * len(TOKEN_COLUMNS), None])
    return header, rows


def sections(result: Embeddings) -> list[Section]:
    """The token vectors, the position vectors, the sums, and the neighbours of the tokens."""
    titles = (
        say("wte {shape}: a vector for each token", shape=list(result.shapes.wte)),
        say("wpe {shape}: a vector for each position", shape=list(result.shapes.wpe)),
        say("wte + wpe: what the first block reads"),
    )
    grids = [_vectors(result, kind, title) for kind, title in zip(KINDS, titles, strict=True)]
    return [*grids, _nearest(result), Facts((*_meaningless(result), *model_and_backend(result)))]


def _vectors(result: Embeddings, kind: str, title: str) -> Grid:
    count = len(result.tokens[0].sum.first)
    keys = _key_columns()
    columns = (*keys, *(Column(name, number=True) for name in (say("norm"), say("mean"), say("std"))))
    columns += tuple(Column(f"[{index}]", number=True) for index in range(count))
    rows = []
    for token in result.tokens:
        vector: Vector = getattr(token, kind)
        numbers = (vector.norm, vector.mean, vector.std, *vector.first)
        rows.append((*_keys(token), *(Cell(decimal(number)) for number in numbers)))
    return Grid(columns, tuple(rows), title, keys=len(keys))


def _nearest(result: Embeddings) -> Grid:
    count = max(len(token.nearest) for token in result.tokens)
    rows = tuple(
        (*_keys(token), *map(_neighbor, token.nearest), *[Cell(signs().nothing)] * (count - len(token.nearest)))
        for token in result.tokens
    )
    columns = (*_key_columns(), *(Column(say("nearest {rank}", rank=rank)) for rank in range(1, count + 1)))
    return Grid(columns, rows, say("nearest tokens in wte, by cosine"))


def _meaningless(result: Embeddings) -> list[str]:
    """Whose neighbours tell nothing."""
    found = dict.fromkeys(visible(token) for token in result.tokens if token.alike >= MANY)
    if not found:
        return []
    return [
        say(
            "hardly or never seen in training: {tokens}; their neighbours mean nothing, for the rows of all such "
            "tokens are nearly equal",
            tokens=", ".join(found),
        )
    ]


def _key_columns() -> tuple[Column, Column]:
    return Column(say("position"), number=True), Column(say("token"))


def _keys(token: EmbeddedToken) -> tuple[Cell, Cell]:
    return Cell(str(token.position)), Cell(visible(token))


def _neighbor(found: Neighbor) -> Cell:
    return Cell(f"{visible(found)} {decimal(found.cosine)}", max(0.0, found.cosine))
