"""What comes next: rank the candidates for the next token, take one, append it, and ask again."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import InspectError, UsageError
from ..messages import Message, Option
from ..results import Prompt, record
from ..results.next_tokens import Completion, Decoding, NextTokens, Step
from .checks import check_flag, check_positive, check_temperature, check_top_k, check_top_p, check_whole
from .continuation import Continuation
from .prompt import ids_of, prepare_prompt
from .question import LoadedModel, Question
from .together import in_groups
from .tokens import completed

if TYPE_CHECKING:
    from .sampling import Sampler

DEFAULT_STEPS = 10


@record
class NextTokensQuestion(Question[str, NextTokens]):
    """Rank the candidates for the next token, take one, append it, and ask again, `steps` times.

    The most probable token is taken, unless one of `temperature`, `top_p` and `sample_top_k` is set: then it is drawn
    at random. Stops early at an end token (GPT-2's is `<|endoftext|>`) unless `ignore_eos`. If the text is empty, the
    model starts from `<|endoftext|>`.

    The parts that can be seen before the answer is whole are the steps, each as soon as it is computed.

    Args:
        steps: how many tokens to add (transformers' max_new_tokens); 10 unless there is a `max_length`.
        max_length: instead of `steps`, how many tokens the prompt and those added may have together, at most
            n_positions + 1 (transformers' max_length). The `<|endoftext|>` of an empty prompt counts.
        top_k: how many candidates to list at each step.
        temperature: divides the logits before sampling; above 0.
        top_p: draw from the fewest tokens whose probabilities sum to this.
        sample_top_k: draw from this many of the most probable tokens.
        seed: of the random draws; by default a new one, which the record tells.
        ignore_eos: go on behind an end token.
        truncate_left: drop the oldest tokens of a prompt that is too long, rather than refuse it: until the steps fit,
            or one step within `max_length`.

    Raises:
        InputError: the prompt and all steps but the last, whose token is never read, exceed the model's n_positions,
            `max_length` asks for more than that or leaves no room for a token, or the text is not valid Unicode.
        UsageError: an option has a value that makes no sense, or both `steps` and `max_length` are given.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "next-tokens"
    steps: int | None = None
    max_length: int | None = None
    top_k: int = 5
    temperature: float | None = None
    top_p: float | None = None
    sample_top_k: int | None = None
    seed: int | None = None
    ignore_eos: bool = False
    truncate_left: bool = False

    def __post_init__(self) -> None:
        if self.steps is not None and self.max_length is not None:
            steps, max_length = Option("steps"), Option("max_length")
            raise UsageError(
                Message("{steps} and {max_length} exclude each other", steps=steps, max_length=max_length),
                Message(
                    "{steps} counts the new tokens alone, {max_length} the prompt's as well",
                    steps=steps,
                    max_length=max_length,
                ),
            )
        self._settle(
            steps=check_positive,
            max_length=check_positive,
            top_k=check_whole,
            temperature=_check_temperature,
            top_p=check_top_p,
            sample_top_k=check_whole,
            seed=check_whole,
            ignore_eos=check_flag,
            truncate_left=check_flag,
        )

    @property
    def sampled(self) -> bool:
        """Whether tokens are drawn at random."""
        return any(option is not None for option in (self.temperature, self.top_p, self.sample_top_k))

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> NextTokens:
        self._check_for(model)
        _ = model.backend  # before the tokenizer: the weights are read ahead while that is loaded
        unfolding = _Unfolding(self, model, self._prompt(model, asked))
        while not unfolding.done:
            step = unfolding.advance()
            if on_part is not None:
                on_part(step)
        return unfolding.result()

    def answer_together(self, model: LoadedModel, asked: Sequence[str]) -> Iterator[NextTokens | InspectError]:
        self._check_for(model)
        _ = model.backend

        def answer(prompts: list[Prompt]) -> Iterator[NextTokens]:
            unfoldings = [_Unfolding(self, model, prompt) for prompt in prompts]
            while running := [unfolding for unfolding in unfoldings if not unfolding.done]:
                started = time.perf_counter()
                Continuation.read_together([unfolding.continuation for unfolding in running])
                share_ms = 1000 * (time.perf_counter() - started) / len(running)
                for unfolding in running:
                    unfolding.advance(share_ms)
            return (unfolding.result() for unfolding in unfoldings)

        return in_groups(
            asked, lambda text: self._prompt(model, text), answer, lambda prompt: self._steps_behind(prompt)
        )

    def _check_for(self, model: LoadedModel) -> None:
        """Raise UsageError if this model has fewer tokens than are to be listed or drawn from."""
        self._listed(model)
        if self.sample_top_k is not None:
            check_top_k(self.sample_top_k, model.info.vocab_size, "sample_top_k")

    def _listed(self, model: LoadedModel) -> int:
        return check_top_k(self.top_k, model.info.vocab_size, default=type(self).top_k)

    def _prompt(self, model: LoadedModel, text: str) -> Prompt:
        return prepare_prompt(
            model, text, steps=self._least_steps, max_length=self.max_length, truncate_left=self.truncate_left
        )

    @property
    def _least_steps(self) -> int:
        """How many steps must fit behind the prompt: with a `max_length` one, for the prompt's length decides."""
        if self.steps is not None:
            return self.steps
        return DEFAULT_STEPS if self.max_length is None else 1

    def _steps_behind(self, prompt: Prompt) -> int:
        return self._least_steps if self.max_length is None else self.max_length - len(prompt.tokens)

    def _decoding(self, model: LoadedModel, prompt: Prompt) -> Decoding:
        return Decoding(
            strategy="sample" if self.sampled else "greedy",
            steps=self._steps_behind(prompt),
            max_length=self.max_length,
            top_k=self._listed(model),
            temperature=1.0 if self.sampled and self.temperature is None else self.temperature,
            top_p=self.top_p,
            sample_top_k=self.sample_top_k,
            ignore_eos=self.ignore_eos,
        )

    def _seed(self) -> int | None:
        if not self.sampled:
            return None
        return int.from_bytes(os.urandom(4)) if self.seed is None else self.seed


class _Unfolding:
    """One prompt and what follows on it. The first step reads the whole prompt, the others one token each."""

    def __init__(self, question: NextTokensQuestion, model: LoadedModel, prompt: Prompt) -> None:
        self._model = model
        self._prompt = prompt
        self._decoding = question._decoding(model, prompt)
        self._seed = question._seed()
        self._sampler = _sampler(self._decoding, self._seed)
        self._ends = () if question.ignore_eos else model.eos_token_ids
        self._steps: list[Step] = []
        token_ids = ids_of(prompt)
        self.continuation = Continuation(model, token_ids, capacity=len(token_ids) + self._decoding.steps - 1)
        self.done = False

    def advance(self, read_ms: float = 0.0) -> Step:
        """Choose the next token; `read_ms` is the time that it took to read those before it, if that is done."""
        continuation, top_k = self.continuation, self._decoding.top_k
        started = time.perf_counter()
        found = continuation.draw(self._sampler, top_k) if self._sampler else continuation.propose(top_k)
        elapsed_ms = 1000 * (time.perf_counter() - started)
        step = Step(
            step=len(self._steps) + 1,
            context=self._model.tokenizer_for("").decode(continuation.token_ids[self._prompt.bos_added :]),
            entropy_bits=found.entropy_bits,
            elapsed_ms=read_ms + elapsed_ms,
            chosen=found.chosen,
            top_logprobs=found.candidates,
        )
        self._steps.append(step)
        self.done = len(self._steps) == self._decoding.steps or found.chosen.id in self._ends
        if not self.done:
            continuation.take(found.chosen.id)
        return step

    def result(self) -> NextTokens:
        """The record of all steps."""
        token_ids = tuple(step.chosen.id for step in self._steps)
        text, finish_reason = completed(self._model.tokenizer_for(""), token_ids, self._ends)
        return NextTokens(
            model=self._model.info,
            run=self._model.run(self._seed),
            prompt=self._prompt,
            decoding=self._decoding,
            steps=tuple(self._steps),
            completion=Completion(text=text, token_ids=token_ids),
            finish_reason=finish_reason,
        )


def _check_temperature(name: str, value: Any) -> float:
    return check_temperature(name, value, Message("leave it out for greedy decoding"))


def _sampler(decoding: Decoding, seed: int | None) -> "Sampler | None":
    if seed is None or decoding.temperature is None:
        return None
    from .sampling import Sampler  # loads what only sampling needs

    return Sampler(seed, decoding.temperature, decoding.sample_top_k, decoding.top_p)
