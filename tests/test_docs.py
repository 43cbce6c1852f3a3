"""The documentation cannot drift: the examples are run, and every command and option is described."""

import re

import pytest
import typer

from gpt2_inspect.cli.app import COMMANDS, app
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
