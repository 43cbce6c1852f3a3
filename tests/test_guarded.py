"""Tokenizers that make the library panic, or take all time or memory: an error within a bound, and nothing printed."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from checkpoints import tokenizer_json
from gpt2_inspect.checkpoint import guarded
from gpt2_inspect.checkpoint.guarded import GuardedTokenizer
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.errors import BackendUnavailableError, ModelUnusableError
from harness import check_error, run_process

AS_WRITTEN = {"tokenizer_class": "PreTrainedTokenizerFast"}


def split(pattern: str) -> dict[str, Any]:
    """A pre-tokenizer that splits at a regular expression, then does what GPT-2's does."""
    first = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [first, json.loads(tokenizer_json())["pre_tokenizer"]]}


def replacing(pattern: dict[str, str], content: str, times: int = 1) -> dict[str, Any]:
    replace = {"type": "Replace", "pattern": pattern, "content": content}
    return {"type": "Sequence", "normalizers": [replace] * times}


def write(folder: Path, **parts: Any) -> Path:
    files = {
        "config.json": {"model_type": "gpt2"},
        "tokenizer_config.json": AS_WRITTEN,
        "tokenizer.json": json.loads(tokenizer_json()) | parts,
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "parts",
    [
        {"pre_tokenizer": split("(a+)+$")},
        {"normalizer": replacing({"Regex": ""}, "x")},
    ],
    ids=["a pattern that backtracks", "an empty pattern"],
)
def test_the_library_breaks_off(tiny: Path, tmp_path: Path, parts: dict[str, Any]) -> None:
    for file in tiny.iterdir():
        if not file.name.startswith("tokenizer"):
            (tmp_path / file.name).symlink_to(file)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(AS_WRITTEN))
    (tmp_path / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer_json()) | parts))
    check_error(run_process("encode", "a" * 28 + "b", "-m", str(tmp_path)), 4, "the tokenizer")


def test_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `b` costs some milliseconds and is no error of the library's."""
    tokenizer = load_tokenizer(write(tmp_path, pre_tokenizer=split("(?:a|aa)+(?!a|b)")))
    monkeypatch.setattr(guarded, "SECONDS_TO_ANSWER", 0.5)
    monkeypatch.setattr(guarded, "SECONDS_PER_MEGABYTE", 0)
    with pytest.raises(ModelUnusableError, match="more than 0 seconds"):
        tokenizer.encode(("a" * 24 + "b") * 10_000)
    with pytest.raises(ModelUnusableError, match="cannot be used"):  # it is gone
        tokenizer.token_bytes(0)


def test_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "MEMORY", 2**28)
    tokenizer = load_tokenizer(write(tmp_path, normalizer=replacing({"String": "a"}, "a" * 1000, times=5)))
    with pytest.raises(ModelUnusableError, match="of memory"):
        tokenizer.encode("a")


def test_an_unknown_pattern_is_no_fault(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write(tmp_path, pre_tokenizer=split("[0-9]|the")))
    reference = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer, GuardedTokenizer)
    assert (tokenizer.vocab_size, tokenizer.end_of_text) == (len(reference), reference.vocab_size - 1)
    for text in ("", "the cat, 123\n你好 é<|endoftext|>"):
        ids = reference.encode(text)
        assert tokenizer.encode(text) == ids
        for skip in (False, True):
            assert tokenizer.decode(ids, skip_special_tokens=skip) == reference.decode(ids, skip_special_tokens=skip)
        assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()
    assert tokenizer.token_bytes(10**6) == b""


def test_what_is_broken_as_well(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusableError, match="is broken"):
        load_tokenizer(write(tmp_path, pre_tokenizer=split("("), model={"type": "none"}))


def test_gpt2_takes_none_of_it(tmp_path: Path) -> None:
    """What transformers leaves out of a tokenizer.json cannot do harm, but may be what it refuses."""
    write(tmp_path, pre_tokenizer=split("(a+)+$"))
    (tmp_path / "tokenizer_config.json").unlink()
    reference = AutoTokenizer.from_pretrained(tmp_path)
    text = "a" * 28 + "b"
    assert load_tokenizer(tmp_path).encode(text) == reference.encode(text)


def test_what_is_not_installed_is_no_fault_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "first"
    hidden.mkdir()
    (hidden / "transformers.py").write_text("raise ImportError('gone', name='transformers')", encoding="utf-8")
    monkeypatch.syspath_prepend(hidden)
    folder = write(tmp_path, pre_tokenizer=split("(a+)+$"), decoder={"type": "Fuse"})
    with pytest.raises(BackendUnavailableError, match="needs transformers") as caught:
        load_tokenizer(folder)
    assert caught.value.hint == "pip install transformers"
