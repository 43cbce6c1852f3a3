"""Tokenizers other than GPT-2's own, such as the BERT-style vocab.txt of Chinese GPT-2s, run by transformers.

No remote code is run: only tokenizer classes that transformers itself contains.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import importing
from ..filenames import TOKENIZER, WORDS
from ..messages import Message
from .tokenizer import END_OF_TEXT, ByteLevelTokenizer, Tokenizer, library_errors, utf8


class TransformersTokenizer:
    """Any tokenizer of transformers. Its tokens are strings; their bytes are the UTF-8 of these strings."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @property
    def vocab_size(self) -> int:
        return len(self._tokenizer)

    @property
    def end_of_text(self) -> int | None:
        token_id = self._tokenizer.get_vocab().get(END_OF_TEXT)
        return None if token_id is None else int(token_id)

    def encode(self, text: str) -> list[int]:
        with library_errors(Message("the tokenizer cannot encode this text")):
            return list(self._tokenizer.encode(text, add_special_tokens=False))

    def token_bytes(self, token_id: int) -> bytes:
        with library_errors(Message("the tokenizer cannot say what token {token_id} is", token_id=token_id)):
            token = self._tokenizer.convert_ids_to_tokens(token_id)
        return b"" if token is None else utf8(str(token))

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """As transformers joins them, without its optional clean-up, which takes spaces away."""
        with library_errors(Message("the tokenizer cannot decode these ids")):
            return str(
                self._tokenizer.decode(
                    list(token_ids), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
                )
            )


def load_transformers_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that transformers makes of the files in `folder`.

    Raises:
        ModelUnusableError: transformers cannot make one.
        BackendUnavailableError: transformers is not installed.
    """
    from tokenizers import decoders

    with importing(("transformers",), Message("this tokenizer")):
        from transformers import AutoTokenizer, BertTokenizer
        from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its advice is for those who program with it
    only_vocabulary = (folder / WORDS).is_file() and not (folder / TOKENIZER).is_file()
    tokenizer_class = BertTokenizer if only_vocabulary else AutoTokenizer
    with library_errors(Message("transformers cannot open the tokenizer in {folder!r}", folder=str(folder))):
        tokenizer = tokenizer_class.from_pretrained(folder, local_files_only=True)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and isinstance(backend.decoder, decoders.ByteLevel):
        return ByteLevelTokenizer(backend)
    return TransformersTokenizer(tokenizer)
