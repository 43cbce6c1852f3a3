"""Chinese: which language is chosen, whether all is translated, and whether it looks as well as in English."""

import gettext
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from gpt2_inspect.cli.app import app
from gpt2_inspect.messages.languages import language_of
from harness import check_error, run_cli
from translations import TRANSLATED, catalogue, read_po, sentences

pytestmark = pytest.mark.usefixtures("one_torch_thread", "_english_help")

ZH = ("--lang", "zh")
PROMPT = "你好，世界 🙂"


@pytest.fixture(scope="module")
def _english_help() -> None:
    """Help is made when the file of a command is imported: in this process that must be in English."""
    for path in Path(import_module("gpt2_inspect.cli").__file__ or "").parent.glob("[a-z]*.py"):
        import_module(f"gpt2_inspect.cli.{path.stem}")


class TestChoice:
    @pytest.mark.parametrize(
        ("environ", "language"),
        [
            ({}, "en"),
            ({"LANG": "zh_CN.UTF-8"}, "zh"),
            ({"LANG": "zh"}, "zh"),
            ({"LANG": "zh_TW.UTF-8"}, "zh"),
            ({"LANG": "zh-Hans"}, "zh"),
            ({"LANG": "ZH_cn.GB18030"}, "zh"),
            ({"LANG": "de_DE.UTF-8"}, "en"),
            ({"LANG": "C.UTF-8"}, "en"),
            ({"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, "zh"),
            ({"LC_ALL": "C", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, "en"),
            ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN"}, "zh"),
            ({"GPT2_INSPECT_LANG": "zh", "LC_ALL": "en_US"}, "zh"),
            ({"GPT2_INSPECT_LANG": "en", "LC_ALL": "zh_CN"}, "en"),
            ({"GPT2_INSPECT_LANG": "", "LANG": "zh_CN"}, "zh"),
        ],
    )
    def test_the_first_variable_that_is_set_decides(self, environ: dict[str, str], language: str) -> None:
        assert language_of(environ) == language

    @pytest.mark.parametrize(
        ("arguments", "chinese"),
        [
            (["--lang", "zh", "decode", "x"], True),
            (["decode", "x", "--lang", "zh"], True),
            (["decode", "--lang=zh", "x"], True),
            (["--lang", "zh", "decode", "x", "--lang", "en"], False),
            (["decode", "--", "x", "--lang", "zh"], False),
        ],
    )
    def test_the_option_may_stand_anywhere(self, arguments: list[str], chinese: bool) -> None:
        assert run_cli(*arguments).err.startswith("错误：" if chinese else "error: ")

    def test_the_option_comes_before_the_environment(self) -> None:
        environ = {"LANG": "zh_CN.UTF-8"}
        assert run_cli("decode", "x", environ=environ).err.startswith("错误：'x' 不是词元编号\n提示：")
        assert run_cli("decode", "x", "--lang", "en", environ=environ).err.startswith(
            "error: 'x' is no token id\nhint: "
        )

    @pytest.mark.parametrize("language", ["fr", "", "ZH", "zh_CN"])
    def test_an_unknown_language_is_refused(self, language: str) -> None:
        run = run_cli("score", "hello", "--lang", language)
        check_error(run, 2, f"there is no language '{language}'", "choose one of en or zh")
        run = run_cli("score", "hello", f"--lang={language}", environ={"LANG": "zh_CN"})
        assert (run.code, run.err.splitlines()[0]) == (2, f"错误：没有语言 '{language}'")

    def test_a_language_is_missing(self) -> None:
        check_error(run_cli("score", "hello", "--lang"), 2, "--lang")

    def test_every_command_knows_the_option(self) -> None:
        assert [name for name, command in commands() if not knows_lang(command)] == []

    def test_english_reads_no_catalogue(self) -> None:
        script = "import sys; from gpt2_inspect.cli import run; from gpt2_inspect.cli.streams import Streams\n"
        script += "from gpt2_inspect.cli.language import choose_language as choose\nbefore = 'gettext' in sys.modules\n"
        script += "choose(['score'], {'LANG': 'en_US.UTF-8'}); print(before, 'gettext' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)
        assert done.stdout == "False False\n"


def commands() -> list[tuple[str, Any]]:
    """All commands by name, those in groups included."""
    import typer

    group = typer.main.get_command(app)
    found = []
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        found.append((name, command))
        found += [(f"{name} {nested}", each) for nested, each in getattr(command, "commands", {}).items()]
    return found


def knows_lang(command: Any) -> bool:
    return any("--lang" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("language", TRANSLATED)
class TestCatalogue:
    def test_it_has_the_sentences_of_the_code(self, language: str) -> None:
        """Else: python tests/translations.py"""
        translated = set(read_po(catalogue(language, "po").read_text(encoding="utf-8"))) - {("", None)}
        said = {(sentence.template, sentence.plural) for sentence in sentences()}
        assert sorted(said - translated, key=str) == []
        assert sorted(translated - said, key=str) == []

    def test_every_sentence_has_a_translation_with_the_same_places(self, language: str) -> None:
        for (template, plural), translation in read_po(catalogue(language, "po").read_text(encoding="utf-8")).items():
            assert translation.strip(), template
            if template:
                assert places(translation) == places(plural or template), template
                assert translation.endswith(" ") is template.endswith(" "), template

    def test_what_is_read_is_what_was_written(self, language: str) -> None:
        """Else: python tests/translations.py"""
        with catalogue(language, "mo").open("rb") as file:
            compiled = vars(gettext.GNUTranslations(file))["_catalog"]
        written = {
            template if plural is None else (template, 0): translation
            for (template, plural), translation in read_po(
                catalogue(language, "po").read_text(encoding="utf-8")
            ).items()
        }
        assert {key: value for key, value in compiled.items() if key} == {
            key: value for key, value in written.items() if key
        }


def places(template: str) -> list[tuple[str, str | None, str | None]]:
    return sorted((name, form, shape or "") for _, name, form, shape in Formatter().parse(template) if name is not None)
