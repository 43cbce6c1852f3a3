"""The examples in README.md and docs/: every `$ gpt2-inspect` command that is followed by output is run and compared.

python tests/examples.py [PAGE ...]      rewrites the outputs

A page that ends in .zh.md is for a Chinese terminal, and what a page tells its reader to export is exported.
"""

import io
import os
import re
import shlex
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness import run_cli

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
README_ZH = ROOT / "README.zh.md"
PAGES = [README, README_ZH, *sorted(DOCS.rglob("*.md"))]
TRANSLATED = [page for page in PAGES if page.with_suffix(".zh.md") in PAGES]
"""The English pages that have a Chinese one beside them."""

_CONSOLE = re.compile(
    r"(?P<input>```console\n\$ gpt2-inspect (?P<command>[^\n|#]+)\n)(?P<output>(?!\$ |```).+?)(?=```)", re.DOTALL
)
_PYTHON = re.compile(r"(?P<input>```python\n(?P<code>.*?)```\n\n```text\n)(?P<output>.*?)(?=```)", re.DOTALL)
_EXPORT = re.compile(r"^\$ export (\w+)=(\S+)", re.MULTILINE)
_DECIMALS = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)")
_TIMES = re.compile(r"\d+\.\d (?:ms|毫秒)")


@dataclass(frozen=True)
class Example:
    """One command and the output that a page shows for it."""

    page: Path
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.command}"


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def examples() -> list[Example]:
    """The commands with output, in the order of the pages."""
    return [
        Example(page, block["command"], block["output"]) for page in PAGES for block in _CONSOLE.finditer(read(page))
    ]


def mentioned_commands() -> list[tuple[Path, str]]:
    """Whatever any page says that one may type, whether it is run here or not; each part of a pipe by itself."""
    typed = re.compile(r"(?:^\$ |`|\| )gpt2-inspect (?=([a-z][^`\n]*))", re.MULTILINE)
    return [
        (page, re.split(r" +(?:2>&1|<<<|[#|<>])(?: |$)", line)[0])
        for page in PAGES
        for line in typed.findall(read(page))
    ]


def python_examples(page: Path) -> list[tuple[str, str]]:
    """The code of a page and what is shown to be printed, block by block."""
    return [(block["code"], block["output"]) for block in _PYTHON.finditer(read(page))]


def environment(page: Path) -> dict[str, str]:
    """That of the terminal which a page is written for; the pages of a lesson are for one of 80 columns."""
    name, *language = page.name.removesuffix(".md").split(".")
    width = "80" if name in ("lab", "teacher") else "100"
    return {"COLUMNS": width, "LANG": "zh_CN.UTF-8" if language == ["zh"] else "", **dict(_EXPORT.findall(read(page)))}


def run_example(command: str, environ: dict[str, str]) -> str:
    """What it writes to standard output, as on a terminal without colours; with `2>&1` to standard error first."""
    command, typed = with_typed(command)
    line = command.removesuffix(" 2>&1")
    with patch.dict(os.environ, environ):  # where Typer looks for options that are not given
        done = run_cli(*shlex.split(line), stdin=typed.encode(), environ=environ)
    assert done.code == 0, done.err
    return done.out if line == command else done.err + done.out


def with_typed(command: str) -> tuple[str, str]:
    """The command before `<<<`, and the lines behind it, which are typed into it: `$'a\\nb'`, as bash has it."""
    command, _, typed = command.partition(" <<< ")
    return command, typed.strip("$'").replace("\\n", "\n") + "\n" if typed else ""


def run_python(code: str, names: dict[str, Any]) -> str:
    """What the code prints, given what earlier blocks of its page have named."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, "docs", "exec"), names)
    return out.getvalue()


def agree(printed: str, shown: str) -> bool:
    """Whether two outputs differ in nothing but measured times and the last digit of a decimal.

    Each processor sums in an order of its own: what lies between two roundings may go either way.
    """
    ours, theirs = (_TIMES.sub("… ms", text) for text in (printed, shown))
    if _DECIMALS.sub(_places, ours) != _DECIMALS.sub(_places, theirs):
        return False
    pairs = zip(_DECIMALS.findall(ours), _DECIMALS.findall(theirs), strict=True)
    return all(abs(Decimal(one) - Decimal(other)) <= Decimal((0, (1,), -_behind(one))) for one, other in pairs)


def _places(decimal: re.Match[str]) -> str:
    """What stands for a decimal where only its form counts."""
    return "#." + "#" * _behind(decimal[0])


def _behind(decimal: str) -> int:
    return len(decimal.partition(".")[2])


def _renewed(run: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
    def renew(block: re.Match[str]) -> str:
        output = run(block)
        return block[0] if agree(output, block["output"]) else block["input"] + output

    return renew


def _printed(block: re.Match[str], names: dict[str, Any]) -> str:
    """What its code prints; what stands there, if it needs a package that is not installed."""
    try:
        return run_python(block["code"], names)
    except ModuleNotFoundError as error:
        print(f"left as it is: an example that needs {error.name}")
        return block["output"]


def rewrite(pages: list[Path]) -> None:
    """Put the present output behind every example; one that differs in nothing but times stays as it is."""
    for page in pages:
        names: dict[str, Any] = {}
        old, environ = read(page), environment(page)
        text = _CONSOLE.sub(_renewed(lambda block, environ=environ: run_example(block["command"], environ)), old)
        text = _PYTHON.sub(_renewed(lambda block, names=names: _printed(block, names)), text)
        if text != old:
            page.write_text(text, encoding="utf-8")
            print(f"rewrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(rewrite([Path(name).resolve() for name in sys.argv[1:]] or PAGES))
