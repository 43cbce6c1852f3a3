"""What a question is: a value that holds its options and their checks, and answers itself given a model and a text."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from ..errors import InspectError
from ..results import ModelInfo, Options, Result, RunInfo

if TYPE_CHECKING:
    from ..backends.auto_classes import AutoClasses
    from ..backends.base import Backend
    from ..checkpoint.tokenizer import Tokenizer


class LoadedModel(Protocol):
    """A model as questions see it. Each part is loaded when a question first asks for it."""

    @property
    def info(self) -> ModelInfo:
        """Its name and sizes; needs neither weights nor tokenizer."""

    @property
    def backend(self) -> "Backend":
        """What runs it. Ask for it before the tokenizer: the weights are read ahead while that is loaded."""

    @property
    def auto_classes(self) -> "AutoClasses":
        """transformers' own models over the same weights."""

    def tokenizer_for(self, text: str) -> "Tokenizer":
        """The tokenizer; the first text decides in which way it is loaded, for the sake of speed alone."""

    @property
    def eos_token_ids(self) -> Sequence[int]:
        """The tokens that end a text."""

    @property
    def bos_token_id(self) -> int | None:
        """The token that a text can be started from, if there is one."""

    def run(self, seed: int | None = None) -> RunInfo:
        """What computes the answers, for the record."""

    def run_without_weights(self) -> RunInfo:
        """The same for questions about tokens alone: no weights are opened, so no backend is chosen."""

    def run_of_auto_classes(self) -> RunInfo:
        """The same for questions to `auto_classes`."""


Asked = TypeVar("Asked", contravariant=True)
"""What a question is about: a text, or token ids."""

Answer = TypeVar("Answer", bound=Result, covariant=True)
"""The record that answers it."""


class Question(Options, Generic[Asked, Answer]):
    """A question with its options: a frozen value, such as `ScoreQuestion(top_k=3)`.

    Each kind is a record whose fields are the options, with their defaults, and whose documentation says what they
    mean. It calls `_settle` in `__post_init__`: values that make no sense whatever the model and the text raise
    UsageError when the question is made, the others when it is answered.
    """

    about: ClassVar[str] = "text"
    """What it is asked about, by the name that this has in Python's API: `score(text, ...)`."""

    def _settle(self, **checks: Callable[[str, Any], Any]) -> None:
        """Put in place of options what their checks make of them, such as Python's own numbers.

        An option whose default is None, and that is None, was not given: it is left as it is.

        Args:
            checks: by an option's name, what takes this name and the value, and gives the value to keep or raises
                UsageError (see checks.py).
        """
        for name, check in checks.items():
            value = getattr(self, name)
            if value is not None or getattr(type(self), name) is not None:
                object.__setattr__(self, name, check(name, value))

    def answer(self, model: LoadedModel, asked: Asked, on_part: Callable[[Any], None] | None = None) -> Answer:
        """Answer it.

        Args:
            model: the model that is asked.
            asked: the text; for `decode` the token ids.
            on_part: called with what can be seen before the answer is whole, such as a step of many, as soon as it is
                there. Only of questions that say what their parts are; the others never call it.

        Raises what the class says.
        """
        raise NotImplementedError

    def answer_together(self, model: LoadedModel, asked: Sequence[Asked]) -> Iterator[Answer | InspectError]:
        """Answer it about several texts; in place of an answer stands the error of a text that has none.

        What is said about one does not depend on the others. Questions that save time by it override this.

        Raises what `answer` does, but for errors about a text.
        """
        for one in asked:
            try:
                yield self.answer(model, one)
            except InspectError as error:
                if not error.about_text:
                    raise
                yield error
