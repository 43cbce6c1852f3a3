"""What a language-model head adds: AutoModelForCausalLM against AutoModel over the same weights and tokens."""

import numpy as np

from ..backends.heads import ClassFacts, Heads, HeadsFacts, ModuleFacts
from ..checkpoint.tokenizer import Tokenizer
from ..results import Candidate, Prompt
from ..results.compare_heads import AddedModule, Identity, ModelClass, Module, NamedShape, Trees, TwoHeads
from .tokens import make_candidates

Compared = tuple[TwoHeads, tuple[AddedModule, ...], tuple[Module, ...], Trees | None, Identity, tuple[Candidate, ...]]
"""The fields of the result, in their order."""


def compare_heads(heads: Heads, tokenizer: Tokenizer, prompt: Prompt, *, top_k: int, tree: bool) -> Compared:
    """Run both models and hold them against each other: classes, modules, outputs, numbers."""
    facts = heads.compare(np.array([[token.id for token in prompt.tokens]]), top_k)
    trees = _trees(facts)
    found = Identity(
        facts.max_abs_difference,
        facts.from_logits.ids.tolist() == facts.from_last_hidden_state.ids.tolist(),
        make_candidates(tokenizer, facts.from_last_hidden_state, 0),
    )
    return (
        TwoHeads(_model_class(facts.causal_lm), _model_class(facts.base)),
        _added(facts.causal_lm, trees.causal_lm),
        tuple(module for module in trees.causal_lm if _is_outer(module)),
        trees if tree else None,
        found,
        make_candidates(tokenizer, facts.from_logits, 0),
    )


def _model_class(facts: ClassFacts) -> ModelClass:
    itself = facts.modules[0]
    return ModelClass(facts.auto_class, itself.type, itself.parameters, _named_shapes(facts.outputs))


def _named_shapes(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> tuple[NamedShape, ...]:
    return tuple(NamedShape(name, shape) for name, shape in shapes)


def _trees(facts: HeadsFacts) -> Trees:
    """Both trees, each module with its path in the other one."""
    in_causal_lm = {f"{facts.prefix}.{module.name}".rstrip("."): module.name for module in facts.base.modules}
    in_base = {name: path for path, name in in_causal_lm.items()}
    names = {module.name for module in facts.causal_lm.modules}
    return Trees(
        tuple(_module(module, in_causal_lm.get(module.name)) for module in facts.causal_lm.modules if module.name),
        tuple(
            _module(module, in_base[module.name] if in_base[module.name] in names else None)
            for module in facts.base.modules
            if module.name
        ),
    )


def _module(facts: ModuleFacts, counterpart: str | None) -> Module:
    weights = _named_shapes(facts.weights)
    return Module(facts.name, facts.type, facts.length, facts.parameters, weights, counterpart)


def _is_outer(module: Module) -> bool:
    """Whether nothing but the base model, or nothing at all, is around it."""
    return "." not in (module.name if module.counterpart is None else module.counterpart)


def _added(facts: ClassFacts, tree: tuple[Module, ...]) -> tuple[AddedModule, ...]:
    added = {module.name for module in tree if module.counterpart is None}
    return tuple(
        AddedModule(
            module.name,
            module.type,
            module.in_features,
            module.out_features,
            any(name == "bias" for name, _ in module.weights),
            module.tied_to,
        )
        for module in facts.modules
        if module.name in added
    )
