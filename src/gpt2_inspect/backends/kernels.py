"""What the forward pass is fast by: products, softmax and activations over pieces that fit the processor.

A single token is as fast as the machine's memory, many are as fast as its matrix products: what is no matrix product
runs over pieces small enough to stay in a core's cache.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from ..checkpoint.weights import Array
from .activations import Activation
from .team import share

PIECE = 1 << 17
"""Floats in a piece, 512 KiB: it and its scratch space fit in a core's second-level cache."""

ATTENTION_PIECES = 3
"""Attention scores of all heads are more than a core's cache holds, but fewer at a time make the products too small."""

HEAD_PIECE = 1 << 24
"""Logits computed at a time, some 64 MiB: enough rows to be worth repacking the head for, and no more than needed."""

FEW_ROWS = 6
"""Up to here it is faster to multiply row by row: for more, BLAS first repacks the whole weight matrix."""

MANY_ROWS = FEW_ROWS + 1
"""From here on BLAS multiplies them together."""

PERIOD = 48
"""After so many rows at the latest BLAS goes on as it began; the shorter periods that there are divide it."""

_MASKS = 64
"""Texts of different lengths use the same mask, or a corner of it: there are masks for multiples of this alone."""

IN_CACHES = 6 * PIECE
"""Floats of a weight matrix, 3 MiB, that stay in the caches of two cores while one row after the other uses them."""

_HAS: dict[str, bool] = getattr(sys.modules.get("numpy._core._multiarray_umath"), "__cpu_features__", {})
"""Which instructions the processor has, under NumPy's names for them."""

_FAST_DOTS = not _HAS.get("AVX2", False) or (_HAS.get("AVX512F", False) and not _HAS.get("AVX512_SPR", False))
"""One thread's dot products reach the speed of memory, and BLAS's products of a matrix and a row do not. Measured with
OpenBLAS on AMD's processors with AVX-512. It is the other way round with AVX2 alone, and on Intel's that NumPy calls
AVX512_SPR (Sapphire Rapids and later): there one core does not read as fast as all threads do together.
"""

Rows = npt.NDArray[np.int64]
"""Numbers of rows."""


def multiply(x: Array, weight: Array, memory: Array | None = None) -> Array:
    """x @ weight, (..., inputs) -> (..., outputs), in the way that is fastest for the number of rows.

    `memory` (M, outputs) is written to in place of new memory, whose first use costs as much as computing with it.
    """
    rows = x.reshape(-1, x.shape[-1])
    out = np.empty((len(rows), weight.shape[1]), np.float32) if memory is None else memory[: len(rows)]
    if len(rows) > FEW_ROWS:
        share(lambda columns: np.matmul(rows, weight[:, columns], out=out[:, columns]), weight.shape[1])
    elif weight.flags.c_contiguous:
        _multiply_few(rows, weight, out)
    else:
        _dot_few(rows, weight.T, out)
    return out.reshape(*x.shape[:-1], -1)


def _multiply_few(rows: Array, weight: Array, out: Array) -> None:
    """rows @ weight, (N, inputs) -> (N, outputs); all rows use a part of the weights before they go to the next."""
    step = max(1, IN_CACHES // weight.shape[1]) if len(rows) > 1 else len(weight)
    for row, row_out in zip(rows, out, strict=True):
        np.matmul(row[:step], weight[:step], out=row_out)
    for first in range(step, len(weight), step):
        part = weight[first : first + step]
        for row, row_out in zip(rows, out, strict=True):
            row_out += row[first : first + step] @ part


def _dot_few(rows: Array, weight: Array, out: Array) -> None:
    """rows @ weight.T, (N, inputs) -> (N, outputs), for weights (outputs, inputs) as the head's are."""
    step = max(1, IN_CACHES // weight.shape[1]) if len(rows) > 1 else len(weight)
    for first in range(0, len(weight), step):
        part = slice(first, first + step)
        if _FAST_DOTS:
            np.vecdot(weight[part], rows[:, None], out=out[:, part])
        else:
            for row, row_out in zip(rows, out, strict=True):
                np.matmul(weight[part], row, out=row_out[part])


def attend(q: Array, k: Array, v: Array, weights: Array | None = None) -> Array:
    """Causal attention: softmax(q k^T) v for every head (Vaswani et al. 2017, section 3.2.1).

    The queries (B, H, T, head_dim), scaled already, stand at the last T of the positions of keys and values
    (B, H, S, head_dim). They take turns, a group at a time, and are multiplied only with the keys that the last of a
    group may see. `weights` (B, H, T, S), of zeros, gets the softmax itself, if that is wanted.

    Gives (B, T, D), the heads side by side.
    """
    batch, heads, asked, head_dim = q.shape
    out = np.empty((batch, asked, heads, head_dim), np.float32)
    by_head = out.swapaxes(1, 2)  # (B, H, T, head_dim)

    def attend_heads(part: slice) -> None:
        _attend(q[:, part], k[:, part], v[:, part], by_head[:, part], None if weights is None else weights[:, part])

    share(attend_heads, heads, grain=1)
    return out.reshape(batch, asked, heads * head_dim)


def _attend(q: Array, k: Array, v: Array, out: Array, weights: Array | None) -> None:
    """Attention of some heads, into `out` (B, H, T, head_dim)."""
    batch, heads, asked, _ = q.shape
    seen = k.shape[2]
    group = min(asked, max(1, ATTENTION_PIECES * PIECE // (batch * heads * seen)))
    memory = np.empty(batch * heads * group * seen, np.float32)
    for first in range(0, asked, group):
        stop = min(first + group, asked)
        visible = seen - asked + stop
        shape = (batch, heads, stop - first, visible)
        numerators = memory[: math.prod(shape)].reshape(shape)
        np.matmul(q[:, :, first:stop], k[:, :, :visible].swapaxes(2, 3), out=numerators)
        totals = _exponentials(numerators)
        np.divide(numerators @ v[:, :, :visible], totals, out=out[:, :, first:stop])
        if weights is not None:
            np.divide(numerators, totals, out=weights[:, :, first:stop, :visible])


def _exponentials(scores: Array) -> Array:
    """The softmax's numerators, in place, of scores (..., t, S), and its denominators (..., t, 1).

    The last t of the S keys are those of the queries themselves: query i must not see keys i + 1 to t of them.
    """
    queries = scores.shape[-2]
    if queries > 1:
        scores[..., -queries:] += _causal_mask(queries)
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    totals: Array = np.vecdot(scores, np.ones(scores.shape[-1], np.float32))  # faster than a sum
    return totals[..., None]


def _causal_mask(queries: int) -> Array:
    """(queries, queries): 0 for the keys that each of the newest positions may see, -inf for those behind it."""
    return _mask_of(math.ceil(queries / _MASKS) * _MASKS)[:queries, :queries]


@lru_cache(maxsize=2)
def _mask_of(queries: int) -> Array:
    return np.triu(np.full((queries, queries), -np.inf, np.float32), 1)


@np.errstate(over="ignore")  # the activations take the limit
def activate(x: Array, bias: Array, activation: Activation) -> Array:
    """activation(x + bias), in place, a few rows of (..., n_inner) at a time: each is read and written once."""
    rows = x.reshape(-1, x.shape[-1])
    step = max(1, PIECE // rows.shape[1])

    def activate_rows(part: slice) -> None:
        scratch = np.empty((min(step, part.stop - part.start), rows.shape[1]), np.float32)
        for first in range(part.start, part.stop, step):
            piece = rows[first : min(first + step, part.stop)]
            piece += bias
            activation(piece, scratch[: len(piece)])

    share(activate_rows, len(rows), grain=1)
    return x


def row_groups(rows: int, vocab_size: int) -> Iterator[slice]:
    """Rows whose logits are computed together, all of them about equally many; each begins where a period does."""
    groups = max(1, round(rows * vocab_size / HEAD_PIECE))
    stops = {PERIOD * round(rows * group / groups / PERIOD) for group in range(1, groups)}
    firsts = [0, *sorted(stop for stop in stops if 0 < stop <= rows - MANY_ROWS)]
    return (slice(first, stop) for first, stop in zip(firsts, [*firsts[1:], rows], strict=True))


def placed(lengths: Sequence[int]) -> tuple[Rows, int]:
    """Rows for the tokens of some texts in one product, so that what each gets depends on its own text alone.

    A token's row is of the same kind wherever its text stands. To be called, as the products are to be made, within
    `together`: BLAS's own threads would divide the rows.

    Args:
        lengths: of the texts, in tokens.

    Gives the rows of their tokens, text after text, and how many rows the product must have: the others fill it.
    """
    kinds = _row_kinds()
    wanted = kinds[np.concatenate([np.arange(length) for length in lengths]) % len(kinds)]
    rows = np.empty(len(wanted), np.int64)
    for kind in set(kinds.tolist()):
        tokens, offered = np.flatnonzero(wanted == kind), np.flatnonzero(kinds == kind)
        turn, place = np.divmod(np.arange(len(tokens)), len(offered))
        rows[tokens] = turn * len(kinds) + offered[place]
    least = max(MANY_ROWS, int(rows.max()) + 1)
    return rows, math.ceil(least / len(kinds)) * len(kinds)


@cache
def _row_kinds() -> Rows:
    """The kind of each row of a period: where the kinds are equal, equal rows give equal products, to the last bit.

    BLAS multiplies some rows at a time, and may add up four of them in another order than eight. It is found out by
    multiplying equal rows. (OpenBLAS has a single kind with AVX-512, and with AVX2 two that alternate in 12 rows.)
    """
    numbers = np.random.default_rng(0).standard_normal((65, 256), np.float32)
    products = np.repeat(numbers[:1], 2 * PERIOD, axis=0) @ numbers[1:].T
    kinds: Rows = (products[:, None] == products).all(axis=-1).argmax(axis=1)  # the first row that is equal
    periods = (period for period in range(1, PERIOD) if PERIOD % period == 0)
    period = next((period for period in periods if np.array_equal(kinds[period:], kinds[:-period])), PERIOD)
    return kinds[:period]
