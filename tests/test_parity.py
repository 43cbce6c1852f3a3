"""Both backends against transformers' own GPT-2: components of each layer, then logits, then ids, then text."""

from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from checkpoints import ReferenceModel, make_checkpoint
from gpt2_inspect.backends import Backend, activations, kernels, load_backend
from gpt2_inspect.backends.base import CacheFullError, Observer, Point
from gpt2_inspect.checkpoint.config import read_config
from gpt2_inspect.session import load
from gpt2_inspect.sources import ModelFiles

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好 \n\n naïve 🙂 cat"
STEPS = 8

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "the usual settings": {},
    "exact gelu": {"activation_function": "gelu"},
    "relu": {"activation_function": "relu"},
    "silu": {"activation_function": "silu"},
    "unscaled attention": {"scale_attn_weights": False},
    "attention scaled by layer": {"scale_attn_by_inverse_layer_idx": True},
    "attention scaled by layer only": {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True},
    "reordered attention": {"reorder_and_upcast_attn": True, "scale_attn_by_inverse_layer_idx": True},
    "float16 file": {"dtype": "float16"},
    "bfloat16 file": {"dtype": "bfloat16"},
    "untied head": {"tie_word_embeddings": False},
    "names without prefix": {"prefix": False},
    "shards": {"max_shard_size": "100KB"},
    "untied bfloat16 shards": {"tie_word_embeddings": False, "dtype": "bfloat16", "max_shard_size": "50KB"},
    "odd n_inner": {"n_inner": 77},
    "large layer_norm_epsilon": {"layer_norm_epsilon": 0.1},
    "one head": {"n_head": 1},
    "heads of one number": {"n_embd": 6, "n_head": 6},
    "odd n_embd": {"n_embd": 45, "n_head": 3},
    "one layer": {"n_layer": 1},
    "vocabulary padded to an odd size": {"vocab_size": 401},
}

Components = dict[tuple[str, int], np.ndarray]
"""Values (B, T, D), or (B, H, T, T) of attention weights, by point and layer, in the order of computation."""


class Reference(ReferenceModel):
    """A checkpoint, and what transformers' GPT2LMHeadModel makes of TEXT with it."""

    @cached_property
    def tokenizer(self) -> Any:
        return AutoTokenizer.from_pretrained(self.folder)

    @cached_property
    def token_ids(self) -> np.ndarray:
        return np.array([self.tokenizer.encode(TEXT)])  # (1, T)

    @cached_property
    def run(self) -> tuple[Components, np.ndarray]:
        """Components and logits (T, V)."""
        components: Components = {}
        modules = {("embedding", 0): self.model.transformer.drop}
        for layer, block in enumerate(self.model.transformer.h):
            modules |= {("attention_weights", layer): block.attn, ("attention", layer): block.attn}
            modules |= {("mlp", layer): block.mlp, ("residual", layer): block}
        modules["final", layer] = self.model.transformer.ln_f
        hooks = [module.register_forward_hook(keep_output(components, at)) for at, module in modules.items()]
        with torch.inference_mode():
            logits = self.model(torch.from_numpy(self.token_ids)).logits
        for hook in hooks:
            hook.remove()
        return components, logits[0].numpy()

    @property
    def components(self) -> Components:
        return self.run[0]

    @property
    def logits(self) -> np.ndarray:
        return self.run[1]

    @cached_property
    def continuation(self) -> list[int]:
        inputs = torch.from_numpy(self.token_ids)
        with torch.inference_mode():
            sequences = self.model.generate(
                inputs, attention_mask=torch.ones_like(inputs), do_sample=False, max_new_tokens=STEPS, pad_token_id=0
            )
        return sequences[0, inputs.shape[1] :].tolist()


def keep_output(components: Components, at: tuple[str, int]) -> Any:
    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        if isinstance(output, tuple):  # of an attention: what it adds, and its weights
            output = output[at[0] == "attention_weights"]
        components[at] = output.numpy().copy()

    return keep


def open_backend(folder: Path, name: str) -> Backend:
    files = ModelFiles(str(folder), "directory", folder)
    return load_backend(files, read_config(folder / "config.json"), name, "cpu", "float32")


def observe_all(backend: Backend, token_ids: np.ndarray) -> tuple[Components, np.ndarray]:
    """Components and logits (N, V) of one run over every position."""
    observer = Observer(get_args(Point))
    cache = backend.new_cache(*token_ids.shape)
    logits = backend.forward(token_ids, cache, every_position=True, observe=observer).to_numpy()
    return observer.seen, logits


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """In float64."""
    return torch.from_numpy(logits).double().log_softmax(-1).numpy()


def assert_close(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Equal within a few float32 roundings of the largest value."""
    tolerance = 1e-5 * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance, err_msg=what)


def assert_components_equal(actual: Components, expected: Components) -> None:
    """The first component that differs is the one to look at, so it is the one that fails."""
    assert list(actual) == list(expected)
    for (point, layer), values in expected.items():
        assert_close(actual[point, layer], values, f"{point} of layer {layer}")


@pytest.fixture(scope="module", params=CHECKPOINTS)
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(make_checkpoint(tmp_path_factory.mktemp("parity"), **CHECKPOINTS[request.param]))


class TestEveryKindOfCheckpoint:
    """In the order in which a fault would spread."""

    def test_numpy_components_are_those_of_transformers(self, reference: Reference):
        components, _ = observe_all(open_backend(reference.folder, "numpy"), reference.token_ids)
        assert_components_equal(components, reference.components)

    def test_torch_components_are_those_of_numpy(self, reference: Reference):
        expected, expected_logits = observe_all(open_backend(reference.folder, "numpy"), reference.token_ids)
        components, logits = observe_all(open_backend(reference.folder, "torch"), reference.token_ids)
        assert_components_equal(components, expected)
        assert_close(logits, expected_logits, "logits")

    def test_logits_at_every_position(self, reference: Reference):
        _, logits = observe_all(open_backend(reference.folder, "numpy"), reference.token_ids)
        assert_close(logits, reference.logits, "logits")

    def test_ranked_log_probabilities_at_every_position(self, reference: Reference):
        backend = open_backend(reference.folder, "numpy")
        logits = backend.forward(
            reference.token_ids, backend.new_cache(*reference.token_ids.shape), every_position=True
        )
        ranking = logits.top_k(20)
        expected = log_softmax(reference.logits)
        actual = ranking.logits - ranking.log_normalizer[:, None]
        np.testing.assert_allclose(actual, np.take_along_axis(expected, ranking.ids, 1), rtol=0, atol=1e-4)
        # the ids are the k best, in their order, up to pairs that lie closer together than the tolerance
        np.testing.assert_allclose(actual, -np.sort(-expected)[:, :20], rtol=0, atol=1e-4)
        assert all(len(set(row)) == 20 for row in ranking.ids.tolist())

    def test_greedy_continuation_and_its_text(self, reference: Reference):
        result = load(str(reference.folder), backend="numpy").next_tokens(TEXT, steps=STEPS)
        assert [token.id for token in result.prompt.tokens] == reference.token_ids[0].tolist()
        assert list(result.completion.token_ids) == reference.continuation
        assert result.completion.text == reference.tokenizer.decode(reference.continuation, skip_special_tokens=True)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("sharded"), **CHECKPOINTS["shards"])


def test_the_sharded_checkpoint_has_several_shards(sharded: Path):
    assert not (sharded / "model.safetensors").exists()
    assert len(list(sharded.glob("model-*.safetensors"))) > 2


@pytest.fixture(scope="module", params=["numpy", "torch"])
def backend(request: pytest.FixtureRequest, tiny: Path) -> Backend:
    return open_backend(tiny, request.param)


def random_ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 384, shape)


def last_logits(backend: Backend, token_ids: np.ndarray) -> np.ndarray:
    """(B, V), from a fresh cache and one pass."""
    return backend.forward(token_ids, backend.new_cache(*token_ids.shape)).to_numpy()


def every_logits(backend: Backend, token_ids: np.ndarray) -> np.ndarray:
    """(B, T, V), from a fresh cache and one pass."""
    batch, tokens = token_ids.shape
    logits = backend.forward(token_ids, backend.new_cache(batch, tokens), every_position=True).to_numpy()
    return logits.reshape(batch, tokens, -1)


class TestCache:
    @pytest.mark.parametrize("batch", [1, 3])
    @pytest.mark.parametrize("pieces", [[1] * 20, [1, 7, 2, 10], [19, 1]], ids=["single tokens", "pieces", "last one"])
    def test_pieces_give_the_logits_of_one_pass(self, backend: Backend, batch: int, pieces: list[int]):
        token_ids = random_ids(batch, 20)
        cache = backend.new_cache(batch, 20)
        logits = []
        for stop, size in zip(np.cumsum(pieces), pieces, strict=True):
            piece = backend.forward(token_ids[:, stop - size : stop], cache, every_position=True).to_numpy()
            logits.append(piece.reshape(batch, size, -1))
            assert cache.length == stop
        assert_close(np.concatenate(logits, axis=1), every_logits(backend, token_ids), "logits")

    @pytest.mark.parametrize("batch", [1, 5])
    def test_the_last_position_alone_is_the_last_of_all(self, backend: Backend, batch: int):
        token_ids = random_ids(batch, 12)
        assert_close(last_logits(backend, token_ids), every_logits(backend, token_ids)[:, -1], "logits")

    def test_the_last_position_of_a_piece_behind_others(self, backend: Backend):
        token_ids = random_ids(2, 12)
        cache = backend.new_cache(2, 12)
        backend.forward(token_ids[:, :5], cache)
        assert_close(
            backend.forward(token_ids[:, 5:], cache).to_numpy(), every_logits(backend, token_ids)[:, -1], "logits"
        )

    def test_a_sequence_in_a_batch_is_as_if_alone(self, backend: Backend):
        token_ids = random_ids(9, 11)
        together = every_logits(backend, token_ids)
        for row in range(9):
            assert_close(together[row], every_logits(backend, token_ids[row : row + 1])[0], f"sequence {row}")

    @pytest.mark.parametrize(
        "rows",
        [[2, 0, 1], [0, 0, 0, 2, 1, 2], [1], [2, 0, 0]],
        ids=["permuted", "duplicated", "dropped", "dropped and duplicated"],
    )
    def test_reordered_sequences_go_on_as_fresh_ones(self, backend: Backend, rows: list[int]):
        token_ids = random_ids(3, 10)
        cache = backend.new_cache(3, 14)
        backend.forward(token_ids, cache)
        cache.reorder(rows)
        assert cache.length == 10

        expected = token_ids[rows]
        for new in (random_ids(len(rows), 1), random_ids(len(rows), 3)):
            expected = np.concatenate([expected, new], axis=1)
            assert_close(backend.forward(new, cache).to_numpy(), last_logits(backend, expected), "logits")

    def test_reordering_twice(self, backend: Backend):
        token_ids, new = random_ids(3, 6), random_ids(4, 2)
        cache = backend.new_cache(3, 8)
        backend.forward(token_ids, cache)
        cache.reorder([2, 1])
        cache.reorder([1, 0, 0, 1])
        expected = np.concatenate([token_ids[[1, 2, 2, 1]], new], axis=1)
        assert_close(backend.forward(new, cache).to_numpy(), last_logits(backend, expected), "logits")

    def test_copies_of_a_sequence_go_on_apart(self, backend: Backend):
        token_ids, first, second = random_ids(1, 6), np.array([[5], [9]]), np.array([[7], [7]])
        cache = backend.new_cache(1, 8)
        backend.forward(token_ids, cache)
        cache.reorder([0, 0])
        backend.forward(first, cache)
        expected = np.concatenate([token_ids[[0, 0]], first, second], axis=1)
        assert_close(backend.forward(second, cache).to_numpy(), last_logits(backend, expected), "logits")

    def test_forks_go_on_apart(self, backend: Backend):
        token_ids = random_ids(2, 6)
        cache = backend.new_cache(2, 9)
        backend.forward(token_ids, cache)
        fork = cache.fork()
        assert (fork.length, fork.capacity) == (6, 9)
        one, other = np.array([[5], [9]]), np.array([[7, 8, 1], [7, 3, 2]])
        for new, branch in ((one, cache), (other, fork)):
            expected = last_logits(backend, np.concatenate([token_ids, new], axis=1))
            assert_close(backend.forward(new, branch).to_numpy(), expected, "logits")
        assert (cache.length, fork.length) == (7, 9)

    @pytest.mark.parametrize("length", [0, 1, 9, 10])
    def test_a_truncated_cache_goes_on_as_a_fresh_one(self, backend: Backend, length: int):
        token_ids, new = random_ids(2, 10), random_ids(2, 2)[:, ::-1].copy()
        cache = backend.new_cache(2, 12)
        backend.forward(token_ids, cache)
        fork = cache.fork()
        cache.truncate(length)
        assert cache.length == length
        expected = last_logits(backend, np.concatenate([token_ids[:, :length], new], axis=1))
        assert_close(backend.forward(new, cache).to_numpy(), expected, "logits")
        assert fork.length == 10
        expected = last_logits(backend, np.concatenate([token_ids, new], axis=1))
        assert_close(backend.forward(new, fork).to_numpy(), expected, "logits of the fork")

    def test_it_cannot_keep_what_it_does_not_hold(self, backend: Backend):
        cache = backend.new_cache(1, 5)
        backend.forward(random_ids(1, 3), cache)
        for length in (-1, 4):
            with pytest.raises(ValueError, match=f"cannot keep {length} of 3"):
                cache.truncate(length)

    def test_a_full_cache_says_so_and_stays_as_it_was(self, backend: Backend):
        token_ids = random_ids(1, 5)
        cache = backend.new_cache(1, 5)
        backend.forward(token_ids[:, :4], cache)
        with pytest.raises(CacheFullError, match="capacity, 5"):
            backend.forward(random_ids(1, 2), cache)
        assert_close(backend.forward(token_ids[:, 4:], cache).to_numpy(), last_logits(backend, token_ids), "logits")

    def test_the_cache_of_another_backend_is_refused(self, backend: Backend, tiny: Path):
        other = open_backend(tiny, "torch" if backend.name == "numpy" else "numpy")
        with pytest.raises(TypeError, match="not of this backend"):
            backend.forward(random_ids(1, 2), other.new_cache(1, 2))


class TestPieces:
    """The numpy backend takes large arrays some rows at a time."""

    @pytest.fixture
    def small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Groups of one or two queries, one row of an MLP, five rows of logits."""
        monkeypatch.setattr(kernels, "PIECE", 64)

    @pytest.mark.parametrize("batch", [1, 2])
    def test_small_pieces_change_nothing(self, tiny: Path, small_pieces: None, batch: int):
        token_ids = random_ids(batch, 40)
        expected = observe_all(open_backend(tiny, "torch"), token_ids)
        components, logits = observe_all(open_backend(tiny, "numpy"), token_ids)
        assert_components_equal(components, expected[0])
        assert_close(logits, expected[1], "logits")

    def test_small_pieces_behind_a_cache(self, tiny: Path, small_pieces: None):
        backend, token_ids = open_backend(tiny, "numpy"), random_ids(2, 40)
        cache = backend.new_cache(2, 40)
        backend.forward(token_ids[:, :15], cache)
        logits = backend.forward(token_ids[:, 15:], cache, every_position=True).to_numpy()
        expected = every_logits(open_backend(tiny, "torch"), token_ids)[:, 15:]
        assert_close(logits, expected.reshape(logits.shape), "logits")

    def test_rankings_in_pieces(self, tiny: Path, small_pieces: None):
        token_ids, rankings = random_ids(1, 23), []
        for name in ("numpy", "torch"):
            backend = open_backend(tiny, name)
            logits = backend.forward(token_ids, backend.new_cache(1, 23), every_position=True)
            rankings.append(logits.top_k(7))
        ours, expected = rankings
        assert ours.ids.tolist() == expected.ids.tolist()
        for name in ("logits", "log_normalizer", "entropy"):
            assert_close(getattr(ours, name), getattr(expected, name), name)

    def test_a_prompt_of_several_true_pieces(self, tmp_path: Path):
        """1000 tokens: several groups of queries and two pieces of the activation at the true size."""
        tokens, n_head, n_inner = 1000, 4, 192
        assert kernels.ATTENTION_PIECES * kernels.PIECE // (n_head * tokens) < tokens
        assert kernels.PIECE // n_inner < tokens
        folder = make_checkpoint(tmp_path, n_positions=1024, n_layer=2)
        token_ids = random_ids(1, tokens)
        components, logits = observe_all(open_backend(folder, "numpy"), token_ids)
        expected, expected_logits = observe_all(open_backend(folder, "torch"), token_ids)
        assert_components_equal(components, expected)
        assert_close(logits, expected_logits, "logits")


def test_a_wrong_activation_is_found_and_named(tiny: Path, monkeypatch: pytest.MonkeyPatch):
    """The suite itself: a fault in the MLP fails as `mlp of layer 0`, not as some logit."""
    monkeypatch.setitem(activations.ACTIVATIONS, "gelu_new", activations.gelu)
    reference = Reference(tiny)
    components, _ = observe_all(open_backend(tiny, "numpy"), reference.token_ids)
    with pytest.raises(AssertionError, match="mlp of layer 0"):
        assert_components_equal(components, reference.components)
