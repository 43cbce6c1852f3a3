"""One file for each command, with two functions: `tidy` for programs, `sections` for people. And what they share.

What is said to people goes through `say` when it is asked for; tokens, numbers, names of keys and codes do not.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from ...messages import say, say_n
from ...results import Candidate, Result, Token
from ..sections import Cell, Column, Grid, Section
from ..signs import signs
from ..visible import visible_line, visible_token


class View(Protocol):
    """What a command's file offers."""

    def tidy(self, result: Any) -> tuple[list[str], list[list[Any]]]:
        """(header, rows) of plain values, for programs. What text they are about is for the writer to say."""

    def sections(self, result: Any) -> list[Section]:
        """What people see, from top to bottom."""


class LiveView(View, Protocol):
    """Of a command whose first section is a grid that can be written while it is computed."""

    def live(self, part: Any) -> Grid:
        """That grid, with a sample, and of the rows those that a part of the result adds."""


def view_of(command: str) -> View:
    """The view of the command with this name."""
    return cast("View", import_module(f".{re.sub('[- ]', '_', command)}", __name__))


TOKEN_COLUMNS = ("id", "token", "bytes_hex")


def token_values(token: Token) -> list[int | str]:
    """The values of TOKEN_COLUMNS."""
    return [token.id, token.token, bytes(token.bytes).hex()]


CANDIDATE_COLUMNS = ("rank", *TOKEN_COLUMNS, "logit", "logprob", "prob")


def candidate_values(candidate: Candidate) -> list[int | float | str]:
    """The values of CANDIDATE_COLUMNS."""
    return [candidate.rank, *token_values(candidate), candidate.logit, candidate.logprob, candidate.prob]


def flag(value: bool) -> str:
    """A truth value in CSV, as JSON writes it."""
    return "true" if value else "false"


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


def candidate_cell(candidate: Candidate) -> Cell:
    """A candidate and its probability, shaded by it."""
    return Cell(f"{visible(candidate)} {percent(candidate.prob)}", candidate.prob)


def top_columns(count: int) -> tuple[Column, ...]:
    """Headings of so many candidates, best first."""
    return tuple(Column(say("top {rank}", rank=rank)) for rank in range(1, count + 1))


def model_and_backend(result: Result, timing: str = "") -> tuple[str, ...]:
    """The last facts of every table: which model said so, and how it was run."""
    model, run = result.model, result.run
    origin = model.source if model.revision is None else f"{model.source}, {model.revision[:12]}"
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


def text_of(tokens: Sequence[Token]) -> str:
    """The text of the tokens together; U+FFFD where their bytes are not whole UTF-8."""
    return b"".join(bytes(token.bytes) for token in tokens).decode("utf-8", "replace")
