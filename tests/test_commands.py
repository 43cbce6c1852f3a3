"""What holds for every command, whatever it answers: streams, formats, models, backends, errors."""

import gettext
import io
import json
import os
import pty
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from markdown_it import MarkdownIt
from rich.cells import cell_len

from checkpoints import COMMIT, copy_with_last_token, fill_cache, make_checkpoint
from commands import ARGUMENTS, NO_MODEL_RUNS, OWN_CLASSES, TEXT, VARIANTS
from gpt2_inspect.cli import process
from gpt2_inspect.cli.app import COMMANDS
from gpt2_inspect.messages import use_catalogue
from gpt2_inspect.render import FORMATS
from harness import Run, Terminal, check_error, run_cli, without_times
from loaded import HEAVY, PARTS_OF_NUMPY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

HOSTILE = "[bold red]x[/] \x1b[31mred\x1b[0m\x07 \u202eabc \x9b <b>|`*_# 你好 🙂 a\n\nb\tc"

every_command = pytest.mark.parametrize("command", COMMANDS)
every_variant = pytest.mark.parametrize(("command", "arguments"), VARIANTS)


def run(command: str, *arguments: str, model: Path, **options: Any) -> Run:
    return run_cli(command, "--model", str(model), *arguments, **options)


def texts(command: str, arguments: list[str], text: str) -> list[str]:
    """The arguments with another text, where they have one."""
    return [text if argument == TEXT else argument for argument in arguments]


def test_all_are_here() -> None:
    assert tuple(ARGUMENTS) == COMMANDS


@every_variant
def test_envelope(tiny: Path, command: str, arguments: list[str]) -> None:
    done = run(command, *arguments, "--json", model=tiny)
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out, parse_constant=pytest.fail)
    assert list(document)[:5] == ["schema_version", "command", "model", "run", "prompt"]
    assert (document["schema_version"], document["command"]) == (1, command)
    assert document["model"]["name"] == str(tiny)
    if TEXT in arguments:
        assert document["prompt"]["text"] == TEXT
    else:
        assert document["prompt"] is None
    runs = command not in NO_MODEL_RUNS or "--prompt" in arguments
    backend = "torch" if command in OWN_CLASSES else "numpy" if runs else None
    assert document["run"]["backend"] == backend
    assert (document["run"]["device"], document["run"]["dtype"]) == (("cpu", "float32") if runs else (None, None))


@every_variant
@pytest.mark.parametrize("form", FORMATS)
def test_output_file_holds_what_is_printed(
    tiny: Path, tmp_path: Path, command: str, arguments: list[str], form: str
) -> None:
    printed = run(command, *arguments, "--format", form, model=tiny)
    path = tmp_path / "result"
    written = run(command, *arguments, "--format", form, "--output", str(path), model=tiny)
    assert (printed.code, printed.err) == (0, "")
    assert (written.code, written.out, written.err) == (0, "", "")
    timeless = re.compile(r'\d+\\?\.\d ms|"elapsed_ms": [\d.e-]+')
    assert timeless.sub("", path.read_bytes().decode()) == timeless.sub("", printed.out)
    assert printed.out.endswith("\n") and not printed.out.endswith("\n\n")
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


@every_variant
@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_nothing_is_wider_than_the_terminal(tiny: Path, command: str, arguments: list[str], columns: int) -> None:
    """But for texts that one may want to copy, and indented listings."""
    environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
    done = run(command, *arguments, model=tiny, out=Terminal(), environ=environ)
    assert done.code == 0
    if "--tree" in arguments:
        return
    copied = {TEXT, *(line for line in done.out.splitlines() if line.startswith(TEXT))}
    assert [line for line in done.out.splitlines() if cell_len(line) > columns and line not in copied] == []


@every_variant
def test_tokens_stay_text(tiny: Path, command: str, arguments: list[str]) -> None:
    for form in ("table", "markdown", "json", "csv"):
        for out in (io.StringIO(newline="\n"), Terminal()):
            done = run(command, *texts(command, arguments, HOSTILE), "--format", form, model=tiny, out=out)
            assert (done.code, done.err) == (0, "")
            if form != "csv" or isinstance(out, Terminal):
                assert not STEERING.search(COLOURS.sub("", done.out) if isinstance(out, Terminal) else done.out)


ADDED = "\x1b]0;title\x07\u202e\x9b=1+1"
"""A token that nobody would train, but that anybody can add."""


@every_command
@pytest.mark.parametrize("form", FORMATS)
def test_names_and_added_tokens_stay_text(hostile: Path, command: str, form: str) -> None:
    for out in (io.StringIO(newline="\n"), Terminal()):
        arguments = ["0", "383"] if command == "decode" else texts(command, ARGUMENTS[command], f"a{ADDED}")
        done = run(command, *arguments, "--format", form, model=hostile, out=out, environ={"NO_COLOR": "1"})
        assert (done.code, done.err) == (0, "")
        if form == "csv" and not isinstance(out, Terminal):
            assert ADDED in done.out or command in ("compare-search", "logits", "compare-heads")
        else:
            assert not STEERING.search(done.out)
        if form in ("table", "markdown"):
            assert "\nred" not in done.out


def test_bare_text_on_a_terminal_in_disguise(hostile: Path) -> None:
    """An output file can be one, too."""
    primary, secondary = pty.openpty()
    done = run_cli("decode", "383", "--text", "-m", str(hostile), "-o", os.ttyname(secondary))
    assert (done.code, done.err) == (0, "")
    assert os.read(primary, 65536).decode() == "\\x1b]0;title\\x07\\u202e\\u009b=1+1\r\n"
    os.close(primary)
    os.close(secondary)


@pytest.fixture(scope="module")
def hostile(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose directory and whose last token have names that would steer a terminal."""
    folder = tmp_path_factory.mktemp("models") / "\x1b[31m\u202e\x9b1m\nred"
    return copy_with_last_token(tiny, folder, ADDED)


@every_variant
def test_defaults_fit_a_tiny_vocabulary(two_tokens: Path, command: str, arguments: list[str]) -> None:
    """What was asked for is still refused."""
    arguments = ["0", "1"] if arguments == ARGUMENTS["decode"] else texts(command, arguments, "aa")
    if "--steps" in arguments:
        arguments = [*arguments, "--steps", "1"]
    done = run(command, *arguments, "--json", model=two_tokens)
    assert (done.code, done.err) == (0, "")
    option = {"embeddings": "--neighbors", "compare-search": "--num-beams"}.get(command, "--top-k")
    if command not in ("attention", *NO_MODEL_RUNS) or "--prompt" in arguments:
        check_error(run(command, *arguments, option, "6", model=two_tokens), 2, f"{option} is 6")


@pytest.fixture(scope="module")
def two_tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that can only say a, or nothing."""
    folder = make_checkpoint(
        tmp_path_factory.mktemp("models") / "two", vocab_size=2, bos_token_id=1, eos_token_id=1, n_layer=3
    )
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"] |= {"vocab": {"a": 0, "<|endoftext|>": 1}, "merges": []}
    content["added_tokens"][0]["id"] = 1
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


class Marked(gettext.NullTranslations):
    """A language in which every sentence stands between ⟦ and ⟧."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self.gettext(singular if n == 1 else plural)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "choose_language", lambda *_: use_catalogue(Marked()))


NAMES = {"AutoModelForCausalLM", "AutoModel", "GPT2LMHeadModel", "GPT2Model", "logits"}
NAMES |= {"last_hidden_state @ lm_head.weight.T"}
"""Headings that are the same in every language."""


@every_variant
def test_all_that_is_said_can_be_translated(tiny: Path, marked: None, command: str, arguments: list[str]) -> None:
    """Titles, headings and facts, and each in the same words in the table; what programs read stays as it is."""
    if command == "next-tokens":
        arguments = [*arguments, "--temperature", "3", "--seed", "1"]
    arguments = [*arguments, "--explain"]
    text = run(command, *arguments, "--format", "markdown", model=tiny).out
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    places = ("th_open", "paragraph_open")  # titles and facts are paragraphs, and so is a text to be copied
    said = [
        "".join(child.content for child in after.children or ())
        for token, after in pairwise(tokens)
        if token.type in places
    ]
    copied = {line for line in said if line.startswith(TEXT)} | {"he"}
    bare = {line: line for line in said if line not in NAMES | copied}
    assert len(bare) > 4
    for line in bare:
        rest = line
        while rest != (rest := re.sub("⟦[^⟦⟧]*⟧", "", rest)):
            pass
        assert not re.search("[^\\W\\d_]", rest), line
    table = " ".join(run(command, *arguments, "--no-timing", model=tiny).out.split())
    assert [line for line in bare if " ".join(line.split()) not in table] == []


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_no_language_in_what_programs_read(tiny: Path, marked: None, form: str) -> None:
    for command, arguments in VARIANTS:
        if command not in OWN_CLASSES:
            assert "⟦" not in run(command, *arguments, "--format", form, model=tiny).out


@every_command
def test_colours_are_for_terminals(tiny: Path, command: str) -> None:
    terminal = {"TERM": "xterm-256color", "COLUMNS": "90"}
    coloured = run(command, *ARGUMENTS[command], model=tiny, out=Terminal(), environ=terminal).out
    assert COLOURS.search(coloured)
    for environ, out in ((terminal | {"NO_COLOR": "1"}, Terminal()), (terminal, io.StringIO(newline="\n"))):
        plain = run(command, *ARGUMENTS[command], model=tiny, out=out, environ=environ).out
        assert "\x1b" not in plain
        stripped = [line.rstrip() for line in COLOURS.sub("", coloured).splitlines()]
        assert without_measured(stripped) == without_measured(plain.splitlines())


def without_measured(lines: list[str]) -> list[str]:
    return [re.sub(r"\d+\.\d ms", "ms", line) for line in lines]


@every_variant
def test_both_backends_say_the_same(tiny: Path, command: str, arguments: list[str]) -> None:
    if command in OWN_CLASSES or (command in NO_MODEL_RUNS and "--prompt" not in arguments):
        return
    found = [
        without_times(json.loads(run(command, *arguments, "--json", "--backend", backend, model=tiny).out))
        for backend in ("numpy", "torch")
    ]
    assert [document.pop("run")["backend"] for document in found] == ["numpy", "torch"]
    assert_close(*found)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
@every_variant
def test_a_gpu_says_the_same(tiny: Path, command: str, arguments: list[str]) -> None:
    found = [
        without_times(json.loads(run(command, *arguments, "--json", "--device", device, model=tiny).out))
        for device in ("cpu", "cuda")
    ]
    for document in found:
        del document["run"]
    assert_close(*found, tolerance=2e-3)


def assert_close(first: Any, second: Any, path: str = "", tolerance: float = 1e-4) -> None:
    if isinstance(first, float) and isinstance(second, float):
        assert first == pytest.approx(second, rel=tolerance, abs=tolerance), path
    elif isinstance(first, dict):
        assert list(first) == list(second), path
        for name, value in first.items():
            assert_close(value, second[name], f"{path}.{name}", tolerance)
    elif isinstance(first, list):
        assert len(first) == len(second), path
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_close(one, other, f"{path}[{index}]", tolerance)
    else:
        assert first == second, path


@every_command
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_model_of_the_hub(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, backend: str
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    fill_cache(tmp_path, "org/model", tiny)
    options = [*ARGUMENTS[command], "--json", "--backend", backend]
    document = json.loads(run_cli(command, *options, "--model", "org/model").out)
    assert (document["model"]["source"], document["model"]["revision"]) == ("hub", COMMIT)
    mine = json.loads(run(command, *options, model=tiny).out)
    del document["model"], mine["model"]
    assert without_times(document) == without_times(mine)


@every_command
def test_bundled_model(command: str) -> None:
    done = run_cli(command, *ARGUMENTS[command], "--json")
    assert (done.code, json.loads(done.out)["model"]["name"]) == (0, "pocket")
    assert done.err.startswith("note: this is pocket") and len(done.err.splitlines()) == 1


@every_command
def test_standard_input(tiny: Path, command: str) -> None:
    arguments = ARGUMENTS[command]
    typed = ["-"] if command == "decode" else texts(command, arguments, "-")
    stdin = b"104 101\n" if command == "decode" else TEXT.encode() + b"\n"
    expected = json.loads(run(command, *arguments, "--json", model=tiny).out)
    assert without_times(json.loads(run(command, *typed, "--json", model=tiny, stdin=stdin).out)) == without_times(
        expected
    )


@every_command
@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--backend", "jax"], 2, "jax"),
        (["--device", "tpu"], 2, "tpu"),
        (["--dtype", "int8"], 2, "int8"),
        (["--format", "yaml"], 2, "yaml"),
        (["--json", "--format", "csv"], 2, "--json"),
        (["--revision", "main"], 2, "--revision"),
        (["--frobnicate"], 2, "--frobnicate"),
        (["--model", "./nowhere"], 3, "nowhere"),
        (["--model", "org/none", "--offline"], 3, "org/none"),
        (["--output", "/nowhere/file"], 2, "/nowhere/file"),
        (["--output", "/"], 2, "directory"),
    ],
)
def test_bad_options(tiny: Path, command: str, options: list[str], code: int, word: str) -> None:
    check_error(run(command, *ARGUMENTS[command], *options, model=tiny), code, word)


@every_variant
@pytest.mark.parametrize("text", ["", "long"])
def test_text_that_a_model_cannot_take(
    tiny: Path, tmp_path: Path, command: str, arguments: list[str], text: str
) -> None:
    """Empty, or longer than n_positions. A file that is there stays as it is."""
    if TEXT not in arguments or (command, text) in (("next-tokens", ""), ("encode", "long")):
        return
    path = tmp_path / "old"
    path.write_text("old")
    typed = texts(command, arguments, "x " * 100 if text else "")
    check_error(run(command, *typed, "--output", str(path), model=tiny), 5, "64" if text else "empty", hint=True)
    check_error(run(command, *texts(command, arguments, "\udcff"), "--output", str(path), model=tiny), 5, "UTF-8")
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@every_command
def test_broken_model(tiny: Path, tmp_path: Path, command: str) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "copy"))
    (folder / "config.json").write_text("{")
    check_error(run(command, *ARGUMENTS[command], model=folder), 4, "config.json")


@every_variant
def test_modules(tiny: Path, command: str, arguments: list[str]) -> None:
    loaded = modules_of(command, *arguments, "--model", str(tiny), "--json")
    assert f"gpt2_inspect.cli.{command.replace('-', '_')}" in loaded
    others = {f"gpt2_inspect.{room}.{name.replace('-', '_')}" for room in ("cli", "results") for name in COMMANDS}
    check_absent(loaded, others - {name for name in others if name.endswith(command.replace("-", "_"))})
    if command not in OWN_CLASSES:
        check_absent(loaded, HEAVY | RICH | PARTS_OF_NUMPY)
        table = modules_of(command, *arguments, "--model", str(tiny))
        check_absent(table, HEAVY | PARTS_OF_NUMPY | {"rich.console", "rich.text", "rich.style", "rich.markup"})
        views = {f"gpt2_inspect.render.views.{name.replace('-', '_')}" for name in COMMANDS if name != command}
        check_absent(table, views | {name for name in others if not name.endswith(command.replace("-", "_"))})
    assert ("numpy" in loaded) is (command not in NO_MODEL_RUNS or "--prompt" in arguments)


@every_command
def test_help(command: str) -> None:
    done = run_cli(command, "--help")
    assert (done.code, done.err) == (0, "")
    for option in ("--model", "--backend", "--device", "--dtype", "--format", "--json", "--output", "--offline"):
        assert option in done.out
    check_absent(modules_of(command, "--help"), HEAVY | RICH | {"numpy", "tokenizers"})
