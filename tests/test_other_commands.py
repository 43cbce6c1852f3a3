"""What holds for the commands that ask more, or something else, than one question, whatever it is."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len

from commands import OTHERS, TEXT
from gpt2_inspect.cli import process
from gpt2_inspect.cli.app import OTHER_COMMANDS
from gpt2_inspect.messages import use_catalogue
from gpt2_inspect.render import FORMATS
from harness import Run, Terminal, check_error, run_cli
from loaded import HEAVY, PARTS_OF_NUMPY, RICH, check_absent, modules_of
from test_commands import COLOURS, STEERING, Marked

pytestmark = pytest.mark.usefixtures("one_torch_thread")

HOSTILE = "[bold red]x[/] \x1b[31mred\x1b[0m\x07 \u202eabc \x9b <b>|`*_# 你好 🙂 a\n\nb\tc"

every_variant = pytest.mark.parametrize(
    ("command", "arguments"), OTHERS, ids=lambda value: value if isinstance(value, str) else value[-1]
)


def run(command: str, *arguments: str, model: Path, **options: Any) -> Run:
    of_model = [] if command == "models" else ["--model", str(model)]
    return run_cli(command, *arguments, *of_model, stdin=b"fine\n\nthank\n", **options)


def test_all_are_here() -> None:
    assert {command for command, _ in OTHERS} == set(OTHER_COMMANDS)


@every_variant
@pytest.mark.parametrize("form", FORMATS)
def test_output_file_holds_what_is_printed(
    tiny: Path, tmp_path: Path, command: str, arguments: list[str], form: str
) -> None:
    seed = ["--seed", "1"] if command in ("compare", "quiz") else []
    printed = run(command, *arguments, *seed, "--format", form, model=tiny)
    path = tmp_path / "result"
    written = run(command, *arguments, *seed, "--format", form, "--output", str(path), model=tiny)
    assert (printed.code, written.code, written.out) == (0, 0, "")
    timeless = re.compile(r'\d+\.\d ms|"elapsed_ms": ?[\d.e-]+')
    assert timeless.sub("", path.read_bytes().decode()) == timeless.sub("", printed.out)
    assert printed.out.endswith("\n") and not printed.out.endswith("\n\n")
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


@every_variant
@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_nothing_is_wider_than_the_terminal(tiny: Path, command: str, arguments: list[str], columns: int) -> None:
    environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
    done = run(command, *arguments, model=tiny, out=Terminal(), environ=environ)
    lines = [line for line in (done.out + done.err).splitlines() if command != "report" or not line.startswith(TEXT)]
    assert [line for line in lines if cell_len(line) > columns] == []


@every_variant
def test_texts_stay_text(tiny: Path, command: str, arguments: list[str]) -> None:
    hostile = [HOSTILE if argument == TEXT or argument.startswith("hello, how") else argument for argument in arguments]
    for form in ("table", "markdown", "json"):
        done = run(command, *hostile, "--format", form, model=tiny, out=Terminal(), environ={"NO_COLOR": "1"})
        assert done.code == 0 and not STEERING.search(done.out + done.err)
    coloured = run(command, *arguments, model=tiny, out=Terminal(), environ={"TERM": "xterm-256color"}).out
    assert COLOURS.search(coloured)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "choose_language", lambda *_: use_catalogue(Marked()))


NAMES = {"A", "B", "KL(A||B)", "KL(B||A)", "#"}
"""Headings that are the same in every language."""


@every_variant
def test_all_that_is_said_can_be_translated(tiny: Path, marked: None, command: str, arguments: list[str]) -> None:
    done = run(command, *arguments, "--format", "markdown", model=tiny)
    tokens = MarkdownIt("commonmark").enable("table").parse(done.out)
    said = [
        "".join(child.content for child in after.children or ())
        for token, after in pairwise(tokens)
        if token.type in ("th_open", "paragraph_open")
    ]
    assert len(said) > 4
    for line in (*said, *(line for line in done.err.splitlines() if re.match("⟦(?!your guess)", line))):
        while line != (line := re.sub("⟦[^⟦⟧]*⟧", "", line)):
            pass
        assert line in NAMES or line.startswith(TEXT) or not re.search("[^\\W\\d_]", line), line
    assert "⟦" not in run(command, *arguments, "--json", model=tiny).out


@every_variant
def test_modules(tiny: Path, command: str, arguments: list[str]) -> None:
    if "check" in arguments:  # which asks both backends
        return
    of_model = [] if command == "models" else ["--model", str(tiny)]
    loaded = modules_of(command, *arguments, *of_model, "--json")
    check_absent(loaded, HEAVY | PARTS_OF_NUMPY | {"rich.console"})
    assert ("numpy" in loaded) is (command != "models")


@pytest.mark.parametrize("command", OTHER_COMMANDS)
def test_help(command: str) -> None:
    done = run_cli(command, "--help")
    assert (done.code, done.err) == (0, "")
    check_absent(modules_of(command, "--help"), HEAVY | RICH | {"numpy", "tokenizers"})
    assert max(map(len, done.out.splitlines())) <= 80


@every_variant
@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--format", "yaml"], 2, "yaml"),
        (["--json", "--format", "csv"], 2, "--json"),
        (["--frobnicate"], 2, "--frobnicate"),
        (["--output", "/nowhere/file"], 2, "/nowhere/file"),
    ],
)
def test_bad_options(tiny: Path, command: str, arguments: list[str], options: list[str], code: int, word: str) -> None:
    check_error(run(command, *arguments, *options, model=tiny), code, word)
