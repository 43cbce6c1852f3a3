"""GPT-2's tokenizer for short texts, loaded in half the time: the library gets only what the text can use.

To merge two tokens, a word of the text must hold both side by side. So of the 50,000 merges of GPT-2 only those count
whose result is a part of some word, and a BPE of these alone, in their order, cuts the text in the same way.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..messages import Message
from .tokenizer import END_OF_TEXT, ByteLevelDecoder, Tokenizer, gpt2_tokenizer, library_errors

_BYTES = 256
"""Tokens that no merge makes, but for `<|endoftext|>`."""

_SHORT = 10_000
"""Characters of a text up to which finding the merges surely costs less than loading them all."""

_FEW = 3
"""Texts up to which a part for each costs less than loading everything once."""

_PARTS = 100_000
"""Parts of words up to which that holds; a word of n characters has n * (n - 1) / 2 of them."""


class Tables(NamedTuple):
    """Vocabulary and merges."""

    ids: dict[str, int]
    tokens: dict[int, str]
    merges: list[Any]
    """`left right` in UTF-8, as merges.txt has them, or the two as JSON has them: no form costs time but its own."""
    results: list[Any]
    """What each merge makes, as bytes or as text."""


class ShortTextTokenizer(ByteLevelDecoder):
    """A vocabulary and its merges, of which a long text, or one of many, makes `load_all` load everything after all."""

    def __init__(self, tables: Tables, load_all: Callable[[], Tokenizer]) -> None:
        self._ids, self._tokens, self._merges, self._results = tables
        self._load_all = load_all
        self._encoded = 0
        super().__init__({self._ids[END_OF_TEXT]})

    @property
    def vocab_size(self) -> int:
        return len(self._ids)

    @property
    def end_of_text(self) -> int:
        return self._ids[END_OF_TEXT]

    def encode(self, text: str) -> list[int]:
        self._encoded += 1
        if self._encoded > _FEW or not is_short(text):
            return self._load_all().encode(text)
        from tokenizers import models

        words = self._words(text)
        if sum(len(word) * (len(word) - 1) // 2 for word in words) > _PARTS:
            return self._load_all().encode(text)
        parts: set[Any] = {
            word[start:end] for word in words for start in range(len(word)) for end in range(start + 2, len(word) + 1)
        }
        if self._results and isinstance(self._results[0], bytes):
            parts = {part.encode() for part in parts}
        usable = (merge for merge, result in zip(self._merges, self._results, strict=True) if result in parts)
        pairs = list(map(_pair, usable))
        merged = {token for pair in pairs for token in (*pair, "".join(pair))}
        if not merged <= self._ids.keys():
            return self._load_all().encode(text)  # which says what is wrong
        tokens = merged.union(*words, {END_OF_TEXT})
        vocabulary = {token: self._ids[token] for token in tokens if token in self._ids}
        with library_errors(Message("the tokenizer cannot encode this text")):
            tokenizer = gpt2_tokenizer(models.BPE(vocabulary, pairs))
            tokenizer.add_special_tokens([END_OF_TEXT])
            return tokenizer.encode(text, add_special_tokens=False).ids

    def _words(self, text: str) -> set[str]:
        """The pieces between which GPT-2 never merges, as its vocabulary writes them."""
        from tokenizers import models

        split = gpt2_tokenizer(models.BPE()).pre_tokenizer
        return {word for part in text.split(END_OF_TEXT) for word, _ in split.pre_tokenize_str(part)}

    def _token(self, token_id: int) -> str | None:
        return self._tokens.get(token_id)


def is_short(text: str) -> bool:
    """True if this way is worth it."""
    return len(text) <= _SHORT


def read_pair(vocabulary: Path, merges: Path) -> Tables | None:
    """What vocab.json and merges.txt hold; None if anything is unusual, so that the library must judge it."""
    try:
        ids = json.loads(vocabulary.read_bytes().decode())
        head, _, body = merges.read_bytes().partition(b"\n")
        body.decode()
    except (OSError, ValueError, RecursionError):
        return None
    lines = body.removesuffix(b"\n").split(b"\n")
    results = body.replace(b" ", b"").removesuffix(b"\n").split(b"\n")
    usual = (
        head.startswith(b"#version")
        and b"\n#version" not in body
        and body.count(b" ") == len(lines)
        and b"\r" not in body
    )
    return _tables(ids, lines, results) if usual else None


def tables_of(ids: dict[str, Any], merges: list[Any]) -> Tables | None:
    """What a tokenizer.json holds; None if anything is unusual, so that the library must judge it."""
    try:
        results: list[Any]
        if set(map(type, merges)) == {str}:
            joined = "\n".join(merges).encode()
            results = joined.replace(b" ", b"").split(b"\n")
            usual = joined.count(b" ") == len(merges) == len(results)
        else:
            results = list(map("".join, merges))
            usual = set(map(type, merges)) == {list} and set(map(len, merges)) == {2}
    except (TypeError, UnicodeEncodeError):  # not strings, or halves of characters
        return None
    return _tables(ids, merges, results) if usual else None


def _tables(ids: Any, merges: list[Any], results: list[Any]) -> Tables | None:
    usual = (
        isinstance(ids, dict)
        and END_OF_TEXT in ids
        and 0 <= len(ids) - len(merges) - _BYTES <= 1  # what stands in neither file is found when it is used
        and set(map(type, ids.values())) == {int}
        and min(ids.values()) >= 0
        and max(ids.values()) < 2**32  # the library's type
        and _is_unicode("".join(ids))
    )
    tokens = dict(zip(ids.values(), ids, strict=True)) if usual else {}
    return Tables(ids, tokens, merges, results) if usual and len(tokens) == len(ids) else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pair(merge: Any) -> tuple[str, str]:
    if isinstance(merge, list):
        left, right = merge
    else:
        left, _, right = (merge.decode() if isinstance(merge, bytes) else merge).partition(" ")
    return left, right
