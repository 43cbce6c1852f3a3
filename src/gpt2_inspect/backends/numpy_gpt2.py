"""GPT-2's forward pass in NumPy, float32, with a key-value cache (Radford et al. 2019; shapes: see base.py).

Here it stands as equations; what makes them fast is in kernels.py. The weights are views of the file, never copied.
"""

import math
from collections.abc import Sequence
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
from .kernels import activate, attend, multiply, row_groups
from .ranking import rank


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
        config, weights, epsilon = self._config, self._weights, self._config.layer_norm_epsilon
        activation, observer = ACTIVATIONS[config.activation_function], observe or Observer(points=())
        new, last = token_ids.shape[1], config.n_layer - 1
        stored = own_cache(cache, KeyValueCache)
        past = 0 if stored is None else stored.add(new)

        def show(point: Point, layer: int, values: Array) -> Array:
            if observer.wants(point, layer):
                observer.show(point, layer, values.copy())
            return values

        x = weights.wte[token_ids] + weights.wpe[past : past + new]  # (B, T) -> (B, T, D), the residual stream
        show("embedding", 0, x)
        for layer, block in enumerate(weights.blocks):
            a = layer_norm(x, block.ln_1, epsilon)
            if layer == last and not every_position:
                x = x[:, -1:]  # nobody reads the other positions: from here on, T is 1
            x = x + show("attention", layer, self._attention(a, layer, x.shape[1], stored, observer))  # (B, T, D)
            x = x + show("mlp", layer, mlp(layer_norm(x, block.ln_2, epsilon), block, activation))  # (B, T, D)
            show("residual", layer, x)
        x = show("final", last, layer_norm(x, weights.ln_f, epsilon))
        return NumpyLogits(x.reshape(-1, config.n_embd), weights.lm_head)  # (N, D) -> (N, V), when they are asked for

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

    def _score_scale(self, layer: int) -> float:
        scale = 1 / math.sqrt(self._config.head_dim) if self._config.scale_attn_weights else 1.0
        return scale / (layer + 1) if self._config.scale_attn_by_inverse_layer_idx else scale


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

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        ranked: list[Ranking] = []
        logits: Array | None = None  # of one group of rows after the other
        for rows in row_groups(len(self._hidden), len(self._lm_head)):
            logits = self._multiply(self._hidden[rows], logits) if self._all is None else self._all[rows].copy()
            ranked.append(rank(logits, k, None if targets is None else targets[rows]))
        return ranked[0] if len(ranked) == 1 else Ranking.concatenate(ranked)

    def to_numpy(self) -> Array:
        if self._all is None:
            self._all = self._multiply(self._hidden)
        return read_only(self._all)

    def last_hidden_state(self) -> Array:
        return read_only(self._hidden)

    @np.errstate(over="ignore", invalid="ignore")
    def _multiply(self, hidden: Array, memory: Array | None = None) -> Array:
        return multiply(hidden, self._lm_head.T, memory)
