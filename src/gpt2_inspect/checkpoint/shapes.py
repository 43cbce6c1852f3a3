"""The weights that a GPT-2 of a given configuration has, by name and shape."""

import math
from collections.abc import Iterator

from .config import GPT2Config


def expected_shapes(config: GPT2Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every weight. The names are those of GPT2Model, without the prefix `transformer.`."""
    d, inner = config.n_embd, config.n_inner
    yield "wte.weight", (config.vocab_size, d)
    yield "wpe.weight", (config.n_positions, d)
    for layer in range(config.n_layer):
        block = f"h.{layer}"
        yield from _weight_and_bias(f"{block}.ln_1", d)
        yield from _weight_and_bias(f"{block}.attn.c_attn", d, 3 * d)
        yield from _weight_and_bias(f"{block}.attn.c_proj", d, d)
        yield from _weight_and_bias(f"{block}.ln_2", d)
        yield from _weight_and_bias(f"{block}.mlp.c_fc", d, inner)
        yield from _weight_and_bias(f"{block}.mlp.c_proj", inner, d)
    yield from _weight_and_bias("ln_f", d)
    if not config.tie_word_embeddings:
        yield "lm_head.weight", (config.vocab_size, d)


def count_parameters(config: GPT2Config) -> int:
    """Number of weights; a tied head shares those of wte and counts nothing. As quick for any number of layers."""
    without, with_one = (
        sum(math.prod(shape) for _, shape in expected_shapes(config._replace(n_layer=layers))) for layers in (0, 1)
    )
    return without + config.n_layer * (with_one - without)


def _weight_and_bias(name: str, *shape: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[-1:]
