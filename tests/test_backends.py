"""The contract of both backends: dtypes, ranking, activations, what is refused, and where weights come from."""

import json
import math
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from checkpoints import make_checkpoint
from gpt2_inspect.backends import Backend, kernels, load_backend, numpy_gpt2
from gpt2_inspect.backends.activations import ACTIVATIONS
from gpt2_inspect.backends.base import Logits, Observer, Point
from gpt2_inspect.backends.kernels import activate
from gpt2_inspect.backends.numpy_gpt2 import NumpyLogits
from gpt2_inspect.backends.torch_gpt2 import TorchLogits
from gpt2_inspect.checkpoint.config import read_config
from gpt2_inspect.checkpoint.weights import Checkpoint, GPT2Weights, open_checkpoint
from gpt2_inspect.errors import BackendUnavailableError, ModelUnusableError, UsageError
from gpt2_inspect.session import load
from harness import check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def open_backend(folder: Path, name: str, device: str = "cpu", dtype: str = "float32") -> Backend:
    return load_backend(folder, read_config(folder / "config.json"), name, device, dtype)


def numpy_logits(rows: np.ndarray) -> NumpyLogits:
    """`rows` (N, V) as they come out of the numpy backend: the hidden states pick them out of the head."""
    return NumpyLogits(np.eye(len(rows), dtype=np.float32), np.ascontiguousarray(rows.T))


def torch_logits(rows: np.ndarray) -> TorchLogits:
    head = torch.from_numpy(rows)
    return TorchLogits(torch.eye(len(rows)), lambda hidden: hidden @ head)


@pytest.fixture(params=[numpy_logits, torch_logits], ids=["numpy", "torch"])
def make_logits(request: pytest.FixtureRequest) -> Callable[[np.ndarray], Logits]:
    return request.param


def random_rows(count: int, vocab_size: int, *, levels: int | None = None) -> np.ndarray:
    """Logits (N, V); with `levels` rounded to few different values, so that ties abound."""
    generator = np.random.default_rng(vocab_size)
    rows = generator.normal(scale=4, size=(count, vocab_size))
    if levels is not None:
        rows = generator.integers(0, levels, rows.shape) / 4
    return rows.astype(np.float32)


def best_ids(row: np.ndarray, k: int) -> list[int]:
    """By sorting everything: the largest first, ties by the lower id."""
    return sorted(range(len(row)), key=lambda token_id: (-row[token_id], token_id))[:k]


class TestRanking:
    @pytest.mark.parametrize("vocab_size", [1, 2, 63, 64, 65, 384, 5003])
    def test_the_best_k_in_order(self, make_logits: Callable[..., Logits], vocab_size: int):
        rows = random_rows(3, vocab_size)
        for k in {1, min(2, vocab_size), min(10, vocab_size), min(400, vocab_size)}:
            ranking = make_logits(rows).top_k(k)
            assert ranking.ids.tolist() == [best_ids(row, k) for row in rows]
            np.testing.assert_array_equal(ranking.logits, np.take_along_axis(rows, ranking.ids, 1))

    def test_the_whole_vocabulary(self, make_logits: Callable[..., Logits]):
        rows = random_rows(2, 384)
        assert make_logits(rows).top_k(384).ids.tolist() == [best_ids(row, 384) for row in rows]

    @pytest.mark.parametrize("vocab_size", [40, 1000])
    @pytest.mark.parametrize("levels", [1, 2, 9])
    def test_ties_go_to_the_lower_id(self, make_logits: Callable[..., Logits], vocab_size: int, levels: int):
        rows = random_rows(4, vocab_size, levels=levels)
        for k in (1, 5, vocab_size):
            assert make_logits(rows).top_k(k).ids.tolist() == [best_ids(row, k) for row in rows]

    def test_targets_are_ranked_among_ties(self, make_logits: Callable[..., Logits]):
        rows = random_rows(40, 1000, levels=5)
        targets = np.arange(40) * 25
        found = make_logits(rows).top_k(1, targets).targets
        assert found is not None
        places = [best_ids(row, 1000).index(target) for row, target in zip(rows, targets.tolist(), strict=True)]
        assert found.ranks.tolist() == [1 + place for place in places]
        np.testing.assert_array_equal(found.logits, rows[np.arange(40), targets])

    def test_both_zeros_are_a_tie(self, make_logits: Callable[..., Logits]):
        rows = np.array([[-1.0, -0.0, 0.0, -0.0]], np.float32)
        assert make_logits(rows).top_k(3).ids.tolist() == [[1, 2, 3]]

    @pytest.mark.parametrize(
        "rows",
        [
            random_rows(3, 384),
            random_rows(3, 384) * 1e4,  # all probability on one token
            random_rows(3, 384) + np.float32(1e4),
            np.zeros((1, 384), np.float32),
            np.full((1, 5), -80000.0, np.float32),
        ],
        ids=["spread", "certain", "shifted", "uniform", "very low"],
    )
    def test_normalizer_and_entropy_are_those_of_float64(self, make_logits: Callable[..., Logits], rows: np.ndarray):
        ranking = make_logits(rows).top_k(1)
        logprobs = torch.from_numpy(rows).double().log_softmax(-1)
        normalizer = torch.from_numpy(rows).double().logsumexp(-1)
        np.testing.assert_allclose(ranking.log_normalizer, normalizer, rtol=2e-7, atol=2e-6)
        np.testing.assert_allclose(ranking.entropy, -(logprobs.exp() * logprobs).sum(-1), rtol=1e-5, atol=1e-5)
        assert not np.signbit(ranking.entropy).any()

    @pytest.mark.parametrize("k", [1, 5, 384])
    @pytest.mark.parametrize("token_id", [0, 200])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_logits_that_are_not_finite(self, make_logits: Callable[..., Logits], value: float, token_id: int, k: int):
        rows = random_rows(1, 384)
        rows[0, token_id] = value
        with pytest.raises(ModelUnusableError, match="not finite"):
            make_logits(rows).top_k(k)

    def test_asking_for_all_logits_changes_no_ranking(self, make_logits: Callable[..., Logits]):
        rows = random_rows(300, 384)
        logits = make_logits(rows)
        before = logits.top_k(3)
        np.testing.assert_array_equal(logits.to_numpy(), rows)
        after = logits.top_k(3)
        np.testing.assert_array_equal(logits.to_numpy(), rows)
        assert before.ids.tolist() == after.ids.tolist()
        np.testing.assert_array_equal(before.entropy, after.entropy)
        np.testing.assert_array_equal(after.logits, np.take_along_axis(rows, after.ids, axis=1))

    def test_only_k_values_a_row(self, make_logits: Callable[..., Logits]):
        ranking = make_logits(random_rows(300, 384)).top_k(7)
        assert ranking.ids.shape == ranking.logits.shape == (300, 7)
        assert ranking.log_normalizer.shape == ranking.entropy.shape == (300,)


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("every_position", [True, False])
@pytest.mark.parametrize("texts", [[[1]], [[1, 2, 3], [4], [5, 6] * 9]])
def test_many_logits_are_those_of_each(tiny: Path, name: str, every_position: bool, texts: list[list[int]]):
    logits = open_backend(tiny, name).forward_many(texts, every_position=every_position)
    targets = np.array([token_id for text in texts for token_id in (text if every_position else text[-1:])])
    whole, first = logits.top_k(3, targets), 0
    for each in logits.each:
        part = slice(first, first := first + len(each.to_numpy()))
        alone = each.top_k(3, targets[part])
        for found, expected in zip(whole.part(part)[:4], alone[:4], strict=True):
            np.testing.assert_array_equal(found, expected)
        assert whole.targets is not None and alone.targets is not None
        np.testing.assert_array_equal(whole.targets.ranks[part], alone.targets.ranks)
        np.testing.assert_array_equal(whole.ids[part], each.top_k(3).ids)
    assert first == len(targets) == len(whole.ids)


class TestActivations:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("gelu_new", lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
            ("gelu", torch.nn.functional.gelu),
            ("relu", torch.relu),
            ("silu", torch.nn.functional.silu),
        ],
    )
    def test_values_are_those_of_torch(self, name: str, expected: Callable[..., torch.Tensor]):
        extremes = [0.0, -0.0, 1e-30, -1e-30, 50.0, -50.0, 1e4, -1e4, 1e30, -1e30]
        values = np.concatenate([np.linspace(-12, 12, 4001), extremes]).astype(np.float32)[None]
        actual = values.copy()
        activate(actual, np.zeros(actual.shape[1], np.float32), ACTIVATIONS[name])
        assert actual.dtype == np.float32
        reference = expected(torch.from_numpy(values).double()).numpy()
        np.testing.assert_allclose(actual, reference, rtol=3e-7, atol=7e-7)


class TestFloat32:
    def test_everything_that_a_forward_pass_shows(self, tiny: Path):
        backend = open_backend(tiny, "numpy")
        observer = Observer(get_args(Point))
        arrays: dict[Any, np.ndarray] = observer.seen
        cache = backend.new_cache(1, 10)
        for token_ids in (np.arange(9)[None], np.array([[9]])):
            logits = backend.forward(token_ids, cache, every_position=True, observe=observer)
            ranking = logits.top_k(3)
            arrays |= {name: getattr(ranking, name) for name in ("logits", "log_normalizer", "entropy")}
            arrays["all logits"] = logits.to_numpy()
            assert {name: array.dtype for name, array in arrays.items() if array.dtype != np.float32} == {}
            assert ranking.ids.dtype == np.int64

    def test_everything_in_between(self, tiny: Path, monkeypatch: pytest.MonkeyPatch):
        """Layer norms, matrix products and attention scores; a float64 among them would spread, and be slow."""
        dtypes = set()
        for module, name in ((numpy_gpt2, "layer_norm"), (numpy_gpt2, "multiply"), (kernels, "_exponentials")):
            monkeypatch.setattr(module, name, noting_dtypes(getattr(module, name), dtypes))
        some_logits(tiny, "numpy")
        assert dtypes == {np.dtype(np.float32)}

    def test_torch_shows_the_same_types(self, tiny: Path):
        backend = open_backend(tiny, "torch", dtype="bfloat16")
        observer = Observer(get_args(Point))
        logits = backend.forward(np.arange(9)[None], backend.new_cache(1, 9), observe=observer)
        ranking = logits.top_k(3)
        arrays = (ranking.logits, ranking.log_normalizer, ranking.entropy, logits.to_numpy())
        assert {array.dtype for array in (*observer.seen.values(), *arrays)} == {np.dtype(np.float32)}
        assert ranking.ids.dtype == np.int64

    @pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
    def test_weights(self, tmp_path: Path, dtype: str):
        weights = read_weights(make_checkpoint(tmp_path, dtype=dtype))[1]
        assert {array.dtype for array in weight_arrays(weights)} == {np.dtype(np.float32)}


class TestMemoryMap:
    @pytest.mark.parametrize("settings", [{}, {"max_shard_size": "100KB"}], ids=["one file", "shards"])
    def test_float32_weights_are_views_of_the_files(self, tmp_path: Path, settings: dict[str, Any]):
        checkpoint, weights = read_weights(make_checkpoint(tmp_path, tie_word_embeddings=False, **settings))
        maps = [np.frombuffer(file.buffer, np.uint8) for file in checkpoint.files]
        assert all(any(np.shares_memory(array, file) for file in maps) for array in weight_arrays(weights))
        assert not weights.wte.flags.writeable

    @pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
    @pytest.mark.parametrize("name", ["numpy", "torch"])
    def test_nobody_writes_to_what_the_backend_goes_on_using(self, tmp_path: Path, name: str, dtype: str):
        backend = open_backend(make_checkpoint(tmp_path, dtype=dtype), name)
        cache = backend.new_cache(1, 3)
        logits = backend.forward(np.array([[1, 2, 3]]), cache)
        handed_out = [*backend.embeddings(), logits.to_numpy(), logits.last_hidden_state()]
        if name == "numpy":  # torch has no tensors that can only be read
            handed_out += [stored for layer in cache.layers for stored in layer]
        assert not any(array.flags.writeable for array in handed_out)

    def test_a_tied_head_is_the_embedding_itself(self, tiny: Path):
        _, weights = read_weights(tiny)
        assert weights.lm_head is weights.wte

    def test_weights_that_do_not_lie_at_multiples_of_four_bytes(self, tiny: Path, tmp_path: Path):
        """The format allows it, and such arrays would be slow; they are copied, and the logits are the same."""
        folder = copy_checkpoint(tiny, tmp_path)
        path = folder / "model.safetensors"
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        shifted = (length + 1).to_bytes(8, "little") + content[8 : 8 + length] + b" " + content[8 + length :]
        path.write_bytes(shifted)
        assert all(array.flags.aligned for array in weight_arrays(read_weights(folder)[1]))
        np.testing.assert_array_equal(some_logits(folder, "numpy"), some_logits(tiny, "numpy"))

    def test_tensors_that_a_model_does_not_need_are_ignored(self, tiny: Path, tmp_path: Path):
        """Early checkpoints hold the causal mask as a buffer."""
        folder = copy_checkpoint(tiny, tmp_path)
        tensors = load_file(folder / "model.safetensors")
        tensors["transformer.h.0.attn.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.uint8)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        for backend in ("numpy", "torch"):
            np.testing.assert_allclose(some_logits(folder, backend), some_logits(tiny, "numpy"), atol=1e-4)


class TestRefusals:
    """What the numpy backend does not implement is refused by name, and `auto` gives it to torch."""

    @pytest.mark.parametrize(
        ("setting", "value", "named"),
        [
            ("activation_function", "tanh", "activation_function 'tanh'"),
            ("activation_function", "gelu_fast", "activation_function 'gelu_fast'"),
            ("add_cross_attention", True, "add_cross_attention=true"),
            ("is_causal", False, "is_causal=false"),
            ("is_causal", None, "is_causal=null"),
        ],
    )
    def test_settings(self, tmp_path: Path, setting: str, value: Any, named: str):
        folder = make_checkpoint(tmp_path, **{setting: value})
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {setting: value}), encoding="utf-8")
        with pytest.raises(BackendUnavailableError) as caught:
            load(str(folder), backend="numpy").next_tokens("hello", steps=1)
        assert caught.value.message == f"the numpy backend does not do {named}"
        assert caught.value.hint == "use backend torch"
        assert load(str(folder)).next_tokens("hello", steps=1).run.backend == "torch"

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("quantization_config", {"quant_method": "gptq", "bits": 4}),
            ("quantization_config", {}),
            ("per_layer_config", {"0": {"n_head": 2}}),
            ("fusion_config", {"no such": 1}),
            ("text_config", {"n_head": 2}),
        ],
    )
    def test_settings_that_transformers_may_refuse_in_turn(self, tiny: Path, tmp_path: Path, setting: str, value: Any):
        folder = copy_checkpoint(tiny, tmp_path, **{setting: value})
        with pytest.raises(BackendUnavailableError, match=setting):
            open_backend(folder, "numpy")
        with pytest.raises(ModelUnusableError):
            open_backend(folder, "auto")

    @pytest.mark.parametrize("library", ["torch", "transformers"])
    @pytest.mark.parametrize(
        ("arguments", "setting", "what"),
        [
            (["next-tokens", "a", "--backend", "torch"], {}, "the torch backend"),
            (["next-tokens", "a"], {"is_causal": False}, "is_causal=false"),
            (["compare-heads", "a"], {}, "compare-heads"),
        ],
    )
    def test_libraries_that_are_not_installed(
        self,
        tiny: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        library: str,
        arguments: list[str],
        setting: dict[str, Any],
        what: str,
    ):
        folder = copy_checkpoint(tiny, tmp_path, **setting)
        for name in ("torch_gpt2", "torch_auto_classes"):
            monkeypatch.delitem(sys.modules, f"gpt2_inspect.backends.{name}", raising=False)
        monkeypatch.setitem(sys.modules, library, None)  # as if it were not there
        run = run_cli(*arguments, "-m", str(folder))
        check_error(run, 6, f"{what} needs torch and transformers", library, "hint: pip install torch transformers")

    def test_a_tokenizer_that_needs_what_is_not_installed(self, bert: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "transformers", None)
        check_error(run_cli("encode", "a", "-m", str(bert)), 6, "needs transformers", "hint: pip install transformers")

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_dtype(self, tiny: Path, dtype: str):
        with pytest.raises(BackendUnavailableError, match=f"numpy backend does not do dtype '{dtype}'") as caught:
            open_backend(tiny, "numpy", dtype=dtype)
        assert caught.value.hint == "use backend torch"
        backend = open_backend(tiny, "auto", dtype=dtype)
        assert (backend.name, backend.dtype) == ("torch", dtype)

    def test_device(self, tiny: Path):
        with pytest.raises(BackendUnavailableError, match="numpy backend does not do device 'cuda'") as caught:
            open_backend(tiny, "numpy", device="cuda")
        assert caught.value.hint == "use backend torch"

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
    @pytest.mark.parametrize("device", ["cuda", "cuda:1"])
    def test_a_gpu_that_is_not_there(self, tiny: Path, device: str):
        with pytest.raises(BackendUnavailableError, match=f"'{device}' is not available") as caught:
            open_backend(tiny, "auto", device=device)
        assert caught.value.hint == "use device cpu"

    @pytest.mark.parametrize(
        "choice",
        [{"backend": "jax"}, {"device": "tpu"}, {"device": "cuda:x"}, {"device": "cuda:"}, {"dtype": "float64"}],
        ids=str,
    )
    def test_names_that_mean_nothing(self, tiny: Path, choice: dict[str, str]):
        with pytest.raises(UsageError, match=f"there is no {next(iter(choice))}"):
            load(str(tiny), **choice)


class TestMissingPackages:
    """torch may be left out of an installation; what needs it says so."""

    @pytest.mark.parametrize(
        ("module", "purpose"),
        [("torch_gpt2", "the torch backend"), ("torch_auto_classes", "compare-heads")],
    )
    def test_torch(self, tiny: Path, monkeypatch: pytest.MonkeyPatch, module: str, purpose: str):
        monkeypatch.delitem(sys.modules, f"gpt2_inspect.backends.{module}", raising=False)
        monkeypatch.setitem(sys.modules, "torch", None)
        asked = load(tiny, backend="torch")
        with pytest.raises(
            BackendUnavailableError, match=f"^{purpose} needs torch and transformers, and the"
        ) as caught:
            asked.score("hello") if module == "torch_gpt2" else asked.compare_heads("hello")
        assert caught.value.hint == "pip install torch transformers"

    def test_a_mistake_of_our_own_is_none(self, tiny: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delitem(sys.modules, "gpt2_inspect.backends.torch_gpt2", raising=False)
        monkeypatch.setitem(sys.modules, "gpt2_inspect.backends.ranking", None)
        with pytest.raises(ImportError, match=r"gpt2_inspect\.backends\.ranking"):
            open_backend(tiny, "torch")


class TestAuto:
    def test_numpy_on_the_cpu(self, tiny: Path):
        backend = open_backend(tiny, "auto")
        assert (backend.name, backend.device, backend.dtype) == ("numpy", "cpu", "float32")

    def test_a_run_loads_neither_torch_nor_transformers(self, tiny: Path):
        """In an interpreter of its own: this one has them."""
        script = """if True:
            import sys, gpt2_inspect
            gpt2_inspect.load(sys.argv[1]).next_tokens("hello", steps=2, temperature=0.8, seed=1)
            print(sorted({"torch", "transformers", "safetensors", "huggingface_hub"} & set(sys.modules)))
        """
        command = [sys.executable, "-c", script, str(tiny)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        assert (done.stdout, done.stderr) == ("[]\n", "")


class TestReducedPrecision:
    @pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.05), ("float16", 0.01)])
    def test_logits_are_close(self, tmp_path: Path, dtype: str, tolerance: float):
        """On a model whose logits are of the size of GPT-2's initial ones; a rounding shows in the third digit."""
        folder = make_checkpoint(tmp_path, initializer_range=0.05)
        expected = some_logits(folder, "numpy")
        actual = some_logits(folder, "torch", dtype)
        assert 0 < np.abs(actual - expected).max() < tolerance * np.abs(expected).max()


class TestPickledWeights:
    def test_they_run_on_torch(self, tiny: Path, pickled: Path):
        assert load(str(pickled)).next_tokens("hello", steps=1).run.backend == "torch"
        np.testing.assert_allclose(some_logits(pickled, "auto"), some_logits(tiny, "numpy"), rtol=0, atol=1e-4)

    def test_the_numpy_backend_refuses_them(self, pickled: Path):
        with pytest.raises(BackendUnavailableError, match=r"pickled weights \(pytorch_model.bin\)") as caught:
            open_backend(pickled, "numpy")
        assert caught.value.hint == "use backend torch"

    def test_shards(self, tiny: Path, pickled: Path):
        tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
        (pickled / "pytorch_model.bin").unlink()
        names = [f"pytorch_model-{1 + number % 2:05}-of-00002.bin" for number in range(len(tensors))]
        weight_map = dict(zip(tensors, names, strict=True))
        for file in set(names):
            torch.save({name: tensors[name] for name in tensors if weight_map[name] == file}, pickled / file)
        index = {"metadata": {}, "weight_map": weight_map}
        (pickled / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
        assert load(str(pickled)).next_tokens("hello", steps=1).run.backend == "torch"
        np.testing.assert_allclose(some_logits(pickled, "auto"), some_logits(tiny, "numpy"), rtol=0, atol=1e-4)

    @pytest.mark.parametrize("outside", ["../other.bin", "{}/other.bin", "sub/other.bin"])
    def test_an_index_opens_nothing_outside(self, pickled: Path, tmp_path: Path, outside: str):
        (pickled / "sub").mkdir()
        for folder in (tmp_path, pickled / "sub"):
            shutil.copyfile(pickled / "pytorch_model.bin", folder / "other.bin")
        tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
        (pickled / "pytorch_model.bin").unlink()
        weight_map = dict.fromkeys(tensors, outside.format(tmp_path))
        index = {"metadata": {}, "weight_map": weight_map}
        (pickled / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
        with pytest.raises(ModelUnusableError, match=r"other\.bin', which is not beside it"):
            open_backend(pickled, "auto")

    def test_no_code_in_them_is_run(self, pickled: Path, tmp_path: Path):
        trace = tmp_path / "trace"
        with (pickled / "pytorch_model.bin").open("wb") as file:
            pickle.dump(CallsOnLoading(trace), file, protocol=2)
        with pytest.raises(ModelUnusableError, match="cannot open the weights"):
            open_backend(pickled, "torch")
        assert not trace.exists()

    @pytest.mark.parametrize("name", ["transformer.h.1.mlp.c_fc.bias", "transformer.wpe.weight"])
    def test_a_missing_tensor_is_not_made_up(self, pickled: Path, name: str):
        change_pickle(pickled, lambda tensors: tensors.pop(name))
        with pytest.raises(ModelUnusableError, match=f"lack the tensor '{name}'"):
            open_backend(pickled, "torch")

    def test_a_missing_untied_head_is_not_made_up(self, tmp_path: Path):
        folder = pickle_weights(make_checkpoint(tmp_path, tie_word_embeddings=False))
        change_pickle(folder, lambda tensors: tensors.pop("lm_head.weight"))
        with pytest.raises(ModelUnusableError, match=r"lack the tensor 'lm_head.weight'"):
            open_backend(folder, "torch")

    def test_a_tensor_of_another_shape(self, pickled: Path):
        change_pickle(pickled, lambda tensors: tensors.update({"transformer.ln_f.weight": torch.ones(7)}))
        with pytest.raises(ModelUnusableError):
            open_backend(pickled, "torch")

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "it is empty"),
            (b"not a pickle", "neither an archive nor a pickle"),
            (b"PK\x03\x04cut off", "cut off"),
            (b"\x80\x02 broken", "cannot open the weights"),  # which torch finds out
        ],
    )
    def test_broken_files(self, pickled: Path, content: bytes, why: str):
        (pickled / "pytorch_model.bin").write_bytes(content)
        with pytest.raises(ModelUnusableError, match=why):
            open_backend(pickled, "torch")


class TestUnsoundWeights:
    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_a_missing_tensor_is_not_made_up(self, tiny: Path, tmp_path: Path, backend: str):
        folder = copy_checkpoint(tiny, tmp_path)
        tensors = load_file(folder / "model.safetensors")
        del tensors["transformer.h.1.ln_2.bias"]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelUnusableError, match=r"lack the tensor 'transformer.h.1.ln_2.bias'"):
            open_backend(folder, backend)

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    @pytest.mark.parametrize(
        ("setting", "value", "tensor"),
        [
            ("n_positions", 65, "transformer.wpe.weight"),
            ("n_inner", 100, "transformer.h.0.mlp.c_fc.weight"),
            ("tie_word_embeddings", False, "lm_head.weight"),
            ("n_layer", 4, "transformer.h.3.ln_1.weight"),
        ],
    )
    def test_weights_that_do_not_fit_the_configuration(
        self, tiny: Path, tmp_path: Path, backend: str, setting: str, value: Any, tensor: str
    ):
        folder = copy_checkpoint(tiny, tmp_path, **{setting: value})
        with pytest.raises(ModelUnusableError, match=f"tensor '{tensor}'"):
            open_backend(folder, backend)

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_a_type_that_gpt2_never_has(self, tiny: Path, tmp_path: Path, backend: str):
        folder = copy_checkpoint(tiny, tmp_path)
        tensors = load_file(folder / "model.safetensors")
        tensors["transformer.ln_f.bias"] = tensors["transformer.ln_f.bias"].double()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelUnusableError, match="stored as F64"):
            open_backend(folder, backend)

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_weights_that_are_not_numbers(self, tiny: Path, tmp_path: Path, backend: str):
        folder = copy_checkpoint(tiny, tmp_path)
        tensors = load_file(folder / "model.safetensors")
        tensors["transformer.ln_f.bias"][3] = math.nan
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelUnusableError, match="not finite"):
            load(str(folder), backend=backend).next_tokens("hello", steps=1)

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_weights_that_overflow(self, tiny: Path, tmp_path: Path, backend: str):
        folder = copy_checkpoint(tiny, tmp_path)
        tensors = load_file(folder / "model.safetensors")
        tensors["transformer.h.1.mlp.c_proj.weight"] *= 1e38
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelUnusableError, match="not finite"):
            load(str(folder), backend=backend).next_tokens("hello", steps=1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
class TestGPU:
    def test_logits_are_those_of_the_cpu(self, tiny: Path):
        np.testing.assert_allclose(some_logits(tiny, "auto", device="cuda"), some_logits(tiny, "numpy"), atol=2e-3)

    def test_only_the_best_k_leave_the_device(self, tiny: Path):
        backend = open_backend(tiny, "torch", device="cuda:0")
        token_ids = np.arange(40)[None]
        logits = backend.forward(token_ids, backend.new_cache(1, 40), every_position=True)
        ranking = logits.top_k(5)
        assert ranking.ids.shape == ranking.logits.shape == (40, 5)
        assert ranking.log_normalizer.shape == ranking.entropy.shape == (40,)
        assert ranking.ids.tolist() == [best_ids(row, 5) for row in logits.to_numpy()]

    def test_a_run_says_where_it_ran(self, tiny: Path):
        run = load(str(tiny), device="cuda", dtype="bfloat16").next_tokens("hello", steps=2).run
        assert (run.backend, run.device, run.dtype) == ("torch", "cuda", "bfloat16")

    def test_a_gpu_too_many(self, tiny: Path):
        with pytest.raises(BackendUnavailableError, match="there is no device 'cuda:99'"):
            open_backend(tiny, "torch", device="cuda:99")


class CallsOnLoading:
    """Pickled, this creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


@pytest.fixture
def pickled(tiny: Path, tmp_path: Path) -> Path:
    return pickle_weights(copy_checkpoint(tiny, tmp_path))


def pickle_weights(folder: Path) -> Path:
    """Replace model.safetensors by the pytorch_model.bin of older checkpoints."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def change_pickle(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = torch.load(folder / "pytorch_model.bin", weights_only=True)
    change(tensors)
    torch.save(tensors, folder / "pytorch_model.bin")


def copy_checkpoint(source: Path, parent: Path, **settings: Any) -> Path:
    """A copy with other values in its config.json."""
    folder = shutil.copytree(source, parent / "model")
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")
    return folder


def some_logits(folder: Path, backend: str, dtype: str = "float32", device: str = "cpu") -> np.ndarray:
    """Logits (N, V) of a few tokens."""
    runner = open_backend(folder, backend, device, dtype)
    token_ids = np.arange(100, 120)[None]
    return runner.forward(token_ids, runner.new_cache(1, 20), every_position=True).to_numpy()


def noting_dtypes(function: Callable[..., Any], dtypes: set[np.dtype[Any]]) -> Callable[..., Any]:
    def noting(*arguments: Any) -> Any:
        result = function(*arguments)
        dtypes.update(value.dtype for value in (*arguments, result) if isinstance(value, np.ndarray))
        return result

    return noting


def read_weights(folder: Path) -> tuple[Checkpoint, GPT2Weights]:
    checkpoint = open_checkpoint(folder, read_config(folder / "config.json"))
    return checkpoint, checkpoint.read()


def weight_arrays(weights: GPT2Weights) -> list[np.ndarray]:
    layers = [weights.ln_f]
    for block in weights.blocks:
        layers += [block.ln_1, block.c_attn, block.attn_c_proj, block.ln_2, block.c_fc, block.mlp_c_proj]
    pairs = [array for layer in layers for array in (layer.weight, layer.bias)]
    return [weights.wte, weights.wpe, weights.lm_head, *pairs]
