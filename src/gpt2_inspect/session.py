"""The Python API, and the one place that wires the parts: a model is loaded once and then asked questions."""

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from .backends import Backend, check_choice, load_backend, load_heads
from .checkpoint.config import GPT2Config, read_config
from .checkpoint.shapes import count_parameters
from .checkpoint.tokenizer import Tokenizer
from .checkpoint.tokenizer_files import load_tokenizer
from .errors import ModelUnusableError, UsageError
from .results import ModelInfo, Prompt, RunInfo
from .sources import ModelFiles, find_model
from .version import __version__

if TYPE_CHECKING:
    from .backends.base import Array
    from .backends.heads import Heads
    from .results.attention import Attention
    from .results.compare_heads import CompareHeads
    from .results.compare_search import CompareSearch
    from .results.decode import Decode
    from .results.embeddings import Embeddings
    from .results.encode import Encode
    from .results.hidden_states import HiddenStates
    from .results.next_tokens import NextTokens, Step
    from .results.score import Score

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
    """A loaded model; `load` makes it.

    Each method answers one question and returns the record that the JSON is made from.
    """

    def __init__(self, files: ModelFiles, config: GPT2Config, *, backend: str, device: str, dtype: str) -> None:
        self._files = files
        self._config = config
        self._choice = (backend, device, dtype)
        self._loaded_tokenizer: Tokenizer | None = None

    def next_tokens(
        self,
        text: str,
        *,
        steps: int | None = None,
        max_length: int | None = None,
        top_k: int = 5,
        temperature: float | None = None,
        top_p: float | None = None,
        sample_top_k: int | None = None,
        seed: int | None = None,
        ignore_eos: bool = False,
        truncate_left: bool = False,
        on_step: "Callable[[Step], None] | None" = None,
    ) -> "NextTokens":
        """Rank the candidates for the next token, take one, append it, and ask again, `steps` times.

        The most probable token is taken, unless one of `temperature`, `top_p` and `sample_top_k` is set: then it is
        drawn at random. Stops early at `<|endoftext|>` unless `ignore_eos`.

        Args:
            text: the prompt; if empty, the model starts from `<|endoftext|>`.
            steps: how many tokens to add (transformers' max_new_tokens); 10 unless there is a `max_length`.
            max_length: instead of `steps`, how many tokens the prompt and those added may have together, at most
                n_positions (transformers' max_length). The `<|endoftext|>` of an empty prompt counts.
            top_k: how many candidates to list at each step.
            temperature: divides the logits before sampling; above 0.
            top_p: draw from the fewest tokens whose probabilities sum to this.
            sample_top_k: draw from this many of the most probable tokens.
            seed: of the random draws; by default a new one, which the record tells.
            ignore_eos: go on behind `<|endoftext|>`.
            truncate_left: drop the oldest tokens of a prompt that is too long, rather than refuse it: until the
                steps fit, or one step within `max_length`.
            on_step: called with each step as soon as it is computed.

        Raises:
            InputError: prompt and steps together exceed the model's n_positions, `max_length` does or leaves no room
                for a token, or the text is not valid Unicode.
            UsageError: an option has a value that makes no sense, or both `steps` and `max_length` are given.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.next_tokens import finish, fit_steps, generate_steps, plan_decoding
        from .analysis.prompt import prepare_prompt
        from .results.next_tokens import NextTokens

        decoding = plan_decoding(
            steps=steps,
            max_length=max_length,
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
            vocab_size=self._config.vocab_size,
            steps=decoding.steps,
            max_length=max_length,
            truncate_left=truncate_left,
        )
        decoding = fit_steps(decoding, prompt)
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

    def compare_search(
        self, text: str, *, steps: int = 10, num_beams: int = 3, length_penalty: float = 1.0
    ) -> "CompareSearch":
        """Compare greedy search with beam search, whose results are those of transformers' generate().

        Args:
            text: the prompt; not empty.
            steps: how many tokens to add (transformers' max_new_tokens); fewer where `<|endoftext|>` comes first.
            num_beams: how many beams run side by side, and how many are given back.
            length_penalty: beams are ranked by logprob / tokens ** length_penalty: above 0 favours long ones, below 0
                short ones.

        Raises:
            InputError: the text is empty, not valid Unicode, or exceeds the model's n_positions along with the steps.
            UsageError: an option has a value that makes no sense.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.compare_search import compare_searches, plan_search
        from .results.compare_search import CompareSearch

        vocab_size = self._config.vocab_size
        search = plan_search(
            steps=steps,
            num_beams=num_beams,
            length_penalty=length_penalty,
            vocab_size=vocab_size,
            n_positions=self._config.n_positions,
        )
        backend = self._backend
        tokenizer = self._tokenizer_for(text)
        prompt = self._whole_prompt(text, steps=steps)
        eos_token_id = self._eos_token_id(tokenizer)
        found = compare_searches(backend, tokenizer, prompt, search, vocab_size=vocab_size, eos_token_id=eos_token_id)
        return CompareSearch(self.model, self._run(), prompt, search, *found)

    def score(self, text: str, *, bos: bool = False, top_k: int = 5) -> "Score":
        """Say how probable each token of a text is, given those before it, and how probable the whole is.

        The logits at position i rank the token at i + 1. The first token has nothing before it and is not scored.

        Args:
            text: not empty.
            bos: put `<|endoftext|>` before the text, so that its first token is scored too.
            top_k: how many proposals for the next place to list at each position.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there are not so many tokens, or none to put first.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.checks import check_top_k
        from .analysis.score import score_tokens
        from .results.score import Score

        check_top_k(top_k, self._config.vocab_size)
        backend = self._backend
        prompt = self._whole_prompt(text, with_bos=bos)
        found = score_tokens(backend, self._tokenizer_for(text), prompt, top_k=top_k)
        return Score(self.model, self._run(), prompt, *found)

    def attention(
        self, text: str, *, layer: int | None = None, head: int | None = None, position: int = -1, top_k: int = 3
    ) -> "Attention":
        """See which tokens each token looks at: what transformers returns as `attentions`.

        Args:
            text: what the model reads; not empty.
            layer: one layer, from 0; by default all.
            head: one head of that layer, from 0, whose whole matrix is returned; by default all.
            position: the token whose weights are described, from 0, or from the end if negative.
            top_k: how many tokens to list for each head; there are never more than it can see.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there is no such layer, head or position, a head without a layer, or nothing to list.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.attention import check_heads, inspect_attention
        from .results.attention import Attention

        n_layer = self._config.n_layer
        check_heads(layer, head, top_k, n_layer=n_layer, n_head=self._config.n_head)
        layers = range(n_layer) if layer is None else [layer]
        backend = self._backend
        prompt = self._whole_prompt(text)
        found = inspect_attention(backend, prompt, layers=layers, head=head, position=position, top_k=top_k)
        return Attention(self.model, self._run(), prompt, *found)

    def hidden_states(
        self,
        text: str,
        *,
        position: int = -1,
        lens: bool = False,
        top_k: int = 5,
        on_arrays: Callable[[Arrays], None] | None = None,
    ) -> "HiddenStates":
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
        from .results.hidden_states import HiddenStates

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

    def embeddings(
        self, text: str, *, neighbors: int = 5, on_arrays: Callable[[Arrays], None] | None = None
    ) -> "Embeddings":
        """Look at the vectors of the tokens (wte), of their positions (wpe), and at their sums. The model does not run.

        Args:
            text: whose tokens are looked up; not empty.
            neighbors: how many of the nearest tokens to list for each, by cosine in wte, the token itself left out.
            on_arrays: called with the vectors of the text, (T, D) each, by the names `wte`, `wpe` and `sum`.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there are not so many other tokens.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.checks import check_count
        from .analysis.embeddings import embed
        from .results.embeddings import Embeddings

        check_count("--neighbors", neighbors, self._config.vocab_size - 1, "the number of other tokens")
        backend = self._backend
        prompt = self._whole_prompt(text)
        found = embed(backend, self._tokenizer_for(text), prompt, neighbors=neighbors, on_arrays=on_arrays)
        return Embeddings(self.model, self._run(), prompt, *found)

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> "Decode":
        """Turn token ids into text: each by itself, and all together. Needs no weights.

        Args:
            token_ids: at least one; how many the model could read does not matter.
            skip_special_tokens: leave `<|endoftext|>` and its like out of the text, though not out of the tokens.

        Raises:
            InputError: there are no ids, or one is outside the vocabulary.
            ModelUnusableError: the tokenizer is broken.
        """
        from .analysis.decode import decode_ids
        from .results.decode import Decode

        found = decode_ids(
            self._tokenizer_for(""),
            token_ids,
            vocab_size=self._config.vocab_size,
            skip_special_tokens=skip_special_tokens,
        )
        return Decode(self.model, _run_without_model(), None, *found, None, None)

    def decode_argmax(self, text: str, *, top_k: int = 5, skip_special_tokens: bool = False) -> "Decode":
        """Go from the logits behind a text to the next token: argmax gives an index, and the index is decoded.

        Args:
            text: what the model reads; not empty.
            top_k: how many tokens to list from each end of the logits' order.
            skip_special_tokens: as for `decode`.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there are not so many tokens.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.argsort import sort_logits
        from .analysis.checks import check_top_k
        from .analysis.decode import decode_ids
        from .results.decode import Decode

        vocab_size = self._config.vocab_size
        check_top_k(top_k, vocab_size)
        backend = self._backend
        prompt = self._whole_prompt(text)
        tokenizer = self._tokenizer_for(text)
        argmax, argsort = sort_logits(backend, tokenizer, prompt, vocab_size=vocab_size, top_k=top_k)
        found = decode_ids(tokenizer, [argmax.id], vocab_size=vocab_size, skip_special_tokens=skip_special_tokens)
        return Decode(self.model, self._run(), prompt, *found, argmax, argsort)

    def encode(self, text: str) -> "Encode":
        """Turn a text into tokens, and say where in it each stands. Needs no weights.

        Args:
            text: of any length, but not empty; what exceeds n_positions is counted and not refused.

        Raises:
            InputError: the text is empty or not valid Unicode.
            ModelUnusableError: the tokenizer is broken.
        """
        from .analysis.encode import place_tokens
        from .analysis.prompt import whole_prompt
        from .results.encode import Encode

        prompt = whole_prompt(text, self._tokenizer_for(text), n_positions=None)
        return Encode(self.model, _run_without_model(), prompt, *place_tokens(text, prompt.tokens))

    def encode_ids(self, text: str) -> list[int]:
        """The token ids that `encode` finds, and nothing about them: for long texts.

        Raises what `encode` does.
        """
        from .analysis.prompt import encode_some

        return encode_some(text, self._tokenizer_for(text))

    def compare_heads(self, text: str, *, top_k: int = 5, tree: bool = False) -> "CompareHeads":
        """Hold transformers' AutoModelForCausalLM against its AutoModel, over the same weights: what the head adds.

        Args:
            text: what both models read; not empty.
            top_k: how many candidates to list.
            tree: also list all modules of both.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there are not so many tokens.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the numpy backend was asked for, or the device is not there.
        """
        from .analysis.checks import check_top_k
        from .analysis.compare_heads import compare_heads
        from .results.compare_heads import CompareHeads

        check_top_k(top_k, self._config.vocab_size)
        prompt = self._whole_prompt(text)  # first, for torch takes seconds to load
        found = compare_heads(self._heads, self._tokenizer_for(text), prompt, top_k=top_k, tree=tree)
        _, device, dtype = self._choice
        return CompareHeads(self.model, RunInfo(__version__, "torch", device, dtype, None), prompt, *found)

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

    @cached_property
    def _heads(self) -> "Heads":
        return load_heads(self._files, self._config, *self._choice)

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
            text,
            tokenizer,
            n_positions=self._config.n_positions,
            vocab_size=self._config.vocab_size,
            steps=steps,
            bos_token_id=bos_token_id,
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


def _run_without_model() -> RunInfo:
    """For questions about tokens alone: no weights are opened, so no backend is chosen."""
    return RunInfo(__version__, None, None, None, None)


def _check_vocabulary(files: ModelFiles, config: GPT2Config, tokenizer: Tokenizer) -> None:
    if not 0 <= config.vocab_size - tokenizer.vocab_size < _PADDING:
        raise ModelUnusableError(
            f"model {files.name!r}: its tokenizer has {tokenizer.vocab_size} tokens, its weights {config.vocab_size}",
            "tokenizer and weights belong to different models",
        )
