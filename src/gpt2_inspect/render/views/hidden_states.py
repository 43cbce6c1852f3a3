"""`hidden-states`: the states, and under the lens what each would say."""

from ...messages import say, say_n
from ...results.hidden_states import HiddenState, HiddenStates
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from . import (
    candidate_cell,
    decimal,
    legend,
    model_and_backend,
    top_columns,
    visible,
)


def sections(result: HiddenStates, page: Page) -> list[Section]:
    """The states, under the lens what each would say, and what there is to say about the last state and the cache."""
    grids = [_states(result), *_lens(result), *_lens_of_all(result)]
    return [*grids, Facts((*legend(grids), *_findings(result), *model_and_backend(result)))]


def _states(result: HiddenStates) -> Grid:
    token = result.prompt.tokens[result.position]
    return Grid(
        (
            Column(say("index"), number=True),
            Column(say("state"), whole=True),
            *(Column(name, number=True) for name in (say("mean"), say("std"), say("norm"), say("cosine to previous"))),
        ),
        tuple(_row(state) for state in result.layers),
        title=say(
            "position {position}: {token}; each state is {shape}: batch, tokens, width",
            position=result.position,
            token=visible(token),
            shape=list(result.layers[0].shape),
        ),
        keys=2,
    )


def _lens(result: HiddenStates) -> list[Grid]:
    if result.layers[0].top_logprobs is None:
        return []
    best = top_columns(len(result.layers[0].top_logprobs))
    columns = (Column(say("index"), number=True), Column(say("state"), whole=True), *best)
    rows = tuple(
        (Cell(str(state.index)), Cell(name_of(state)), *map(candidate_cell, state.top_logprobs or ()))
        for state in result.layers
    )
    return [Grid(columns, rows, say("logit lens: each state through ln_f and the head"), keys=2)]


def _lens_of_all(result: HiddenStates) -> list[Grid]:
    """What the lens puts first, where every position was asked for."""
    if result.positions is None or result.layers[0].top_logprobs is None:
        return []
    columns = (
        Column(say("position"), number=True),
        Column(say("token")),
        *(Column(str(state.index)) for state in result.layers),
    )
    rows = tuple(
        (
            Cell(str(position)),
            Cell(visible(token)),
            *(candidate_cell(state.top_logprobs[0]) for state in states if state.top_logprobs),
        )
        for position, (token, states) in enumerate(zip(result.prompt.tokens, result.positions, strict=True))
    )
    title = say("logit lens of every position: what comes first; the columns are the indices of the states")
    return [Grid(columns, rows, title=title, keys=2)]


def name_of(state: HiddenState) -> str:
    """As in the record, in the language of the table."""
    name = state.name.removeprefix("block ")
    return state.name if name == state.name else say("block {name}", name=name)


def _findings(result: HiddenStates) -> tuple[str, ...]:
    cache, last = result.past_key_values, result.last_hidden_state
    return (
        say(
            "last_hidden_state = hidden_states[{index}] (largest absolute difference {difference})",
            index=last.equals_index,
            difference=f"{last.max_abs_difference:.2g}",
        ),
        say_n(
            "past_key_values: {n} layer, keys {keys} and values {values} in it: batch, heads, tokens, width; "
            "{bytes} bytes in all",
            "past_key_values: {n} layers, keys {keys} and values {values} in each: batch, heads, tokens, width; "
            "{bytes} bytes in all",
            n=cache.n_layer,
            keys=list(cache.key_shape),
            values=list(cache.value_shape),
            bytes=f"{cache.bytes:,}",
        ),
    )


def _row(state: HiddenState) -> tuple[Cell, ...]:
    numbers = (state.mean, state.std, state.norm, state.cosine_to_previous)
    return (Cell(str(state.index)), Cell(name_of(state)), *(Cell(decimal(number)) for number in numbers))
