"""`compare`: both sides are runs of next-tokens, and the steps between them are arithmetic that torch does too."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gpt2_inspect
from checkpoints import ReferenceModel, make_checkpoint
from gpt2_inspect import Side, compare, load
from gpt2_inspect.analysis import NextTokensQuestion
from gpt2_inspect.analysis.compare import divergence_bits
from gpt2_inspect.results.compare import Comparison, Standing
from harness import Terminal, check_error, run_cli, without_times

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other weights, the same tokenizer."""
    return make_checkpoint(tmp_path_factory.mktemp("models") / "other", seed=1, n_layer=1)


def logits_behind(reference: ReferenceModel, token_ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return torch.as_tensor(reference.model(torch.tensor([token_ids])).logits[0, -1]).double()


def test_the_sides_are_runs_of_next_tokens(tiny: Path, other: Path) -> None:
    sides = [
        Side(load(tiny), TEXT, NextTokensQuestion(steps=4, top_k=3)),
        Side(load(other), "The cat", NextTokensQuestion(steps=3, top_k=2, temperature=0.7, seed=5)),
    ]
    result = compare(*sides)
    for side, run in zip(sides, (result.a, result.b), strict=True):
        alone = side.session.ask(side.question, side.text)
        assert without_times(run.to_dict()) == without_times(alone.to_dict())
    assert [step.step for step in result.steps] == [1, 2, 3, 4]
    assert all(token.b is None for token in result.steps[3].candidates) and result.steps[3].kl_a_b_bits is None


@pytest.mark.parametrize("temperatures", [(None, None), (0.5, 2.0)])
def test_probabilities_and_divergence_are_those_of_torch(
    tiny: Path, other: Path, temperatures: tuple[float | None, float | None]
) -> None:
    questions = [NextTokensQuestion(steps=3, top_k=2, temperature=temperature) for temperature in temperatures]
    result = compare(Side(load(tiny), TEXT, questions[0]), Side(load(other), TEXT, questions[1]))
    assert result.same_vocabulary
    so_far = [[token.id for token in run.prompt.tokens] for run in (result.a, result.b)]
    for step in result.steps:
        logits = [logits_behind(ReferenceModel(folder), ids) for folder, ids in zip((tiny, other), so_far, strict=True)]
        log_p, log_q = (
            torch.log_softmax(row / (temperature or 1), 0)
            for row, temperature in zip(logits, temperatures, strict=True)
        )
        kl_div = torch.nn.functional.kl_div
        expected = [kl_div(log_q, log_p, reduction="sum", log_target=True)]
        expected.append(kl_div(log_p, log_q, reduction="sum", log_target=True))
        found = [step.kl_a_b_bits, step.kl_b_a_bits]
        assert found == pytest.approx([float(nats) / math.log(2) for nats in expected], rel=1e-3)
        for token in step.candidates:
            for standing, row, log_final in ((token.a, logits[0], log_p), (token.b, logits[1], log_q)):
                assert standing is not None
                assert standing.logprob == pytest.approx(float(torch.log_softmax(row, 0)[standing.id]), abs=1e-4)
                assert standing.prob_final == pytest.approx(float(log_final[standing.id].exp()), rel=1e-3, abs=1e-6)
                assert standing.rank == 1 + int((row > row[standing.id]).sum())
        for index, ids in enumerate(so_far):
            ids.append((result.a, result.b)[index].steps[step.step - 1].chosen.id)


def test_the_union_holds_what_either_lists_or_takes(tiny: Path) -> None:
    session = load(tiny)
    sides = (Side(session, TEXT, NextTokensQuestion(steps=2, top_k=2, temperature=3, seed=seed)) for seed in (1, 2))
    result = compare(*sides)
    for step, one, two in zip(result.steps, result.a.steps, result.b.steps, strict=True):
        wanted = {each.id for each in (*one.top_logprobs, one.chosen, *two.top_logprobs, two.chosen)}
        assert sorted(token.a.id for token in step.candidates if token.a) == sorted(wanted)
        chosen = [[side.id for side in column if side and side.chosen] for column in columns(step)]
        assert chosen == [[one.chosen.id], [two.chosen.id]]
        largest = [max(side.prob_final for side in (token.a, token.b) if side) for token in step.candidates]
        assert largest == sorted(largest, reverse=True)


def columns(step: Any) -> tuple[list[Standing | None], list[Standing | None]]:
    return [token.a for token in step.candidates], [token.b for token in step.candidates]


def test_where_they_part(tiny: Path) -> None:
    session = load(tiny)
    same = compare(*(Side(session, TEXT, NextTokensQuestion(steps=3)) for _ in "ab"))
    assert (same.first_divergence, [step.parts for step in same.steps]) == (None, [False] * 3)
    assert all((step.kl_a_b_bits, step.kl_b_a_bits, step.same_context) == (0, 0, True) for step in same.steps)
    apart = compare(*(Side(session, TEXT, NextTokensQuestion(steps=6, temperature=2, seed=seed)) for seed in (1, 3)))
    pairs = zip(apart.a.completion.token_ids, apart.b.completion.token_ids, strict=True)
    first = next(step for step, (one, two) in enumerate(pairs, start=1) if one != two)
    assert apart.first_divergence == first
    assert [step.step for step in apart.steps if step.parts] == [first]
    assert [step.same_context for step in apart.steps] == [step.step <= first for step in apart.steps]


def test_without_a_seed_both_draw_with_the_same(tiny: Path) -> None:
    session = load(tiny)
    result = compare(*(Side(session, TEXT, NextTokensQuestion(steps=8, temperature=2)) for _ in "ab"))
    assert result.first_divergence is None and result.a.run.seed == result.b.run.seed is not None


def test_other_vocabularies_are_matched_by_bytes(tiny: Path, bert: Path) -> None:
    sessions = (load(tiny), load(bert))
    kinds = (NextTokensQuestion(steps=2, top_k=session.model.vocab_size) for session in sessions)
    result = compare(*(Side(session, "hello", kind) for session, kind in zip(sessions, kinds, strict=True)))
    assert not result.same_vocabulary and {step.kl_a_b_bits for step in result.steps} == {None}
    tokens = {bytes(token.bytes): token for token in result.steps[0].candidates}
    special = tokens[b"[MASK]"]
    assert special.a is None and special.b is not None
    both = tokens["你".encode()]
    assert both.a and both.b and both.a.id != both.b.id


def test_divergence() -> None:
    p, q = np.array([0.5, 0.5, 0]), np.array([0.25, 0.75, 0])
    assert divergence_bits(p, q) == pytest.approx(0.5 * 1 + 0.5 * math.log2(2 / 3))
    assert divergence_bits(p, np.array([1.0, 0, 0])) == math.inf
    assert divergence_bits(np.array([1.0, 0, 0]), p) == 1


def test_what_filters_cut_is_infinitely_far(tiny: Path) -> None:
    done = run_cli("compare", TEXT, "-t", "1", "-t", "2", "--sample-top-k", "2", "-m", str(tiny), "--json")
    assert all(step["kl_a_b_bits"] is not None for step in json.loads(done.out)["steps"][:1])
    question = NextTokensQuestion(steps=1, sample_top_k=1)
    result = compare(Side(load(tiny), TEXT, question), Side(load(tiny), TEXT, NextTokensQuestion(steps=1)))
    assert result.steps[0].kl_b_a_bits == math.inf and result.steps[0].to_dict()["kl_b_a_bits"] is None


VARIANTS = [
    [TEXT, "The cat"],
    [TEXT, "--temperature", "0.5", "--temperature", "2", "--seed", "1"],
    [TEXT, "--temperature", "1", "--seed", "1", "--seed", "2"],
]


@pytest.mark.parametrize("arguments", VARIANTS, ids=lambda arguments: " ".join(arguments[1:]))
def test_command(tiny: Path, arguments: list[str]) -> None:
    done = run_cli("compare", *arguments, "--model", str(tiny), "--json")
    document = json.loads(done.out, parse_constant=pytest.fail)
    assert (done.code, done.err, document["command"]) == (0, "", "compare")
    assert Comparison.from_dict(document).to_dict() == document
    assert document["a"]["command"] == document["b"]["command"] == "next-tokens"
    rows = list(csv.reader(io.StringIO(run_cli("compare", *arguments, "--model", str(tiny), "--format", "csv").out)))
    assert len(rows) == 1 + sum(len(step["candidates"]) for step in document["steps"])
    lines = run_cli("compare", *arguments, "--model", str(tiny), "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["models"] for line in lines] == [[str(tiny)] * 2] * len(document["steps"])
    assert run_cli("compare", *arguments, "--model", str(tiny), "--format", "markdown").code == 0
    for columns in (20, 40, 80, 200):
        environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
        table = run_cli("compare", *arguments, "--model", str(tiny), out=Terminal(), environ=environ).out
        assert max(map(len, table.splitlines())) <= columns


def test_two_models(tiny: Path, other: Path) -> None:
    done = run_cli("compare", "-", "-m", str(tiny), "-m", str(other), "--json", stdin=TEXT.encode())
    document = json.loads(done.out)
    assert [document[side]["model"]["name"] for side in "ab"] == [str(tiny), str(other)]
    assert [document[side]["prompt"]["text"] for side in "ab"] == [TEXT, TEXT]


def test_default_model_of_the_environment(tiny: Path) -> None:
    done = run_cli("compare", TEXT, "you", "--json", environ={"GPT2_INSPECT_MODEL": str(tiny)})
    assert (done.err, json.loads(done.out)["a"]["model"]["name"]) == ("", str(tiny))
    assert len(run_cli("compare", TEXT, "you", "-n", "1").err.splitlines()) == 1  # one note, not one for each side


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([TEXT], 2, ("nothing to compare",)),
        ([TEXT, "--seed", "1", "--seed", "2"], 2, ("--seed does nothing", "--temperature 1")),
        ([TEXT, *["-t", "1"] * 3], 2, ("--temperature is given 3 times",)),
        (["-", "-"], 2, ("standard input",)),
        ([TEXT, "you", "--steps", "0"], 2, ("--steps is 0",)),
        ([TEXT, "-t", "1", "-t", "0"], 2, ("--temperature is 0",)),
        ([TEXT, "x " * 100], 5, ("64",)),
        ([TEXT, "-m", "./none"], 3, ("none",)),
    ],
)
def test_errors(tiny: Path, arguments: list[str], code: int, words: tuple[str, ...]) -> None:
    check_error(run_cli("compare", *arguments, "--model", str(tiny), out=io.StringIO()), code, *words)


def test_public_names() -> None:
    assert {"Side", "compare"} <= set(gpt2_inspect.__all__)
