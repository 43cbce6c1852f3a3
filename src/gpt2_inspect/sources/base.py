"""What every source hands on: a folder with a model's files, and where it came from."""

from pathlib import Path
from typing import Literal, NamedTuple

Source = Literal["bundled", "directory", "hub"]

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""The weight files that can stand for a whole model, the preferred one first."""

TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
"""The sets of files of which one must be there to make a tokenizer."""


class ModelFiles(NamedTuple):
    """A model on this machine."""

    name: str
    source: Source
    folder: Path
    revision: str | None = None
    """The hub's commit, for a model from the hub."""


def missing_files(folder: Path) -> list[str]:
    """What a folder lacks to be a model, in words; empty if it has all."""
    missing = []
    if not (folder / CONFIG).is_file():
        missing.append(CONFIG)
    if not any((folder / name).is_file() for name in WEIGHTS):
        missing.append("model.safetensors")
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZERS):
        missing.append("tokenizer.json")
    return missing
