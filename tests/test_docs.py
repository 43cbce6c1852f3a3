"""The documentation cannot drift: the examples are run, and every command and option is described."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from commands import VARIANTS
from gpt2_inspect.cli.app import COMMANDS, app
from harness import run_cli
from readme import README, Example, examples, run_example, without_times


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.command)
def test_readme_shows_what_the_command_prints(example: Example) -> None:
    assert without_times(run_example(example.command)) == without_times(example.output)


def test_readme_has_an_example_of_every_command() -> None:
    shown = {example.command.split()[0] for example in examples()}
    assert shown >= set(COMMANDS)


def test_every_option_has_a_help_text() -> None:
    commands = typer.main.get_command(app)
    for name in COMMANDS:
        command = commands.get_command(None, name)
        assert [parameter.name for parameter in command.params if not parameter.help] == []


def test_python_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    exec(compile(code[1], "README.md", "exec"), {})
    assert len(re.findall(r"0\.\d+$", capsys.readouterr().out, re.MULTILINE)) == 10


def test_links_lead_somewhere() -> None:
    root = README.parent
    for page in (*root.glob("*.md"), *root.glob("*/*.md"), *root.glob("src/gpt2_inspect/data/*/*.md")):
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == [], page


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_of_the_json_is_described(tiny: Path, command: str) -> None:
    """In the command's own section of docs/json.md, or in the one about every command."""
    text = (README.parent / "docs" / "json.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    described = set(re.findall(r"`(\w+)(?:\[\])?`", sections["Every command"] + sections[command]))
    for name, arguments in VARIANTS:
        if name == command:
            document = json.loads(run_cli(command, *arguments, "--model", str(tiny), "--json").out)
            assert sorted(keys(document) - described) == []


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()
