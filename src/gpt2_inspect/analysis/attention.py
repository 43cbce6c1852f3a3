"""Which tokens each token looks at: the attention weights of the heads."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..backends.base import Backend, Observer
from ..errors import UsageError, not_finite
from ..messages import Message, Option
from ..results import ModelInfo, Prompt, Token, record
from ..results.attention import AttendedToken, Attention, AttentionHead
from .checks import check_flag, check_index, check_position, check_positive, check_whole
from .prompt import whole_prompt
from .question import LoadedModel, Question

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Matrix = tuple[tuple[float, ...], ...]


DECIMALS = 8
"""Of the weights of all positions, which may be very many. float32 has no more of them where a weight is large."""


@record
class AttentionQuestion(Question[str, Attention]):
    """See which tokens each token looks at: what transformers returns as `attentions`.

    The parts that can be seen before the answer is whole are the weights of all layers and heads, whichever are asked
    for, as one dictionary: each (1, H, T, T), by the names `attentions_0` and so on; they are copies, which may be
    written to.

    Args:
        layer: one layer, from 0; by default all.
        head: one head of that layer, from 0, whose whole matrix is returned; by default all.
        position: the token whose weights are described, from 0, or from the end if negative.
        top_k: how many tokens to list for each head; there are never more than it can see.
        rows: also return the weights of every position, for each head that is described.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
        UsageError: there is no such layer, head or position, a head without a layer, or nothing to list.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "attention"
    layer: int | None = None
    head: int | None = None
    position: int = -1
    top_k: int = 3
    rows: bool = False

    def __post_init__(self) -> None:
        if self.head is not None and self.layer is None:
            raise UsageError(
                Message("{option} {value} is in every layer", option=Option("head"), value=self.head),
                Message("choose one with {layer}", layer=Option("layer")),
            )
        self._settle(layer=check_whole, head=check_whole, position=check_whole, top_k=check_positive, rows=check_flag)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> Attention:
        layers = self._layers(model.info)
        backend = model.backend
        prompt = whole_prompt(model, asked)
        position, heads, matrix = inspect_attention(
            backend,
            prompt,
            layers=layers,
            head=self.head,
            position=self.position,
            top_k=self.top_k,
            rows=self.rows,
            on_part=on_part,
        )
        return Attention(
            model=model.info,
            run=model.run(),
            prompt=prompt,
            options=self,
            position=position,
            heads=heads,
            matrix=matrix,
        )

    def _layers(self, info: ModelInfo) -> Sequence[int]:
        if self.layer is not None:
            check_index("layer", self.layer, info.n_layer, Message("the layers"))
        if self.head is not None:
            check_index("head", self.head, info.n_head, Message("the heads of a layer"))
        return range(info.n_layer) if self.layer is None else [self.layer]


def inspect_attention(
    backend: Backend,
    prompt: Prompt,
    *,
    layers: Sequence[int],
    head: int | None,
    position: int,
    top_k: int,
    rows: bool,
    on_part: "Callable[[dict[str, Array]], None] | None",
) -> tuple[int, tuple[AttentionHead, ...], Matrix | None]:
    """The position from 0, what the heads of the layers look at from there, and the matrix of a chosen head.

    All T x T weights of a layer are there while it runs. What is kept is a row of each head, or the matrix of the
    chosen one; or all of every layer, for `on_part`; with `rows` all of the layers.

    Raises:
        UsageError: the text has no such position.
        ModelUnusableError: a weight is NaN.
    """
    position = check_position(position, len(prompt.tokens))

    def chosen(weights: "Array") -> "Array":  # (1, H, T, T) -> (h, T, T) with h heads, or a row of each: (h, 1, T)
        some = weights[0] if head is None else weights[0, head : head + 1]
        return (some if rows or head is not None else some[:, position : position + 1]).copy()

    whole = on_part is not None
    observer = Observer({"attention_weights"}, layers=None if whole else layers, keep=np.copy if whole else chosen)
    token_ids = np.array([[token.id for token in prompt.tokens]])
    backend.forward(token_ids, None, every_position=True, observe=observer)
    kept = {layer: weights for (_, layer), weights in observer.seen.items()}
    if not all(np.isfinite(weights).all() for weights in kept.values()):
        raise not_finite(Message("the model's attention weights"))
    if on_part is not None:
        matrices, kept = kept, {layer: chosen(kept[layer]) for layer in layers}
        on_part({f"attentions_{layer}": weights for layer, weights in matrices.items()})  # may be written to

    heads = tuple(
        _describe(prompt.tokens, layer, number, matrix, position, top_k=top_k, rows=rows)
        for layer in layers
        for number, matrix in enumerate(kept[layer], start=head or 0)
    )
    return position, heads, None if head is None else tuple(map(tuple, kept[layers[0]][0].tolist()))


def _describe(
    tokens: Sequence[Token], layer: int, head: int, matrix: "Array", position: int, *, top_k: int, rows: bool
) -> AttentionHead:
    """What a head looks at from a position; `matrix` (T, T) holds the weights of all, or (1, T) of this one."""
    row = matrix[position if len(matrix) > 1 else 0, : position + 1]
    best = np.argsort(-row, kind="stable")[:top_k]  # equal ones stay in their order
    top = tuple(
        AttendedToken(
            id=tokens[index].id, token=tokens[index].token, bytes=tokens[index].bytes, index=index, weight=weight
        )
        for index, weight in zip(best.tolist(), row[best].tolist(), strict=True)
    )
    weights = row[row > 0].astype(np.float64)
    entropy = abs(float(weights @ np.log2(weights)))  # no weight exceeds 1: the sum is negative, or -0
    seen = None
    if rows:
        short = np.round(matrix.astype(np.float64), DECIMALS).tolist()
        seen = tuple(tuple(row[: index + 1]) for index, row in enumerate(short))
    return AttentionHead(layer=layer, head=head, entropy_bits=entropy, top=top, rows=seen)
