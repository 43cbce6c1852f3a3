"""embeddings: the rows of wte and wpe as transformers holds them, and the nearest tokens as torch finds them."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
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
from gpt2_inspect.analysis import EmbeddingsQuestion
from gpt2_inspect.analysis import embeddings as analysis
from gpt2_inspect.errors import InputError, ModelUnusableError, UsageError
from gpt2_inspect.render.views import visible
from gpt2_inspect.results.embeddings import Embeddings, Vector
from harness import Run, Terminal, both_backends, check_error, ids_of, run_cli
from loaded import HEAVY, PARTS_OF_NUMPY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you, you 你好 \n naïve 🙂 cat"
HOSTILE = "[bold red]x[/] \x1b[31m\u202e|`* 你好 🙂\n\t<b>"

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "tied": {},
    "untied": {"tie_word_embeddings": False, "seed": 1},
    "float16 file": {"dtype": "float16", "seed": 2},
    "odd sizes": {"vocab_size": 401, "n_embd": 45, "n_head": 3, "n_positions": 37},
    "three wide": {"n_embd": 3, "n_head": 1},
}


class Reference(ReferenceModel):
    """A checkpoint as transformers loads it."""

    @property
    def wte(self) -> torch.Tensor:
        return self.model.transformer.wte.weight.detach()

    @property
    def wpe(self) -> torch.Tensor:
        return self.model.transformer.wpe.weight.detach()

    @torch.inference_mode()
    def first_state(self, token_ids: list[int]) -> torch.Tensor:
        """`hidden_states[0]`, (T, D)."""
        return self.model.transformer(torch.tensor([token_ids]), output_hidden_states=True).hidden_states[0][0]

    def cosines(self, token_id: int) -> torch.Tensor:
        """With every row of wte, (V,), in float64; -inf with its own."""
        wte = self.wte.double()
        cosines = torch.nn.functional.cosine_similarity(wte[token_id][None], wte, dim=1)
        cosines[token_id] = -torch.inf
        return cosines


@pytest.fixture(scope="module", params=CHECKPOINTS)
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(make_checkpoint(tmp_path_factory.mktemp("embeddings"), **CHECKPOINTS[request.param]))


def assert_describes(vector: Vector, row: torch.Tensor) -> None:
    wide = row.double()
    assert vector.norm == pytest.approx(float(wide.norm()), rel=1e-12)
    assert vector.mean == pytest.approx(float(wide.mean()), rel=1e-12, abs=1e-15)
    assert vector.std == pytest.approx(float(wide.std(correction=0)), rel=1e-12)
    assert list(vector.first) == row[:4].tolist()


@both_backends
class TestNumbers:
    def test_vectors(self, reference: Reference, backend: str) -> None:
        result = gpt2_inspect.load(str(reference.folder), backend=backend).embeddings(TEXT)
        token_ids = ids_of(result)
        assert result.shapes.wte == tuple(reference.wte.shape)
        assert result.shapes.wpe == tuple(reference.wpe.shape)
        state = reference.first_state(token_ids)
        assert [token.id for token in result.tokens] == token_ids
        for position, token in enumerate(result.tokens):
            assert token.position == position
            assert (token.id, token.token, token.bytes) == tuple(vars(result.prompt.tokens[position]).values())
            assert_describes(token.wte, reference.wte[token.id])
            assert_describes(token.wpe, reference.wpe[position])
            assert_describes(token.sum, state[position])

    @pytest.mark.parametrize("count", [1, 5, 40])
    def test_nearest(self, reference: Reference, backend: str, count: int) -> None:
        result = gpt2_inspect.load(str(reference.folder), backend=backend).embeddings(TEXT, neighbors=count)
        for token in result.tokens:
            expected = reference.cosines(token.id)
            best = expected.topk(count)
            assert [found.id for found in token.nearest] == best.indices.tolist()
            for found, cosine in zip(token.nearest, best.values.tolist(), strict=True):
                assert found.cosine == pytest.approx(cosine, rel=0, abs=1e-12)
                assert found.token == bytes(found.bytes).decode("utf-8", "replace")

    def test_all_the_others(self, reference: Reference, backend: str) -> None:
        others = len(reference.wte) - 1
        result = gpt2_inspect.load(str(reference.folder), backend=backend).embeddings("hi", neighbors=others)
        for token in result.tokens:
            order = reference.cosines(token.id).argsort(descending=True).tolist()
            assert [found.id for found in token.nearest] == order[:-1]

    def test_arrays(self, reference: Reference, backend: str) -> None:
        arrays: dict[str, np.ndarray] = {}
        session = gpt2_inspect.load(str(reference.folder), backend=backend)
        token_ids = ids_of(session.ask(EmbeddingsQuestion(), TEXT, on_part=arrays.update))
        assert_arrays(arrays, reference, token_ids)


def assert_arrays(arrays: dict[str, np.ndarray], reference: Reference, token_ids: list[int]) -> None:
    assert sorted(arrays) == ["sum", "wpe", "wte"]
    np.testing.assert_array_equal(arrays["wte"], reference.wte[token_ids].numpy())
    np.testing.assert_array_equal(arrays["wpe"], reference.wpe[: len(token_ids)].numpy())
    np.testing.assert_array_equal(arrays["sum"], reference.first_state(token_ids).numpy())
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def with_wte(folder: Path, to: Path, wte: np.ndarray) -> Path:
    """A copy of the checkpoint with other vectors of the tokens."""
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    tensors = load_file(to / "model.safetensors")
    assert tensors["transformer.wte.weight"].shape == wte.shape
    save_file({**tensors, "transformer.wte.weight": wte}, to / "model.safetensors", {"format": "pt"})
    return to


def random_wte() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(VOCAB_SIZE, 48)).astype(np.float32)


def ids_and_cosines(result: Embeddings, position: int = 0) -> tuple[list[int], list[float]]:
    nearest = result.tokens[position].nearest
    return [found.id for found in nearest], [found.cosine for found in nearest]


@both_backends
class TestUnusualRows:
    def test_equal_rows_are_ordered_by_id(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        """Though a product of matrices may round them differently: they are spread over the whole vocabulary."""
        own = 0  # the id of "!"
        copies = [3, 17, 100, 101, 202, VOCAB_SIZE - 3, VOCAB_SIZE - 1]
        near = [5, 6, 64, 255, 256, VOCAB_SIZE - 2]
        wte = random_wte()
        wte[copies] = wte[own]
        wte[near] = wte[own] + 0.5 * wte[7]
        session = gpt2_inspect.load(str(with_wte(tiny, tmp_path, wte)), backend=backend)
        for count in (1, 4, 7, 10, 13):
            ids, cosines = ids_and_cosines(session.embeddings("!", neighbors=count))
            assert ids == (copies + near)[:count]
            assert cosines[:7] == [1.0] * min(count, 7)
            assert len(set(cosines[7:])) == (count > 7)

    def test_differences_that_float32_would_lose(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        wte = random_wte()
        wte[1:] = wte[0]
        wte[1:, 0] += np.linspace(1e-4, 1e-2, VOCAB_SIZE - 1, dtype=np.float32)[::-1]
        session = gpt2_inspect.load(str(with_wte(tiny, tmp_path, wte)), backend=backend)
        for count in (1, 5, VOCAB_SIZE - 1):
            ids, cosines = ids_and_cosines(session.embeddings("!", neighbors=count))
            assert ids == list(range(VOCAB_SIZE - 1, 0, -1))[:count]
            assert cosines[0] > 1 - 1e-9 and cosines == sorted(cosines, reverse=True)

    def test_rows_of_zeros_point_nowhere(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        wte = random_wte()
        wte[1] = wte[9:] = 0
        folder = with_wte(tiny, tmp_path, wte)
        result = gpt2_inspect.load(str(folder), backend=backend).embeddings('!"#', neighbors=20)
        assert ids_of(result) == [0, 1, 2]
        assert sorted(ids_and_cosines(result, 0)[0]) == [2, 3, 4, 5, 6, 7, 8]
        assert result.tokens[1].nearest == ()
        assert result.tokens[1].wte == Vector(norm=0, mean=0, std=0, first=(0, 0, 0, 0))
        assert sorted(ids_and_cosines(result, 2)[0]) == [0, 3, 4, 5, 6, 7, 8]
        for form in ("json", "jsonl", "csv", "markdown", "table"):
            done = embeddings('!"#', "-m", str(folder), "--backend", backend, "--format", form)
            assert (done.code, done.err) == (0, "")
            assert "nan" not in done.out.lower() and "inf" not in done.out.lower()
            if form == "csv":
                assert [row.count('"') for row in done.out.splitlines() if row.endswith(",,,,,")] == [4]
        assert embeddings('"', "-m", str(folder), "--backend", backend).code == 0  # not one neighbour in all the text

    def test_long_and_short_rows(self, tiny: Path, tmp_path: Path, backend: str) -> None:
        """The lengths do not count, nor do they overflow."""
        wte = random_wte()
        scales = np.logspace(-15, 17, VOCAB_SIZE, dtype=np.float32)[:, None]
        expected = Reference(with_wte(tiny, tmp_path, wte)).cosines(0).topk(9)
        folder = with_wte(tmp_path, tmp_path, (wte * scales).astype(np.float32))
        ids, cosines = ids_and_cosines(gpt2_inspect.load(str(folder), backend=backend).embeddings("!", neighbors=9))
        assert ids == expected.indices.tolist()
        assert cosines == pytest.approx(expected.values.tolist(), rel=0, abs=1e-6)

    @pytest.mark.parametrize("row", [0, 300])
    @pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
    def test_damaged(self, tiny: Path, tmp_path: Path, backend: str, row: int, value: float) -> None:
        """In a row of the text or in any other."""
        wte = random_wte()
        wte[row, 5] = value
        folder = with_wte(tiny, tmp_path, wte)
        with pytest.raises(ModelUnusableError, match="not finite"):
            gpt2_inspect.load(str(folder), backend=backend).embeddings("!")


class TestPieces:
    """Large matrices are taken some rows at a time."""

    def test_small_pieces_change_nothing(self, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        session = gpt2_inspect.load(str(tiny))
        expected = session.embeddings(TEXT, neighbors=50)
        for cosines in (1, 2 * VOCAB_SIZE, 5 * VOCAB_SIZE + 1):
            monkeypatch.setattr(analysis, "COSINES", cosines)
            monkeypatch.setattr(analysis, "ROWS", 7)
            found = session.embeddings(TEXT, neighbors=50)
            assert [token.nearest for token in found.tokens] == [token.nearest for token in expected.tokens]

    def test_each_id_once(self, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[int] = []

        def counted(wte: np.ndarray, token_ids: list[int], count: int, rows: Any = analysis.nearest_rows) -> Iterator:
            asked.extend(token_ids)
            return rows(wte, token_ids, count)

        monkeypatch.setattr(analysis, "nearest_rows", counted)
        result = gpt2_inspect.load(str(tiny)).embeddings("!?!?!!")
        assert len(asked) == len(set(asked)) == 2
        assert result.tokens[0].nearest == result.tokens[5].nearest != result.tokens[1].nearest

    def test_memory(self) -> None:
        """Of GPT-2's size, all positions: far less than all cosines at once, let alone all of wte in float64."""
        wte = np.random.default_rng(0).normal(size=(50257, 32)).astype(np.float32)
        tracemalloc.start()
        for _, ids, _, _ in analysis.nearest_rows(wte, range(0, 50000, 100), 5):
            assert len(ids) == 5
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3 * 4 * analysis.COSINES


def embeddings(*arguments: str, **options: Any) -> Run:
    return run_cli("embeddings", *arguments, **options)


@pytest.fixture(scope="module")
def result(tiny: Path) -> Embeddings:
    return gpt2_inspect.load(str(tiny)).embeddings(TEXT, neighbors=3)


@pytest.fixture(scope="module")
def arguments(tiny: Path) -> list[str]:
    """That ask for `result`."""
    return [TEXT, "-m", str(tiny), "--neighbors", "3"]


class TestCommandLine:
    def test_json(self, result: Embeddings, arguments: list[str]) -> None:
        done = embeddings(*arguments, "--json")
        assert (done.code, done.err) == (0, "")
        document = json.loads(done.out, parse_constant=pytest.fail)
        assert document == json.loads(json.dumps(result.to_dict()))
        assert list(document)[5:] == ["options", "shapes", "plane_share", "tokens"]
        assert document["shapes"] == {"wte": [VOCAB_SIZE, 48], "wpe": [64, 48]}
        token = document["tokens"][0]
        assert list(token) == ["id", "token", "bytes", "position", "wte", "wpe", "sum", "alike", "plane", "nearest"]
        for vector in (token["wte"], token["wpe"], token["sum"]):
            assert list(vector) == ["norm", "mean", "std", "first"]
        assert [list(found) for found in token["nearest"]] == [["id", "token", "bytes", "cosine"]] * 3

    def test_five_by_default(self, tiny: Path) -> None:
        document = json.loads(embeddings("hi", "-m", str(tiny), "--json").out)
        assert [len(token["nearest"]) for token in document["tokens"]] == [5, 5]

    def test_json_lines(self, result: Embeddings, arguments: list[str]) -> None:
        lines = [json.loads(line) for line in embeddings(*arguments, "--format", "jsonl").out.splitlines()]
        assert [(line["position"], line["id"]) for line in lines] == list(enumerate(ids_of(result)))

    def test_csv(self, result: Embeddings, arguments: list[str]) -> None:
        rows = list(csv.DictReader(io.StringIO(embeddings(*arguments, "--format", "csv").out, newline="")))
        expected = [(token, rank) for token in result.tokens for rank in (1, 2, 3)]
        assert len(rows) == len(expected)
        for row, (token, rank) in zip(rows, expected, strict=True):
            assert (int(row["position"]), int(row["id"]), row["token"]) == (token.position, token.id, token.token)
            for kind in ("wte", "wpe", "sum"):
                vector = getattr(token, kind)
                for measure in ("norm", "mean", "std"):
                    assert float(row[f"{kind}_{measure}"]) == getattr(vector, measure)
                assert tuple(map(float, row[f"{kind}_first"].split())) == vector.first
            found = token.nearest[rank - 1]
            assert (int(row["rank"]), int(row["nearest_id"]), row["nearest_token"]) == (rank, found.id, found.token)
            assert bytes.fromhex(row["nearest_bytes_hex"]) == bytes(found.bytes)
            assert float(row["cosine"]) == found.cosine

    @pytest.mark.parametrize("columns", [20, 40, 80, 200])
    @pytest.mark.parametrize("text", [TEXT, HOSTILE], ids=["text", "hostile"])
    def test_table(self, tiny: Path, text: str, columns: int) -> None:
        done = embeddings(text, "-m", str(tiny), environ={"COLUMNS": str(columns)})
        assert (done.code, done.err) == (0, "")
        assert [line for line in done.out.splitlines() if cell_len(line) > columns] == []
        assert not {"\x1b", "\u202e", "\t"} & set(done.out)
        shown = done.out.split()
        for token in gpt2_inspect.load(str(tiny)).embeddings(text).tokens:
            vectors = (token.wte, token.wpe, token.sum)
            numbers = {number for vector in vectors for number in (vector.norm, vector.mean, vector.std, *vector.first)}
            numbers |= {found.cosine for found in token.nearest}
            assert {f"{number:z.3f}" for number in numbers} <= set(shown)
            if columns >= 80:
                assert {visible(token), *map(visible, token.nearest)} <= set(shown)
        together = "".join(shown)
        for title in ("wte[384,48](vocabulary,width):", "wpe[64,48](positions,width):", "wte+wpe:"):
            assert title in together

    def test_neighbours_are_shaded_by_their_cosines(self, tiny: Path, tmp_path: Path) -> None:
        wte = random_wte()
        wte[3] = wte[0]
        wte[4:] = -np.abs(random_wte()[4:])
        wte[:3] = np.abs(wte[:3])
        wte[3] = wte[0]
        folder = with_wte(tiny, tmp_path, wte)
        environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "200"}
        done = embeddings("!", "-m", str(folder), "--neighbors", "5", out=Terminal(), environ=environ)
        nearest = gpt2_inspect.load(str(folder)).embeddings("!", neighbors=5).tokens[0].nearest
        assert [found.cosine > 0 for found in nearest] == [True, True, True, False, False]
        row = done.out.splitlines()[-4]
        assert row.count("\x1b[") == 2 * 3  # on and off
        assert "1.000" in row and f"{nearest[4].cosine:z.3f}" in row

    def test_markdown(self, result: Embeddings, arguments: list[str]) -> None:
        done = embeddings(*arguments, "--format", "markdown")
        parsed = MarkdownIt("commonmark").enable("table").parse(done.out)
        assert sum(token.type == "table_open" for token in parsed) == 4
        cells = ["".join(child.content for child in token.children or ()) for token in parsed if token.type == "inline"]
        for token in result.tokens:
            assert {f"{visible(found)} {found.cosine:z.3f}" for found in token.nearest} <= set(cells)
            assert {f"{number:z.3f}" for number in (token.wte.norm, token.wpe.norm, token.sum.norm)} <= set(cells)

    @pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
    def test_save(self, tiny: Path, tmp_path: Path, suffix: str) -> None:
        path, output = tmp_path / f"vectors{suffix}", tmp_path / "result"
        done = embeddings(TEXT, "-m", str(tiny), "--json", "--save", str(path), "--output", str(output))
        assert (done.code, done.out, done.err) == (0, "", "")
        assert sorted(tmp_path.iterdir()) == [output, path]
        token_ids = [token["id"] for token in json.loads(output.read_text(encoding="utf-8"))["tokens"]]
        assert_arrays(dict(np.load(path)) if suffix == ".npz" else load_file(path), Reference(tiny), token_ids)

    @both_backends
    @pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
    def test_save_all(self, tiny: Path, tmp_path: Path, backend: str, suffix: str) -> None:
        """The matrices as the checkpoint has them, beside the vectors of the text."""
        matrices, vectors = tmp_path / f"all{suffix}", tmp_path / "some.npz"
        options = ("--backend", backend, "--save-all", str(matrices), "--save", str(vectors))
        done = embeddings(TEXT, "-m", str(tiny), *options)
        assert (done.code, done.err) == (0, "")
        saved = dict(np.load(matrices)) if suffix == ".npz" else load_file(matrices)
        tensors = load_file(tiny / "model.safetensors")
        assert sorted(saved) == ["wpe.weight", "wte.weight"]
        for name, array in saved.items():
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, tensors[f"transformer.{name}"])
        assert sorted(np.load(vectors)) == ["sum", "wpe", "wte"]

    def test_whole_context(self, tiny: Path) -> None:
        document = json.loads(embeddings("!" * 64, "-m", str(tiny), "--json", "--neighbors", "1").out)
        assert len(document["tokens"]) == 64


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--neighbors", "0"], ["--neighbors is 0", str(VOCAB_SIZE - 1)]),
            (["--neighbors", "-1"], ["--neighbors is -1"]),
            (["--neighbors", str(VOCAB_SIZE)], [f"--neighbors is {VOCAB_SIZE}", f"{VOCAB_SIZE - 1}"]),
            (["--neighbors", "five"], ["--neighbors", "five"]),
            (["--save", "vectors.txt"], ["vectors.txt", ".npz", ".safetensors"]),
            (["--save", "./nowhere/vectors.npz"], ["nowhere"]),
        ],
    )
    def test_values(self, tiny: Path, arguments: list[str], words: list[str]) -> None:
        check_error(embeddings("hi", "-m", str(tiny), *arguments), 2, *words)

    @pytest.mark.parametrize(
        ("arguments", "code", "word"),
        [(["!" * 65], 5, "65 tokens"), ([""], 5, "empty"), (["!", "--neighbors", "0"], 2, "--neighbors")],
    )
    def test_files_stay_whole(self, tiny: Path, tmp_path: Path, arguments: list[str], code: int, word: str) -> None:
        vectors, output = tmp_path / "vectors.safetensors", tmp_path / "result"
        vectors.write_bytes(b"old vectors")
        output.write_text("old")
        run = embeddings(*arguments, "-m", str(tiny), "--save", str(vectors), "--output", str(output))
        check_error(run, code, word)
        assert (vectors.read_bytes(), output.read_text()) == (b"old vectors", "old")
        assert sorted(tmp_path.iterdir()) == [output, vectors]

    def test_python(self, tiny: Path) -> None:
        session = gpt2_inspect.load(str(tiny))
        for count in (0, VOCAB_SIZE, 10**30):
            with pytest.raises(UsageError, match="neighbors"):
                session.embeddings("!", neighbors=count)
        for text in ("", "!" * 65, "\ud800"):
            with pytest.raises(InputError):
                session.embeddings(text)


def test_modules(tiny: Path, tmp_path: Path) -> None:
    """No torch, and nothing of safetensors but to write it."""
    common = ("embeddings", "hi", "-m", str(tiny), "--json")
    check_absent(modules_of(*common), HEAVY | RICH | PARTS_OF_NUMPY)
    check_absent(modules_of(*common, "--save", str(tmp_path / "vectors.npz")), HEAVY | RICH)
