"""What comes next: rank the candidates for the next token, take one, append it, and ask again."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import InspectError, PositionError, UsageError
from ..messages import Counted, Message, Option
from ..results import Prompt, record
from ..results.next_tokens import Completion, Decoding, NextTokens, Step
from .checks import EXPECTATION, check_flag, check_positive, check_prob, check_temperature, check_top_k, check_whole
from .continuation import Continuation
from .prompt import ids_of, prepare_prompt
from .question import LoadedModel, Question
from .together import in_groups
from .tokens import completed

if TYPE_CHECKING:
    from .expectation import Expected
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
        expect: a token that should be probable: the record's `expectation` says whether it is. It must have rank 1,
            unless one of the next two says more.
        within: the rank, the model's own, that it must have at most.
        min_prob: the probability, the model's own, that it must have at least; without `expect` that of the token that
            is chosen.
        at_step: at which step, from 1; the first unless you say otherwise.

    Raises:
        InputError: the prompt and all steps but the last, whose token is never read, exceed the model's n_positions,
            `max_length` asks for more than that or leaves no room for a token, the text is not valid Unicode, or
            `expect` is not one token.
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
    expect: str | None = None
    within: int | None = None
    min_prob: float | None = None
    at_step: int | None = None

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
            top_p=check_prob,
            sample_top_k=check_whole,
            seed=check_whole,
            ignore_eos=check_flag,
            truncate_left=check_flag,
            **EXPECTATION,
            at_step=check_positive,
        )
        if self.within is not None and self.expect is None:
            raise UsageError(
                Message("{within} is for a token that is expected", within=Option("within")),
                Message("name it with {expect}", expect=Option("expect")),
            )
        if self.at_step is not None and not self._expects:
            raise UsageError(
                Message("{at_step} is for a token that is expected", at_step=Option("at_step")),
                Message("use it with {expect} or {min_prob}", expect=Option("expect"), min_prob=Option("min_prob")),
            )
        if self.max_length is None:
            self._check_step(self._least_steps)

    @property
    def sampled(self) -> bool:
        """Whether tokens are drawn at random."""
        return any(option is not None for option in (self.temperature, self.top_p, self.sample_top_k))

    @property
    def _expects(self) -> bool:
        return self.expect is not None or self.min_prob is not None

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> NextTokens:
        walk = self.walk(model, asked)
        for step in walk.steps():
            if on_part is not None:
                on_part(step)
        return walk.result()

    def walk(self, model: LoadedModel, text: str) -> "Walk":
        """The question while it is answered about this text. Raises what the class says of options and text."""
        self._check_for(model)
        _ = model.backend  # before the tokenizer: the weights are read ahead while that is loaded
        prompt = self._prompt(model, text)
        return Walk(self, model, prompt, self._expected(model))

    def answer_together(self, model: LoadedModel, asked: Sequence[str]) -> Iterator[NextTokens | InspectError]:
        self._check_for(model)
        _ = model.backend
        expected = self._expected(model)

        def answer(prompts: list[Prompt]) -> Iterator[NextTokens]:
            walks = [Walk(self, model, prompt, expected) for prompt in prompts]
            while going := [walk for walk in walks if not walk.done]:
                started = time.perf_counter()
                Continuation.read_together([walk.continuation for walk in going])
                share_ms = 1000 * (time.perf_counter() - started) / len(going)
                for walk in going:
                    walk.look(share_ms)
                    walk.go_on()
            return (walk.result() for walk in walks)

        return in_groups(asked, lambda text: self._prompt(model, text), answer, self._steps_behind)

    def _check_for(self, model: LoadedModel) -> None:
        """Raise UsageError if this model has fewer tokens than are to be listed or drawn from."""
        self._listed(model)
        if self.sample_top_k is not None:
            check_top_k(self.sample_top_k, model.info.vocab_size, "sample_top_k")

    def _listed(self, model: LoadedModel) -> int:
        return check_top_k(self.top_k, model.info.vocab_size, default=type(self).top_k)

    def _prompt(self, model: LoadedModel, text: str) -> Prompt:
        prompt = prepare_prompt(
            model, text, steps=self._least_steps, max_length=self.max_length, truncate_left=self.truncate_left
        )
        self._check_step(self._steps_behind(prompt))
        return prompt

    @property
    def _least_steps(self) -> int:
        """How many steps must fit behind the prompt: with a `max_length` one, for the prompt's length decides."""
        if self.steps is not None:
            return self.steps
        return DEFAULT_STEPS if self.max_length is None else 1

    def _steps_behind(self, prompt: Prompt) -> int:
        return self._least_steps if self.max_length is None else self.max_length - len(prompt.tokens)

    def _check_step(self, steps: int) -> None:
        """Raise PositionError if something is expected of a step that comes after all of so many."""
        if self.at_step is not None and self.at_step > steps:
            raise PositionError(
                Message(
                    "{option} is {value}; {counted}",
                    option=Option("at_step"),
                    value=self.at_step,
                    counted=Counted("there is {n} step", "there are {n} steps", n=steps),
                )
            )

    def decoding(self, model: LoadedModel, prompt: Prompt) -> Decoding:
        """How the tokens behind this prompt are chosen."""
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

    def seed_to_use(self) -> int | None:
        """The seed, or a new one; None if nothing is drawn."""
        if not self.sampled:
            return None
        return new_seed() if self.seed is None else self.seed

    def _expected(self, model: LoadedModel) -> "Expected | None":
        """What is expected of a step, if anything. Raises InputError if it is not one token."""
        if not self._expects:
            return None
        from .expectation import Expected  # loads what only this needs

        return Expected(self.expect, self.within, self.min_prob, model.tokenizer_for(self.expect or ""))


class Walk:
    """A NextTokensQuestion while it is answered about a prompt: each step can be looked at before its token is taken.

    The first step reads the whole prompt, the others one token each. Several walks may go side by side.
    """

    def __init__(
        self, question: NextTokensQuestion, model: LoadedModel, prompt: Prompt, expected: "Expected | None"
    ) -> None:
        self._model = model
        self._tokenizer = model.tokenizer_for(prompt.text)
        self._prompt = prompt
        self.decoding = question.decoding(model, prompt)
        self._seed = question.seed_to_use()
        self._sampler = _sampler(self.decoding, self._seed)
        self._ends = () if question.ignore_eos else model.eos_token_ids
        self._expected = expected
        self._expected_at = question.at_step or 1
        self._expectation = expected.never() if expected else None
        self._steps: list[Step] = []
        self.done = False
        """Whether the last step has been looked at."""
        token_ids = ids_of(prompt)
        self.continuation = Continuation(model, token_ids, capacity=len(token_ids) + self.decoding.steps - 1)
        """The text so far; the token of a step is taken on the way to the next one."""

    def steps(self) -> Iterator[Step]:
        """Each step as soon as it is computed."""
        while not self.done:
            yield self.look()
            self.go_on()

    def look(self, read_ms: float = 0.0) -> Step:
        """The next step. `read_ms` is the time that it took to read all tokens, if that is done."""
        continuation, top_k = self.continuation, self.decoding.top_k
        started = time.perf_counter()
        found = continuation.draw(self._sampler, top_k) if self._sampler else continuation.propose(top_k)
        elapsed_ms = 1000 * (time.perf_counter() - started)
        step = Step(
            step=len(self._steps) + 1,
            context=self._tokenizer.decode(continuation.token_ids[self._prompt.bos_added :]),
            entropy_bits=found.entropy_bits,
            elapsed_ms=read_ms + elapsed_ms,
            chosen=found.chosen,
            top_logprobs=found.candidates,
        )
        self._steps.append(step)
        self.done = step.step == self.decoding.steps or step.chosen.id in self._ends
        if self._expected and step.step == self._expected_at:
            self._expectation = self._expected.next(step.step, continuation, step.chosen)
        return step

    def go_on(self) -> None:
        """Take the token of the step that was looked at, unless it was the last."""
        if not self.done:
            self.continuation.take(self._steps[-1].chosen.id)

    def result(self) -> NextTokens:
        """The answer, once the walk is done."""
        token_ids = tuple(step.chosen.id for step in self._steps)
        text, finish_reason = completed(self._tokenizer, token_ids, self._ends)
        return NextTokens(
            model=self._model.info,
            run=self._model.run(self._seed),
            prompt=self._prompt,
            decoding=self.decoding,
            steps=tuple(self._steps),
            completion=Completion(text=text, token_ids=token_ids),
            finish_reason=finish_reason,
            expectation=self._expectation,
        )


def new_seed() -> int:
    """One that nobody has chosen."""
    return int.from_bytes(os.urandom(4))


def _check_temperature(name: str, value: Any) -> float:
    return check_temperature(name, value, Message("leave it out for greedy decoding"))


def _sampler(decoding: Decoding, seed: int | None) -> "Sampler | None":
    if seed is None or decoding.temperature is None:
        return None
    from .sampling import Sampler  # loads what only sampling needs

    return Sampler(seed, decoding.temperature, decoding.sample_top_k, decoding.top_p)
