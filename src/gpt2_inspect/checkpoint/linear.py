"""Which tokenizer.json files surely take time and memory in proportion to the text.

Regular expressions may backtrack for hours, and replacements may double the text again and again; then the library
ends in a panic, or not at all. Only parts that are known to do neither run in this process; for others see guarded.py.
"""

from typing import Any

_NORMALIZERS = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "BertNormalizer"}

_PRE_TOKENIZERS = {
    *("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Punctuation", "UnicodeScripts"),
    *("Whitespace", "WhitespaceSplit"),
}

_DECODERS = {"BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "WordPiece"}

_PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""The regular expression by which GPT-2 splits text."""

_LONGEST_AFFIX = 16
"""Characters that a model may put around each piece of a word."""

_LONGEST_WORD = 1000
"""Characters of a word in which WordPiece may look for pieces, which takes the square of it."""


def is_linear(content: dict[str, Any]) -> bool:
    """True if all parts of a tokenizer.json are known to be."""
    return (
        _all_known(content.get("normalizer"), "normalizers", _NORMALIZERS)
        and _all_known(content.get("pre_tokenizer"), "pretokenizers", _PRE_TOKENIZERS)
        and _all_known(content.get("decoder"), "decoders", _DECODERS)
        and _is_modest(content.get("model"))
    )


def _all_known(part: Any, several: str, known: set[str]) -> bool:
    parts = part.get(several) if isinstance(part, dict) and part.get("type") == "Sequence" else [part]
    if not isinstance(parts, list):
        return False
    kinds = [part.get("type") if isinstance(part, dict) else part for part in parts]
    if kinds.count("ByteLevel") > 1:  # each time a byte may become two
        return False
    return all(
        kind is None or (isinstance(kind, str) and kind in known) or (kind == "Split" and _splits_simply(part))
        for kind, part in zip(kinds, parts, strict=True)
    )


def _splits_simply(part: dict[str, Any]) -> bool:
    match part.get("pattern"):
        case {"String": str(text)}:
            return bool(text)
        case {"Regex": str(pattern)}:
            return pattern == _PATTERN
    return False


def _is_modest(model: Any) -> bool:
    if not isinstance(model, dict):
        return True  # the library refuses it
    affixes = [model.get(name) for name in ("continuing_subword_prefix", "end_of_word_suffix")]
    longest = model.get("max_input_chars_per_word")
    return all(not isinstance(affix, str) or len(affix) <= _LONGEST_AFFIX for affix in affixes) and (
        not isinstance(longest, int) or longest <= _LONGEST_WORD
    )
