"""Text to token ids and back, with the exact bytes of every token.

GPT-2's tokenizer is a byte-level BPE: every token is a string of bytes, so ids become text by joining bytes, and a
token by itself may be only a part of a character (Radford et al. 2019, section 2.2). The `tokenizers` library does
the encoding; anything else than a plain GPT-2 tokenizer is left to transformers.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ModelUnusableError
from .config import read_json

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"

_HEAD_BYTES = 65536
"""More than what stands before the vocabulary in a tokenizer.json."""


class Tokenizer(Protocol):
    """What the rest of the project asks of a tokenizer."""

    @property
    def vocab_size(self) -> int:
        """Number of tokens, special ones included."""

    @property
    def end_of_text(self) -> int | None:
        """Id of `<|endoftext|>`; None if the vocabulary has no such token."""

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`; nothing is put before or behind it."""

    def token_bytes(self, token_id: int) -> bytes:
        """The exact bytes of one token; none for an id that only pads the vocabulary."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of the ids together; U+FFFD where bytes are not whole UTF-8."""


class ByteLevelTokenizer:
    """A byte-level BPE, run by the `tokenizers` library."""

    def __init__(self, tokenizer: "tokenizers.Tokenizer") -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        self._bytes = {token_id: token.content.encode() for token_id, token in added.items()}

    @property
    def vocab_size(self) -> int:
        return self._tokenizer.get_vocab_size()

    @property
    def end_of_text(self) -> int | None:
        return self._tokenizer.token_to_id(END_OF_TEXT)

    def encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def token_bytes(self, token_id: int) -> bytes:
        if token_id not in self._bytes:
            self._bytes[token_id] = self._find_bytes(token_id)
        return self._bytes[token_id]

    def _find_bytes(self, token_id: int) -> bytes:
        token = self._tokenizer.id_to_token(token_id)
        if token is None:
            return b""
        alphabet = byte_alphabet()
        try:
            return bytes(alphabet[character] for character in token)
        except KeyError:  # a token that no merge made, put into the vocabulary as it is
            return token.encode()

    def decode(self, token_ids: Sequence[int]) -> str:
        return b"".join(map(self.token_bytes, token_ids)).decode("utf-8", "replace")


@cache
def byte_alphabet() -> dict[str, int]:
    """The printable character that stands for each byte in GPT-2's vocabulary, mapped back to the byte.

    Printable Latin-1 characters stand for themselves; the other bytes are numbered upwards from U+0100 in their order
    (openai/gpt-2, src/encoder.py).
    """
    alphabet = {chr(byte): byte for byte in range(256) if 33 <= byte <= 126 or (byte >= 161 and byte != 173)}
    others = [byte for byte in range(256) if chr(byte) not in alphabet]
    return alphabet | {chr(256 + index): byte for index, byte in enumerate(others)}


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a model's folder: tokenizer.json, vocab.json with merges.txt, or a BERT-style vocab.txt.

    A large tokenizer loads from vocab.json and merges.txt in two thirds of the time that tokenizer.json takes, so
    those are read where both are there and tokenizer.json says nothing beyond them.

    Raises:
        ModelUnusableError: the files are broken.
    """
    full, vocabulary, merges = folder / "tokenizer.json", folder / "vocab.json", folder / "merges.txt"
    has_pair = vocabulary.is_file() and merges.is_file()
    if full.is_file():
        if has_pair and _is_plain_gpt2(full) and _is_plain_setup(folder):
            return _from_vocabulary(vocabulary, merges)
        return _from_tokenizer_json(full)
    if has_pair and _is_plain_setup(folder):
        return _from_vocabulary(vocabulary, merges)
    return _from_transformers(folder)


def _from_vocabulary(vocabulary: Path, merges: Path) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    try:
        tokenizer = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    except Exception as error:  # the library raises nothing more precise
        raise _unusable(f"{str(vocabulary)!r} and merges.txt", error) from error
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if tokenizer.token_to_id(END_OF_TEXT) is not None:
        tokenizer.add_special_tokens([END_OF_TEXT])
    return ByteLevelTokenizer(tokenizer)


def _from_tokenizer_json(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, pre_tokenizers

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise _unusable(repr(str(path)), error) from error
    if not isinstance(tokenizer.decoder, decoders.ByteLevel):
        return _from_transformers(path.parent)
    prefix = _settings(path.parent, "tokenizer_config.json").get("add_prefix_space")
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
    if (folder / "added_tokens.json").is_file():
        return False
    settings = _settings(folder, "tokenizer_config.json")
    special = settings | _settings(folder, "special_tokens_map.json")
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
