"""Which of a model's files make its tokenizer, and which of the ways to load them is the fastest that is right."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ModelUnusableError
from ..filenames import ADDED_TOKENS, MERGES, SPECIAL_TOKENS, TOKENIZER, TOKENIZER_CONFIG, VOCABULARY
from .config import read_json
from .short_texts import for_short_texts, is_short
from .tokenizer import END_OF_TEXT, ByteLevelTokenizer, Tokenizer, gpt2_tokenizer

_HEAD_BYTES = 65536
"""More than what stands before the vocabulary in a tokenizer.json."""


def load_tokenizer(folder: Path, first_text: str = "") -> Tokenizer:
    """The tokenizer in a model's folder: tokenizer.json, vocab.json with merges.txt, or a BERT-style vocab.txt.

    GPT-2's own tokenizer loads from vocab.json and merges.txt in half the time that tokenizer.json takes, so
    those are read where both are there and tokenizer.json says nothing beyond them. `first_text` is what will be
    encoded first: for a short one, a part of it is enough.

    Raises:
        ModelUnusableError: the files are broken.
    """
    full, vocabulary, merges = folder / TOKENIZER, folder / VOCABULARY, folder / MERGES
    has_pair = vocabulary.is_file() and merges.is_file()
    if full.is_file():
        if has_pair and _is_plain_gpt2(full) and _is_plain_setup(folder):
            return _from_vocabulary(vocabulary, merges, first_text)
        return _from_tokenizer_json(full)
    if has_pair and _is_plain_setup(folder):
        return _from_vocabulary(vocabulary, merges, first_text)
    return _from_transformers(folder)


def _from_vocabulary(vocabulary: Path, merges: Path, first_text: str) -> Tokenizer:
    @cache
    def load_all() -> Tokenizer:
        return _all_from_vocabulary(vocabulary, merges)

    short = for_short_texts(vocabulary, merges, load_all) if is_short(first_text) else None
    return short or load_all()


def _all_from_vocabulary(vocabulary: Path, merges: Path) -> Tokenizer:
    from tokenizers import models

    try:
        bpe = models.BPE.from_file(str(vocabulary), str(merges))
    except Exception as error:  # the library raises nothing more precise
        raise _unusable(f"{str(vocabulary)!r} and merges.txt", error) from error
    return ByteLevelTokenizer(gpt2_tokenizer(bpe))


def _from_tokenizer_json(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, pre_tokenizers

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise _unusable(repr(str(path)), error) from error
    if not isinstance(tokenizer.decoder, decoders.ByteLevel):
        return _from_transformers(path.parent)
    prefix = _settings(path.parent, TOKENIZER_CONFIG).get("add_prefix_space")
    if isinstance(prefix, bool) and isinstance(tokenizer.pre_tokenizer, pre_tokenizers.ByteLevel):
        tokenizer.pre_tokenizer.add_prefix_space = prefix  # that file has the last word, as in transformers
    return ByteLevelTokenizer(tokenizer)


def _from_transformers(folder: Path) -> Tokenizer:
    from .transformers_tokenizer import load_transformers_tokenizer  # loads transformers: seconds

    return load_transformers_tokenizer(folder)


def _is_plain_gpt2(path: Path) -> bool:
    """True if all that a tokenizer.json says beyond vocabulary and merges is what GPT-2's says."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    before_model = head.partition('"model"')[0].rstrip().removesuffix(",")
    try:
        settings = json.loads(before_model + "}")
    except (ValueError, RecursionError):
        return False
    match settings:
        case {
            "added_tokens": [{"content": str(content)} as end_of_text],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False} as splitting,
        }:
            return (
                content == END_OF_TEXT
                and not any(end_of_text.get(flag) for flag in ("single_word", "lstrip", "rstrip"))
                and splitting.get("use_regex", True) is True
                and settings.get("normalizer") is None
            )
    return False


def _is_plain_setup(folder: Path) -> bool:
    """True if the settings beside vocab.json and merges.txt add nothing to GPT-2's own."""
    if (folder / ADDED_TOKENS).is_file():
        return False
    settings = _settings(folder, TOKENIZER_CONFIG)
    special = settings | _settings(folder, SPECIAL_TOKENS)
    named = [value for name, value in special.items() if name.endswith(("_token", "_tokens")) and value]
    added = settings.get("added_tokens_decoder") or {}
    named += added.values() if isinstance(added, dict) else [added]
    return (
        not settings.get("add_prefix_space")
        and str(settings.get("tokenizer_class") or "GPT2Tokenizer").startswith("GPT2")
        and all(token == END_OF_TEXT or _content(token) == END_OF_TEXT for token in named)
    )


def _content(token: Any) -> Any:
    """The text of a token that is written with its settings."""
    return token.get("content") if isinstance(token, dict) else None


def _settings(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file that need not be there."""
    return read_json(folder / name) if (folder / name).is_file() else {}


def _unusable(what: str, error: Exception) -> ModelUnusableError:
    return ModelUnusableError(f"the tokenizer in {what} is broken: {error}")
