"""`compare-heads`: a row for each module and output; for people also both trees, and the candidates side by side."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ...messages import say
from ...results.compare_heads import AddedModule, CompareHeads, ModelClass, Module
from ..sections import Cell, Column, Facts, Grid, Listing, Section
from ..signs import signs
from . import candidate_cell, model_and_backend, visible

ADDED = "+"
"""Stands before what only the causal model has."""

PRODUCT = "last_hidden_state @ lm_head.weight.T"


def tidy(result: CompareHeads) -> tuple[list[str], list[list[Any]]]:
    """The causal model's modules, with --tree all of them, and then what the two models return.

    Under `base` stands the name of the same thing there, `.` for that model itself.
    """
    header = ["part", "causal_lm", "base", "type", "parameters", "shape"]
    rows: list[list[Any]] = []
    for module in result.modules if result.trees is None else result.trees.causal_lm:
        in_base = None if module.counterpart is None else module.counterpart or "."
        rows.append(["module", module.name, in_base, module.type, module.parameters, None])
    for name, causal_lm, base in _outputs(result):
        shape = " ".join(map(str, causal_lm or base or ()))
        rows.append(["output", name if causal_lm else None, name if base else None, None, None, shape])
    return header, rows


def sections(result: CompareHeads) -> list[Section]:
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
    made_of: list[Section] = [_outer_modules(result)]
    if result.trees is not None:
        trees = (result.trees.causal_lm, result.trees.base)
        made_of = [Listing(tuple(_tree(model, tree))) for model, tree in zip(models, trees, strict=True)]
    returned = Grid(
        (Column(say("output")), *(Column(model.auto_class) for model in models)),
        tuple(
            (Cell(name), *(Cell(signs().nothing if shape is None else str(list(shape))) for shape in shapes))
            for name, *shapes in _outputs(result)
        ),
        keys=1,
    )
    return [classes, *made_of, returned, _candidates(result), Facts((*_findings(result), *model_and_backend(result)))]


def _outputs(result: CompareHeads) -> list[tuple[str, tuple[int, ...] | None, tuple[int, ...] | None]]:
    """Each field that a model returns, with its shape in either; those that only one of them has come first."""
    causal_lm, base = ({output.name: output.shape for output in model.outputs} for model in _models(result))
    names = sorted(causal_lm | base, key=lambda name: name in causal_lm and name in base)
    return [(name, causal_lm.get(name), base.get(name)) for name in names]


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
    )


def _marked(module: Module, text: str) -> str:
    return f"{ADDED if module.counterpart is None else ' '} {text}"


def _type(module: Module) -> str:
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
            "next tokens behind position {position}: {token}",
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
    if any(output.name == "past_key_values" for output in result.heads.base.outputs):
        yield say("past_key_values: [layers, keys and values, batch, heads, tokens, head width]")


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
