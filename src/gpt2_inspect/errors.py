"""What can go wrong, as one tree of exceptions; each kind carries the exit code that a shell sees."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from .messages import Message, Option, Spelling, all_of


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    BUG = 1
    USAGE = 2
    MODEL_NOT_FOUND = 3
    MODEL_UNUSABLE = 4
    BAD_INPUT = 5
    BACKEND_UNAVAILABLE = 6
    NETWORK = 7
    NOT_AS_EXPECTED = 8
    INTERRUPTED = 130


def first_line(error: BaseException) -> str:
    """What another library's error says in its first line, or its name if it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


_REASONS = {
    errno.EACCES: Message("Permission denied"),
    errno.EEXIST: Message("File exists"),
    errno.EIO: Message("Input/output error"),
    errno.EISDIR: Message("Is a directory"),
    errno.ENAMETOOLONG: Message("File name too long"),
    errno.ENOENT: Message("No such file or directory"),
    errno.ENOSPC: Message("No space left on device"),
    errno.ENOTDIR: Message("Not a directory"),
    errno.EPERM: Message("Operation not permitted"),
    errno.EROFS: Message("Read-only file system"),
}
"""What systems say in English whatever the terminal's language, for Python does not ask them for another."""


def system_reason(error: OSError) -> Message | str:
    """Why the operating system has not done what it was asked for."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


_LONGEST = 1000
"""Characters of a message: what it quotes, such as a name out of a broken file, may be far longer."""


def shortened(message: str) -> str:
    """The message without the middle of it, where it is too long to be read."""
    if len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST * 3 // 5]} … {message[-_LONGEST * 2 // 5 :]}"


class InspectError(Exception):
    """An error that the user can act on: one line that says what is wrong, and where there is one, the next step.

    Its texts spell options as Python does; `say` and `say_hint` spell them as they are told to.
    """

    exit_code = ExitCode.BUG
    about_text = False
    """Whether the text is at fault: of many, the others can still be answered."""

    def __init__(self, sentence: Message | str, next_step: Message | str | None = None) -> None:
        super().__init__(sentence, next_step)
        self._sentence = sentence
        self._next_step = next_step

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """What is wrong."""
        return self.say()

    @property
    def hint(self) -> str | None:
        """The next step."""
        return self.say_hint()

    @property
    def values(self) -> dict[str, Any]:
        """What the message speaks of, by name."""
        return dict(self._sentence.values) if isinstance(self._sentence, Message) else {}

    @property
    def option(self) -> str | None:
        """The option that is at fault, as Python spells it; None if no single one is."""
        named = self.values.get("option")
        return str(named) if isinstance(named, Option) else None

    def say(self, spelling: Spelling = str) -> str:
        """The message, with options written in this way."""
        return _said(self._sentence, spelling)

    def say_hint(self, spelling: Spelling = str) -> str | None:
        """The hint, with options written in this way."""
        return None if self._next_step is None else _said(self._next_step, spelling)


def _said(sentence: Message | str, spelling: Spelling) -> str:
    return shortened(sentence.say(spelling) if isinstance(sentence, Message) else sentence)


class UsageError(InspectError):
    """An option or argument has a value that makes no sense, whatever the model."""

    exit_code = ExitCode.USAGE


class PositionError(UsageError):
    """A position or a step was asked for that this text does not have."""

    about_text = True


class OutputError(InspectError):
    """The result cannot be written where it should go."""

    exit_code = ExitCode.USAGE


class ModelNotFoundError(InspectError):
    """A model was named that is nowhere to be had."""

    exit_code = ExitCode.MODEL_NOT_FOUND


class ModelUnusableError(InspectError):
    """The files of a model are there, but corrupt, incomplete or not a GPT-2."""

    exit_code = ExitCode.MODEL_UNUSABLE


def not_finite(what: Message) -> ModelUnusableError:
    """The error for numbers of a model that are NaN or infinite; `what` names them."""
    return ModelUnusableError(
        Message("{what} are not finite numbers", what=what), Message("the weights are damaged, or overflow")
    )


class InputError(InspectError):
    """A prompt or a token id that this model cannot take."""

    exit_code = ExitCode.BAD_INPUT
    about_text = True


class BackendUnavailableError(InspectError):
    """A backend or a device that cannot run here, or cannot run this model."""

    exit_code = ExitCode.BACKEND_UNAVAILABLE


@contextmanager
def importing(packages: Sequence[str], purpose: Message) -> Iterator[None]:
    """Around the import of what this package can do without: if it fails, an error that says what to install."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
            raise  # a mistake of our own
        raise BackendUnavailableError(
            Message(
                "{purpose} needs {packages}, and the import failed: {error}",
                purpose=purpose,
                packages=all_of(packages),
                error=first_line(error),
            ),
            Message("pip install {names}", names=" ".join(packages)),
        ) from error


class NetworkError(InspectError):
    """The hub was reached, but a download from it failed."""

    exit_code = ExitCode.NETWORK


class ExpectationError(InspectError):
    """A result is there, and not what was expected of it."""

    exit_code = ExitCode.NOT_AS_EXPECTED
