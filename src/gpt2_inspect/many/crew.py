"""Processes that answer many texts, and what keeps them in order.

A thread reads the texts ahead, one for each process hands them out and takes in the answers, and whoever asks gets
these in the order of the texts. How far reading may run ahead is bounded, and so is memory. A process that ends before
it has answered is replaced; the texts that it had go to the next one, each by itself.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import BackendUnavailableError
from ..messages import Message
from .texts import Text
from .worker import Broken, Job, Reply, lost

BATCH = 32
"""Texts that a process gets at a time: enough to fill a forward pass."""

AHEAD = 4 * BATCH
"""Texts for each process that may be read before the first of them is answered."""

AHEAD_SIZE = 2**20
"""Characters that they may have together, unless it is one text alone."""

TRIES = 2
"""Processes that a text may cost, when it is the only one that they have."""

MOST_LOST = 5
"""Processes that may end one after the other without any answer."""


class Answered(NamedTuple):
    """A text and what became of it."""

    text: Text
    reply: Reply


def answers(
    job: Job, texts: Iterable[Text], *, workers: int, on_lost: Callable[[Message], None] = lambda reason: None
) -> Generator[Answered, None, None]:
    """Answer the texts, in their order, each as soon as it and all before it are answered.

    Args:
        job: the model, the question, and what is to be made of an answer.
        texts: may be endless.
        workers: processes; they start when there is work for them, and compute on one thread each.
        on_lost: called with the reason when a process has ended and another one takes its place.

    Raises what reading the texts raises, when all before are answered; and at once what the question raises that is
    not about one text, and BackendUnavailableError if processes end again and again.
    """
    crew = _Crew(job, texts, workers)
    try:
        yield from crew.in_order(on_lost)
    finally:
        crew.close()


class _Crew:
    """What the threads share; all of it belongs to `_turn`."""

    def __init__(self, job: Job, texts: Iterable[Text], workers: int) -> None:
        self._job = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
        self._texts = texts
        self._workers = workers
        self._turn = threading.Condition()
        self._waiting: deque[tuple[int, Text]] = deque()
        self._answered: dict[int, Answered] = {}
        self._read = 0
        self._given = 0  # how many have been handed to whoever asked
        self._size = 0  # of the texts that are read and not given
        self._all_read = False
        self._ended_by: BaseException | None = None  # what reading ended with
        self._broken: BaseException | None = None
        self._closed = False
        self._lost: deque[Message] = deque()
        self._lost_in_a_row = 0
        self._processes: set[_Process] = set()
        self._threads = [threading.Thread(target=self._feed, daemon=True)]
        self._threads += [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def in_order(self, on_lost: Callable[[Message], None]) -> Iterator[Answered]:
        while True:
            with self._turn:
                self._turn.wait_for(self._something)
                lost_reasons = [self._lost.popleft() for _ in range(len(self._lost))]
                if self._broken is not None:
                    raise self._broken
                answered = self._answered.pop(self._given, None)
                if answered is not None:
                    self._given += 1
                    self._size -= _size(answered.text)
                    self._turn.notify_all()
                ended = answered is None and self._all_read and self._given == self._read
            for reason in lost_reasons:
                on_lost(reason)
            if answered is not None:
                yield answered
            elif ended:
                if self._ended_by is not None:
                    raise self._ended_by
                return

    def _something(self) -> bool:
        ended = self._all_read and self._given == self._read
        return bool(self._lost) or self._broken is not None or self._given in self._answered or ended

    def close(self) -> None:
        """End all processes. The thread that reads may be waiting for a text: it ends when it has got one."""
        with self._turn:
            self._closed = True
            processes = list(self._processes)
            self._turn.notify_all()
        for process in processes:
            process.kill()
        for thread in self._threads[1:]:
            thread.join()

    def _feed(self) -> None:
        try:
            for text in self._texts:
                with self._turn:
                    self._turn.wait_for(self._room)
                    if self._closed:
                        return
                    place = self._read
                    self._read += 1
                    self._size += _size(text)
                    if text.error is None:
                        self._waiting.append((place, text))
                    else:
                        self._answered[place] = Answered(text, Reply(error=text.error))
                    self._turn.notify_all()
        except BaseException as error:
            self._ended_by = error
        finally:
            with self._turn:
                self._all_read = True
                self._turn.notify_all()

    def _room(self) -> bool:
        ahead = self._read - self._given
        return self._closed or not ahead or (ahead < AHEAD * self._workers and self._size < AHEAD_SIZE)

    def _work(self) -> None:
        staff = _Staff(self)
        try:
            while batch := self._next_batch():
                self._answer(batch, staff)
        except BaseException as error:
            with self._turn:
                self._broken = self._broken or error
                self._turn.notify_all()
        finally:
            staff.dismiss()

    def _next_batch(self) -> list[tuple[int, Text]]:
        """As many of the waiting texts as keep the others busy too; none if there will be no more."""
        with self._turn:
            self._turn.wait_for(lambda: self._waiting or self._all_read or self._closed or self._broken is not None)
            if self._closed or self._broken is not None:
                return []
            count = min(BATCH, -(-len(self._waiting) // self._workers))
            return [self._waiting.popleft() for _ in range(count)]

    def _answer(self, batch: list[tuple[int, Text]], staff: "_Staff") -> None:
        """Have the texts answered, by another process if one ends."""
        tries = 0
        pieces = deque([batch])
        while pieces:
            piece = pieces.popleft()
            process = staff.process()
            answered = self._ask(process, piece)
            if process.is_sound:
                tries = 0
                continue
            reason = process.reason()
            staff.dismiss()
            if self._closed:
                return
            rest = piece[answered:]
            tries = tries + 1 if len(piece) == 1 else 0
            if tries == TRIES:
                self._take(rest, [Reply(error=lost(reason))])
                rest, tries = [], 0
            pieces.extendleft([one] for one in reversed(rest))
            self._note_lost(reason)

    def _ask(self, process: "_Process", texts: list[tuple[int, Text]]) -> int:
        """How many of the texts the process has answered, from the first on."""
        process.send([text for _, text in texts])
        answered = 0
        while answered < len(texts):
            message = process.receive()
            if message is None:
                break
            if isinstance(message, Broken):
                raise message.error
            self._take(texts[answered : answered + len(message)], message)
            answered += len(message)
            self._lost_in_a_row = 0
        return answered

    def _take(self, texts: list[tuple[int, Text]], replies: list[Reply]) -> None:
        with self._turn:
            for (place, text), reply in zip(texts, replies, strict=True):
                self._answered[place] = Answered(text, reply)
            self._turn.notify_all()

    def _note_lost(self, reason: Message) -> None:
        with self._turn:
            self._lost_in_a_row += 1
            self._lost.append(reason)
            self._turn.notify_all()
        if self._lost_in_a_row > MOST_LOST:
            raise BackendUnavailableError(
                Message("the processes that answer end again and again: {reason}", reason=reason),
                Message("they may need more memory than there is"),
            )

    def started(self) -> "_Process":
        """A new process, which `close` knows of."""
        process = _Process(self._job)
        with self._turn:
            self._processes.add(process)
            closed = self._closed
        if closed:
            process.kill()
        return process

    def ended(self, process: "_Process") -> None:
        """Its number may soon be another's."""
        with self._turn:
            self._processes.discard(process)


class _Staff:
    """The process of one thread: there is none before it is needed."""

    def __init__(self, crew: _Crew) -> None:
        self._crew = crew
        self._process: _Process | None = None

    def process(self) -> "_Process":
        if self._process is None:
            self._process = self._crew.started()
        return self._process

    def dismiss(self) -> None:
        if self._process is not None:
            self._crew.ended(self._process)
            self._process.end()
            self._process = None


class _Process:
    """One process: see worker.py."""

    def __init__(self, job: bytes) -> None:
        self.is_sound = True
        one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__package__}.worker import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._write(job)

    def send(self, message: Any) -> None:
        self._write(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def _write(self, message: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended, and so gives no answer
            self._process.stdin.write(message)
            self._process.stdin.flush()

    def receive(self) -> "list[Reply] | Broken | None":
        """None if it has ended."""
        assert self._process.stdout is not None
        try:
            message: list[Reply] | Broken = pickle.load(self._process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self.is_sound = False
            return None
        return message

    def reason(self) -> Message:
        """Why it has ended."""
        code = self._process.wait()
        if code < 0:
            return Message("signal {number}", number=-code)
        return Message("exit code {code}", code=code)

    def kill(self) -> None:
        """From any thread; the one that talks to it then `end`s it."""
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):  # what it has not read is lost
                pipe.close()
        self._process.wait()


def _size(text: Text) -> int:
    return len(text.asked) if text.asked is not None else 0
