"""The names of a model's files, as transformers writes them, and which of those with weights are in a folder."""

import json
from pathlib import Path

CONFIG = "config.json"

SAFETENSORS = "model.safetensors"
SAFETENSORS_INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
PICKLE_INDEX = "pytorch_model.bin.index.json"
WEIGHTS = (SAFETENSORS, SAFETENSORS_INDEX, PICKLE, PICKLE_INDEX)
"""The weight files that can stand for a whole model, the preferred one first."""

TOKENIZER = "tokenizer.json"
VOCABULARY = "vocab.json"
MERGES = "merges.txt"
WORDS = "vocab.txt"
"""A vocabulary in the form of BERT's, a token a line."""
TOKENIZERS = ((TOKENIZER,), (VOCABULARY, MERGES), (WORDS,))
"""The sets of files of which one must be there to make a tokenizer."""

TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
GENERATION_CONFIG = "generation_config.json"
CARD = "README.md"
CHECKSUMS = "SHA256SUMS"
"""In the form of sha256sum(1); the bundled models have one."""
ALONGSIDE = (TOKENIZER_CONFIG, SPECIAL_TOKENS, GENERATION_CONFIG, ADDED_TOKENS)
"""Files that need not be there, and say more about the model if they are."""


def files_of_a_model(folder: Path) -> set[str]:
    """All names that are read of a model in this folder, whether they are there or not."""
    return {CONFIG, *ALONGSIDE, *WEIGHTS, *(name for names in TOKENIZERS for name in names), *shards(folder)}


def has_safetensors(folder: Path) -> bool:
    """True if a model's weights are there in this format, in one file or several."""
    return any((folder / name).is_file() for name in (SAFETENSORS, SAFETENSORS_INDEX))


def shards(folder: Path) -> set[str]:
    """The files over which the index files in a folder say that weights are spread; what is wrong is left out."""
    found: set[str] = set()
    for name in (SAFETENSORS_INDEX, PICKLE_INDEX):
        path = folder / name
        if path.is_file():
            try:
                found.update(filter(_is_name, json.loads(path.read_bytes())["weight_map"].values()))
            except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
                continue
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value
