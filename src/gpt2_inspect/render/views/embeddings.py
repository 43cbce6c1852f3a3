"""`embeddings`: grids of the tokens, of each kind of vector one, and of their neighbours."""

from ...messages import listed, say
from ...results.embeddings import EmbeddedToken, Embeddings, Neighbor, Vector
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from . import decimal, legend, model_and_backend, visible

KINDS = ("wte", "wpe", "sum")
MANY = 16
"""So many other rows that are nearly the same are not words with nearly the same meaning."""

CONTRAST = 4
"""Power of a cosine that shades it: the nearest of the neighbours would else look like the farthest."""


def sections(result: Embeddings, page: Page) -> list[Section]:
    """The token vectors, the position vectors, the sums, and the neighbours of the tokens."""
    titles = (
        say("wte {shape} (vocabulary, width): a vector for each token", shape=list(result.shapes.wte)),
        say("wpe {shape} (positions, width): a vector for each position", shape=list(result.shapes.wpe)),
        say("wte + wpe: what the first block reads"),
    )
    grids = [_vectors(result, kind, title) for kind, title in zip(KINDS, titles, strict=True)]
    grids.append(_nearest(result))
    return [*grids, Facts((*legend(grids), *_meaningless(result), *model_and_backend(result)))]


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
    keys = _key_columns()
    columns = (*keys, *(Column(say("nearest {rank}", rank=rank)) for rank in range(1, count + 1)))
    return Grid(columns, rows, say("nearest tokens in wte, by cosine"), keys=len(keys))


def _meaningless(result: Embeddings) -> list[str]:
    """Whose neighbours tell nothing."""
    found = dict.fromkeys(visible(token) for token in result.tokens if token.alike >= MANY)
    if not found:
        return []
    return [
        say(
            "hardly or never seen in training: {tokens}; their neighbours mean nothing, for the rows of all such "
            "tokens are nearly equal",
            tokens=listed(list(found)),
        )
    ]


def _key_columns() -> tuple[Column, Column]:
    return Column(say("position"), number=True), Column(say("token"))


def _keys(token: EmbeddedToken) -> tuple[Cell, Cell]:
    return Cell(str(token.position)), Cell(visible(token))


def _neighbor(found: Neighbor) -> Cell:
    return Cell(visible(found), max(0.0, found.cosine) ** CONTRAST, aside=decimal(found.cosine))
