"""Turn a run's checkpoint into the files that transformers opens as it opens `gpt2`.

    python training/export.py runs/pocket --tokenizer tokenizer.json --output pocket

The folder gets config.json, generation_config.json, model.safetensors (float16), tokenizer.json,
tokenizer_config.json, and SHA256SUMS over them all (check with `sha256sum --check SHA256SUMS`). The same checkpoint
always gives the same bytes.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from corpus import END_OF_TEXT

Weights = dict[str, torch.Tensor]


def model_config(weights: Weights, n_head: int, end_of_text: int) -> dict:
    """config.json. The weights' shapes give all sizes but the number of heads."""
    vocab_size, n_embd = weights["transformer.wte.weight"].shape
    n_positions = len(weights["transformer.wpe.weight"])
    n_layer = sum(name.endswith(".ln_1.weight") for name in weights)
    if n_embd % n_head:
        raise SystemExit(f"error: {n_embd} dimensions cannot be shared out among {n_head} heads")
    return {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.0,
        "bos_token_id": end_of_text,
        "dtype": "float16",
        "embd_pdrop": 0.0,
        "eos_token_id": end_of_text,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": n_positions,  # an old name of n_positions that converters to other formats still ask for
        "n_embd": n_embd,
        "n_head": n_head,
        "n_layer": n_layer,
        "n_positions": n_positions,
        "resid_pdrop": 0.0,
        "tie_word_embeddings": True,
        "vocab_size": vocab_size,
    }


def generation_config(end_of_text: int) -> dict:
    """generation_config.json. GPT-2 has no padding token; naming one spares every caller of generate() a notice."""
    return {"bos_token_id": end_of_text, "eos_token_id": end_of_text, "pad_token_id": end_of_text}


def tokenizer_config(n_positions: int) -> dict:
    """tokenizer_config.json. Without it the tokenizer would not know the context's length."""
    return {
        "add_prefix_space": False,
        "bos_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
        "eos_token": END_OF_TEXT,
        "model_max_length": n_positions,
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": END_OF_TEXT,
    }


def half_precision(weights: Weights) -> Weights:
    """The weights in float16, without the head, which is the embedding once more."""
    head, embedding = weights["lm_head.weight"], weights["transformer.wte.weight"]
    if not torch.equal(head, embedding):
        raise SystemExit("error: lm_head is not tied to wte")
    halves = {name: weight.half().contiguous() for name, weight in weights.items() if name != "lm_head.weight"}
    if broken := [name for name, weight in halves.items() if not weight.isfinite().all()]:
        raise SystemExit(f"error: not finite in float16: {', '.join(broken)}")
    return halves


def export(checkpoint: Path, tokenizer: Path, output: Path, n_head: int | None) -> None:
    """Write the folder. `n_head` is only for checkpoints that do not record it."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    n_head = state.get("n_head", n_head)
    if n_head is None:
        raise SystemExit(f"error: {checkpoint} does not record the number of heads; give --n-head")
    vocabulary = Tokenizer.from_file(str(tokenizer))
    config = model_config(state["model"], n_head, vocabulary.token_to_id(END_OF_TEXT))
    if vocabulary.get_vocab_size() != config["vocab_size"]:
        raise SystemExit(f"error: {tokenizer} is not the tokenizer of this model: the vocabularies differ in size")

    output.mkdir(parents=True, exist_ok=True)
    save_file(half_precision(state["model"]), output / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(tokenizer, output / "tokenizer.json")
    _write_json(output / "config.json", config)
    _write_json(output / "generation_config.json", generation_config(config["eos_token_id"]))
    _write_json(output / "tokenizer_config.json", tokenizer_config(config["n_positions"]))
    write_checksums(output)


def write_checksums(folder: Path) -> None:
    """SHA256SUMS in the form that `sha256sum --check` reads."""
    names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="ascii", newline="\n")


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder with checkpoint.pt")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--n-head", type=int, help="only for a checkpoint that does not record it")
    arguments = parser.parse_args(argv)

    export(arguments.run / "checkpoint.pt", arguments.tokenizer, arguments.output, arguments.n_head)
    for file in sorted(arguments.output.iterdir()):
        print(f"{file.stat().st_size:>10}  {file.name}")


if __name__ == "__main__":
    main()
