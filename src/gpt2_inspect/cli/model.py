"""Opening the model that the options name."""

from ..session import Session, load
from ..sources import BUNDLED_NAME
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
) -> Session:
    """Load the model. Where none was named and the bundled one answers, a line on standard error says so."""
    session = load(model or None, backend=backend, device=device, dtype=dtype, revision=revision, offline=offline)
    if not model and session.model.source == "bundled":
        streams.note(f"note: this is {BUNDLED_NAME}, not GPT-2; `--model gpt2` downloads GPT-2 (0.5 GB)")
    _kept.append(session)
    return session


_kept: list[Session] = []
"""Sessions stay until the process ends: to give back a vocabulary and the weights' pages takes as long as a token."""
