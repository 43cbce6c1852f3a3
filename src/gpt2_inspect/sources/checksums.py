"""Whether a model's files hold what they held when they were published: their checksums, where one is known.

The hub's cache keeps a file as a blob named after its checksum, SHA-256 for large files and Git's SHA-1 for the others
(https://huggingface.co/docs/huggingface_hub/guides/manage-cache); the bundled models have a list of theirs.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import ModelUnusableError, system_reason
from ..filenames import CHECKSUMS, files_of_a_model
from ..messages import Message
from .base import ModelFiles

_AT_ONCE = 1 << 20


def check_files(files: ModelFiles) -> tuple[int, int]:
    """How many files there are of a model, and of how many of them the checksum is known; these have it.

    Raises ModelUnusableError for the first that has another, or cannot be read.
    """
    listed = dict(_listed(files.folder))
    count = known = 0
    for name in sorted(files_of_a_model(files.folder)):
        path = files.folder / name
        try:
            if path.is_symlink() and not path.exists():
                raise _damaged(files, path, Message("it is a link to a file that is gone"))
            if not path.is_file():
                continue
            count += 1
            expected = listed.get(name) or (_of_blob(path) if files.source == "hub" else None)
            if expected is None:
                continue
            known += 1
            if _checksum(path, expected) != expected:
                raise _damaged(files, path, Message("its contents do not have the checksum {sum}", sum=expected[:12]))
        except OSError as error:
            raise ModelUnusableError(
                Message("cannot read {path!r}: {reason}", path=str(path), reason=system_reason(error))
            ) from error
    return count, known


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of the files that the folder has a list of."""
    path = folder / CHECKSUMS
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            checksum, _, name = line.partition("  ")
            yield name, checksum


def _of_blob(path: Path) -> str | None:
    """The checksum that the file's blob is named after; None if it is no such name."""
    name = path.resolve().name
    return name if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name) else None


def _checksum(path: Path, expected: str) -> str:
    """As long as the one that is expected: SHA-256, or SHA-1 as Git takes it of a blob."""
    if len(expected) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while part := file.read(_AT_ONCE):
            digest.update(part)
    return digest.hexdigest()


def _damaged(files: ModelFiles, path: Path, why: Message) -> ModelUnusableError:
    hint = Message("install gpt2-inspect again")
    if files.source == "hub":
        hint = Message(
            "delete {blob!r} and fetch it again with `gpt2-inspect models pull {name}`",
            blob=str(path.resolve()),
            name=files.name,
        )
    elif files.source == "directory":
        hint = Message("fetch it again")
    return ModelUnusableError(Message("{path!r} is damaged: {why}", path=str(path), why=why), hint)
