"""Models for the processes of a crew, which answer at once, or end."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gpt2_inspect.analysis import EncodeQuestion
from gpt2_inspect.errors import InputError, ModelUnusableError
from gpt2_inspect.results import Prompt, RunInfo
from gpt2_inspect.results.encode import Encode
from harness import MODEL


class Echo:
    """Answers with the text itself. Some texts are orders."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def ask_together(self, question: Any, asked: Sequence[str]) -> Iterator[Any]:
        for text in asked:
            match text:
                case "die":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "die once":
                    assert self._folder is not None
                    if not (self._folder / "died").exists():
                        (self._folder / "died").touch()
                        os.kill(os.getpid(), signal.SIGKILL)
                case "break":
                    raise ModelUnusableError("broken")
                case "sleep":
                    time.sleep(0.3)
                case "print":
                    os.write(1, b"what a library prints\n")
            yield InputError("empty") if text == "" else echo(text)


def echo(text: str) -> Encode:
    run = RunInfo(version="0", backend=None, device=None, dtype=None, seed=None)
    prompt = Prompt(text=text, tokens=(), bos_added=False, tokens_dropped=0)
    return Encode(model=MODEL, run=run, prompt=prompt, options=EncodeQuestion(), tokens=(), groups=())
