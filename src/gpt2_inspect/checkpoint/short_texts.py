"""GPT-2's tokenizer for short texts, loaded in half the time: the library gets only what the text can use.

To merge two tokens, a word of the text must hold both side by side. So of the 50,000 merges of GPT-2 only those count
whose result is a part of some word, and a BPE of these alone, in their order, cuts the text in the same way.
"""

import json
from collections.abc import Callable
from pathlib import Path

from .tokenizer import END_OF_TEXT, ByteLevelDecoder, Tokenizer, gpt2_tokenizer

_BYTES = 256
"""Tokens that no merge makes, but for `<|endoftext|>`."""

_SHORT = 10_000
"""Characters of a text up to which finding the merges surely costs less than loading them all."""

_PARTS = 100_000
"""Parts of words up to which that holds; a word of n characters has n * (n - 1) / 2 of them."""


class ShortTextTokenizer(ByteLevelDecoder):
    """vocab.json and merges.txt, of which a long text makes `load_all` load everything after all."""

    def __init__(
        self, ids: dict[str, int], merges: list[bytes], results: list[bytes], load_all: Callable[[], Tokenizer]
    ) -> None:
        self._ids = ids
        self._merges = merges  # b"left right" in UTF-8, which takes half the memory of str
        self._results = results  # b"leftright"
        self._load_all = load_all
        self._tokens = dict(zip(ids.values(), ids, strict=True))
        special = {} if self.end_of_text is None else {self.end_of_text: END_OF_TEXT}
        super().__init__(special, special)

    @property
    def vocab_size(self) -> int:
        return len(self._ids)

    @property
    def end_of_text(self) -> int | None:
        return self._ids.get(END_OF_TEXT)

    def encode(self, text: str) -> list[int]:
        if not is_short(text):
            return self._load_all().encode(text)
        from tokenizers import models

        words = self._words(text)
        if sum(len(word) * (len(word) - 1) // 2 for word in words) > _PARTS:
            return self._load_all().encode(text)
        parts = {
            word[start:end].encode()
            for word in words
            for start in range(len(word))
            for end in range(start + 2, len(word) + 1)
        }
        usable = (merge for merge, result in zip(self._merges, self._results, strict=True) if result in parts)
        pairs = [(left, right) for left, _, right in (merge.decode().partition(" ") for merge in usable)]
        merged = {token for pair in pairs for token in (*pair, "".join(pair))}
        if not merged <= self._ids.keys():
            return self._load_all().encode(text)  # which says what is wrong
        tokens = merged.union(*words, {END_OF_TEXT})
        vocabulary = {token: self._ids[token] for token in tokens if token in self._ids}
        return gpt2_tokenizer(models.BPE(vocabulary, pairs)).encode(text, add_special_tokens=False).ids

    def _words(self, text: str) -> set[str]:
        """The pieces between which GPT-2 never merges, as its vocabulary writes them."""
        from tokenizers import models

        split = gpt2_tokenizer(models.BPE()).pre_tokenizer
        between = [text] if self.end_of_text is None else text.split(END_OF_TEXT)
        return {word for part in between for word, _ in split.pre_tokenize_str(part)}

    def _token(self, token_id: int) -> str | None:
        return self._tokens.get(token_id)


def is_short(text: str) -> bool:
    """True if this way is worth it."""
    return len(text) <= _SHORT


def for_short_texts(vocabulary: Path, merges: Path, load_all: Callable[[], Tokenizer]) -> ShortTextTokenizer | None:
    """The tokenizer of these files; None if anything about them is unusual, so that the library must judge it."""
    try:
        ids = json.loads(vocabulary.read_bytes())
        head, _, body = merges.read_bytes().partition(b"\n")
        body.decode()
    except (OSError, ValueError, RecursionError):
        return None
    lines = body.removesuffix(b"\n").split(b"\n")
    results = body.replace(b" ", b"").removesuffix(b"\n").split(b"\n")
    usual = (
        isinstance(ids, dict)
        and set(map(type, ids.values())) == {int}
        and head.startswith(b"#version")
        and body.count(b" ") == len(lines)
        and b"\r" not in body
        and 0 <= len(ids) - len(results) - _BYTES <= 1  # what stands in neither file is found when it is used
    )
    return ShortTextTokenizer(ids, lines, results, load_all) if usual else None
