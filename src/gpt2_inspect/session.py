"""The Python API: a model is loaded once and then asked questions."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import Parameter, Signature, signature
from itertools import islice
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, overload

from . import analysis
from .analysis.question import Answer, Asked, Question
from .backends import check_choice
from .checkpoint.config import read_config
from .errors import InspectError
from .filenames import CONFIG
from .loaded import Choice, LoadedGPT2
from .results import ModelInfo, Result
from .sources import find_model

if TYPE_CHECKING:
    from .analysis.continuation import Continuation
    from .analysis.quiz import QuizGame
    from .backends.base import Array
    from .results.compare import Comparison
    from .results.failure import Failure
    from .results.report import Report

TOGETHER = 32
"""Texts that are read at a time: enough to fill a forward pass."""

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
    for_text: str = "",
) -> "Session":
    """Load a GPT-2.

    The configuration is read at once, tokenizer and weights with the first question that needs them.

    Args:
        model: `pocket` or `pocket-zh` (bundled), a directory, or a hub id such as `gpt2`. By default `gpt2` if the
            hub's cache holds it, else the bundled one for the language of `for_text`.
        backend: `numpy`, `torch`, or `auto`: the faster one that can run this.
        device: `cpu`, `cuda` or `cuda:N`; all but the first need torch.
        dtype: `float32`, `bfloat16` or `float16`; all but the first need torch.
        revision: a branch, tag or commit of a hub model.
        offline: forbid downloads.
        for_text: what it is going to be asked about, if that is to choose between the bundled models.

    Raises:
        ModelNotFoundError: the model is nowhere to be had.
        ModelUnusableError: its configuration is broken, or it is no GPT-2.
        NetworkError: a download broke off.
        UsageError: an unknown backend, device or dtype.
    """
    check_choice(backend, device, dtype)
    files = find_model(model, revision, offline=offline, for_text=for_text)
    return Session(LoadedGPT2(files, read_config(files.folder / CONFIG), Choice(backend, device, dtype)))


class Side(NamedTuple):
    """One side of a comparison: what is asked about a text, and whom."""

    session: "Session"
    text: str
    question: "analysis.NextTokensQuestion"
    """Such as `NextTokensQuestion(steps=5, temperature=0.5, seed=1)`."""


def compare(a: Side, b: Side) -> "Comparison":
    """Two runs of next-tokens, and each step of them side by side: two texts, or one under two models, temperatures or
    seeds.

    Each side goes its own way: once they have taken different tokens, a step compares what each makes of its own text.
    The sides may share a session. Raises what NextTokensQuestion does, for either side.
    """
    from .analysis.compare import Asked
    from .analysis.compare import compare as compare_two

    return compare_two(*(Asked(side.question, side.session._loaded, side.text) for side in (a, b)))


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

    @property
    def model(self) -> ModelInfo:
        """Which model this is."""
        return self._loaded.info

    def is_read_from(self, path: str) -> bool:
        """Whether to write the file `path` would change this model: it is, or would be, one of the model's files."""
        return self._loaded.files.is_read_from(path)

    def fingerprint(self) -> str:
        """A short text that changes with the files of the model. Raises OSError if they cannot be read."""
        return self._loaded.files.fingerprint()

    def ask(
        self, question: Question[Asked, Answer], asked: Asked, on_part: Callable[[Any], None] | None = None
    ) -> Answer:
        """Answer a question about a text, or what else it is about.

        Args:
            question: with its options, such as `ScoreQuestion(top_k=3)`.
            asked: the text; for `DecodeQuestion` the token ids.
            on_part: called with what can be seen before the answer is whole: the steps of a NextTokensQuestion, the
                arrays behind an AttentionQuestion, EmbeddingsQuestion, HiddenStatesQuestion or LogitsQuestion.

        Raises what the question says.
        """
        return question.answer(self._loaded, asked, on_part)

    def ask_together(
        self, question: Question[Asked, Answer], asked: Sequence[Asked]
    ) -> Iterator[Answer | InspectError]:
        """Answer a question about several texts, in their order, which takes less time than one after the other.

        What is said about a text does not depend on the others. Where one cannot be answered, its error stands in place
        of the answer.

        Raises what the question says, but for errors that only concern a text.
        """
        return question.answer_together(self._loaded, asked)

    def encode_ids(self, text: str) -> list[int]:
        """The token ids that `encode` finds, and nothing about them: for long texts.

        Raises what `encode` does.
        """
        from .analysis.prompt import encode_some

        return encode_some(text, self._loaded.tokenizer_for(text))

    def quiz(self, text: str | None = None, *, rounds: int = 10, seed: int | None = None, top_k: int = 5) -> "QuizGame":
        """A quiz to be played: where does the text go on? QuizGame says what the arguments mean, and what it raises."""
        from .analysis.quiz import QuizGame

        return QuizGame(self._loaded, text, rounds=rounds, seed=seed, top_k=top_k)

    def report(self, text: str, *, steps: int = 10) -> "Report":
        """All questions about a text: what the command `report` makes its page of. compare-heads is not among them.

        Args:
            text: what they are about.
            steps: how many tokens to add, in next_tokens and compare_search.

        Raises what these questions do.
        """
        from .analysis.report import report

        return report(self._loaded, text, steps=steps)

    def embedding_weights(self) -> "dict[str, Array]":
        """`wte.weight` (V, D) and `wpe.weight` (n_positions, D), whole, in float32; not to be written to.

        Raises:
            ModelUnusableError: the weights are broken.
            BackendUnavailableError: the backend or the device is not there, or cannot run this model.
        """
        wte, wpe = self._loaded.backend.embeddings()
        return {"wte.weight": wte, "wpe.weight": wpe}

    def many(self, question: Question[Asked, Answer], asked: Iterable[Asked]) -> "Iterator[Answer | Failure]":
        """Answer a question about many texts, in their order: a generator, which may be given endless ones.

        As many texts as are best answered together are read at a time. Where one cannot be answered, a Failure that
        says why stands in place of the record.

        Raises what the question says, but for errors that only concern a text.
        """
        from .results.failure import failure_of

        texts, index = iter(asked), 0
        while some := list(islice(texts, TOGETHER)):
            for answer in self.ask_together(question, some):
                yield failure_of(answer, index) if isinstance(answer, InspectError) else answer
                index += 1

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
    logits = asks(lambda: analysis.LogitsQuestion)
    attention = asks(lambda: analysis.AttentionQuestion)
    hidden_states = asks(lambda: analysis.HiddenStatesQuestion)
    embeddings = asks(lambda: analysis.EmbeddingsQuestion)
    encode = asks(lambda: analysis.EncodeQuestion)
    decode = asks(lambda: analysis.DecodeQuestion)
    decode_argmax = asks(lambda: analysis.DecodeArgmaxQuestion)
    compare_heads = asks(lambda: analysis.CompareHeadsQuestion)
