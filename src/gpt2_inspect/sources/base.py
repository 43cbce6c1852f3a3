"""What every source hands on: a folder with a model's files, and where it came from."""

import os
from collections.abc import Iterator
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

    def fingerprint(self) -> str:
        """A short text that changes with the model: a digest of its files, of the weights in samples."""
        import hashlib

        digest = hashlib.sha256()
        for name in sorted(files_of_a_model(self.folder)):
            path = self.folder / name
            if path.is_file():
                digest.update(f"{name} {path.stat().st_size}\n".encode())
                with path.open("rb") as file:
                    for part in _sampled(path.stat().st_size):
                        file.seek(part)
                        digest.update(file.read(_SAMPLE))
        return digest.hexdigest()[:16]


_SAMPLE = 1 << 16
"""Bytes of a sample."""

_SAMPLES = 64
"""Of a file; a smaller one is read whole."""


def _sampled(size: int) -> Iterator[int]:
    """Where the samples begin: side by side, or spread over the file, its beginning and its end among them."""
    if size <= _SAMPLE * _SAMPLES:
        return iter(range(0, size, _SAMPLE))
    return (index * (size - _SAMPLE) // (_SAMPLES - 1) for index in range(_SAMPLES))


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
