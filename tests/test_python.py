"""What Python code gets: public names that can be found, and records that compare, copy and travel as values do."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import gpt2_inspect
from checkpoints import make_checkpoint
from gpt2_inspect import load
from gpt2_inspect.results import Candidate, Record, Result, SampledCandidate, Token
from gpt2_inspect.session import Session

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, 你好"

QUESTIONS: dict[str, Callable[[Session], Result]] = {
    "next_tokens": lambda session: session.next_tokens(TEXT, steps=2, temperature=0.7, seed=1),
    "compare_search": lambda session: session.compare_search(TEXT, steps=2),
    "score": lambda session: session.score(TEXT),
    "attention": lambda session: session.attention(TEXT, layer=0, head=1),
    "hidden_states": lambda session: session.hidden_states(TEXT, lens=True),
    "embeddings": lambda session: session.embeddings(TEXT),
    "decode": lambda session: session.decode_argmax(TEXT),
    "encode": lambda session: session.encode(TEXT),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_copies_are_equal(tiny: Path, question: str) -> None:
    result = QUESTIONS[question](load(str(tiny)))
    for other in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result)), replace(result)):
        assert other is not result
        assert other == result and hash(other) == hash(result) and repr(other) == repr(result)
    assert replace(result, model=replace(result.model, name="another")) != result
    with pytest.raises(FrozenInstanceError):
        result.prompt = None  # type: ignore[misc]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_arrays_may_be_written_to(tmp_path: Path, backend: str, dtype: str) -> None:
    """Whatever precision the file has: they are none of the model's own memory."""
    session = load(str(make_checkpoint(tmp_path, dtype=dtype)), backend=backend)

    def spoil(arrays: dict[str, Any]) -> None:
        for array in arrays.values():
            array.fill(7)
        arrays.clear()

    questions: list[Callable[..., Result]] = [session.embeddings, session.hidden_states]
    for question in questions:
        before = question(TEXT)
        assert question(TEXT, on_arrays=spoil) == before
        assert question(TEXT) == before


def test_public_names_are_listed() -> None:
    """Though they are loaded when first used."""
    assert set(gpt2_inspect.__all__) <= set(dir(gpt2_inspect))
    assert [name for name in gpt2_inspect.__all__ if not hasattr(gpt2_inspect, name)] == []


def test_records_of_different_kinds_are_different() -> None:
    token = Token(1, "a", (97,))
    candidate = Candidate(1, "a", (97,), 1, 0.5, -0.5, 0.6)
    assert token != candidate and candidate != SampledCandidate(1, "a", (97,), 1, 0.5, -0.5, 0.6, 0.6, True)
    assert token != (1, "a", (97,))
    assert {token, replace(token), candidate} == {token, candidate}


def test_another_object_may_say_that_it_is_equal() -> None:
    assert Token(1, "a", (97,)) == ANY


def test_repr_is_how_the_record_is_made() -> None:
    names: dict[str, Any] = {kind.__name__: kind for kind in (Token, Candidate)}
    records: list[Record] = [Token(1, "a'", (97, 39)), Candidate(2, "\n", (10,), 1, 0.5, -0.5, 0.6)]
    assert eval(repr(records), names) == records
