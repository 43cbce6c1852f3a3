"""`report`: the answers one below the other, each with the command line that gives it alone."""

import shlex
from typing import Any

from ...messages import say
from ...results import ModelInfo, Result
from ...results.attention import Attention
from ...results.compare_search import CompareSearch
from ...results.hidden_states import HiddenStates
from ...results.next_tokens import NextTokens
from ...results.report import Report
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from ..visible import escape, visible_line
from . import view_of


def tidy(result: Report) -> tuple[list[str], list[list[Any]]]:
    """One row for each answer: the line that gives it as CSV."""
    return ["part", "command_line"], [[part.command, command_line(result, part, "csv")] for part in result.items()]


def sections(result: Report) -> list[Section]:
    """The model, and the answers."""
    shown: list[Section] = [card(result.model)]
    for part in result.items():
        shown.append(Facts((say("this part alone: {line}", line=command_line(result, part, "table")),)))
        shown += view_of(part.command).sections(part)
    return shown


def card(model: ModelInfo) -> Grid:
    """What there is to know about the model."""
    facts = (
        (say("name"), visible_line(model.name)),
        (say("from"), model.source),
        (say("revision"), model.revision or signs().nothing),
        (say("layers"), str(model.n_layer)),
        (say("heads in each"), str(model.n_head)),
        (say("width"), str(model.n_embd)),
        (say("longest text, in tokens"), f"{model.n_positions:,}"),
        (say("vocabulary"), f"{model.vocab_size:,}"),
        (say("parameters"), f"{model.parameters:,}"),
    )
    return Grid((Column(say("model")), Column("")), tuple((Cell(name), Cell(value)) for name, value in facts), keys=1)


def command_line(result: Report, part: Result, form: str = "json") -> str:
    """What gives this answer alone, in Bash and its like."""
    own = []
    match part:
        case NextTokens():
            own = ["--steps", str(part.decoding.steps)]
        case CompareSearch():
            own = ["--steps", str(part.search["steps"])]
        case Attention():
            own = ["--rows"] if part.options["rows"] else []
        case HiddenStates():
            position = ["--position", "all"] if part.options["every_position"] else []
            own = ["--lens", *position, "--top-k", str(part.options["top_k"])]
    model, run = result.model, result.next_tokens.run
    own += ["--model", model.name]
    if model.revision is not None:
        own += ["--revision", model.revision]
    if (run.backend, run.device, run.dtype) != ("numpy", "cpu", "float32"):
        own += ["--backend", str(run.backend), "--device", str(run.device), "--dtype", str(run.dtype)]
    text = [result.text]
    if part.command == "decode":
        text = [f"--prompt={result.text}"]
    elif result.text.startswith("-"):
        text = ["--", result.text]
    own += ["--format", form]
    return " ".join(map(_quoted, ["gpt2-inspect", part.command, *own, *text]))


def _quoted(argument: str) -> str:
    """For the shell; what has no shape of its own by its codes, so that the line can be seen and copied."""
    if argument.isprintable():
        return shlex.quote(argument)
    escaped = (f"\\{character}" if character in "\\'" else escape(character) for character in argument)
    return f"$'{''.join(escaped)}'"
