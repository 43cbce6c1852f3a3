"""Sampling: the filters of transformers, draws that follow them, and the same seed giving the same tokens."""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from checkpoints import VOCAB_SIZE
from gpt2_inspect.analysis.sampling import Sampler
from gpt2_inspect.backends.numpy_gpt2 import NumpyLogits
from gpt2_inspect.checkpoint.tokenizer import Tokenizer
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.results import SampledCandidate
from gpt2_inspect.results.next_tokens import Completion, Step
from gpt2_inspect.session import load
from harness import without_times

pytestmark = pytest.mark.usefixtures("one_torch_thread")

PROMPT = "hello, how are"

MIXES: dict[str, dict[str, Any]] = {
    "temperature 1": {"temperature": 1.0},
    "hot": {"temperature": 1.7},
    "cold": {"temperature": 0.2},
    "top-k": {"sample_top_k": 7},
    "top-p": {"top_p": 0.8},
    "all three": {"temperature": 1.3, "sample_top_k": 20, "top_p": 0.9},
    "cold top-p": {"temperature": 0.5, "top_p": 0.5},
}


def filtered_by_transformers(logits: np.ndarray, temperature: float, top_k: int | None, top_p: float | None) -> Any:
    """Probabilities (V,) as transformers' `generate` would draw from, in float64."""
    scores = torch.from_numpy(logits.astype(np.float64))[None]
    warpers: list[Any] = [TemperatureLogitsWarper(temperature)]
    if top_k is not None:
        warpers.append(TopKLogitsWarper(top_k))
    if top_p is not None:
        warpers.append(TopPLogitsWarper(top_p))
    for warper in warpers:
        scores = warper(None, scores)
    return scores.softmax(-1)[0].numpy()


def draw_probabilities(
    logits: np.ndarray, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> np.ndarray:
    return Sampler(0, temperature, top_k, top_p).draw(logits.astype(np.float32)).probabilities


class TestFilters:
    @pytest.mark.parametrize("temperature", [0.1, 1.0, 2.5])
    @pytest.mark.parametrize("top_k", [None, 1, 10, 384, 1000])
    @pytest.mark.parametrize("top_p", [None, 0.001, 0.5, 0.95, 1.0])
    def test_probabilities_are_those_of_transformers(self, temperature: float, top_k: int | None, top_p: float | None):
        for seed in range(4):
            logits = np.random.default_rng(seed).normal(scale=3, size=384).astype(np.float32)
            expected = filtered_by_transformers(logits, temperature, top_k, top_p)
            actual = draw_probabilities(logits, temperature, top_k, top_p)
            np.testing.assert_array_equal(actual > 0, expected > 0)
            np.testing.assert_allclose(actual, expected, rtol=1e-12)

    def test_top_p_keeps_the_token_that_crosses_it(self):
        logits = np.log([0.5, 0.3, 0.15, 0.05])
        np.testing.assert_allclose(draw_probabilities(logits, top_p=0.6), [0.625, 0.375, 0, 0], atol=1e-6)
        np.testing.assert_allclose(draw_probabilities(logits, top_p=0.4), [1, 0, 0, 0])
        np.testing.assert_allclose(draw_probabilities(logits, top_p=1.0), [0.5, 0.3, 0.15, 0.05], atol=1e-6)

    def test_top_k_keeps_ties_with_the_last_one(self):
        """As transformers does: which of equal tokens to drop would be arbitrary."""
        logits = np.array([1.0, 3.0, 1.0, 0.0, 2.0])
        assert np.flatnonzero(draw_probabilities(logits, top_k=3)).tolist() == [0, 1, 2, 4]
        assert np.flatnonzero(filtered_by_transformers(logits, 1.0, 3, None)).tolist() == [0, 1, 2, 4]

    @pytest.mark.parametrize("temperature", [1e-6, 5e-324, 1e6, 1e308])
    def test_extreme_temperatures(self, temperature: float):
        probabilities = draw_probabilities(np.array([1.0, 3.0, -2.0, 2.9]), temperature)
        assert probabilities.sum() == pytest.approx(1)
        np.testing.assert_allclose(probabilities, [0.25] * 4 if temperature > 1 else [0, 1, 0, 0], atol=1e-5)


class TestDraws:
    @pytest.mark.parametrize("filters", [{}, {"top_k": 5}, {"temperature": 2.0, "top_p": 0.9}], ids=str)
    def test_frequencies_follow_the_probabilities(self, filters: dict[str, Any]):
        """Pearson's chi-square for one fixed seed; beyond five standard deviations would be no accident."""
        draws = 10_000
        logits = np.random.default_rng(3).normal(size=30).astype(np.float32)
        sampler = Sampler(11, filters.get("temperature", 1.0), filters.get("top_k"), filters.get("top_p"))
        counts = np.bincount([sampler.draw(logits).token_id for _ in range(draws)], minlength=30)
        expected = draws * draw_probabilities(logits, **filters)
        assert counts[expected == 0].sum() == 0
        kept = expected > 0
        chi_square = ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum()
        freedom = kept.sum() - 1
        assert chi_square < freedom + 5 * math.sqrt(2 * freedom)

    def test_a_sampler_does_not_repeat_itself(self):
        sampler = Sampler(1, 1.0, None, None)
        assert len({sampler.draw(np.zeros(10_000, np.float32)).token_id for _ in range(50)}) > 45

    def test_the_last_token_can_be_drawn(self):
        logits = np.array([-100.0, -100.0, 0.0], np.float32)
        assert {Sampler(seed, 1.0, None, None).draw(logits).token_id for seed in range(20)} == {2}


class TestSeeds:
    @pytest.mark.parametrize("mix", MIXES)
    def test_both_backends_draw_the_same_tokens(self, tiny: Path, mix: str):
        sessions = [load(str(tiny), backend=backend) for backend in ("numpy", "torch")]
        for seed in (0, 1, 2**32 - 1):
            results = [
                session.next_tokens(PROMPT, steps=12, seed=seed, ignore_eos=True, **MIXES[mix]) for session in sessions
            ]
            ours, theirs = (result.completion for result in results)
            assert ours == theirs
            assert [result.run.seed for result in results] == [seed, seed]

    def test_different_seeds_draw_different_tokens(self, tiny: Path):
        session = load(str(tiny))
        completions = [session.next_tokens(PROMPT, steps=8, temperature=1.5, seed=seed).completion for seed in range(5)]
        assert len(set(completions)) == 5

    def test_without_a_seed_the_record_tells_it(self, tiny: Path):
        session = load(str(tiny))
        first, second = (session.next_tokens(PROMPT, steps=8, temperature=1.5) for _ in range(2))
        assert isinstance(first.run.seed, int)
        assert first.run.seed != second.run.seed
        again = session.next_tokens(PROMPT, steps=8, temperature=1.5, seed=first.run.seed)
        assert again.completion == first.completion
        assert without_times(again.to_dict()) == without_times(first.to_dict())

    def test_greedy_decoding_has_no_seed(self, tiny: Path):
        assert load(str(tiny)).next_tokens(PROMPT, steps=1, seed=5).run.seed is None


class TestRecords:
    @pytest.mark.parametrize("mix", MIXES)
    def test_probabilities_before_and_after(self, tiny: Path, mix: str):
        """`prob` is the model's own, as under greedy decoding; `prob_final` and `kept` are of the filters."""
        options = {"temperature": 1.0, "sample_top_k": None, "top_p": None} | MIXES[mix]
        result = load(str(tiny)).next_tokens(PROMPT, steps=1, top_k=VOCAB_SIZE, seed=4, **options)
        greedy = load(str(tiny)).next_tokens(PROMPT, steps=1, top_k=VOCAB_SIZE)
        candidates = result.steps[0].top_logprobs
        assert all(isinstance(candidate, SampledCandidate) for candidate in candidates)

        own = [(candidate.id, candidate.rank, candidate.logit, candidate.prob) for candidate in candidates]
        expected = [(candidate.id, candidate.rank, candidate.logit) for candidate in greedy.steps[0].top_logprobs]
        assert [values[:3] for values in own] == expected
        assert sum(candidate.prob for candidate in candidates) == pytest.approx(1, abs=1e-5)
        assert result.steps[0].entropy_bits == pytest.approx(greedy.steps[0].entropy_bits)

        logits = np.empty(VOCAB_SIZE, np.float32)
        logits[[candidate.id for candidate in candidates]] = [candidate.logit for candidate in candidates]
        final = filtered_by_transformers(logits, options["temperature"], options["sample_top_k"], options["top_p"])
        for candidate in candidates:
            assert candidate.prob_final == pytest.approx(final[candidate.id], rel=1e-6)
            assert candidate.kept == (candidate.prob_final > 0)

    def test_what_was_drawn_is_one_of_the_candidates(self, tiny: Path):
        result = load(str(tiny)).next_tokens(PROMPT, steps=12, top_k=VOCAB_SIZE, temperature=1.5, seed=2)
        for step in result.steps:
            assert step.chosen == step.top_logprobs[step.chosen.rank - 1]
            assert step.chosen.kept
        assert result.completion.token_ids == tuple(step.chosen.id for step in result.steps)

    def test_what_was_drawn_from_below_the_list_has_its_rank(self, tiny: Path):
        """The same draws with a long list and with a short one."""
        session = load(str(tiny))
        short, whole = (
            session.next_tokens(PROMPT, steps=12, top_k=top_k, temperature=3.0, seed=6) for top_k in (2, VOCAB_SIZE)
        )
        below = [step.chosen.rank for step in short.steps if step.chosen.rank > 2]
        assert below
        for step, reference in zip(short.steps, whole.steps, strict=True):
            assert step.chosen == reference.chosen
            assert step.top_logprobs == reference.top_logprobs[:2]

    def test_decoding_is_told(self, tiny: Path):
        decoding = load(str(tiny)).next_tokens(PROMPT, steps=1, top_p=0.9).decoding
        told = (decoding.strategy, decoding.temperature, decoding.top_p, decoding.sample_top_k)
        assert told == ("sample", 1.0, 0.9, None)


class TestEndOfText:
    """The second token of a completion, made the end of text."""

    @pytest.fixture(params=["greedy", "sample"])
    def options(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return {"steps": 8} | ({"temperature": 1.2, "seed": 3} if request.param == "sample" else {})

    @pytest.fixture
    def whole(self, tiny: Path, options: dict[str, Any]) -> Completion:
        return load(str(tiny)).next_tokens(PROMPT, **options).completion

    @pytest.fixture
    def folder(self, tiny: Path, tmp_path: Path, whole: Completion) -> Path:
        assert whole.token_ids[1] != whole.token_ids[0]
        folder = shutil.copytree(tiny, tmp_path / "model")
        generation = {"eos_token_id": [0, whole.token_ids[1]]}
        (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
        return folder

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_it_stops_there(self, folder: Path, options: dict[str, Any], whole: Completion, backend: str):
        result = load(str(folder), backend=backend).next_tokens(PROMPT, **options)
        assert (len(result.steps), result.finish_reason) == (2, "eos")
        assert result.completion.token_ids == whole.token_ids[:2]
        assert result.completion.text == load_tokenizer(folder).decode(whole.token_ids[:1])

    def test_ignore_eos_goes_on(self, folder: Path, options: dict[str, Any], whole: Completion):
        result = load(str(folder)).next_tokens(PROMPT, ignore_eos=True, **options)
        assert (result.completion, result.finish_reason) == (whole, "length")

    def test_it_may_be_the_last_of_the_steps(self, folder: Path, options: dict[str, Any]):
        result = load(str(folder)).next_tokens(PROMPT, **options | {"steps": 2})
        assert (len(result.steps), result.finish_reason) == (2, "eos")


class ScriptedCache:
    """A cache that counts."""

    length = 0


class ScriptedBackend:
    """A model that is sure of the tokens it is told to say; of the others, low ids are likelier."""

    name, device, dtype = "scripted", "cpu", "float32"

    def __init__(self, token_ids: Sequence[int]) -> None:
        self._script = iter(token_ids)
        self.seen: list[int] = []

    def new_cache(self, batch: int, capacity: int) -> ScriptedCache:
        return ScriptedCache()

    def forward(self, token_ids: np.ndarray, cache: ScriptedCache, **_: Any) -> NumpyLogits:
        self.seen += token_ids[0].tolist()
        cache.length += token_ids.shape[1]
        logits = -np.arange(VOCAB_SIZE, dtype=np.float32) / 100
        logits[next(self._script)] = 30
        return NumpyLogits(np.ones((1, 1), np.float32), logits[:, None])


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Tokenizer:
    return load_tokenizer(tiny)


@pytest.fixture(params=[None, 1.0], ids=["greedy", "sample"])
def say(
    request: pytest.FixtureRequest, tiny: Path, tokenizer: Tokenizer
) -> Callable[[str, str], tuple[tuple[Step, ...], Completion]]:
    """Run a prompt with a model that answers with a given text."""

    def run(prompt: str, answer: str) -> tuple[tuple[Step, ...], Completion]:
        script = tokenizer.encode(answer)
        session = load(tiny)
        session._loaded.__dict__["backend"] = backend = ScriptedBackend(script)
        result = session.next_tokens(prompt, steps=len(script), top_k=2, temperature=request.param, seed=1)
        assert backend.seen == tokenizer.encode(prompt) + script[:-1]
        return result.steps, result.completion

    return run


class TestPartsOfCharacters:
    def test_they_join_in_the_completion(self, say: Callable[..., Any]):
        steps, completion = say("a", "🎈 café 🙂")
        assert completion.text == "🎈 café 🙂"
        assert any("\ufffd" in step.chosen.token for step in steps)
        assert b"".join(bytes(step.chosen.bytes) for step in steps) == "🎈 café 🙂".encode()

    def test_they_join_in_the_context(self, say: Callable[..., Any], tokenizer: Tokenizer):
        steps, _ = say("x ", "🎈!")
        assert len(tokenizer.encode("🎈")) > 1
        assert steps[-1].context == "x 🎈"
        assert steps[1].context.startswith("x \ufffd")
