"""Markdown: tables to paste into notes. Tokens stand in them as text: nothing in them is markup."""

from collections.abc import Iterable, Iterator

from ..results import Result
from .blocks import Block, Cell, Facts, Grid, Listing, Passage
from .rows import blocks
from .visible import visible_line

_SPECIAL = r"\`*_{}[]<>()#+-.!|~&$"


def render_markdown(result: Result) -> Iterator[str]:
    """The blocks of the result, with empty lines between them."""
    for index, block in enumerate(blocks(result)):
        if index:
            yield "\n"
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Grid():
            if block.title:
                yield f"**{_escape(block.title.strip())}**\n\n"
            yield _row([_escape(column.heading) for column in block.columns])
            yield _row(["---:" if column.number else "---" for column in block.columns])
            for row in block.rows:
                yield _row(map(_cell, row))
        case Passage():
            yield _escape(visible_line(block.text).lstrip()) + "\n"  # four spaces would make it code
        case Listing():
            fence = _fence(block)
            yield f"{fence}\n"
            for cell in block.lines:
                yield f"{cell.text}\n"
            yield f"{fence}\n"
        case Facts():
            for line in block.lines:
                yield f"- {_escape(line.lstrip())}\n"


def _fence(listing: Listing) -> str:
    """What no line of the listing holds. Indented instead, it would go on a list above it, where text is markup."""
    fence = "```"
    while any(fence in cell.text for cell in listing.lines):
        fence += "`"
    return fence


def _cell(cell: Cell) -> str:
    text = _escape(cell.text.strip())  # beside a space, stars would be stars
    return f"**{text}**" if cell.strong and text else text


def _row(columns: Iterable[str]) -> str:
    return "| " + " | ".join(columns) + " |\n"


def _escape(text: str) -> str:
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)
