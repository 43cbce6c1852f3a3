"""The records of `compare-heads`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Candidate, Options, Prompt, Record, Result, record


@record
class NamedShape(Record):
    """What has a name and a shape: a field of a model's output, or a weight of a module."""

    name: str
    shape: tuple[int, ...]
    """Of a tuple or a cache, its length stands before the shape of its members: `past_key_values` has [n_layer,
    2 for keys and values, batch, n_head, T, head_dim]."""


Shape = tuple[int, ...] | None


def side_by_side(causal_lm: Sequence[NamedShape], base: Sequence[NamedShape]) -> list[tuple[str, Shape, Shape]]:
    """Each name with the shape that it has on either side; those that only one side has come first."""
    ours, others = ({named.name: named.shape for named in side} for side in (causal_lm, base))
    names = sorted(ours | others, key=lambda name: name in ours and name in others)
    return [(name, ours.get(name), others.get(name)) for name in names]


@record
class ModelClass(Record):
    """What an auto class gives for this checkpoint."""

    auto_class: str
    class_: str
    """The class of the model; `class` in JSON."""
    parameters: int
    """Number of weights; tied weights count once."""
    outputs: tuple[NamedShape, ...]
    """Every field of what it returns, with the settings of the checkpoint, that holds something."""
    on_request: tuple[NamedShape, ...]
    """The fields that it returns only if it is called with `output_` and the name: `output_hidden_states=True`."""


@record
class TwoClasses(Record):
    """The two models."""

    causal_lm: ModelClass
    base: ModelClass


@record
class AddedModule(Record):
    """A module that only the causal model has."""

    module: str
    type: str
    """Its class."""
    in_features: int | None
    """None if it is not linear, as is the next."""
    out_features: int | None
    bias: bool
    """True if it has one."""
    tied_to: str | None
    """The module whose weight it uses, the same memory and not merely equal values; None if it has its own."""


@record
class Module(Record):
    """A module of one model."""

    name: str
    """Its path from the model, which itself is not among them."""
    type: str
    """Its class."""
    length: int | None
    """Of a list of modules; None for any other."""
    p: float | None
    """Of a Dropout, how probably a number becomes 0 in training; None for any other, as is the next."""
    eps: float | None
    """Of a LayerNorm, what is added to the variance."""
    parameters: int
    """Of it and of all modules in it; tied weights count once."""
    weights: tuple[NamedShape, ...]
    """Its own, without those of the modules in it."""
    counterpart: str | None
    """The same module's path in the other model, empty if it is that model itself; None if it is only here."""


@record
class Trees(Record):
    """All modules of both models, in torch's order."""

    causal_lm: tuple[Module, ...]
    base: tuple[Module, ...]


@record
class Identity(Record):
    """The proof that the head is all there is between the two: `last_hidden_state @ lm_head.weight.T` is `logits`."""

    max_abs_difference: float
    """Between the two sides, over all positions and the whole vocabulary; each comes from a run of its own."""
    same_top_k: bool
    """True if the same candidates stand in the same order on both sides, at the last position."""
    top_logprobs: tuple[Candidate, ...]
    """Of `last_hidden_state @ lm_head.weight.T`, at the last position."""


@record
class CompareHeads(Result):
    """The result of `compare-heads`."""

    command: ClassVar[str] = "compare-heads"
    prompt: Prompt
    options: Options
    """What was asked for."""
    heads: TwoClasses
    only_in_causal_lm: tuple[AddedModule, ...]
    modules: tuple[Module, ...]
    """The causal model's, without those inside of what the base model is directly made of."""
    block: tuple[Module, ...]
    """Those inside of the first block; in GPT-2 all blocks are alike."""
    trees: Trees | None
    """None unless asked for."""
    identity: Identity
    top_logprobs: tuple[Candidate, ...]
    """Of `logits`, at the last position, best first."""

    def items(self) -> Sequence[ModelClass]:
        return (self.heads.causal_lm, self.heads.base)

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """The causal model's modules, with --tree all of them, and then what the two models return.

        Under `base` stands the name of the same thing there, `.` for that model itself.
        """
        header = ["part", "causal_lm", "base", "type", "parameters", "shape"]
        rows: list[list[Any]] = []
        for module in self.modules if self.trees is None else self.trees.causal_lm:
            in_base = None if module.counterpart is None else module.counterpart or "."
            rows.append(["module", module.name, in_base, module.type, module.parameters, None])
        heads = self.heads
        for part, outputs in (
            ("output", side_by_side(heads.causal_lm.outputs, heads.base.outputs)),
            ("on_request", side_by_side(heads.causal_lm.on_request, heads.base.on_request)),
        ):
            for name, *shapes in outputs:
                shape = list(shapes[0] or shapes[1] or ())
                rows.append([part, *(name if shape else None for shape in shapes), None, None, shape])
        return header, rows
