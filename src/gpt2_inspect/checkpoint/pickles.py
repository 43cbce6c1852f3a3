"""Weights as torch's own `save` writes them, which only torch reads: what a file is that holds none."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import ModelUnusableError
from ..filenames import PICKLE, SAFETENSORS
from ..messages import Message

_ZIP = b"PK\x03\x04"
_OLD = b"\x80\x02"
"""Of torch before 1.6: a pickle (protocol 2) and no archive."""

_POINTER = b"version https://git-lfs"


def broken_pickle(paths: Sequence[Path]) -> ModelUnusableError | None:
    """The error for the first of these files that cannot hold weights; None if each looks as if it did."""
    for path in paths:
        why = _why_broken(path)
        if why is not None:
            return ModelUnusableError(
                Message("{path!r} holds no weights: {why}", path=str(path), why=why),
                Message(
                    "weights are read from {safetensors} and, by torch, from {pickle}, each in one file or several",
                    safetensors=SAFETENSORS,
                    pickle=PICKLE,
                ),
            )
    return None


def _why_broken(path: Path) -> Message | None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
        whole = zipfile.is_zipfile(path)  # its directory stands at the end
    except OSError:
        return None
    if not start:
        return Message("it is empty")
    if start == _POINTER:
        return Message("it is a pointer of Git LFS, and `git lfs pull` fetches the file itself")
    if start.startswith(_ZIP) and not whole:
        return Message("it is the beginning of a torch archive, cut off")
    if start.startswith((_ZIP, _OLD)):
        return None
    return Message("it is neither an archive nor a pickle of torch's")
