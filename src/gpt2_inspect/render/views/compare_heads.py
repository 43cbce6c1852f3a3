"""`compare-heads`: the classes, their modules or both trees, what they return, and the candidates side by side."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ...messages import say
from ...results.compare_heads import AddedModule, CompareHeads, ModelClass, Module, NamedShape, side_by_side
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Listing, Section
from ..signs import signs
from . import candidate_cell, legend, model_and_backend, visible

ADDED = "+"
"""Stands before what only the causal model has."""

Outputs = Sequence[NamedShape]

PRODUCT = "last_hidden_state @ lm_head.weight.T"


def sections(result: CompareHeads, page: Page) -> list[Section]:
    """What each is, what it is made of, what it returns, and what both say comes next."""
    models = _models(result)
    classes = Grid(
        (Column(""), *(Column(model.auto_class) for model in models)),
        (
            (Cell(say("class")), *(Cell(model.class_) for model in models)),
            (Cell(say("parameters")), *(Cell(f"{model.parameters:,}") for model in models)),
        ),
        keys=1,
    )
    made_of: list[Section] = [_outer_modules(result), _block(result)]
    if result.trees is not None:
        trees = (result.trees.causal_lm, result.trees.base)
        made_of = [Listing(tuple(_tree(model, tree))) for model, tree in zip(models, trees, strict=True)]
    given = _returned(models, [model.outputs for model in models], say("what a call returns"))
    asked = _returned(
        models,
        [model.on_request for model in models],
        say("what it returns only when asked, with output_hidden_states=True or output_attentions=True"),
    )
    shown = [classes, *made_of, given, *([asked] if asked.rows else []), _candidates(result)]
    return [*shown, Facts((*legend(shown), *_findings(result), *model_and_backend(result)))]


def _returned(models: Sequence[ModelClass], outputs: Sequence[Outputs], title: str) -> Grid:
    """The fields of what the two return, with their shapes and what these count."""
    return Grid(
        (Column(say("output")), *(Column(model.auto_class, whole=True) for model in models), Column(say("sizes"))),
        tuple(
            (
                Cell(name),
                *(Cell(signs().nothing if shape is None else str(list(shape))) for shape in shapes),
                Cell(_sizes(name)),
            )
            for name, *shapes in side_by_side(*outputs)
        ),
        title=title,
    )


def _sizes(output: str) -> str:
    """What the numbers of an output's shape count."""
    return {
        "logits": say("batch, tokens, vocabulary"),
        "last_hidden_state": say("batch, tokens, width"),
        "past_key_values": say("layers, keys and values, batch, heads, tokens, width"),
        "hidden_states": say("layers + 1, batch, tokens, width"),
        "attentions": say("layers, batch, heads, tokens, tokens"),
    }.get(output, signs().nothing)


def _models(result: CompareHeads) -> tuple[ModelClass, ModelClass]:
    return result.heads.causal_lm, result.heads.base


def _outer_modules(result: CompareHeads) -> Grid:
    causal_lm, base = _models(result)
    return Grid(
        (
            *map(Column, (causal_lm.class_, base.class_, say("type"), say("weight"))),
            Column(say("parameters"), number=True),
        ),
        tuple(
            (
                Cell(_marked(module, module.name), strong=module.counterpart is None),
                Cell(signs().nothing if module.counterpart is None else module.counterpart or say("itself")),
                Cell(_type(module)),
                Cell(_weights(module).removeprefix("weight ") or signs().nothing),
                Cell(f"{module.parameters:,}"),
            )
            for module in result.modules
        ),
        title=say("modules; {mark} marks what only {name} has", mark=ADDED, name=causal_lm.class_),
        keys=1,
    )


def _block(result: CompareHeads) -> Grid:
    """What a block is made of: its innermost modules."""
    around = {module.name.rpartition(".")[0] for module in result.block}
    block = min(around, key=len, default="")
    return Grid(
        (Column(say("module")), Column(say("type")), Column(say("weight")), Column(say("parameters"), number=True)),
        tuple(
            (
                Cell(module.name.removeprefix(f"{block}.")),
                Cell(_type(module)),
                Cell(_weights(module).removeprefix("weight ") or signs().nothing),
                Cell(f"{module.parameters:,}"),
            )
            for module in result.block
            if module.name not in around
        ),
        title=say(
            "each block, such as {block}; Conv1D is a Linear whose weight is [in, out] and not [out, in]", block=block
        ),
        keys=1,
    )


def _marked(module: Module, text: str) -> str:
    return f"{ADDED if module.counterpart is None else ' '} {text}"


def _type(module: Module) -> str:
    settings = {"p": module.p, "eps": module.eps}
    given = [f"{name}={value:g}" for name, value in settings.items() if value is not None]
    if given:
        return f"{module.type}({', '.join(given)})"  # as torch writes it
    if module.length is None:
        return module.type
    return say("{type} of {length}", type=module.type, length=module.length)


def _weights(module: Module) -> str:
    return ", ".join(f"{weight.name} {list(weight.shape)}" for weight in module.weights)


def _tree(model: ModelClass, modules: Sequence[Module]) -> Iterator[Cell]:
    """A line for the model and each of its modules. Blocks of a list that are alike are written once, as torch does."""
    parts: dict[str, list[Module]] = {}
    for module in modules:
        parts.setdefault(module.name.rpartition(".")[0], []).append(module)

    def form(module: Module) -> Any:
        """What blocks that are alike have in common."""
        inside = [(_own_name(part), form(part)) for part in parts.get(module.name, ())]
        return module.type, module.weights, module.counterpart is None, inside

    def lines(path: str, depth: int, *, in_list: bool) -> Iterator[Cell]:
        for _, alike in groupby(parts.get(path, ()), form if in_list else _own_name):
            first, *others = alike
            name = f"{_own_name(first)}-{_own_name(others[-1])}" if others else _own_name(first)
            count = f"{1 + len(others)} x " if others else ""
            text = f"{'  ' * depth}{name}: {count}{_type(first)}  {_weights(first)}".rstrip()
            yield Cell(_marked(first, text), strong=first.counterpart is None)
            yield from lines(first.name, depth + 1, in_list=first.length is not None)

    yield Cell(f"{model.auto_class}: {model.class_}", strong=True)
    yield from lines("", 0, in_list=False)


def _own_name(module: Module) -> str:
    return module.name.rpartition(".")[2]


def _candidates(result: CompareHeads) -> Grid:
    token = result.prompt.tokens[-1]
    return Grid(
        (Column(say("rank"), number=True), Column("logits"), Column(PRODUCT)),
        tuple(
            (Cell(str(left.rank)), candidate_cell(left), candidate_cell(right))
            for left, right in zip(result.top_logprobs, result.identity.top_logprobs, strict=True)
        ),
        title=say(
            "next tokens after position {position}: {token}",
            position=len(result.prompt.tokens) - 1,
            token=visible(token),
        ),
    )


def _findings(result: CompareHeads) -> Iterator[str]:
    for added in result.only_in_causal_lm:
        yield f"{ADDED} {_added(added)}"
    identity = result.identity
    facts = {
        "product": PRODUCT,
        "difference": f"{identity.max_abs_difference:.2g}",
        "count": len(result.top_logprobs),
    }
    if identity.same_top_k:
        yield say("{product} = logits: largest difference {difference}, the same top {count}", **facts)
    else:
        yield say("{product} = logits: largest difference {difference}, another top {count}", **facts)


def _added(module: AddedModule) -> str:
    """A module of the causal model alone."""
    sizes = "" if module.in_features is None else f" {module.in_features} -> {module.out_features}"
    what = {"name": module.module, "type": f"{module.type}{sizes}", "other": module.tied_to}
    if module.tied_to and module.bias:
        return say("{name}: {type} with bias, tied to {other}: the same memory, counted once", **what)
    if module.tied_to:
        return say("{name}: {type} without bias, tied to {other}: the same memory, counted once", **what)
    if module.bias:
        return say("{name}: {type} with bias, with a weight of its own", **what)
    return say("{name}: {type} without bias, with a weight of its own", **what)
