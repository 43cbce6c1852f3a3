"""The page of `hidden-states`: the logit lens as a heat map, layers by positions; curves of norm and cosine."""

from collections.abc import Sequence

from markupsafe import Markup

from ....messages import say
from ....results.hidden_states import HiddenStates
from ...sections import Grid, Section
from ...views import percent, visible
from ...views.hidden_states import name_of
from ..chart import Line, chart
from ..fill import fill

CELLS = 3000
"""Of the heat map; of a longer text it would become too large, and nobody could see it at once."""


def arrange(result: HiddenStates, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The pictures, and the tables but for the one that the heat map stands for."""
    names = [name_of(state) for state in result.layers]
    curves = [
        chart(
            say("norm of each state, at position {position}", position=result.position),
            names,
            [Line(say("norm"), [state.norm for state in result.layers], places=3)],
            say("A curve of the norm, a point for each state; the table below has the numbers."),
        ),
        chart(
            say("cosine to the previous state, at position {position}", position=result.position),
            names,
            [Line(say("cosine"), [state.cosine_to_previous for state in result.layers], places=3)],
            say("A curve of the cosine, a point for each state; the table below has the numbers."),
        ),
    ]
    drawn = [*_heat(result), *curves]
    if len(drawn) == len(curves):
        return [*drawn, *sections]
    return [*drawn, *(each for each in sections if not (isinstance(each, Grid) and each.columns[-1].heading.isdigit()))]


def _heat(result: HiddenStates) -> list[Markup]:
    if result.positions is None or result.layers[0].top_logprobs is None:
        return []
    if len(result.positions) * len(result.layers) > CELLS:
        return []
    rows = []
    for index in reversed(range(len(result.layers))):
        cells = []
        for states in result.positions:
            best, *others = states[index].top_logprobs or ()
            cells.append(
                {
                    "text": visible(best),
                    "prob": best.prob,
                    "percent": percent(best.prob),
                    "title": " ".join(f"{visible(each)} {percent(each.prob)}" for each in (best, *others)),
                }
            )
        rows.append({"name": name_of(result.layers[index]), "cells": cells})
    words = {
        "title": say("logit lens: what each state, read as if it were the last, puts first after each token"),
        "state": say("state"),
        "low": say("unlikely"),
        "high": say("likely"),
    }
    tokens = [visible(token) for token in result.prompt.tokens]
    return [fill("lens.html", rows=rows, tokens=tokens, words=words)]
