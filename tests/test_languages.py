"""Chinese: which language is chosen, whether all is translated, and whether it looks as well as in English."""

import gettext
import html
import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from rich.cells import cell_len

from commands import OTHERS, TEXT, VARIANTS
from examples import DOCS
from gpt2_inspect.cli.app import COMMANDS, app
from gpt2_inspect.explanations.topics import TOPICS
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


def glossary() -> list[tuple[str, list[str]]]:
    """(English, what it may be in Chinese) of the terms of docs/glossary.md."""
    rows = re.findall(r"^\| ([a-z ]+) \| ([^|]+) \|", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 30
    return [(english, chinese.split("、")) for english, chinese in rows]


def test_terms_are_translated_as_the_glossary_says() -> None:
    """But in code and the names of options; a name such as tokenizers may stay."""
    for (template, plural), translation in read_po(catalogue("zh", "po").read_text(encoding="utf-8")).items():
        prose = re.sub(r"`[^`]*`|\{[^}]*\}|--[a-z-]+|\S*_\S*|\S+\(\S*", "", plural or template).lower()
        for english, chinese in glossary():
            if re.search(rf"\b{english}s?\b", prose):
                assert any(term in translation for term in (*chinese, english)), (english, template, translation)


def test_chinese_is_set_as_the_glossary_says() -> None:
    for (template, _), translation in read_po(catalogue("zh", "po").read_text(encoding="utf-8")).items():
        if template:
            assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9`]|[A-Za-z0-9`][\u4e00-\u9fff]", translation), translation
            assert not re.search(
                r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]|[，。；：？！（）] ", translation
            ), translation
            assert "您" not in translation


NAMES = {
    *("gpt", "pocket", "transformers", "hub", "numpy", "torch", "matplotlib", "auto", "all", "cpu", "cuda"),
    *("float", "bfloat"),
    *("table", "json", "jsonl", "csv", "tsv", "markdown", "html", "parquet", "gzip", "text", "ids", "txt", "npz"),
    *("local", "ray"),
    *("safetensors", "bash", "zsh", "fish", "shell"),
    *("always", "never", "dark", "light", "none", "slide", "column"),
    *("logit", "logits", "softmax", "argmax", "argsort", "generate", "exp", "log", "sum", "max", "wte", "wpe"),
    *("true", "eos", "length", "id", "logprob", "entropy"),
    *(
        "transformer",
        "attn",
        "mlp",
        "act",
        "drop",
        "dropout",
        "weight",
        "bias",
        "out",
        "attentions",
    ),  # modules, outputs
}
"""Words in small letters that stay as they are: names, and what is computed."""

_CODE = re.compile(
    r"`[^`\n]*`|'[^'\n]*'|\"[^\"\n]*\""  # what is quoted
    r"|^  gpt2-inspect .*|gpt2-inspect"  # examples and usage
    r"|--?[\w-]+|\btop-[pk]\b|<[\w|]+>"  # options and their types
    r"|[!-~]*[\w\]][_./@=][!-~]*",  # names with dots, paths
    re.MULTILINE,
)


def english(text: str, data: frozenset[str] = frozenset()) -> list[str]:
    """The words of a text that are neither Chinese nor code nor names, nor in the data."""
    words = re.findall(r"(?<![A-Za-z\\])[a-z]{3,}(?![A-Za-z])", _CODE.sub(" ", text))
    return [word for word in words if word not in NAMES | names_of_commands() | data]


@cache
def names_of_commands() -> frozenset[str]:
    """The words in them."""
    return frozenset(word for name, _ in commands() for word in re.split("[- ]", name))


EXPLAINED = [(command, [*arguments, "--explain"]) for command, arguments in VARIANTS]

every_variant = pytest.mark.parametrize(
    ("command", "arguments"),
    [*VARIANTS, *OTHERS, ("next-tokens", [TEXT, "--steps", "3", "--temperature", "2", "--top-p", "0.9"])],
)


def in_both(model: Path, command: str, arguments: list[str], *options: str, width: int = 100) -> tuple[str, str]:
    """What a command prints in English and in Chinese, about a text without an English word."""
    texts = [PROMPT * 2 if command == "quiz" else PROMPT if text == TEXT else text for text in arguments]
    random = command == "quiz" or "--temperature" in arguments
    named = () if command == "models" else ("--model", str(model), *("--seed", "1") * random)
    line = [command, *texts, *named, *options]
    runs = [run_cli(*line, "--lang", language, environ={"COLUMNS": str(width)}) for language in ("en", "zh")]
    assert [run.code for run in runs] == [0, 0], runs
    assert english(runs[1].err) == []
    return runs[0].out, runs[1].out


def strings(value: Any) -> list[str]:
    """The texts in JSON."""
    if isinstance(value, dict):
        return [
            text for key, each in value.items() if key in _TEXTS or not isinstance(each, str) for text in strings(each)
        ]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


_TEXTS = ("token", "text", "context")


def said_on(page: str) -> list[str]:
    """The texts of a page that are for people: those that are shown, and those that are read out."""
    body = re.sub(r"<(style|script|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    return [
        html.unescape(text) for found in re.findall(r'>([^<]+)<|(?:aria|data)-label="([^"]+)"', body) for text in found
    ]


@every_variant
class TestOutput:
    def test_data_are_the_same(self, tiny: Path, command: str, arguments: list[str]) -> None:
        for form in ("jsonl", "csv"):
            untimed = () if command in ("quiz", "models") else ("--no-timing",)
            before, after = in_both(tiny, command, arguments, "--format", form, *untimed)
            assert before == after

    def test_tables_have_no_english(self, tiny: Path, command: str, arguments: list[str]) -> None:
        document = json.loads(in_both(tiny, command, arguments, "--json")[0])
        data = frozenset(re.findall("[a-z]+", " ".join(strings(document))))
        for form in ("table", "markdown"):
            _, chinese = in_both(tiny, command, arguments, "--format", form)
            assert english(chinese, data) == []
            assert re.search("[\u4e00-\u9fff]{2}", chinese)

    def test_pages_have_no_english(self, tiny: Path, command: str, arguments: list[str]) -> None:
        all_positions = ("--position", "all") if "--lens" in arguments else ()  # which a page draws anyway
        document = json.loads(in_both(tiny, command, arguments, "--json", *all_positions)[0])
        data = frozenset(re.findall("[a-z]+", " ".join(strings(document))))
        _, page = in_both(tiny, command, arguments, "--format", "html")
        assert '<html lang="zh">' in page
        assert english("\n".join(said_on(page)), data) == []

    @pytest.mark.parametrize("width", [40, 80, 200])
    def test_tables_fit_and_their_columns_stand_below_each_other(
        self, tiny: Path, command: str, arguments: list[str], width: int
    ) -> None:
        _, chinese = in_both(tiny, command, arguments, width=width)
        for line in chinese.splitlines():
            assert cell_len(line) <= width or line.isascii()  # such as the names of nested modules
        for block in chinese.split("\n\n"):
            _, *rows = _HEADER.split(block, maxsplit=1)
            for text in rows:
                header, *others = [line for line in text.splitlines() if "：" not in line]  # what stands below a row
                if width == 80 and "第 1 名" in header:  # long candidates take from their neighbours
                    end = cell_len(header.partition("第 1 名")[0])
                    header, *others = [within(line, end) for line in (header, *others)]
                assert others and gaps([header, *others]) >= len(re.findall(r"(?<=\S)  +(?=\S)", header)), block


_HEADER = re.compile(r"^(?= *(?:步骤|序号|位置|层|排名)  )(?!.*  \d)", re.MULTILINE)
"""Where a grid begins; one with numbers in this line is a list of its rows, or a matrix, whose columns are narrow."""


def within(row: str, end: int) -> str:
    """What stands in the first columns of a terminal."""
    while cell_len(row) > end:
        row = row[:-1]
    return row


def gaps(rows: list[str]) -> int:
    """How many times there are two columns of a terminal or more that are empty in all of the rows."""
    cells = ["".join(character + "x" * (cell_len(character) - 1) for character in row) for row in rows]
    empty = "".join(" " if not "".join(column).strip() else "x" for column in zip_longest(*cells, fillvalue=" "))
    return len(re.findall("(?<=x)  +(?=x)", empty))


@pytest.mark.parametrize(("command", "arguments"), EXPLAINED)
@pytest.mark.parametrize("width", [40, 80])
def test_explanations_have_no_english(tiny: Path, command: str, arguments: list[str], width: int) -> None:
    _, chinese = in_both(tiny, command, arguments, width=width)
    assert "怎样阅读" in chinese
    prose = chinese[chinese.index("问的是什么") : chinese.index("用 transformers 得到同样的结果")]
    assert re.search(_SENTENCE, _CODE.sub("", prose)) is None
    assert max(map(cell_len, prose.splitlines())) <= width


_SENTENCE = "[a-z]{3,} [a-z]{3,} [a-z]{3,}"
"""Three English words."""


def test_topics_have_no_english() -> None:
    for topic in TOPICS:
        text = run_cli("explain", topic, "--lang", "zh", environ={"COLUMNS": "80"}).out
        prose = [line for line in text.splitlines() if re.search("[\u4e00-\u9fff]", line)]
        assert prose and all(cell_len(line) <= 80 for line in prose), topic
        assert re.search(_SENTENCE, _CODE.sub("", "\n".join(prose))) is None, topic


ERRORS: dict[tuple[str, ...], int] = {
    ("--nonsense",): 2,
    ("generate", "x"): 2,
    ("x y",): 2,
    ("next-tokens",): 2,
    ("next-tokens", "x", "y"): 2,
    ("next-tokens", "x", "--nonsense"): 2,
    ("next-tokens", "x", "--steps"): 2,
    ("next-tokens", "x", "--steps", "two"): 2,
    ("next-tokens", "x", "--temperature", "hot"): 2,
    ("next-tokens", "x", "--json=yes"): 2,
    ("next-tokens", "x", "--format", "yaml"): 2,
    ("next-tokens", "x", "--json", "--format", "csv"): 2,
    ("next-tokens", "x", "--backend", "jax"): 2,
    ("next-tokens", "x", "--device", "tpu"): 2,
    ("next-tokens", "x", "--top-k", "0"): 2,
    ("next-tokens", "x", "--steps", "99"): 5,
    ("next-tokens", "x", "--output", ""): 2,
    ("next-tokens", "x", "--model", "./nowhere"): 3,
    ("next-tokens", "x", "--model", "gpt2-xl", "--offline"): 3,
    ("score", ""): 5,
    ("next-tokens", "x", "--expect", "z"): 8,
    ("decode", "x"): 5,
    ("decode", "99999"): 5,
    ("decode",): 5,
    ("attention", "x", "--layer", "9"): 2,
    ("hidden-states", "x", "--top-k", "3"): 2,
    ("hidden-states", "x", "--save", "x.txt"): 2,
    ("score", "x", "--output", "./nowhere/x.json"): 2,
    ("score", "x", "--output", "."): 2,
}


@pytest.mark.parametrize("arguments", ERRORS, ids=" ".join)
def test_errors_have_no_english(tiny: Path, arguments: tuple[str, ...]) -> None:
    model = () if arguments[0] not in COMMANDS or "--model" in arguments else ("--model", str(tiny))
    run = run_cli(*arguments, *model, "--lang", "zh")
    assert run.code == ERRORS[arguments], run
    assert re.fullmatch("错误：.+\n(提示：.+\n)?", run.err)
    assert english(run.err) == []


HELP = """
import io, json, sys
from contextlib import redirect_stdout
from gpt2_inspect.cli import run
from gpt2_inspect.cli.streams import Streams
pages = {}
for name in json.loads(sys.argv[1]):
    for width in ("40", "80", "200"):
        with redirect_stdout(io.StringIO()) as page:
            environ = {"COLUMNS": width, "LANG": "zh_CN.UTF-8"}
            run([*name.split(), "--help"], Streams(io.BytesIO(), sys.stdout, sys.stderr, environ))
        pages[f"{name} {width}"] = page.getvalue()
print(json.dumps(pages))
"""


def test_help_is_in_chinese_and_fits() -> None:
    """In a process of its own, for help is made when the files of commands are imported."""
    names = ["", *(name for name, _ in commands())]
    done = subprocess.run([sys.executable, "-c", HELP, json.dumps(names)], capture_output=True, check=True, timeout=60)
    pages = json.loads(done.stdout)
    assert len(pages) == 3 * len(names)
    for name, page in pages.items():
        assert page.startswith("用法：gpt2-inspect ") and "显示此帮助" in page, name
        assert english(page) == [], name
        width = min(80, int(name.split()[-1]))
        assert all(cell_len(line) <= width or line.startswith("  gpt2-inspect ") for line in page.splitlines()), name
        starts = {line.strip()[0] for line in page.splitlines() if line.strip()}
        assert width < 80 or not starts & set("，。、；：！？）”"), name
