"""Text to token ids and back, with the exact bytes of every token.

GPT-2's tokenizer is a byte-level BPE: every token is a string of bytes, so ids become text by joining bytes, and a
token by itself may be only a part of a character (Radford et al. 2019, section 2.2). The `tokenizers` library does
the encoding; anything else than a plain GPT-2 tokenizer is left to transformers.
"""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from ..errors import ModelUnusableError, first_line
from ..messages import Message

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"


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

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of the ids together; U+FFFD where bytes are not whole UTF-8.

        Special tokens are those that no text is made of, such as `<|endoftext|>`; they can be left out.
        """


class ByteLevelDecoder:
    """From ids to bytes and text, for every byte-level BPE. Subclasses know the token of an id."""

    def __init__(self, special: Container[int]) -> None:
        self._bytes: dict[int, bytes] = {}
        self._special = special

    def token_bytes(self, token_id: int) -> bytes:
        if token_id not in self._bytes:
            self._bytes[token_id] = _bytes_of(self._token(token_id))
        return self._bytes[token_id]

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        if skip_special_tokens:
            token_ids = [token_id for token_id in token_ids if token_id not in self._special]
        return b"".join(map(self.token_bytes, token_ids)).decode("utf-8", "replace")

    def _token(self, token_id: int) -> str | None:
        raise NotImplementedError


class ByteLevelTokenizer(ByteLevelDecoder):
    """A byte-level BPE, run by the `tokenizers` library.

    `implied_end` is True if no file speaks of `<|endoftext|>`, and it was added because transformers does so: a text
    that has it gets an id, but the model has no such token.
    """

    def __init__(self, tokenizer: "tokenizers.Tokenizer", *, implied_end: bool = False) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._implied_end = implied_end
        # its list of them does not tell: one that is added again as no special token stays one
        super().__init__(
            {token_id for token_id in tokenizer.get_added_tokens_decoder() if not tokenizer.decode([token_id])}
        )

    @property
    def vocab_size(self) -> int:
        return self._tokenizer.get_vocab_size() - self._implied_end

    @property
    def end_of_text(self) -> int | None:
        return None if self._implied_end else self._tokenizer.token_to_id(END_OF_TEXT)

    def encode(self, text: str) -> list[int]:
        with library_errors(Message("the tokenizer cannot encode this text")):
            # the batch that does not keep track of places: half the time
            (encoding,) = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)
        return encoding.ids

    def _token(self, token_id: int) -> str | None:
        return self._tokenizer.id_to_token(token_id)


def gpt2_tokenizer(bpe: "tokenizers.models.BPE", *, add_prefix_space: bool = False) -> "tokenizers.Tokenizer":
    """A BPE with all else that makes it GPT-2's, but for the tokens that no merge makes."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers

    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@contextmanager
def library_errors(what: Message) -> Iterator[None]:
    """Turn whatever the tokenizers library or transformers raises, a panic included, into a ModelUnusableError.

    `what` begins its message.
    """
    try:
        yield
    except (ModelUnusableError, MemoryError):
        raise
    except BaseException as error:  # neither library has kinds of its own; and a panic is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ModelUnusableError(Message("{what}: {error}", what=what, error=first_line(error))) from error


def utf8(token: str) -> bytes:
    """The bytes of a token. Raises ModelUnusableError if it is not valid Unicode."""
    try:
        return token.encode()
    except UnicodeEncodeError as error:
        raise ModelUnusableError(
            Message("the vocabulary holds a token that is not valid Unicode: {token!r}", token=token)
        ) from error


def _bytes_of(token: str | None) -> bytes:
    """As the library's ByteLevel decoder has it, for all tokens alike."""
    if token is None:
        return b""
    alphabet = byte_alphabet()
    try:
        return bytes(alphabet[character] for character in token)
    except KeyError:  # a token that no merge made, put into the vocabulary as it is
        return utf8(token)


@cache
def byte_alphabet() -> dict[str, int]:
    """The printable character that stands for each byte in GPT-2's vocabulary, mapped back to the byte.

    Printable Latin-1 characters stand for themselves; the other bytes are numbered upwards from U+0100 in their order
    (openai/gpt-2, src/encoder.py).
    """
    alphabet = {chr(byte): byte for byte in range(256) if 33 <= byte <= 126 or (byte >= 161 and byte != 173)}
    others = [byte for byte in range(256) if chr(byte) not in alphabet]
    return alphabet | {chr(256 + index): byte for index, byte in enumerate(others)}
