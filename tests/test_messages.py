"""Sentences go through one place, so that a translation changes what is said and nothing else."""

import ast
import gettext
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter

import pytest

import gpt2_inspect
from gpt2_inspect import errors
from gpt2_inspect.analysis import NextTokensQuestion
from gpt2_inspect.backends import load_backend
from gpt2_inspect.checkpoint.config import parse_config
from gpt2_inspect.checkpoint.safetensors import open_safetensors
from gpt2_inspect.cli.ids import parse_ids
from gpt2_inspect.messages import Counted, Message, Option, say, say_n, use_catalogue
from gpt2_inspect.sources import find_model


class Upper(gettext.NullTranslations):
    """A language in capitals; its plural is used from two on."""

    def gettext(self, message: str) -> str:
        return "".join(
            text.upper() + ("" if name is None else f"{{{name}{f'!{shape}' if shape else ''}{form and f':{form}'}}}")
            for text, name, form, shape in Formatter().parse(message)
        )

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self.gettext(singular if n < 2 else plural)


@pytest.fixture
def in_capitals() -> Iterator[None]:
    use_catalogue(Upper())
    yield
    use_catalogue(None)


SENTENCE = Message("{option} is wrong: {inner}", option=Option("top_k"), inner=Counted("{n} token", "{n} tokens", n=2))


def test_english_in_both_spellings() -> None:
    assert str(SENTENCE) == "top_k is wrong: 2 tokens"
    assert SENTENCE.say(Option.on_command_line) == "--top-k is wrong: 2 tokens"
    assert [say_n("{n} step", "{n} steps", n=n) for n in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


def test_another_language_reaches_sentences_made_before(in_capitals: None) -> None:
    assert str(SENTENCE) == "top_k IS WRONG: 2 TOKENS"
    assert say("the text is empty") == "THE TEXT IS EMPTY"
    assert say_n("{n} step", "{n} steps", n=1) == "1 STEP"


def _without_a_library() -> None:
    with errors.importing(("torch", "transformers"), Message("compare-heads")):
        raise ImportError("gone")


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (lambda: parse_ids("[1"), "'[1' IS NO ARRAY OF TOKEN IDS"),
        (lambda: parse_config({}, Path("x")), "'x' DESCRIBES ANOTHER ARCHITECTURE (NO MODEL_TYPE), NOT GPT-2"),
        (
            lambda: parse_config({"model_type": "gpt2", "n_layer": 0}, Path("x")),
            "'x': n_layer IS 0, NOT A WHOLE NUMBER ABOVE 0",
        ),
        (lambda: find_model("./none"), "MODEL DIRECTORY 'none' DOES NOT EXIST"),
        (
            lambda: open_safetensors(Path(os.devnull)),
            f"'{os.devnull}' IS NOT A SOUND SAFETENSORS FILE: IT HAS 0 BYTES, TOO FEW FOR A HEADER",
        ),
        (
            lambda: load_backend(
                Path("none"), parse_config({"model_type": "gpt2"}, Path("x")), "numpy", "cpu", "float32"
            ),
            "THE numpy BACKEND DOES NOT DO PICKLED WEIGHTS (pytorch_model.bin)",
        ),
        (_without_a_library, "COMPARE-HEADS NEEDS torch AND transformers, AND THE IMPORT FAILED: gone"),
        (
            lambda: NextTokensQuestion(temperature=10**4400),
            "temperature IS A NUMBER WITH THOUSANDS OF DIGITS; IT MUST BE A FINITE NUMBER",
        ),
    ],
)
def test_all_of_an_error_is_translated(in_capitals: None, fails: Callable[[], object], said: str) -> None:
    with pytest.raises(errors.InspectError) as caught:
        fails()
    assert caught.value.message == said


def test_messages_travel() -> None:
    copy = pickle.loads(pickle.dumps(SENTENCE))
    assert copy.say(Option.on_command_line) == SENTENCE.say(Option.on_command_line)


def test_values_are_not_templates() -> None:
    assert say("the model is {name}", name="{x} {}") == "the model is {x} {}"


ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
FILES = sorted(Path(gpt2_inspect.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_sentence_goes_another_way(path: Path) -> None:
    """Errors and hints are Messages; what is noted or stands in the help is said."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        sentences = list(node.args[:2]) if called in ERRORS else list(node.args[:1]) if called == "note" else []
        sentences += [keyword.value for keyword in node.keywords if keyword.arg == "help"]
        for sentence in sentences:
            plain = isinstance(sentence, ast.JoinedStr) or (
                isinstance(sentence, ast.Constant) and isinstance(sentence.value, str)
            )
            assert not plain, f"{path.name}:{sentence.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_sentences_are_constants_with_named_places(path: Path) -> None:
    """So that they can be found by a program, and put into another order."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if not named or node.func.id not in ("Message", "say", "Counted", "say_n") or path.parent.name == "messages":
            continue
        if ast.unparse(node) == "say(prose)":  # the documentation of a command
            continue
        templates = node.args
        assert len(templates) == (2 if node.func.id in ("Counted", "say_n") else 1), f"{path.name}:{node.lineno}"
        places = {keyword.arg for keyword in node.keywords}
        if None in places:  # **values
            continue
        for template in templates:
            assert isinstance(template, ast.Constant), f"{path.name}:{node.lineno}"
            fields = {name for _, name, _, _ in Formatter().parse(template.value) if name is not None}
            assert fields <= places and (fields == places or "n" in places), f"{path.name}:{node.lineno}"
