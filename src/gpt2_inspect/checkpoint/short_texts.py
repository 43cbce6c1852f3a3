"""GPT-2's tokenizer for short texts, loaded in half the time: the library gets only what the text can use.

To merge two tokens, the text must hold both side by side. So of the 50,000 merges of GPT-2 only those count whose
result stands somewhere in the text, and a BPE of these alone, in their order, cuts it in the same way.
"""

import json
from collections.abc import Callable
from pathlib import Path

from .tokenizer import END_OF_TEXT, ByteLevelDecoder, Tokenizer, byte_alphabet, gpt2_tokenizer

_BYTES = 256
"""Tokens that no merge makes, but for `<|endoftext|>`."""

_SHORT = 500
"""Characters of a text up to which looking for the merges costs less than loading them all."""


class ShortTextTokenizer(ByteLevelDecoder):
    """vocab.json and merges.txt, of which a long text makes `load_all` load everything after all."""

    def __init__(self, ids: dict[str, int], merges: list[str], results: list[str], load_all: Callable[[], Tokenizer]):
        self._ids = ids
        self._merges = merges  # "left right"
        self._results = results  # "leftright"
        self._load_all = load_all
        self._tokens = dict(zip(ids.values(), ids, strict=True))
        special = {} if self.end_of_text is None else {self.end_of_text: END_OF_TEXT}
        super().__init__(special)

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

        characters = {byte: character for character, byte in byte_alphabet().items()}
        written = "".join(characters[byte] for byte in text.encode())  # as GPT-2's vocabulary writes it
        usable = [index for index, result in enumerate(self._results) if result in written]
        if not all(self._results[index] in self._ids for index in usable):
            return self._load_all().encode(text)
        pairs = [(left, right) for left, _, right in (self._merges[index].partition(" ") for index in usable)]
        tokens = {*written, *(part for pair in pairs for part in pair), *(self._results[index] for index in usable)}
        vocabulary = {token: self._ids[token] for token in tokens | {END_OF_TEXT} if token in self._ids}
        return gpt2_tokenizer(models.BPE(vocabulary, pairs)).encode(text, add_special_tokens=False).ids

    def _token(self, token_id: int) -> str | None:
        return self._tokens.get(token_id)


def is_short(text: str) -> bool:
    """True if this way is worth it."""
    return len(text) <= _SHORT


def for_short_texts(vocabulary: Path, merges: Path, load_all: Callable[[], Tokenizer]) -> ShortTextTokenizer | None:
    """The tokenizer of these files; None if anything about them is unusual, so that the library must judge it."""
    try:
        ids = json.loads(vocabulary.read_bytes())
        head, _, body = merges.read_bytes().decode().partition("\n")
    except (OSError, ValueError, RecursionError):
        return None
    lines = body.removesuffix("\n").split("\n")
    results = body.replace(" ", "").removesuffix("\n").split("\n")
    usual = (
        isinstance(ids, dict)
        and set(map(type, ids.values())) == {int}
        and head.startswith("#version")
        and body.count(" ") == len(lines)
        and "\r" not in body
        and 0 <= len(ids) - len(results) - _BYTES <= 1  # what stands in neither file is found when it is used
    )
    return ShortTextTokenizer(ids, lines, results, load_all) if usual else None
