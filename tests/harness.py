"""Running the command line: in this process with streams of the test's own, or in a process of its own.

Whatever JSON a run leaves is compared with the schema that the package ships.
"""

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contract import check_json
from gpt2_inspect.cli import run
from gpt2_inspect.cli.streams import Streams
from gpt2_inspect.errors import ExitCode
from gpt2_inspect.messages.languages import ENGLISH, use_language
from gpt2_inspect.render.signs import UNICODE, use_signs
from gpt2_inspect.results import ModelInfo, Result

both_backends = pytest.mark.parametrize("backend", ["numpy", "torch"])


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run_cli(
    *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None, out: io.StringIO | None = None
) -> Run:
    """Run in this process. `environ` is all that the command sees of the environment for its streams."""
    out, err = out or io.StringIO(newline="\n"), io.StringIO()
    try:
        with redirect_stdout(out):  # where Typer prints help
            code = run(arguments, Streams(io.BytesIO(stdin), out, err, environ or {}))
    finally:
        use_signs(UNICODE)  # a process has one run and keeps its signs, and its language
        use_language(ENGLISH)
    done = Run(code, out.getvalue(), err.getvalue())
    _check_json(done, arguments)
    return done


_ASKS_FOR_JSON = re.compile(r" (?:--json|--format[ =]jsonl?|-f ?jsonl?)(?= |$)")


def _check_json(done: Run, arguments: Sequence[str | bytes]) -> None:
    """Of a run that came to an end, in whatever way JSON was asked for."""
    if done.code not in (ExitCode.DONE, ExitCode.BAD_INPUT, ExitCode.NOT_AS_EXPECTED):
        return
    words = [word for word in arguments if isinstance(word, str)]
    texts = [done.out] if _ASKS_FOR_JSON.search(" ".join(["", *words])) else []
    if {"--output", "-o"} & set(words):
        named = (after for word, after in pairwise(words) if word in ("--output", "-o"))
        files = (Path(name) for name in named if Path(name).suffix in (".json", ".jsonl"))
        texts += [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    for text in texts:
        if text.startswith("{"):  # not what --text and its like print
            check_json(text)


def command(*arguments: str) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "gpt2_inspect", *arguments]


def run_process(*arguments: str | bytes, environ: Mapping[str, str] | None = None, **options: Any) -> Run:
    """Run in a process of its own; `environ` is put on top of this one's."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60} | options
    if "input" in options:
        del options["stdin"]
    done = subprocess.run([*command(), *arguments], env={**os.environ, **(environ or {})}, check=False, **options)
    run = Run(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())
    _check_json(run, arguments)
    return run


def check_error(run: Run, code: int, *words: str, hint: bool | None = None) -> None:
    """Assert that a run failed as it should: one `error:` line, perhaps a hint, nothing else anywhere.

    Each of `words` must stand in it; `hint` says whether there must be one.
    """
    lines = run.err.splitlines()
    assert lines and lines[0].startswith("error: "), run
    assert "internal error" not in lines[0]
    assert all(line.startswith("hint: ") for line in lines[1:]) and len(lines) <= 2, run.err
    assert run.out == ""
    assert run.code == code, run
    for word in words:
        assert word in run.err
    if hint is not None:
        assert (len(lines) == 2) is hint, run.err


MODEL = ModelInfo(
    name="name",
    source="directory",
    revision=None,
    n_layer=1,
    n_head=1,
    n_embd=1,
    n_positions=1,
    vocab_size=1,
    parameters=1,
)
"""Of results that are made by hand."""


def ids_of(result: Result) -> list[int]:
    """The token ids of the prompt."""
    assert result.prompt is not None
    return [token.id for token in result.prompt.tokens]


def without_times(value: Any) -> Any:
    """A document, or a part of it, without the measured times, which differ from run to run."""
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if name != "elapsed_ms"}
    return list(map(without_times, value)) if isinstance(value, list | tuple) else value
