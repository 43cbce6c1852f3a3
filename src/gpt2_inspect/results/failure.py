"""What stands in place of an answer, where one of many texts cannot be answered."""

from collections.abc import Callable
from typing import Any, Protocol

from . import Record, record


@record
class Problem(Record):
    """What is wrong, as a single run would say it."""

    code: int
    """The exit code of a single run."""
    message: str
    hint: str | None


@record
class Failure(Record):
    """One of many texts without an answer."""

    id_: Any
    """As the input has it; None if it has none."""
    prompt_index: int
    """The place of the text in the input, from 0."""
    error: Problem


class Refusal(Protocol):
    """An error that says what is wrong, in the language in use."""

    @property
    def exit_code(self) -> int: ...
    def say(self, spelling: Callable[..., str], /) -> str: ...
    def say_hint(self, spelling: Callable[..., str], /) -> str | None: ...


def failure_of(error: Refusal, prompt_index: int, id_: Any = None, spelling: Callable[..., str] = str) -> Failure:
    """What stands in place of the answer about a text; `spelling` writes options."""
    problem = Problem(code=int(error.exit_code), message=error.say(spelling), hint=error.say_hint(spelling))
    return Failure(id_=id_, prompt_index=prompt_index, error=problem)
