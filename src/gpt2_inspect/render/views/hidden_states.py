"""`hidden-states`: a row for each state, with the lens one for each state and rank."""

from typing import Any

from ...messages import say, say_n
from ...results.hidden_states import HiddenState, HiddenStates
from ..sections import Cell, Column, Facts, Grid, Section
from . import CANDIDATE_COLUMNS, candidate_cell, candidate_values, decimal, model_and_backend, top_columns, visible

MEASURES = ("mean", "std", "norm", "cosine_to_previous")


def tidy(result: HiddenStates) -> tuple[list[str], list[list[Any]]]:
    """Without the lens the columns of candidates are left out."""
    header = ["position", "index", "name", "shape", *MEASURES]
    if result.layers[0].top_logprobs is not None:
        header += CANDIDATE_COLUMNS
    rows = []
    for state in result.layers:
        shape = " ".join(map(str, state.shape))
        row = [result.position, state.index, state.name, shape, *(getattr(state, name) for name in MEASURES)]
        if state.top_logprobs is None:
            rows.append(row)
        rows += [[*row, *candidate_values(candidate)] for candidate in state.top_logprobs or ()]
    return header, rows


def sections(result: HiddenStates) -> list[Section]:
    """The states, under the lens what each would say, and what there is to say about the last state and the cache."""
    return [_states(result), *_lens(result), _facts(result)]


def _states(result: HiddenStates) -> Grid:
    token = result.prompt.tokens[result.position]
    return Grid(
        (
            Column(say("index"), number=True),
            Column(say("state")),
            Column(say("shape")),
            *(Column(name, number=True) for name in (say("mean"), say("std"), say("norm"), say("cosine to previous"))),
        ),
        tuple(_row(state) for state in result.layers),
        title=say("position {position}: {token}", position=result.position, token=visible(token)),
    )


def _lens(result: HiddenStates) -> list[Grid]:
    if result.layers[0].top_logprobs is None:
        return []
    best = top_columns(len(result.layers[0].top_logprobs))
    columns = (Column(say("index"), number=True), Column(say("state")), *best)
    rows = tuple(
        (Cell(str(state.index)), Cell(_name(state)), *map(candidate_cell, state.top_logprobs or ()))
        for state in result.layers
    )
    return [Grid(columns, rows, title=say("logit lens: each state through ln_f and the head"))]


def _name(state: HiddenState) -> str:
    """As in the record, in the language of the table."""
    name = state.name.removeprefix("block ")
    return state.name if name == state.name else say("block {name}", name=name)


def _facts(result: HiddenStates) -> Facts:
    cache, last = result.past_key_values, result.last_hidden_state
    return Facts(
        (
            say(
                "last_hidden_state = hidden_states[{index}] (largest absolute difference {difference})",
                index=last.equals_index,
                difference=f"{last.max_abs_difference:.2g}",
            ),
            say_n(
                "past_key_values: {n} layer, keys {keys} and values {values} in each, {bytes} bytes in all",
                "past_key_values: {n} layers, keys {keys} and values {values} in each, {bytes} bytes in all",
                n=cache.n_layer,
                keys=list(cache.key_shape),
                values=list(cache.value_shape),
                bytes=f"{cache.bytes:,}",
            ),
            *model_and_backend(result),
        )
    )


def _row(state: HiddenState) -> tuple[Cell, ...]:
    numbers = (state.mean, state.std, state.norm, state.cosine_to_previous)
    shape = str(list(state.shape))
    return (Cell(str(state.index)), Cell(_name(state)), Cell(shape), *(Cell(decimal(number)) for number in numbers))
