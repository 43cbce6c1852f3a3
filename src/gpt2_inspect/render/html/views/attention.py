"""The page of `attention`: for a layer and head of choice the links of a token, the matrix, and all heads in small."""

import json
from base64 import b64encode
from collections.abc import Sequence

from markupsafe import Markup

from ....messages import say
from ....results.attention import Attention
from ...sections import Grid, Section
from ...views import visible
from ..fill import fill

MOST = 200_000
"""Weights that are drawn, of all heads: of more the page would become too large."""


def arrange(result: Attention, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The figure, if the record has the weights of all positions, and the tables."""
    count = len(result.prompt.tokens)
    if result.heads[0].rows is None or len(result.heads) * count * (count + 1) // 2 > MOST:
        return list(sections)
    layers = sorted({head.layer for head in result.heads})
    heads = sorted({head.head for head in result.heads})
    weights = bytes(round(255 * weight) for head in result.heads for row in head.rows or () for weight in row)
    figure = fill(
        "attention.html",
        id=id_,
        layers=layers,
        heads=heads,
        tokens=json.dumps([visible(token) for token in result.prompt.tokens]),
        weights=b64encode(weights).decode(),
        shape=json.dumps([len(layers), len(heads)]),
        position=result.position,
        words={
            "layer": say("layer"),
            "head": say("head"),
            "pieces": say("Choose the token that looks; under each token stands the weight that it gets."),
            "links": say("From the chosen token to those it looks at; the stronger a line, the larger the weight"),
            "matrix": say("What each token (row) looks at (columns), in percent"),
            "multiples": say("All heads of the layer: rows look at columns. Choose one to see it whole."),
            "unscripted": say(
                "The pictures are drawn by a script, which does not run here. The tables have the numbers."
            ),
        },
    )
    tables = [section for section in sections if not (isinstance(section, Grid) and section.gap == 1)]
    return [figure, *tables]
