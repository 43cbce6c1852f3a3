"""A team of threads that share the work of one forward pass over many tokens.

BLAS's own threads share a matrix product and nothing else. Here each member computes its part of every step with BLAS
on one thread: some columns of a product, some heads of attention, some rows of what goes row by row (Shoeybi et al.
2019, https://arxiv.org/abs/1909.08053, divide a transformer in this way over GPUs). Handing work over costs some 50 us,
so for a few tokens BLAS's threads are faster, and there is no team.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache, partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import numpy as np

from ..checkpoint.weights import Array

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")

MUCH_WORK = 4_000_000_000
"""Multiplications from which on a team is worth the 10 ms that bringing it together takes: 32 tokens for gpt2."""

GRAIN = 16
"""Parts begin at multiples of so many floats, a cache line: no two members write to the same one."""

Work = Callable[[slice], object]
"""What a member does with its part of a range."""


class Team:
    """The thread that makes it, and others that wait for their parts."""

    def __init__(self, size: int) -> None:
        self._tasks: list[SimpleQueue[Callable[[], object] | None]] = [SimpleQueue() for _ in range(size - 1)]
        self._outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
        for tasks in self._tasks:
            threading.Thread(target=self._work_off, args=(tasks,), daemon=True).start()

    def share(self, work: Work, parts: list[slice]) -> None:
        """`work` on all parts, at most one for each member. Raises what it raised on one of them."""
        for tasks, part in zip(self._tasks, parts[1:], strict=False):
            context = copy_context()  # NumPy's error state is a part of it
            tasks.put(partial(context.run, work, part))
        outcomes = [_outcome(partial(work, parts[0]))]
        outcomes += [self._outcomes.get() for _ in parts[1:]]  # wait for all: they write to the caller's arrays
        for error in outcomes:
            if error is not None:
                raise error

    def dismiss(self) -> None:
        """Let the other threads end."""
        for tasks in self._tasks:
            tasks.put(None)

    @property
    def size(self) -> int:
        return len(self._tasks) + 1

    def _work_off(self, tasks: "SimpleQueue[Callable[[], object] | None]") -> None:
        while task := tasks.get():
            self._outcomes.put(_outcome(task))


class _Mine(threading.local):
    """The team of this thread. None in the members, and while a part is worked on: parts are not divided again."""

    team: Team | None = None


_mine = _Mine()


@contextmanager
def together(multiplications: float = math.inf) -> Iterator[None]:
    """Within it `share` shares, if there is much to do, among as many threads as BLAS would take.

    BLAS itself then has one thread, and so divides no rows.
    """
    threads = 1 if multiplications < MUCH_WORK or _mine.team else blas_threads()
    if threads == 1:
        yield
        return
    with _blas().limit(limits=1):
        team = _mine.team = Team(threads)
        try:
            yield
        finally:
            _mine.team = None
            team.dismiss()


def share(work: Work, count: int, grain: int = GRAIN) -> None:
    """`work` on range(count): in parts at a time within `together`, else at once."""
    team = _mine.team
    parts = [slice(0, count)] if team is None else divide(count, team.size, grain)
    if team is None or len(parts) == 1:
        work(parts[0])
        return
    _mine.team = None
    try:
        team.share(work, parts)
    finally:
        _mine.team = team


def by_rows(function: Callable[Concatenate[Array, P], Array]) -> Callable[Concatenate[Array, P], Array]:
    """A function that treats each row of its first argument (..., D) alike, with the rows shared."""

    def shared(x: Array, /, *args: P.args, **kwargs: P.kwargs) -> Array:
        if _mine.team is None:
            return function(x, *args, **kwargs)
        rows = x.reshape(-1, x.shape[-1])
        out = np.empty_like(rows)

        def some(part: slice) -> None:
            out[part] = function(rows[part], *args, **kwargs)

        share(some, len(rows))
        return out.reshape(x.shape)

    return shared


def divide(count: int, members: int, grain: int) -> list[slice]:
    """range(count) in at most so many parts of about the same length, which begin at multiples of `grain`."""
    length = max(1, -(-count // (members * grain))) * grain
    return [slice(first, min(first + length, count)) for first in range(0, max(1, count), length)]


def blas_threads() -> int:
    """The number of threads that NumPy's BLAS takes; 1 where it cannot be told from here how many they are to be.

    That is so for Apple's Accelerate, and for OpenBLAS over OpenMP, which listens to each thread for itself alone.
    """
    libraries = _blas().info()
    if not libraries or any(library.get("threading_layer") == "openmp" for library in libraries):
        return 1
    return min(int(library["num_threads"]) for library in libraries)


@cache
def _blas() -> "ThreadpoolController":
    """The BLAS that this process has loaded."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _outcome(task: Callable[[], object]) -> BaseException | None:
    """What the task has raised, if anything."""
    try:
        task()
    except BaseException as error:
        return error
    return None
