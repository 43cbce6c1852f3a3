"""Models that must first be fetched from the hub. Only this file loads huggingface_hub."""

import socket

import huggingface_hub
from huggingface_hub import errors
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of the HTTP library it uses
from huggingface_hub.utils import logging

from ..errors import ModelNotFoundError, ModelUnusableError, NetworkError, first_line
from ..filenames import ALONGSIDE, CONFIG, TOKENIZERS, WEIGHTS
from ..messages import Message, Option
from .base import ModelFiles
from .hub_cache import find_in_cache


def download(hub_id: str, revision: str | None) -> ModelFiles:
    """Fetch a model into the hub's cache; progress goes to standard error.

    Only the files that a GPT-2 needs are fetched: one form of the weights (safetensors where there is one), the
    tokenizer and the configuration. No code is fetched.

    Raises:
        ModelNotFoundError: the hub has no such model, or cannot be reached.
        NetworkError: the hub was reached, and the download failed.
        ModelUnusableError: what was fetched is not a whole model.
    """
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # of several attempts, the last error is enough
    try:
        info = huggingface_hub.HfApi().model_info(hub_id, revision=revision)
    except errors.GatedRepoError:
        raise ModelNotFoundError(
            Message("model {hub_id!r} is gated on the hub", hub_id=hub_id),
            Message("accept its terms there and log in with `hf auth login`"),
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelNotFoundError(
            Message("the hub has no revision {revision!r} of {hub_id!r}", revision=revision or "main", hub_id=hub_id),
            Message("check the name for a typing error"),
        ) from None
    except errors.RepositoryNotFoundError:
        raise ModelNotFoundError(
            Message("the hub has no model {hub_id!r}", hub_id=hub_id), Message("check the name for a typing error")
        ) from None
    except errors.HfHubHTTPError as error:
        raise NetworkError(
            Message("the hub refused {hub_id!r}: {error}", hub_id=hub_id, error=first_line(error)),
            Message("try again later"),
        ) from error
    except (OSError, HTTPError) as error:
        if find_in_cache(hub_id, revision) is not None:
            raise ModelNotFoundError(
                Message("the hub cannot be reached ({error})", error=_no_answer(error)),
                Message("{hub_id!r} is in the local cache already, and can be used without a network", hub_id=hub_id),
            ) from error
        raise ModelNotFoundError(
            Message(
                "model {hub_id!r} is not in the local cache, and the hub cannot be reached ({error})",
                hub_id=hub_id,
                error=_no_answer(error),
            ),
            Message(
                "check the network; HF_ENDPOINT names a mirror of the hub, {offline} takes only what is on this "
                "machine, and `{model} pocket` needs no network",
                offline=Option("offline"),
                model=Option("model"),
            ),
        ) from error
    except ValueError as error:
        raise NetworkError(
            Message("the hub's answer about {hub_id!r} makes no sense", hub_id=hub_id),
            Message("a proxy or a login page may have answered in its place"),
        ) from error

    names = [sibling.rfilename for sibling in info.siblings or []]
    try:
        huggingface_hub.snapshot_download(hub_id, revision=revision, allow_patterns=files_to_fetch(names))
    except (OSError, HTTPError, ValueError) as error:
        reason = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ else error
        raise NetworkError(
            Message("the download of {hub_id!r} failed: {reason}", hub_id=hub_id, reason=first_line(reason)),
            Message("run the same command again to go on with it"),
        ) from error
    model = find_in_cache(hub_id, revision)
    if model is None:
        raise ModelUnusableError(
            Message("model {hub_id!r} on the hub lacks config.json, weights or a tokenizer", hub_id=hub_id)
        )
    return model


def _no_answer(error: BaseException) -> Message | str:
    """Why the hub cannot be reached: mostly because there is no network, which the first of a chain of errors says."""
    first = error
    while (earlier := first.__cause__ or first.__context__) is not None:
        first = earlier
    return Message("its name is not known here") if isinstance(first, socket.gaierror) else first_line(error)


def files_to_fetch(names: list[str]) -> list[str]:
    """Those of a repository's files that a GPT-2 needs, with one form of the weights."""
    weights = next((name for name in WEIGHTS if name in names), None)
    wanted = {CONFIG, *ALONGSIDE, *(name for files in TOKENIZERS for name in files)}
    chosen = [name for name in names if name in wanted]
    if weights is not None:
        chosen.append(weights)
        if weights.endswith(".index.json"):
            stem, suffix = ("model-", ".safetensors") if "safetensors" in weights else ("pytorch_model-", ".bin")
            chosen += [name for name in names if name.startswith(stem) and name.endswith(suffix)]
    return chosen
