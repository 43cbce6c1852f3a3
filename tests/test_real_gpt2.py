"""Numbers that others have published for the real gpt2 (124M); needs it in the hub's cache.

Each fact names the repository, the commit and the file that it was copied from.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from gpt2_inspect.backends import Backend, load_backend
from gpt2_inspect.checkpoint.config import read_config
from gpt2_inspect.checkpoint.tokenizer import Tokenizer
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.models.check import check_models
from gpt2_inspect.session import Session, load
from gpt2_inspect.sources.hub_cache import cache_folder, find_in_cache

# At import, before conftest.py points the environment to an empty cache.
CACHE = cache_folder()
CACHED = find_in_cache("gpt2")

pytestmark = [
    pytest.mark.real_gpt2,
    pytest.mark.skipif(CACHED is None, reason="the hub's cache does not hold gpt2"),
]

END_OF_TEXT = 50256


@pytest.fixture
def gpt2(monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("HF_HUB_CACHE", str(CACHE))
    return load("gpt2", offline=True)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    assert CACHED is not None
    return load_tokenizer(CACHED.folder)


@pytest.fixture(scope="module")
def backend() -> Backend:
    assert CACHED is not None
    return load_backend(CACHED.folder, read_config(CACHED.folder / "config.json"), "numpy", "cpu", "float32")


def token_logprobs(backend: Backend, token_ids: list[int]) -> list[float]:
    """The logprob, in nats, of each token but the first, given those before it."""
    cache = backend.new_cache(1, len(token_ids))
    logits = backend.forward(np.array([token_ids]), cache, every_position=True).to_numpy().astype(np.float64)
    top = logits.max(axis=1, keepdims=True)
    logprobs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    return [float(logprobs[position, token_id]) for position, token_id in enumerate(token_ids[1:])]


@dataclass(frozen=True)
class Scored:
    """Logprobs, in nats, of the tokens of `text` behind an end of text, and of an end of text behind them."""

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


LM_SCORER = [  # simonepri/lm-scorer, 2b395ce13b3db6945335e7724d2f592da668bf53, tests/unit/models/test_gpt2.py
    Scored(
        "Hello World!",
        (15496, 2159, 0),
        (-8.293975830078125, -5.755699157714844, -1.4748573303222656, -6.430915832519531),
    ),
    Scored(
        "The sky is blue today.",
        (464, 6766, 318, 4171, 1909, 13),
        (
            *(-3.2780990600585938, -8.624397277832031, -1.1694717407226562, -2.7195663452148438),
            *(-4.5889739990234375, -1.297027587890625, -5.4553375244140625),
        ),
    ),
]


@pytest.mark.parametrize("fact", LM_SCORER, ids=lambda fact: fact.text)
def test_logprobs_of_a_text(backend: Backend, tokenizer: Tokenizer, fact: Scored):
    assert tokenizer.encode(fact.text) == list(fact.token_ids)
    actual = token_logprobs(backend, [END_OF_TEXT, *fact.token_ids, END_OF_TEXT])
    assert actual == pytest.approx(list(fact.logprobs), rel=1e-4)


def test_mean_loss_of_a_text(backend: Backend, tokenizer: Tokenizer):
    """TransformerLensOrg/TransformerLens, 4cd36aaeb5dad931d085bd5d46a12b402fe15272,
    tests/acceptance/test_hooked_transformer.py: `Hello world!` behind an end of text.
    """
    actual = token_logprobs(backend, [END_OF_TEXT, *tokenizer.encode("Hello world!")])
    assert -np.mean(actual) == pytest.approx(5.331855773925781, abs=1e-4)


SURPRISALS = [
    (1994, 10.35491943359375),
    (284, 2.019094467163086),
    (262, 3.7583045959472656),
    (43064, 21.04239845275879),
]
"""Bits. tmalsburg/llm_surprisal, 514f5608eb6b4083ca6579612e9522b6a5c4be9f, README.org: `The key to the cabinets`."""

NEXT_AFTER_CABINETS = [
    *((" is", 0.34607408274213103), (" are", 0.0583039468006395), (",", 0.05589438457540667)),
    *((" was", 0.05417470342710967), (" and", 0.04547546212877902), (" in", 0.031991100449395134)),
    (" of", 0.024681796171574632),
]
"""From the same file."""


def test_surprisals(backend: Backend, tokenizer: Tokenizer):
    token_ids = tokenizer.encode("The key to the cabinets")
    assert token_ids[1:] == [token_id for token_id, _ in SURPRISALS]
    actual = [-logprob / math.log(2) for logprob in token_logprobs(backend, token_ids)]
    assert actual == pytest.approx([bits for _, bits in SURPRISALS], abs=2e-4)


def test_candidates_behind_a_text(gpt2: Session):
    step = gpt2.next_tokens("The key to the cabinets", steps=1, top_k=len(NEXT_AFTER_CABINETS)).steps[0]
    assert [candidate.token for candidate in step.top_logprobs] == [token for token, _ in NEXT_AFTER_CABINETS]
    actual = [candidate.prob for candidate in step.top_logprobs]
    assert actual == pytest.approx([prob for _, prob in NEXT_AFTER_CABINETS], abs=1e-4)


AT_THE_START = [("\n", 0.0623), ("The", 0.0377), ('"', 0.02411), ("A", 0.0194), ("I", 0.01832), ("In", 0.01158)]
"""HendrikStrobelt/detecting-fake-text, fdf7de9396d12156e52d751c36d35ca48d1c1b9a, client/dist/demo/woodchuck.json."""


def test_an_empty_prompt_starts_from_the_end_of_text(gpt2: Session):
    result = gpt2.next_tokens("", steps=1, top_k=len(AT_THE_START))
    assert [token.id for token in result.prompt.tokens] == [END_OF_TEXT]
    candidates = result.steps[0].top_logprobs
    assert [candidate.token for candidate in candidates] == [token for token, _ in AT_THE_START]
    assert [candidate.prob for candidate in candidates] == pytest.approx([prob for _, prob in AT_THE_START], abs=2e-5)


GREEDY = [
    # huggingface/transformers, 031e0ac81793a27f2466ca34972846ee592c5406, tests/models/gpt2/test_modeling_gpt2.py
    (
        "The dog",
        " was found in a field near the intersection of West and West Streets.\n\nThe dog",
        (373, 1043, 287, 257, 2214, 1474, 262, 16246, 286, 2688, 290, 2688, 27262, 13, 198, 198, 464, 3290),
    ),
    (
        "Today, I",
        "'m going to be doing a lot of research on this. I",
        (1101, 1016, 284, 307, 1804, 257, 1256, 286, 2267, 319, 428, 13, 314),
    ),
    # jaymody/picoGPT, 817292baea75f194fb0bb8ba2aa5f947af4e45ee, README.md
    (
        "Alan Turing theorized that computers would one day become",
        " the most powerful machines on the planet.\n\nThe computer is a machine that can perform complex calculations,"
        " and it can perform these calculations in a way that is very similar to the human brain.",
        (
            *(262, 749, 3665, 8217, 319, 262, 5440, 13, 198, 198, 464, 3644, 318, 257, 4572, 326, 460, 1620, 3716),
            *(16765, 11, 290, 340, 460, 1620, 777, 16765, 287, 257, 835, 326, 318, 845, 2092, 284, 262, 1692, 3632, 13),
        ),
    ),
]


@pytest.mark.parametrize(("prompt", "text", "token_ids"), GREEDY, ids=[prompt for prompt, _, _ in GREEDY])
def test_greedy_continuation(gpt2: Session, prompt: str, text: str, token_ids: tuple[int, ...]):
    completion = gpt2.next_tokens(prompt, steps=len(token_ids)).completion
    assert (completion.text, completion.token_ids) == (text, token_ids)


def test_both_backends_agree(gpt2: Session):
    expected = load("gpt2", backend="torch", offline=True).next_tokens("hello,how are you", steps=10)
    actual = gpt2.next_tokens("hello,how are you", steps=10)
    assert actual.completion == expected.completion
    for ours, theirs in zip(actual.steps, expected.steps, strict=True):
        assert [candidate.id for candidate in ours.top_logprobs] == [candidate.id for candidate in theirs.top_logprobs]
        assert [candidate.logprob for candidate in ours.top_logprobs] == pytest.approx(
            [candidate.logprob for candidate in theirs.top_logprobs], abs=1e-4
        )


def test_models_check_finds_it_as_published(gpt2: Session):
    result, errors = check_models("gpt2")
    assert not errors
    assert [check.outcome for check in result.models[0].checks] == ["ok"] * 6
