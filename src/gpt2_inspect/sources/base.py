"""What every source hands on: a folder with a model's files, and where it came from."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

from ..filenames import CONFIG, SAFETENSORS, TOKENIZER, TOKENIZERS, WEIGHTS, files_of_a_model

Source = Literal["bundled", "directory", "hub"]


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
        names = files_of_a_model(self.folder)
        target = Path(os.path.realpath(path))
        if target.parent == Path(os.path.realpath(self.folder)) and target.name in names:
            return True
        return any(_same_file(self.folder / name, target) for name in names)


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
        missing.append(SAFETENSORS)
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZERS):
        missing.append(TOKENIZER)
    return missing
