"""What a language-model head adds: AutoModelForCausalLM against AutoModel over the same weights and tokens."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ..backends.auto_classes import AutoClassesFacts, ClassFacts, ModuleFacts
from ..results import record
from ..results.compare_heads import (
    AddedModule,
    CompareHeads,
    Identity,
    ModelClass,
    Module,
    NamedShape,
    Trees,
    TwoClasses,
)
from .checks import check_flag, check_top_k, check_whole
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import make_candidates


@record
class CompareHeadsQuestion(Question[str, CompareHeads]):
    """Hold transformers' AutoModelForCausalLM against its AutoModel, over the same weights: what the head adds.

    Args:
        top_k: how many candidates to list.
        tree: also list all modules of both.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
        UsageError: an option has a value that makes no sense.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: another backend than torch was asked for, torch is not installed, or the device is not
            there or has too little memory.
    """

    command: ClassVar[str] = "compare-heads"
    top_k: int = 5
    tree: bool = False

    def __post_init__(self) -> None:
        self._settle(top_k=check_whole, tree=check_flag)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> CompareHeads:
        top_k = check_top_k(self.top_k, model.info.vocab_size, default=type(self).top_k)
        prompt = whole_prompt(model, asked)  # first, for torch takes seconds to load
        tokenizer = model.tokenizer_for(asked)
        facts = model.auto_classes.compare(np.array([[token.id for token in prompt.tokens]]), top_k)
        trees = _trees(facts)
        return CompareHeads(
            model=model.info,
            run=model.run_of_auto_classes(),
            prompt=prompt,
            options=replace(self, top_k=top_k),
            heads=TwoClasses(causal_lm=_model_class(facts.causal_lm), base=_model_class(facts.base)),
            only_in_causal_lm=_added(facts.causal_lm, trees.causal_lm),
            modules=tuple(module for module in trees.causal_lm if _is_outer(module)),
            block=_first_block(trees.causal_lm),
            trees=trees if self.tree else None,
            identity=Identity(
                max_abs_difference=facts.max_abs_difference,
                same_top_k=facts.from_logits.ids.tolist() == facts.from_last_hidden_state.ids.tolist(),
                top_logprobs=make_candidates(tokenizer, facts.from_last_hidden_state)[0],
            ),
            top_logprobs=make_candidates(tokenizer, facts.from_logits)[0],
        )


def _model_class(facts: ClassFacts) -> ModelClass:
    itself = facts.modules[0]
    return ModelClass(
        auto_class=facts.auto_class,
        class_=itself.type,
        parameters=itself.parameters,
        outputs=_named_shapes(facts.outputs),
        on_request=_named_shapes(facts.on_request),
    )


def _named_shapes(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> tuple[NamedShape, ...]:
    return tuple(NamedShape(name=name, shape=shape) for name, shape in shapes)


def _trees(facts: AutoClassesFacts) -> Trees:
    """Both trees, each module with its path in the other one."""
    in_causal_lm = {f"{facts.prefix}.{module.name}".rstrip("."): module.name for module in facts.base.modules}
    in_base = {name: path for path, name in in_causal_lm.items()}
    names = {module.name for module in facts.causal_lm.modules}
    return Trees(
        causal_lm=tuple(
            _module(module, in_causal_lm.get(module.name)) for module in facts.causal_lm.modules if module.name
        ),
        base=tuple(
            _module(module, in_base[module.name] if in_base[module.name] in names else None)
            for module in facts.base.modules
            if module.name
        ),
    )


def _module(facts: ModuleFacts, counterpart: str | None) -> Module:
    weights = _named_shapes(facts.weights)
    return Module(
        name=facts.name,
        type=facts.type,
        length=facts.length,
        p=facts.p,
        eps=facts.eps,
        parameters=facts.parameters,
        weights=weights,
        counterpart=counterpart,
    )


def _is_outer(module: Module) -> bool:
    """Whether nothing but the base model, or nothing at all, is around it."""
    return "." not in (module.name if module.counterpart is None else module.counterpart)


def _first_block(tree: tuple[Module, ...]) -> tuple[Module, ...]:
    """What is inside of the first member of the first list of modules."""
    first = next((f"{module.name}.0." for module in tree if module.length), None)
    return tuple(module for module in tree if first and module.name.startswith(first))


def _added(facts: ClassFacts, tree: tuple[Module, ...]) -> tuple[AddedModule, ...]:
    added = {module.name for module in tree if module.counterpart is None}
    return tuple(
        AddedModule(
            module=module.name,
            type=module.type,
            in_features=module.in_features,
            out_features=module.out_features,
            bias=any(name == "bias" for name, _ in module.weights),
            tied_to=module.tied_to,
        )
        for module in facts.modules
        if module.name in added
    )
