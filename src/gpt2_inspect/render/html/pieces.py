"""The text of a result as pieces, one a token, and what belongs to a piece: the panel that it opens, and its bars."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from ...messages import say
from ...results import Token
from ..views import hex_bytes, visible
from .fill import fill


class Piece(NamedTuple):
    """A token in the text."""

    text: str
    panel: str = ""
    """The end of the id of what it opens; empty for nothing."""
    shade: str | None = None
    """The opacity of its hue; None for none."""
    below: str = ""
    """What stands under it, in small letters."""


class Bar(NamedTuple):
    """A row of a bar chart."""

    token: str
    numbers: tuple[str, ...]
    bars: tuple[float, ...]
    """Their lengths, from 0 to 1; a second one is drawn in another colour and hatched."""
    strong: bool = False


class Panel(NamedTuple):
    """What a piece opens."""

    name: str
    title: str
    line: str
    """What there is to know beside the bars."""
    rows: Sequence[Bar]


def given(token: Token, below: str = "") -> Piece:
    """A piece that opens nothing."""
    return Piece(visible(token), below=below)


def explorer(
    id_: str,
    pieces: Sequence[Piece],
    panels: Sequence[Panel],
    *,
    hint: str,
    legend: tuple[str, str],
    caption: str,
    headings: Sequence[str],
    note: str = "",
    hue: str = "",
    opened: str = "",
) -> Markup:
    """The text in pieces, and below it the panels, of which a script shows one at a time, first the one `opened`.

    They are groups of rows of one table, with this caption, and headings for the cells of a bar's row.
    """
    words = {"hint": hint, "legend": legend, "caption": caption, "headings": headings, "note": note}
    return fill("explorer.html", id=id_, pieces=pieces, panels=panels, hue=hue, open=opened, **words)


def over_bytes(tokens: Sequence[Token]) -> Markup:
    """Tokens over their ids and bytes."""
    pieces = [given(token, f"{token.id}\n{hex_bytes(token)}") for token in tokens]
    return fill("pieces.html", pieces=pieces, hint=say("Under each token its id, and its bytes in hexadecimal."))
