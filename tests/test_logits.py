"""logits: every number is that of transformers and of its filters, and the screen makes the argument."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len
from safetensors.numpy import load_file, save_file
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from checkpoints import VOCAB_SIZE, load_reference, make_checkpoint
from gpt2_inspect import load
from gpt2_inspect.analysis import LogitsQuestion
from gpt2_inspect.errors import InputError, ModelUnusableError, UsageError
from gpt2_inspect.render.views import percent
from gpt2_inspect.results.logits import Logits
from gpt2_inspect.session import Session
from harness import Run, both_backends, check_error, ids_of, run_cli
from loaded import HEAVY, PARTS_OF_NUMPY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好 🙂 cat"
TOP_K = 7

CHECKPOINTS: dict[str, dict[str, Any]] = {"tied": {}, "untied": {"tie_word_embeddings": False, "seed": 1}}


@pytest.fixture(scope="module", params=CHECKPOINTS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("logits"), **CHECKPOINTS[request.param])


@pytest.fixture(scope="module")
def expected(folder: Path) -> torch.Tensor:
    """(T, V), of transformers, in float64."""
    return reference_logits(folder, ids_of(load(str(folder)).encode(TEXT)))


@pytest.fixture(scope="module", params=["numpy", "torch"])
def session(request: pytest.FixtureRequest, folder: Path) -> Session:
    return load(str(folder), backend=request.param)


@torch.inference_mode()
def reference_logits(folder: Path, token_ids: list[int]) -> torch.Tensor:
    logits: torch.Tensor = load_reference(folder)(torch.tensor([token_ids])).logits[0]
    return logits.double()


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-4, abs=1e-4)


def entropy_bits(probabilities: torch.Tensor) -> float:
    return float(torch.distributions.Categorical(probabilities).entropy()) / math.log(2)


class TestAgainstTransformers:
    def test_places(self, session: Session, expected: torch.Tensor) -> None:
        result = session.logits(TEXT)
        token_ids = ids_of(result)
        assert result.shape == (1, len(token_ids), VOCAB_SIZE)
        logprobs = expected.log_softmax(-1)
        for index, (place, token_id) in enumerate(zip(result.positions, token_ids, strict=True)):
            assert (place.index, place.id) == (index, token_id)
            assert (place.argmax.id, place.argmax.rank) == (int(expected[index].argmax()), 1)
            assert place.argmax.logit == close(float(expected[index].max()))
            assert place.argmax.logprob == close(float(logprobs[index].max()))
            if index + 1 == len(token_ids):
                assert place.next_token is None
                continue
            assert place.next_token is not None
            own = expected[index, token_ids[index + 1]]
            assert place.next_token.id == token_ids[index + 1]
            assert place.next_token.rank == 1 + int((expected[index] > own).sum())
            assert place.next_token.logit == close(float(own))
            assert place.next_token.prob == close(float(logprobs[index, token_ids[index + 1]].exp()))

    @pytest.mark.parametrize("position", [-1, 3])
    def test_softmax(self, session: Session, expected: torch.Tensor, position: int) -> None:
        result = session.logits(TEXT, position=position, top_k=TOP_K)
        logits = expected[position]
        softmax, probabilities = result.softmax, logits.softmax(-1)
        exponentials = (logits - logits.max()).exp()
        assert result.position == position % len(expected)
        assert softmax.largest_logit == close(float(logits.max()))
        assert softmax.sum_exp == close(float(exponentials.sum()))
        assert softmax.log_sum_exp == close(float(logits.logsumexp(-1)))
        assert softmax.entropy_bits == close(entropy_bits(probabilities))
        assert [candidate.id for candidate in softmax.candidates] == logits.topk(TOP_K).indices.tolist()
        for rank, candidate in enumerate(softmax.candidates, start=1):
            assert candidate.rank == rank
            assert candidate.logit == close(float(logits[candidate.id]))
            assert candidate.exp == close(float(exponentials[candidate.id]))
            assert candidate.prob == close(float(probabilities[candidate.id]))
            assert candidate.shifted_logit == candidate.logit - softmax.largest_logit
            assert candidate.prob == candidate.exp / softmax.sum_exp
            assert candidate.logprob == pytest.approx(math.log(candidate.prob), rel=1e-12)
        best, argmax = softmax.candidates[0], result.positions[position].argmax
        assert (best.id, best.logit, best.prob) == (argmax.id, argmax.logit, pytest.approx(argmax.prob, rel=1e-12))

    @pytest.mark.parametrize(
        "filters",
        [{}, {"sample_top_k": 4}, {"top_p": 0.7}, {"sample_top_k": 5, "top_p": 0.9}],
        ids=lambda filters: " ".join(filters),
    )
    def test_temperatures(self, session: Session, expected: torch.Tensor, filters: dict[str, Any]) -> None:
        temperatures = (0.5, 1, 3.0)
        result = session.logits(TEXT, top_k=TOP_K, temperatures=temperatures, **filters)
        assert result.temperatures is not None
        assert tuple(at.temperature for at in result.temperatures) == temperatures
        for at in result.temperatures:
            scores = TemperatureLogitsWarper(float(at.temperature))(None, expected[-1:])
            before = scores.softmax(-1)[0]
            if "sample_top_k" in filters:
                scores = TopKLogitsWarper(filters["sample_top_k"])(None, scores)
            if "top_p" in filters:
                scores = TopPLogitsWarper(filters["top_p"])(None, scores)
            after = scores.softmax(-1)[0]
            assert at.entropy_bits == close(entropy_bits(before))
            assert at.entropy_final_bits == close(entropy_bits(after))
            assert at.tokens_kept == int((after > 0).sum())
            assert [same.id for same in at.candidates] == [best.id for best in result.softmax.candidates]
            for candidate in at.candidates:
                assert candidate.prob_at_temperature == close(float(before[candidate.id]))
                assert candidate.prob_final == close(float(after[candidate.id]))
                assert candidate.kept == bool(after[candidate.id] > 0)

    def test_arrays(self, session: Session, expected: torch.Tensor) -> None:
        arrays: dict[str, np.ndarray] = {}
        result = session.ask(LogitsQuestion(), TEXT, on_part=arrays.update)
        assert_arrays(arrays, ids_of(result), expected)
        arrays["logits"][:] = 0
        assert session.logits(TEXT) == result


def assert_arrays(arrays: dict[str, np.ndarray], token_ids: list[int], expected: torch.Tensor) -> None:
    assert sorted(arrays) == ["logits", "token_ids"]
    assert arrays["logits"].dtype == np.float32
    assert arrays["token_ids"].tolist() == token_ids
    np.testing.assert_allclose(arrays["logits"], expected.numpy(), rtol=0, atol=1e-4)


class TestTemperatures:
    def test_filters_alone_are_applied_at_one(self, tiny: Path) -> None:
        session = load(str(tiny))
        alone, at_one = session.logits(TEXT, top_p=0.5), session.logits(TEXT, top_p=0.5, temperatures=[1])
        assert alone.temperatures == at_one.temperatures
        assert session.logits(TEXT).temperatures is None

    def test_they_are_those_of_sampling(self, tiny: Path) -> None:
        options = {"top_k": TOP_K, "top_p": 0.9, "sample_top_k": 30}
        session = load(str(tiny))
        (at,) = session.logits(TEXT, temperatures=(1.3,), **options).temperatures or ()
        step = session.next_tokens(TEXT, steps=1, temperature=1.3, **options).steps[0]
        assert [candidate.prob_final for candidate in at.candidates] == pytest.approx(
            [candidate.prob_final for candidate in step.top_logprobs], rel=1e-5
        )

    def test_next_to_none(self, tiny: Path) -> None:
        (at,) = load(str(tiny)).logits(TEXT, temperatures=(5e-324,)).temperatures or ()
        assert (at.entropy_bits, at.tokens_kept, at.candidates[0].prob_final) == (0, 1, 1)


@both_backends
class TestWeights:
    """That are unusual."""

    def test_equal_logits_are_ranked_by_the_lower_id(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        folder = with_wte(tiny, tmp_path, 0)
        result = load(str(folder), backend=backend).logits("cat sat", top_k=3, sample_top_k=2)
        assert [candidate.id for candidate in result.softmax.candidates] == [0, 1, 2]
        assert (result.softmax.sum_exp, result.softmax.entropy_bits) == (VOCAB_SIZE, close(math.log2(VOCAB_SIZE)))
        assert [place.next_token.rank - 1 for place in result.positions if place.next_token] == ids_of(result)[1:]
        assert result.temperatures is not None and result.temperatures[0].tokens_kept == VOCAB_SIZE

    def test_damaged(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        folder = with_wte(tiny, tmp_path, np.nan)
        with pytest.raises(ModelUnusableError, match="not finite"):
            load(str(folder), backend=backend).logits("hi")


def with_wte(folder: Path, to: Path, value: float) -> Path:
    """A copy of the checkpoint whose token vectors are nothing but this value."""
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    tensors = load_file(to / "model.safetensors")
    wte = np.full_like(tensors["transformer.wte.weight"], value)
    save_file({**tensors, "transformer.wte.weight": wte}, to / "model.safetensors", {"format": "pt"})
    return to


def logits(*arguments: str, **options: Any) -> Run:
    return run_cli("logits", *arguments, **options)


@pytest.fixture(scope="module")
def result(tiny: Path) -> Logits:
    return load(str(tiny)).logits(TEXT, position=2, top_k=3, temperatures=(0.5, 2), top_p=0.9)


@pytest.fixture(scope="module")
def arguments(tiny: Path) -> list[str]:
    """That ask for `result`."""
    return [TEXT, "-m", str(tiny), "-p", "2", "-k", "3", "--temperatures", "0.5, 2", "--top-p", "0.9"]


class TestCommandLine:
    def test_json(self, result: Logits, arguments: list[str]) -> None:
        done = logits(*arguments, "--json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out, parse_constant=pytest.fail) == json.loads(json.dumps(result.to_dict()))

    def test_csv(self, result: Logits, arguments: list[str], tiny: Path) -> None:
        rows = list(csv.DictReader(io.StringIO(logits(*arguments, "-f", "csv").out)))
        pairs = [(at, candidate) for at in result.temperatures or () for candidate in at.candidates]
        assert len(rows) == len(pairs) == 2 * 3
        for row, (at, candidate) in zip(rows, pairs, strict=True):
            steps = result.softmax.candidates[candidate.rank - 1]
            assert (int(row["position"]), int(row["rank"]), int(row["id"])) == (2, candidate.rank, candidate.id)
            for name in ("logit", "shifted_logit", "exp", "prob", "logprob"):
                assert float(row[name]) == getattr(steps, name)
            assert float(row["temperature"]) == at.temperature
            assert float(row["prob_at_temperature"]) == candidate.prob_at_temperature
            assert (float(row["prob_final"]), row["kept"]) == (candidate.prob_final, str(candidate.kept).lower())
        plain = logits(TEXT, "-m", str(tiny), "-k", "3", "-f", "csv").out.splitlines()
        assert len(plain) == 1 + 3 and plain[0].endswith(",prob,shifted_logit,exp")

    @pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
    def test_save(self, tiny: Path, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"logits{suffix}"
        done = logits(TEXT, "-m", str(tiny), "--json", "--save", str(path))
        assert (done.code, done.err) == (0, "")
        token_ids = [token["id"] for token in json.loads(done.out)["prompt"]["tokens"]]
        arrays = dict(np.load(path)) if suffix == ".npz" else load_file(path)
        assert_arrays(arrays, token_ids, reference_logits(tiny, token_ids))

    def test_a_short_prompt_fits_a_screen(self) -> None:
        """Of 24 lines: with six tokens there is still one for what was typed."""
        session = load("pocket")
        text = "hello, how are you"
        lines = logits(text, "-m", "pocket", environ={"COLUMNS": "80"}).out.splitlines()
        tokens = len(session.encode(text).tokens)
        assert len(lines) <= 17 + tokens and max(map(cell_len, lines)) <= 80
        assert " ".join(lines[:2]) == (
            f"logits [1, {tokens}, {session.model.vocab_size}]: batch, tokens, vocabulary. "
            "logits[i] ranks what stands at i + 1: no position ranks its own token."
        )

    def test_table_reads_as_the_computation(self, tiny: Path) -> None:
        result = load(str(tiny)).logits(TEXT, top_k=3)
        lines = logits(TEXT, "-m", str(tiny), "-k", "3", environ={"COLUMNS": "120"}).out.splitlines()
        softmax = result.softmax
        at = next(index for index, line in enumerate(lines) if line.startswith("softmax of logits["))
        assert f"minus {softmax.largest_logit:.3f}" in lines[at + 1] and f"/ {softmax.sum_exp:.4f}" in lines[at + 1]
        for candidate, line in zip(softmax.candidates, lines[at + 2 :], strict=False):
            numbers = [f"{candidate.logit:z.3f}", f"{candidate.shifted_logit:z.3f}"]
            assert [word for word in line.split() if word in {*numbers, percent(candidate.prob)}][-1:] == [
                percent(candidate.prob)
            ]
            assert set(numbers) <= set(line.split())
        others = 1 - sum(candidate.prob for candidate in softmax.candidates)
        assert f"the other {VOCAB_SIZE - 3} " in lines[at + 5] and lines[at + 5].endswith(percent(others))
        assert lines[at + 6].split() == ["all", str(VOCAB_SIZE), f"{softmax.sum_exp:.4f}", "100.0%"]

    def test_what_is_cut_is_marked(self, tiny: Path) -> None:
        arguments = (TEXT, "-m", str(tiny), "-k", "3", "-t", "0.5,2", "--sample-top-k", "2")
        lines = logits(*arguments, environ={"COLUMNS": "120"}).out.splitlines()
        at = next(index for index, line in enumerate(lines) if "divided by a temperature" in line)
        assert [line.count("→    cut") for line in lines[at + 2 : at + 5]] == [0, 0, 2]
        assert lines[at + 6].split() == ["tokens", "kept", "2", "2"]

    @pytest.mark.parametrize(
        ("options", "indices"),
        [
            ([], range(52, 60)),
            (["-p", "52"], range(52, 60)),
            (["-p", "51"], range(51, 60)),
            (["-p", "7"], [7, *range(52, 60)]),
            (["--all-positions"], range(60)),
        ],
    )
    def test_a_long_text_is_bounded(self, tiny: Path, options: list[str], indices: Any) -> None:
        """But the chosen position is always there."""
        done = logits("!" * 60, "-m", str(tiny), *options)
        table, rest = done.out.split("\n\n", 1)
        rows = [line.split() for line in table.splitlines()[2:]]
        assert [row[0] for row in rows if row[0] != "…"] == [str(index) for index in indices]
        assert (f"{60 - len(indices)} positions are left out" in rest) is (len(indices) < 60)
        assert len(json.loads(logits("!" * 60, "-m", str(tiny), *options, "--json").out)["positions"]) == 60

    def test_everything_listed(self, tiny: Path) -> None:
        """There are no others, and so no row of them."""
        done = logits("hi", "-m", str(tiny), "-k", str(VOCAB_SIZE))
        assert done.code == 0 and "the other" not in done.out and f"all {VOCAB_SIZE} " in done.out


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--position", "5"], ["--position is 5", "5 tokens"]),
            (["--top-k", "0"], ["--top-k is 0"]),
            (["--sample-top-k", str(VOCAB_SIZE + 1)], ["--sample-top-k is", str(VOCAB_SIZE)]),
            (["--top-p", "1.5"], ["--top-p is 1.5"]),
            (["--temperatures", "1,0"], ["--temperatures is 0.0", "above 0"]),
            (["--temperatures", "1,inf"], ["--temperatures is inf", "finite"]),
            (["--temperatures", "1,,2"], ["--temperatures is '1,,2'", "commas", "0.5,1,2"]),
            (["--temperatures", ""], ["--temperatures is ''", "commas"]),
            (["--save", "logits.txt"], ["logits.txt", ".npz"]),
        ],
    )
    def test_values(self, tiny: Path, arguments: list[str], words: list[str]) -> None:
        check_error(logits("!!!!!", "-m", str(tiny), *arguments), 2, *words)

    def test_python(self, tiny: Path) -> None:
        for value in (0.5, "0.5", b"1", [], ["1"], [0], [math.nan], [True]):
            with pytest.raises(UsageError, match=r"^temperatures "):
                LogitsQuestion(temperatures=value)  # type: ignore[arg-type]
        assert LogitsQuestion(temperatures=np.array([1, 2])).temperatures == (1.0, 2.0)  # type: ignore[arg-type]
        for text in ("", "!" * 65):
            with pytest.raises(InputError):
                load(str(tiny)).logits(text)


def test_modules(tiny: Path) -> None:
    loaded = modules_of("logits", "hi", "-m", str(tiny), "--json")
    check_absent(loaded, HEAVY | RICH | PARTS_OF_NUMPY | {"gpt2_inspect.analysis.sampling"})
