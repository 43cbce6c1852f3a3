"""One file per question that can be asked of a model. These know no path, no stream and no particular backend.

The questions themselves can be had from here; the file of each is imported when the question is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .argsort import DecodeArgmaxQuestion as DecodeArgmaxQuestion
    from .attention import AttentionQuestion as AttentionQuestion
    from .compare_heads import CompareHeadsQuestion as CompareHeadsQuestion
    from .compare_search import CompareSearchQuestion as CompareSearchQuestion
    from .decode import DecodeQuestion as DecodeQuestion
    from .embeddings import EmbeddingsQuestion as EmbeddingsQuestion
    from .encode import EncodeQuestion as EncodeQuestion
    from .hidden_states import HiddenStatesQuestion as HiddenStatesQuestion
    from .logits import LogitsQuestion as LogitsQuestion
    from .next_tokens import NextTokensQuestion as NextTokensQuestion
    from .score import ScoreQuestion as ScoreQuestion

FILES = {
    "AttentionQuestion": "attention",
    "CompareHeadsQuestion": "compare_heads",
    "CompareSearchQuestion": "compare_search",
    "DecodeArgmaxQuestion": "argsort",
    "DecodeQuestion": "decode",
    "EmbeddingsQuestion": "embeddings",
    "EncodeQuestion": "encode",
    "HiddenStatesQuestion": "hidden_states",
    "LogitsQuestion": "logits",
    "NextTokensQuestion": "next_tokens",
    "ScoreQuestion": "score",
}
"""Where each question stands."""


def __getattr__(name: str) -> Any:
    if name not in FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{FILES[name]}", __name__), name)
