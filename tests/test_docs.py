"""The documentation cannot drift: the examples are run, and every command and option is described."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from examples import (
    DOCS,
    PAGES,
    README,
    ROOT,
    Example,
    examples,
    mentioned_commands,
    python_examples,
    read,
    run_example,
    run_python,
    without_times,
)
from gpt2_inspect.cli.app import EVERY, GROUPS, app
from harness import run_cli


@pytest.mark.parametrize("example", examples(), ids=str)
def test_pages_show_what_the_command_prints(example: Example) -> None:
    assert without_times(run_example(example.command)) == without_times(example.output)


def test_the_makefile_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```make\n(.*?)```", read(DOCS / "scripting.md"), re.DOTALL)
    assert block is not None
    recipes = re.findall(r"^\tgpt2-inspect (.*)$", block[1], re.MULTILINE)
    assert len(recipes) == 2
    for line in recipes:
        assert run_cli(*shlex.split(line)).code == 0, line


@pytest.mark.parametrize("command", [*COMMANDS, *OTHER_COMMANDS])
def test_every_command_has_a_page_with_an_example(command: str) -> None:
    page = DOCS / "commands" / f"{command}.md"
    assert [example for example in examples() if example.page == page and example.command.split()[0] == command]
    assert command in TOOLS or f"](../json.md#{command})" in read(page)


def test_the_index_has_every_page() -> None:
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)", read(DOCS / "README.md"))}
    assert set(PAGES) - linked == {DOCS / "README.md"}


def test_readme_begins_with_what_quickstart_shows() -> None:
    example = next(example for example in examples() if example.page == README)
    assert read(ROOT / "scripts" / "quickstart").splitlines()[-1].endswith(f"/gpt2-inspect {example.command}")


def test_commands_that_the_pages_mention_are_commands_with_options_that_there_are() -> None:
    commands = typer.main.get_command(app)
    seen = set()
    for page, line in mentioned_commands():
        if page.name == "architecture.md":  # whose commands are made up
            continue
        name, *arguments = shlex.split(line)
        command = commands.get_command(None, name)
        if name in GROUPS and arguments and not arguments[0].startswith("-"):
            command = command.get_command(None, arguments[0])
        assert command is not None, (page, line)
        known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        assert {each for each in arguments if re.match("--?[a-z]", each)} <= {*known, "--help"}, (page, line)
        seen.add(name)
    assert seen == set(EVERY)


def test_every_option_has_a_help_text() -> None:
    commands = typer.main.get_command(app)
    for name in EVERY:
        command = commands.get_command(None, name)
        for one in command.commands.values() if name in GROUPS else [command]:
            assert [parameter.name for parameter in one.params if not parameter.help] == []


@pytest.mark.parametrize("with_pandas", [False, True], ids=["alone", "with pandas"])
def test_python_examples_print_what_the_page_shows(with_pandas: bool) -> None:
    if with_pandas:
        pytest.importorskip("pandas", reason="pandas is not installed, and what the page says of it not tested")
    page = DOCS / "python.md"
    blocks = python_examples(page)
    assert len(blocks) == read(page).count("```python\n")
    names: dict[str, Any] = {}
    for code, output in blocks:
        if with_pandas or "import pandas" not in code:
            assert run_python(code, names) == output


def test_links_lead_somewhere() -> None:
    for page in (*PAGES, *ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("src/gpt2_inspect/data/*/*.md")):
        for link, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", read(page)):
            if "://" not in link:
                target = page.parent / link if link else page
                assert target.exists(), (page, link)
                assert not anchor or anchor in anchors(target), (page, link, anchor)


def anchors(page: Path) -> list[str]:
    """What forges call the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
