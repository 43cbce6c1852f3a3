"""The examples in README.md: every `$ gpt2-inspect` command that is followed by output is run and compared.

python tests/readme.py      rewrites the outputs
"""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from harness import run_cli

README = Path(__file__).parent.parent / "README.md"

_BLOCK = re.compile(r"```console\n\$ gpt2-inspect (?P<command>[^\n|#]+)\n(?P<output>.*?)```", re.DOTALL)
_TIMES = re.compile(r"\d+\.\d ms")


@dataclass(frozen=True)
class Example:
    """One command and the output that README.md shows for it."""

    command: str
    output: str


def examples() -> list[Example]:
    """The commands with output, in the order of README.md."""
    blocks = _BLOCK.finditer(README.read_text(encoding="utf-8"))
    return [Example(block["command"], block["output"]) for block in blocks if block["output"]]


def run_example(command: str, width: int = 100) -> str:
    """What the command writes to standard output, as on a terminal `width` columns wide without colours."""
    done = run_cli(*shlex.split(command), environ={"COLUMNS": str(width)})
    assert done.code == 0, done.err
    return done.out


def without_times(text: str) -> str:
    """The text with the measured times, which differ from run to run, left out."""
    return _TIMES.sub("… ms", text)


def rewrite() -> None:
    """Put the present output behind every command that has some."""

    def renew(block: re.Match[str]) -> str:
        if not block["output"]:
            return block[0]
        return f"```console\n$ gpt2-inspect {block['command']}\n{run_example(block['command'])}```"

    README.write_text(_BLOCK.sub(renew, README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(rewrite())
