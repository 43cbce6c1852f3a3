"""Make a model of gpt2's shape with random weights, so that the benchmarks need no download.

    python benchmarks/make_checkpoint.py [--tokenizer DIR] [FOLDER]

The folder then holds what the hub's repository of gpt2 holds: config.json, model.safetensors with the same tensors
(the causal masks that nobody reads included: 548 MB), and a tokenizer of 50,257 tokens as tokenizer.json and as
vocab.json with merges.txt. The tokenizer is made up too; `--tokenizer` copies gpt2's own vocab.json and merges.txt
from a folder instead. `text-512.txt` and `text-1000.txt` are texts of so many tokens. What is there is not made again.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

WORK = Path(__file__).parent / "work"
FOLDER = WORK / "gpt2-shape"
TEXT_TOKENS = (512, 1000)

LAYERS, WIDTH, POSITIONS, VOCABULARY = 12, 768, 1024, 50257
END_OF_TEXT = "<|endoftext|>"

FIRST_MERGES = "h e|l l|he ll|hell o|h o|ho w|Ġ a|r e|Ġa re|Ġ y|o u|Ġy ou"
"""With these ranked first, `hello,how are you` is five tokens, as it is for gpt2."""

LETTERS = "etaoinsrhdlucmfygpwbvkxjqz"
LONGEST = 7
"""Characters in a made-up token; gpt2's are about as long on average as these."""


def make_model(folder: Path = FOLDER, tokenizer: Path | None = None) -> None:
    """Fill the folder with what it lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    _make_tokenizer(folder, tokenizer)
    if not (folder / "model.safetensors").is_file():
        _write_weights(folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(_config(), indent=2) + "\n", encoding="utf-8")


def _config() -> dict[str, object]:
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "n_layer": LAYERS,
        "n_head": 12,
        "n_embd": WIDTH,
        "n_positions": POSITIONS,
        "vocab_size": VOCABULARY,
        "layer_norm_epsilon": 1e-5,
        "bos_token_id": VOCABULARY - 1,
        "eos_token_id": VOCABULARY - 1,
    }


def _write_weights(path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    random_numbers = np.random.default_rng(0)
    masks = {f"h.{layer}.attn.bias": (1, 1, POSITIONS, POSITIONS) for layer in range(LAYERS)}
    tensors = {}
    for name, shape in [*_weights(), *masks.items()]:
        if name in masks:
            tensors[name] = np.tril(np.ones(shape, np.float32))
        elif len(shape) == 2:
            tensors[name] = random_numbers.standard_normal(shape, np.float32) * np.float32(0.02)
        else:  # of a layer norm, or a bias
            tensors[name] = np.full(shape, "ln_" in name and name.endswith("weight"), np.float32)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata={"format": "pt"})
    temporary.replace(path)


def _weights() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "wte.weight", (VOCABULARY, WIDTH)
    yield "wpe.weight", (POSITIONS, WIDTH)
    for block in (f"h.{layer}" for layer in range(LAYERS)):
        for name, shape in {
            "ln_1": (WIDTH,),
            "attn.c_attn": (WIDTH, 3 * WIDTH),
            "attn.c_proj": (WIDTH, WIDTH),
            "ln_2": (WIDTH,),
            "mlp.c_fc": (WIDTH, 4 * WIDTH),
            "mlp.c_proj": (4 * WIDTH, WIDTH),
        }.items():
            yield f"{block}.{name}.weight", shape
            yield f"{block}.{name}.bias", shape[-1:]
    yield "ln_f.weight", (WIDTH,)
    yield "ln_f.bias", (WIDTH,)


def _make_tokenizer(folder: Path, real: Path | None) -> None:
    """The tokenizer in its two forms, and the texts that are counted with it."""
    vocabulary, merges = _made_up_tokenizer() if real is None else _read_tokenizer(real)
    if (folder / "vocab.json").is_file() and _read_tokenizer(folder) == (vocabulary, merges):
        return
    full = _tokenizer_json(json.loads(vocabulary), merges.splitlines()[1:])
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    (folder / "tokenizer.json").write_text(
        json.dumps(full, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
    )
    for tokens in TEXT_TOKENS:
        (folder / f"text-{tokens}.txt").write_text(_text_of(folder, tokens), encoding="utf-8")
    (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")  # the last: it says that all is there


def _read_tokenizer(folder: Path) -> tuple[str, str]:
    return (folder / "vocab.json").read_text(encoding="utf-8"), (folder / "merges.txt").read_text(encoding="utf-8")


def _made_up_tokenizer() -> tuple[str, str]:
    pairs = _made_up_merges()
    tokens = [*_byte_characters(), *(left + right for left, right in pairs), END_OF_TEXT]
    vocabulary = json.dumps({token: token_id for token_id, token in enumerate(tokens)})
    return vocabulary, "\n".join(["#version: 0.2", *(f"{left} {right}" for left, right in pairs)]) + "\n"


def _tokenizer_json(ids: dict[str, int], merges: list[str]) -> dict[str, object]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": ids[END_OF_TEXT], "content": END_OF_TEXT, **flags}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "vocab": ids,
            "merges": merges,
        },
    }


def _byte_characters() -> list[str]:
    """The characters that stand for the 256 bytes in GPT-2's vocabulary."""
    printable = [chr(byte) for byte in range(256) if 33 <= byte <= 126 or (byte >= 161 and byte != 173)]
    return printable + [chr(256 + index) for index in range(256 - len(printable))]


def _made_up_merges() -> list[tuple[str, str]]:
    """50,000 merges of pairs drawn at random from the tokens made so far; a space (`Ġ`) only begins a token."""
    drawn = random.Random(0)
    pairs = [(left, right) for left, right in (pair.split() for pair in FIRST_MERGES.split("|"))]
    known = {left + right for left, right in pairs}
    words = [*LETTERS, *(token for token in sorted(known) if "Ġ" not in token)]
    spaced = ["Ġ", *(token for token in sorted(known) if "Ġ" in token)]
    endings = words[:]
    while len(pairs) < VOCABULARY - 257:
        into = drawn.choice((words, spaced))
        left, right = drawn.choice(into), drawn.choice(endings)
        if len(left + right) <= LONGEST and left + right not in known:
            known.add(left + right)
            pairs.append((left, right))
            if len(left + right) < LONGEST:
                into.append(left + right)
    return pairs


def _text_of(folder: Path, tokens: int) -> str:
    """Words of the vocabulary, one token each, in random order."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words = [token[1:] for token in sorted(tokenizer.get_vocab()) if token[0] == "Ġ" and token[1:].isalpha()]
    words = [word for word in words if word.isascii() and len(tokenizer.encode(f" {word}").ids) == 1]
    text = "".join(f" {word}" for word in random.Random(0).choices(words, k=tokens))
    assert len(tokenizer.encode(text).ids) == tokens
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a folder with gpt2's vocab.json and merges.txt")
    options = parser.parse_args()
    make_model(options.folder, options.tokenizer)
