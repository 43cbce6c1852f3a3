"""What every source hands on: a folder with a model's files, and where it came from."""

import json
import os
from pathlib import Path
from typing import Literal, NamedTuple

Source = Literal["bundled", "directory", "hub"]

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""The weight files that can stand for a whole model, the preferred one first."""

TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
"""The sets of files of which one must be there to make a tokenizer."""


ALONGSIDE = ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "added_tokens.json")
"""Files that need not be there, and say more about the model if they are."""


class ModelFiles(NamedTuple):
    """A model on this machine."""

    name: str
    source: Source
    folder: Path
    revision: str | None = None
    """The hub's commit, for a model from the hub."""

    def is_read_from(self, path: str) -> bool:
        """Whether to write the file `path` would change the model: it is one of its files, be it by way of a link, or
        would become one.
        """
        names = {CONFIG, *ALONGSIDE, *WEIGHTS, *(name for names in TOKENIZERS for name in names), *shards(self.folder)}
        target = Path(os.path.realpath(path))
        if target.parent == Path(os.path.realpath(self.folder)) and target.name in names:
            return True
        return any(_same_file(self.folder / name, target) for name in names)


def shards(folder: Path) -> set[str]:
    """The files over which the index files in a folder say that weights are spread; what is wrong is left out."""
    found: set[str] = set()
    for name in WEIGHTS:
        path = folder / name
        if name.endswith(".index.json") and path.is_file():
            try:
                found.update(filter(_is_name, json.loads(path.read_bytes())["weight_map"].values()))
            except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
                continue
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is missing
        return False


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
