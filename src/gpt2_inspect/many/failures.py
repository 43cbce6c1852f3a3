"""What is said in place of an answer about one of many texts."""

from ..errors import InspectError
from ..messages import Spelling
from ..results.failure import Failure, Problem
from .texts import Text


def failure_of(text: Text, error: InspectError, spelling: Spelling = str) -> Failure:
    """The record; its sentences are in the language in use, with options spelt in this way."""
    problem = Problem(code=int(error.exit_code), message=error.say(spelling), hint=error.say_hint(spelling))
    return Failure(id_=text.id, prompt_index=text.prompt_index, error=problem)
