"""What people see of each command's result, a file for each, with a function `sections`. And what they share.

What is said to people goes through `say` when it is asked for; tokens, numbers, names of keys and codes do not.
"""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from ...messages import say, say_n
from ...results import Candidate, Result, Token
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from ..visible import visible_line, visible_token


class View(Protocol):
    """What a command's file offers."""

    def sections(self, result: Any, page: Page) -> list[Section]:
        """What people see, from top to bottom. The page says what of it is wanted."""


class LiveView(View, Protocol):
    """Of a command whose first section is a grid that can be written while it is computed."""

    def live(self, part: Any, page: Page) -> Grid:
        """That grid, with a sample, and of the rows those that a part of the result adds."""


def view_of(command: str) -> View:
    """The view of the command with this name."""
    return cast("View", import_module(f".{re.sub('[- ]', '_', command)}", __name__))


def percent(prob: float) -> str:
    """A probability in percent, with one decimal, and no false zero or hundred."""
    if 0 < prob < 0.0005:
        return "<0.1%"
    return f"{100 * prob:.1f}%" if prob <= 0.9995 or prob == 1 else ">99.9%"


def decimal(value: float | None, places: int = 3) -> str:
    """A number for people; a dash where there is none."""
    return signs().nothing if value is None else f"{value:z.{places}f}"


def visible(token: Token) -> str:
    """A token as people see it."""
    return visible_token(token.token, token.bytes)


def hex_bytes(token: Token) -> str:
    """The bytes of a token, with spaces between them; a dash where there are none."""
    return bytes(token.bytes).hex(" ") or signs().nothing


def candidate_cell(candidate: Candidate, *, chosen: bool = False) -> Cell:
    """A candidate and its probability, shaded by it."""
    return Cell(marked(visible(candidate), chosen=chosen), candidate.prob, chosen, percent(candidate.prob))


def marked(text: str, *, chosen: bool) -> str:
    """The text, with the sign for it behind it if it is the one."""
    return f"{text} {signs().chosen}" if chosen else text


def legend(sections: Sequence[Section], chosen: str = "") -> tuple[str, ...]:
    """A line that says what the signs in these sections mean, if there are any; `chosen` says it of that sign."""
    shown, used_signs = "".join(_texts(sections)), signs()
    meanings = {
        used_signs.space: say("{sign} a space", sign=used_signs.space),
        used_signs.line_feed: say("{sign} a line break", sign=used_signs.line_feed),
        used_signs.tab: say("{sign} a tab", sign=used_signs.tab),
        used_signs.chosen: chosen,
    }
    used = [meaning for sign, meaning in meanings.items() if sign in shown]
    return ("   ".join(used),) if used else ()


def _texts(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        match section:
            case Grid():
                yield section.title
                yield from (cell.text for row in section.rows for cell in row)
            case Facts():
                yield from section.lines


def top_columns(count: int) -> tuple[Column, ...]:
    """Headings of so many candidates, best first."""
    return tuple(Column(say("top {rank}", rank=rank)) for rank in range(1, count + 1))


def model_and_backend(result: Result, timing: str = "") -> tuple[str, ...]:
    """The last facts of every table: which model said so, and how it was run."""
    model, run = result.model, result.run
    source = source_of(model.source)
    origin = (
        source if model.revision is None else say("{source}, {revision}", source=source, revision=model.revision[:12])
    )
    line = say_n(
        "model: {name} ({origin}; {n} layer, {n_embd} wide, {millions}M parameters)",
        "model: {name} ({origin}; {n} layers, {n_embd} wide, {millions}M parameters)",
        n=model.n_layer,
        name=visible_line(model.name),
        origin=origin,
        n_embd=model.n_embd,
        millions=f"{model.parameters / 1e6:.1f}",
    )
    if run.backend is None:
        return (line,)
    how = {"backend": run.backend, "device": run.device, "dtype": run.dtype}
    if timing:
        return line, say("backend: {backend} ({device}, {dtype}); {timing}", timing=timing, **how)
    return line, say("backend: {backend} ({device}, {dtype})", **how)


def source_of(source: str) -> str:
    """Where a model is from."""
    return {"bundled": say("bundled"), "directory": say("directory"), "hub": say("hub")}[source]
