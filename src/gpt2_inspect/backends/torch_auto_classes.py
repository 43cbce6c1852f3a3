"""AutoModelForCausalLM beside AutoModel: transformers' own objects over the same weights, and what they return."""

import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import transformers

from ..checkpoint.config import GPT2Config
from ..errors import not_finite
from .auto_classes import AutoClassesFacts, ClassFacts, ModuleFacts, Shapes
from .ranking import LOGITS
from .torch_gpt2 import count_parameters, load_causal_lm, out_of_memory, rank_rows

ON_REQUEST = ("hidden_states", "attentions")
"""Fields of an output that hold something if the model is called with `output_NAME=True`."""


class TorchAutoClasses:
    """One set of weights in two models."""

    def __init__(self, causal_lm: Any, device: str) -> None:
        self.causal_lm = causal_lm
        self.base = base_model_of(causal_lm)
        self._device = device

    @classmethod
    def load(cls, folder: Path, config: GPT2Config, device: str, dtype: str) -> Self:
        """Load the weights in `folder`, once. Raises what `load_causal_lm` does."""
        return cls(load_causal_lm(folder, config, device, dtype), device)

    @property
    def parameters(self) -> int:
        return count_parameters(self.causal_lm)

    @torch.inference_mode()
    def compare(self, token_ids: npt.NDArray[np.int64], top_k: int) -> AutoClassesFacts:
        inputs = torch.as_tensor(token_ids, device=self.causal_lm.device)
        try:
            with_head = self.causal_lm(input_ids=inputs)
            without = self.base(input_ids=inputs)
            logits = with_head.logits[0]  # (T, V)
            product = without.last_hidden_state[0] @ self.causal_lm.lm_head.weight.T
            difference = (product.float() - logits.float()).abs().max().item()
            if not np.isfinite(difference):
                raise not_finite(LOGITS)
            return AutoClassesFacts(
                _facts("AutoModelForCausalLM", self.causal_lm, with_head, inputs.shape),
                _facts("AutoModel", self.base, without, inputs.shape),
                self.causal_lm.base_model_prefix,
                difference,
                rank_rows(logits[-1:].float(), top_k),
                rank_rows(product[-1:].float(), top_k),
            )
        except torch.OutOfMemoryError as error:
            raise out_of_memory(self._device) from error


def base_model_of(causal_lm: Any) -> Any:
    """What AutoModel gives for the same configuration, on the very tensors of `causal_lm`: nothing is read again."""
    library: Any = transformers
    with torch.device("meta"):  # shapes without memory
        base = library.AutoModel.from_config(causal_lm.config)
    base.load_state_dict(causal_lm.base_model.state_dict(), assign=True)
    for name, buffer in causal_lm.base_model.named_buffers():  # those that are not saved are no part of the state
        parent, _, own_name = name.rpartition(".")
        setattr(base.get_submodule(parent), own_name, buffer)
    return base.eval()


def _facts(auto_class: str, model: Any, output: Any, shape: torch.Size) -> ClassFacts:
    owners: dict[int, str] = {}  # of each weight, by its address, the first module that has it
    modules = tuple(_module_facts(name, module, owners) for name, module in model.named_modules())
    given = _shapes(output)
    asked = dict(_shapes(_all_outputs(auto_class, model.config, shape)))
    missing = [name for name in ON_REQUEST if name in asked and name not in dict(given)]
    return ClassFacts(auto_class, modules, given, tuple((name, asked[name]) for name in missing))


def _shapes(output: Any) -> Shapes:
    shapes = ((name, _shape(value)) for name, value in output.items() if value is not None)
    return tuple((name, shape) for name, shape in shapes if shape != (0,))


def _all_outputs(auto_class: str, config: Any, shape: torch.Size) -> Any:
    """What the class returns for token ids of this shape if asked for all: shapes alone, without memory or computing.

    The attention weights of a long text would take gigabytes.
    """
    library: Any = transformers
    wanted = {f"output_{name}": True for name in ON_REQUEST}
    with torch.device("meta"):
        model = getattr(library, auto_class).from_config(
            copy.deepcopy(config),
            attn_implementation="eager",  # the others never hold the weights
        )
        return model(torch.zeros(shape, dtype=torch.long), use_cache=True, **wanted)  # without it, values are read


def _module_facts(name: str, module: Any, owners: dict[int, str]) -> ModuleFacts:
    own = dict(module.named_parameters(recurse=False))
    owner = owners.setdefault(own["weight"].data_ptr(), name) if "weight" in own else name
    return ModuleFacts(
        name,
        type(module).__name__,
        parameters=count_parameters(module),
        weights=tuple((own_name, tuple(tensor.shape)) for own_name, tensor in own.items()),
        length=len(module) if isinstance(module, torch.nn.ModuleList) else None,
        in_features=getattr(module, "in_features", None),
        out_features=getattr(module, "out_features", None),
        p=getattr(module, "p", None),
        eps=getattr(module, "eps", None),
        tied_to=None if owner == name else owner,
    )


def _shape(value: Any) -> tuple[int, ...]:
    """Of a tensor; of a tuple or a cache its length and then the shape of its first member, which all have."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, transformers.Cache):
        layers: Any = getattr(value, "self_attention_cache", value).layers
        value = [(layer.keys, layer.values) for layer in layers]
    return (len(value), *(_shape(value[0]) if len(value) else ()))
