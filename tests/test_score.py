"""`score`: the logits at position i rank the token at i + 1, as transformers' own loss has it."""

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
from safetensors.torch import load_file, save_file

from checkpoints import VOCAB_SIZE, load_reference, make_bert_style_checkpoint, make_checkpoint
from gpt2_inspect import load
from gpt2_inspect.render.views import percent, visible
from gpt2_inspect.results.score import Score
from gpt2_inspect.session import Session
from harness import check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好 🙂 naïve cat"
BOS = VOCAB_SIZE - 1

BACKENDS = ["numpy", "torch"]


@pytest.fixture(scope="module", params=["tied", "untied"])
def folder(request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "tied":
        return tiny
    return make_checkpoint(tmp_path_factory.mktemp("score") / "untied", tie_word_embeddings=False)


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return load_reference(folder)


@pytest.fixture(scope="module", params=BACKENDS)
def session(request: pytest.FixtureRequest, folder: Path) -> Session:
    return load(str(folder), backend=request.param)


def with_head(folder: Path, factor: float) -> Path:
    """An untied checkpoint whose logits are multiplied."""
    make_checkpoint(folder, tie_word_embeddings=False)
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors["lm_head.weight"] * factor
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@torch.inference_mode()
def logprobs_of(model: Any, token_ids: list[int]) -> torch.Tensor:
    """(T, V), in float64."""
    return model(torch.tensor([token_ids])).logits[0].double().log_softmax(-1)


def ids_of(result: Score) -> list[int]:
    return [token.id for token in result.positions]


class TestAgainstTransformers:
    @pytest.mark.parametrize("bos", [False, True])
    def test_each_token_given_those_before(self, session: Session, model: Any, bos: bool) -> None:
        result = session.score(TEXT, bos=bos)
        token_ids = ids_of(result)
        expected = logprobs_of(model, token_ids)
        first, *scored = result.positions
        measures = ("logprob", "prob", "rank", "surprisal_bits", "entropy_bits")
        assert [getattr(first, name) for name in measures] == [None] * 5
        for token, before in zip(scored, expected, strict=False):
            own = float(before[token.id])
            assert token.logprob == pytest.approx(own, abs=1e-4)
            assert token.prob == pytest.approx(math.exp(own), rel=1e-4)
            assert token.surprisal_bits == pytest.approx(-own / math.log(2), abs=2e-4)
            assert token.entropy_bits == pytest.approx(-float((before.exp() * before).sum()) / math.log(2), abs=1e-4)
            # tokens that lie closer to it than the tolerance may stand on either side
            assert 1 + int((before > own + 1e-4).sum()) <= token.rank <= int((before >= own - 1e-4).sum())

    def test_perplexity_is_that_of_the_loss(self, session: Session, model: Any) -> None:
        result = session.score(TEXT)
        ids = torch.tensor([ids_of(result)])
        with torch.inference_mode():
            loss = float(model(ids, labels=ids).loss)
        scored = ids.shape[1] - 1
        totals = result.totals
        assert totals.tokens_scored == scored
        assert totals.perplexity == pytest.approx(math.exp(loss), rel=1e-5)
        assert totals.logprob == pytest.approx(-loss * scored, rel=1e-5)
        size = len(TEXT.encode()) - len(result.positions[0].bytes)
        assert totals.bits_per_byte == pytest.approx(loss * scored / math.log(2) / size, rel=1e-5)

    def test_proposals_are_those_of_the_same_position(self, session: Session, model: Any) -> None:
        result = session.score(TEXT, top_k=7)
        best = logprobs_of(model, ids_of(result)).topk(7)
        for token, values in zip(result.positions, best.values, strict=True):
            proposed = token.next_top_logprobs
            assert [candidate.rank for candidate in proposed] == list(range(1, 8))
            assert [candidate.logprob for candidate in proposed] == pytest.approx(values.tolist(), abs=1e-4)
        assert [token.next_top_logprobs[0].id for token in result.positions] == best.indices[:, 0].tolist()

    def test_a_proposal_that_comes_true_is_the_scored_token(self, session: Session) -> None:
        """The proposals of position i and the measures of i + 1 are read from the same logits."""
        result = session.score(TEXT, top_k=VOCAB_SIZE)
        for before, token in zip(result.positions, result.positions[1:], strict=False):
            candidate = before.next_top_logprobs[token.rank - 1]
            assert (candidate.id, candidate.logprob, candidate.prob) == (token.id, token.logprob, token.prob)

    def test_the_last_proposals_are_those_of_next_tokens(self, session: Session) -> None:
        proposed = session.score(TEXT).positions[-1].next_top_logprobs
        expected = session.next_tokens(TEXT, steps=1).steps[0].top_logprobs
        assert [candidate.id for candidate in proposed] == [candidate.id for candidate in expected]
        assert [candidate.logprob for candidate in proposed] == pytest.approx(
            [candidate.logprob for candidate in expected], abs=1e-4
        )


def test_index_is_the_position_that_the_model_read(session: Session) -> None:
    plain, started = session.score(TEXT), session.score(TEXT, bos=True)
    assert [token.index for token in started.positions] == list(range(len(plain.positions) + 1))
    assert ids_of(started) == [BOS, *ids_of(plain)]
    assert (plain.prompt.bos_added, started.prompt.bos_added) == (False, True)
    for result in (plain, started):
        assert [token.id for token in result.prompt.tokens] == ids_of(result)


def test_with_bos_all_of_the_text_is_scored(session: Session) -> None:
    result = session.score(TEXT, bos=True)
    totals, surprisals = result.totals, [token.surprisal_bits for token in result.positions[1:]]
    assert totals.tokens_scored == len(surprisals)
    assert b"".join(bytes(token.bytes) for token in result.positions[1:]).decode() == TEXT
    assert totals.bits_per_byte == pytest.approx(sum(surprisals) / len(TEXT.encode()))
    assert totals.logprob == pytest.approx(-sum(surprisals) * math.log(2))


def test_a_single_token_has_nothing_to_be_scored_by(session: Session) -> None:
    result = session.score("!")
    assert (len(result.positions), len(result.positions[0].next_top_logprobs)) == (1, 5)
    totals = result.totals
    assert (totals.logprob, totals.perplexity, totals.bits_per_byte, totals.tokens_scored) == (0, None, None, 0)
    assert session.score("!", bos=True).totals.tokens_scored == 1


@pytest.mark.parametrize("backend", BACKENDS)
class TestExtremes:
    def test_equal_logits_rank_by_the_lower_id(self, tmp_path: Path, backend: str) -> None:
        """A head of zeros holds all tokens to be alike."""
        result = load(str(with_head(tmp_path, 0)), backend=backend).score(TEXT, top_k=4)
        for token in result.positions[1:]:
            assert token.rank == token.id + 1
            assert token.logprob == pytest.approx(-math.log(VOCAB_SIZE), abs=1e-6)
            assert token.entropy_bits == pytest.approx(math.log2(VOCAB_SIZE), abs=1e-5)
        assert {tuple(candidate.id for candidate in token.next_top_logprobs) for token in result.positions} == {
            (0, 1, 2, 3)
        }
        assert result.totals.perplexity == pytest.approx(VOCAB_SIZE, rel=1e-6)

    def test_certainty_is_no_more_than_certain(self, tmp_path: Path, backend: str) -> None:
        session = load(str(with_head(tmp_path, 97)), backend=backend)
        text = "a"
        for _ in range(12):  # what the model itself would say, so that some of it is certain
            text += session.score(text).positions[-1].next_top_logprobs[0].token
        result = session.score(text)
        surprisals = [token.surprisal_bits for token in result.positions[1:]]
        assert 0.0 in surprisals
        assert all(math.copysign(1, bits) == 1 for bits in surprisals)
        for token in result.positions:
            assert all(candidate.prob <= 1 for candidate in token.next_top_logprobs)

    def test_perplexity_beyond_all_floats(self, tmp_path: Path, backend: str) -> None:
        folder = str(with_head(tmp_path, 1e4))
        result = load(folder, backend=backend).score(TEXT)
        assert result.totals.perplexity == math.inf
        assert math.isfinite(result.totals.bits_per_byte) and math.isfinite(result.totals.logprob)
        assert result.to_dict()["totals"]["perplexity"] is None
        done = run_cli("score", TEXT, "-m", folder, "--backend", backend)
        assert (done.code, "perplexity beyond 1e308," in done.out) == (0, True)


def test_one_forward_pass_for_all(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = load(str(tiny), backend="numpy")
    backend, asked = session._loaded.backend, []

    class Logits:
        def __init__(self, logits: Any) -> None:
            self.logits = logits

        def top_k(self, k: int, targets: np.ndarray) -> Any:
            asked.append(len(targets))
            return self.logits.top_k(k, targets)

    class Counting:
        name, device, dtype, new_cache = backend.name, backend.device, backend.dtype, backend.new_cache

        def forward(self, *arguments: Any, **options: Any) -> Logits:
            asked.append("pass")
            return Logits(backend.forward(*arguments, **options))

    monkeypatch.setitem(session._loaded.__dict__, "backend", Counting())
    result = session.score(TEXT)
    assert asked == ["pass", len(result.positions)]


class TestCommandLine:
    @pytest.mark.parametrize("options", [[], ["--bos", "--top-k", "2"]])
    def test_json_is_the_record(self, tiny: Path, options: list[str]) -> None:
        done = run_cli("score", TEXT, "-m", str(tiny), "--json", *options)
        result = load(str(tiny)).score(TEXT, bos="--bos" in options, top_k=2 if options else 5)
        assert json.loads(done.out) == result.to_dict()
        assert set(json.loads(done.out)["positions"][0]) == {
            *("index", "id", "token", "bytes", "logprob", "prob", "rank", "surprisal_bits", "entropy_bits"),
            "next_top_logprobs",
        }

    def test_csv_has_a_row_for_each_proposal(self, tiny: Path) -> None:
        done = run_cli("score", TEXT, "-m", str(tiny), "--format", "csv", "-k", "3")
        rows = list(csv.DictReader(io.StringIO(done.out)))
        result = load(str(tiny)).score(TEXT, top_k=3)
        assert [(int(row["index"]), int(row["next_rank"])) for row in rows] == [
            (token.index, rank) for token in result.positions for rank in (1, 2, 3)
        ]
        assert [row["logprob"] for row in rows[:3]] == [""] * 3
        last = result.positions[-1]
        assert (float(rows[-1]["logprob"]), int(rows[-1]["rank"])) == (last.logprob, last.rank)
        assert int(rows[-1]["next_id"]) == last.next_top_logprobs[2].id

    @pytest.mark.parametrize("width", [80, 40])
    def test_table_holds_everything(self, tiny: Path, width: int) -> None:
        done = run_cli("score", TEXT, "-m", str(tiny), environ={"COLUMNS": str(width)})
        result = load(str(tiny)).score(TEXT)
        assert max(map(cell_len, done.out.splitlines())) <= width
        words = done.out.split()
        for token in result.positions:
            shown = [visible(token), *(visible(candidate) for candidate in token.next_top_logprobs)]
            shown += [percent(candidate.prob) for candidate in token.next_top_logprobs]
            if token.prob is not None:
                shown += [percent(token.prob), str(token.rank), f"{token.surprisal_bits:.2f}"]
                shown.append(f"{token.entropy_bits:.2f}")
            assert [text for text in shown if text not in words] == []
        assert f"{result.totals.perplexity:.2f}," in words

    def test_table_marks_the_proposals_that_came_true(self, tiny: Path) -> None:
        text = TEXT
        for _ in range(3):
            text += load(str(tiny)).score(text).positions[-1].next_top_logprobs[0].token
        result = load(str(tiny)).score(text)
        following = result.positions[1:]
        true = sum(
            after.id in {candidate.id for candidate in token.next_top_logprobs}
            for token, after in zip(result.positions, following, strict=False)
        )
        rows, facts = run_cli("score", text, "-m", str(tiny)).out.split("\n\n")[1:]
        assert sum(row.count("◀") for row in rows.splitlines()) == true >= 1
        assert "◀ what stands there" in facts.splitlines()[0]

    def test_table_says_what_is_not_scored(self, tiny: Path) -> None:
        assert "--bos" in run_cli("score", "!", "-m", str(tiny)).out
        assert "perplexity" not in run_cli("score", "!", "-m", str(tiny)).out
        assert "--bos" not in run_cli("score", "!", "-m", str(tiny), "--bos").out
        assert "1 token scored: " in run_cli("score", "!", "-m", str(tiny), "--bos").out

    @pytest.mark.parametrize(
        ("options", "code", "word"),
        [
            (["a", "--top-k", "0"], 2, "--top-k is 0"),
            (["a", "--top-k", str(VOCAB_SIZE + 1)], 2, str(VOCAB_SIZE)),
            (["!" * 65], 5, "65 tokens"),
            (["!" * 64, "--bos"], 5, "65 tokens with --bos"),
        ],
    )
    def test_errors_leave_the_file(self, tiny: Path, tmp_path: Path, options: list[str], code: int, word: str) -> None:
        path = tmp_path / "old"
        path.write_text("old")
        check_error(run_cli("score", *options, "-m", str(tiny), "--output", str(path)), code, word)
        assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]

    def test_the_whole_context_fits(self, tiny: Path) -> None:
        done = run_cli("score", "!" * 64, "-m", str(tiny), "--json")
        assert json.loads(done.out)["totals"]["tokens_scored"] == 63

    def test_bos_of_a_model_that_has_none(self, tmp_path: Path) -> None:
        folder = make_bert_style_checkpoint(tmp_path)
        check_error(run_cli("score", "你好", "-m", str(folder), "--bos"), 2, "--bos")
