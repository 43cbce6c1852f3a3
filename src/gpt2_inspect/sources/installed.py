"""What models are on this machine: the bundled ones, and all versions in the hub's cache."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..filenames import CARD
from .base import ModelFiles, missing_files
from .bundled import BUNDLED, LANGUAGES, bundled_model
from .hub_cache import IN_ENGLISH, snapshots

_CARD_BYTES = 65536
"""What is read of a model's card; its metadata stand at the top."""


class Installed(NamedTuple):
    """A model, whole or not, of whatever architecture."""

    files: ModelFiles
    refs: tuple[str, ...] = ()
    """The branches and tags of the hub that stand for this version here."""

    @property
    def size_bytes(self) -> int:
        """Of all files in its folder. Versions in the hub's cache may share some."""
        return sum(path.stat().st_size for path in self.files.folder.rglob("*") if path.is_file())

    @property
    def missing(self) -> tuple[str, ...]:
        """The files that it lacks to be a model."""
        return tuple(missing_files(self.files.folder))

    @property
    def languages(self) -> tuple[str, ...]:
        """What it was trained on, as far as that is known: codes of ISO 639-1, as in the cards of the hub."""
        if self.files.source == "bundled":
            return (LANGUAGES[self.files.name],)
        found = tuple(_languages(self.files.folder / CARD))
        return found or (("en",) if self.files.name in IN_ENGLISH else ())


def installed_models() -> Iterator[Installed]:
    """The bundled ones, then those of the cache by name and commit."""
    for name in BUNDLED:
        yield Installed(bundled_model(name))
    for snapshot in snapshots():
        yield Installed(ModelFiles(snapshot.repository, "hub", snapshot.folder, snapshot.commit), snapshot.refs)


def _languages(card: Path) -> Iterator[str]:
    """`language: en`, or a list of such, from the metadata of a card, YAML between two lines of dashes."""
    try:
        with card.open("rb") as file:
            text = file.read(_CARD_BYTES).decode("utf-8", "replace")
    except OSError:  # the download leaves cards out
        return
    metadata = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    entry = metadata and re.search(r"^language:[ \t]*(.*(?:\n[ \t]*- .*)*)", metadata[1], re.MULTILINE)
    if entry:
        yield from re.findall(r"(?<![\w-])[a-z]{2,3}(?![\w-])", entry[1])
