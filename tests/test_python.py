"""What Python code gets: public names that can be found, and records that compare, copy and travel as values do."""

import copy
import csv
import io
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
import torch

import gpt2_inspect
from checkpoints import make_checkpoint
from gpt2_inspect import load
from gpt2_inspect.analysis import EmbeddingsQuestion, HiddenStatesQuestion, ScoreQuestion
from gpt2_inspect.analysis.question import Question
from gpt2_inspect.errors import InputError, ModelNotFoundError, UsageError
from gpt2_inspect.render import Page, render
from gpt2_inspect.render.csv import cell_value
from gpt2_inspect.results import Candidate, Record, Result, SampledCandidate, Token
from gpt2_inspect.results.failure import Failure
from gpt2_inspect.results.score import Score
from gpt2_inspect.session import Session
from harness import without_times

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


@pytest.mark.parametrize("question", QUESTIONS)
def test_rows_are_those_of_csv(tiny: Path, question: str) -> None:
    """With the values that they have, where CSV has texts."""
    result = QUESTIONS[question](load(str(tiny)))
    rows = result.rows(7)
    lines = list(csv.DictReader(io.StringIO("".join(render(result, "csv", Page(prompt_index=7))), newline="")))
    assert [list(row) for row in rows] == [list(line) for line in lines]
    cells = [{name: "" if value is None else str(cell_value(value)) for name, value in row.items()} for row in rows]
    assert cells == lines
    assert {type(value) for row in rows for value in row.values()} <= {int, float, str, bool, list, type(None)}
    assert rows == [{**row, "prompt_index": 7} for row in result.rows()]


def test_values_of_rows(tiny: Path) -> None:
    session = load(tiny)
    shape = [1, len(session.encode("hello").tokens), session.model.n_embd]
    assert session.hidden_states("hello").rows()[0]["shape"] == shape
    sampled = session.next_tokens("!", steps=1, sample_top_k=1, seed=1).rows()
    assert [row["kept"] for row in sampled] == [True] + [False] * (len(sampled) - 1)
    assert session.score("hello").rows()[0]["logprob"] is None


def test_many_texts(tiny: Path) -> None:
    """A generator, of an endless stream too; what cannot be answered has a Failure in its place."""
    session = load(tiny)
    question = ScoreQuestion(top_k=2)
    texts = ["hello", "", TEXT, "\ud800"] * 20
    answers = list(islice(session.many(question, cycle(texts)), len(texts)))
    for index, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        if text in ("", "\ud800"):
            with pytest.raises(InputError) as refused:
                session.ask(question, text)
            assert isinstance(answer, Failure)
            assert (answer.id_, answer.prompt_index, answer.error.code) == (None, index, 5)
            assert (answer.error.message, answer.error.hint) == (refused.value.say(), refused.value.say_hint())
        else:
            assert isinstance(answer, Score) and answer.prompt.text == text
            assert answer.totals.logprob == pytest.approx(session.ask(question, text).totals.logprob, abs=1e-4)
    assert list(session.many(question, [])) == []
    with pytest.raises(UsageError, match="top_k"):
        next(session.many(ScoreQuestion(top_k=0), texts))


@pytest.mark.parametrize("kind", [np.int64, np.uint8, torch.tensor])
def test_whole_numbers_of_any_type(tiny: Path, kind: Callable[[int], Any]) -> None:
    """They are Python's own in the record: that of plain ones, and JSON."""
    session = load(tiny)

    def ask(whole: Callable[[int], Any]) -> list[Any]:
        results: list[Result] = [
            session.next_tokens("!", steps=whole(2), top_k=whole(3), sample_top_k=whole(9), seed=whole(5)),
            session.next_tokens("!", max_length=whole(3), seed=whole(5)),
            session.compare_search("!", steps=whole(2), num_beams=whole(2)),
            session.score("hello", top_k=whole(2)),
            session.attention("hello", layer=whole(1), head=whole(1), position=whole(1), top_k=whole(2)),
            session.hidden_states("hello", position=whole(1), lens=True, top_k=whole(2)),
            session.embeddings("hello", neighbors=whole(2)),
            session.decode([whole(3)]),
            session.decode_argmax("hello", top_k=whole(2)),
        ]
        return [without_times(json.loads(json.dumps(result.to_dict()))) for result in results]

    assert ask(kind) == ask(int)


@pytest.mark.parametrize("kind", [np.float32, np.float64, torch.tensor, Fraction])
def test_fractions_of_any_type(tiny: Path, kind: Callable[[float], Any]) -> None:
    session = load(tiny)
    result = session.next_tokens("!", steps=1, temperature=kind(0.5), top_p=kind(0.75), seed=1)
    assert json.loads(json.dumps(result.to_dict()))["decoding"]["temperature"] == 0.5
    assert result.decoding == session.next_tokens("!", steps=1, temperature=0.5, top_p=0.75, seed=1).decoding
    found = session.compare_search("!", steps=1, length_penalty=kind(0.5))
    assert found == session.compare_search("!", steps=1, length_penalty=0.5)


NO_WHOLE_NUMBERS = [1.0, np.float64(1), math.nan, "1", True, np.True_, [1], 10**5000]


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=lambda value: f"{type(value).__name__}")
def test_no_whole_number(tiny: Path, value: Any) -> None:
    session = load(tiny)
    questions: list[tuple[str, Callable[[], Result]]] = [
        *((name, partial(session.next_tokens, "!", **{name: value}))
          for name in ("steps", "max_length", "top_k", "sample_top_k", "seed")),
        ("num_beams", partial(session.compare_search, "!", num_beams=value)),
        ("top_k", partial(session.score, "!", top_k=value)),
        ("layer", partial(session.attention, "!", layer=value)),
        ("head", partial(session.attention, "!", layer=0, head=value)),
        ("position", partial(session.hidden_states, "!", position=value)),
        ("neighbors", partial(session.embeddings, "!", neighbors=value)),
    ]  # fmt: skip
    for name, ask in questions:
        with pytest.raises(UsageError, match=f"^{name} (is .*; it must be a whole number|has thousands of digits)$"):
            ask()


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, "1", True, np.True_, 1j, None], ids=repr)
def test_no_finite_number(tiny: Path, value: Any) -> None:
    session = load(tiny)
    with pytest.raises(UsageError, match=r"^length_penalty is .*; it must be a finite number$"):
        session.compare_search("!", length_penalty=value)
    if value is not None:
        for name in ("temperature", "top_p"):
            with pytest.raises(UsageError, match=r"it must be a finite number$"):
                session.next_tokens("!", **{name: value})


def test_paths_are_directories(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the bundled model or one on the hub, whatever they are called."""
    assert load(tiny).model == load(str(tiny)).model
    monkeypatch.chdir(tiny.parent)
    assert load(Path(tiny.name)).model.source == "directory"
    for name in ("pocket", "gpt2"):
        with pytest.raises(ModelNotFoundError, match=f"model directory '{name}' does not exist"):
            load(Path(name))
    with pytest.raises(UsageError, match="revision is"):
        load(tiny, revision="main")


def test_no_names(tiny: Path) -> None:
    wrong: Any
    for wrong in (5, b"gpt2", ["gpt2"]):
        with pytest.raises(UsageError, match="model is"):
            load(wrong)
        with pytest.raises(UsageError, match="revision is"):
            load("gpt2", revision=wrong)
        with pytest.raises(UsageError, match="there is no device"):
            load(tiny, device=wrong)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_arrays_may_be_written_to(tmp_path: Path, backend: str, dtype: str) -> None:
    """Whatever precision the file has: they are none of the model's own memory."""
    session = load(str(make_checkpoint(tmp_path, dtype=dtype)), backend=backend)

    def spoil(arrays: dict[str, Any]) -> None:
        for array in arrays.values():
            array.fill(7)
        arrays.clear()

    questions: list[Question[str, Any]] = [EmbeddingsQuestion(), HiddenStatesQuestion()]
    for question in questions:
        before = session.ask(question, TEXT)
        assert session.ask(question, TEXT, on_part=spoil) == before
        assert session.ask(question, TEXT) == before


def test_public_names_are_listed() -> None:
    """Though they are loaded when first used."""
    assert set(gpt2_inspect.__all__) <= set(dir(gpt2_inspect))
    assert [name for name in gpt2_inspect.__all__ if not hasattr(gpt2_inspect, name)] == []


def test_records_of_different_kinds_are_different() -> None:
    token = Token(id=1, token="a", bytes=(97,))
    candidate = Candidate(id=1, token="a", bytes=(97,), rank=1, logit=0.5, logprob=-0.5, prob=0.6)
    sampled = SampledCandidate(**candidate.to_dict() | {"bytes": (97,)}, prob_final=0.6, kept=True)
    assert token != candidate and candidate != sampled
    assert token != (1, "a", (97,))
    assert {token, replace(token), candidate} == {token, candidate}


def test_another_object_may_say_that_it_is_equal() -> None:
    assert Token(id=1, token="a", bytes=(97,)) == ANY


def test_repr_is_how_the_record_is_made() -> None:
    names: dict[str, Any] = {kind.__name__: kind for kind in (Token, Candidate)}
    records: list[Record] = [
        Token(id=1, token="a'", bytes=(97, 39)),
        Candidate(id=2, token="\n", bytes=(10,), rank=1, logit=0.5, logprob=-0.5, prob=0.6),
    ]
    assert eval(repr(records), names) == records
