"""A loaded model: configuration, tokenizer and backend, each opened when a question first asks for it."""

from collections.abc import Sequence
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .backends import Backend, load_auto_classes, load_backend
from .checkpoint.config import GPT2Config
from .checkpoint.shapes import count_parameters
from .checkpoint.special_ids import SpecialIds, special_ids
from .checkpoint.tokenizer import Tokenizer
from .checkpoint.tokenizer_files import load_tokenizer
from .errors import ModelUnusableError
from .messages import Message
from .results import ModelInfo, RunInfo
from .sources import ModelFiles
from .version import __version__

if TYPE_CHECKING:
    from .backends.auto_classes import AutoClasses

_T = TypeVar("_T")

_PADDING = 128
"""Embedding matrices are often padded to a multiple of 64 or 128 rows: fewer ids than this may be without a token."""

_LOADING = RLock()
"""One for all models: while transformers makes a model it changes torch's settings for the whole process."""


class _loaded_once(cached_property[_T]):  # noqa: N801 - a decorator
    """A part that is loaded when first used; threads that need it too wait for it."""

    def __get__(self, instance: object, owner: type[Any] | None = None) -> _T:  # type: ignore[override]
        with _LOADING:  # later uses find the part in the instance and never come here
            return super().__get__(instance, owner)


class Choice(NamedTuple):
    """How a model is to be run; the names have passed `check_choice`."""

    backend: str
    device: str
    dtype: str


class LoadedGPT2:
    """What questions are answered by (analysis/question.py says what they use of it)."""

    def __init__(self, files: ModelFiles, config: GPT2Config, choice: Choice) -> None:
        self.files = files
        self.config = config
        self.choice = choice
        self._parameters = count_parameters(config)
        self._tokenizer: Tokenizer | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy in another process opens the files itself."""
        return type(self), (self.files, self.config, self.choice)

    @property
    def info(self) -> ModelInfo:
        """Its weights are counted as config.json says, and once they are loaded as they are."""
        config = self.config
        return ModelInfo(
            name=self.files.name,
            source=self.files.source,
            revision=self.files.revision,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_embd=config.n_embd,
            n_positions=config.n_positions,
            vocab_size=config.vocab_size,
            parameters=self._parameters,
        )

    @_loaded_once
    def backend(self) -> Backend:
        backend = load_backend(self.files.folder, self.config, *self.choice)
        self._parameters = backend.parameters
        return backend

    @_loaded_once
    def auto_classes(self) -> "AutoClasses":
        auto_classes = load_auto_classes(self.files.folder, self.config, *self.choice)
        self._parameters = auto_classes.parameters
        return auto_classes

    def tokenizer_for(self, text: str) -> Tokenizer:
        if self._tokenizer is not None:
            return self._tokenizer
        with _LOADING:
            if self._tokenizer is None:
                tokenizer = load_tokenizer(self.files.folder, text)
                self._check_vocabulary(tokenizer)
                self._tokenizer = tokenizer
            return self._tokenizer

    @cached_property
    def _special_ids(self) -> SpecialIds:
        return special_ids(self.files.folder, self.config)

    @property
    def eos_token_ids(self) -> Sequence[int]:
        return self._special_ids.eos_token_ids

    @property
    def bos_token_id(self) -> int | None:
        """What the model's configuration names, as in transformers; else `<|endoftext|>`, as in GPT-2's training."""
        tokenizer = self.tokenizer_for("")
        for token_id in (self._special_ids.bos_token_id, tokenizer.end_of_text):
            if token_id is not None and token_id < tokenizer.vocab_size:
                return token_id
        return None

    def run(self, seed: int | None = None) -> RunInfo:
        backend = self.backend
        return RunInfo(version=__version__, backend=backend.name, device=backend.device, dtype=backend.dtype, seed=seed)

    def run_without_weights(self) -> RunInfo:
        return RunInfo(version=__version__, backend=None, device=None, dtype=None, seed=None)

    def run_of_auto_classes(self) -> RunInfo:
        return RunInfo(
            version=__version__, backend="torch", device=self.choice.device, dtype=self.choice.dtype, seed=None
        )

    def _check_vocabulary(self, tokenizer: Tokenizer) -> None:
        if not 0 <= self.config.vocab_size - tokenizer.vocab_size < _PADDING:
            raise ModelUnusableError(
                Message(
                    "model {name!r}: its tokenizer has {tokens} tokens, its weights {weights}",
                    name=self.files.name,
                    tokens=tokenizer.vocab_size,
                    weights=self.config.vocab_size,
                ),
                Message("tokenizer and weights belong to different models"),
            )
