"""hidden-states: every number is that of transformers' `output_hidden_states`, and the saved states are its states."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from markdown_it import MarkdownIt
from rich.cells import cell_len
from safetensors.numpy import load_file, save_file

import gpt2_inspect
from checkpoints import VOCAB_SIZE, ReferenceModel, make_checkpoint
from gpt2_inspect.analysis import HiddenStatesQuestion
from gpt2_inspect.errors import InputError, ModelUnusableError, UsageError
from gpt2_inspect.render.views import percent
from gpt2_inspect.results.hidden_states import HiddenStates
from harness import Run, both_backends, check_error, ids_of, run_cli
from loaded import HEAVY, PARTS_OF_NUMPY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好 \n naïve 🙂 cat"
HOSTILE = "[bold red]x[/] \x1b[31m\u202e|`* 你好 🙂\n\t<b>"
TOP_K = 7

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "tied": {},
    "untied": {"tie_word_embeddings": False, "seed": 1},
    "one layer": {"n_layer": 1, "tie_word_embeddings": False, "seed": 2},
}


class Reference(ReferenceModel):
    """A checkpoint, and what transformers' GPT2LMHeadModel makes of a text with it."""

    @torch.inference_mode()
    def run(self, token_ids: list[int]) -> Any:
        """The output of GPT2Model, with `hidden_states` and `past_key_values`."""
        return self.model.transformer(torch.tensor([token_ids]), output_hidden_states=True, use_cache=True)

    @torch.inference_mode()
    def lens(self, states: tuple[torch.Tensor, ...], position: int) -> torch.Tensor:
        """Log-probabilities (L + 1, V) that `ln_f` and the head give; the last state has been through `ln_f`."""
        rows = [self.model.transformer.ln_f(state[0, position]) for state in states[:-1]]
        return self.model.lm_head(torch.stack([*rows, states[-1][0, position]])).double().log_softmax(-1)


@pytest.fixture(scope="module", params=CHECKPOINTS)
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(make_checkpoint(tmp_path_factory.mktemp("hidden"), **CHECKPOINTS[request.param]))


def close(value: float, largest: float = 1.0) -> Any:
    """Within a few float32 roundings."""
    return pytest.approx(value, rel=0, abs=1e-5 * max(1.0, largest))


@both_backends
class TestNumbers:
    @pytest.mark.parametrize("position", [0, 3, -1, -2])
    def test_states_at_a_position(self, reference: Reference, backend: str, position: int) -> None:
        result = gpt2_inspect.load(str(reference.folder), backend=backend).hidden_states(TEXT, position=position)
        token_ids = ids_of(result)
        states = reference.run(token_ids).hidden_states
        assert result.position == position % len(token_ids)
        assert len(result.layers) == len(states) == reference.model.config.n_layer + 1
        rows = [state[0, position].double() for state in states]
        for index, (layer, state, row) in enumerate(zip(result.layers, states, rows, strict=True)):
            assert (layer.index, layer.shape) == (index, tuple(state.shape))
            largest = float(row.norm())
            assert layer.mean == close(float(row.mean()), largest)
            assert layer.std == close(float(row.std(correction=0)), largest)
            assert layer.norm == close(largest, largest)
            assert layer.top_logprobs is None
            if index == 0:
                assert layer.cosine_to_previous is None
            else:
                expected = torch.nn.functional.cosine_similarity(row, rows[index - 1], dim=0)
                assert layer.cosine_to_previous == close(float(expected))

    def test_names(self, reference: Reference, backend: str) -> None:
        result = gpt2_inspect.load(str(reference.folder), backend=backend).hidden_states("hi")
        names = [layer.name for layer in result.layers]
        last = reference.model.config.n_layer
        assert names == ["wte + wpe", *(f"block {number}" for number in range(1, last)), f"block {last} + ln_f"]

    def test_lens(self, reference: Reference, backend: str) -> None:
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        result = session.hidden_states(TEXT, position=4, lens=True, top_k=TOP_K)
        states = reference.run(ids_of(result)).hidden_states
        for layer, expected in zip(result.layers, reference.lens(states, 4), strict=True):
            assert layer.top_logprobs is not None
            assert [candidate.rank for candidate in layer.top_logprobs] == list(range(1, TOP_K + 1))
            assert len({candidate.id for candidate in layer.top_logprobs}) == TOP_K
            best = expected.sort(descending=True).values
            for candidate in layer.top_logprobs:
                assert candidate.logprob == pytest.approx(float(expected[candidate.id]), rel=0, abs=1e-4)
                assert candidate.logprob == pytest.approx(float(best[candidate.rank - 1]), rel=0, abs=1e-4)

    def test_lens_of_the_last_state_is_the_prediction(self, reference: Reference, backend: str) -> None:
        """And so `ln_f` has not been applied to it twice."""
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        layers = session.hidden_states(TEXT, lens=True, top_k=TOP_K).layers
        step = session.next_tokens(TEXT, steps=1, top_k=TOP_K).steps[0]
        assert layers[-1].top_logprobs is not None
        assert [candidate.id for candidate in layers[-1].top_logprobs] == [best.id for best in step.top_logprobs]
        for shown, predicted in zip(layers[-1].top_logprobs, step.top_logprobs, strict=True):
            assert shown.logprob == pytest.approx(predicted.logprob, rel=0, abs=1e-4)

    def test_last_hidden_state_and_cache(self, reference: Reference, backend: str) -> None:
        result = gpt2_inspect.load(str(reference.folder), backend=backend).hidden_states(TEXT)
        output = reference.run(ids_of(result))
        assert torch.equal(output.last_hidden_state, output.hidden_states[-1])
        assert result.last_hidden_state.equals_index == len(output.hidden_states) - 1
        assert result.last_hidden_state.max_abs_difference == 0
        kept = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        assert result.past_key_values.n_layer == len(kept)
        assert result.past_key_values.key_shape == tuple(kept[0][0].shape)
        assert result.past_key_values.value_shape == tuple(kept[0][1].shape)
        assert result.past_key_values.bytes == sum(part.nbytes for layer in kept for part in layer)

    def test_one_token(self, reference: Reference, backend: str) -> None:
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        result = session.hidden_states("!")
        states = reference.run(ids_of(result)).hidden_states
        assert [layer.shape for layer in result.layers] == [(1, 1, 48)] * len(states)
        for layer, state in zip(result.layers, states, strict=True):
            assert layer.norm == close(float(state.norm()), float(state.norm()))
        assert session.hidden_states("!", position=0).layers == session.hidden_states("!", position=-1).layers

    def test_arrays(self, reference: Reference, backend: str) -> None:
        arrays: dict[str, np.ndarray] = {}
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        result = session.ask(HiddenStatesQuestion(), TEXT, on_part=arrays.update)
        assert_states(arrays, reference.run(ids_of(result)).hidden_states)


def assert_states(arrays: dict[str, np.ndarray], states: tuple[torch.Tensor, ...]) -> None:
    assert sorted(arrays) == sorted(f"hidden_states_{index}" for index in range(len(states)))
    for index, state in enumerate(states):
        saved = arrays[f"hidden_states_{index}"]
        assert saved.dtype == np.float32
        np.testing.assert_allclose(saved, state.numpy(), rtol=0, atol=1e-5 * max(1.0, float(state.abs().max())))


def test_cache_in_half_the_precision(reference: Reference) -> None:
    result = gpt2_inspect.load(str(reference.folder), dtype="bfloat16").hidden_states(TEXT)
    kept = reference.run(ids_of(result)).past_key_values.layers
    assert result.past_key_values.bytes == sum(layer.keys.nbytes + layer.values.nbytes for layer in kept) // 2


@both_backends
class TestWeights:
    """That are unusual."""

    def test_damaged(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        folder = with_weights(tiny, tmp_path, "h.1.mlp.c_fc.bias", np.full(192, np.nan, np.float32))
        with pytest.raises(ModelUnusableError, match="not finite"):
            gpt2_inspect.load(str(folder), backend=backend).hidden_states("hi")

    def test_state_of_zeros(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        """It has no direction, and so no cosine with any other."""
        folder = with_weights(tiny, tmp_path, "wte.weight", np.zeros((VOCAB_SIZE, 48), np.float32))
        with_weights(folder, folder, "wpe.weight", np.zeros((64, 48), np.float32))
        layers = gpt2_inspect.load(str(folder), backend=backend).hidden_states("hi").layers
        assert (layers[0].norm, layers[0].std) == (0, 0)
        assert layers[1].norm > 0
        assert [layer.cosine_to_previous is None for layer in layers] == [True, True, False, False]


def with_weights(folder: Path, to: Path, name: str, values: np.ndarray) -> Path:
    """A copy of the checkpoint with one tensor replaced."""
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    tensors = load_file(to / "model.safetensors")
    assert tensors[f"transformer.{name}"].shape == values.shape
    save_file({**tensors, f"transformer.{name}": values}, to / "model.safetensors", {"format": "pt"})
    return to


def hidden_states(*arguments: str, **options: Any) -> Run:
    return run_cli("hidden-states", *arguments, **options)


@pytest.fixture(scope="module")
def result(tiny: Path) -> HiddenStates:
    return gpt2_inspect.load(str(tiny)).hidden_states(TEXT, position=2, lens=True, top_k=3)


@pytest.fixture(scope="module")
def arguments(tiny: Path) -> list[str]:
    """That ask for `result`."""
    return [TEXT, "-m", str(tiny), "--position", "2", "--lens", "--top-k", "3"]


class TestCommandLine:
    def test_json(self, result: HiddenStates, arguments: list[str]) -> None:
        done = hidden_states(*arguments, "--json")
        assert (done.code, done.err) == (0, "")
        document = json.loads(done.out, parse_constant=pytest.fail)
        assert document == json.loads(json.dumps(result.to_dict()))
        assert list(document)[5:] == [
            "options",
            "position",
            "layers",
            "positions",
            "last_hidden_state",
            "past_key_values",
        ]
        assert list(document["layers"][0]) == [
            *("index", "name", "shape", "mean", "std", "norm", "cosine_to_previous", "top_logprobs")
        ]
        assert list(document["last_hidden_state"]) == ["equals_index", "max_abs_difference"]
        assert list(document["past_key_values"]) == ["n_layer", "key_shape", "value_shape", "bytes"]

    def test_json_lines(self, result: HiddenStates, arguments: list[str]) -> None:
        lines = [json.loads(line) for line in hidden_states(*arguments, "--format", "jsonl").out.splitlines()]
        assert [line["index"] for line in lines] == [0, 1, 2, 3]
        assert all(line["command"] == "hidden-states" for line in lines)

    def test_csv(self, result: HiddenStates, arguments: list[str], tiny: Path) -> None:
        rows = list(csv.DictReader(hidden_states(*arguments, "--format", "csv").out.splitlines()))
        expected = [(layer, candidate) for layer in result.layers for candidate in layer.top_logprobs or ()]
        assert len(rows) == len(expected) == 4 * 3
        for row, (layer, candidate) in zip(rows, expected, strict=True):
            assert (row["position"], row["name"]) == ("2", layer.name)
            assert row["shape"].split() == [str(size) for size in layer.shape]
            assert [float(row[name]) for name in ("mean", "std", "norm")] == [layer.mean, layer.std, layer.norm]
            cosine = layer.cosine_to_previous
            assert row["cosine_to_previous"] == ("" if cosine is None else str(cosine))
            assert (int(row["rank"]), float(row["logprob"])) == (candidate.rank, candidate.logprob)
            assert bytes.fromhex(row["bytes_hex"]) == bytes(candidate.bytes)
        without = hidden_states(TEXT, "-m", str(tiny), "--format", "csv").out.splitlines()
        assert len(without) == 1 + 4 and without[0].endswith(",cosine_to_previous")

    @pytest.mark.parametrize("columns", [20, 40, 80, 200])
    @pytest.mark.parametrize("text", [TEXT, HOSTILE], ids=["text", "hostile"])
    def test_table(self, tiny: Path, text: str, columns: int) -> None:
        done = hidden_states(text, "-m", str(tiny), "--lens", "-k", "3", environ={"COLUMNS": str(columns)})
        assert (done.code, done.err) == (0, "")
        assert [line for line in done.out.splitlines() if cell_len(line) > columns] == []
        assert not {"\x1b", "\u202e", "\t"} & set(done.out)
        shown = done.out.split()
        result = gpt2_inspect.load(str(tiny)).hidden_states(text, lens=True, top_k=3)
        layers = result.layers
        for layer in layers:
            numbers = [f"{number:z.3f}" for number in (layer.mean, layer.std, layer.norm)]
            if layer.cosine_to_previous is not None:
                numbers.append(f"{layer.cosine_to_previous:z.3f}")
            assert set(numbers) <= set(shown)
            assert {percent(candidate.prob) for candidate in layer.top_logprobs or ()} <= set(shown)
        cache = result.past_key_values
        facts = f"past_key_values: 3 layers, keys {list(cache.key_shape)} and values {list(cache.value_shape)} in each"
        for fact in (facts, f"{cache.bytes:,} bytes in all", "last_hidden_state = hidden_states[3]"):
            assert "".join(fact.split()) in "".join(shown)

    def test_markdown(self, result: HiddenStates, arguments: list[str]) -> None:
        done = hidden_states(*arguments, "--format", "markdown")
        parsed = MarkdownIt("commonmark").enable("table").parse(done.out)
        assert sum(token.type == "table_open" for token in parsed) == 2
        cells = ["".join(child.content for child in token.children or ()) for token in parsed if token.type == "inline"]
        assert {f"{layer.norm:.3f}" for layer in result.layers} <= set(cells)
        assert [cell for cell in cells if cell.startswith("position 2: ")]

    @pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
    def test_save(self, tiny: Path, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"states{suffix}"
        done = hidden_states(TEXT, "-m", str(tiny), "--json", "--save", str(path))
        assert (done.code, done.err) == (0, "")
        token_ids = [token["id"] for token in json.loads(done.out)["prompt"]["tokens"]]
        arrays = dict(np.load(path)) if suffix == ".npz" else load_file(path)
        assert_states(arrays, Reference(tiny).run(token_ids).hidden_states)

    def test_save_and_output(self, tiny: Path, tmp_path: Path) -> None:
        """Both appear, and nothing else does."""
        states, output = tmp_path / "states.npz", tmp_path / "result.json"
        done = hidden_states("hi", "-m", str(tiny), "--json", "--save", str(states), "--output", str(output))
        assert (done.code, done.out, done.err) == (0, "", "")
        assert sorted(tmp_path.iterdir()) == [output, states]
        assert json.loads(output.read_text(encoding="utf-8"))["command"] == "hidden-states"
        assert sorted(np.load(states)) == [f"hidden_states_{index}" for index in range(4)]


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--position", "5"], ["--position is 5", "5 tokens", "0 to 4", "-5 to -1"]),
            (["--position", "-6"], ["--position is -6"]),
            (["--position", "1.5"], ["--position"]),
            (["--lens", "--top-k", "0"], ["--top-k is 0"]),
            (["--top-k", "3"], ["--top-k is for --lens"]),
            (["--lens", "--top-k", str(VOCAB_SIZE + 1)], ["--top-k", str(VOCAB_SIZE)]),
            (["--save", "states.txt"], ["states.txt", ".npz", ".safetensors"]),
            (["--save", "states"], ["states", ".npz"]),
            (["--save", "./nowhere/states.npz"], ["nowhere", "No such file or directory"]),
        ],
    )
    def test_values(self, tiny: Path, arguments: list[str], words: list[str]) -> None:
        check_error(hidden_states("!!!!!", "-m", str(tiny), *arguments), 2, *words)

    def test_no_such_position_of_one_token(self, tiny: Path) -> None:
        check_error(hidden_states("!", "-m", str(tiny), "-p", "1"), 2, "--position is 1", "1 token, from 0 to 0")

    def test_save_to_a_directory(self, tiny: Path, tmp_path: Path) -> None:
        folder = tmp_path / "states.npz"
        folder.mkdir()
        check_error(hidden_states("hi", "-m", str(tiny), "--save", str(folder)), 2, "states.npz", "directory")

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(["!" * 65], 5), ([""], 5), (["!", "--position", "3"], 2), (["!", "--lens", "--top-k", "0"], 2)],
    )
    def test_files_stay_whole(self, tiny: Path, tmp_path: Path, arguments: list[str], code: int) -> None:
        states, output = tmp_path / "states.npz", tmp_path / "result"
        states.write_bytes(b"old states")
        output.write_text("old")
        run = hidden_states(*arguments, "-m", str(tiny), "--save", str(states), "--output", str(output))
        check_error(run, code)
        assert (states.read_bytes(), output.read_text()) == (b"old states", "old")
        assert sorted(tmp_path.iterdir()) == [output, states]

    def test_python(self, tiny: Path) -> None:
        session = gpt2_inspect.load(str(tiny))
        for position in (2, -3, 10**30):
            with pytest.raises(UsageError, match="position"):
                session.hidden_states("!!", position=position)
        with pytest.raises(UsageError, match="top_k"):
            session.hidden_states("!!", top_k=VOCAB_SIZE + 1)
        for text in ("", "!" * 65, "\ud800"):
            with pytest.raises(InputError):
                session.hidden_states(text)
        assert len(session.hidden_states("!" * 64).layers) == 4


def test_modules(tiny: Path, tmp_path: Path) -> None:
    """No torch; safetensors only to write it."""
    common = ("hidden-states", "hi", "-m", str(tiny), "--lens", "--json")
    check_absent(modules_of(*common), HEAVY | RICH | PARTS_OF_NUMPY)
    check_absent(modules_of(*common, "--save", str(tmp_path / "states.npz")), HEAVY | RICH)
    loaded = modules_of(*common, "--save", str(tmp_path / "states.safetensors"))
    assert "safetensors" in loaded
    check_absent(loaded, (HEAVY | RICH) - {"safetensors"})
