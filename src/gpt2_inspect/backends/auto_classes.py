"""What transformers' two auto classes make of one checkpoint, with the head and without it, as plain facts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .base import Ids, Ranking

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
"""Names, each with the shape of what it names."""


@dataclass(frozen=True)
class ModuleFacts:
    """One module of a model."""

    name: str
    """Its path, `transformer.h.0.attn`; empty for the model itself."""
    type: str
    """Its class."""
    parameters: int
    """Of it and all modules in it; tied weights count once."""
    weights: Shapes
    """Its own, without those of the modules in it."""
    length: int | None
    """How many modules a list of modules holds; None for any other."""
    in_features: int | None
    """Of a linear layer, as is the next; None for any other."""
    out_features: int | None
    p: float | None
    """Of dropout, how probably a number becomes 0 in training; None of any other, as is the next."""
    eps: float | None
    """Of layer normalisation, what is added to the variance."""
    tied_to: str | None
    """The path of the first module whose weight is this one's, in the same memory; None if that is this one."""


@dataclass(frozen=True)
class ClassFacts:
    """The model that one auto class gives, and what it returns."""

    auto_class: str
    modules: tuple[ModuleFacts, ...]
    """In torch's order, the model itself first."""
    outputs: Shapes
    """Every field that holds something. Of a tuple or a cache, its length stands before the shape of its members."""
    on_request: Shapes
    """The fields that hold something only if the model is called with `output_NAME=True`."""


@dataclass(frozen=True)
class AutoClassesFacts:
    """Both models after a run over the same tokens."""

    causal_lm: ClassFacts
    base: ClassFacts
    prefix: str
    """The name of the base model within the other one."""
    max_abs_difference: float
    """Between `last_hidden_state @ lm_head.weight.T` of the base model and the other's `logits`, over all positions."""
    from_logits: "Ranking"  # of the last position, N = 1
    from_last_hidden_state: "Ranking"


class AutoClasses(Protocol):
    """The two models."""

    @property
    def parameters(self) -> int:
        """Number of weights of the one with the head; tied ones count once."""

    def compare(self, token_ids: "Ids", top_k: int) -> AutoClassesFacts:
        """Run both over the tokens (1, T).

        Raises:
            ModelUnusableError: a logit is NaN or infinite.
            BackendUnavailableError: the device has too little memory.
        """
