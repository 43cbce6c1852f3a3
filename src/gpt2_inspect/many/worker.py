"""The process that a Worker of crew.py starts: it loads the model, then answers texts until there are no more."""

import gc
import os
import pickle
import signal
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple, Protocol

from ..errors import InspectError
from ..messages import Message
from ..results import Result
from .texts import Text

SEND_S = 0.05
"""After which answers that are there are sent, and do not wait for others."""

_SELDOM = (200_000, 50, 50)
"""Objects between two collections of garbage: records hold no cycles."""

Then = Callable[[Text, Result], Any]
"""What is made of an answer where it was found; it comes back in place of the record."""


class Session(Protocol):
    """What a loaded model does here."""

    def ask_together(self, question: Any, asked: Sequence[Any]) -> Any: ...


class Job(NamedTuple):
    """What a worker is told first."""

    session: Session
    question: Any
    then: Then | None


class Reply(NamedTuple):
    """What became of one text."""

    answer: Any = None
    error: InspectError | None = None
    tokens: int = 0
    """That the model read, or that were looked at."""


class Broken(NamedTuple):
    """What keeps the worker from answering anything."""

    error: BaseException


def serve() -> None:
    """Read a Job and then lists of Texts from file descriptor 0; write lists of Replies, or Broken, to 1."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too, but the first one ends it
    gc.set_threshold(*_SELDOM)
    with os.fdopen(os.dup(0), "rb") as questions, os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
        try:
            _answer_all(questions, answers)
        except BrokenPipeError:  # nobody waits any more
            os._exit(1)
        except BaseException as error:
            _send(answers, Broken(_portable(error)))
        os._exit(0)


def _answer_all(questions: IO[bytes], answers: IO[bytes]) -> None:
    job: Job = pickle.load(questions)
    while True:
        try:
            texts: list[Text] = pickle.load(questions)
        except EOFError:
            return
        replies: list[Reply] = []
        since = time.monotonic()
        found = job.session.ask_together(job.question, [text.asked for text in texts])
        for text, answer in zip(texts, found, strict=True):
            replies.append(_reply(job, text, answer))
            if time.monotonic() - since > SEND_S:
                _send(answers, replies)
                replies, since = [], time.monotonic()
        if replies:
            _send(answers, replies)


def _reply(job: Job, text: Text, answer: Result | InspectError) -> Reply:
    if isinstance(answer, InspectError):
        return Reply(error=answer)
    return Reply(answer if job.then is None else job.then(text, answer), None, tokens_in(answer))


def tokens_in(answer: Result) -> int:
    """How many the model read, or were looked at."""
    return len(answer.items() if answer.prompt is None else answer.prompt.tokens)


def _send(answers: IO[bytes], message: Any) -> None:
    pickle.dump(message, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()


def _portable(error: BaseException) -> BaseException:
    """The error as one that can be sent, with where it arose."""
    import traceback

    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # its class is not made to travel
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def lost(reason: Message) -> InspectError:
    """The error of a text whose worker has ended, more than once, before it had answered."""
    from ..errors import BackendUnavailableError

    return BackendUnavailableError(
        Message("the process that answers it ends every time: {reason}", reason=reason),
        Message("it may need more memory than there is"),
    )
