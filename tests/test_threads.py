"""One session asked by several threads, and by its own callbacks: each answer is the one it gives when it is alone."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gpt2_inspect import load
from gpt2_inspect import loaded as parts
from gpt2_inspect.analysis import HiddenStatesQuestion, NextTokensQuestion
from gpt2_inspect.results import Result
from gpt2_inspect.session import Session
from harness import without_times

pytestmark = pytest.mark.usefixtures("one_torch_thread")

both_backends = pytest.mark.parametrize("backend", ["numpy", "torch"])

TEXTS = ("hello, how are you", "The cat sat on", "你好")

Question = Callable[[Session, str], Result]

QUESTIONS: dict[str, Question] = {
    "next_tokens": lambda asked, text: asked.next_tokens(text, steps=3, temperature=0.9, seed=3),
    "compare_search": lambda asked, text: asked.compare_search(text, steps=2),
    "score": lambda asked, text: asked.score(text),
    "attention": lambda asked, text: asked.attention(text, layer=0, head=1),
    "hidden_states": lambda asked, text: asked.hidden_states(text, lens=True),
    "embeddings": lambda asked, text: asked.embeddings(text),
    "decode": lambda asked, text: asked.decode_argmax(text),
}
ON_TORCH: dict[str, Question] = {"compare_heads": lambda asked, text: asked.compare_heads(text)}


@pytest.fixture
def busy_switching() -> Iterator[None]:
    """Threads take turns a thousand times as often as they do otherwise."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@both_backends
@pytest.mark.usefixtures("busy_switching")
def test_answers_in_several_threads(tiny: Path, backend: str) -> None:
    """Every few rounds in a new session, so that it is loaded amid the questions as well."""
    questions = QUESTIONS | (ON_TORCH if backend == "torch" else {})
    jobs = [(question, text) for text in TEXTS for question in questions] * 2
    alone = load(str(tiny), backend=backend)

    def answer(asked: Session, question: str, text: str) -> Any:
        return without_times(questions[question](asked, text).to_dict())

    expected = {job: answer(alone, *job) for job in jobs}
    with ThreadPoolExecutor(6) as threads:
        for _ in range(3):
            shared = load(str(tiny), backend=backend)
            running = [(job, threads.submit(answer, shared, *job)) for job in jobs]
            for job, answered in running:
                assert answered.result() == expected[job], job


@both_backends
def test_everything_is_loaded_once(tiny: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names_loaded: list[str] = []

    def slow(name: str) -> Callable[..., Any]:
        load_it = getattr(parts, name)

        def load_slowly(*arguments: Any) -> Any:
            names_loaded.append(name)
            time.sleep(0.05)  # the others come in the meantime
            return load_it(*arguments)

        return load_slowly

    names = ["load_tokenizer", "load_backend"]
    for name in names:
        monkeypatch.setattr(parts, name, slow(name))
    asked = load(str(tiny), backend=backend)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(asked.encode, ["hi"] * 4))
        list(threads.map(asked.score, ["hi"] * 4))
    assert names_loaded == names


@both_backends
def test_callbacks_may_ask_again(tiny: Path, backend: str) -> None:
    asked = load(str(tiny), backend=backend)
    inside: list[Any] = []

    def ask(_: Any) -> None:
        inside.append(asked.attention(TEXTS[0], layer=0, head=1))

    result = asked.ask(NextTokensQuestion(steps=3), TEXTS[1], on_part=ask)
    asked.ask(HiddenStatesQuestion(), TEXTS[1], on_part=ask)
    assert without_times(result.to_dict()) == without_times(asked.next_tokens(TEXTS[1], steps=3).to_dict())
    assert set(inside) == {asked.attention(TEXTS[0], layer=0, head=1)}


FORK = """
import multiprocessing, sys, torch
from gpt2_inspect import load
torch.set_num_threads(2)
session = load(sys.argv[1], backend="torch")
text = "!" * 64
def ask(_=None):
    return session.score(text).totals.perplexity, session.compare_heads(text).identity.same_top_k
before = ask()
with multiprocessing.get_context("fork").Pool(1) as pool:
    (inside,) = pool.map_async(ask, [None]).get(timeout=40)
assert abs(inside[0] / before[0] - 1) < 1e-4 and inside[1] == before[1] == True, (inside, before)
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_torch_in_a_forked_process(tiny: Path) -> None:
    """Though it has run on several threads before, which the new process does not have."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK, str(tiny)], check=True, timeout=120)
