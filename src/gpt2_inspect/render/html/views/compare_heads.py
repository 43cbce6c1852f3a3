"""The page of `compare-heads`: the trees of modules as nested lists."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from ....results.compare_heads import CompareHeads
from ...sections import Cell, Listing, Section
from ..fill import fill


def arrange(result: CompareHeads, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """Every section, the listings as lists in lists."""
    return [_nested(section) if isinstance(section, Listing) else section for section in sections]


def _nested(listing: Listing) -> Markup:
    """The first line is what the others are parts of; each is marked by its first two characters, then indented."""
    first, *others = listing.lines
    return fill("tree_of_modules.html", title=first.text, items=list(_items(others)))


def _items(lines: Sequence[Cell]) -> Iterator[dict[str, object]]:
    """Each line with what stands deeper below it."""
    start = 0
    while start < len(lines):
        end = start + 1
        while end < len(lines) and _depth(lines[end]) > _depth(lines[start]):
            end += 1
        text = lines[start].text
        yield {
            "text": f"{text[:2].strip()} {text[2:].strip()}".strip(),
            "strong": lines[start].strong,
            "items": list(_items(lines[start + 1 : end])),
        }
        start = end


def _depth(line: Cell) -> int:
    rest = line.text[2:]
    return len(rest) - len(rest.lstrip())
