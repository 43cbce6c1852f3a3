"""`hidden-states`: a row for each state, with the lens one for each state and rank."""

from typing import Any

from ...results.hidden_states import HiddenState, HiddenStates
from ..blocks import Block, Cell, Column, Facts, Grid
from . import CANDIDATE_COLUMNS, candidate_cell, candidate_values, decimal, model_and_backend, visible

MEASURES = ("mean", "std", "norm", "cosine_to_previous")


def tidy(result: HiddenStates) -> tuple[list[str], list[list[Any]]]:
    """Without the lens the columns of candidates are left out."""
    header = ["prompt_index", "position", "index", "name", "shape", *MEASURES]
    if result.layers[0].top_logprobs is not None:
        header += CANDIDATE_COLUMNS
    rows = []
    for state in result.layers:
        shape = " ".join(map(str, state.shape))
        row = [0, result.position, state.index, state.name, shape, *(getattr(state, name) for name in MEASURES)]
        if state.top_logprobs is None:
            rows.append(row)
        rows += [[*row, *candidate_values(candidate)] for candidate in state.top_logprobs or ()]
    return header, rows


def blocks(result: HiddenStates) -> list[Block]:
    """The states, under the lens what each would say, and what there is to say about the last state and the cache."""
    return [_states(result), *_lens(result), _facts(result)]


def _states(result: HiddenStates) -> Grid:
    token = result.prompt.tokens[result.position]
    return Grid(
        (
            Column("index", number=True),
            Column("state"),
            Column("shape"),
            *(Column(heading, number=True) for heading in ("mean", "std", "norm", "cosine to previous")),
        ),
        tuple(_row(state) for state in result.layers),
        title=f"position {result.position}: {visible(token)}",
    )


def _lens(result: HiddenStates) -> list[Grid]:
    if result.layers[0].top_logprobs is None:
        return []
    ranks = range(1, len(result.layers[0].top_logprobs) + 1)
    columns = (Column("index", number=True), Column("state"), *(Column(f"top {rank}") for rank in ranks))
    rows = tuple(
        (Cell(str(state.index)), Cell(state.name), *map(candidate_cell, state.top_logprobs or ()))
        for state in result.layers
    )
    return [Grid(columns, rows, title="logit lens: each state through ln_f and the head")]


def _facts(result: HiddenStates) -> Facts:
    cache, last = result.past_key_values, result.last_hidden_state
    return Facts(
        (
            f"last_hidden_state = hidden_states[{last.equals_index}] "
            f"(largest absolute difference {last.max_abs_difference:.2g})",
            f"past_key_values: {cache.n_layer} layers, keys {list(cache.key_shape)} and values "
            f"{list(cache.value_shape)} in each, {cache.bytes:,} bytes in all",
            *model_and_backend(result),
        )
    )


def _row(state: HiddenState) -> tuple[Cell, ...]:
    numbers = (state.mean, state.std, state.norm, state.cosine_to_previous)
    shape = str(list(state.shape))
    return (Cell(str(state.index)), Cell(state.name), Cell(shape), *(Cell(decimal(number)) for number in numbers))
