"""Markdown: a table to paste into notes. Tokens stand in it as text: nothing in them is markup."""

from collections.abc import Iterator

from ..results import NextTokens, Result
from .rows import cells
from .summary import completed_text, summary_lines
from .visible import visible_line

_SPECIAL = r"\`*_{}[]<>()#+-.!|~&$"


def render_markdown(result: Result) -> Iterator[str]:
    """The table and what stands below it."""
    if not isinstance(result, NextTokens):
        raise NotImplementedError(result.command)
    rows = [cells(step) for step in result.steps]
    width = max(map(len, rows))
    headers = ["step", "text", *(f"top {rank}" for rank in range(1, result.decoding.top_k + 1))]
    headers += ["drawn"] * (width - result.decoding.top_k)
    yield _row(headers)
    yield _row(["---:", "---", *["---"] * width])
    for step, row in zip(result.steps, rows, strict=True):
        shown = [_cell(cell.token, cell.percent, cell.chosen) for cell in row]
        shown += [""] * (width - len(shown))
        yield _row([str(step.step), _escape(visible_line(step.context)), *shown])
    yield "\n" + _escape(visible_line(completed_text(result)).lstrip()) + "\n\n"  # four spaces would make it code
    for line in summary_lines(result):
        yield f"- {_escape(line)}\n"


def _cell(token: str, percent: str, chosen: bool) -> str:
    text = f"{_escape(token)} {_escape(percent)}"
    return f"**{text}**" if chosen else text


def _row(columns: list[str]) -> str:
    return "| " + " | ".join(columns) + " |\n"


def _escape(text: str) -> str:
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)
