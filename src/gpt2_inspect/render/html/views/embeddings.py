"""The page of `embeddings`: the tokens of the text on a plane (PCA), their neighbours in front of the other tables."""

from collections.abc import Sequence
from unicodedata import east_asian_width

from markupsafe import Markup

from ....messages import say
from ....results.embeddings import Embeddings
from ...sections import Grid, Section
from ...signs import signs
from ...views import visible
from ..fill import fill

WIDTH, HEIGHT, EDGE = 640, 400, 40
"""Pixels: the picture, and what stays free around the points."""

LETTERS = 14
"""Of a token; of a longer one the beginning is shown."""

LINE = 15
"""Pixels between two names that would else lie on each other."""

FARTHEST = 30
"""Pixels from a point to its name; there is none further away, for nobody could tell whose it is."""

LETTER, GAP = 8, 20
"""Pixels: a letter, and what a point takes beside its name."""


def arrange(result: Embeddings, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The plane, the neighbours, and the rest."""
    grids = [section for section in sections if isinstance(section, Grid)]
    others = [section for section in sections if not isinstance(section, Grid)]
    return [*_plane(result), *grids[-1:], *grids[:-1], *others]


def _plane(result: Embeddings) -> list[Markup]:
    different = {token.id: token for token in result.tokens}
    if result.plane_share is None:
        return []
    farthest = max(max(map(abs, token.plane)) for token in different.values()) or 1.0
    span = min((WIDTH - 4 * EDGE) / 2, HEIGHT / 2 - EDGE)
    points = []
    names: list[tuple[float, float, float]] = []
    for token in sorted(different.values(), key=lambda token: -token.plane[1]):
        x = WIDTH / 2 - EDGE + token.plane[0] / farthest * (WIDTH / 2 - 2.2 * EDGE)
        y = HEIGHT / 2 - token.plane[1] / farthest * span
        low = y
        text = visible(token)
        name = text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}{signs().cut}"
        while any(abs(low - other) < LINE and x < end and x + _width(name) > start for start, end, other in names):
            low += 2
        named = low - y <= FARTHEST
        if named:
            names.append((x, x + _width(name), low))
        points.append(
            {
                "x": round(x, 1),
                "y": round(y, 1),
                "name_y": round(low + 4, 1),
                "text": name if named else "",
                "title": text,
            }
        )
    words = {
        "title": say(
            "the tokens of the text on a plane: the first two principal components of their rows of wte (PCA), which "
            "hold {share} of the variance",
            share=f"{100 * result.plane_share:.0f}%",
        ),
        "across": say("first component"),
        "up": say("second component"),
        "hint": say("Where points lie close, not all names have room: the pointer on a point shows its own.")
        if any(not point["text"] for point in points)
        else "",
    }
    height = max(HEIGHT, *(round(low) + EDGE for *_, low in names))
    return [fill("plane.html", points=points, words=words, width=WIDTH, height=height, middle=HEIGHT / 2)]


def _width(name: str) -> int:
    """Pixels of a point with its name: letters of East Asia take two places."""
    return GAP + LETTER * sum(2 if east_asian_width(letter) in "WF" else 1 for letter in name)
