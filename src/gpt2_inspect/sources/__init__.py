"""Where a model's files come from: the package, a directory, the hub's cache or the hub."""

import os
from pathlib import Path

from ..errors import ModelNotFoundError, UsageError
from ..messages import Message, Option
from .base import ModelFiles
from .bundled import BUNDLED, CHINESE, ENGLISH, bundled_for, bundled_model
from .directory import directory_model, looks_like_directory
from .hub_cache import find_in_cache, is_hub_id

DEFAULT_HUB_MODEL = "gpt2"

__all__ = [
    "BUNDLED",
    "CHINESE",
    "DEFAULT_HUB_MODEL",
    "ENGLISH",
    "ModelFiles",
    "fetch_model",
    "find_model",
    "local_model",
]


def find_model(
    name: str | os.PathLike[str] | None = None,
    revision: str | None = None,
    *,
    offline: bool = False,
    for_text: str = "",
) -> ModelFiles:
    """The files of the model that `name` stands for.

    `name` is `pocket` or `pocket-zh` (bundled), a directory, or a hub id such as `gpt2`; a path object is always a
    directory. A hub id is looked up in the hub's cache without any network request, and downloaded only where it is not
    there. Without a name it is `gpt2` if the cache holds it, else `pocket-zh` for a text with Chinese characters and
    `pocket` for any other; nothing is downloaded then.

    Raises:
        ModelNotFoundError: the model is nowhere to be had, or may not be fetched.
        ModelUnusableError: the directory is not a model.
        NetworkError: a download began and broke off.
        UsageError: a revision is given for a model that has none, or one of both is no string.
    """
    return _here(name, revision, for_text) or _download(str(name), revision, offline=offline)


def local_model(name: str, revision: str | None = None) -> ModelFiles:
    """The same, but never fetched. Raises what `find_model` does, ModelNotFoundError if it is not on this machine."""
    found = _here(name, revision)
    if found is None:
        raise ModelNotFoundError(
            Message("model {name!r} is not in the local cache", name=name),
            Message("fetch it with `gpt2-inspect models pull {name}`", name=name),
        )
    return found


def fetch_model(name: str, revision: str | None = None) -> ModelFiles:
    """The newest version that the hub has of this revision, fetched unless it is here; a bundled model as it is.

    Raises what `find_model` does, UsageError if `name` is a directory.
    """
    if name in BUNDLED:
        return local_model(name, revision)
    if looks_like_directory(name):
        raise UsageError(
            Message("{name!r} is a directory; what can be fetched has a hub id, such as `gpt2`", name=name)
        )
    _check_hub_id(name)
    return _download(name, revision, offline=False)


def _here(name: str | os.PathLike[str] | None, revision: str | None, for_text: str = "") -> ModelFiles | None:
    """The model on this machine; None for one of the hub that is not."""
    if not (revision is None or isinstance(revision, str)):
        raise UsageError(
            Message("{option} is {value!r}; it must be a string", option=Option("revision"), value=revision)
        )
    if isinstance(name, os.PathLike):
        folder = Path(os.fsdecode(name))
        _refuse_revision(str(folder), revision)
        return directory_model(folder)
    if not (name is None or isinstance(name, str)):
        raise UsageError(
            Message("{option} is {value!r}; it must be a name or a path", option=Option("model"), value=name)
        )
    if name is None:
        cached = find_in_cache(DEFAULT_HUB_MODEL, revision)
        if cached is not None:
            return cached
        name = bundled_for(for_text)
    if name in BUNDLED:
        _refuse_revision(name, revision)
        return bundled_model(name)
    if looks_like_directory(name):
        _refuse_revision(name, revision)
        return directory_model(Path(name))
    _check_hub_id(name)
    return find_in_cache(name, revision)


def _check_hub_id(name: str) -> None:
    if not is_hub_id(name):
        raise ModelNotFoundError(
            Message("there is no model {name!r}: it is no directory and cannot be a hub id", name=name),
            Message("give `pocket`, a directory that holds config.json, or a hub id such as `gpt2`"),
        )


def _download(name: str, revision: str | None, *, offline: bool) -> ModelFiles:
    if offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelNotFoundError(
            Message(
                "model {name!r} is not in the local cache, and downloads are forbidden ({offline} or HF_HUB_OFFLINE)",
                offline=Option("offline"),
                name=name,
            ),
            Message("run it once with a network, or use `{model} pocket`, which needs none", model=Option("model")),
        )
    from .hub_download import download  # loads huggingface_hub, which the other sources do without

    return download(name, revision)


def _refuse_revision(name: str, revision: str | None) -> None:
    if revision is not None:
        raise UsageError(
            Message("{option} is for models from the hub; {name!r} is not one", option=Option("revision"), name=name)
        )
