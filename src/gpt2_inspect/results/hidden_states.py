"""The records of `hidden-states`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Candidate, Options, Prompt, Record, Result, record
from .columns import CANDIDATE_COLUMNS, candidate_values

_MEASURES = ("mean", "std", "norm", "cosine_to_previous")


@record
class HiddenState(Record):
    """One of the n_layer + 1 states that transformers returns as `hidden_states`; the numbers are of one position."""

    index: int
    name: str
    """`wte + wpe`, then `block 1` and so on; the last has gone through `ln_f`."""
    shape: tuple[int, ...]
    """[1, T, D]."""
    mean: float
    std: float
    """Standard deviation over the D numbers (not that of a sample)."""
    norm: float
    """L2 norm."""
    cosine_to_previous: float | None
    """Cosine of the angle to the state before, at the same position; None for the first, or if one is zero."""
    top_logprobs: tuple[Candidate, ...] | None
    """With the logit lens: the next tokens that the state would give if it were the last; else None."""


@record
class LastHiddenState(Record):
    """Where `last_hidden_state`, what the head reads, is found among the states."""

    equals_index: int
    """The state that is nearest to it."""
    max_abs_difference: float
    """Between the two, over all positions: 0 if they are equal."""


@record
class PastKeyValues(Record):
    """The key-value cache after the text."""

    n_layer: int
    key_shape: tuple[int, ...]
    """[batch, n_head, T, head_dim], in each layer."""
    value_shape: tuple[int, ...]
    bytes: int
    """Of the keys and values of all layers."""


@record
class HiddenStates(Result):
    """The result of `hidden-states`."""

    command: ClassVar[str] = "hidden-states"
    prompt: Prompt
    options: Options
    """What was asked for."""
    position: int
    """Whose numbers are shown, from 0."""
    layers: tuple[HiddenState, ...]
    positions: tuple[tuple[HiddenState, ...], ...] | None
    """If asked for, [T][n_layer + 1]: what `layers` has of one position, of each."""
    last_hidden_state: LastHiddenState
    past_key_values: PastKeyValues

    def items(self) -> Sequence[HiddenState]:
        return self.layers

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """Without the lens the columns of candidates are left out."""
        header = ["position", "index", "name", "shape", *_MEASURES]
        if self.layers[0].top_logprobs is not None:
            header += CANDIDATE_COLUMNS
        rows = []
        for state in self.layers:
            row: list[Any] = [self.position, state.index, state.name, list(state.shape)]
            row += (getattr(state, name) for name in _MEASURES)
            if state.top_logprobs is None:
                rows.append(row)
            rows += [[*row, *candidate_values(candidate)] for candidate in state.top_logprobs or ()]
        return header, rows
