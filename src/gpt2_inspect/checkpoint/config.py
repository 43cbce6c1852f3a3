"""Reading config.json: the shape of a GPT-2 and the flags that change its arithmetic."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelUnusableError

_MAX_NUMBER = 3e38
"""The largest in float32, nearly."""

_MAX_SIZE = 2**24
"""Far above any GPT-2; keeps a broken config.json from asking for absurd amounts of memory."""


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
    eos_token_id: int | None = None
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


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; anything else is a ModelUnusableError."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelUnusableError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelUnusableError(f"{str(path)!r} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelUnusableError(f"{str(path)!r} does not hold a JSON object")
    return content


def parse_config(content: dict[str, Any], path: Path) -> GPT2Config:
    """A GPT2Config from the parsed JSON; `path` is for messages only. Raises ModelUnusableError."""
    model_type = content.get("model_type")
    if model_type != "gpt2":
        named = f"model_type {model_type!r}" if isinstance(model_type, str) else "no model_type"
        raise ModelUnusableError(
            f"{str(path)!r} describes another architecture ({named}), not GPT-2",
            "only checkpoints with model_type gpt2 can be inspected",
        )
    fields = _Fields(content, path)
    n_embd = fields.size("n_embd", 768)
    config = GPT2Config(
        n_layer=fields.size("n_layer", 12),
        n_head=fields.size("n_head", 12),
        n_embd=n_embd,
        n_positions=fields.size("n_positions", 1024),
        vocab_size=fields.size("vocab_size", 50257),
        n_inner=fields.size("n_inner", 4 * n_embd),
        activation_function=fields.text("activation_function", "gelu_new"),
        layer_norm_epsilon=fields.positive("layer_norm_epsilon", 1e-5),
        scale_attn_weights=fields.flag("scale_attn_weights", True),
        scale_attn_by_inverse_layer_idx=fields.flag("scale_attn_by_inverse_layer_idx", False),
        tie_word_embeddings=fields.flag("tie_word_embeddings", True),
        eos_token_id=fields.token_id("eos_token_id"),
        bos_token_id=fields.token_id("bos_token_id"),
        unsupported=tuple(_unsupported(content)),
    )
    if config.n_embd % config.n_head:
        raise ModelUnusableError(
            f"{str(path)!r}: n_embd {config.n_embd} cannot be divided among n_head {config.n_head} heads"
        )
    return config


def _unsupported(content: dict[str, Any]) -> list[str]:
    """`reorder_and_upcast_attn` is not among them: in float32 it changes nothing."""
    names = [name for name in ("add_cross_attention", "is_encoder_decoder") if content.get(name)]
    named = [f"{name}=true" for name in names]
    return named + (["quantization_config"] if content.get("quantization_config") else [])


class _Fields(NamedTuple):
    """Reads single values and says which one is wrong."""

    content: dict[str, Any]
    path: Path

    def size(self, name: str, default: int) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_SIZE:
            self._refuse(name, value, "a whole number above 0")
        return int(value)

    def positive(self, name: str, default: float) -> float:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _MAX_NUMBER:
            self._refuse(name, value, "a number above 0")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self._get(name, default)
        if not isinstance(value, bool):
            self._refuse(name, value, "true or false")
        return bool(value)

    def text(self, name: str, default: str) -> str:
        value = self._get(name, default)
        if not isinstance(value, str):
            self._refuse(name, value, "a string")
        return str(value)

    def token_id(self, name: str) -> int | None:
        """A list of ids, which later configurations allow, stands for its first."""
        value: Any = self.content.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SIZE:
            self._refuse(name, value, "a token id")
        return int(value)

    def _get(self, name: str, default: Any) -> Any:
        value = self.content.get(name)
        return default if value is None else value

    def _refuse(self, name: str, value: Any, expected: str) -> None:
        shown = json.dumps(value)[:60] if not isinstance(value, (list, dict)) else type(value).__name__
        raise ModelUnusableError(f"{str(self.path)!r}: {name} is {shown}, not {expected}")
