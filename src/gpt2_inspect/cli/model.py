"""Opening the model that the options name."""

import os

from ..errors import OutputError
from ..messages import Message, say
from ..session import Session, load
from ..sources import CHINESE
from . import unfinished
from .streams import Streams


def open_session(
    streams: Streams,
    model: str | None,
    *,
    backend: str,
    device: str,
    dtype: str,
    revision: str | None,
    offline: bool,
    for_text: str,
) -> Session:
    """Load the model. Where none was named and the bundled one answers, a line on standard error says so.

    Raises OutputError if one of the files that are being written is a file of the model.
    """
    if streams.quiet:  # read by the hub's client once it is imported
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    session = load(
        model or None,
        backend=backend,
        device=device,
        dtype=dtype,
        revision=revision,
        offline=offline,
        for_text=for_text,
    )
    for place in unfinished.places():
        if session.is_read_from(place):
            raise OutputError(
                Message("cannot write {place!r}: the model is read from it", place=place), Message("name another file")
            )
    if not model and session.model.source == "bundled":
        streams.note(_which(session.model.name))
    _kept.append(session)
    return session


def _which(name: str) -> str:
    """Which bundled model answers because none was named, and how to get another."""
    if name == CHINESE:
        return say(
            "note: the text has Chinese characters, so this is {name}, not GPT-2; `--model` names another", name=name
        )
    return say("note: this is {name}, not GPT-2; `--model gpt2` downloads GPT-2 (0.5 GB)", name=name)


_kept: list[Session] = []
"""Sessions stay until the process ends: to give back a vocabulary and the weights' pages takes as long as a token."""
