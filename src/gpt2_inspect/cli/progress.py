"""How far a run over many texts is: a bar on standard error, where that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..messages import say
from .streams import Streams


class Input(Protocol):
    """What is read."""

    def part_read(self) -> float | None:
        """How much of it, from 0 to 1; None where its end is not known."""


class Progress(Protocol):
    """Told of each text that is done, or of some."""

    def advance(self, tokens: int, *, failed: int, texts: int = 1) -> None: ...

    def note(self, line: str) -> None:
        """A line on standard error, above the bar."""

    def tell(self, line: str) -> None:
        """The same for what is wrong, which is said to those who want no notes, too."""


class _Silent:
    """Where nobody looks."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def advance(self, tokens: int, *, failed: int, texts: int = 1) -> None:
        pass

    def note(self, line: str) -> None:
        self._streams.note(line)

    def tell(self, line: str) -> None:
        self._streams.tell(line + "\n")


@contextmanager
def open_progress(
    streams: Streams, source: Input, read: Callable[[], int], done: int, *, quiet: bool
) -> Iterator[Progress]:
    """A bar; nothing if standard error is no terminal, nobody wants notes, or `quiet`: answers that go to a terminal
    show how far it is.

    `read` says how many texts have been read, of which `done` were answered by an earlier run.
    """
    if quiet or streams.quiet or not streams.stderr.isatty():
        yield _Silent(streams)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=streams.stderr, markup=False, highlight=False, emoji=False)
    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True) as shown:
        yield _Bar(shown, source, read, done)


class _Bar:
    """Rich's bar, whose length is the part of the input that is answered: of what has been read, so many texts."""

    def __init__(self, shown: Any, source: Input, read: Callable[[], int], done: int) -> None:
        from time import monotonic

        self._shown = shown
        self._source = source
        self._read = read
        self._clock = monotonic
        self._started = monotonic()
        self._before = done
        self._texts = self._tokens = self._failed = 0
        self._task = self._shown.add_task("", total=1.0 if source.part_read() is not None else None)

    def advance(self, tokens: int, *, failed: int, texts: int = 1) -> None:
        self._texts += texts
        self._tokens += tokens
        self._failed += failed
        seconds = max(self._clock() - self._started, 1e-3)
        line = say(
            "{done} texts · {rate} texts/s · {tokens} tokens/s · {failed} without an answer",
            done=self._before + self._texts,
            rate=f"{self._texts / seconds:.1f}",
            tokens=f"{self._tokens / seconds:.0f}",
            failed=self._failed,
        )
        answered = (self._source.part_read() or 0.0) * (self._before + self._texts) / max(1, self._read())
        self._shown.update(self._task, completed=answered, description=line)

    def note(self, line: str) -> None:
        self._shown.console.print(line, soft_wrap=True)

    tell = note
