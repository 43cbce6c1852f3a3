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
from .kernels import Rows, activate, attend, multiply, placed, row_groups
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

        Each stands in rows where its products are the same whatever stands beside it. There is always a team, unless
        this process computes on one thread, for else it would depend on the other texts whether there is one.
        """
        given: Sequence[Cache | None] = caches or [None] * len(texts)
        stored = [own_cache(cache, KeyValueCache) for cache in given]
        for cache, text in zip(stored, texts, strict=True):
            if cache is not None:
                check_room(cache, len(text))
        pasts = [0 if cache is None else cache.add(len(text)) for cache, text in zip(stored, texts, strict=True)]
        positions = [past + place for past, text in zip(pasts, texts, strict=True) for place in range(len(text))]
        with together():
            return self._many(texts, stored, positions, every_position=every_position)

    def _many(
        self,
        texts: Sequence[Sequence[int]],
        caches: "Sequence[KeyValueCache | None]",
        positions: list[int],
        *,
        every_position: bool,
    ) -> "ManyNumpyLogits":
        stops = list(accumulate(map(len, texts)))
        spans = [slice(stop - len(text), stop) for stop, text in zip(stops, texts, strict=True)]
        asking, (rows, count) = spans, placed([len(text) for text in texts])
        x = np.zeros((1, count, self._config.n_embd), np.float32)
        x[0, rows] = self._weights.wte[np.concatenate(texts)] + self._weights.wpe[positions]  # (N, D)
        kept: slice | Rows = slice(None)
        read = rows
        if not every_position:
            asking = [slice(stop - 1, stop) for stop in stops]
            read, count = placed([1] * len(texts))
            kept = np.zeros(count, np.int64)
            kept[read] = rows[[stop - 1 for stop in stops]]

        def attention(a: Array, layer: int, queries: int) -> Array:
            qkv = linear(a, self._weights.blocks[layer].c_attn)[:, rows]  # (1, N, 3D), text after text
            last = layer == self._config.n_layer - 1
            attended = np.zeros((1, queries, a.shape[2]), np.float32)
            attended[:, read if last else rows] = self._attention_of_each(
                qkv, layer, spans, asking if last else spans, caches
            )
            return linear(attended, self._weights.blocks[layer].attn_c_proj)

        x = self._blocks(x, attention, kept, Observer(points=()))
        logits = NumpyLogits(x[0], self._weights.lm_head)
        return ManyNumpyLogits(logits, np.split(read, stops[:-1] if every_position else len(texts)))

    def _blocks(
        self,
        x: Array,
        attention: "Callable[[Array, int, int], Array]",
        kept: slice | Rows,
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
        qkv: Array,
        layer: int,
        spans: Sequence[slice],
        asking: Sequence[slice],
        caches: "Sequence[KeyValueCache | None]",
    ) -> Array:
        """The same for texts side by side, from (1, N, 3D): what those `asking` in each of the `spans` take."""
        q, k, v = split_heads(qkv, parts=3, heads=self._config.n_head)  # 3 (1, H, N, head_dim)
        q = q * self._score_scale(layer)
        attended = []
        for span, asks, cache in zip(spans, asking, caches, strict=True):
            keys, values = k[:, :, span], v[:, :, span]
            if cache is not None:
                keys, values = cache.extend(layer, keys, values)  # (1, H, S, head_dim)
            attended.append(attend(q[:, :, asks], keys, values))
        return np.concatenate(attended, axis=1)

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

    def __init__(self, hidden: Array, lm_head: Array) -> None:
        self._hidden = hidden  # (N, D)
        self._lm_head = lm_head  # (V, D)
        self._all: Array | None = None  # (N, V), kept once someone has asked for them
        self._ranking: Ranking | None = None

    def __len__(self) -> int:
        return len(self._hidden)

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        with together(len(self._hidden) * self._lm_head.size):
            return self.ranked(k, targets)

    def ranked(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        """The same by the team that there is, or none."""
        groups = list(row_groups(len(self._hidden), len(self._lm_head)))
        largest = max(group.stop - group.start for group in groups)
        memory = np.empty((largest, len(self._lm_head)), np.float32) if self._all is None else None
        ranked: list[Ranking] = []
        for rows in groups:
            logits = self._multiply(self._hidden[rows], memory) if self._all is None else self._all[rows]
            ranked.append(rank(logits, k, None if targets is None else targets[rows]))
        return ranked[0] if len(ranked) == 1 else Ranking.concatenate(ranked)

    def ranking(self, k: int) -> Ranking:
        """What `ranked` finds, kept with the logits for whoever asks next."""
        if self._ranking is None or self._ranking.ids.shape[1] != k:
            self.to_numpy()
            self._ranking = self.ranked(k)
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

    def __init__(self, whole: NumpyLogits, rows: Sequence[Rows]) -> None:
        self._whole = whole
        self._rows = np.concatenate(rows)
        self.each = [PartOfLogits(whole, own) for own in rows]

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        of_all = None
        if targets is not None:
            of_all = np.zeros(len(self._whole), np.int64)
            of_all[self._rows] = targets
        with together():
            return self._whole.ranked(k, of_all).part(self._rows)


class PartOfLogits:
    """Some rows of logits that are multiplied and ranked all together, when the first of them are asked for."""

    def __init__(self, whole: NumpyLogits, rows: Rows) -> None:
        self._whole = whole
        self._rows = rows

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        if targets is None:
            with together():
                return self._whole.ranking(k).part(self._rows)
        return rank(self.to_numpy(), k, targets)

    def to_numpy(self) -> Array:
        with together():
            return self._whole.to_numpy()[self._rows]

    def last_hidden_state(self) -> Array:
        return self._whole.last_hidden_state()[self._rows]
