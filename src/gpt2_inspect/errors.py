"""What can go wrong, as one tree of exceptions; each kind carries the exit code that a shell sees."""

from enum import IntEnum


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
    INTERRUPTED = 130


def first_line(error: BaseException) -> str:
    """What another library's error says in its first line, or its name if it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


_LONGEST = 1000
"""Characters of a message: what it quotes, such as a name out of a broken file, may be far longer."""


def shortened(message: str) -> str:
    """The message without the middle of it, where it is too long to be read."""
    if len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST * 3 // 5]} … {message[-_LONGEST * 2 // 5 :]}"


class InspectError(Exception):
    """An error that the user can act on: one line that says what is wrong, and where there is one, the next step."""

    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = shortened(message)
        self.hint = None if hint is None else shortened(hint)
        super().__init__(self.message)


class UsageError(InspectError):
    """An option or argument has a value that makes no sense, whatever the model."""

    exit_code = ExitCode.USAGE


class OutputError(InspectError):
    """The result cannot be written where it should go."""

    exit_code = ExitCode.USAGE


class ModelNotFoundError(InspectError):
    """A model was named that is nowhere to be had."""

    exit_code = ExitCode.MODEL_NOT_FOUND


class ModelUnusableError(InspectError):
    """The files of a model are there, but corrupt, incomplete or not a GPT-2."""

    exit_code = ExitCode.MODEL_UNUSABLE


class InputError(InspectError):
    """A prompt or a token id that this model cannot take."""

    exit_code = ExitCode.BAD_INPUT


class BackendUnavailableError(InspectError):
    """A backend or a device that cannot run here, or cannot run this model."""

    exit_code = ExitCode.BACKEND_UNAVAILABLE


class NetworkError(InspectError):
    """The hub was reached, but a download from it failed."""

    exit_code = ExitCode.NETWORK
