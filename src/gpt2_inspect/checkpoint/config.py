"""Reading config.json: the shape of a GPT-2 and the flags that change its arithmetic."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelUnusableError, system_reason
from ..messages import Message

_MAX_NUMBER = 3e38
"""The largest in float32, nearly."""

_MAX_SIZE = 2**24
"""Far above any GPT-2; keeps a broken config.json from asking for absurd amounts of memory."""

_ALIASES = {
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_embd": "hidden_size",
    "n_positions": "max_position_embeddings",
}
"""Second names of sizes, GPT2Config.attribute_map in transformers. Where both are given, the second one counts."""

_UNREAD_FLAGS = (
    "add_cross_attention",
    "reorder_and_upcast_attn",
    "summary_proj_to_labels",
    "summary_use_proj",
    "use_cache",
)
_UNREAD_RATES = ("resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_first_dropout")
"""Settings whose value changes nothing here, or is looked at elsewhere, but whose type transformers checks: what it
refuses to load is not loaded. (`reorder_and_upcast_attn` changes nothing in float32.)"""

_NOT_FOLLOWED = ("configuration_files", "transformers_weights")
"""Settings that point transformers to files other than the usual ones."""

_ONLY_IN_TRANSFORMERS: dict[str, tuple[Any, ...]] = {
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False, None),
    "is_causal": (True,),
    "quantization_config": (None,),
    "per_layer_config": (None,),
    "fusion_config": (None,),
    "text_config": (None,),
    "decoder": (None,),
    "generator": (None,),
}
"""Settings by which transformers computes something else, each with the values that change nothing."""

_OF_OTHER_ARCHITECTURES = ("attention_chunk_size", "kv_sharing_modes", "layer_types", "sliding_window")
"""Settings by which generate() keeps another cache, though the forward pass of GPT-2 knows nothing of them: the same
tokens would have other logits in one pass than in several."""


class GPT2Config(NamedTuple):
    """The part of config.json that a forward pass depends on. Names and defaults are those of transformers."""

    n_layer: int
    n_head: int
    n_embd: int
    n_positions: int
    vocab_size: int
    n_inner: int
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    tie_word_embeddings: bool = True
    eos_token_ids: tuple[int, ...] = ()
    """Of config.json itself; `special_ids` says which count."""
    bos_token_id: int | None = None
    unsupported: tuple[str, ...] = ()
    """Settings that only transformers implements, as `name=value`."""

    @property
    def head_dim(self) -> int:
        return self.n_embd // self.n_head


def read_config(path: Path) -> GPT2Config:
    """Parse a config.json.

    Raises:
        ModelUnusableError: it cannot be read, is no JSON object, describes another architecture, or holds values
            that no GPT-2 can have.
    """
    return parse_config(read_json(path), path)


def read_json(path: Path, *, only_utf8: bool = False) -> dict[str, Any]:
    """A JSON object from a file; anything else is a ModelUnusableError.

    `json` takes UTF-16, UTF-32 and a byte order mark from bytes; with `only_utf8` they are refused.
    """
    try:
        raw = path.read_bytes()
        content = json.loads(raw.decode() if only_utf8 else raw)
    except OSError as error:
        raise ModelUnusableError(
            Message("cannot read {path!r}: {reason}", path=str(path), reason=system_reason(error))
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelUnusableError(Message("{path!r} is not valid JSON: {error}", path=str(path), error=error)) from error
    if not isinstance(content, dict):
        raise ModelUnusableError(Message("{path!r} does not hold a JSON object", path=str(path)))
    return content


def parse_config(content: dict[str, Any], path: Path) -> GPT2Config:
    """A GPT2Config from the parsed JSON; `path` is for messages only. Raises ModelUnusableError."""
    model_type = content.get("model_type")
    if model_type != "gpt2":
        named = Message("no model_type")
        if isinstance(model_type, str):
            named = Message("model_type {model_type!r}", model_type=model_type)
        raise ModelUnusableError(
            Message("{path!r} describes another architecture ({named}), not GPT-2", path=str(path), named=named),
            Message("only checkpoints with model_type gpt2 can be inspected"),
        )
    for name in _NOT_FOLLOWED:
        if name in content:
            raise ModelUnusableError(
                Message("{path!r}: {name} points to other files, which are not followed", path=str(path), name=name)
            )
    for name in _OF_OTHER_ARCHITECTURES:
        if content.get(name) is not None:
            raise ModelUnusableError(
                Message("{path!r} sets {name}, which GPT-2 does not have", path=str(path), name=name)
            )
    fields = Fields(content, path)
    fields.check_unread()
    n_embd = fields.size("n_embd", 768)
    config = GPT2Config(
        n_layer=fields.size("n_layer", 12),
        n_head=fields.size("n_head", 12),
        n_embd=n_embd,
        n_positions=fields.size("n_positions", 1024),
        vocab_size=fields.size("vocab_size", 50257),
        n_inner=4 * n_embd if content.get("n_inner") is None else fields.size("n_inner", 0),
        activation_function=fields.text("activation_function", "gelu_new"),
        layer_norm_epsilon=fields.positive("layer_norm_epsilon", 1e-5),
        scale_attn_weights=fields.flag("scale_attn_weights", True),
        scale_attn_by_inverse_layer_idx=fields.flag("scale_attn_by_inverse_layer_idx", False),
        tie_word_embeddings=fields.flag("tie_word_embeddings", True),
        eos_token_ids=fields.token_ids("eos_token_id"),
        bos_token_id=fields.token_id("bos_token_id"),
        unsupported=tuple(_unsupported(content)),
    )
    if config.n_embd % config.n_head:
        raise ModelUnusableError(
            Message(
                "{path!r}: n_embd {n_embd} cannot be divided among n_head {n_head} heads",
                path=str(path),
                n_embd=config.n_embd,
                n_head=config.n_head,
            )
        )
    return config


def _unsupported(content: dict[str, Any]) -> Iterator[str]:
    for name, harmless in _ONLY_IN_TRANSFORMERS.items():
        value = content.get(name, harmless[0])
        if not any(value is one for one in harmless):
            yield name if isinstance(value, (list, dict)) else f"{name}={_shown(value)}"


def _shown(value: Any) -> str:
    """A JSON value in few words."""
    return type(value).__name__ if isinstance(value, (list, dict)) else json.dumps(value)[:60]


class Fields(NamedTuple):
    """Reads single values of a JSON object and says which one is wrong. Only a missing value has a default: as in
    transformers, `null` is none."""

    content: dict[str, Any]
    path: Path

    def size(self, name: str, default: int) -> int:
        """Under its second name, if it has one and that is given."""
        alias = _ALIASES.get(name)
        value = self._size(name, default)
        return self._size(alias, value) if alias else value

    def _size(self, name: str, default: int) -> int:
        value = self.content.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_SIZE:
            self._refuse(name, value, Message("a whole number above 0"))
        return int(value)

    def positive(self, name: str, default: float) -> float:
        value = self.content.get(name, default)
        if not isinstance(value, float) or not 0 < value <= _MAX_NUMBER:
            self._refuse(name, value, Message("a number above 0 with a decimal point"))
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.content.get(name, default)
        if not isinstance(value, bool):
            self._refuse(name, value, Message("true or false"))
        return bool(value)

    def text(self, name: str, default: str) -> str:
        value = self.content.get(name, default)
        if not isinstance(value, str):
            self._refuse(name, value, Message("a string"))
        return str(value)

    def token_id(self, name: str) -> int | None:
        """None if there is none."""
        value = self.content.get(name)
        if value is None:
            return None
        if not _is_token_id(value):
            self._refuse(name, value, Message("a token id"))
        return int(value)

    def token_ids(self, name: str) -> tuple[int, ...]:
        """One id or a list of them; empty if there are none."""
        value = self.content.get(name)
        if value is None:
            return ()
        values = value if isinstance(value, list) and value else [value]
        if not all(map(_is_token_id, values)):
            self._refuse(name, value, Message("a token id or a list of them"))
        return tuple(values)

    def check_unread(self) -> None:
        """The types of what GPT2Config of transformers checks and nobody here reads."""
        for name in _UNREAD_FLAGS:
            self.flag(name, True)
        for name in _UNREAD_RATES:
            value = self.content.get(name, 0.1)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                self._refuse(name, value, Message("a number"))
        if not isinstance(scale := self.content.get("initializer_range", 0.02), float):
            self._refuse("initializer_range", scale, Message("a number with a decimal point"))
        self.text("summary_type", "cls_index")
        if self.content.get("summary_activation") is not None:
            self.text("summary_activation", "")
        padding = self.content.get("pad_token_id")
        if padding is not None and (isinstance(padding, bool) or not isinstance(padding, int)):  # -1 is seen
            self._refuse("pad_token_id", padding, Message("a token id"))

    def _refuse(self, name: str, value: Any, expected: Message) -> None:
        raise ModelUnusableError(
            Message(
                "{path!r}: {name} is {value}, not {expected}",
                path=str(self.path),
                name=name,
                value=_shown(value),
                expected=expected,
            )
        )


def _is_token_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_SIZE
