"""A peer: onnxruntime, with a graph of fused operators and a key-value cache that it writes in place.

    python benchmarks/onnxruntime_peer.py MODEL TEXT [--steps 10] [--top-k 5] [--every-position] [--json]

The arguments and the output are those of reference.py. The folder holds the graphs that onnx_graph.py makes. The
settings are the fastest found for these workloads.
"""

import os
from pathlib import Path

import numpy as np
from onnxruntime import GraphOptimizationLevel, InferenceSession, IOBinding, OrtValue, SessionOptions
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from program import Row, parse_arguments, show


def main() -> None:
    options = parse_arguments(__doc__.partition("\n")[0])
    folder = Path(options.model)
    tokenizer = open_tokenizer(folder)
    ids = tokenizer.encode(options.text).ids
    if options.every_position:
        show(every_position(open_graph(folder / "positions.onnx"), ids, options.top_k), tokenizer, options.json)
        return
    rows = next_tokens(open_graph(folder / "steps.onnx"), ids, options.steps, options.top_k)
    show(rows, tokenizer, options.json)
    if not options.json:
        print(tokenizer.decode([*ids, *(row[0][0] for row in rows)]))


def open_tokenizer(folder: Path) -> Tokenizer:
    """From vocab.json and merges.txt, which load faster than tokenizer.json."""
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def open_graph(path: Path) -> InferenceSession:
    """Ready to run on all cores that this process may use."""
    options = SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL  # nothing is left to fuse
    options.add_session_config_entry("session.disable_prepacking", "1")  # it would copy every weight at each start
    return InferenceSession(path, options, providers=["CPUExecutionProvider"])


def every_position(session: InferenceSession, ids: list[int], top_k: int) -> list[Row]:
    """The best tokens after each position, in one run."""
    pieces = next(node.shape[0] for node in session.get_inputs() if node.name == "piece sizes")
    inputs = {
        "tokens": np.array([ids]),
        "positions": np.arange(len(ids))[None],
        "piece sizes": np.array([len(piece) for piece in np.array_split(ids, pieces)]),
        "top k": np.array([top_k]),
    }
    return rows_of(*session.run(["ids", "probabilities"], inputs))


def next_tokens(session: InferenceSession, ids: list[int], steps: int, top_k: int) -> list[Row]:
    """The best tokens of each step. The first step runs the prompt, each other the token that was best before."""
    binding = session.io_binding()
    bind_cache(session, binding, places=len(ids) + steps)
    best_ids = OrtValue.ortvalue_from_numpy(np.empty((1, top_k), np.int64))
    probabilities = OrtValue.ortvalue_from_numpy(np.empty((1, top_k), np.float32))
    binding.bind_ortvalue_output("ids", best_ids)
    binding.bind_ortvalue_output("probabilities", probabilities)
    binding.bind_cpu_input("top k", np.array([top_k]))
    rows, new, length = [], ids, 0
    for _ in range(steps):
        positions = np.arange(length, length + len(new))
        length += len(new)
        binding.bind_cpu_input("tokens", np.array([new]))
        binding.bind_cpu_input("positions", positions[None])
        binding.bind_cpu_input("length", np.array([length], np.int32))
        binding.bind_cpu_input("length - 1", np.array([length - 1], np.int32))
        session.run_with_iobinding(binding)
        rows += rows_of(best_ids.numpy(), probabilities.numpy())
        new = [rows[-1][0][0]]
    return rows


def bind_cache(session: InferenceSession, binding: IOBinding, places: int) -> None:
    """Give each layer one buffer for its past and present keys, and one for its values."""
    for past in session.get_inputs():
        if past.name.startswith("past "):
            batch, heads, _, width = past.shape
            buffer = OrtValue.ortvalue_from_numpy(np.zeros((batch, heads, places, width), np.float32))
            binding.bind_ortvalue_input(past.name, buffer)
            binding.bind_ortvalue_output(past.name.replace("past", "present"), buffer)


def rows_of(ids: np.ndarray, probabilities: np.ndarray) -> list[Row]:
    """From the graph's outputs (N, K)."""
    return [list(zip(*row, strict=True)) for row in zip(ids.tolist(), probabilities.tolist(), strict=True)]


if __name__ == "__main__":
    main()
