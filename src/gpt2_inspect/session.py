"""The Python API, and the one place that wires the parts: a model is loaded once and then asked questions."""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from .backends import Backend, check_choice, load_backend
from .checkpoint.config import GPT2Config, read_config
from .checkpoint.shapes import count_parameters
from .checkpoint.tokenizer import Tokenizer
from .checkpoint.tokenizer_files import load_tokenizer
from .errors import ModelUnusableError, UsageError
from .results import ModelInfo, Prompt, RunInfo
from .results.hidden_states import HiddenStates
from .results.next_tokens import NextTokens, Step
from .sources import ModelFiles, find_model
from .version import __version__

if TYPE_CHECKING:
    from .backends.base import Array

Arrays = dict[str, "Array"]
"""Arrays by name, for `on_arrays`."""

_PADDING = 128
"""Embedding matrices are often padded to a multiple of 64 or 128 rows; so many ids may be without a token."""


def load(
    model: str | None = None,
    *,
    backend: str = "auto",
    device: str = "cpu",
    dtype: str = "float32",
    revision: str | None = None,
    offline: bool = False,
) -> "Session":
    """Load a GPT-2.

    The configuration is read at once, tokenizer and weights with the first question that needs them.

    Args:
        model: `pocket` (bundled), a directory, or a hub id such as `gpt2`. By default `gpt2` if the hub's cache
            holds it, else `pocket`.
        backend: `numpy`, `torch`, or `auto`: the faster one that can run this.
        device: `cpu`, `cuda` or `cuda:N`; all but the first need torch.
        dtype: `float32`, `bfloat16` or `float16`; all but the first need torch.
        revision: a branch, tag or commit of a hub model.
        offline: forbid downloads.

    Raises:
        ModelNotFoundError: the model is nowhere to be had.
        ModelUnusableError: its configuration is broken, or it is no GPT-2.
        NetworkError: a download broke off.
        UsageError: an unknown backend, device or dtype.
    """
    check_choice(backend, device, dtype)
    files = find_model(model, revision, offline=offline)
    return Session(files, read_config(files.folder / "config.json"), backend=backend, device=device, dtype=dtype)


class Session:
    """A loaded model. Each method answers one question and returns the record that the JSON is made from."""

    def __init__(self, files: ModelFiles, config: GPT2Config, *, backend: str, device: str, dtype: str) -> None:
        self._files = files
        self._config = config
        self._choice = (backend, device, dtype)
        self._loaded_tokenizer: Tokenizer | None = None

    def next_tokens(
        self,
        text: str,
        *,
        steps: int = 10,
        top_k: int = 5,
        temperature: float | None = None,
        top_p: float | None = None,
        sample_top_k: int | None = None,
        seed: int | None = None,
        ignore_eos: bool = False,
        truncate_left: bool = False,
        on_step: Callable[[Step], None] | None = None,
    ) -> NextTokens:
        """Rank the candidates for the next token, take one, append it, and ask again, `steps` times.

        The most probable token is taken, unless one of `temperature`, `top_p` and `sample_top_k` is set: then it is
        drawn at random. Stops early at `<|endoftext|>` unless `ignore_eos`.

        Args:
            text: the prompt; if empty, the model starts from `<|endoftext|>`.
            steps: how many tokens to add.
            top_k: how many candidates to list at each step.
            temperature: divides the logits before sampling; above 0.
            top_p: draw from the fewest tokens whose probabilities sum to this.
            sample_top_k: draw from this many of the most probable tokens.
            seed: of the random draws; by default a new one, which the record tells.
            ignore_eos: go on behind `<|endoftext|>`.
            truncate_left: drop the oldest tokens of a prompt that is too long, rather than refuse it.
            on_step: called with each step as soon as it is computed.

        Raises:
            InputError: prompt and steps together exceed the model's n_positions, or the text is not valid Unicode.
            UsageError: an option has a value that makes no sense.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.next_tokens import finish, generate_steps, plan_decoding
        from .analysis.prompt import prepare_prompt

        decoding = plan_decoding(
            steps=steps,
            top_k=top_k,
            temperature=temperature,
            top_p=top_p,
            sample_top_k=sample_top_k,
            ignore_eos=ignore_eos,
            vocab_size=self._config.vocab_size,
        )
        backend = self._backend  # before the tokenizer: the weights are read ahead while that is loaded
        tokenizer = self._tokenizer_for(text)
        prompt = prepare_prompt(
            text,
            tokenizer,
            bos_token_id=self._bos_token_id(tokenizer),
            n_positions=self._config.n_positions,
            steps=steps,
            truncate_left=truncate_left,
        )
        if decoding.strategy == "greedy":
            seed = None
        elif seed is None:
            seed = int.from_bytes(os.urandom(4))
        eos_token_id = self._eos_token_id(tokenizer)
        taken = []
        for step in generate_steps(backend, tokenizer, prompt, decoding, seed=seed, eos_token_id=eos_token_id):
            taken.append(step)
            if on_step is not None:
                on_step(step)
        completion, reason = finish(tokenizer, taken, eos_token_id, decoding)
        return NextTokens(self.model, self._run(seed), prompt, decoding, tuple(taken), completion, reason)

    def hidden_states(
        self,
        text: str,
        *,
        position: int = -1,
        lens: bool = False,
        top_k: int = 5,
        on_arrays: Callable[[Arrays], None] | None = None,
    ) -> HiddenStates:
        """Look at the residual stream after every block: what transformers returns as `hidden_states`.

        Args:
            text: what the model reads; not empty.
            position: whose state is measured, from 0, or from the end if negative.
            lens: also read each state out as if it were the last: through `ln_f` and the head (the logit lens).
            top_k: how many candidates the lens lists.
            on_arrays: called with the states themselves, each (1, T, D), by the names `hidden_states_0` and so on.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: an option has a value that makes no sense.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.checks import check_top_k
        from .analysis.hidden_states import inspect_states

        check_top_k(top_k, self._config.vocab_size)
        backend = self._backend
        prompt = self._whole_prompt(text)
        found = inspect_states(
            backend,
            self._tokenizer_for(text),
            prompt,
            n_layer=self._config.n_layer,
            position=position,
            lens_top_k=top_k if lens else None,
            on_arrays=on_arrays,
        )
        return HiddenStates(self.model, self._run(), prompt, *found)

    @cached_property
    def model(self) -> ModelInfo:
        """Which model this is."""
        config = self._config
        return ModelInfo(
            name=self._files.name,
            source=self._files.source,
            revision=self._files.revision,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_embd=config.n_embd,
            n_positions=config.n_positions,
            vocab_size=config.vocab_size,
            parameters=count_parameters(config),
        )

    @cached_property
    def _backend(self) -> Backend:
        return load_backend(self._files, self._config, *self._choice)

    def _tokenizer_for(self, text: str) -> Tokenizer:
        """The tokenizer; the first text decides in which way it is loaded, for the sake of speed alone."""
        if self._loaded_tokenizer is None:
            self._loaded_tokenizer = load_tokenizer(self._files.folder, text)
            _check_vocabulary(self._files, self._config, self._loaded_tokenizer)
        return self._loaded_tokenizer

    def _whole_prompt(self, text: str, *, steps: int = 0, with_bos: bool = False) -> Prompt:
        """The text in tokens, none of them left out, with room for `steps` more."""
        from .analysis.prompt import whole_prompt

        tokenizer = self._tokenizer_for(text)
        bos_token_id = self._bos_token_id(tokenizer) if with_bos else None
        if with_bos and bos_token_id is None:
            raise UsageError("--bos: this model has no token to start from")
        return whole_prompt(
            text, tokenizer, n_positions=self._config.n_positions, steps=steps, bos_token_id=bos_token_id
        )

    def _run(self, seed: int | None = None) -> RunInfo:
        backend = self._backend
        return RunInfo(__version__, backend.name, backend.device, backend.dtype, seed)

    def _eos_token_id(self, tokenizer: Tokenizer) -> int | None:
        configured = self._config.eos_token_id
        return tokenizer.end_of_text if configured is None else configured

    def _bos_token_id(self, tokenizer: Tokenizer) -> int | None:
        """GPT-2 starts documents from `<|endoftext|>`; other vocabularies may have a token of their own for it."""
        for token_id in (tokenizer.end_of_text, self._config.bos_token_id):
            if token_id is not None and token_id < tokenizer.vocab_size:
                return token_id
        return None


def _check_vocabulary(files: ModelFiles, config: GPT2Config, tokenizer: Tokenizer) -> None:
    if not 0 <= config.vocab_size - tokenizer.vocab_size < _PADDING:
        raise ModelUnusableError(
            f"model {files.name!r}: its tokenizer has {tokenizer.vocab_size} tokens, its weights {config.vocab_size}",
            "tokenizer and weights belong to different models",
        )
