"""What a backend is: something that turns token ids into ranked next tokens, one batch at a time.

The letters of all shapes in this project:

    B  batch: sequences that run together          L  layers (n_layer)
    T  tokens that are new in this forward pass    H  heads (n_head)
    S  tokens seen so far, the new ones included   D  width (n_embd)
    N  rows, B sequences times T positions         V  vocabulary (vocab_size)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

Point = Literal["embedding", "attention", "mlp", "residual"]
"""Where an observer looks into a forward pass, in order:

`embedding`  wte + wpe, what the first block reads; its layer is 0
`attention`  what the attention of a block adds to the residual stream
`mlp`        what the MLP of a block adds to it
`residual`   the residual stream as the block leaves it (before `ln_f`, even for the last block)
"""

Observer = Callable[[Point, int, "Array"], None]
"""Called as `observe(point, layer, values)` with values (B, T, D), a copy that the observer may keep.

Ask for every position along with it: where only the last one counts, a backend may leave the others out of the last
block."""


@dataclass(frozen=True)
class Ranking:
    """The best `k` next tokens at each of N positions. Small: this is all that leaves a GPU."""

    ids: "Ids"  # (N, k), best first, equal logits by the lower id
    logits: "Array"  # (N, k)
    log_normalizer: "Array"  # (N,): log of the sum of exp(logit) over V; logprob = logit - log_normalizer
    entropy: "Array"  # (N,), nats

    @classmethod
    def concatenate(cls, rankings: "Sequence[Ranking]") -> "Ranking":
        """One ranking of all their positions."""
        import numpy as np

        names = ("ids", "logits", "log_normalizer", "entropy")
        return cls(*(np.concatenate([getattr(ranking, name) for ranking in rankings]) for name in names))


class Logits(Protocol):
    """The logits of N positions, kept where the backend computed them."""

    def top_k(self, k: int) -> Ranking:
        """The best k tokens of each position.

        Raises:
            ModelUnusableError: a logit is NaN or infinite.
        """

    def to_numpy(self) -> "Array":
        """All logits (N, V) in float32 on the host."""


class Cache(Protocol):
    """Keys and values of the tokens seen so far, for B sequences of the same length."""

    @property
    def length(self) -> int:
        """Tokens seen so far by each sequence."""

    def reorder(self, rows: Sequence[int]) -> None:
        """Make sequence i go on from what was sequence rows[i]; `len(rows)` becomes the batch size."""


class Backend(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    def new_cache(self, batch: int, capacity: int) -> Any:
        """An empty cache for `batch` sequences of up to `capacity` tokens each."""

    def forward(
        self,
        token_ids: "Ids",
        cache: Any,
        *,
        every_position: bool = False,
        observe: Observer | None = None,
    ) -> Logits:
        """Run the new tokens (B, T) after those in the cache, and add them to it.

        Gives the logits of the last position of each sequence (N = B), or of every new position (N = B * T,
        sequence by sequence). Rows of a batch have the same length; there is no padding.
        """
