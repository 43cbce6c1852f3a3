"""Which tokens each token looks at: the attention weights of the heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..backends.base import Backend, Observer
from ..errors import ModelUnusableError, UsageError
from ..results import Prompt, Token
from ..results.attention import AttendedToken, AttentionHead
from .checks import check_index, check_position, check_positive

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Matrix = tuple[tuple[float, ...], ...]


def check_heads(
    layer: int | None, head: int | None, top_k: int, *, n_layer: int, n_head: int
) -> tuple[int | None, int | None, int]:
    """The three numbers. Raises UsageError unless there is such a layer and head, and something to list."""
    if layer is not None:
        layer = check_index("--layer", layer, n_layer, "the layers")
    if head is not None:
        head = check_index("--head", head, n_head, "the heads of a layer")
        if layer is None:
            raise UsageError(f"--head {head} is in every layer", "choose one with --layer")
    return layer, head, check_positive("--top-k", top_k)


def inspect_attention(
    backend: Backend,
    prompt: Prompt,
    *,
    layers: Sequence[int],
    head: int | None,
    position: int,
    top_k: int,
) -> tuple[int, tuple[AttentionHead, ...], Matrix | None]:
    """The position from 0, what the heads of the layers look at from there, and the matrix of a chosen head.

    All T x T weights of a layer are there while it runs. What is kept is a row of each head, or the matrix of the
    chosen one.

    Raises:
        UsageError: the text has no such position.
        ModelUnusableError: a weight is NaN.
    """
    position = check_position(position, len(prompt.tokens))

    def keep(weights: "Array") -> "Array":  # (1, H, T, T) -> (T, T) or (H, T)
        return (weights[0, :, position] if head is None else weights[0, head]).copy()

    observer = Observer({"attention_weights"}, layers=layers, keep=keep)
    token_ids = np.array([[token.id for token in prompt.tokens]])
    backend.forward(token_ids, None, every_position=True, observe=observer)
    kept = {layer: weights for (_, layer), weights in observer.seen.items()}
    if not all(np.isfinite(weights).all() for weights in kept.values()):
        raise ModelUnusableError(
            "the model's attention weights are not finite numbers", "its weights are damaged, or overflow"
        )

    if head is not None:
        (weights,) = kept.values()
        found = _describe(prompt.tokens, layers[0], head, weights[position, : position + 1], top_k)
        return position, (found,), tuple(map(tuple, weights.tolist()))
    heads = tuple(
        _describe(prompt.tokens, layer, number, row, top_k)
        for layer in layers
        for number, row in enumerate(kept[layer][:, : position + 1])
    )
    return position, heads, None


def _describe(tokens: Sequence[Token], layer: int, head: int, row: "Array", top_k: int) -> AttentionHead:
    """What a head looks at; `row` holds the weights of the tokens that it can see, the first of `tokens`."""
    best = np.argsort(-row, kind="stable")[:top_k]  # equal ones stay in their order
    top = tuple(
        AttendedToken(tokens[index].id, tokens[index].token, tokens[index].bytes, index, weight)
        for index, weight in zip(best.tolist(), row[best].tolist(), strict=True)
    )
    weights = row[row > 0].astype(np.float64)
    entropy = abs(float(weights @ np.log2(weights)))  # no weight exceeds 1: the sum is negative, or -0
    return AttentionHead(layer, head, entropy, top)
