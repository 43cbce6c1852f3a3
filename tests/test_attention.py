"""`attention`: the weights that transformers returns with output_attentions=True, and what is said about them."""

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
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file, save_file

from checkpoints import load_reference, make_checkpoint
from gpt2_inspect import load
from gpt2_inspect.analysis import AttentionQuestion
from gpt2_inspect.analysis import attention as analysis
from gpt2_inspect.backends.base import Observer
from gpt2_inspect.errors import ModelUnusableError
from gpt2_inspect.render.views import percent, visible
from gpt2_inspect.session import Session
from harness import check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好 🙂 cat"
N_LAYER, N_HEAD = 3, 4

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "usual": {},
    "untied": {"tie_word_embeddings": False},
    "unscaled": {"scale_attn_weights": False},
    "scaled by layer": {"scale_attn_by_inverse_layer_idx": True},
}


@pytest.fixture(scope="module", params=CHECKPOINTS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("attention"), **CHECKPOINTS[request.param])


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray:
    """(L, H, T, T), of transformers."""
    model = load_reference(folder)
    token_ids = [token.id for token in load(str(folder)).encode(TEXT).tokens]
    with torch.inference_mode():
        return np.concatenate(
            [layer.numpy() for layer in model(torch.tensor([token_ids]), output_attentions=True).attentions]
        )


@pytest.fixture(scope="module", params=["numpy", "torch"])
def session(request: pytest.FixtureRequest, folder: Path) -> Session:
    return load(str(folder), backend=request.param)


@pytest.fixture(params=["numpy", "torch"])
def usual(request: pytest.FixtureRequest, tiny: Path) -> Session:
    return load(str(tiny), backend=request.param)


def spoilt(folder: Path, value: float) -> str:
    """A checkpoint whose queries and keys are all `value`."""
    make_checkpoint(folder)
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if ".c_attn." in name:
            tensor[..., : 2 * tensor.shape[-1] // 3] = value
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


class TestAgainstTransformers:
    def test_matrices(self, session: Session, expected: np.ndarray) -> None:
        for layer in range(N_LAYER):
            for head in range(N_HEAD):
                matrix = np.array(session.attention(TEXT, layer=layer, head=head).matrix)
                np.testing.assert_allclose(matrix, expected[layer, head], rtol=0, atol=1e-5)
                np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=0, atol=1e-6)
                assert not np.triu(matrix, 1).any()

    @pytest.mark.parametrize("position", [-1, 4])
    def test_heads(self, session: Session, expected: np.ndarray, position: int) -> None:
        result = session.attention(TEXT, position=position, top_k=3)
        assert [(head.layer, head.head) for head in result.heads] == list(np.ndindex(N_LAYER, N_HEAD))
        assert result.position == position % expected.shape[-1]
        assert result.matrix is None
        for head in result.heads:
            row = expected[head.layer, head.head, position].astype(np.float64)
            seen = row[row > 0]
            assert head.entropy_bits == pytest.approx(-float(seen @ np.log2(seen)), abs=1e-4)
            assert [at.weight for at in head.top] == pytest.approx(np.sort(row)[::-1][:3].tolist(), abs=1e-5)
            for at in head.top:
                token = result.prompt.tokens[at.index]
                assert at.weight == pytest.approx(row[at.index], abs=1e-5)
                assert (at.id, at.token, at.bytes) == (token.id, token.token, token.bytes)

    def test_arrays(self, session: Session, expected: np.ndarray) -> None:
        """Of all layers and heads, whatever the answer is about; it stays the same when they are written to."""
        for options in ({}, {"layer": 1}, {"layer": 2, "head": 3}):
            arrays: dict[str, np.ndarray] = {}

            def spoil(part: dict[str, np.ndarray], arrays: dict[str, np.ndarray] = arrays) -> None:
                arrays |= {name: array.copy() for name, array in part.items()}
                for array in part.values():
                    array[:] = 0

            result = session.ask(AttentionQuestion(**options), TEXT, on_part=spoil)
            assert result == session.attention(TEXT, **options)
            assert_arrays(arrays, expected)


def assert_arrays(arrays: dict[str, np.ndarray], expected: np.ndarray) -> None:
    assert list(arrays) == [f"attentions_{layer}" for layer in range(N_LAYER)]
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    for array, weights in zip(arrays.values(), expected, strict=True):
        np.testing.assert_allclose(array, weights[None], rtol=0, atol=1e-5)  # (1, H, T, T)


class TestChoice:
    def test_a_layer_is_that_layer_of_all(self, usual: Session) -> None:
        of_all, of_one = usual.attention(TEXT).heads, usual.attention(TEXT, layer=1).heads
        assert of_one == of_all[N_HEAD : 2 * N_HEAD]

    def test_a_head_is_that_head_of_all(self, usual: Session) -> None:
        for position in (-1, 3):
            of_all = usual.attention(TEXT, position=position).heads
            result = usual.attention(TEXT, layer=2, head=1, position=position)
            assert result.heads == (of_all[2 * N_HEAD + 1],)
            assert result.matrix[position][result.heads[0].top[0].index] == result.heads[0].top[0].weight

    def test_there_are_no_more_tokens_than_can_be_seen(self, usual: Session) -> None:
        assert {len(head.top) for head in usual.attention(TEXT, position=2, top_k=50).heads} == {3}
        for head in usual.attention(TEXT, position=0).heads:
            ((index, weight),) = [(at.index, at.weight) for at in head.top]
            assert (index, weight, head.entropy_bits) == (0, 1, 0)
            assert math.copysign(1, head.entropy_bits) == 1

    def test_equal_weights_stand_in_the_order_of_the_text(self, tmp_path: Path) -> None:
        """Without queries and keys all tokens are alike."""
        for head in load(spoilt(tmp_path, 0)).attention("!" * 64, top_k=64, position=31).heads:
            assert [at.index for at in head.top] == list(range(32))
            assert [at.weight for at in head.top] == [1 / 32] * 32
            assert head.entropy_bits == 5

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_weights_that_are_no_numbers(self, tmp_path: Path, backend: str) -> None:
        session = load(spoilt(tmp_path, math.nan), backend=backend)
        with pytest.raises(ModelUnusableError, match="attention weights are not finite"):
            session.attention(TEXT, layer=1)


class TestMemory:
    """All weights of gpt2 over its whole context would be 600 MB."""

    @pytest.fixture
    def observers(self, monkeypatch: pytest.MonkeyPatch) -> list[Observer]:
        made: list[Observer] = []

        def make(*arguments: Any, **options: Any) -> Observer:
            made.append(Observer(*arguments, **options))
            return made[-1]

        monkeypatch.setattr(analysis, "Observer", make)
        return made

    @pytest.mark.parametrize(
        ("options", "layers", "dimensions"),
        [
            ({}, [0, 1, 2], ["heads", "one", "tokens"]),
            ({"layer": 1}, [1], ["heads", "one", "tokens"]),
            ({"layer": 2, "head": 0}, [2], ["one", "tokens", "tokens"]),
            ({"layer": 2, "rows": True}, [2], ["heads", "tokens", "tokens"]),
        ],
    )
    def test_only_what_was_asked_for_is_kept(
        self,
        usual: Session,
        observers: list[Observer],
        options: dict[str, int],
        layers: list[int],
        dimensions: list[str],
    ) -> None:
        sizes = {"one": 1, "heads": N_HEAD, "tokens": len(usual.attention(TEXT, **options).prompt.tokens)}
        (observer,) = observers
        assert list(observer.seen) == [("attention_weights", layer) for layer in layers]
        for kept in observer.seen.values():
            assert kept.shape == tuple(sizes[name] for name in dimensions)
            assert kept.base is None  # a view would keep all that it is a view of


class TestCommandLine:
    @pytest.mark.parametrize("options", [{}, {"layer": 1, "position": 2, "top_k": 2}, {"layer": 1, "head": 3}])
    def test_json_is_the_record(self, tiny: Path, options: dict[str, int]) -> None:
        named = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        document = json.loads(run_cli("attention", TEXT, "-m", str(tiny), "--json", *named).out)
        assert document == load(str(tiny)).attention(TEXT, **options).to_dict()
        assert set(document["heads"][0]) == {"layer", "head", "entropy_bits", "top", "rows"}
        assert set(document["heads"][0]["top"][0]) == {"id", "index", "token", "bytes", "weight"}

    def test_csv_of_all_heads(self, tiny: Path) -> None:
        done = run_cli("attention", TEXT, "-m", str(tiny), "--format", "csv", "--layer", "1", "-k", "2")
        rows = list(csv.DictReader(io.StringIO(done.out)))
        heads = load(str(tiny)).attention(TEXT, layer=1, top_k=2).heads
        assert [
            (int(row["layer"]), int(row["head"]), int(row["rank"]), int(row["index"]), float(row["weight"]))
            for row in rows
        ] == [(1, head.head, rank, at.index, at.weight) for head in heads for rank, at in enumerate(head.top, start=1)]

    def test_csv_and_lines_of_a_matrix(self, tiny: Path) -> None:
        result = load(str(tiny)).attention(TEXT, layer=1, head=2)
        chosen = ("-m", str(tiny), "--layer", "1", "--head", "2")
        pairs = list(csv.DictReader(io.StringIO(run_cli("attention", TEXT, *chosen, "--format", "csv").out)))
        tokens = len(result.matrix)
        assert len(pairs) == tokens * (tokens + 1) // 2
        for pair in pairs:
            query, key = int(pair["query_index"]), int(pair["key_index"])
            assert float(pair["weight"]) == result.matrix[query][key]
            assert int(pair["query_id"]) == result.prompt.tokens[query].id
            assert int(pair["key_id"]) == result.prompt.tokens[key].id
        lines = [json.loads(line) for line in run_cli("attention", TEXT, *chosen, "--format", "jsonl").out.splitlines()]
        assert [tuple(line["weights"]) for line in lines] == list(result.matrix)
        assert {(line["layer"], line["head"]) for line in lines} == {(1, 2)}
        assert [line["id"] for line in lines] == [token.id for token in result.prompt.tokens]

    @pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
    def test_save(self, folder: Path, expected: np.ndarray, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"weights{suffix}"
        chosen = ("-m", str(folder), "--layer", "1", "--head", "2")
        done = run_cli("attention", TEXT, *chosen, "--save", str(path))
        assert (done.code, done.err, done.out) == (0, "", run_cli("attention", TEXT, *chosen).out)
        assert_arrays(dict(np.load(path) if suffix == ".npz" else sorted(load_arrays(path).items())), expected)

    @pytest.mark.parametrize("width", [80, 40])
    def test_table_holds_every_head(self, tiny: Path, width: int) -> None:
        done = run_cli("attention", TEXT, "-m", str(tiny), "-k", "4", environ={"COLUMNS": str(width)})
        assert max(map(cell_len, done.out.splitlines())) <= width
        words = done.out.split()
        for head in load(str(tiny)).attention(TEXT, top_k=4).heads:
            shown = [f"{head.entropy_bits:.2f}", *(visible(at) for at in head.top)]
            shown += [percent(at.weight) for at in head.top]
            assert [text for text in shown if text not in words] == []

    @pytest.mark.parametrize("width", [120, 80, 40])
    def test_table_holds_the_whole_matrix(self, tiny: Path, width: int) -> None:
        chosen = ("-m", str(tiny), "--layer", "1", "--head", "2")
        done = run_cli("attention", TEXT, *chosen, environ={"COLUMNS": str(width)})
        assert max(map(cell_len, done.out.splitlines())) <= width
        result = load(str(tiny)).attention(TEXT, layer=1, head=2)
        grid = done.out[done.out.index("\n\nwhat head 2 of layer 1 looks") + 2 :]
        found: dict[int, list[int]] = {index: [] for index in range(len(result.matrix))}
        headings = []
        for line in grid.splitlines():
            match line.split():
                case ["index", "token", *indices]:
                    headings += map(int, indices)
                case [index, _, *weights] if headings and all(map(str.isdecimal, (index, *weights))):
                    found[int(index)] += map(int, weights)
        assert headings == list(range(len(result.matrix)))
        for index, row in enumerate(result.matrix):
            assert found[index] == [int(f"{100 * weight:.0f}") for weight in row[: index + 1]]

    @pytest.mark.parametrize(
        ("options", "code", "word"),
        [
            (["a", "--layer", "3"], 2, "--layer is 3; the layers go from 0 to 2"),
            (["a", "--layer", "-1"], 2, "--layer is -1"),
            (["a", "--layer", "0", "--head", "4"], 2, "--head is 4; the heads of a layer go from 0 to 3"),
            (["a", "--layer", "0", "--head", "-1"], 2, "--head is -1"),
            (["a", "--head", "0"], 2, "hint: choose one with --layer"),
            (["!!", "--position", "2"], 2, "--position is 2"),
            (["!!", "--position", "-3"], 2, "--position is -3"),
            (["a", "--top-k", "0"], 2, "--top-k is 0"),
            (["!" * 65], 5, "65 tokens"),
        ],
    )
    def test_errors_leave_the_file(self, tiny: Path, tmp_path: Path, options: list[str], code: int, word: str) -> None:
        path = tmp_path / "old"
        path.write_text("old")
        check_error(run_cli("attention", *options, "-m", str(tiny), "--output", str(path)), code, word)
        assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
