"""What comes next: rank the candidates for the next token, take one, append it, and ask again."""

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import UsageError
from ..messages import Counted, Message, Option
from ..results import Prompt, record
from ..results.next_tokens import Completion, Decoding, NextTokens, Step
from .checks import EXPECTATION, check_flag, check_positive, check_prob, check_temperature, check_top_k, check_whole
from .continuation import Continuation
from .prompt import prepare_prompt
from .question import LoadedModel, Question
from .tokens import completed

if TYPE_CHECKING:
    from ..checkpoint.tokenizer import Tokenizer
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

    @property
    def sampled(self) -> bool:
        """Whether tokens are drawn at random."""
        return any(option is not None for option in (self.temperature, self.top_p, self.sample_top_k))

    @property
    def _expects(self) -> bool:
        return self.expect is not None or self.min_prob is not None

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> NextTokens:
        walk = Walk(self, model, asked)
        for step in walk.steps():
            if on_part is not None:
                on_part(step)
        return walk.result()

    @property
    def least_steps(self) -> int:
        """How many steps must fit behind the prompt: with a `max_length` one, for the prompt's length decides."""
        if self.steps is not None:
            return self.steps
        return DEFAULT_STEPS if self.max_length is None else 1

    def decoding(self, prompt: Prompt, top_k: int) -> Decoding:
        """How the tokens behind this prompt are chosen; the two have been checked."""
        steps = self.least_steps if self.max_length is None else self.max_length - len(prompt.tokens)
        return Decoding(
            strategy="sample" if self.sampled else "greedy",
            steps=steps,
            max_length=self.max_length,
            top_k=top_k,
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

    def expected(self, tokenizer: "Tokenizer", steps: int) -> "Expected | None":
        """What is expected of one of so many steps, if anything. Raises UsageError if there is no such step."""
        if not self._expects:
            return None
        if self.at_step is not None and self.at_step > steps:
            raise UsageError(
                Message(
                    "{option} is {value}; {counted}",
                    option=Option("at_step"),
                    value=self.at_step,
                    counted=Counted("there is {n} step", "there are {n} steps", n=steps),
                )
            )
        from .expectation import Expected  # loads what only this needs

        return Expected(self.expect, self.within, self.min_prob, tokenizer)


class Walk:
    """A NextTokensQuestion while it is being answered: each step can be looked at before its token is taken.

    Raises what the question does: what is wrong with options and text when it is made.
    """

    def __init__(self, question: NextTokensQuestion, model: LoadedModel, text: str) -> None:
        top_k = check_top_k(question.top_k, model.info.vocab_size, default=type(question).top_k)
        if question.sample_top_k is not None:
            check_top_k(question.sample_top_k, model.info.vocab_size, "sample_top_k")
        _ = model.backend  # before the tokenizer: the weights are read ahead while that is loaded
        self._model = model
        self.prompt = prepare_prompt(
            model,
            text,
            steps=question.least_steps,
            max_length=question.max_length,
            truncate_left=question.truncate_left,
        )
        self.decoding = question.decoding(self.prompt, top_k)
        self._seed = question.seed_to_use()
        self._ends = () if question.ignore_eos else model.eos_token_ids
        self._sampler = _sampler(self.decoding, self._seed)
        self._tokenizer = model.tokenizer_for(text)
        self._expected = question.expected(self._tokenizer, self.decoding.steps)
        self._expected_at = question.at_step or 1
        self._expectation = self._expected.never() if self._expected else None
        token_ids = [token.id for token in self.prompt.tokens]
        self.continuation = Continuation(model, token_ids, capacity=len(token_ids) + self.decoding.steps - 1)
        """The text so far; the token of a step is taken when the next step is asked for."""
        self._taken: list[Step] = []

    def steps(self) -> Iterator[Step]:
        """Each step as soon as it is computed. The first runs the whole prompt, the others one token each."""
        continuation, sampler, top_k = self.continuation, self._sampler, self.decoding.top_k
        tokenizer = self._model.tokenizer_for("")
        for number in range(1, self.decoding.steps + 1):
            started = time.perf_counter()
            found = continuation.draw(sampler, top_k) if sampler else continuation.propose(top_k)
            elapsed_ms = 1000 * (time.perf_counter() - started)
            step = Step(
                step=number,
                context=tokenizer.decode(continuation.token_ids[self.prompt.bos_added :]),
                entropy_bits=found.entropy_bits,
                elapsed_ms=elapsed_ms,
                chosen=found.chosen,
                top_logprobs=found.candidates,
            )
            self._taken.append(step)
            if self._expected and number == self._expected_at:
                self._expectation = self._expected.next(number, continuation, step.chosen)
            yield step
            if found.chosen.id in self._ends:
                return
            continuation.take(found.chosen.id)

    def result(self) -> NextTokens:
        """The answer, once all steps have been asked for."""
        model = self._model
        token_ids = tuple(step.chosen.id for step in self._taken)
        text, finish_reason = completed(self._tokenizer, token_ids, self._ends)
        return NextTokens(
            model=model.info,
            run=model.run(self._seed),
            prompt=self.prompt,
            decoding=self.decoding,
            steps=tuple(self._taken),
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
