"""What the layers hold: the residual stream after each block, and what the head would read out of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..backends.base import Backend, Cache, Observer
from ..checkpoint.tokenizer import Tokenizer
from ..errors import not_finite
from ..messages import Message
from ..results import Candidate, Prompt, record
from ..results.hidden_states import HiddenState, HiddenStates, LastHiddenState, PastKeyValues
from .checks import check_flag, check_position, check_top_k, check_whole
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import make_candidates

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]


States = tuple[HiddenState, ...]
"""The n_layer + 1 of one position."""


@record
class HiddenStatesQuestion(Question[str, HiddenStates]):
    """Look at the residual stream after every block: what transformers returns as `hidden_states`.

    The parts that can be seen before the answer is whole are the states themselves, as one dictionary: each (1, T, D),
    by the names `hidden_states_0` and so on; they are copies, which may be written to.

    Args:
        position: whose state is measured, from 0, or from the end if negative.
        lens: also read each state out as if it were the last: through `ln_f` and the head (the logit lens).
        top_k: how many candidates the lens lists.
        every_position: also measure, and read out, the states of all other positions.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
        UsageError: an option has a value that makes no sense.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "hidden-states"
    position: int = -1
    lens: bool = False
    top_k: int = 5
    every_position: bool = False

    def __post_init__(self) -> None:
        self._settle(position=check_whole, lens=check_flag, top_k=check_whole, every_position=check_flag)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> HiddenStates:
        top_k = check_top_k(self.top_k, model.info.vocab_size, default=type(self).top_k)
        backend = model.backend
        prompt = whole_prompt(model, asked)
        position, layers, positions, last_hidden_state, past_key_values = inspect_states(
            backend,
            model.tokenizer_for(asked),
            prompt,
            n_layer=model.info.n_layer,
            position=self.position,
            lens_top_k=top_k if self.lens else None,
            every_position=self.every_position,
            on_part=on_part,
        )
        return HiddenStates(
            model=model.info,
            run=model.run(),
            prompt=prompt,
            options=replace(self, top_k=top_k),
            position=position,
            layers=layers,
            positions=positions,
            last_hidden_state=last_hidden_state,
            past_key_values=past_key_values,
        )


def inspect_states(
    backend: Backend,
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    n_layer: int,
    position: int,
    lens_top_k: int | None,
    every_position: bool,
    on_part: "Callable[[dict[str, Array]], None] | None",
) -> tuple[int, States, tuple[States, ...] | None, LastHiddenState, PastKeyValues]:
    """The position from 0, its states, perhaps those of all positions, and what they have to do with
    `last_hidden_state` and the cache.

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

    def measure(position: int) -> States:
        rows = np.concatenate([state[:, position] for state in states])  # (L + 1, D)
        lens = [None] * len(states) if lens_top_k is None else read_out(backend, tokenizer, rows, lens_top_k)
        return tuple(
            _measure(index, state.shape, rows, name, candidates)
            for index, (state, name, candidates) in enumerate(zip(states, _names(n_layer), lens, strict=True))
        )

    positions = tuple(map(measure, range(len(token_ids)))) if every_position else None
    layers = measure(position) if positions is None else positions[position]
    found = position, layers, positions, _find(last_hidden_state, states), _past_key_values(cache)
    if on_part is not None:
        on_part({f"hidden_states_{index}": state for index, state in enumerate(states)})  # may be written to
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
        raise not_finite(Message("the model's hidden states"))
    return states, logits.last_hidden_state()


def read_out(backend: Backend, tokenizer: Tokenizer, rows: "Array", top_k: int) -> list[tuple[Candidate, ...] | None]:
    """The logit lens: the best next tokens of each state, (L + 1, D), as if it were the last.

    Every state but the last has yet to go through `ln_f` (nostalgebraist 2020, "interpreting GPT: the logit lens").
    """
    rankings = (
        backend.unembed(rows[:-1], with_ln_f=True).top_k(top_k),
        backend.unembed(rows[-1:], with_ln_f=False).top_k(top_k),
    )
    return [candidates for ranking in rankings for candidates in make_candidates(tokenizer, ranking)]


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
    return HiddenState(
        index=index,
        name=name,
        shape=shape,
        mean=float(row.mean()),
        std=float(row.std()),
        norm=float(norm),
        cosine_to_previous=cosine,
        top_logprobs=candidates,
    )


def _find(last_hidden_state: "Array", states: "list[Array]") -> LastHiddenState:
    """Which of the states (1, T, D) is `last_hidden_state` (T, D)."""
    differences = [float(np.abs(state[0] - last_hidden_state).max()) for state in states]
    index = int(np.argmin(differences))
    return LastHiddenState(equals_index=index, max_abs_difference=differences[index])


def _past_key_values(cache: Cache) -> PastKeyValues:
    layers = cache.layers
    keys, values = layers[0]
    size = sum(stored.nbytes for layer in layers for stored in layer)
    return PastKeyValues(n_layer=len(layers), key_shape=tuple(keys.shape), value_shape=tuple(values.shape), bytes=size)
