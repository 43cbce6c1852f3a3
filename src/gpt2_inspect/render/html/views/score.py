"""The page of `score`: the text shaded by surprisal, what the model would rather have said, and a curve of both."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from ....messages import say
from ....results.score import Score, ScoredToken
from ...sections import Section
from ...signs import signs
from ...views import decimal, percent, visible
from ..chart import Line, chart
from ..fill import short
from ..pieces import Bar, Panel, Piece, explorer, given

MOST = 16.0
"""Bits of surprisal that get the full hue: one token of 65,536."""


def arrange(result: Score, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The shaded text, the curves, and the tables below."""
    tokens = result.positions
    scored = list(pairwise(tokens))
    pieces = [given(tokens[0], signs().nothing), *(_piece(token) for _, token in scored)]
    drawn = explorer(
        id_,
        pieces,
        [_panel(before, token) for before, token in scored],
        hint=say(
            "The stronger the shade, the more the token surprised the model; below it its surprisal in bits and its "
            "rank. Choose one to see what the model would rather have said."
        ),
        legend=(say("0 bits"), say("{bits} bits or more", bits=f"{MOST:.0f}")),
        caption=say("what the model proposed here; {mark} is what stands there", mark=signs().chosen),
        headings=(say("token"), say("rank"), say("probability")),
        hue="hot",
        opened=str(max(tokens[1:], key=lambda token: token.surprisal_bits or 0.0).index) if scored else "",
    )
    if not scored:
        return [drawn, *sections]
    curve = chart(
        say("surprisal and entropy over the text, in bits"),
        [visible(token) for token in tokens],
        [
            Line(say("surprisal"), [token.surprisal_bits for token in tokens]),
            Line(say("entropy (the surprisal to be expected)"), [token.entropy_bits for token in tokens]),
        ],
        say("Curves of surprisal and entropy, a point for each token; the table below has the numbers."),
    )
    return [drawn, curve, *sections]


def _piece(token: ScoredToken) -> Piece:
    bits = token.surprisal_bits or 0.0
    below = f"{decimal(token.surprisal_bits, 1)}\n#{token.rank}"
    return Piece(visible(token), str(token.index), short(min(1.0, bits / MOST)), below)


def _panel(before: ScoredToken, token: ScoredToken) -> Panel:
    return Panel(
        str(token.index),
        say("token {index}: {token}", index=token.index, token=visible(token)),
        say(
            "{prob}, rank {rank}; surprisal {bits} bits, to be expected {entropy}",
            prob=percent(token.prob or 0.0),
            rank=token.rank,
            bits=decimal(token.surprisal_bits, 2),
            entropy=decimal(token.entropy_bits, 2),
        ),
        [
            Bar(
                f"{visible(each)} {signs().chosen}" if each.id == token.id else visible(each),
                (str(each.rank), percent(each.prob)),
                (each.prob,),
                each.id == token.id,
            )
            for each in before.next_top_logprobs
        ],
    )
