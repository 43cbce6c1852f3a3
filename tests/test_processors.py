"""How many threads BLAS gets: one for each idle processor, and what the user says if anything."""

import os
from pathlib import Path

import pytest

from gpt2_inspect.cli import processors

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.fixture(autouse=True)
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that they are as before in the end
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


def threads_beside(monkeypatch: pytest.MonkeyPatch, *running: int | str) -> str:
    """What is chosen while so many threads run, this one among them, at one look after the other."""
    looks = iter(running)
    last = running[-1]
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"0.10 0.20 0.30 {next(looks, last)}/400 12345\n")
    processors.choose_threads()
    return os.environ["OPENBLAS_NUM_THREADS"]


@pytest.mark.parametrize(("running", "threads"), [(1, "4"), (2, "3"), (4, "1"), (5, "1"), (40, "1")])
def test_one_for_each_idle_processor(monkeypatch: pytest.MonkeyPatch, running: int, threads: str) -> None:
    assert threads_beside(monkeypatch, running) == threads


def test_what_is_done_a_moment_later_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads_beside(monkeypatch, 3, 3, 1) == "4"


def test_all_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads_beside(monkeypatch, "?") == "4"


def test_no_more_than_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3})
    assert threads_beside(monkeypatch, 1) == "2"


@pytest.mark.parametrize("name", VARIABLES)
def test_the_user_has_the_last_word(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "7")
    before = dict(os.environ)
    processors.choose_threads()
    assert dict(os.environ) == before
