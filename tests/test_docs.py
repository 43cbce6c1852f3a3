"""The documentation cannot drift: the examples are run, and every command and option is described."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from examples import (
    DOCS,
    PAGES,
    README,
    README_ZH,
    ROOT,
    TRANSLATED,
    Example,
    agree,
    environment,
    examples,
    mentioned_commands,
    python_examples,
    read,
    run_example,
    run_python,
)
from gpt2_inspect.cli.app import EVERY, GROUPS, TOOLS, app
from harness import run_cli


@pytest.mark.parametrize("example", examples(), ids=str)
def test_pages_show_what_the_command_prints(example: Example) -> None:
    printed = run_example(example.command, environment(example.page))
    assert agree(printed, example.output), f"it prints\n{printed}\nand not\n{example.output}"


@pytest.mark.parametrize(
    ("shown", "same"),
    [("a 0.0484 b", True), ("a 0.0486 b", True), ("a 0.0487 b", False), ("a 0.048 b", False), ("a 0.0485 c", False)],
)
def test_the_last_digit_may_differ(shown: str, same: bool) -> None:
    assert agree("a 0.0485 b", shown) is same


def test_the_makefile_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```make\n(.*?)```", read(DOCS / "scripting.md"), re.DOTALL)
    assert block is not None
    recipes = re.findall(r"^\tgpt2-inspect (.*)$", block[1], re.MULTILINE)
    assert len(recipes) == 2
    for line in recipes:
        assert run_cli(*shlex.split(line)).code == 0, line


@pytest.mark.parametrize("command", sorted({*EVERY} - {"schema"}))  # what schema prints fills pages
def test_every_command_has_a_page_with_an_example(command: str) -> None:
    page = DOCS / "commands" / f"{command}.md"
    assert [example for example in examples() if example.page == page and example.command.split()[0] == command]
    assert command in TOOLS or f"](../json.md#{command})" in read(page)


def test_the_index_has_every_page() -> None:
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)", read(DOCS / "README.md"))}
    assert set(PAGES) - linked == {DOCS / "README.md"}


def test_a_page_and_its_translation_have_the_same_sections_and_commands() -> None:
    assert {page.name for page in TRANSLATED} == {"README.md", "lab.md", "teacher.md"}
    for page in TRANSLATED:
        chinese = page.with_suffix(".zh.md")
        assert levels(chinese) == levels(page), page
        assert [without_words(line) for line in typed(chinese)] == [without_words(line) for line in typed(page)], page
    assert typed(README_ZH) == typed(README)


def levels(page: Path) -> list[str]:
    """The depth of each heading, outside of code."""
    return re.findall("^(#+) ", re.sub("```.*?```", "", read(page), flags=re.DOTALL), re.MULTILINE)


def typed(page: Path) -> list[str]:
    """The lines that one is to type, without remarks."""
    return [re.split(" +# ", line)[0] for line in re.findall(r"^\$ (.*)$", read(page), re.MULTILINE)]


def without_words(line: str) -> str:
    """A line without what differs between languages: texts, numbers, and the names of models and files."""
    texts = r"(?<=--expect )\S.*$|\"[^\"]*\"|pocket(-zh)?|(?<=LANG=)\w+|[\w.]+\.(txt|json)|[\d.]+"
    return re.sub(texts, "…", line)


def test_the_questions_of_the_lab_have_answers() -> None:
    for name, question, answers in (("lab.md", "Question", "Answers"), ("lab.zh.md", "问题", "答案")):
        asked, answered = read(DOCS / name).split(f"## {answers}\n")
        numbers = re.findall(rf"^- \*\*{question} (\d+)\*\*", asked, re.MULTILINE)
        assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
        assert re.findall(r"^(\d+)\. ", answered, re.MULTILINE) == numbers


@pytest.mark.parametrize("page", ["teacher.md", "teacher.zh.md"])
def test_the_teachers_script_finds_what_is_right(page: str, tmp_path: Path) -> None:
    text = read(DOCS / page)
    script = re.search("```bash\n(.*?)```", text, re.DOTALL)
    files = re.findall(r"^==> (\S+) <==\n(.+\n.+\n.+\n)", text, re.MULTILINE)
    shown = re.search(r"^\$ (bash check\.sh .*)\n((?:.+\n)+?)```", text, re.MULTILINE)
    assert script and shown and len(files) == 2
    for name, answers in files:
        (tmp_path / name).write_text(answers, encoding="utf-8", newline="\r\n")  # as from Windows
    run = f'gpt2-inspect() {{ "{sys.executable}" -m gpt2_inspect "$@"; }}\n'
    (tmp_path / "check.sh").write_text(run + script[1], encoding="utf-8")
    done = subprocess.run(shown[1].split(), cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode() == shown[2]
    assert done.stderr == b""


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
