"""`report`: the answers one below the other, each with the command line that gives it alone."""

from ...messages import say
from ...results import ModelInfo
from ...results.report import Report
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from ..visible import visible_line
from . import source_of, view_of


def sections(result: Report, page: Page) -> list[Section]:
    """The model, and the answers."""
    shown: list[Section] = [card(result.model)]
    for part in result.items():
        shown.append(Facts((say("this part alone: {line}", line=result.command_line(part, "table")),)))
        shown += view_of(part.command).sections(part, page)
    return shown


def card(model: ModelInfo) -> Grid:
    """What there is to know about the model."""
    facts = (
        (say("name"), visible_line(model.name)),
        (say("from"), source_of(model.source)),
        (say("revision"), model.revision or signs().nothing),
        (say("layers"), str(model.n_layer)),
        (say("heads in each"), str(model.n_head)),
        (say("width"), str(model.n_embd)),
        (say("longest text, in tokens"), f"{model.n_positions:,}"),
        (say("vocabulary"), f"{model.vocab_size:,}"),
        (say("parameters"), f"{model.parameters:,}"),
    )
    return Grid((Column(say("model")), Column("")), tuple((Cell(name), Cell(value)) for name, value in facts), keys=1)
