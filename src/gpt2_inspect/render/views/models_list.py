"""`models list`: a row for each model."""

from ...messages import listed, say
from ...results.models import ListedModel, ModelList
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Row, Section
from ..signs import signs
from ..visible import visible_line
from . import source_of


def sections(result: ModelList, page: Page) -> list[Section]:
    """The models, which one answers by default, and where the cache is."""
    grid = Grid(
        (
            Column(say("model")),
            *(Column(heading, number=True) for heading in (say("size"), say("parameters"))),
            *(Column(heading) for heading in (say("language"), say("from"), say("state"))),
        ),
        tuple(map(_row, result.models)),
    )
    if any(model.source == "hub" for model in result.models):
        cache = say("the hub's cache: {folder}", folder=visible_line(result.cache))
    else:
        cache = say("the hub's cache holds no GPT-2; `gpt2-inspect models pull gpt2` fetches one (0.5 GB)")
    return [grid, Facts((say("{sign} answers where no model is named", sign=signs().chosen), cache))]


def _row(model: ListedModel) -> Row:
    name = visible_line(model.name)
    parameters = (
        signs().nothing if model.parameters is None else say("{millions}M", millions=f"{model.parameters / 1e6:.1f}")
    )
    return (
        Cell(f"{name} {signs().chosen}" if model.default else name, strong=model.default),
        Cell(say("{size} MB", size=f"{model.size_bytes / 1e6:.1f}")),
        Cell(parameters),
        Cell(" ".join(model.languages) or signs().nothing),
        Cell(_origin(model)),
        Cell(_state(model)),
    )


def _origin(model: ListedModel) -> str:
    if model.revision is None:
        return source_of(model.source)
    return " ".join((model.revision[:12], *map(visible_line, model.refs)))


def _state(model: ListedModel) -> str:
    if model.state == "whole":
        return say("whole")
    if model.state == "incomplete":
        return say("lacks {names}", names=listed(model.missing))
    return say("unusable")
