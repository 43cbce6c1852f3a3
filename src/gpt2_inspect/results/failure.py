"""What stands in place of an answer, where one of many texts cannot be answered."""

from typing import Any

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
