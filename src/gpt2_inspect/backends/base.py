"""What a backend is: something that turns token ids into ranked next tokens, one batch at a time.

The letters of all shapes in this project:

    B  batch: sequences that run together          L  layers (n_layer)
    T  tokens that are new in this forward pass    H  heads (n_head)
    S  tokens seen so far, the new ones included   D  width (n_embd)
    N  rows, B sequences times T positions         V  vocabulary (vocab_size)
"""

from collections.abc import Callable, Container, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..checkpoint.config import GPT2Config
    from ..messages import Message

    Array = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

Point = Literal["embedding", "attention_weights", "attention", "mlp", "residual", "final"]
"""Where one can look into a forward pass, in order:

`embedding`          wte + wpe, what the first block reads; its layer is 0
`attention_weights`  how much each new position takes from each position so far (B, H, T, S), 0 for those behind it
`attention`          what the attention of a block adds to the residual stream
`mlp`                what the MLP of a block adds to it
`residual`           the residual stream as the block leaves it (before `ln_f`, even for the last block)
`final`              the last block's after `ln_f`, what the head reads; its layer is n_layer - 1

All but the weights are (B, T, D).
"""


class Observer:
    """What to look at in a forward pass, and what was seen there.

    Ask for every position along with it: where only the last one counts, a backend may leave the others out of the
    last block.

    Args:
        points: where to look.
        layers: None for all.
        keep: what to keep of the values of a point and layer, as an array of its own; None for all of them.
    """

    def __init__(
        self,
        points: Container[Point],
        layers: Container[int] | None = None,
        keep: "Callable[[Array], Array] | None" = None,
    ) -> None:
        self._points = points
        self._layers = layers
        self._keep = keep
        self.seen: dict[tuple[Point, int], Array] = {}
        """What was kept of the values, by point and layer, in the order in which they were computed."""

    def wants(self, point: Point, layer: int) -> bool:
        """Whether to show it these values; it is shown no others, and a backend need not compute them."""
        return point in self._points and (self._layers is None or layer in self._layers)

    def show(self, point: Point, layer: int, values: "Array") -> None:
        """Take the values, which nobody else will change: what is not kept of them is forgotten at once."""
        self.seen[point, layer] = values if self._keep is None else self._keep(values)


def read_only(values: "Array") -> "Array":
    """The same memory, in which others cannot write: the backend goes on using it."""
    view = values.view()
    view.flags.writeable = False
    return view


class Targets(NamedTuple):
    """How one given token fares at each of N positions."""

    logits: "Array"  # (N,)
    ranks: "Ids"  # (N,), from 1, equal logits by the lower id


class Ranking(NamedTuple):
    """The best `k` next tokens at each of N positions. Small: this is all that leaves a GPU."""

    ids: "Ids"  # (N, k), best first, equal logits by the lower id
    logits: "Array"  # (N, k)
    log_normalizer: "Array"  # (N,): log of the sum of exp(logit) over V; logprob = logit - log_normalizer
    entropy: "Array"  # (N,), nats
    targets: Targets | None = None
    """Of the tokens that were asked about, if any were."""

    @classmethod
    def concatenate(cls, rankings: "Sequence[Ranking]") -> "Ranking":
        """One ranking of all their positions."""
        import numpy as np

        def joined(name: str) -> Any:
            return np.concatenate([attrgetter(name)(ranking) for ranking in rankings])

        targets = None
        if rankings[0].targets is not None:
            targets = Targets(joined("targets.logits"), joined("targets.ranks"))
        return cls(joined("ids"), joined("logits"), joined("log_normalizer"), joined("entropy"), targets)

    def part(self, rows: "slice | Ids") -> "Ranking":
        """That of some of the positions."""
        targets = None if self.targets is None else Targets(self.targets.logits[rows], self.targets.ranks[rows])
        return Ranking(self.ids[rows], self.logits[rows], self.log_normalizer[rows], self.entropy[rows], targets)


class Logits(Protocol):
    """The logits of N positions, kept where the backend computed them."""

    def top_k(self, k: int, targets: "Ids | None" = None) -> Ranking:
        """The best k tokens of each position, and how `targets` (N,), one token for each position, fare there.

        Raises:
            ModelUnusableError: a logit is NaN or infinite.
        """

    def to_numpy(self) -> "Array":
        """All logits (N, V) in float32 on the host; not to be written to."""

    def last_hidden_state(self) -> "Array":
        """What the head reads, (N, D) in float32 on the host, not to be written to; transformers' name."""


class ManyLogits(Protocol):
    """Those of several texts that were run together."""

    @property
    def each(self) -> Sequence[Logits]:
        """Those of each text by itself."""

    def top_k(self, k: int, targets: "Ids | None" = None) -> Ranking:
        """What `Logits` finds at all their positions (N in all), text by text."""


class Stored(Protocol):
    """What arrays of every library can tell."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def nbytes(self) -> int: ...


class Cache(Protocol):
    """Keys and values of the tokens seen so far, for B sequences of the same length."""

    @property
    def length(self) -> int:
        """Tokens seen so far by each sequence."""

    @property
    def capacity(self) -> int:
        """Tokens that there is room for."""

    @property
    def layers(self) -> "Sequence[tuple[Stored, Stored]]":
        """Keys and values of each layer, (B, H, S, head_dim) each, where and as the backend keeps them.

        To be looked at alone: what is written to them, the next forward pass reads.
        """

    def reorder(self, rows: Sequence[int]) -> None:
        """Make sequence i go on from what was sequence rows[i]; `len(rows)` becomes the batch size."""

    def fork(self) -> Self:
        """Another cache that holds the same; what becomes of the one does not touch the other."""

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens. Raises ValueError if it has fewer."""


class CacheFullError(Exception):
    """A forward pass would put more tokens into a cache than it was made for."""


def check_room(cache: Cache, tokens: int) -> None:
    """Raise CacheFullError unless `tokens` more fit."""
    if cache.length + tokens > cache.capacity:
        raise CacheFullError(f"{cache.length} and {tokens} more tokens exceed the cache's capacity, {cache.capacity}")


def check_length(cache: Cache, length: int) -> None:
    """Raise ValueError unless the cache has `length` tokens to keep."""
    if not 0 <= length <= cache.length:
        raise ValueError(f"cannot keep {length} of {cache.length} tokens")


_C = TypeVar("_C", bound=Cache)


def own_cache(cache: Cache | None, kind: type[_C]) -> _C | None:
    """The cache as what the backend's own `new_cache` makes. Raises TypeError if another backend made it."""
    if cache is not None and not isinstance(cache, kind):
        raise TypeError(f"a {type(cache).__name__} is not of this backend, whose caches are {kind.__name__}")
    return cache


class Backend(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def parameters(self) -> int:
        """Number of weights; a head that is wte itself counts nothing."""

    def new_cache(self, batch: int, capacity: int) -> Cache:
        """An empty cache for `batch` sequences of up to `capacity` tokens each."""

    def forward(
        self,
        token_ids: "Ids",
        cache: Cache | None,
        *,
        every_position: bool = False,
        observe: Observer | None = None,
    ) -> Logits:
        """Run the new tokens (B, T) after those in the cache, and add them to it.

        Without a cache the tokens are all there is, and nothing can follow them. Gives the logits of the last position
        of each sequence (N = B), or of every new position (N = B * T, sequence by sequence). Rows of a batch have the
        same length; there is no padding.

        Raises:
            CacheFullError: there is no room for them in the cache, which is left as it was.
            TypeError: the cache is another backend's.
        """

    def forward_many(
        self, texts: "Sequence[Sequence[int]]", caches: "Sequence[Cache] | None" = None, *, every_position: bool = False
    ) -> ManyLogits:
        """Run the new tokens of several texts, of any lengths, each after those in its own cache, and add them to it.

        What comes out for a text does not depend on those beside it. Gives the logits of each, as `forward` does for a
        batch of one.

        Raises what `forward` does; then all caches are left as they were.
        """

    def unembed(self, hidden: "Array", *, with_ln_f: bool) -> Logits:
        """The logits that the head reads out of hidden states (N, D), which go through `ln_f` first if asked to."""

    def embeddings(self) -> "tuple[Array, Array]":
        """wte (V, D) and wpe (n_positions, D), in float32 on the host; not to be written to."""


class BackendClass(Protocol):
    """What makes a Backend: the class that a row of `BACKENDS` names, itself."""

    def obstacle(self, folder: Path, config: "GPT2Config", device: str, dtype: str) -> "Message | None":
        """What keeps it from running the model in `folder` like that, by name; None if nothing does."""

    def load(self, folder: Path, config: "GPT2Config", device: str, dtype: str) -> Backend:
        """Open the model. There is no obstacle.

        Raises:
            BackendUnavailableError: there is no such device here, or it has too little memory.
            ModelUnusableError: the weights are broken or do not fit `config`.
        """


_K = TypeVar("_K", bound=BackendClass)


def backend(kind: _K) -> _K:
    """Marks the class of a backend, so that the type checker holds it against BackendClass and Backend."""
    return kind
