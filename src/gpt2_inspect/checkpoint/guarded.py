"""A tokenizer in a process of its own, for files that may take any amount of time or memory, or break the library off.

The process loads the tokenizer and answers one question after the other, each a line of JSON. It is ended when an
answer takes too long, and ends itself when it needs far more memory than any tokenizer should. What the library prints
as it breaks off goes nowhere.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BackendUnavailableError, ModelUnusableError
from ..messages import Message

SECONDS_TO_LOAD = 60.0
SECONDS_TO_ANSWER = 10.0
SECONDS_PER_MEGABYTE = 10.0
"""Of a text, beside SECONDS_TO_ANSWER; the library needs one or two."""

MEMORY = 4 * 2**30
"""Bytes."""

_PROCESS = f"{__package__}.tokenizer_process"
"""Not imported: it imports what imports this."""


class GuardedTokenizer:
    """The tokenizer in `folder`, in another process.

    Raises, as do its methods:
        ModelUnusableError: the files are broken or would go beyond these limits.
        BackendUnavailableError: they need transformers, which is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {_PROCESS} import serve; serve({str(folder)!r}, {MEMORY})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        weakref.finalize(self, _end, self._process)
        self.vocab_size, self.end_of_text = self._ask(SECONDS_TO_LOAD, "about")

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._ask(_seconds_for(len(text)), "encode", text)
        return ids

    def token_bytes(self, token_id: int) -> bytes:
        return bytes(self._ask(SECONDS_TO_ANSWER, "token_bytes", token_id))

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return str(self._ask(_seconds_for(len(token_ids)), "decode", list(token_ids), skip_special_tokens))

    def _ask(self, seconds: float, *question: Any) -> Any:
        assert self._process.stdin is not None
        with self._lock:
            with contextlib.suppress(BrokenPipeError):  # it has ended, and so gives no answer
                self._process.stdin.write(json.dumps(question).encode() + b"\n")
                self._process.stdin.flush()
            return self._answer(seconds)

    def _answer(self, seconds: float) -> Any:
        assert self._process.stdout is not None
        too_late = threading.Event()

        def end() -> None:
            too_late.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            line = self._process.stdout.readline()
        except BaseException:  # as Ctrl-C: what is asked next would get this answer
            self._process.kill()
            raise
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            raise ModelUnusableError(
                Message(
                    "the tokenizer in {folder!r} cannot be used: {reason}",
                    folder=str(self._folder),
                    reason=_too_slow(seconds) if too_late.is_set() else _broken_off(),
                )
            )
        reply = json.loads(line)
        if "error" in reply:
            kind = BackendUnavailableError if reply["unavailable"] else ModelUnusableError
            raise kind(reply["error"], reply["hint"])
        return reply["answer"]


def _too_slow(seconds: float) -> Message:
    return Message("it takes more than {seconds:.0f} seconds", seconds=seconds)


def _broken_off() -> Message:
    return Message(
        "it takes more than {limit} GiB of memory, or makes the tokenizers library break off", limit=MEMORY >> 30
    )


def _seconds_for(length: int) -> float:
    return SECONDS_TO_ANSWER + SECONDS_PER_MEGABYTE * length / 1e6


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    with contextlib.suppress(OSError):
        process.communicate()
