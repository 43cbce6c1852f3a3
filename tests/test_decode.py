"""`decode`: ids to text as transformers does it, and the walk from logits over argmax to a token."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import gpt2_inspect
from checkpoints import (
    BERT_VOCABULARY,
    VOCAB_SIZE,
    load_reference,
    make_checkpoint,
    tokenizer_json,
)
from gpt2_inspect import Session
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.cli import run
from gpt2_inspect.cli.ids import parse_ids
from gpt2_inspect.cli.streams import Streams
from gpt2_inspect.errors import InputError
from harness import Run, Terminal, check_error, run_cli
from loaded import HEAVY, NUMPY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

END = VOCAB_SIZE - 1
"""The id of `<|endoftext|>`."""

PROMPT = "hello, how are"


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("decode") / "untied", tie_word_embeddings=False, seed=1)


@pytest.fixture(params=["tiny", "pair", "bert"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Models whose tokenizers are of the three kinds that there are."""
    return request.getfixturevalue(request.param)


def reference_tokenizer(folder: Path) -> Any:
    from transformers import BertTokenizer, GPT2Tokenizer

    kind = BertTokenizer if (folder / "vocab.txt").is_file() else GPT2Tokenizer
    return kind.from_pretrained(folder)


@pytest.fixture(scope="module")
def models(tiny: Path, pair: Path) -> list[tuple[Session, Any]]:
    """Sessions, each with transformers' tokenizer of the same files."""
    return [(gpt2_inspect.load(str(folder)), reference_tokenizer(folder)) for folder in (tiny, pair)]


def decode(*arguments: str, **options: Any) -> Run:
    return run_cli("decode", *arguments, **options)


def document(*arguments: str, **options: Any) -> dict[str, Any]:
    done = decode("--json", *arguments, **options)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out, parse_constant=pytest.fail)


class TestIds:
    @pytest.mark.parametrize("skip", [False, True])
    def test_every_id_and_all_together(self, folder: Path, skip: bool) -> None:
        reference = reference_tokenizer(folder)
        session = gpt2_inspect.load(str(folder))
        ids = [*range(len(reference)), *reversed(range(len(reference)))]
        result = session.decode(ids, skip_special_tokens=skip)
        assert [token.id for token in result.tokens] == ids
        options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
        assert result.text == reference.decode(ids, **options)
        for token_id in range(len(reference)):
            text = session.decode([token_id], skip_special_tokens=skip).text
            assert text == reference.decode([token_id], **options)
        left_out = [token_id for token_id in ids if not session.decode([token_id], skip_special_tokens=True).text]
        assert set(left_out) == set(reference.all_special_ids)

    @settings(deadline=None)
    @given(ids=st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=1), skip=st.booleans())
    @example(ids=[END, 30, END, END, 100, END], skip=True)
    def test_any_ids(self, models: list[tuple[Session, Any]], ids: list[int], skip: bool) -> None:
        for session, reference in models:
            expected = reference.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
            assert session.decode(ids, skip_special_tokens=skip).text == expected

    def test_tokens(self, tiny: Path) -> None:
        session = gpt2_inspect.load(str(tiny))
        reference = reference_tokenizer(tiny)
        ids = reference.encode("hi 你", add_special_tokens=False)
        result = session.decode(np.array(ids))
        assert b"".join(bytes(token.bytes) for token in result.tokens) == "hi 你".encode()
        assert [type(token.id) for token in result.tokens] == [int] * len(ids)
        for token in session.decode(range(VOCAB_SIZE)).tokens:
            text = reference.decode([token.id], clean_up_tokenization_spaces=False)
            assert token.token == text
            assert token.complete_utf8 is ("\ufffd" not in text)

    def test_only_special_tokens_are_skipped(self, tmp_path: Path) -> None:
        """An added token need not be special."""
        from transformers import PreTrainedTokenizerFast

        content = json.loads(tokenizer_json())
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        content["added_tokens"] += [
            {"id": VOCAB_SIZE, "content": "<x>", "special": False, **flags},
            {"id": VOCAB_SIZE + 1, "content": "<y>", "special": True, **flags},
        ]
        (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
        ids = [VOCAB_SIZE, END, VOCAB_SIZE + 1, 5, VOCAB_SIZE]
        reference = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
        expected = reference.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert load_tokenizer(tmp_path).decode(ids, skip_special_tokens=True) == expected == "<x>&<x>"

    def test_spaces_of_a_bert_stay(self, bert: Path, tmp_path: Path) -> None:
        """Even where its settings ask for a clean-up of spaces that were decoded."""
        for file in bert.iterdir():
            (tmp_path / file.name).symlink_to(file)
        (tmp_path / "tokenizer_config.json").unlink(missing_ok=True)
        (tmp_path / "tokenizer_config.json").write_text('{"clean_up_tokenization_spaces": true}')
        ids = [BERT_VOCABULARY.index(token) for token in ("hello", "。", "你", "##l")]
        assert gpt2_inspect.load(str(tmp_path)).decode(ids).text == "hello 。 你l"

    def test_ids_that_pad_the_vocabulary(self, tmp_path: Path) -> None:
        make_checkpoint(tmp_path / "padded", vocab_size=VOCAB_SIZE + 3, n_layer=1)
        result = gpt2_inspect.load(str(tmp_path / "padded")).decode([VOCAB_SIZE + 2, 5])
        assert (result.tokens[0].token, result.tokens[0].bytes, result.tokens[0].complete_utf8) == ("", (), True)
        assert result.text == "&"
        shown = decode(str(VOCAB_SIZE + 2), "-m", str(tmp_path / "padded")).out.splitlines()
        assert shown[1].split() == ["0", str(VOCAB_SIZE + 2), "∅", "–", "yes"]
        check_error(decode(str(VOCAB_SIZE + 3), "-m", str(tmp_path / "padded")), 5, f"token id {VOCAB_SIZE + 3} ")

    def test_more_ids_than_the_model_could_read(self, tiny: Path) -> None:
        assert gpt2_inspect.load(str(tiny)).decode([5] * 1000).text == "&" * 1000

    def test_an_id_has_one_record(self, tiny: Path) -> None:
        """Texts of a million tokens would fill gigabytes with equal ones."""
        session = gpt2_inspect.load(str(tiny))
        for tokens in (session.decode([5, 6] * 50).tokens, session.encode("&'" * 50).prompt.tokens):
            assert [token.id for token in tokens] == [5, 6] * 50
            assert len(set(map(id, tokens))) == 2


class TestNotation:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["5", "6", "7"],
            ["5 6 7"],
            ["5,6,7"],
            ["5, 6\n7"],
            ["5,", "6,7,"],
            ["[5, 6, 7]"],
            ["[5,", "6,", "7]"],
            ["[5,6]", "7"],
            ["[5]\n[6,7]\n[]"],
            ["\t5\r\n6 007 "],
        ],
    )
    def test_arguments_and_input(self, tiny: Path, arguments: list[str]) -> None:
        expected = document("5", "6", "7", "-m", str(tiny))
        assert [token["id"] for token in expected["tokens"]] == [5, 6, 7]
        assert document("-m", str(tiny), "--", *arguments) == expected
        raw = " ".join(arguments).encode()
        assert document("-m", str(tiny), stdin=raw) == expected
        assert document("-", "-m", str(tiny), stdin=raw) == expected

    @given(ids=st.lists(st.integers(-(10**39) + 1, 10**39 - 1)))
    def test_json_comes_back(self, ids: list[int]) -> None:
        assert parse_ids(json.dumps(ids)) == parse_ids(json.dumps(ids, indent=2)) == ids
        assert parse_ids(" ".join(map(str, ids))) == ids

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("5 x 6", "'x' is no token id"),
            ("5 1.0", "'1.0'"),
            ("1e3", "'1e3'"),
            ("0x10", "'0x10'"),
            ("1_000", "'1_000'"),
            ("+5", "'+5'"),
            ("--5", "'--5'"),
            ("5;6", "'5;6'"),
            ("１", "'１'"),
            ("5\u30006", "no token id"),
            ("5\u200b", "no token id"),
            ("[5, 6", "'[5, 6' is no array"),
            ("[5 6]", "'[5 6]' is no array"),
            ("[5,]", "'[5,]' is no array"),
            ("5]", "'5]'"),
            ("[[5], [6]]", "'[[5]'"),
            ("[5, 1.0]", "'1.0' is no token id"),
            ("[5, 1e3]", "'1000.0' is no token id"),
            ("[true]", "'true'"),
            ("[null]", "'null'"),
            ("[NaN]", "'NaN'"),
            ('["5"]', "'\"5\"'"),
            ('{"id": 5}', "'{\"id\":'"),
            ("[" * 100_000, "no array"),
            ("[" + "9" * 5000 + "]", "no array"),
            ("9" * 5000, "'9999"),
            ("[" + "9" * 41 + "]", "'" + "9" * 40 + "…' is no token id"),
            ("[" + "9" * 30 + "]", "token id " + "9" * 30 + " is outside"),
            ("5 -1", "token id -1 is outside the vocabulary"),
            ("[5, -7]", "token id -7 is outside"),
            (f"5 {VOCAB_SIZE}", f"token id {VOCAB_SIZE} is outside"),
            ("9" * 40, "token id " + "9" * 40 + " is outside"),
            ("", "no token ids"),
            (" \n", "no token ids"),
            ("[]", "no token ids"),
            (",", "no token ids"),
            ("\x1b[31m5", "no token id"),
        ],
        ids=range(37),
    )
    def test_what_is_no_id(self, tiny: Path, tmp_path: Path, text: str, named: str) -> None:
        old = tmp_path / "old"
        old.write_text("old")
        for done in (
            decode("-m", str(tiny), "-o", str(old), "--", text),
            decode("-m", str(tiny), "-o", str(old), stdin=text.encode()),
        ):
            check_error(done, 5, named, hint=True)
            assert len(done.err) < 300
            assert "\x1b" not in done.err
        assert old.read_text() == "old"
        assert list(tmp_path.iterdir()) == [old]

    def test_input_that_is_not_utf8(self, tiny: Path) -> None:
        check_error(decode("-m", str(tiny), stdin=b"5 \xff"), 5, "byte 2", hint=True)

    def test_negative_without_dashes(self, tiny: Path) -> None:
        check_error(decode("-1", "-m", str(tiny)), 2, "-1", "`--`")

    def test_nobody_is_kept_waiting(self, tiny: Path) -> None:
        """At a terminal without ids; `-` says that they will be typed."""

        class Keyboard(io.BytesIO):
            def isatty(self) -> bool:
                return True

        def at_terminal(*arguments: str) -> Run:
            out, err = io.StringIO(), io.StringIO()
            code = run(["decode", "-m", str(tiny), *arguments], Streams(Keyboard(b"5 6\n"), out, err, {}))
            return Run(code, out.getvalue(), err.getvalue())

        check_error(at_terminal(), 2, "no token ids", "decode 318", hint=True)
        assert at_terminal("-", "--text").out == "&'\n"

    def test_python(self, tiny: Path) -> None:
        session = gpt2_inspect.load(str(tiny))
        for ids in ([], [VOCAB_SIZE], [5, -1]):
            with pytest.raises(InputError):
                session.decode(ids)
        with pytest.raises(TypeError):
            session.decode([5.0])

    def test_from_next_tokens(self, tiny: Path) -> None:
        """`next-tokens --json | jq .completion.token_ids | decode`."""
        done = run_cli("next-tokens", "hello", "-m", str(tiny), "-n", "5", "--ignore-eos", "--json")
        completion = json.loads(done.out)["completion"]
        again = document("-m", str(tiny), stdin=json.dumps(completion["token_ids"], indent=2).encode())
        assert again["text"] == completion["text"]


class TestRecord:
    def test_json_is_what_python_gets(self, tiny: Path) -> None:
        found = document("100", str(END), "5", "-m", str(tiny))
        assert found == gpt2_inspect.load(str(tiny)).decode([100, END, 5]).to_dict()
        assert list(found)[2:] == ["model", "run", "prompt", "options", "tokens", "text", "argmax", "argsort"]
        assert list(found["tokens"][0]) == ["id", "token", "bytes", "complete_utf8"]
        assert [found[name] for name in ("prompt", "argmax", "argsort")] == [None] * 3
        assert {**found["run"], "version": ""} == {
            **{"version": "", "backend": None, "device": None, "dtype": None, "seed": None}
        }
        skipped = document("100", str(END), "5", "-m", str(tiny), "--skip-special-tokens")
        assert skipped["tokens"] == found["tokens"]
        assert skipped["text"] == found["text"].replace("<|endoftext|>", "")

    def test_jsonl_and_csv(self, tiny: Path) -> None:
        tokens = document("100", "5", "-m", str(tiny))["tokens"]
        lines = list(map(json.loads, decode("100", "5", "-m", str(tiny), "-f", "jsonl").out.splitlines()))
        assert [{name: line[name] for name in tokens[0]} for line in lines] == tokens
        rows = list(csv.DictReader(io.StringIO(decode("100", "5", "-m", str(tiny), "-f", "csv").out)))
        assert [(row["index"], row["id"]) for row in rows] == [("0", "100"), ("1", "5")]
        assert [row["bytes_hex"] for row in rows] == [bytes(token["bytes"]).hex() for token in tokens]
        assert [row["complete_utf8"] for row in rows] == ["false", "true"]

    def test_model_is_refused_as_everywhere(self, tiny: Path) -> None:
        check_error(decode("5", "-m", "./none"), 3, "none")
        for option, value in (("--backend", "jax"), ("--device", "tpu"), ("--dtype", "int8"), ("--format", "yaml")):
            check_error(decode("5", "-m", str(tiny), option, value), 2, value)


class TestText:
    def test_exactly_the_text(self, tiny: Path, tmp_path: Path) -> None:
        text = "a\x1b[31m\r\n\u202e你[bold]\n"
        ids = " ".join(str(token.id) for token in gpt2_inspect.load(str(tiny)).encode(text).tokens)
        assert decode(ids, "-m", str(tiny), "--text").out == text + "\n"
        assert decode(ids, "-m", str(tiny), "--text", "-o", str(tmp_path / "text")).out == ""
        assert (tmp_path / "text").read_bytes() == (text + "\n").encode()
        on_terminal = decode(ids, "-m", str(tiny), "--text", out=Terminal()).out
        assert on_terminal == "a\\x1b[31m\\x0d\n\\u202e你[bold]\n\n"

    def test_bytes_that_are_no_text(self, tiny: Path) -> None:
        assert decode("100", "5", "-m", str(tiny), "--text").out == "\ufffd&\n"
        assert decode(str(END), "-m", str(tiny), "--text", "--skip-special-tokens").out == "\n"

    def test_with_prompt(self, tiny: Path) -> None:
        token = gpt2_inspect.load(str(tiny)).next_tokens(PROMPT, steps=1, ignore_eos=True).steps[0].chosen.token
        assert decode("--prompt", PROMPT, "-m", str(tiny), "--text").out == token + "\n"

    @pytest.mark.parametrize("form", [["--json"], ["--format", "csv"], ["--format", "table"]])
    def test_no_format_beside_it(self, tiny: Path, tmp_path: Path, form: list[str]) -> None:
        (tmp_path / "old").write_text("old")
        check_error(decode("5", "-m", str(tiny), "--text", *form, "-o", str(tmp_path / "old")), 2, "--text", *form)
        assert (tmp_path / "old").read_text() == "old"


class TestTable:
    @pytest.mark.parametrize("columns", [80, 40])
    def test_all_there(self, tiny: Path, columns: int) -> None:
        session = gpt2_inspect.load(str(tiny))
        ids = [token.id for token in session.encode("\x1b[2J [b]你\n🙂|x").tokens] + [END]
        done = decode(*map(str, ids), "-m", str(tiny), environ={"COLUMNS": str(columns)})
        lines = done.out.splitlines()
        assert max(map(cell_len, lines)) <= columns
        assert [line.split()[:2] for line in lines if line[:5].strip().isdecimal()] == [
            [str(index), str(token_id)] for index, token_id in enumerate(ids)
        ]
        assert "\\x1b[2J [b]你\n🙂|x<|endoftext|>" in done.out
        assert "\x1b" not in done.out
        markdown = decode(*map(str, ids), "-m", str(tiny), "-f", "markdown").out
        assert markdown.count("\n| ") == len(ids) + 1
        assert "[b]你⏎🙂|x" in markdown  # in a paragraph none of it is markup


@pytest.fixture(scope="module", params=["numpy-tied", "torch-tied", "numpy-untied", "torch-untied"])
def walk(request: pytest.FixtureRequest, tiny: Path, untied: Path) -> tuple[Session, Any]:
    """A session and transformers' logits behind PROMPT, (V,)."""
    import torch

    backend, _, head = request.param.partition("-")
    folder = tiny if head == "tied" else untied
    model = load_reference(folder)
    with torch.inference_mode():
        logits = model(reference_tokenizer(folder)(PROMPT, return_tensors="pt").input_ids).logits[0, -1]
    return gpt2_inspect.load(str(folder), backend=backend), logits


class TestArgmax:
    def test_against_transformers(self, walk: tuple[Session, Any]) -> None:
        session, logits = walk
        result = session.decode_argmax(PROMPT, top_k=7)
        order = np.argsort(logits.numpy())
        ascending = [candidate.id for candidate in result.argsort.ascending]
        assert ascending == [*order[:7].tolist(), *order[-7:].tolist()]
        assert result.argsort.descending == result.argsort.ascending[::-1]
        assert result.argmax == result.argsort.descending[0]
        assert result.argmax.id == int(logits.argmax())
        logprobs = logits.log_softmax(-1)
        for candidate in result.argsort.descending:
            assert candidate.logit == pytest.approx(logits[candidate.id].item(), abs=1e-4)
            assert candidate.logprob == pytest.approx(logprobs[candidate.id].item(), abs=1e-4)
            assert candidate.prob == pytest.approx(logprobs[candidate.id].exp().item(), rel=1e-4)
        ranks = [candidate.rank for candidate in result.argsort.descending]
        assert ranks == [*range(1, 8), *range(VOCAB_SIZE - 6, VOCAB_SIZE + 1)]
        assert [token.id for token in result.tokens] == [result.argmax.id]
        assert result.text == result.argmax.token
        assert result.run.backend is not None

    @pytest.mark.parametrize("top_k", [1, VOCAB_SIZE // 2 - 1, VOCAB_SIZE // 2, VOCAB_SIZE // 2 + 1, VOCAB_SIZE])
    def test_none_is_listed_twice(self, tiny: Path, top_k: int) -> None:
        listed = gpt2_inspect.load(str(tiny)).decode_argmax("a", top_k=top_k).argsort.descending
        assert len(listed) == len({candidate.id for candidate in listed}) == min(2 * top_k, VOCAB_SIZE)

    def test_it_is_what_next_tokens_takes(self, pair: Path) -> None:
        session = gpt2_inspect.load(str(pair))
        step = session.next_tokens(PROMPT, steps=1, top_k=5, ignore_eos=True).steps[0]
        argsort = session.decode_argmax(PROMPT).argsort
        assert argsort.descending[:5] == step.top_logprobs

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_equal_logits(self, untied: Path, tmp_path: Path, backend: str) -> None:
        from safetensors.numpy import load_file, save_file

        for file in untied.iterdir():
            if file.name != "model.safetensors":
                (tmp_path / file.name).symlink_to(file)
        tensors = load_file(untied / "model.safetensors")
        equal = [7, 20, 21, 300]
        tensors["lm_head.weight"][equal] = 0  # so that their logits are exactly 0
        save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
        argsort = gpt2_inspect.load(str(tmp_path), backend=backend).decode_argmax("a", top_k=VOCAB_SIZE).argsort
        assert [candidate.id for candidate in argsort.descending if candidate.logit == 0] == equal
        assert [candidate.id for candidate in argsort.ascending if candidate.logit == 0] == equal[::-1]

    def test_skip_special_tokens(self, tmp_path: Path) -> None:
        """The text is then empty where the model chooses the end."""
        from safetensors.numpy import load_file, save_file

        folder = make_checkpoint(tmp_path / "ending", tie_word_embeddings=False, n_layer=1)
        tensors = load_file(folder / "model.safetensors")
        tensors["lm_head.weight"][:END] = 0
        tensors["lm_head.weight"][END] = tensors["transformer.ln_f.bias"]
        tensors["transformer.ln_f.weight"][:] = 0
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        found = document("--prompt", "a", "-m", str(folder), "--skip-special-tokens")
        assert (found["argmax"]["id"], found["tokens"][0]["id"], found["text"]) == (END, END, "")

    def test_json_is_what_python_gets(self, tiny: Path) -> None:
        found = document("--prompt", PROMPT, "-k", "3", "-m", str(tiny))
        assert found == gpt2_inspect.load(str(tiny)).decode_argmax(PROMPT, top_k=3).to_dict()
        assert list(found["argsort"]) == ["ascending", "descending"]
        assert found["prompt"]["text"] == PROMPT
        assert document("--prompt", "-", "-k", "3", "-m", str(tiny), stdin=PROMPT.encode() + b"\n") == found

    def test_jsonl_and_csv(self, tiny: Path) -> None:
        arguments = ("--prompt", PROMPT, "-k", "2", "-m", str(tiny))
        candidates = document(*arguments)["argsort"]["descending"]
        lines = list(map(json.loads, decode(*arguments, "-f", "jsonl").out.splitlines()))
        assert [{name: line[name] for name in candidates[0]} for line in lines] == candidates
        rows = list(csv.DictReader(io.StringIO(decode(*arguments, "-f", "csv").out)))
        for name in ("rank", "id", "logit", "logprob", "prob"):
            assert [float(row[name]) for row in rows] == [candidate[name] for candidate in candidates]

    @pytest.mark.parametrize("columns", [80, 40])
    def test_table(self, tiny: Path, columns: int) -> None:
        session = gpt2_inspect.load(str(tiny))
        result = session.decode_argmax("[b]你\x1b[2J 🙂", top_k=4)
        arguments = ("--prompt", "[b]你\x1b[2J 🙂", "-k", "4", "-m", str(tiny))
        done = decode(*arguments, environ={"COLUMNS": str(columns)})
        assert max(map(cell_len, done.out.splitlines())) <= columns
        assert "\x1b" not in done.out
        flowing = " ".join(done.out.split())
        assert f"argmax(logits) = {result.argmax.id} is the index" in flowing
        assert f"decode([{result.argmax.id}]) = " in flowing
        assert f"max(logits) = {result.argmax.logit:.3f} is the largest" in flowing
        rows = [line.split() for line in done.out.splitlines() if line[:5].strip().isdecimal()]
        candidates = [*result.argsort.ascending, *result.argsort.descending]
        assert [row[1] for row in rows] == [str(candidate.id) for candidate in candidates]
        assert [row[3] for row in rows] == [f"{candidate.logit:.3f}" for candidate in candidates]
        assert [int(row[0]) for row in rows] == [candidate.rank for candidate in candidates]
        assert [line.split() for line in done.out.splitlines()].count(["…"] * 5) == 2

    def test_no_gap_where_nothing_is_left_out(self, tiny: Path) -> None:
        out = decode("--prompt", "a", "-k", str(VOCAB_SIZE // 2), "-m", str(tiny)).out
        assert ["…"] * 5 not in [line.split() for line in out.splitlines()]

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["--prompt", "a", "5"], 2, ["--prompt"]),
            (["--prompt", "a", "-k", "0"], 2, ["--top-k is 0"]),
            (["7", "-k", "3"], 2, ["--top-k is for --prompt"]),
            (["--prompt", "a", "-k", str(VOCAB_SIZE + 1)], 2, ["--top-k", str(VOCAB_SIZE)]),
            (["--prompt", ""], 5, ["empty"]),
            (["--prompt", "!" * 65], 5, ["65 tokens", "context is 64"]),
            (["--prompt", "a\ud800"], 5, ["UTF-8"]),
            (["--prompt", "a", "--backend", "numpy", "--dtype", "float16"], 6, ["float16"]),
        ],
        ids=range(8),
    )
    def test_bad_input(self, tiny: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
        (tmp_path / "old").write_text("old")
        check_error(decode("-m", str(tiny), "-o", str(tmp_path / "old"), *arguments), code, *words)
        assert (tmp_path / "old").read_text() == "old"


class TestLoaded:
    def test_ids_need_no_weights(self, tiny: Path, pair: Path, tmp_path: Path) -> None:
        for file in tiny.iterdir():
            if file.name != "model.safetensors":
                (tmp_path / file.name).symlink_to(file)
        (tmp_path / "model.safetensors").write_bytes(b"never looked at")
        loaded = modules_of("decode", "5", "6", "-m", str(tmp_path), "--json")
        check_absent(loaded, HEAVY | RICH | NUMPY | {"gpt2_inspect.checkpoint.weights"})
        check_absent(modules_of("decode", "5", "-m", str(pair), "--text"), HEAVY | RICH | NUMPY)

    def test_prompt(self, tiny: Path) -> None:
        loaded = modules_of("decode", "--prompt", "a", "-m", str(tiny), "--json")
        assert loaded >= NUMPY
        check_absent(loaded, HEAVY | RICH)

    def test_errors_need_no_tokenizer(self, tiny: Path) -> None:
        check_absent(modules_of("decode", "x", "-m", str(tiny), code=5), HEAVY | RICH | NUMPY)
