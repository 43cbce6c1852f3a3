"""The training scripts, from a made-up corpus to an exported model that transformers opens."""

import hashlib
import json
import math
import os
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import numpy as np  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from tokenizers import Tokenizer, pre_tokenizers  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import baselines  # noqa: E402
import evaluate  # noqa: E402
import export  # noqa: E402
import samples  # noqa: E402
import train_model  # noqa: E402
import train_tokenizer as train_tokenizer_script  # noqa: E402
from corpus import END_OF_TEXT, Document, read_corpus, repeat, split_corpus  # noqa: E402
from measure import measure  # noqa: E402
from train_tokenizer import train_tokenizer  # noqa: E402

VOCAB_SIZE = 320
HELD_OUT_PERCENT = "25"
MODEL_SIZE = ["--n-layer", "2", "--n-embd", "32", "--n-head", "4", "--n-positions", "64"]


def story(number: int) -> str:
    """A short document; every tenth is several contexts long."""
    name, thing = ("Ann", "Ben", "Kofi", "Mia")[number % 4], ("cat", "kite", "boat", "red ball")[number // 4 % 4]
    sentences = [f"{name} had {n + number} {thing}s. \u201cHow nice!\u201d said the {thing} 's friend." for n in (1, 2)]
    return "\n".join(sentences * (10 if number % 10 == 0 else 1))


def write_corpus(folder: Path, files: dict[str, list[str]]) -> Path:
    folder.mkdir()
    for name, texts in files.items():
        (folder / name).write_text(f"\n{END_OF_TEXT}\n".join(texts), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Matrices as small as these are slower on several threads, and very slow on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stories = [story(number) for number in range(48)]
    return write_corpus(tmp_path_factory.mktemp("data") / "corpus", {"a.txt": stories[:30], "b.txt": stories[30:]})


@pytest.fixture(scope="module")
def tokenizer_file(corpus: Path) -> Path:
    path = corpus.parent / "tokenizer.json"
    train_tokenizer([document.text for document in read_corpus(corpus)], VOCAB_SIZE).save(str(path))
    return path


@pytest.fixture(scope="module")
def tokenizer(tokenizer_file: Path) -> Tokenizer:
    return Tokenizer.from_file(str(tokenizer_file))


@pytest.fixture
def train(corpus: Path, tokenizer_file: Path):
    """Train a tiny model in a run folder."""

    def run(folder: Path, steps: int, *options: str) -> Path:
        command = [str(corpus), "--tokenizer", str(tokenizer_file), "--run", str(folder), "--steps", str(steps)]
        command += [*MODEL_SIZE, "--batch", "4", "--length", "32", "--warmup", "2", "--cooldown", "0"]
        command += ["--held-out-percent", HELD_OUT_PERCENT, "--report-every", "1", *options]
        train_model.train(train_model.parse_arguments(command))
        return folder

    return run


@pytest.fixture
def exported(train, tmp_path: Path, tokenizer_file: Path) -> Path:
    """An untrained model as a folder that transformers opens."""
    run = train(tmp_path / "untrained", 0)
    export.export(run / "checkpoint.pt", tokenizer_file, tmp_path / "model", n_head=None)
    return tmp_path / "model"


def log_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def weights_of(run: Path) -> dict:
    return torch.load(run / "checkpoint.pt", weights_only=True)["model"]


# The tokenizer


def test_the_tokenizer_has_all_bytes_and_the_end_of_text_last(tokenizer: Tokenizer) -> None:
    vocabulary = tokenizer.get_vocab()
    assert sorted(vocabulary.values()) == list(range(VOCAB_SIZE))
    assert set(pre_tokenizers.ByteLevel.alphabet()) <= vocabulary.keys()
    assert vocabulary[END_OF_TEXT] == VOCAB_SIZE - 1
    assert tokenizer.encode(f"a{END_OF_TEXT}").ids[-1] == VOCAB_SIZE - 1


def test_any_text_survives_the_tokenizer(tokenizer: Tokenizer) -> None:
    @settings(max_examples=100, deadline=None, database=None)
    @given(st.text())
    def check(text: str) -> None:
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text

    check()


def test_split_characters_are_counted(tokenizer: Tokenizer) -> None:
    """The made-up corpus has no Chinese, so the tokenizer knows only its bytes; of ASCII every byte is a character."""
    assert train_tokenizer_script.split_characters(tokenizer, ["a b", "你好", "x你"]) == 3 / 7


# The corpus


def test_a_source_may_count_several_times() -> None:
    documents = [Document("a", "1"), Document("b", "2"), Document("a", "3")]
    assert [document.text for document in repeat(documents, {"a": 2})] == ["1", "1", "2", "3", "3"]
    arguments = train_model.parse_arguments(["corpus", "--tokenizer", "t", "--run", "r", "--repeat", "a=2", "b=3"])
    assert dict(arguments.repeat) == {"a": 2, "b": 3}


def test_the_split_depends_on_the_documents_alone(tmp_path: Path) -> None:
    texts = [story(number) for number in range(48)]
    one = write_corpus(tmp_path / "one", {"a.txt": texts})
    other = write_corpus(tmp_path / "other", {"a.txt": texts[:5:-1], "z.txt": texts[5::-1]})
    train, held_out = split_corpus(one, 25)
    assert (train, held_out) == split_corpus(one, 25)
    assert sorted(d.text for d in train + held_out) == sorted(texts)
    assert 0 < len(held_out) < len(train)
    assert {d.text for d in split_corpus(other, 25)[1]} == {d.text for d in held_out}


# The model


def test_the_learning_rate_rises_stays_and_falls() -> None:
    schedule = train_model.Schedule(peak=1.0, steps=100, warmup=10, cooldown=20)
    assert [schedule(0), schedule(4), schedule(9), schedule(50), schedule(80)] == [0.1, 0.5, 1.0, 1.0, 1.0]
    assert [schedule(90), schedule(99), schedule(100), schedule(101)] == [0.5, 0.05, 0.0, 0.0]


def test_a_longer_run_has_the_same_rates_before_the_cooldown() -> None:
    short, long = (train_model.Schedule(1.0, steps, warmup=10, cooldown=20) for steps in (100, 200))
    assert [short(step) for step in range(81)] == [long(step) for step in range(81)]


def test_the_loss_falls(train, tmp_path: Path) -> None:
    losses = [record["loss"] for record in log_of(train(tmp_path / "run", 40, "--rate", "1e-2"))]
    assert losses[0] == pytest.approx(math.log(VOCAB_SIZE), abs=0.3)
    assert losses[-1] < losses[0] - 1


def test_a_resumed_run_ends_where_an_unbroken_one_does(train, tmp_path: Path) -> None:
    unbroken = weights_of(train(tmp_path / "unbroken", 6))
    train(tmp_path / "broken", 3)
    resumed = weights_of(train(tmp_path / "broken", 6))
    assert unbroken.keys() == resumed.keys()
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)
    assert [record["step"] for record in log_of(tmp_path / "broken")] == [1, 2, 3, 4, 5, 6]


def test_an_exported_model_can_be_trained_further(train, exported: Path, tmp_path: Path) -> None:
    """From its weights and from step 0; once there is a checkpoint, that counts."""
    untrained = weights_of(tmp_path / "untrained")
    further = weights_of(train(tmp_path / "further", 0, "--start", str(exported), "--seed", "1"))
    assert all(torch.equal(further[name], untrained[name].half().float()) for name in further)
    after = weights_of(train(tmp_path / "further", 2, "--start", str(exported), "--seed", "1"))
    assert [record["step"] for record in log_of(tmp_path / "further")] == [1, 2]
    assert not any(torch.equal(after[name], further[name]) for name in after if "c_attn.weight" in name)


def test_held_out_loss_is_reported_only_where_something_is_held_out(train, tmp_path: Path) -> None:
    assert "held_out_loss" in log_of(train(tmp_path / "some", 1))[-1]
    assert "held_out_loss" not in log_of(train(tmp_path / "none", 1, "--held-out-percent", "0"))[-1]


# The export


def test_transformers_opens_the_export_without_a_word(exported: Path, tokenizer: Tokenizer, capfd, recwarn) -> None:
    transformers.utils.logging.disable_progress_bar()
    capfd.readouterr()
    model, loading = AutoModelForCausalLM.from_pretrained(exported, output_loading_info=True)
    opened = AutoTokenizer.from_pretrained(exported)
    texts = [story(0), "Hello , world ! it 's\r\n\ttwo  spaces", "日本 \u00a0🙂", f"a{END_OF_TEXT}b", ""]
    assert opened(texts).input_ids == [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    assert [opened.decode(ids) for ids in opened(texts).input_ids] == texts
    model.generate(**opened("Ann", return_tensors="pt"), max_new_tokens=2)
    assert capfd.readouterr().err == ""
    assert not recwarn.list

    assert not any(loading.values())
    assert type(model) is transformers.GPT2LMHeadModel
    assert model.dtype == torch.float16
    assert model.lm_head.weight is model.transformer.wte.weight
    assert (model.config.n_head, model.config.activation_function) == (4, "gelu_new")
    assert opened.bos_token_id == opened.eos_token_id == model.config.eos_token_id == VOCAB_SIZE - 1
    assert opened.model_max_length == model.config.n_positions == 64


def test_the_exported_model_computes_what_the_trained_one_did(exported: Path, tmp_path: Path) -> None:
    arguments = train_model.parse_arguments(["corpus", "--tokenizer", "t", "--run", "r", *MODEL_SIZE])
    trained = train_model.build_model(arguments, VOCAB_SIZE, VOCAB_SIZE - 1).eval()
    trained.load_state_dict(weights_of(tmp_path / "untrained"))
    opened = AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32).eval()
    ids = torch.arange(VOCAB_SIZE).view(5, 64)
    with torch.no_grad():
        torch.testing.assert_close(opened(ids).logits, trained(ids).logits, rtol=0, atol=2e-3)  # float16 weights


def test_the_export_is_what_save_pretrained_writes(exported: Path, tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(exported).save_pretrained(tmp_path / "again")
    weights = (tmp_path / "again" / "model.safetensors").read_bytes()
    assert weights == (exported / "model.safetensors").read_bytes()


def test_the_checksums_cover_every_file(exported: Path) -> None:
    lines = (exported / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert sums.keys() == {path.name for path in exported.iterdir()} - {"SHA256SUMS"}
    assert sums == {name: hashlib.sha256((exported / name).read_bytes()).hexdigest() for name in sums}


def test_the_export_is_reproducible_and_names_no_path(exported: Path, tmp_path: Path, tokenizer_file: Path) -> None:
    export.export(tmp_path / "untrained" / "checkpoint.pt", tokenizer_file, tmp_path / "again", n_head=None)
    for path in exported.iterdir():
        content = path.read_bytes()
        assert content == (tmp_path / "again" / path.name).read_bytes()
        assert os.fsencode(tmp_path) not in content


def test_an_older_checkpoint_needs_the_number_of_heads(train, tmp_path: Path, tokenizer_file: Path) -> None:
    checkpoint = train(tmp_path / "run", 0) / "checkpoint.pt"
    state = torch.load(checkpoint, weights_only=True)
    del state["n_head"]
    torch.save(state, checkpoint)
    with pytest.raises(SystemExit, match="--n-head"):
        export.export(checkpoint, tokenizer_file, tmp_path / "model", n_head=None)
    export.export(checkpoint, tokenizer_file, tmp_path / "model", n_head=8)
    assert json.loads((tmp_path / "model" / "config.json").read_text())["n_head"] == 8


# The measure


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 96, 97, 128, 500])
def test_windows_score_each_token_once_with_half_a_context(length: int) -> None:
    scored = []
    for window in evaluate.windows(0, list(range(length + 1)), n_positions=64):
        assert len(window) <= 64
        targets = window.ids[1:][window.skip :]
        scored += targets
        assert all(target - window.ids[0] >= min(target, 32) for target in targets)
    assert scored == list(range(1, length + 1))


def test_batches_and_windows_leave_the_cost_of_a_short_document_alone(exported: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32).eval()
    ids = np.random.default_rng(0).integers(VOCAB_SIZE, size=700).tolist()
    documents = [ids[:2], ids[2:30], ids[30:95], ids[95:]]
    nats = evaluate.document_nats(model, documents)
    for document, cost in zip(documents[:3], nats[:3], strict=True):  # each fits into one window
        row = torch.tensor(document)
        with torch.no_grad():
            logits = model(row[None, :-1]).logits[0]
        expected = torch.nn.functional.cross_entropy(logits, row[1:], reduction="sum")
        assert cost == pytest.approx(expected.item(), rel=1e-5)
    assert nats[3] == pytest.approx((len(documents[3]) - 1) * math.log(VOCAB_SIZE), rel=0.05)


def test_an_untrained_model_needs_log_vocabulary_for_each_token(exported: Path, corpus: Path, tmp_path, capsys) -> None:
    options = ["--held-out-percent", HELD_OUT_PERCENT, "--json", str(tmp_path / "numbers.json")]
    evaluate.main([str(exported), str(corpus), *options])
    (measurement,) = json.loads((tmp_path / "numbers.json").read_text())["measurements"]
    total = measurement["total"]
    _, held_out = split_corpus(corpus, float(HELD_OUT_PERCENT))
    assert total["documents"] == len(held_out)
    assert total["bytes"] == sum(len(document.text.encode()) for document in held_out)
    assert total["nats_per_token"] == pytest.approx(math.log(VOCAB_SIZE), abs=0.2)
    bits = total["nats_per_token"] * total["tokens"] / total["bytes"] / math.log(2)
    assert total["bits_per_byte"] == pytest.approx(bits, rel=1e-4)
    assert f"{total['bits_per_byte']:.4f}" in capsys.readouterr().out.splitlines()[-1]


def test_a_measurement_adds_up_by_source() -> None:
    documents = [Document("a", "é"), Document("b", "xy"), Document("a", "z")]
    result = measure("model", documents, [(2, math.log(2)), (3, math.log(8)), (2, math.log(4))])
    assert (result.total.documents, result.total.bytes, result.total.tokens) == (3, 5, 7)
    assert result.total.bits_per_byte == pytest.approx(6 / 5)
    assert (result.total.characters, result.total.bits_per_character) == (4, pytest.approx(6 / 4))
    assert result.sources["a"].bits_per_byte == pytest.approx(1.0)


def test_the_unigram_model_is_a_distribution_that_counts_the_ends() -> None:
    unigram = baselines.Unigram([[0, 0, 1], [0]], end_of_text=3, vocab_size=4)
    assert np.exp(unigram.logprobs) == pytest.approx(np.array([4, 2, 1, 3]) / 10)
    assert unigram.nats([0, 2]) == pytest.approx(-math.log(0.4 * 0.1 * 0.3))


# The samples


def test_samples_continue_each_prompt_reproducibly(exported: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(samples, "LENGTH", 4)
    samples.main([str(exported)])
    first = capsys.readouterr().out
    samples.main([str(exported)])
    assert capsys.readouterr().out == first
    prompts = samples.PROMPTS.read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix("### ") for line in first.splitlines() if line.startswith("### ")] == prompts
    assert all(first.count(f"~~~text\n{prompt}") == 2 for prompt in prompts)
