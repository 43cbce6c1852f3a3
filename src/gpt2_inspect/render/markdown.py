"""Markdown: tables to paste into notes. Tokens stand in them as text: nothing in them is markup."""

from collections.abc import Iterable, Iterator

from ..results import Document
from .formats import Page
from .markdown_text import block_text, cell_text, inline_text
from .places import place_line
from .sections import Cell, Column, Facts, Grid, Listing, Passage, Prose, Section
from .views import view_of
from .visible import visible_line


def render_markdown(result: Document, page: Page) -> Iterator[str]:
    """The sections of the result, with empty lines between them."""
    if page.many:
        yield f"## {block_text(place_line(page, result))}\n\n"
    for index, section in enumerate([*view_of(result.command).sections(result, page), *page.below]):
        if index:
            yield "\n"
        yield from _section(section)
    if page.many:
        yield "\n"


def _section(section: Section) -> Iterator[str]:
    match section:
        case Grid():
            yield from _grid(section)
        case Passage():
            yield block_text(visible_line(section.text).lstrip()) + "\n"  # four spaces would make it code
        case Listing():
            if section.title:
                yield f"**{inline_text(section.title)}**\n\n"
            fence = _fence(section)
            yield f"{fence}\n"
            for cell in section.lines:
                yield f"{cell.text}\n"
            yield f"{fence}\n"
        case Facts():
            for line in section.lines:
                yield f"- {block_text(line.lstrip())}\n"
        case Prose():
            yield f"**{inline_text(section.heading)}**\n\n"
            between = "" if section.listed else "\n"
            mark = "- " if section.listed else ""
            yield between.join(f"{mark}{block_text(paragraph)}\n" for paragraph in section.paragraphs)


def _grid(grid: Grid) -> Iterator[str]:
    """Title and table, without columns that stand below on a terminal and hold nothing."""
    if title := grid.title.strip():
        yield f"**{inline_text(title)}**\n\n"
    shown = [
        index
        for index, column in enumerate(grid.columns)
        if not column.below or any(row[index].text for row in grid.rows)
    ]
    yield _row(cell_text(grid.columns[index].heading) for index in shown)
    yield _row(_rule(grid.columns[index]) for index in shown)
    for row in grid.rows:
        yield _row(_cell(row[index]) for index in shown)


def _rule(column: Column) -> str:
    return "---:" if column.number else "---"


def _cell(cell: Cell) -> str:
    aside = " ".join(cell.aside.split())  # which may be padded, to line up on a terminal
    text = cell_text(f"{cell.text} {aside}".strip())  # beside a space, stars would be stars
    return f"**{text}**" if cell.strong and text else text


def _row(columns: Iterable[str]) -> str:
    return "| " + " | ".join(columns) + " |\n"


def _fence(listing: Listing) -> str:
    """What no line of the listing holds. Indented instead, it would go on a list above it, where text is markup."""
    fence = "```"
    while any(fence in cell.text for cell in listing.lines):
        fence += "`"
    return fence
