"""The models on this machine: which there are, and whether they are what they should be."""

from pathlib import Path

from ..checkpoint.config import read_config, read_json
from ..checkpoint.shapes import count_parameters
from ..errors import InspectError, ModelUnusableError
from ..filenames import CONFIG
from ..results.models import ListedModel, ModelList
from ..sources import fetch_model, find_model, local_model
from ..sources.hub_cache import cache_folder
from ..sources.installed import Installed, installed_models


def list_models(default_model: str | None = None) -> ModelList:
    """The bundled models, and the GPT-2s in the hub's cache, whole or not. Nothing but their config.json is read.

    `default_model` is what answers where none is named, by default what `find_model` says.
    """
    default = _default_folder(default_model)
    return ModelList(
        cache=str(cache_folder()),
        models=tuple(_listed(installed, default) for installed in installed_models() if is_gpt2(installed)),
    )


def pull(name: str, revision: str | None = None) -> Path:
    """Fetch a model from the hub, or what is new or missing of it; the folder that it is in.

    Raises:
        ModelNotFoundError: the hub has no such model, cannot be reached, or may not be asked (HF_HUB_OFFLINE).
        ModelUnusableError: what was fetched is not a whole model.
        NetworkError: the download broke off.
        UsageError: `name` is a directory.
    """
    return fetch_model(name, revision).folder


def path_of(name: str, revision: str | None = None) -> Path:
    """The folder of a model on this machine. Raises what `find_model` does, and asks no network."""
    return local_model(name, revision).folder


def is_gpt2(installed: Installed) -> bool:
    """Whether its configuration says so, or cannot be read and so may be that of a GPT-2."""
    path = installed.files.folder / CONFIG
    if not path.is_file():
        return False
    try:
        return read_json(path).get("model_type") == "gpt2"
    except ModelUnusableError:
        return True


def _default_folder(name: str | None) -> Path | None:
    if name is None:
        return find_model().folder
    try:
        return local_model(name).folder
    except InspectError:
        return None


def _listed(installed: Installed, default: Path | None) -> ListedModel:
    files = installed.files
    missing = installed.missing
    state, parameters = "incomplete" if missing else "whole", None
    try:
        parameters = count_parameters(read_config(files.folder / CONFIG))
    except ModelUnusableError:
        state = "unusable"
    return ListedModel(
        name=files.name,
        source=files.source,
        revision=files.revision,
        refs=installed.refs,
        state=state,
        missing=missing,
        size_bytes=installed.size_bytes,
        parameters=parameters,
        languages=installed.languages,
        default=files.folder == default,
        folder=str(files.folder),
    )
