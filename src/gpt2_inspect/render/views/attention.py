"""`attention`: what each head looks at, and the matrix of a chosen one as a grid shaded by weight."""

import math

from ...messages import say
from ...results.attention import AttendedToken, Attention, AttentionHead
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from . import decimal, legend, model_and_backend, percent, top_columns, visible


def sections(result: Attention, page: Page) -> list[Section]:
    """What the heads look at from the chosen position, and the matrix of a chosen one."""
    seen = result.position + 1
    heads = Grid(
        (
            *(Column(name, number=True) for name in (say("layer"), say("head"), say("entropy"))),
            *top_columns(len(result.heads[0].top)),
        ),
        tuple(_head(head, len(str(result.position))) for head in result.heads),
        title=_title(result),
        keys=2,
    )
    scale = say("entropy in bits: 0 if one token gets all of the weight")
    if seen > 1:
        scale = say(
            "entropy in bits: 0 if one token gets all of the weight, {most} if all {seen} get alike",
            most=decimal(math.log2(seen), 2),
            seen=seen,
        )
    grids = [heads, *_matrix(result)]
    return [*grids, Facts((*legend(grids), scale, *model_and_backend(result)))]


def _title(result: Attention) -> str:
    position, token = result.position, visible(result.prompt.tokens[result.position])
    if len(result.heads) > 1:
        return say(
            "what each head looks at from position {position} ({token}): index, token, weight",
            position=position,
            token=token,
        )
    return say(
        "what head {head} of layer {layer} looks at from position {position} ({token}): index, token, weight",
        head=result.heads[0].head,
        layer=result.heads[0].layer,
        position=position,
        token=token,
    )


def _head(head: AttentionHead, digits: int) -> tuple[Cell, ...]:
    return (
        Cell(str(head.layer)),
        Cell(str(head.head)),
        Cell(decimal(head.entropy_bits, 2)),
        *(_attended(token, digits) for token in head.top),
    )


def _attended(token: AttendedToken, digits: int) -> Cell:
    return Cell(f"{token.index:{digits}} {visible(token)}", token.weight, aside=percent(token.weight))


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
        "what head {head} of layer {layer} looks at from each token, in percent; the columns are indices",
        head=head.head,
        layer=head.layer,
    )
    return [Grid(columns, rows, title, keys=2, gap=1)]
