"""What the small files beside a vocabulary make of it: which class of transformers, and which tokens it adds.

tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json all have a say, and so have the added
tokens of tokenizer.json. The rules are those of transformers 5 (`AutoTokenizer.from_pretrained`,
`PreTrainedTokenizerBase._from_pretrained` and `TokenizersBackend.__init__`) as far as GPT-2s make use of them; whatever
goes beyond that is left to transformers itself.
"""

from pathlib import Path
from typing import Any, NamedTuple

from ..filenames import ADDED_TOKENS, CONFIG, SPECIAL_TOKENS, TOKENIZER_CONFIG
from .config import read_json
from .tokenizer import END_OF_TEXT

_REBUILT = (None, "GPT2Tokenizer", "GPT2TokenizerFast")
"""The class that takes only vocabulary and merges from tokenizer.json; it is a GPT-2's unless another is named."""

_AS_WRITTEN = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""The names of the class that takes tokenizer.json as it stands."""

_DEFAULTS = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
"""Of GPT2Tokenizer."""

_NAMED = (*_DEFAULTS, "sep_token", "pad_token", "cls_token", "mask_token")

_EXTRA = ("extra_special_tokens", "additional_special_tokens")

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")

_WITHOUT_EFFECT: dict[str, Any] = {
    **dict.fromkeys(("add_bos_token", "add_eos_token", "clean_up_tokenization_spaces"), bool),
    **dict.fromkeys(("is_local", "local_files_only", "use_fast"), bool),
    **dict.fromkeys(("backend", "chat_template", "errors", "name_or_path", "tokenizer_class"), str),
    **dict.fromkeys(("special_tokens_map_file", "tokenizer_file"), str),
    **dict.fromkeys(("max_len", "model_max_length"), (int, float)),
}
"""Settings that change neither the ids of a text nor the text of ids, and what they may be, besides None."""

AddedToken = dict[str, Any]
"""A token that is not made by merges: the arguments of the library's AddedToken."""


IMPLIED_END: AddedToken = {"content": END_OF_TEXT, "special": True}
"""What GPT2Tokenizer adds if no file says more of it than its name."""


class Setup(NamedTuple):
    """How a tokenizer is put together."""

    as_written: bool
    """True if tokenizer.json is taken as it stands, False if its vocabulary and merges are made into a GPT-2's."""
    add_prefix_space: bool
    """Before each text; False for the former, which says so itself."""
    added: tuple[AddedToken, ...]
    """In the order in which those that the vocabulary lacks get their ids."""

    @property
    def is_plain(self) -> bool:
        """True if this is GPT-2's own: `<|endoftext|>` is added and no other, and nothing is done about spaces."""
        if self.add_prefix_space or len(self.added) != 1:
            return False
        (token,) = self.added
        flags = [token.get(flag, False) for flag in ("special", "single_word", "lstrip", "rstrip")]
        return token["content"] == END_OF_TEXT and flags == [True, False, False, False]


def read_setup(folder: Path, written: Any = None) -> Setup | None:
    """The setup of the tokenizer in `folder`; None if it is an unusual one, for transformers to read.

    `written` are the added tokens of tokenizer.json; None if there is no such file.

    Raises:
        ModelUnusableError: a file is not a JSON object.
    """
    settings = _settings(folder, TOKENIZER_CONFIG)
    name = settings.get("tokenizer_class") or _settings(folder, CONFIG).get("tokenizer_class")
    as_written = name in _AS_WRITTEN and written is not None
    prefix = settings.pop("add_prefix_space", False)
    if not (as_written or name in _REBUILT) or not isinstance(prefix, bool):
        return None
    try:  # a ValueError says no more than that something is unusual
        if written is not None:
            written = [_checked(token, dict) for token in _checked(written, list)]
        listed = _listed_tokens(folder, settings, written)
        named = _named_tokens({} if as_written else _DEFAULTS, settings)
        extra = _extra_tokens(settings)
        if any(named.get(content, token) != token for content, token in extra.items()):
            raise ValueError("a token is named in two ways")
    except ValueError:
        return None
    if not all(_has_no_effect(key, value, written) for key, value in settings.items()):
        return None
    added = {token["content"]: token for token in listed}
    there = {token.get("content") for token in written or ()} if as_written else set()
    for content, token in (*named.items(), *extra.items()):
        if content not in there:
            added.setdefault(content, token)
    for content in named.keys() & added.keys():
        added[content]["special"] = True
    return Setup(as_written, prefix and not as_written, tuple(added.values()))


def _has_no_effect(key: str, value: Any, written: Any) -> bool:
    if key in ("add_bos_token", "add_eos_token") and value and written is None:
        return False  # then there must be such a token, or transformers refuses
    if key in ("padding_side", "truncation_side"):
        return value in ("left", "right")
    return key in _WITHOUT_EFFECT and (value is None or isinstance(value, _WITHOUT_EFFECT[key]))


def _listed_tokens(folder: Path, settings: dict[str, Any], written: Any) -> list[AddedToken]:
    """The tokens that are listed with their ids, in the order of these; what has been read leaves `settings`.

    The list in tokenizer_config.json takes the place of all the older files, which else have a say.
    """
    if "added_tokens_decoder" in settings:
        listed = _checked(settings.pop("added_tokens_decoder"), dict)
        by_id = {int(token_id): _token(token) for token_id, token in listed.items()}
    elif (folder / ADDED_TOKENS).is_file():
        raise ValueError("a file of old tokenizers")
    else:
        older = _settings(folder, SPECIAL_TOKENS)
        if any(name in older and name in settings for name in _EXTRA):
            raise ValueError("two lists of the same")
        for key, value in older.items():
            settings[key] = value | {"__type": "AddedToken", "special": True} if isinstance(value, dict) else value
        tokens = [dict(token) for token in written or ()]
        by_id = {_checked(token.pop("id", None), int): _token(token) for token in tokens}
    if len({token["content"] for token in by_id.values()}) != len(by_id):
        raise ValueError("a token is listed twice")
    return [by_id[token_id] for token_id in sorted(by_id)]


def _named_tokens(defaults: dict[str, str], settings: dict[str, Any]) -> dict[str, AddedToken]:
    """The tokens that have a role, such as bos_token; these settings leave `settings`."""
    values = defaults | {name: settings.pop(name) for name in _NAMED if name in settings}
    tokens: dict[str, AddedToken] = {}
    for value in values.values():
        if isinstance(value, dict):
            if value.pop("__type", None) != "AddedToken":
                raise ValueError("no token")
            token = _token(value)
        elif value is not None:
            token = _special(value)
        else:
            continue
        if tokens.setdefault(token["content"], token) != token:
            raise ValueError("a token is named in two ways")
    return tokens


def _extra_tokens(settings: dict[str, Any]) -> dict[str, AddedToken]:
    values = [settings.pop(name) for name in _EXTRA if name in settings]
    if len(values) > 1:
        raise ValueError("two lists of the same")
    return {token: _special(token) for token in (_checked(values[0] or [], list) if values else [])}


def _special(content: Any) -> AddedToken:
    if not _checked(content, str):
        raise ValueError("no token")
    return {"content": content, "special": True}


def _token(value: Any) -> AddedToken:
    """A copy of a token that is written with its settings."""
    flags = dict(_checked(value, dict))
    content = _checked(flags.pop("content", None), str)
    if not content or not all(name in _FLAGS and type(flag) is bool for name, flag in flags.items()):
        raise ValueError("no token")
    return {"content": content, **flags}


def _checked(value: Any, kind: type) -> Any:
    """`value`, if it is of this very kind; else ValueError."""
    if type(value) is not kind:
        raise ValueError(f"no {kind.__name__}")
    return value


def _settings(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file that need not be there."""
    return read_json(folder / name) if (folder / name).is_file() else {}
