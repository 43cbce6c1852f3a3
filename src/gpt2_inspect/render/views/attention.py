"""`attention`: what each head looks at, and the matrix of a chosen one as a grid shaded by weight."""

import math

from ...messages import say
from ...results.attention import AttendedToken, Attention, AttentionHead
from ..sections import Cell, Column, Facts, Grid, Section
from . import decimal, model_and_backend, percent, top_columns, visible


def sections(result: Attention) -> list[Section]:
    """What the heads look at from the chosen position, and the matrix of a chosen one."""
    seen = result.position + 1
    token = visible(result.prompt.tokens[result.position])
    heads = Grid(
        (
            *(Column(name, number=True) for name in (say("layer"), say("head"), say("entropy"))),
            *top_columns(len(result.heads[0].top)),
        ),
        tuple(map(_head, result.heads)),
        title=say(
            "index, token, weight of what each head looks at from position {position}: {token}",
            position=result.position,
            token=token,
        ),
    )
    scale = say("entropy in bits: 0 if one token gets all of the weight")
    if seen > 1:
        scale = say(
            "entropy in bits: 0 if one token gets all of the weight, {most} if all {seen} get alike",
            most=decimal(math.log2(seen), 2),
            seen=seen,
        )
    return [heads, *_matrix(result), Facts((scale, *model_and_backend(result)))]


def _head(head: AttentionHead) -> tuple[Cell, ...]:
    return (
        Cell(str(head.layer)),
        Cell(str(head.head)),
        Cell(decimal(head.entropy_bits, 2)),
        *map(_attended, head.top),
    )


def _attended(token: AttendedToken) -> Cell:
    return Cell(f"{token.index} {visible(token)} {percent(token.weight)}", token.weight)


def _matrix(result: Attention) -> list[Grid]:
    if result.matrix is None:
        return []
    (head,), tokens = result.heads, result.prompt.tokens
    rows = tuple(
        (
            Cell(str(query)),
            Cell(visible(tokens[query])),
            *(Cell(f"{100 * weight:3.0f}", weight) for weight in row[: query + 1]),
            *[Cell("")] * (len(tokens) - query - 1),
        )
        for query, row in enumerate(result.matrix)
    )
    columns = (
        Column(say("index"), number=True),
        Column(say("token")),
        *(Column(str(i), number=True) for i in range(len(tokens))),
    )
    title = say(
        "layer {layer}, head {head}: what each token looks at, in percent; the columns are indices",
        layer=head.layer,
        head=head.head,
    )
    return [Grid(columns, rows, title, keys=2, gap=1)]
