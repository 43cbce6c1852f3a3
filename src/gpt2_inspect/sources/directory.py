"""A model in a directory of the user's."""

from pathlib import Path

from ..errors import ModelNotFoundError, ModelUnusableError, system_reason
from ..messages import Message, all_of
from .base import ModelFiles, missing_files


def looks_like_directory(name: str) -> bool:
    """True if `name` is meant as a path: it is written as one, or such a directory exists."""
    return name.startswith((".", "/", "~", "\\")) or name.endswith("/") or _is_dir(Path(name))


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long
        return False


def directory_model(folder: Path) -> ModelFiles:
    """The model in `folder`.

    Raises:
        ModelNotFoundError: there is no such directory.
        ModelUnusableError: it lacks the files of a model.
    """
    try:
        folder = folder.expanduser()
        if not folder.is_dir():
            if folder.exists():
                raise ModelNotFoundError(Message("model directory {folder!r} is not a directory", folder=str(folder)))
            raise ModelNotFoundError(Message("model directory {folder!r} does not exist", folder=str(folder)))
        missing = missing_files(folder)
    except (OSError, RuntimeError) as error:  # no permission, a name too long; no such user after `~`
        reason = system_reason(error) if isinstance(error, OSError) else error
        raise ModelNotFoundError(
            Message("model directory {folder!r} cannot be read: {reason}", folder=str(folder), reason=reason)
        ) from error
    if missing:
        raise ModelUnusableError(
            Message("{folder!r} is not a model: it lacks {names}", folder=str(folder), names=all_of(missing)),
            Message(
                "a model directory holds config.json, model.safetensors and tokenizer.json "
                "(or vocab.json and merges.txt)"
            ),
        )
    return ModelFiles(str(folder), "directory", folder)
