"""Make the graphs that onnxruntime_peer.py runs: GPT-2 in onnxruntime's fused operators.

    python benchmarks/onnx_graph.py [FOLDER]

The folder then holds `steps.onnx`, which takes new tokens and a cache of keys and values and ranks what follows the
last token, and `positions.onnx`, which takes a whole text and ranks what follows each token. The weights of both are
in `weights.bin`, from which onnxruntime maps them into memory. Operators of the domain FUSED are described in
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md, the others in
https://onnx.ai/onnx/operators/. What is there is made again only if the model or this program is newer.

In shapes: T new tokens, S places in the cache, D width, H heads, V vocabulary, N ranked positions, K best tokens.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from make_checkpoint import FOLDER

MODEL, WEIGHTS = "model.safetensors", "weights.bin"
STEPS, POSITIONS = "steps.onnx", "positions.onnx"

PAGE = 4096
"""Bytes. Each tensor begins a page, as https://onnx.ai/onnx/repo-docs/ExternalData.html asks of what is to be mapped;
numbers that straddle the lines of the processor's cache, as those of model.safetensors may, are slower to read."""

FUSED = "com.microsoft"

OPERATORS, FILES = 18, 10
"""Versions of ONNX's operators and of its files: not the newest, which onnxruntime reads only some time later."""

PIECES = 8
"""In these `positions.onnx` ranks a text, so that the logits (T, V) of all its positions never exist at once."""


class Graph:
    """A graph that grows node by node. A tensor in it is known by its name."""

    def __init__(self, config: dict[str, Any], weights: dict[str, TensorProto]) -> None:
        self.config = config
        self._weights = weights
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._nodes: list[NodeProto] = []

    def input(self, name: str, kind: int, *shape: int | str) -> str:
        """What the program hands in; a size may be a letter."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, kind: int, *shape: int | str) -> str:
        """What the program gets back, once a node makes it."""
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def weight(self, name: str) -> str:
        """A tensor of the model."""
        self._constants[name] = self._weights[name]
        return name

    def integer(self, value: int) -> str:
        """A tensor (1,)."""
        name = f"integer {value}"
        self._constants[name] = numpy_helper.from_array(np.array([value], np.int64), name)
        return name

    def node(self, operator: str, *inputs: str, outputs: tuple[str, ...] = (), **attributes) -> str:
        """Apply an operator; the name of its first output. An empty name stands for an optional tensor left out."""
        outputs = outputs or (f"{operator} {len(self._nodes)}",)
        self._nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs[0]

    def save(self, path: Path) -> None:
        """Write the graph. It belongs beside the weights, of which it knows only the file's name."""
        graph = helper.make_graph(self._nodes, path.stem, self._inputs, self._outputs, list(self._constants.values()))
        versions = [helper.make_opsetid("", OPERATORS), helper.make_opsetid(FUSED, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=FILES)
        path.write_bytes(model.SerializeToString())


Attend = Callable[[Graph, str, str], str]
"""From a graph, the name of a block and its normalised input (1, T, D) to what the heads put out (1, T, D)."""


def make_graphs(folder: Path = FOLDER) -> None:
    """Write the weights and both graphs, unless they are there."""
    made_from, made = (folder / MODEL, Path(__file__)), [folder / name for name in (WEIGHTS, STEPS, POSITIONS)]
    newest = max(path.stat().st_mtime for path in made_from)
    if all(path.is_file() and path.stat().st_mtime > newest for path in made):
        return
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = write_weights(folder)
    steps_graph(config, weights).save(folder / STEPS)
    positions_graph(config, weights).save(folder / POSITIONS)


def write_weights(folder: Path) -> dict[str, TensorProto]:
    """Copy the numbers of all tensors but the causal masks; for each tensor a note of where they are.

    A safetensors file holds the length of its header (8 bytes, little-endian), the header in JSON, and the numbers,
    with offsets from the header's end (https://huggingface.co/docs/safetensors).
    """
    with (folder / MODEL).open("rb") as source, (folder / WEIGHTS).open("wb") as target:
        length = int.from_bytes(source.read(8), "little")
        header = json.loads(source.read(length))
        tensors = {}
        for name, entry in header.items():
            if name != "__metadata__" and not name.endswith(".attn.bias"):
                begin, end = entry["data_offsets"]
                source.seek(8 + length + begin)
                target.seek(-target.tell() % PAGE, os.SEEK_CUR)
                name = name.removeprefix("transformer.")  # GPT2LMHeadModel saves its tensors with it, GPT2Model without
                tensors[name] = external_tensor(name, entry["shape"], target.tell(), end - begin)
                target.write(source.read(end - begin))
    return tensors


def external_tensor(name: str, shape: list[int], offset: int, length: int) -> TensorProto:
    """A tensor whose numbers are so many bytes of the file of weights."""
    tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": WEIGHTS, "offset": offset, "length": length}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def steps_graph(config: dict[str, Any], weights: dict[str, TensorProto]) -> Graph:
    """What follows the last of T new tokens, given the cache of all tokens before; N is 1."""
    graph = Graph(config, weights)
    graph.input("length", TensorProto.INT32, 1)  # of all tokens, the new ones included
    graph.input("length - 1", TensorProto.INT32, 1)
    x = transformer(graph, cached_attention, last_only=True)  # (1, 1, D)
    rank(graph, x, outputs=declare_ranking(graph))
    return graph


def positions_graph(config: dict[str, Any], weights: dict[str, TensorProto]) -> Graph:
    """What follows each of T tokens; N is T."""
    graph = Graph(config, weights)
    sizes = graph.input("piece sizes", TensorProto.INT64, PIECES)  # T in all
    x = transformer(graph, attention, last_only=False)  # (1, T, D)
    pieces = tuple(f"piece {index}" for index in range(PIECES))
    graph.node("Split", x, sizes, outputs=pieces, axis=1)
    rankings = [(f"{piece}, ids", f"{piece}, probabilities") for piece in pieces]
    for piece, ranking in zip(pieces, rankings, strict=True):
        rank(graph, piece, outputs=ranking)
    for whole, parts in zip(declare_ranking(graph), zip(*rankings, strict=True), strict=True):
        graph.node("Concat", *parts, outputs=(whole,), axis=0)
    return graph


def transformer(graph: Graph, attend: Attend, last_only: bool) -> str:
    """The embeddings, the blocks and the final layer norm: (1, T, D), or (1, 1, D) for the last token only."""
    x, normed = embed(graph)
    blocks = [f"h.{layer}" for layer in range(graph.config["n_layer"])]
    norms_after = [*(f"{block}.ln_1" for block in blocks[1:]), "ln_f"]
    for block, norm_after in zip(blocks, norms_after, strict=True):
        heads = attend(graph, block, normed)
        if last_only and block == blocks[-1]:  # no other position's output is needed
            x, heads = last_position(graph, x), last_position(graph, heads)
        attended = graph.node("MatMul", heads, graph.weight(f"{block}.attn.c_proj.weight"))
        x, normed = add_and_normalise(graph, x, attended, f"{block}.ln_2", bias=f"{block}.attn.c_proj.bias")
        x, normed = add_and_normalise(graph, x, mlp(graph, block, normed), norm_after, bias=f"{block}.mlp.c_proj.bias")
    return normed


def embed(graph: Graph) -> tuple[str, str]:
    """The residual stream at its beginning and the first block's normalised input, both (1, T, D)."""
    tokens = graph.node("Gather", graph.weight("wte.weight"), graph.input("tokens", TensorProto.INT64, 1, "T"))
    positions = graph.node("Gather", graph.weight("wpe.weight"), graph.input("positions", TensorProto.INT64, 1, "T"))
    return add_and_normalise(graph, tokens, positions, "h.0.ln_1")


def add_and_normalise(graph: Graph, x: str, y: str, norm: str, bias: str = "") -> tuple[str, str]:
    """x + y + bias, and its layer norm; all (1, T, D) but for the bias (D,)."""
    scale, shift = graph.weight(f"{norm}.weight"), graph.weight(f"{norm}.bias")
    inputs = (x, y, scale, shift, graph.weight(bias)) if bias else (x, y, scale, shift)
    outputs = (f"{norm} normalised", "", "", f"{norm} sum")  # without means and deviations
    epsilon = graph.config["layer_norm_epsilon"]
    graph.node("SkipLayerNormalization", *inputs, outputs=outputs, domain=FUSED, epsilon=epsilon)
    return outputs[-1], outputs[0]


def cached_attention(graph: Graph, block: str, normed: str) -> str:
    """Attention of new tokens to all so far.

    The program binds a layer's past and present keys to one buffer (1, H, S, D/H), and its values likewise. The
    operator then writes what is new behind what is there, and copies nothing.
    """
    heads = graph.config["n_head"]
    buffer = (1, heads, "S", graph.config["n_embd"] // heads)
    pasts = (graph.input(f"past {block} {part}", TensorProto.FLOAT, *buffer) for part in ("keys", "values"))
    presents = (graph.output(f"present {block} {part}", TensorProto.FLOAT, *buffer) for part in ("keys", "values"))
    product = graph.node("MatMul", normed, graph.weight(f"{block}.attn.c_attn.weight"))  # (1, T, 3D)
    packed = graph.node("Add", product, graph.weight(f"{block}.attn.c_attn.bias"))
    inputs = (packed, "", "", *pasts, "length - 1", "length")
    outputs = (f"{block} heads", *presents)
    return graph.node(
        "GroupQueryAttention", *inputs, outputs=outputs, domain=FUSED, num_heads=heads, kv_num_heads=heads
    )


def attention(graph: Graph, block: str, normed: str) -> str:
    """Attention of each token to itself and those before; the projection to queries, keys and values is part of it."""
    weight, bias = (graph.weight(f"{block}.attn.c_attn.{part}") for part in ("weight", "bias"))  # (D, 3D), (3D,)
    heads = graph.config["n_head"]
    return graph.node("Attention", normed, weight, bias, domain=FUSED, num_heads=heads, unidirectional=1)


def mlp(graph: Graph, block: str, normed: str) -> str:
    """The two layers and the tanh form of GELU between them, without the last bias: (1, T, D)."""
    hidden = graph.node("MatMul", normed, graph.weight(f"{block}.mlp.c_fc.weight"))  # (1, T, 4D)
    activated = graph.node("FastGelu", hidden, graph.weight(f"{block}.mlp.c_fc.bias"), domain=FUSED)
    return graph.node("MatMul", activated, graph.weight(f"{block}.mlp.c_proj.weight"))


def last_position(graph: Graph, x: str) -> str:
    """From (1, T, D) to (1, 1, D)."""
    return graph.node("Gather", x, graph.integer(-1), axis=1)


def rank(graph: Graph, x: str, outputs: tuple[str, str]) -> None:
    """The ids and probabilities of the K tokens most probable after each position of x (1, N, D): both (N, K)."""
    ids, probabilities = outputs
    rows = graph.node("Squeeze", x, graph.integer(0))  # (N, D)
    logits = graph.node("Gemm", rows, graph.weight("wte.weight"), transB=1)  # (N, V)
    graph.node("TopK", graph.node("Softmax", logits, axis=-1), "top k", outputs=(probabilities, ids), axis=-1)


def declare_ranking(graph: Graph) -> tuple[str, str]:
    """The graph's input K and its outputs ids and probabilities, both (N, K)."""
    graph.input("top k", TensorProto.INT64, 1)
    return graph.output("ids", TensorProto.INT64, "N", "K"), graph.output("probabilities", TensorProto.FLOAT, "N", "K")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    make_graphs(parser.parse_args().folder)
