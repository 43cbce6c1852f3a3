"""Models that the hub's own tools have already downloaded, found without those tools and without a network.

The cache's layout is documented at https://huggingface.co/docs/huggingface_hub/guides/manage-cache:
`models--ORG--NAME/refs/REVISION` holds a commit, `models--ORG--NAME/snapshots/COMMIT/` the files.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .base import ModelFiles, missing_files

_CANONICAL = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "distilgpt2": "distilbert/distilgpt2",
}
"""Short ids that the hub keeps as names for repositories that have moved; a cache may hold either."""

IN_ENGLISH = {*_CANONICAL, *_CANONICAL.values()}
"""What these were trained on (their cards on the hub)."""

GPT2_124M = {"gpt2", _CANONICAL["gpt2"]}

_HUB_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_hub_id(name: str) -> bool:
    """True if `name` could be a repository on the hub: `name` or `organisation/name`."""
    return len(name) <= 96 and _HUB_ID.fullmatch(name) is not None and "--" not in name and ".." not in name


def cache_folder() -> Path:
    """The hub's cache, as the hub's tools find it from the environment."""
    if folder := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return _expand(folder)
    if home := os.environ.get("HF_HOME"):
        return _expand(home) / "hub"
    return _expand(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def _expand(folder: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError:  # a user without a home
        return Path(folder)


def find_in_cache(hub_id: str, revision: str | None = None) -> ModelFiles | None:
    """The cached model, or None if the cache does not hold all of it. `revision` is a branch, a tag or a commit."""
    for repository in names_of(hub_id):
        folder = cache_folder() / f"models--{repository.replace('/', '--')}"
        commit = _commit(folder, revision or "main")
        if commit is None:
            continue
        snapshot = folder / "snapshots" / commit
        if _is_whole(snapshot):
            return ModelFiles(hub_id, "hub", snapshot, commit)
    return None


def names_of(hub_id: str) -> list[str]:
    """The repositories that the id may stand for, itself first."""
    return list(dict.fromkeys((hub_id, _CANONICAL.get(hub_id, hub_id))))


class Snapshot(NamedTuple):
    """One version of a repository in the cache."""

    repository: str
    commit: str
    folder: Path
    refs: tuple[str, ...]
    """The branches and tags that stand for it here."""


def snapshots() -> Iterator[Snapshot]:
    """Every version of every model that the cache holds anything of, whatever its architecture; sorted by name."""
    for repository in _entries(cache_folder()):
        kind, *parts = repository.name.split("--")
        if kind != "models" or not parts:
            continue
        refs = _refs(repository / "refs")
        for folder in _entries(repository / "snapshots"):
            if _COMMIT.fullmatch(folder.name):
                names = tuple(ref for ref, commit in refs.items() if commit == folder.name)
                yield Snapshot("/".join(parts), folder.name, folder, names)


def _refs(folder: Path) -> dict[str, str]:
    """The commit of each ref; a ref's name may have slashes."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return {name: commit for name in names if (commit := _commit(folder.parent, name)) is not None}


def _entries(folder: Path) -> list[Path]:
    """The folders in a folder; none in one that is not there, or that this user may not read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _is_whole(snapshot: Path) -> bool:
    try:
        return not missing_files(snapshot)
    except OSError:  # a cache that this user may not read
        return False


def _commit(folder: Path, revision: str) -> str | None:
    if _COMMIT.fullmatch(revision):
        return revision
    path = folder / "refs" / revision
    try:
        if not path.is_file():  # who opens a pipe waits for somebody to write to it
            return None
        commit = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return commit if _COMMIT.fullmatch(commit) else None
