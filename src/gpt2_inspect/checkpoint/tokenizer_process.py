"""The process that guarded.py starts: it loads a tokenizer, then answers questions about it until there are no more."""

import contextlib
import json
import os
import signal
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..errors import BackendUnavailableError, InspectError
from .tokenizer import Tokenizer
from .tokenizer_files import load_unguarded

_CPU_SECONDS = 900
"""After which it ends even if nobody is left to end it."""


def serve(folder: str, memory: int) -> None:
    """Read questions from file descriptor 0 and write answers to 1, a line of JSON each. It ends when they do.

    `memory` is in bytes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too, but the first one ends it
    _limit_resources(memory)
    load = cache(partial(load_unguarded, Path(folder)))
    with os.fdopen(0, encoding="ascii") as questions, os.fdopen(1, "w", encoding="ascii") as answers:
        for line in questions:
            answers.write(json.dumps(_reply(load, *json.loads(line))) + "\n")
            answers.flush()


def _reply(load: Callable[[], Tokenizer], name: str, *arguments: Any) -> dict[str, Any]:
    try:
        return {"answer": _answer(load(), name, *arguments)}
    except InspectError as error:
        unavailable = isinstance(error, BackendUnavailableError)
        return {"error": error.message, "hint": error.hint, "unavailable": unavailable}


def _answer(tokenizer: Tokenizer, name: str, *arguments: Any) -> Any:
    match name, *arguments:
        case "about", *_:
            return tokenizer.vocab_size, tokenizer.end_of_text
        case "encode", text:
            return tokenizer.encode(text)
        case "decode", token_ids, skip:
            return tokenizer.decode(token_ids, skip_special_tokens=skip)
        case "token_bytes", token_id:
            return list(tokenizer.token_bytes(token_id))


def _limit_resources(memory: int) -> None:
    """On Linux memory and time, on macOS time, on Windows nothing."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
