"""compare-search: greedy and beam search as transformers' generate() does them, and the way that led there."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len
from transformers import GPT2LMHeadModel

import gpt2_inspect
from checkpoints import (
    BERT_VOCABULARY,
    VOCAB_SIZE,
    ReferenceModel,
    make_bert_style_checkpoint,
    make_checkpoint,
)
from gpt2_inspect.analysis.beam_search import Beam, BeamSearch, Ended
from gpt2_inspect.errors import InputError, UsageError
from gpt2_inspect.render import Page, render
from gpt2_inspect.results.compare_search import BeamCandidate, CompareSearch
from gpt2_inspect.session import Session, load
from harness import Run, Terminal, both_backends, check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you"
EOS = VOCAB_SIZE - 1
N_POSITIONS = 64

CHECKPOINTS: dict[str, tuple[float, dict[str, Any]]] = {
    "tied, without an end": (-99, {}),
    "untied, without an end": (-99, {"tie_word_embeddings": False, "seed": 1}),
    "tied, with ends": (2.0, {"initializer_range": 0.1, "seed": 2}),
    "untied, with ends": (1.6, {"tie_word_embeddings": False, "initializer_range": 0.1, "seed": 0}),
}
"""By how much the logit of `<|endoftext|>` is raised, and the settings."""

SEARCHES = [
    *((1, 3, 1.0), (2, 5, 0.6), (5, 2, 0.0), (7, 1, 1.0), (8, 3, 1.0), (12, 3, 1.0), (12, 5, 2.0)),
    *((9, 2, -1.0), (12, 8, 0.6), (4, 40, 1.0)),
]
"""Steps, beams, length penalty."""


@dataclass(frozen=True)
class Generated:
    """What generate() returns, the padding left out."""

    sequences: list[tuple[int, ...]]
    scores: list[float]
    parents: list[list[int]]
    """Of each sequence: the place of the beam that it was, before each of its tokens."""
    steps: int


@dataclass(eq=False)
class Reference(ReferenceModel):
    """A checkpoint as transformers loads it."""

    eos_token_id: int | None = EOS

    @cache  # noqa: B019 - lives as long as the tests do
    def generate(self, prompt: tuple[int, ...], steps: int, num_beams: int, length_penalty: float = 1.0) -> Generated:
        inputs = torch.tensor([prompt])
        out = self.model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            do_sample=False,
            num_beams=num_beams,
            num_return_sequences=num_beams,
            length_penalty=length_penalty,
            max_new_tokens=steps,
            pad_token_id=0,
            return_dict_in_generate=True,
            output_scores=True,
        )
        sequences = [self._without_padding(row) for row in out.sequences[:, len(prompt) :].tolist()]
        if num_beams == 1:
            return Generated(sequences, [], [], len(out.scores))
        parents = [[place for place in row if place >= 0] for row in out.beam_indices.tolist()]
        return Generated(sequences, out.sequences_scores.tolist(), parents, len(out.scores))

    def _without_padding(self, row: list[int]) -> tuple[int, ...]:
        return tuple(row[: row.index(self.eos_token_id) + 1] if self.eos_token_id in row else row)

    @torch.inference_mode()
    def logprobs(self, sequences: list[list[int]]) -> np.ndarray:
        """Of the tokens behind each of these, (B, V), without any cache."""
        return self.model(torch.tensor(sequences)).logits[:, -1].log_softmax(dim=-1).double().numpy()


def raise_end_of_text(folder: Path, by: float) -> None:
    """Raise the logit of `<|endoftext|>`, wherever it is predicted: ln_f gives the head a 1 to multiply by."""
    model = GPT2LMHeadModel.from_pretrained(folder)
    with torch.no_grad():
        model.transformer.ln_f.weight[0], model.transformer.ln_f.bias[0] = 0, 1
        model.lm_head.weight[EOS, 0] += by
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reference]:
    @cache
    def make(name: str) -> Reference:
        by, settings = CHECKPOINTS[name]
        folder = make_checkpoint(tmp_path_factory.mktemp("search"), n_layer=2, n_embd=32, **settings)
        raise_end_of_text(folder, by)
        return Reference(folder)

    return make


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A vocabulary of a few dozen tokens, without an end of text."""
    folder = tmp_path_factory.mktemp("small")
    return Reference(make_bert_style_checkpoint(folder, n_layer=1, tie_word_embeddings=False), None)


@pytest.fixture(scope="module")
def folder(references: Callable[[str], Reference]) -> Path:
    return references("untied, with ends").folder


@pytest.fixture(scope="module")
def session(folder: Path) -> Session:
    return gpt2_inspect.load(str(folder))


@pytest.fixture(scope="module")
def results(session: Session) -> list[CompareSearch]:
    return [session.compare_search(text, steps=10, num_beams=4) for text in ("a", "b", "c", "d", "The king?\n")]


every_checkpoint = pytest.mark.parametrize("name", CHECKPOINTS)


def ids_of(result: CompareSearch) -> tuple[int, ...]:
    return tuple(token.id for token in result.prompt.tokens)


def assert_same(result: CompareSearch, reference: Reference) -> None:
    """Token for token, score for score, and by the same way."""
    search = result.search
    settings = (search.steps, search.num_beams, search.length_penalty)
    greedy = reference.generate(ids_of(result), search.steps, 1)
    assert [result.greedy.token_ids] == greedy.sequences, settings
    expected = reference.generate(ids_of(result), *settings)
    assert [beam.token_ids for beam in result.beams] == expected.sequences, settings
    assert len(result.tree) == expected.steps, settings
    for beam, score, parents in zip(result.beams, expected.scores, expected.parents, strict=search.num_beams > 1):
        assert beam.score == pytest.approx(score, rel=1e-5, abs=1e-5), settings
        way = way_of(result, beam.token_ids)
        assert [candidate.parent for candidate in way] == parents, settings
        assert beam.logprob == pytest.approx(sum(candidate.logprob for candidate in way), rel=1e-12)
    for found in (result.greedy, *result.beams):
        assert found.score == pytest.approx(found.logprob / len(found.token_ids) ** search.length_penalty, rel=1e-12)
        assert found.finish_reason == ("eos" if found.token_ids[-1] == reference.eos_token_id else "length")


def way_of(result: CompareSearch, token_ids: tuple[int, ...]) -> list[BeamCandidate]:
    """The candidates that became this sequence, found by walking down the tree."""
    running: dict[int | None, list[BeamCandidate]] = {0: []}
    for step in result.tree:
        ways = [[*running[candidate.parent], candidate] for candidate in step.candidates]
        for way in ways:
            if way[-1].ended and way[-1].kept and tuple(candidate.id for candidate in way) == token_ids:
                return way
        running = {way[-1].beam: way for way in ways}
    raise AssertionError(f"{token_ids} is nowhere in the tree")


@both_backends
class TestAgainstTransformers:
    @every_checkpoint
    def test_generate(self, references: Callable[[str], Reference], name: str, backend: str) -> None:
        reference = references(name)
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        for steps, num_beams, length_penalty in SEARCHES:
            found = session.compare_search(TEXT, steps=steps, num_beams=num_beams, length_penalty=length_penalty)
            assert_same(found, reference)

    @pytest.mark.parametrize("text", ["a", "The king?\n", "你好 🙂", "<|endoftext|>", "x" * 50])
    def test_texts(self, references: Callable[[str], Reference], text: str, backend: str) -> None:
        reference = references("untied, with ends")
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        assert_same(session.compare_search(text, steps=10, num_beams=4), reference)

    @pytest.mark.parametrize("num_beams", [20, len(BERT_VOCABULARY)])
    def test_more_candidates_than_tokens(self, small: Reference, num_beams: int, backend: str) -> None:
        session = gpt2_inspect.load(str(small.folder), backend=backend)
        for steps in (1, 2, 4):
            assert_same(session.compare_search("hello", steps=steps, num_beams=num_beams), small)

    def test_whole_context(self, references: Callable[[str], Reference], backend: str) -> None:
        reference = references("tied, without an end")
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        steps = N_POSITIONS + 1 - len(session.compare_search("hello", steps=1).prompt.tokens)
        assert_same(session.compare_search("hello", steps=steps, num_beams=2), reference)


@pytest.mark.parametrize("ends", [True, False])
def test_the_checkpoints_show_something(references: Callable[[str], Reference], ends: bool) -> None:
    """No ends in two of them; in the others ends here and there, and searches that stop before their time."""
    kinds, parts = set(), set()
    for name in CHECKPOINTS:
        if ("without" in name) is ends:
            continue
        session = gpt2_inspect.load(str(references(name).folder))
        for steps, num_beams, length_penalty in SEARCHES:
            found = session.compare_search(TEXT, steps=steps, num_beams=num_beams, length_penalty=length_penalty)
            kinds.add((frozenset(beam.finish_reason for beam in found.beams), len(found.tree) < steps))
            parts.add(found.first_divergence is not None)
    assert parts == {True, False}
    if ends:
        assert kinds >= {(frozenset({"eos"}), True), (frozenset({"eos", "length"}), False)}
    else:
        assert kinds == {(frozenset({"length"}), False)}


@both_backends
class TestTree:
    @pytest.mark.parametrize("name", ["tied, without an end", "untied, with ends"])
    def test_candidates(self, references: Callable[[str], Reference], name: str, backend: str) -> None:
        """Each step's are the best of all that the model gives for the running beams, computed anew from the start."""
        reference = references(name)
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        result = session.compare_search(TEXT, steps=8, num_beams=3)
        prompt = list(ids_of(result))
        running: list[tuple[list[int], float]] = [([], 0.0)]
        for number, step in enumerate(result.tree, start=1):
            assert step.step == number
            logprobs = reference.logprobs([prompt + tokens for tokens, _ in running])  # (beams, V)
            sums = logprobs + np.array([[total] for _, total in running])
            parents, ids = np.unravel_index(np.argsort(-sums, axis=None)[:6], sums.shape)
            assert [(shown.parent, shown.id) for shown in step.candidates] == list(zip(parents, ids, strict=True))
            for shown in step.candidates:
                assert shown.logprob == pytest.approx(logprobs[shown.parent, shown.id], abs=1e-4)
                assert shown.cumulative_logprob == pytest.approx(sums[shown.parent, shown.id], abs=1e-4)
            on = [shown for shown in step.candidates if shown.beam is not None]
            assert [shown.beam for shown in on] == list(range(0 if number == 8 else 3))
            running = [([*running[shown.parent][0], shown.id], shown.cumulative_logprob) for shown in on]

    def test_what_becomes_of_candidates(self, references: Callable[[str], Reference], backend: str) -> None:
        session = gpt2_inspect.load(str(references("untied, with ends").folder), backend=backend)
        result = session.compare_search(TEXT, steps=12, num_beams=5, length_penalty=0.6)
        best: list[float] = []
        for step in result.tree:
            for place, shown in enumerate(step.candidates):
                assert shown.ended is (shown.id == EOS or step.step == 12)
                assert (shown.score is None) is not shown.ended
                if shown.ended:
                    assert shown.score == pytest.approx(shown.cumulative_logprob / step.step**0.6, rel=1e-12)
                    best += [shown.score] if place < 5 else []
            best = sorted(best, reverse=True)[:5]
            for place, shown in enumerate(step.candidates):
                assert shown.kept is (shown.beam is not None or (shown.score in best and place < 5))
        assert [beam.score for beam in result.beams] == best

    def test_one_batch_and_one_cache(
        self, references: Callable[[str], Reference], monkeypatch: pytest.MonkeyPatch, backend: str
    ) -> None:
        """The prompt once; then a row for each beam and one for greedy search, a token at a time."""
        session = gpt2_inspect.load(str(references("tied, without an end").folder), backend=backend)
        forward, calls, caches = type(session._loaded.backend).forward, [], set()

        def watched(self: Any, token_ids: Any, cache: Any, **options: Any) -> Any:
            calls.append((token_ids.shape, cache.length))
            caches.add(id(cache))
            return forward(self, token_ids, cache, **options)

        monkeypatch.setattr(type(session._loaded.backend), "forward", watched)
        tokens = len(session.compare_search(TEXT, steps=6, num_beams=4).prompt.tokens)
        assert calls == [((1, tokens), 0), *(((5, 1), tokens + step) for step in range(5))]
        assert len(caches) == 1

    def test_best_of_all(self, small: Reference, backend: str) -> None:
        """With as many beams as tokens, two steps try every pair of tokens."""
        size = len(BERT_VOCABULARY)
        session = gpt2_inspect.load(str(small.folder), backend=backend)
        result = session.compare_search("hello", steps=2, num_beams=size)
        prompt = list(ids_of(result))
        first = small.logprobs([prompt])[0]  # (V,)
        sums = first[:, None] + small.logprobs([[*prompt, token_id] for token_id in range(size)])  # (V, V)
        order = np.argsort(-sums, axis=None)[:size]
        assert [beam.token_ids for beam in result.beams] == list(zip(*np.unravel_index(order, sums.shape), strict=True))
        assert [beam.logprob for beam in result.beams] == pytest.approx(sums.ravel()[order].tolist(), abs=1e-4)


class TestAlgorithm:
    """By hand: three tokens, of which 2 is the end."""

    def advance(self, search: BeamSearch, *rows: tuple[float, float, float]) -> list[int]:
        """One row of logprobs of the tokens for each running beam."""
        order = [sorted(range(3), key=lambda token_id: -row[token_id]) for row in rows]
        logprobs = [[row[token_id] for token_id in ranked] for row, ranked in zip(rows, order, strict=True)]
        return search.advance(np.array(order), np.array(logprobs))

    def test_an_end_below_the_first_beams_does_not_count(self) -> None:
        search = BeamSearch(2, 5, 1.0, [2])
        assert self.advance(search, (-1.0, -2.0, -3.0)) == [0, 0]
        assert search.ended == []
        assert [(one.place, one.kept) for one in search.tree[0]] == [(0, True), (1, True), (None, False)]
        assert self.advance(search, (-1.0, -3.0, -1.5), (-0.5, -9.0, -9.0)) == [0, 1]
        assert search.running == [Beam((0, 0), -2.0), Beam((1, 0), -2.5)]
        assert search.ended == [Ended((0, 2), -2.5, -1.25)]  # as good as (1, 0), and its parent is the better one

    def test_ends_displace_each_other_until_no_beam_can_do_better(self) -> None:
        search = BeamSearch(2, 9, 0.0, [2])
        assert self.advance(search, (-0.1, -9.0, -3.0)) == [0, 0]
        assert self.advance(search, (-0.1, -9.0, -2.9), (-9.0, -9.0, -9.0)) == [0, 0]
        assert [ended.score for ended in search.ended] == pytest.approx([-3.0, -3.0])
        assert self.advance(search, (-5.0, -9.0, -0.2), (-9.0, -9.0, -9.0)) == []
        assert [ended.token_ids for ended in search.ended] == [(0, 0, 2), (2,)]
        assert len(search.tree) == 3

    def test_equal_ones_go_by_parent_and_rank(self) -> None:
        search = BeamSearch(20, 3, 1.0, [])
        assert search.advance(np.arange(40)[None], np.full((1, 40), -1.0)) == [0] * 20
        assert search.advance(np.tile(np.arange(40), (20, 1)), np.full((20, 40), -1.0)) == [0] * 20
        assert [beam.token_ids for beam in search.running] == [(0, token_id) for token_id in range(20)]
        assert [(one.parent, one.beam.token_ids[-1]) for one in search.tree[1]] == [(0, place) for place in range(40)]


class TestRecord:
    def test_texts(self, results: list[CompareSearch], session: Session) -> None:
        tokenizer = session._loaded.tokenizer_for("")
        for result in results:
            for found in (result.greedy, *result.beams):
                *others, last = found.token_ids
                ids = others if found.finish_reason == "eos" else found.token_ids
                assert found.text == tokenizer.decode(ids)
                assert EOS not in others and (last == EOS) is (found.finish_reason == "eos")
        assert any(beam.finish_reason == "eos" and beam.text for result in results for beam in result.beams)

    def test_first_divergence(self, results: list[CompareSearch]) -> None:
        for result in results:
            greedy, best = result.greedy.token_ids, result.beams[0].token_ids
            step = result.first_divergence
            if step is None:
                assert greedy == best
            else:
                assert greedy[: step - 1] == best[: step - 1] and greedy[step - 1] != best[step - 1]
        assert {result.first_divergence is None for result in results} == {True, False}

    def test_greedy_is_what_next_tokens_takes(self, results: list[CompareSearch], session: Session) -> None:
        for result in results:
            taken = session.next_tokens(result.prompt.text, steps=10)
            assert taken.completion.token_ids == result.greedy.token_ids
            assert taken.finish_reason == result.greedy.finish_reason
            total = sum(step.chosen.logprob for step in taken.steps)
            assert result.greedy.logprob == pytest.approx(total, abs=1e-4)

    def test_one_beam_is_greedy(self, session: Session) -> None:
        result = session.compare_search("hello", steps=10, num_beams=1, length_penalty=-2.0)
        assert result.beams == (result.greedy,)
        assert result.first_divergence is None

    def test_largest_length_penalty(self, session: Session) -> None:
        for length_penalty in (30.0, -30.0):
            result = session.compare_search("b", steps=10, length_penalty=length_penalty)
            scores = [beam.score for beam in result.beams]
            assert all(math.isfinite(score) and score < 0 for score in scores)
            assert scores == sorted(scores, reverse=True)
        assert session.compare_search("b", steps=1, length_penalty=1e6).beams[0].score < 0

    def test_defaults(self, session: Session) -> None:
        search = session.compare_search("b").search
        assert (search.steps, search.num_beams, search.length_penalty) == (6, 3, 1.0)


class TestCommandLine:
    def run(self, folder: Path, *arguments: str, **options: Any) -> Run:
        return run_cli("compare-search", "--model", str(folder), *arguments, **options)

    def test_json_is_the_record(self, folder: Path, session: Session) -> None:
        done = self.run(folder, TEXT, "-n", "7", "--num-beams", "4", "--length-penalty", "-0.5", "--json")
        assert (done.code, done.err) == (0, "")
        result = session.compare_search(TEXT, steps=7, num_beams=4, length_penalty=-0.5)
        assert json.loads(done.out) == json.loads(json.dumps(result.to_dict()))

    def test_names(self, folder: Path) -> None:
        document = json.loads(self.run(folder, TEXT, "-n", "2", "--json").out)
        assert document["search"] == {"steps": 2, "num_beams": 3, "length_penalty": 1.0}
        assert {"greedy", "beams", "tree", "first_divergence"} <= set(document)
        for found in (document["greedy"], *document["beams"]):
            assert set(found) == {"token_ids", "text", "logprob", "score", "finish_reason"}
        for step in document["tree"]:
            assert set(step) == {"step", "candidates"}
            for candidate in step["candidates"]:
                assert set(candidate) == {
                    *("id", "token", "bytes", "parent", "beam", "logprob", "cumulative_logprob"),
                    *("ended", "score", "kept"),
                }

    def test_jsonl_and_csv_hold_the_tree(self, folder: Path) -> None:
        arguments = (TEXT, "-n", "12", "--num-beams", "2", "--format")
        steps = [json.loads(line) for line in self.run(folder, *arguments, "jsonl").out.splitlines()]
        rows = list(csv.DictReader(io.StringIO(self.run(folder, *arguments, "csv").out)))
        assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
        shown = [(step["step"], candidate) for step in steps for candidate in step["candidates"]]
        assert len(shown) == len(rows)
        for (number, candidate), row in zip(shown, rows, strict=True):
            assert (int(row["step"]), bytes.fromhex(row["bytes_hex"])) == (number, bytes(candidate["bytes"]))
            for name in ("parent", "id", "logprob", "cumulative_logprob", "ended", "kept"):
                assert json.loads(row[name]) == candidate[name]
            for name in ("beam", "score"):
                assert (json.loads(row[name]) if row[name] else None) == candidate[name]

    @pytest.mark.parametrize("text", [TEXT, "你好世界🙂", "[bold red]x[/] \x1b[31m\u202e|`*_# \n\n\tb"])
    @pytest.mark.parametrize("columns", [80, 40])
    def test_table_holds_everything(self, folder: Path, session: Session, text: str, columns: int) -> None:
        environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
        done = self.run(folder, text, "-n", "12", "--num-beams", "2", out=Terminal(), environ=environ)
        assert (done.code, done.err) == (0, "")
        assert [line for line in done.out.splitlines() if cell_len(line) > columns] == []
        assert "\x1b" not in done.out and "\u202e" not in done.out
        words = done.out.split()
        result = session.compare_search(text, steps=12, num_beams=2)
        for found in (result.greedy, *result.beams):
            assert {f"{found.logprob:.3f}", f"{found.score:.3f}", str(len(found.token_ids))} <= set(words)
        shown = result.tree[:-1] if len(result.tree) < 12 else result.tree
        for step in shown:
            running = [candidate for candidate in step.candidates if candidate.beam is not None]
            assert {f"{candidate.cumulative_logprob:.3f}" for candidate in running} <= set(words)
        ended = [one for step in result.tree[:11] for one in step.candidates if one.ended and one.kept]
        assert words.count("result:") + words.count("displaced:") == len(ended)

    def test_tree(self) -> None:
        """A row a step; the mark follows greedy search's path to where it is pruned; the verdict is the last line."""
        result = load("pocket").compare_search("The cat sat on")
        path: dict[int | None, tuple[int, ...]] = {0: ()}
        greedy = []
        for step in result.tree:
            paths = {one: (*path[one.parent], one.id) for one in step.candidates}
            greedy += [one for one, ids in paths.items() if ids == result.greedy.token_ids[: len(ids)]]
            path = {one.beam: ids for one, ids in paths.items()}
        assert [one.kept for one in greedy] == [True, True, True, False]
        _, tree, facts = "".join(render(result, "table", Page(80))).split("\n\n")
        _, header, *rows = tree.splitlines()
        assert header.split() == ["step", "beam", "0", "beam", "1", "beam", "2", "pruned"]
        assert len(rows) == len(result.tree) == 6
        marked = [row.partition("◀")[2].split()[0] for row in rows if "◀" in row]
        assert marked == [f"{one.cumulative_logprob:.3f}" for one in greedy]
        assert rows[3].rstrip().endswith(marked[-1])
        for row, step in zip(rows, result.tree, strict=True):
            assert all(f"{one.cumulative_logprob:.3f}" in row for one in step.candidates if one.kept)
        *_, pruned, verdict = facts.splitlines()
        assert pruned == "beam search pruned greedy search's own path at step 4"
        assert verdict == "greedy search and the best beam first differ at step 1"

    def test_no_tree(self, folder: Path) -> None:
        arguments = (TEXT, "-n", "3")
        whole, without = (self.run(folder, *arguments, *more).out for more in ((), ("--no-tree",)))
        texts, tree, _ = whole.split("\n\n")
        assert "beam tree" in tree and without.split("\n\n")[0] == texts and "beam tree" not in without
        assert self.run(folder, *arguments, "--no-tree", "--json").out == self.run(folder, *arguments, "--json").out

    def test_default_fits_a_screen(self) -> None:
        done = run_cli("compare-search", "The cat sat on", "-m", "pocket", environ={"COLUMNS": "80"})
        assert done.code == 0 and len(done.out.splitlines()) < 24

    def test_table_tells_the_outcome(self, folder: Path, results: list[CompareSearch]) -> None:
        said = set()
        for result in results:
            table = self.run(folder, result.prompt.text, "-n", "10", "--num-beams", "4").out
            said.add(step := result.first_divergence)
            if step is None:
                assert "greedy search and the best beam are the same\n" in table
            else:
                assert f"greedy search and the best beam first differ at step {step}\n" in table
            early = len(result.tree) < 10
            assert (f"beam search ended after {len(result.tree)} of 10 steps" in table) is early
        assert None in said and len(said) > 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--steps", "0"], ["--steps is 0"]),
            (["--steps", "-2"], ["--steps is -2"]),
            (["--num-beams", "0"], ["--num-beams is 0"]),
            (["--num-beams", str(VOCAB_SIZE + 1)], ["--num-beams", str(VOCAB_SIZE)]),
            *((["--length-penalty", value], ["--length-penalty", "finite"]) for value in ("nan", "inf", "-inf")),
            (["--length-penalty", "39"], ["--length-penalty is 39.0", "6 steps", "-38 and 38"]),
            (["--length-penalty", "-1e300"], ["--length-penalty"]),
            (["--length-penalty", "long"], ["--length-penalty", "long"]),
        ],
    )
    def test_bad_values(self, folder: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
        path = tmp_path / "old"
        path.write_text("old")
        check_error(self.run(folder, TEXT, *arguments, "--output", str(path)), 2, *words)
        assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1

    def test_bad_texts(self, folder: Path, session: Session) -> None:
        check_error(self.run(folder, ""), 5, "empty", hint=True)
        tokens = len(session.compare_search(TEXT, steps=1).prompt.tokens)
        most = N_POSITIONS + 1 - tokens
        assert self.run(folder, TEXT, "--steps", str(most), "--num-beams", "2").code == 0
        done = self.run(folder, TEXT, "--steps", str(most + 1))
        check_error(done, 5, str(N_POSITIONS), f"the largest --steps that fits is {most}\n", hint=True)
        check_error(self.run(folder, "x" * 90, "--steps", "1"), 5, "1 step more", "no --steps fits", hint=True)
        check_error(self.run(folder, TEXT, "--steps", str(10**40)), 5, f"the largest --steps that fits is {most}\n")

    def test_unwritable_output(self, folder: Path, tmp_path: Path) -> None:
        check_error(self.run(folder, TEXT, "--output", str(tmp_path / "none" / "file")), 2, "cannot write")
        check_error(self.run(folder, TEXT, "--output", str(tmp_path)), 2, "directory")

    def test_errors_in_python(self, session: Session) -> None:
        with pytest.raises(UsageError, match="num_beams is -1"):
            session.compare_search(TEXT, num_beams=-1)
        with pytest.raises(InputError, match="empty"):
            session.compare_search("")
