"""One file for each command, with two functions: `tidy` for programs, `blocks` for people. And what they share."""

from collections.abc import Sequence

from ...results import Candidate, Result, Token
from ..blocks import Cell
from ..visible import visible_line, visible_token

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
    return "–" if value is None else f"{value:z.{places}f}"


def visible(token: Token) -> str:
    """A token as people see it."""
    return visible_token(token.token, token.bytes)


def hex_bytes(token: Token) -> str:
    """The bytes of a token, with spaces between them; a dash where there are none."""
    return bytes(token.bytes).hex(" ") or "–"


def candidate_cell(candidate: Candidate) -> Cell:
    """A candidate and its probability, shaded by it."""
    return Cell(f"{visible(candidate)} {percent(candidate.prob)}", candidate.prob)


def model_and_backend(result: Result, timing: str = "") -> tuple[str, ...]:
    """The last facts of every table: which model said so, and how it was run."""
    model, run = result.model, result.run
    origin = model.source if model.revision is None else f"{model.source}, {model.revision[:12]}"
    size = f"{model.n_layer} layers, {model.n_embd} wide, {model.parameters / 1e6:.1f}M parameters"
    lines = (f"model: {visible_line(model.name)} ({origin}; {size})",)
    if run.backend is None:
        return lines
    return (*lines, f"backend: {run.backend} ({run.device}, {run.dtype}){timing and '; ' + timing}")


def text_of(tokens: Sequence[Token]) -> str:
    """The text of the tokens together; U+FFFD where their bytes are not whole UTF-8."""
    return b"".join(bytes(token.bytes) for token in tokens).decode("utf-8", "replace")
