"""Vocabularies that no model can have: the model's fault and no bug, with one line that names the file or the token."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints import VOCAB_SIZE, tokenizer_json
from harness import Run, check_error, run_cli

END_OF_TEXT = "<|endoftext|>"


def next_tokens(*arguments: str) -> Run:
    return run_cli("next-tokens", *arguments)


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint, to be spoilt."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def replace_tokenizer(folder: Path, files: dict[str, Any]) -> None:
    (folder / "tokenizer.json").unlink()
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def tokenizer_files(change: Callable[[dict[str, Any]], object], *, as_pair: bool) -> dict[str, Any]:
    """The tests' tokenizer after `change` to its vocabulary, as tokenizer.json or as the pair."""
    content = json.loads(tokenizer_json())
    change(content["model"]["vocab"])
    if not as_pair:
        return {"tokenizer.json": content}
    merges = "".join(f"{left} {right}\n" for left, right in content["model"]["merges"])
    return {"vocab.json": content["model"]["vocab"], "merges.txt": "#version: 0.2\n" + merges}


def without_unknown(kind: str, **settings: Any) -> dict[str, Any]:
    """A tokenizer of another kind that has no token for an unknown word."""
    words = {f"w{number}": number for number in range(VOCAB_SIZE)}
    model = {"type": kind, "vocab": words, "unk_token": "<unk>", **settings}
    content = json.loads(tokenizer_json()) | {"model": model, "added_tokens": []}
    return {"tokenizer.json": content, "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}


class TestTokenizer:
    @pytest.mark.parametrize("text", ["z", "z " * 6000], ids=["short", "long"])
    @pytest.mark.parametrize("as_pair", [True, False], ids=["pair", "tokenizer.json"])
    @pytest.mark.parametrize(
        "change",
        [
            lambda vocabulary: vocabulary.update(z=-1),
            lambda vocabulary: vocabulary.update(z=2**32),
            lambda vocabulary: vocabulary.update(z=2**64),
            lambda vocabulary: vocabulary.update({"\ud800": vocabulary.pop("~")}),
        ],
        ids=["below 0", "2^32", "2^64", "half a character"],
    )
    def test_vocabulary(self, copy: Path, as_pair: bool, change: Callable[[dict[str, Any]], object], text: str) -> None:
        replace_tokenizer(copy, tokenizer_files(change, as_pair=as_pair))
        check_error(
            run_cli("encode", "-", "-m", str(copy), stdin=text.encode()),
            4,
            "vocab.json" if as_pair else "tokenizer.json",
        )

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_another_encoding(self, copy: Path, encoding: str) -> None:
        """Transformers fails on both, though Python's json would read both from bytes."""
        (copy / "tokenizer.json").write_text(tokenizer_json(), encoding=encoding)
        check_error(run_cli("encode", "a", "-m", str(copy)), 4, "tokenizer.json")

    @pytest.mark.parametrize("as_pair", [True, False], ids=["pair", "tokenizer.json"])
    def test_a_token_that_the_weights_lack(self, copy: Path, as_pair: bool) -> None:
        """Only a text that has it cannot be read."""
        replace_tokenizer(copy, tokenizer_files(lambda vocabulary: vocabulary.update(z=10**6), as_pair=as_pair))
        assert next_tokens("hello", "-m", str(copy), "-n", "1").code == 0
        check_error(next_tokens("hello z", "-m", str(copy), "-n", "1"), 4, "'z' the id 1000000", "0 to 383", hint=True)

    def test_an_end_of_text_that_the_weights_lack(self, copy: Path) -> None:
        """transformers gives one to every GPT-2."""
        files = tokenizer_files(lambda vocabulary: vocabulary.update(zz=vocabulary.pop(END_OF_TEXT)), as_pair=True)
        replace_tokenizer(copy, files)
        assert next_tokens("hello", "-m", str(copy), "-n", "1").code == 0
        check_error(next_tokens(f"hello{END_OF_TEXT}", "-m", str(copy), "-n", "1"), 4, END_OF_TEXT, f"id {VOCAB_SIZE}")

    @pytest.mark.parametrize(
        "files",
        [
            without_unknown("WordLevel"),
            without_unknown("WordPiece", continuing_subword_prefix="##", max_input_chars_per_word=100),
        ],
        ids=["WordLevel", "WordPiece"],
    )
    def test_no_token_for_unknown_words(self, copy: Path, files: dict[str, Any]) -> None:
        replace_tokenizer(copy, files)
        check_error(next_tokens("hello", "-m", str(copy)), 4, "UNK")

    def test_a_name_that_would_steer_the_terminal(self, copy: Path) -> None:
        name = "\x1b[31m\u202e"
        files = tokenizer_files(
            lambda vocabulary: vocabulary.update({name: 10**6, "~": vocabulary.pop("}")}), as_pair=True
        )
        listed = {str(10**6): {"content": name}}
        replace_tokenizer(copy, files | {"tokenizer_config.json": {"added_tokens_decoder": listed}})
        check_error(next_tokens(f"a{name}", "-m", str(copy)), 4, r"\x1b[31m\u202e")
