"""The Python API: a model is loaded once and then asked questions."""

import os
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from . import analysis
from .analysis.question import Answer, Asked, Question
from .backends import check_choice
from .checkpoint.config import read_config
from .loaded import Choice, LoadedGPT2
from .results import ModelInfo, Result
from .sources import find_model

if TYPE_CHECKING:
    from .analysis.continuation import Continuation

_P = ParamSpec("_P")
_A = TypeVar("_A")
_R = TypeVar("_R", bound=Result)


def load(
    model: str | os.PathLike[str] | None = None,
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
    return Session(LoadedGPT2(files, read_config(files.folder / "config.json"), Choice(backend, device, dtype)))


class asks(Generic[_P, _A, _R]):  # noqa: N801 - it stands where methods do
    """A question as a method: `session.score(text, top_k=3)` is `session.ask(ScoreQuestion(top_k=3), text)`.

    Options and documentation are the question's, which is imported when it is first asked.
    """

    def __init__(self, question: Callable[[], Callable[_P, Question[_A, _R]]]) -> None:
        self._question = question

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, session: None, owner: type) -> "Callable[Concatenate[Session, _A, _P], _R]": ...
    @overload
    def __get__(self, session: "Session", owner: type) -> Callable[Concatenate[_A, _P], _R]: ...
    def __get__(self, session: "Session | None", owner: type) -> Callable[..., _R]:
        kind: Any = self._question()

        def method(session: Session, asked: _A, /, *positional: _P.args, **options: _P.kwargs) -> _R:
            answer: _R = session.ask(kind(*positional, **options), asked)
            return answer

        method.__name__, method.__qualname__, method.__doc__ = self._name, f"Session.{self._name}", kind.__doc__
        about = (Parameter(name, Parameter.POSITIONAL_ONLY) for name in ("self", kind.about))
        method.__signature__ = Signature([*about, *signature(kind).parameters.values()])  # type: ignore[attr-defined]
        return method if session is None else MethodType(method, session)


class Session:
    """A loaded model; `load` makes it.

    Each method answers one question and returns the record that the JSON is made from. It keeps nothing of a question,
    so several threads may ask one session at the same time, and what is called with parts may ask it again: the answers
    are those that it gives one after another. In a forked process it goes on answering, but for torch once that has run
    on several threads: there it would wait for them forever. Load it in that process, or start that one by `spawn`. A
    session can be pickled; its copy opens the same files again.
    """

    def __init__(self, loaded: LoadedGPT2) -> None:
        self._loaded = loaded

<<<<<<< HEAD
    @property
    def model(self) -> ModelInfo:
        """Which model this is."""
        return self._loaded.info
=======
    def next_tokens(
        self,
        text: str,
        *,
        steps: int | None = None,
        max_length: int | None = None,
        top_k: int | None = None,
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
                n_positions + 1 (transformers' max_length). The `<|endoftext|>` of an empty prompt counts.
            top_k: how many candidates to list at each step; 5, or the whole of a smaller vocabulary.
            temperature: divides the logits before sampling; above 0.
            top_p: draw from the fewest tokens whose probabilities sum to this.
            sample_top_k: draw from this many of the most probable tokens.
            seed: of the random draws; by default a new one, which the record tells.
            ignore_eos: go on behind `<|endoftext|>`.
            truncate_left: drop the oldest tokens of a prompt that is too long, rather than refuse it: until the
                steps fit, or one step within `max_length`.
            on_step: called with each step as soon as it is computed.

        Raises:
            InputError: the prompt and all steps but the last, whose token is never read, exceed the model's
                n_positions, `max_length` asks for more than that or leaves no room for a token, or the text is not
                valid Unicode.
            UsageError: an option has a value that makes no sense, or both `steps` and `max_length` are given.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.checks import check_whole
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
        seed = None if seed is None else check_whole("--seed", seed)
        backend = self._backend  # before the tokenizer: the weights are read ahead while that is loaded
        tokenizer = self._tokenizer_for(text)
        prompt = prepare_prompt(
            text,
            tokenizer,
            bos_token_id=self._bos_token_id(tokenizer),
            n_positions=self._config.n_positions,
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
        self, text: str, *, steps: int = 10, num_beams: int | None = None, length_penalty: float = 1.0
    ) -> "CompareSearch":
        """Compare greedy search with beam search, whose results are those of transformers' generate().

        Args:
            text: the prompt; not empty.
            steps: how many tokens to add (transformers' max_new_tokens); fewer where `<|endoftext|>` comes first.
            num_beams: how many beams run side by side, and how many are given back; 3, or as many as there are tokens.
            length_penalty: beams are ranked by logprob / tokens ** length_penalty: above 0 favours long ones, below 0
                short ones.

        Raises:
            InputError: the text is empty, not valid Unicode, or exceeds the model's n_positions along with all steps
                but the last, whose token is never read.
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
        prompt = self._whole_prompt(text, steps=search.steps)
        eos_token_id = self._eos_token_id(tokenizer)
        found = compare_searches(backend, tokenizer, prompt, search, vocab_size=vocab_size, eos_token_id=eos_token_id)
        return CompareSearch(self.model, self._run(), prompt, search, *found)

    def score(self, text: str, *, bos: bool = False, top_k: int | None = None) -> "Score":
        """Say how probable each token of a text is, given those before it, and how probable the whole is.

        The logits at position i rank the token at i + 1. The first token has nothing before it and is not scored.

        Args:
            text: not empty.
            bos: put `<|endoftext|>` before the text, so that its first token is scored too.
            top_k: how many proposals for the next place to list at each position; 5, or the whole of a smaller
                vocabulary.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there are not so many tokens, or none to put first.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.checks import check_top_k
        from .analysis.score import score_tokens
        from .results.score import Score

        top_k = check_top_k(top_k, self._config.vocab_size)
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
        layer, head, top_k = check_heads(layer, head, top_k, n_layer=n_layer, n_head=self._config.n_head)
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
        top_k: int | None = None,
        on_arrays: Callable[[Arrays], None] | None = None,
    ) -> "HiddenStates":
        """Look at the residual stream after every block: what transformers returns as `hidden_states`.

        Args:
            text: what the model reads; not empty.
            position: whose state is measured, from 0, or from the end if negative.
            lens: also read each state out as if it were the last: through `ln_f` and the head (the logit lens).
            top_k: how many candidates the lens lists; 5, or the whole of a smaller vocabulary.
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

        top_k = check_top_k(top_k, self._config.vocab_size)
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
        self, text: str, *, neighbors: int | None = None, on_arrays: Callable[[Arrays], None] | None = None
    ) -> "Embeddings":
        """Look at the vectors of the tokens (wte), of their positions (wpe), and at their sums. The model does not run.

        Args:
            text: whose tokens are looked up; not empty.
            neighbors: how many of the nearest tokens to list for each, by cosine in wte, the token itself left out; 5,
                or all others of a smaller vocabulary.
            on_arrays: called with the vectors of the text, (T, D) each, by the names `wte`, `wpe` and `sum`.

        Raises:
            InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
            UsageError: there are not so many other tokens.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.embeddings import check_neighbors, embed
        from .results.embeddings import Embeddings

        neighbors = check_neighbors(neighbors, self._config.vocab_size)
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

    def decode_argmax(self, text: str, *, top_k: int | None = None, skip_special_tokens: bool = False) -> "Decode":
        """Go from the logits behind a text to the next token: argmax gives an index, and the index is decoded.

        Args:
            text: what the model reads; not empty.
            top_k: how many tokens to list from each end of the logits' order; 5, or the whole of a smaller vocabulary.
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
        top_k = check_top_k(top_k, vocab_size)
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

    def compare_heads(self, text: str, *, top_k: int | None = None, tree: bool = False) -> "CompareHeads":
        """Hold transformers' AutoModelForCausalLM against its AutoModel, over the same weights: what the head adds.

        Args:
            text: what both models read; not empty.
            top_k: how many candidates to list; 5, or the whole of a smaller vocabulary.
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

        top_k = check_top_k(top_k, self._config.vocab_size)
        prompt = self._whole_prompt(text)  # first, for torch takes seconds to load
        found = compare_heads(self._heads, self._tokenizer_for(text), prompt, top_k=top_k, tree=tree)
        _, device, dtype = self._choice
        return CompareHeads(self.model, RunInfo(__version__, "torch", device, dtype, None), prompt, *found)
>>>>>>> streams

    def is_read_from(self, path: str) -> bool:
        """Whether to write the file `path` would change this model: it is, or would be, one of the model's files."""
        return self._loaded.files.is_read_from(path)

    def ask(
        self, question: Question[Asked, Answer], asked: Asked, on_part: Callable[[Any], None] | None = None
    ) -> Answer:
        """Answer a question about a text, or what else it is about.

        Args:
            question: with its options, such as `ScoreQuestion(top_k=3)`.
            asked: the text; for `DecodeQuestion` the token ids.
            on_part: called with what can be seen before the answer is whole: the steps of a NextTokensQuestion, the
                arrays behind an EmbeddingsQuestion or a HiddenStatesQuestion.

        Raises what the question says.
        """
        return question.answer(self._loaded, asked, on_part)

    def continuation(self, text: str) -> "Continuation":
        """The text as one that can be stepped: see what comes next, take any token, go back, fork.

        Raises:
            InputError: the text is too long or not valid Unicode, or empty where the model cannot start from nothing.
            ModelUnusableError: the weights or the tokenizer are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        from .analysis.continuation import Continuation
        from .analysis.prompt import prepare_prompt

        prompt = prepare_prompt(self._loaded, text, steps=1)
        return Continuation(self._loaded, [token.id for token in prompt.tokens])

    next_tokens = asks(lambda: analysis.NextTokensQuestion)
    compare_search = asks(lambda: analysis.CompareSearchQuestion)
    score = asks(lambda: analysis.ScoreQuestion)
    attention = asks(lambda: analysis.AttentionQuestion)
    hidden_states = asks(lambda: analysis.HiddenStatesQuestion)
    embeddings = asks(lambda: analysis.EmbeddingsQuestion)
    encode = asks(lambda: analysis.EncodeQuestion)
    decode = asks(lambda: analysis.DecodeQuestion)
    decode_argmax = asks(lambda: analysis.DecodeArgmaxQuestion)
    compare_heads = asks(lambda: analysis.CompareHeadsQuestion)
