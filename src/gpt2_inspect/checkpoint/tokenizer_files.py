"""Which of a model's files make its tokenizer, and which of the ways to load them is the fastest that is right.

Right is what transformers' AutoTokenizer makes of the folder. It costs seconds; so the usual folders are put together
here by its rules, and only the others are left to it.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelUnusableError
from ..filenames import MERGES, TOKENIZER, VOCABULARY
from ..messages import Message
from .config import read_json
from .linear import is_linear
from .short_texts import ShortTextTokenizer, is_short, read_pair, tables_of
from .tokenizer import END_OF_TEXT, ByteLevelTokenizer, Tokenizer, gpt2_tokenizer, library_errors
from .tokenizer_setup import IMPLIED_END, AddedToken, Setup, read_setup

if TYPE_CHECKING:
    import tokenizers

_PARTS = {
    *("version", "truncation", "padding", "added_tokens"),
    *("normalizer", "pre_tokenizer", "post_processor", "decoder", "model"),
}
_BYTE_LEVEL = {"add_prefix_space", "trim_offsets"}
"""What a tokenizer.json may hold, and what a part of it by this name must."""


def load_tokenizer(folder: Path, first_text: str = "") -> Tokenizer:
    """The tokenizer in a model's folder: tokenizer.json, vocab.json with merges.txt, or a BERT-style vocab.txt.

    `first_text` is what will be encoded first: for a short one, a part of GPT-2's tokenizer is enough, and is ready in
    half the time. A tokenizer.json that might take any amount of time or memory is run in a process of its own.

    Raises:
        ModelUnusableError: the files are broken.
        BackendUnavailableError: they need transformers, which is not installed.
    """
    return _load(folder, first_text, guard=True)


def load_unguarded(folder: Path) -> Tokenizer:
    """The same, whatever it takes: for a process that may be ended."""
    return _load(folder, "", guard=False)


def _load(folder: Path, first_text: str, *, guard: bool) -> Tokenizer:
    full, vocabulary, merges = folder / TOKENIZER, folder / VOCABULARY, folder / MERGES
    if full.is_file():
        content = read_json(full, only_utf8=True)  # as the library that reads it for transformers
        if guard and not is_linear(content):
            from .guarded import GuardedTokenizer  # loads subprocess

            return GuardedTokenizer(folder)
        setup = read_setup(folder, content.get("added_tokens"))
        if setup is not None:
            return _from_tokenizer_json(full, content, setup, first_text)
    elif vocabulary.is_file() and merges.is_file():
        setup = read_setup(folder)
        if setup is not None:
            return _from_pair(vocabulary, merges, setup, first_text)
    return _from_transformers(folder)


def _from_pair(vocabulary: Path, merges: Path, setup: Setup, first_text: str) -> Tokenizer:
    @cache
    def load_all() -> Tokenizer:
        from tokenizers import models

        with library_errors(Message("the tokenizer in {path!r} and merges.txt is broken", path=str(vocabulary))):
            _refuse_large_ids(vocabulary)
            return _gpt2(models.BPE.from_file(str(vocabulary), str(merges)), setup)

    use_part = is_short(first_text) and setup.is_plain
    tables = read_pair(vocabulary, merges) if use_part else None
    return load_all() if tables is None else ShortTextTokenizer(tables, load_all)


def _refuse_large_ids(vocabulary: Path) -> None:
    """The library cuts ids in vocab.json to 32 bits without a word."""
    raw = vocabulary.read_bytes()
    if re.search(rb"[0-9]{10}", raw):  # most have no need of the parser
        for token, token_id in json.loads(raw.decode()).items():
            if isinstance(token_id, int) and token_id >= 2**32:
                raise ModelUnusableError(
                    Message(
                        "{vocabulary!r}: the id of {token!r} is {token_id}, beyond any vocabulary",
                        vocabulary=str(vocabulary),
                        token=token,
                        token_id=token_id,
                    )
                )


def _from_tokenizer_json(path: Path, content: dict[str, Any], setup: Setup, first_text: str) -> Tokenizer:
    usual = _is_usual(content)
    if setup.as_written and not (usual and setup.is_plain and _tokens(content) == setup.added):
        return _as_written(path, setup)
    if not usual:
        _check_what_is_not_used(path, content)
    vocabulary, merges = content["model"].get("vocab"), content["model"].get("merges", [])
    if not isinstance(vocabulary, dict) or not isinstance(merges, list):
        return _from_transformers(path.parent)

    @cache
    def load_all() -> Tokenizer:
        from tokenizers import models

        with library_errors(Message("the tokenizer in {path!r} is broken", path=str(path))):
            pairs = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in merges]
            return _gpt2(models.BPE(vocabulary, pairs), setup)

    use_part = is_short(first_text) and setup.is_plain
    tables = tables_of(vocabulary, merges) if use_part else None
    return load_all() if tables is None else ShortTextTokenizer(tables, load_all)


def _gpt2(bpe: "tokenizers.models.BPE", setup: Setup) -> Tokenizer:
    """GPT-2's tokenizer with this vocabulary."""
    tokenizer = gpt2_tokenizer(bpe, add_prefix_space=setup.add_prefix_space)
    implied_end = tokenizer.token_to_id(END_OF_TEXT) is None and IMPLIED_END in setup.added
    _add(tokenizer, setup.added)
    return ByteLevelTokenizer(tokenizer, implied_end=implied_end)


def _as_written(path: Path, setup: Setup) -> Tokenizer:
    from tokenizers import Tokenizer, decoders

    with library_errors(Message("the tokenizer in {path!r} is broken", path=str(path))):
        tokenizer = Tokenizer.from_file(str(path))
        _add(tokenizer, setup.added)
    if not isinstance(tokenizer.decoder, decoders.ByteLevel):
        return _from_transformers(path.parent)
    return ByteLevelTokenizer(tokenizer)


def _add(tokenizer: "tokenizers.Tokenizer", tokens: Iterable[AddedToken]) -> None:
    from tokenizers import AddedToken

    tokenizer.add_tokens([AddedToken(**token) for token in tokens])


def _from_transformers(folder: Path) -> Tokenizer:
    from .transformers_tokenizer import load_transformers_tokenizer  # loads transformers: seconds

    return load_transformers_tokenizer(folder)


def _is_usual(content: dict[str, Any]) -> bool:
    """True if all that a tokenizer.json says beyond vocabulary, merges and added tokens is what GPT-2's says."""
    model: Any = content.get("model")
    splitting: Any = content.get("pre_tokenizer")
    return (
        content.keys() <= _PARTS
        and content.get("version") == "1.0"
        and not any(content.get(name) for name in ("normalizer", "truncation", "padding"))
        and all(_is_byte_level(content.get(name)) for name in ("pre_tokenizer", "decoder"))
        and (content.get("post_processor") is None or _is_byte_level(content["post_processor"]))
        and not splitting["add_prefix_space"]
        and splitting.get("use_regex", True)
        and isinstance(model, dict)
        and model.get("type") == "BPE"
        and not any(value for name, value in model.items() if name not in ("type", "vocab", "merges"))
    )


def _tokens(content: dict[str, Any]) -> tuple[AddedToken, ...]:
    """The added tokens of a tokenizer.json, without their ids."""
    return tuple({name: value for name, value in token.items() if name != "id"} for token in content["added_tokens"])


def _is_byte_level(part: Any) -> bool:
    if not isinstance(part, dict) or part.get("type") != "ByteLevel" or not part.keys() >= _BYTE_LEVEL:
        return False
    return all(isinstance(value, bool) for name, value in part.items() if name != "type")


def _check_what_is_not_used(path: Path, content: dict[str, Any]) -> None:
    """Where transformers takes only vocabulary and merges, the library still reads the rest, and may refuse it."""
    from tokenizers import Tokenizer

    model = content.get("model")
    if not isinstance(model, dict):
        raise ModelUnusableError(Message("{path!r} is no tokenizer: it has no model", path=str(path)))
    empty = {name: type(value)() for name, value in model.items() if name in ("vocab", "merges")}
    with library_errors(Message("the tokenizer in {path!r} is broken", path=str(path))):
        Tokenizer.from_str(json.dumps({**content, "model": {**model, **empty}, "added_tokens": []}))
