"""Small GPT-2 checkpoints, made by transformers with random weights, in every form that checkpoints come in."""

import json
import shutil
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

CORPUS = [
    "hello, how are you? I am fine, thank you. The cat sat on the mat, and the dog ran after the cat.",
    "Once upon a time there was a king who had three daughters; the youngest was the kindest of them all.",
    "你好，世界。今天天气很好。 🙂 naïve café — 1234567890 \n\n\t  def f(x): return x + 1",
]

VOCAB_SIZE = 384


@cache
def tokenizer_json() -> str:
    """A byte-level BPE in GPT-2's form: 256 bytes, merges, and `<|endoftext|>` as the last of VOCAB_SIZE ids."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE - 1, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    content = json.loads(tokenizer.to_str())
    content["model"]["vocab"]["<|endoftext|>"] = VOCAB_SIZE - 1
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer.to_str()


def write_tokenizer(folder: Path, *, as_pair: bool = False) -> None:
    """tokenizer.json, or with `as_pair` vocab.json and merges.txt."""
    if not as_pair:
        (folder / "tokenizer.json").write_text(tokenizer_json(), encoding="utf-8")
        return
    model = json.loads(tokenizer_json())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False), encoding="utf-8")
    merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
    (folder / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")


def make_checkpoint(
    folder: Path,
    *,
    dtype: str = "float32",
    prefix: bool = True,
    max_shard_size: str = "1GB",
    tokenizer_as_pair: bool = False,
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write a checkpoint and return its folder. `config` overrides settings of transformers' GPT2Config.

    The weights are far larger than GPT-2's initial ones, so that every part of the arithmetic shows in the logits.
    `prefix=False` saves the base model's names, as early checkpoints have them.
    """
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "n_positions": 64,
        "n_embd": 48,
        "n_layer": 3,
        "n_head": 4,
        "bos_token_id": VOCAB_SIZE - 1,
        "eos_token_id": VOCAB_SIZE - 1,
        "initializer_range": 0.2,
    }
    model = GPT2LMHeadModel(GPT2Config(**settings | config))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
        elif ".ln_" in name:
            torch.nn.init.normal_(parameter, mean=1, std=0.1)
    model = model.to(getattr(torch, dtype))
    folder.mkdir(parents=True, exist_ok=True)
    (model if prefix else model.transformer).save_pretrained(folder, max_shard_size=max_shard_size)
    write_tokenizer(folder, as_pair=tokenizer_as_pair)
    return folder


def load_reference(folder: Path) -> Any:
    """The checkpoint as transformers computes it, which the tests take for the truth: eager attention, float32."""
    import torch
    from transformers import GPT2LMHeadModel

    return GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


@dataclass(eq=False)
class ReferenceModel:
    """A checkpoint, and transformers' model of it, which is loaded when first asked for."""

    folder: Path

    @cached_property
    def model(self) -> Any:
        return load_reference(self.folder)


BERT_VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *"你好世界今天气很，。！",
    *"abcdehlorw019",
    "hello", "##l", "##o", "##or", "##ld", "##1",
]  # fmt: skip
"""In the form of the Chinese GPT-2s: special tokens, single characters, pieces of words."""


def copy_with_last_token(checkpoint: Path, folder: Path, token: str) -> Path:
    """The checkpoint in a new folder, with another text in place of its `<|endoftext|>`."""
    shutil.copytree(checkpoint, folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["model"]["vocab"]["<|endoftext|>"]
    content["added_tokens"][0]["content"] = token
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def make_bert_style_checkpoint(folder: Path, settings: dict[str, Any] | None = None, **config: Any) -> Path:
    """A checkpoint with a BERT-style vocab.txt; `settings` go into its tokenizer_config.json, None writes none."""
    make_checkpoint(folder, **{"vocab_size": len(BERT_VOCABULARY), "bos_token_id": None, "eos_token_id": None} | config)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in BERT_VOCABULARY), encoding="utf-8")
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fill_cache(
    cache: Path, repository: str, model: Path, commit: str = COMMIT, refs: tuple[str, ...] = ("main",)
) -> Path:
    """Put a model into a hub cache as the hub's tools do: blobs, links to them in a snapshot, and refs."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir(exist_ok=True)
    for number, file in enumerate(sorted(model.iterdir())):
        blob = folder / "blobs" / f"{commit[:8]}{number}"
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(Path("../../blobs") / blob.name)
    for ref in refs:
        path = folder / "refs" / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit, encoding="ascii")
    return snapshot
