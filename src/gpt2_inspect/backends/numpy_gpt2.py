"""GPT-2's forward pass in NumPy, float32, with a key-value cache (Radford et al. 2019; shapes: see base.py).

Here it stands as equations; what makes them fast is in kernels.py. The weights are views of the file, never copied.
"""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ..checkpoint.config import GPT2Config
from ..checkpoint.shapes import count_parameters
from ..checkpoint.weights import Array, Block, GPT2Weights, LayerNorm, Linear, open_checkpoint
from ..filenames import PICKLE, has_safetensors
from ..messages import Message, Option
from .activations import ACTIVATIONS, Activation
from .base import Cache, Observer, Point, Ranking, backend, check_length, check_room, own_cache, read_only
from .kernels import MANY_ROWS, activate, attend, multiply, row_groups
from .ranking import rank
from .team import by_rows, together


@backend
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

    @staticmethod
    def obstacle(folder: Path, config: GPT2Config, device: str, dtype: str) -> Message | None:
        if device != "cpu":
            return Message("{option} {value!r}", option=Option("device"), value=device)
        if dtype != "float32":
            return Message("{option} {value!r}", option=Option("dtype"), value=dtype)
        if config.activation_function not in ACTIVATIONS:
            return Message("activation_function {name!r}", name=config.activation_function)
        if config.unsupported:
            return Message("{setting}", setting=config.unsupported[0])
        if not has_safetensors(folder):
            return Message("pickled weights ({name})", name=PICKLE)
        return None

    @classmethod
    def load(cls, folder: Path, config: GPT2Config, device: str = "cpu", dtype: str = "float32") -> Self:
        """Open the safetensors files in `folder`. Raises ModelUnusableError if they do not fit `config`."""
        return cls(config, open_checkpoint(folder, config).read())

    def new_cache(self, batch: int, capacity: int) -> "KeyValueCache":
        return KeyValueCache.empty(self._config, batch, capacity)

    @np.errstate(over="ignore", invalid="ignore")  # of damaged weights; the ranking reports them
    def forward(
        self,
        token_ids: npt.NDArray[np.int64],
        cache: Cache | None,
        *,
        every_position: bool = False,
        observe: Observer | None = None,
    ) -> "NumpyLogits":
        observer, new = observe or Observer(points=()), token_ids.shape[1]
        stored = own_cache(cache, KeyValueCache)
        past = 0 if stored is None else stored.add(new)

        def attention(a: Array, layer: int, queries: int) -> Array:
            return self._attention(a, layer, queries, stored, observer)

        with together(token_ids.size * self.parameters):
            x = self._weights.wte[token_ids] + self._weights.wpe[past : past + new]  # (B, T) -> (B, T, D)
            x = self._blocks(x, attention, slice(None) if every_position else slice(-1, None), observer)
        rows = x.reshape(-1, self._config.n_embd)  # (B, T, D) -> (N, D)
        return NumpyLogits(rows, self._weights.lm_head)  # (N, V), when they are asked for

    @np.errstate(over="ignore", invalid="ignore")
    def forward_many(
        self, texts: Sequence[Sequence[int]], caches: Sequence[Cache] | None = None, *, every_position: bool = False
    ) -> "ManyNumpyLogits":
        """The texts stand side by side, as T = N tokens of one batch: only attention has to tell them apart.

        A row of a matrix product is the same whatever rows stand beside it, where there are MANY_ROWS: so many there
        always are. No team shares the work: it would depend on the other texts whether there is one, and where many
        texts are answered each processor has a process of its own.
        """
        stops = list(accumulate(map(len, texts)))
        spans = [slice(stop - len(text), stop) for stop, text in zip(stops, texts, strict=True)]
        given: Sequence[Cache | None] = caches or [None] * len(texts)
        stored = [own_cache(cache, KeyValueCache) for cache in given]
        for cache, text in zip(stored, texts, strict=True):
            if cache is not None:
                check_room(cache, len(text))
        pasts = [0 if cache is None else cache.add(len(text)) for cache, text in zip(stored, texts, strict=True)]
        positions = [past + place for past, text in zip(pasts, texts, strict=True) for place in range(len(text))]
        rows = max(MANY_ROWS, len(positions))
        x = np.zeros((1, rows, self._config.n_embd), np.float32)
        x[0, : len(positions)] = self._weights.wte[np.concatenate(texts)] + self._weights.wpe[positions]  # (N, D)
        kept: slice | list[int] = slice(None)
        if not every_position:
            kept = [stop - 1 for stop in stops] + [0] * (MANY_ROWS - len(texts))

        def attention(a: Array, layer: int, queries: int) -> Array:
            last_only = not every_position and layer == self._config.n_layer - 1
            return self._attention_of_each(a, layer, queries, spans, stored, last_only=last_only)

        x = self._blocks(x, attention, kept, Observer(points=()))
        read = spans if every_position else [slice(index, index + 1) for index in range(len(texts))]
        return ManyNumpyLogits(NumpyLogits(x[0], self._weights.lm_head, rows=read[-1].stop), read)

    def _blocks(
        self,
        x: Array,
        attention: "Callable[[Array, int, int], Array]",
        kept: slice | list[int],
        observer: Observer,
    ) -> Array:
        """All blocks and `ln_f`: the residual stream (B, T, D) -> (B, T, D).

        Args:
            attention: takes the stream after ln_1, the layer, and how many positions ask; gives what these get.
            kept: the positions that somebody will read, which are all that the last block computes.
        """
        config, weights, epsilon = self._config, self._weights, self._config.layer_norm_epsilon
        activation, last = ACTIVATIONS[config.activation_function], config.n_layer - 1

        def show(point: Point, layer: int, values: Array) -> Array:
            if observer.wants(point, layer):
                observer.show(point, layer, values.copy())
            return values

        show("embedding", 0, x)
        for layer, block in enumerate(weights.blocks):
            a = layer_norm(x, block.ln_1, epsilon)
            if layer == last:
                x = x[:, kept]  # nobody reads the other positions: from here on, T is the number of these
            x = x + show("attention", layer, attention(a, layer, x.shape[1]))  # (B, T, D)
            x = x + show("mlp", layer, mlp(layer_norm(x, block.ln_2, epsilon), block, activation))  # (B, T, D)
            show("residual", layer, x)
        return show("final", last, layer_norm(x, weights.ln_f, epsilon))

    def unembed(self, hidden: Array, *, with_ln_f: bool) -> "NumpyLogits":
        if with_ln_f:
            hidden = layer_norm(hidden, self._weights.ln_f, self._config.layer_norm_epsilon)
        return NumpyLogits(hidden, self._weights.lm_head)

    def embeddings(self) -> tuple[Array, Array]:
        return self._weights.wte, self._weights.wpe

    def _attention(
        self, x: Array, layer: int, queries: int, cache: "KeyValueCache | None", observer: Observer
    ) -> Array:
        """What the last `queries` positions of (B, T, D) take from themselves and all before them, (B, queries, D)."""
        block, heads = self._weights.blocks[layer], self._config.n_head
        q, k, v = split_heads(linear(x, block.c_attn), parts=3, heads=heads)  # (B, T, 3D) -> 3 (B, H, T, head_dim)
        if cache is not None:
            k, v = cache.extend(layer, k, v)  # (B, H, S, head_dim)
        q = q[:, :, -queries:] * self._score_scale(layer)
        if not observer.wants("attention_weights", layer):
            return linear(attend(q, k, v), block.attn_c_proj)  # (B, queries, D)
        weights = np.zeros((*q.shape[:3], k.shape[2]), np.float32)  # (B, H, queries, S)
        attended = attend(q, k, v, weights)
        observer.show("attention_weights", layer, weights)
        return linear(attended, block.attn_c_proj)

    def _attention_of_each(
        self,
        x: Array,
        layer: int,
        queries: int,
        spans: Sequence[slice],
        caches: "Sequence[KeyValueCache | None]",
        *,
        last_only: bool,
    ) -> Array:
        """The same for texts side by side in (1, T, D): (1, queries, D), of each all positions or the last."""
        block, heads = self._weights.blocks[layer], self._config.n_head
        q, k, v = split_heads(linear(x, block.c_attn), parts=3, heads=heads)  # (1, T, 3D) -> 3 (1, H, T, head_dim)
        q = q * self._score_scale(layer)
        attended = np.zeros((1, queries, x.shape[2]), np.float32)
        for index, (span, cache) in enumerate(zip(spans, caches, strict=True)):
            keys, values, asking, to = k[:, :, span], v[:, :, span], span, span
            if cache is not None:
                keys, values = cache.extend(layer, keys, values)  # (1, H, S, head_dim)
            if last_only:
                asking, to = slice(span.stop - 1, span.stop), slice(index, index + 1)
            attended[:, to] = attend(q[:, :, asking], keys, values)
        return linear(attended, block.attn_c_proj)

    def _score_scale(self, layer: int) -> float:
        scale = 1 / math.sqrt(self._config.head_dim) if self._config.scale_attn_weights else 1.0
        return scale / (layer + 1) if self._config.scale_attn_by_inverse_layer_idx else scale


@by_rows
def layer_norm(x: Array, norm: LayerNorm, epsilon: float) -> Array:
    """Mean 0 and variance 1 along D, then weight and bias (Ba et al. 2016): (..., D) -> (..., D)."""
    x = x - np.add.reduce(x, axis=-1, keepdims=True) / x.shape[-1]
    x /= np.sqrt(np.vecdot(x, x) / x.shape[-1] + epsilon)[..., None]
    x *= norm.weight
    x += norm.bias
    return x


def linear(x: Array, layer: Linear) -> Array:
    """x @ weight + bias: (..., inputs) -> (..., outputs)."""
    x = multiply(x, layer.weight)
    x += layer.bias
    return x


def mlp(x: Array, block: Block, activation: Activation) -> Array:
    """Two layers with an activation between them: (B, T, D) -> (B, T, n_inner) -> (B, T, D)."""
    inner = multiply(x, block.c_fc.weight)
    return linear(activate(inner, block.c_fc.bias, activation), block.mlp_c_proj)


def split_heads(x: Array, *, parts: int, heads: int) -> Array:
    """(B, T, parts * D) -> (parts, B, H, T, head_dim), a view."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, parts, heads, width // (parts * heads)).transpose(2, 0, 3, 1, 4)


class KeyValueCache:
    """Keys and values of the tokens seen so far, (L, B, H, capacity, head_dim) each; `length` of them are filled."""

    def __init__(self, keys: Array, values: Array, length: int) -> None:
        self._keys = keys
        self._values = values
        self.length = length

    @classmethod
    def empty(cls, config: GPT2Config, batch: int, capacity: int) -> Self:
        shape = (config.n_layer, batch, config.n_head, capacity, config.head_dim)
        return cls(np.empty(shape, np.float32), np.empty(shape, np.float32), 0)

    @property
    def capacity(self) -> int:
        return int(self._keys.shape[3])

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        filled = slice(self.length)
        stored = zip(read_only(self._keys), read_only(self._values), strict=True)
        return [(keys[:, :, filled], values[:, :, filled]) for keys, values in stored]

    def add(self, tokens: int) -> int:
        """Make room for as many new tokens, and say how many stand before them. Raises CacheFullError."""
        check_room(self, tokens)
        past, self.length = self.length, self.length + tokens
        return past

    def extend(self, layer: int, keys: Array, values: Array) -> tuple[Array, Array]:
        """Store the newest keys and values (B, H, T, head_dim), and give back all of this layer (B, H, S, head_dim)."""
        newest = slice(self.length - keys.shape[2], self.length)
        self._keys[layer, :, :, newest] = keys
        self._values[layer, :, :, newest] = values
        return self._keys[layer, :, :, : self.length], self._values[layer, :, :, : self.length]

    def reorder(self, rows: Sequence[int]) -> None:
        if list(rows) != list(range(self._keys.shape[1])):
            self._keys, self._values = self._copied(self._keys, rows), self._copied(self._values, rows)

    def fork(self) -> "KeyValueCache":
        rows = range(self._keys.shape[1])
        return KeyValueCache(self._copied(self._keys, rows), self._copied(self._values, rows), self.length)

    def truncate(self, length: int) -> None:
        check_length(self, length)
        self.length = length

    def _copied(self, stored: Array, rows: Sequence[int]) -> Array:
        """These rows of (L, B, ...) in memory of their own, of which what is not filled stays untouched."""
        copy = np.empty((len(stored), len(rows), *stored.shape[2:]), np.float32)
        for row, source in enumerate(rows):
            copy[:, row, :, : self.length] = stored[:, source, :, : self.length]
        return copy


class NumpyLogits:
    """The last layer norm's rows and the head: multiplied when asked for, some rows at a time."""

    def __init__(self, hidden: Array, lm_head: Array, *, rows: int | None = None) -> None:
        self._hidden = hidden  # (N, D)
        self._lm_head = lm_head  # (V, D)
        self._rows = len(hidden) if rows is None else rows  # those behind them only fill, up to MANY_ROWS
        self._all: Array | None = None  # (N, V), kept once someone has asked for them
        self._ranking: Ranking | None = None

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        with together(len(self._hidden) * self._lm_head.size):
            return self.rank_alone(k, targets)

    def rank_alone(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        """The same without a team."""
        ranked: list[Ranking] = []
        logits: Array | None = None  # of one group of rows after the other
        for rows in row_groups(len(self._hidden), len(self._lm_head)):
            logits = self._multiply(self._hidden[rows], logits) if self._all is None else self._all[rows]
            ranked.append(rank(logits[: self._rows - rows.start], k, None if targets is None else targets[rows]))
        return ranked[0] if len(ranked) == 1 else Ranking.concatenate(ranked)

    def ranking(self, k: int) -> Ranking:
        """What `rank_alone` finds, kept with the logits for whoever asks next."""
        if self._ranking is None or self._ranking.ids.shape[1] != k:
            self.to_numpy()
            self._ranking = self.rank_alone(k)
        return self._ranking

    def to_numpy(self) -> Array:
        if self._all is None:
            self._all = self._multiply(self._hidden)
        return read_only(self._all)

    def last_hidden_state(self) -> Array:
        return read_only(self._hidden)

    @np.errstate(over="ignore", invalid="ignore")
    def _multiply(self, hidden: Array, memory: Array | None = None) -> Array:
        return multiply(hidden, self._lm_head.T, memory)


class ManyNumpyLogits:
    """Those of several texts side by side."""

    def __init__(self, whole: NumpyLogits, spans: Sequence[slice]) -> None:
        self._whole = whole
        self.each = [PartOfLogits(whole, span) for span in spans]

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        return self._whole.rank_alone(k, targets)


class PartOfLogits:
    """Some rows of logits that are multiplied and ranked all together, when the first of them are asked for."""

    def __init__(self, whole: NumpyLogits, rows: slice) -> None:
        self._whole = whole
        self._rows = rows

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        if targets is None:
            return self._whole.ranking(k).part(self._rows)
        return rank(self.to_numpy(), k, targets)

    def to_numpy(self) -> Array:
        return self._whole.to_numpy()[self._rows]

    def last_hidden_state(self) -> Array:
        return self._whole.last_hidden_state()[self._rows]
