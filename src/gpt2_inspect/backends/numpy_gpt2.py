"""GPT-2's forward pass in NumPy, float32, with a key-value cache (Radford et al. 2019; shapes: see base.py).

It is as fast as the machine's memory for a single token, and as its matrix products for many. Three things make it
so: the weights are views of the file, never copied; the buffers of one block serve them all; and what is not a
matrix product runs over pieces small enough to stay in a core's cache.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ..checkpoint.config import GPT2Config
from ..checkpoint.shapes import count_parameters
from ..checkpoint.weights import Array, GPT2Weights, LayerNorm, Linear, open_checkpoint
from .activations import ACTIVATIONS
from .base import Observer, Point, Ranking
from .ranking import rank

PIECE = 1 << 17
"""Floats in a piece, 512 KiB: it and its scratch space fit in a core's second-level cache."""

ATTENTION_PIECES = 8
"""Attention scores of all heads are more than a core's cache holds, but fewer at a time make the products too small."""

HEAD_PIECE = 1 << 24
"""Logits computed at a time, some 64 MiB: enough rows to be worth repacking the head for, and no more than needed."""

FEW_ROWS = 6
"""Up to here it is faster to multiply row by row: for more, BLAS first repacks the whole weight matrix."""

IN_CACHES = 6 * PIECE
"""Floats of a weight matrix, 3 MiB, that stay in the caches of two cores while one row after the other uses them."""


class NumpyGPT2:
    """A GPT-2 on the CPU in float32."""

    name = "numpy"
    device = "cpu"
    dtype = "float32"

    def __init__(self, config: GPT2Config, weights: GPT2Weights) -> None:
        self._config = config
        self._weights = weights

    @property
    def parameters(self) -> int:
        tied = self._weights.lm_head is self._weights.wte
        return count_parameters(self._config._replace(tie_word_embeddings=tied))

    @classmethod
    def load(cls, folder: Path, config: GPT2Config) -> Self:
        """Open the safetensors files in `folder`. Raises ModelUnusableError if they do not fit `config`."""
        return cls(config, open_checkpoint(folder, config).read())

    def new_cache(self, batch: int, capacity: int) -> "KeyValueCache":
        return KeyValueCache(self._config, batch, capacity)

    @np.errstate(over="ignore", invalid="ignore")  # of damaged weights; the ranking reports them
    def forward(
        self,
        token_ids: npt.NDArray[np.int64],
        cache: "KeyValueCache | None",
        *,
        every_position: bool = False,
        observe: Observer | None = None,
    ) -> "NumpyLogits":
        config, weights = self._config, self._weights
        epsilon, activation = config.layer_norm_epsilon, ACTIVATIONS[config.activation_function]
        observer = observe or Observer(points=())
        batch, new = token_ids.shape
        past = cache.length if cache else 0
        seen = past + new
        if cache:
            cache.length = seen

        def show(point: Point, layer: int, rows: Array) -> None:
            if observer.wants(point, layer):
                observer.show(point, layer, by_sequence(rows, batch).copy())

        x, normed, added, qkv, inner, scores = self._workspace(batch, new, seen)
        np.take(weights.wte, token_ids.ravel(), axis=0, out=x)  # (N, D), the residual stream
        by_sequence(x, batch)[:] += weights.wpe[past:seen]
        show("embedding", 0, x)

        for layer, block in enumerate(weights.blocks):
            layer_norm(x, block.ln_1, epsilon, normed)
            queries, keys, values = self._split_heads(linear(normed, block.c_attn, qkv), batch, parts=3)
            if cache:
                keys, values = cache.extend(layer, keys, values)
            if layer == config.n_layer - 1 and not every_position:  # nobody reads the other positions
                x, queries = by_sequence(x, batch)[:, -1].copy(), queries[:, :, -1:]
                normed, added, inner = normed[:batch], added[:batch], inner[:batch]

            queries *= self._score_scale(layer)
            (mixed,) = self._split_heads(normed, batch, parts=1)
            looked_at = None
            if observer.wants("attention_weights", layer):
                looked_at = np.zeros((*queries.shape[:3], seen), np.float32)
            attend(queries, keys, values, scores, out=mixed, weights=looked_at)
            if looked_at is not None:
                observer.show("attention_weights", layer, looked_at)
            x += linear(normed, block.attn_c_proj, added)
            show("attention", layer, added)

            layer_norm(x, block.ln_2, epsilon, normed)
            multiply(normed, block.c_fc.weight, inner)
            in_pieces(activation, inner, block.c_fc.bias)
            x += linear(inner, block.mlp_c_proj, added)
            show("mlp", layer, added)
            show("residual", layer, x)
        layer_norm(x, weights.ln_f, epsilon, normed)
        show("final", config.n_layer - 1, normed)
        return NumpyLogits(normed, weights.lm_head)

    def unembed(self, hidden: Array, *, with_ln_f: bool) -> "NumpyLogits":
        if with_ln_f:
            hidden = layer_norm(hidden, self._weights.ln_f, self._config.layer_norm_epsilon, np.empty_like(hidden))
        return NumpyLogits(hidden, self._weights.lm_head)

    def embeddings(self) -> tuple[Array, Array]:
        return self._weights.wte, self._weights.wpe

    def _workspace(self, batch: int, new: int, seen: int) -> list[Array]:
        """What all blocks share: the residual stream, its layer norm and what is added to it (N, D) each, queries, keys
        and values (N, 3D), the inside of the MLP (N, n_inner), and the scores (B, H, t, S) of t queries at a time."""
        rows, width, heads = batch * new, self._config.n_embd, self._config.n_head
        queries = min(new, max(1, ATTENTION_PIECES * PIECE // (batch * heads * seen)))
        like_x = (rows, width)
        return buffers(
            like_x, like_x, like_x, (rows, 3 * width), (rows, self._config.n_inner), (batch, heads, queries, seen)
        )

    def _split_heads(self, rows: Array, batch: int, parts: int) -> list[Array]:
        """Views (B, H, T, head_dim) of `rows` (N, parts * D), one for each part."""
        split = rows.reshape(batch, -1, parts, self._config.n_head, self._config.head_dim)
        return list(split.transpose(2, 0, 3, 1, 4))

    def _score_scale(self, layer: int) -> float:
        scale = 1 / math.sqrt(self._config.head_dim) if self._config.scale_attn_weights else 1.0
        return scale / (layer + 1) if self._config.scale_attn_by_inverse_layer_idx else scale


class KeyValueCache:
    """Keys and values of the tokens seen so far, (L, B, H, capacity, head_dim) each; `length` of them are filled."""

    def __init__(self, config: GPT2Config, batch: int, capacity: int) -> None:
        shape = (config.n_layer, batch, config.n_head, capacity, config.head_dim)
        self._keys = np.empty(shape, np.float32)
        self._values = np.empty(shape, np.float32)
        self.length = 0

    def reorder(self, rows: Sequence[int]) -> None:
        if list(rows) != list(range(self._keys.shape[1])):
            self._keys, self._values = self._of(rows, self._keys), self._of(rows, self._values)

    def _of(self, rows: Sequence[int], stored: Array) -> Array:
        chosen = np.empty((len(stored), len(rows), *stored.shape[2:]), np.float32)
        for row, source in enumerate(rows):
            chosen[:, row, :, : self.length] = stored[:, source, :, : self.length]
        return chosen

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        filled = slice(self.length)
        return [(k[:, :, filled], v[:, :, filled]) for k, v in zip(self._keys, self._values, strict=True)]

    def extend(self, layer: int, keys: Array, values: Array) -> tuple[Array, Array]:
        """Store the newest keys and values (B, H, T, head_dim), and give back all of this layer (B, H, S, head_dim)."""
        newest = slice(self.length - keys.shape[2], self.length)
        self._keys[layer, :, :, newest] = keys
        self._values[layer, :, :, newest] = values
        return self._keys[layer, :, :, : self.length], self._values[layer, :, :, : self.length]


class NumpyLogits:
    """The last layer norm's rows and the head: multiplied when asked for, some rows at a time."""

    def __init__(self, hidden: Array, lm_head: Array) -> None:
        self._hidden = hidden  # (N, D)
        self._lm_head = lm_head  # (V, D)
        self._all: Array | None = None  # (N, V), kept once someone has asked for them

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        if self._all is not None:
            return rank(self._all.copy(), k, targets)
        pieces = max(1, round(len(self._hidden) * len(self._lm_head) / HEAD_PIECE))
        group = math.ceil(len(self._hidden) / pieces)
        logits = np.empty((group, len(self._lm_head)), np.float32)  # of one piece after the other
        ranked = []
        for first in range(0, len(self._hidden), group):
            hidden = self._hidden[first : first + group]
            wanted = None if targets is None else targets[first : first + group]
            ranked.append(rank(self._multiply(hidden, logits[: len(hidden)]), k, wanted))
        return ranked[0] if len(ranked) == 1 else Ranking.concatenate(ranked)

    def to_numpy(self) -> Array:
        if self._all is None:
            self._all = self._multiply(self._hidden, np.empty((len(self._hidden), len(self._lm_head)), np.float32))
        return self._all

    def last_hidden_state(self) -> Array:
        return self._hidden

    @np.errstate(over="ignore", invalid="ignore")
    def _multiply(self, hidden: Array, out: Array) -> Array:
        return multiply(hidden, self._lm_head.T, out)


def buffers(*shapes: tuple[int, ...]) -> list[Array]:
    """Arrays of these shapes, with anything in them, side by side in memory.

    The system gives out a large piece in large pages, in a fraction of the time that as many small ones take.
    """
    sizes = [math.prod(shape) for shape in shapes]
    memory = np.empty(sum(sizes), np.float32)
    return [
        memory[stop - size : stop].reshape(shape)
        for shape, size, stop in zip(shapes, sizes, accumulate(sizes), strict=True)
    ]


def by_sequence(rows: Array, batch: int) -> Array:
    """(N, ...) -> (B, T, ...), a view."""
    return rows.reshape(batch, -1, rows.shape[1])


def layer_norm(x: Array, norm: LayerNorm, epsilon: float, out: Array) -> Array:
    """(N, D) -> (N, D): mean 0 and variance 1 along D, then weight and bias (Ba et al. 2016)."""
    np.subtract(x, np.add.reduce(x, axis=1, keepdims=True) / x.shape[1], out=out)
    variance = np.vecdot(out, out) / x.shape[1]
    out /= np.sqrt(variance + epsilon)[:, None]
    out *= norm.weight
    out += norm.bias
    return out


def linear(x: Array, layer: Linear, out: Array) -> Array:
    """x @ weight + bias, (N, inputs) -> (N, outputs)."""
    multiply(x, layer.weight, out)
    out += layer.bias
    return out


def multiply(x: Array, weight: Array, out: Array) -> Array:
    """x @ weight, in the way that is faster for so many rows."""
    if len(x) > FEW_ROWS:
        return np.matmul(x, weight, out=out)
    step = max(1, IN_CACHES // weight.shape[1]) if len(x) > 1 and weight.flags.c_contiguous else len(weight)
    for row, row_out in zip(x, out, strict=True):
        np.matmul(row[:step], weight[:step], out=row_out)
    for first in range(step, len(weight), step):
        part = weight[first : first + step]
        for row, row_out in zip(x, out, strict=True):
            row_out += row[first : first + step] @ part
    return out


def attend(
    queries: Array, keys: Array, values: Array, scores: Array, *, out: Array, weights: Array | None = None
) -> None:
    """Causal attention: softmax(q k^T) v for every head (Vaswani et al. 2017, section 3.2.1).

    The queries (B, H, T, head_dim), scaled already, stand at the last T of the positions of keys and values
    (B, H, S, head_dim). They take turns: `scores` (B, H, t, S) has room for t of them, and those are multiplied only
    with the keys that the last of them may see.

    Args:
        out: (B, H, T, head_dim).
        weights: (B, H, T, S), of zeros; gets the softmax itself, if that is wanted.
    """
    asked, seen, group = queries.shape[2], keys.shape[2], scores.shape[2]
    for first in range(0, asked, group):
        stop = min(first + group, asked)
        visible = seen - asked + stop
        shape = (*queries.shape[:2], stop - first, visible)
        numerators = scores.ravel()[: math.prod(shape)].reshape(shape)
        np.matmul(queries[:, :, first:stop], keys[:, :, :visible].swapaxes(2, 3), out=numerators)
        totals = exponentials(numerators)
        np.divide(numerators @ values[:, :, :visible], totals, out=out[:, :, first:stop])
        if weights is not None:
            np.divide(numerators, totals, out=weights[:, :, first:stop, :visible])


def exponentials(scores: Array) -> Array:
    """The softmax's numerators, in place, of scores (..., t, S), and its denominators (..., t, 1).

    The last t of the S keys are those of the queries themselves: query i must not see keys i + 1 to t of them.
    """
    queries = scores.shape[-2]
    if queries > 1:
        scores[..., -queries:] += causal_mask(queries)
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    totals: Array = np.vecdot(scores, np.ones(scores.shape[-1], np.float32))  # faster than a sum
    return totals[..., None]


@lru_cache(maxsize=2)
def causal_mask(queries: int) -> Array:
    """(queries, queries): 0 for the keys that each of the newest positions may see, -inf for those behind it."""
    return np.triu(np.full((queries, queries), -np.inf, np.float32), 1)


@np.errstate(over="ignore")  # the activations take the limit
def in_pieces(activation: Callable[[Array, Array], None], x: Array, bias: Array) -> None:
    """Add the bias to (N, n_inner) and apply an activation, in place, a few rows at a time."""
    rows = max(1, PIECE // x.shape[1])
    scratch = np.empty((min(rows, len(x)), x.shape[1]), np.float32)
    for first in range(0, len(x), rows):
        piece = x[first : first + rows]
        piece += bias
        activation(piece, scratch[: len(piece)])
