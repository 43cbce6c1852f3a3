"""A team of threads computes what one thread does, and leaves no trace."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gpt2_inspect import load
from gpt2_inspect.backends import team

LONG_TEXT = "hello, how are you? The cat sat on the mat. " * 3


@pytest.fixture
def of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teams of three for any work, on every machine."""
    monkeypatch.setattr(team, "MUCH_WORK", 0)
    monkeypatch.setattr(team, "blas_threads", lambda: 3)


def workers(count: int, grain: int = 1) -> list[tuple[str, int, int]]:
    """Which thread works on which part."""
    seen = []
    team.share(lambda part: seen.append((threading.current_thread().name, part.start, part.stop)), count, grain)
    return sorted(seen, key=lambda entry: entry[1])


def test_without_a_team_nothing_is_divided() -> None:
    assert workers(10) == [(threading.current_thread().name, 0, 10)]


@pytest.mark.usefixtures("of_three")
def test_parts_are_worked_on_by_different_threads() -> None:
    with team.together(1):
        parts = workers(10)
        assert [part[1:] for part in parts] == [(0, 4), (4, 8), (8, 10)]
        assert len({name for name, *_ in parts}) == 3
        assert [part[1:] for part in workers(40, grain=16)] == [(0, 16), (16, 32), (32, 40)]
        assert [part[1:] for part in workers(2)] == [(0, 1), (1, 2)]
        assert [part[1:] for part in workers(0)] == [(0, 0)]


@pytest.mark.usefixtures("of_three")
def test_a_part_is_not_divided_again() -> None:
    inner: list[list[tuple[str, int, int]]] = []
    with team.together(1):
        team.share(lambda part: inner.append(workers(9)), 3, grain=1)
        with team.together(1):
            assert len(workers(3)) == 3
    assert [len(parts) for parts in inner] == [1, 1, 1]


@pytest.mark.usefixtures("of_three")
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_a_part_is_raised_when_all_are_done(failing: int) -> None:
    done = []

    def work(part: slice) -> None:
        done.append(part.start)
        if part.start == failing:
            raise MemoryError(str(failing))

    with pytest.raises(MemoryError, match=str(failing)), team.together(1):
        team.share(work, 3, grain=1)
    assert sorted(done) == [0, 1, 2]


@pytest.mark.usefixtures("of_three")
def test_members_take_numpys_error_state_and_go_when_the_work_is_done() -> None:
    states = []
    others = set(threading.enumerate())
    with team.together(1):
        with np.errstate(over="ignore", invalid="raise"):
            team.share(lambda part: states.append(np.geterr()), 3, grain=1)
        members = set(threading.enumerate()) - others
        assert len(members) == 2
    for member in members:
        member.join(5)
        assert not member.is_alive()
    assert {(state["over"], state["invalid"]) for state in states} == {("ignore", "raise")}


@pytest.mark.skipif(team.blas_threads() == 1, reason="BLAS has one thread here")
def test_blas_computes_on_one_thread_within_and_on_as_many_as_before_behind() -> None:
    before = team.blas_threads()
    with team.together(team.MUCH_WORK):
        assert team.blas_threads() == 1
    assert team.blas_threads() == before
    with team.together(team.MUCH_WORK - 1):
        assert team.blas_threads() == before


QUESTIONS: dict[str, Callable] = {
    "score": lambda session: session.score(LONG_TEXT, top_k=3),
    "attention": lambda session: session.attention(LONG_TEXT, layer=1),
    "hidden_states": lambda session: session.hidden_states(LONG_TEXT, lens=True),
    "next_tokens": lambda session: session.next_tokens(LONG_TEXT, steps=3),
}


@pytest.mark.usefixtures("of_three")
@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_are_those_of_one_thread(tiny: Path, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = QUESTIONS[question]
    shared = ask(load(str(tiny), backend="numpy")).to_dict()
    monkeypatch.setattr(team, "blas_threads", lambda: 1)
    assert_close(shared, ask(load(str(tiny), backend="numpy")).to_dict())


def assert_close(one: object, other: object) -> None:
    """Equal but for the last bits of numbers, and for times."""
    match one, other:
        case dict(), dict():
            assert one.keys() == other.keys()
            for key in one.keys() - {"elapsed_ms"}:
                assert_close(one[key], other[key])
        case list(), list():
            assert len(one) == len(other)
            for pair in zip(one, other, strict=True):
                assert_close(*pair)
        case float(), float():
            assert one == pytest.approx(other, abs=1e-4, rel=1e-4)
        case _:
            assert one == other
