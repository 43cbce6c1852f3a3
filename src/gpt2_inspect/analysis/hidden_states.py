"""What the layers hold: the residual stream after each block, and what the head would read out of it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..backends.base import Backend, Cache, Observer
from ..checkpoint.tokenizer import Tokenizer
from ..errors import ModelUnusableError
from ..results import Candidate, Prompt
from ..results.hidden_states import HiddenState, LastHiddenState, PastKeyValues
from .checks import check_position
from .tokens import make_candidates

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]


def inspect_states(
    backend: Backend,
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    n_layer: int,
    position: int,
    lens_top_k: int | None,
    on_arrays: "Callable[[dict[str, Array]], None] | None",
) -> tuple[int, tuple[HiddenState, ...], LastHiddenState, PastKeyValues]:
    """The position from 0, the states, and what they have to do with `last_hidden_state` and the cache.

    The states are those of transformers' `output_hidden_states`: before the first block, after each block but the
    last, and after the last block and `ln_f`.

    Raises:
        UsageError: the text has no such position.
        ModelUnusableError: the states are NaN or infinite.
    """
    token_ids = [token.id for token in prompt.tokens]
    position = check_position(position, len(token_ids))
    cache = backend.new_cache(1, len(token_ids))
    states, last_hidden_state = run(backend, cache, token_ids, n_layer)
    rows = np.concatenate([state[:, position] for state in states])  # (L + 1, D)
    lens = [None] * len(states) if lens_top_k is None else read_out(backend, tokenizer, rows, lens_top_k)
    layers = tuple(
        _measure(index, state.shape, rows, name, candidates)
        for index, (state, name, candidates) in enumerate(zip(states, _names(n_layer), lens, strict=True))
    )
    found = position, layers, _find(last_hidden_state, states), _past_key_values(cache)
    if on_arrays is not None:
        on_arrays({f"hidden_states_{index}": state for index, state in enumerate(states)})  # may be written to
    return found


def run(backend: Backend, cache: Cache, token_ids: Sequence[int], n_layer: int) -> "tuple[list[Array], Array]":
    """The n_layer + 1 states (1, T, D) of an empty cache's first tokens, and what the head reads (T, D).

    Raises ModelUnusableError if they are NaN or infinite.
    """
    observer = Observer({"embedding", "residual", "final"})
    logits = backend.forward(np.array([token_ids]), cache, every_position=True, observe=observer)
    seen = observer.seen
    states = [seen["embedding", 0], *(seen["residual", layer] for layer in range(n_layer - 1))]
    states.append(seen["final", n_layer - 1])
    if not np.isfinite(states[-1]).all():
        raise ModelUnusableError("the hidden states are not finite numbers", "the weights are damaged, or overflow")
    return states, logits.last_hidden_state()


def read_out(backend: Backend, tokenizer: Tokenizer, rows: "Array", top_k: int) -> list[tuple[Candidate, ...] | None]:
    """The logit lens: the best next tokens of each state, (L + 1, D), as if it were the last.

    Every state but the last has yet to go through `ln_f` (nostalgebraist 2020, "interpreting GPT: the logit lens").
    """
    rankings = (
        backend.unembed(rows[:-1], with_ln_f=True).top_k(top_k),
        backend.unembed(rows[-1:], with_ln_f=False).top_k(top_k),
    )
    return [make_candidates(tokenizer, ranking, index) for ranking in rankings for index in range(len(ranking.entropy))]


def _names(n_layer: int) -> list[str]:
    blocks = [f"block {number}" for number in range(1, n_layer + 1)]
    return ["wte + wpe", *blocks[:-1], f"{blocks[-1]} + ln_f"]


def _measure(
    index: int, shape: tuple[int, ...], rows: "Array", name: str, candidates: tuple[Candidate, ...] | None
) -> HiddenState:
    row = rows[index].astype(np.float64)
    norm = np.linalg.norm(row)
    cosine = None
    if index > 0:
        before = rows[index - 1].astype(np.float64)
        norms = norm * np.linalg.norm(before)
        cosine = float(row @ before / norms) if norms else None
    return HiddenState(index, name, shape, float(row.mean()), float(row.std()), float(norm), cosine, candidates)


def _find(last_hidden_state: "Array", states: "list[Array]") -> LastHiddenState:
    """Which of the states (1, T, D) is `last_hidden_state` (T, D)."""
    differences = [float(np.abs(state[0] - last_hidden_state).max()) for state in states]
    index = int(np.argmin(differences))
    return LastHiddenState(index, differences[index])


def _past_key_values(cache: Cache) -> PastKeyValues:
    layers = cache.layers
    keys, values = layers[0]
    size = sum(stored.nbytes for layer in layers for stored in layer)
    return PastKeyValues(len(layers), tuple(keys.shape), tuple(values.shape), size)
