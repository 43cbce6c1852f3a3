"""Whatever a user gets wrong ends in one line that says what, an exit code, and nothing on standard output."""

import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from checkpoints import VOCAB_SIZE, fill_cache, make_checkpoint
from gpt2_inspect.backends.numpy_gpt2 import NumpyGPT2
from gpt2_inspect.cli.files import open_whole
from harness import Run, Terminal, check_error, command, run_cli, run_process

N_POSITIONS = 64


def next_tokens(*arguments: str, **options: Any) -> Run:
    return run_cli("next-tokens", *arguments, **options)


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint, to be spoilt."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["frobnicate"], ["frobnicate"]),
            (["--frobnicate"], ["--frobnicate"]),
            (["next-tokens"], ["TEXT"]),
            (["next-tokens", "a", "b"], ["b"]),
            (["next-tokens", "a", "--frobnicate"], ["--frobnicate"]),
            (["next-tokens", "a", "--steps"], ["--steps"]),
            (["next-tokens", "a", "--steps", "x"], ["--steps", "x"]),
            (["next-tokens", "a", "--steps", "1.5"], ["--steps", "1.5"]),
            (["next-tokens", "a", "--temperature", "warm"], ["--temperature", "warm"]),
            (["next-tokens", "-x y", "--steps", "1"], ["-x"]),
        ],
    )
    def test_command_line(self, arguments: list[str], words: list[str]) -> None:
        check_error(run_cli(*arguments), 2, *words)

    def test_way_out(self) -> None:
        assert "next-tokens --help" in run_cli("next-tokens").err
        assert "`--`" in run_cli("next-tokens", "-1 is a number").err

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--steps", "0"], ["--steps is 0"]),
            (["--steps", "-3"], ["--steps is -3"]),
            (["--top-k", "0"], ["--top-k is 0"]),
            (["--top-k", "-1"], ["--top-k is -1"]),
            (["--top-k", str(VOCAB_SIZE + 1)], ["--top-k", str(VOCAB_SIZE)]),
            (["--sample-top-k", "0"], ["--sample-top-k is 0"]),
            (["--sample-top-k", str(VOCAB_SIZE + 1)], ["--sample-top-k", str(VOCAB_SIZE)]),
            *((["--temperature", value], ["--temperature"]) for value in ("0", "-1", "nan", "inf", "-inf")),
            *((["--top-p", value], ["--top-p"]) for value in ("0", "-0.1", "1.5", "nan", "inf")),
            (["--format", "yaml"], ["yaml", "markdown"]),
            (["--format", "JSON"], ["JSON"]),
            (["--json", "--format", "csv"], ["--json", "csv"]),
            (["--backend", "jax"], ["jax", "numpy"]),
            (["--device", "tpu"], ["tpu", "cuda"]),
            (["--device", "cuda:x"], ["cuda:x"]),
            (["--dtype", "int8"], ["int8", "bfloat16"]),
            (["--revision", "main"], ["--revision"]),
        ],
    )
    def test_values(self, tiny: Path, arguments: list[str], words: list[str]) -> None:
        check_error(next_tokens("hello", "--model", str(tiny), *arguments), 2, *words)
        on_terminal = next_tokens("hello", "--model", str(tiny), *arguments, out=Terminal(), environ={"COLUMNS": "80"})
        check_error(on_terminal, 2, *words)

    def test_error_is_not_a_way_to_the_terminal(self) -> None:
        run = next_tokens("a", "--model", "\x1b[31mred\x1b]0;title\x07\n[bold]")
        check_error(run, 3, "[bold]")
        assert "\x1b" not in run.err and "\x07" not in run.err

    def test_traceback_only_on_demand(self) -> None:
        assert "Traceback" not in next_tokens("a", "--model", "./none").err
        run = run_process("next-tokens", "a", "--model", "./none", "--traceback")
        assert run.code == 3
        assert run.err.startswith("Traceback")
        assert run.err.splitlines()[-1] == "error: model directory 'none' does not exist"


class TestText:
    def test_argument_that_is_not_utf8(self, tiny: Path) -> None:
        check_error(run_process("next-tokens", b"ab\xff", "--model", str(tiny)), 5, "UTF-8", hint=True)

    def test_input_that_is_not_utf8(self, tiny: Path) -> None:
        check_error(next_tokens("-", "-m", str(tiny), stdin=b"abc\xe9d"), 5, "byte 3", "0xe9", hint=True)

    def test_input_is_read(self, tiny: Path) -> None:
        for raw, text in (
            (b"hi\n", "hi"),
            (b"hi\r\n", "hi"),
            (b"hi\n\n", "hi\n"),
            ("你好".encode(), "你好"),
            (b"\0", "\0"),
        ):
            run = next_tokens("-", "-m", str(tiny), "--json", "-n", "1", stdin=raw)
            assert json.loads(run.out)["prompt"]["text"] == text

    def test_input_that_is_too_large(self, tiny: Path) -> None:
        check_error(next_tokens("-", "-m", str(tiny), stdin=b"a" * (2**24 + 1)), 5, "16 MiB")

    def test_input_that_cannot_be_read(self, tiny: Path, tmp_path: Path) -> None:
        with (tmp_path / "file").open("w") as unreadable:
            run = run_process("next-tokens", "-", "-m", str(tiny), stdin=unreadable)
        check_error(run, 5, "cannot read standard input")

    def test_megabytes(self, tiny: Path) -> None:
        """Ten of them end with the number of tokens, or with the last of them."""
        text = b"the cat and the dog " * 500_000
        check_error(next_tokens("-", "-m", str(tiny), stdin=text), 5, f"context is {N_POSITIONS}", hint=True)
        run = next_tokens("-", "-m", str(tiny), "--truncate-left", "-n", "4", "-f", "csv", stdin=text[:1_000_000])
        assert run.code == 0
        assert run.err.startswith("note: dropped the oldest ")

    def test_too_long(self, tiny: Path) -> None:
        run = next_tokens("!" * 60, "-m", str(tiny), "--steps", "6")
        check_error(run, 5, "60 tokens", "6 steps", "context is 64", "largest --steps that fits is 5", hint=True)
        assert next_tokens("!" * 60, "-m", str(tiny), "--steps", "5", "--ignore-eos").code == 0

    def test_too_long_for_any_step(self, tiny: Path) -> None:
        check_error(next_tokens("!" * 65, "-m", str(tiny), "-n", "1"), 5, "no --steps fits", "--truncate-left")

    def test_more_steps_than_positions(self, tiny: Path) -> None:
        for steps in (65, 66, 10**20, 10**4300 - 1):  # a digit more, and Python neither reads nor writes it
            run = next_tokens("!", "-m", str(tiny), "-n", str(steps), "--truncate-left")
            check_error(run, 5, "largest --steps that fits is 64")
            assert "--truncate-left" not in run.err

    def test_truncated(self, tiny: Path) -> None:
        run = next_tokens("?!" * 40, "-m", str(tiny), "-n", "4", "--truncate-left", "--json")
        assert run.err == "note: dropped the oldest 19 tokens of the prompt\n"
        prompt = json.loads(run.out)["prompt"]
        assert (prompt["tokens_dropped"], len(prompt["tokens"]), prompt["text"]) == (19, 61, "?!" * 40)

    def test_empty(self, tiny: Path) -> None:
        run = next_tokens("", "-m", str(tiny), "--json", "-n", "1")
        assert (run.code, run.err) == (0, "note: the prompt is empty; the model starts from <|endoftext|>\n")
        result = json.loads(run.out)
        assert result["prompt"]["bos_added"] is True
        assert [token["id"] for token in result["prompt"]["tokens"]] == [VOCAB_SIZE - 1]
        assert result["steps"][0]["context"] == ""


def spoil_json(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}))


class TestModel:
    @pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\xfd", b"[" * 100_000, b"1" * 5000], ids=range(6))
    def test_broken_json(self, copy: Path, name: str, content: bytes) -> None:
        (copy / name).write_bytes(content)
        check_error(next_tokens("a", "-m", str(copy)), 4, name)

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"model_type": "llama"}, ["another architecture", "llama"]),
            ({"model_type": None}, ["no model_type"]),
            ({"n_head": 5}, ["n_embd 48", "n_head 5"]),
            ({"n_layer": 0}, ["n_layer is 0"]),
            ({"n_layer": -1}, ["n_layer is -1"]),
            ({"n_layer": 4}, ["lack the tensor", "h.3."]),
            ({"n_layer": 2**24}, ["lack the tensor", "h.3."]),
            ({"n_embd": 2**60}, ["n_embd is"]),
            ({"n_embd": 52}, ["wte.weight", "[384, 48]", "[384, 52]"]),
            ({"n_positions": 32}, ["wpe.weight"]),
            ({"n_embd": "48"}, ["n_embd is"]),
            ({"n_embd": 48.0}, ["n_embd is 48.0"]),
            ({"n_embd": True}, ["n_embd is true"]),
            ({"n_inner": [192]}, ["n_inner is list"]),
            ({"layer_norm_epsilon": 0}, ["layer_norm_epsilon"]),
            ({"layer_norm_epsilon": 10**400}, ["layer_norm_epsilon"]),
            ({"layer_norm_epsilon": float("nan")}, ["layer_norm_epsilon is NaN"]),
            ({"scale_attn_weights": "yes"}, ["scale_attn_weights"]),
            ({"activation_function": 3}, ["activation_function"]),
            ({"eos_token_id": -1}, ["eos_token_id"]),
            ({"bos_token_id": "<s>"}, ["bos_token_id"]),
        ],
    )
    def test_config(self, copy: Path, values: dict[str, Any], words: list[str]) -> None:
        spoil_json(copy, "config.json", **values)
        check_error(next_tokens("a", "-m", str(copy)), 4, *words)

    def test_no_backend_guesses(self, copy: Path) -> None:
        spoil_json(copy, "config.json", activation_function="swish9")
        check_error(next_tokens("a", "-m", str(copy), "--backend", "numpy"), 6, "swish9", "--backend torch")

    @pytest.mark.parametrize("size", [VOCAB_SIZE - 1, VOCAB_SIZE + 128])
    def test_tokenizer_of_another_model(self, tmp_path: Path, size: int) -> None:
        make_checkpoint(tmp_path / "model", vocab_size=size, n_layer=1, bos_token_id=0, eos_token_id=0)
        check_error(next_tokens("a", "-m", str(tmp_path / "model")), 4, str(VOCAB_SIZE), str(size), hint=True)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_weights_that_are_no_numbers(self, copy: Path, value: float) -> None:
        tensors = load_file(copy / "model.safetensors")
        tensors["transformer.h.1.mlp.c_fc.weight"] = np.full((48, 192), value, np.float32)
        save_file(tensors, copy / "model.safetensors")
        check_error(run_process("next-tokens", "a", "-m", str(copy)), 4, "not finite", hint=True)


def with_header(header: Any, data: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def entry(shape: list[Any], start: Any, stop: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


FILES = {
    "empty": (b"", "0 bytes"),
    "seven bytes": (b"1234567", "7 bytes"),
    "no header": (struct.pack("<Q", 0), "not JSON"),
    "header beyond the file": (struct.pack("<Q", 100) + b"{}", "claims 100 bytes"),
    "huge header": (struct.pack("<Q", 2**64 - 1) + b"{}", "claims 18446744073709551615 bytes"),
    "text": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "claims"),
    "not JSON": (with_header(b"{x}"), "not JSON"),
    "not UTF-8": (with_header(b'{"\xff": 1}'), "not JSON"),
    "list": (with_header([]), "not a JSON object"),
    "deep": (with_header(b'{"a":' * 100_000), "not JSON"),
    "deep value": (with_header(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"), "lacks dtype"),
    "long number": (with_header(b'{"a":' + b"9" * 5000 + b"}"), "not JSON"),
    "duplicate": (with_header(b'{"a":{},"a":{}}'), "twice"),
    "duplicate inside": (with_header(b'{"a":{"dtype":"F32","dtype":"F16"}}'), "twice"),
    "null": (with_header({"a": None}), "lacks dtype"),
    "no shape": (with_header({"a": {"dtype": "F32", "data_offsets": [0, 4]}}), "lacks dtype"),
    "three offsets": (with_header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}), "lacks dtype"),
    "negative": (with_header({"a": entry([-1], 4, 0)}, b"1234"), "not whole numbers"),
    "negative twice": (with_header({"a": entry([-1, -1], 0, 4)}, b"1234"), "not whole numbers"),
    "float": (with_header({"a": entry([1.0], 0, 4)}, b"1234"), "not whole numbers"),
    "boolean": (with_header({"a": entry([True], 0, 4)}, b"1234"), "not whole numbers"),
    "NaN": (with_header(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}'), "not whole numbers"),
    "many dimensions": (with_header({"a": entry([2**62] * 100_000, 0, 4)}, b"1234"), "shape"),
    "dtype": (with_header({"a": entry([1], 0, 4, "F31")}, b"1234"), "unknown dtype 'F31'"),
    "size": (with_header({"a": entry([2], 0, 4)}, b"1234"), "do not fit F32 [2]"),
    "overflow": (with_header({"a": entry([2**32, 2**32], 0, 0)}), "do not fit"),
    "overlap": (with_header({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)), "'b' overlaps"),
    "gap": (with_header({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)), "'b' leaves a gap"),
    "gap at the start": (with_header({"a": entry([1], 4, 8)}, bytes(8)), "'a' leaves a gap"),
    "cut off": (with_header({"a": entry([2], 0, 8)}, bytes(7)), "cut off"),
    "trailing": (with_header({"a": entry([2], 0, 8)}, bytes(9)), "1 byte follows"),
    "no tensors": (with_header({}), "lack the tensor"),
    "other tensors": (with_header({"a": entry([2], 0, 8)}, bytes(8)), "lack the tensor 'wte.weight'"),
}


NOT_BESIDE = ("../x", "/etc/passwd", "..", "", "none.safetensors", "x\0y", "\ud800", "a" * 300, "x/../y", "C:\\x")
"""What a shard index must not name, or names in vain."""


class TestLongNames:
    @pytest.mark.parametrize("name", ["./" + "x" * 10**6, "x" * 10**6, "~" + "x" * 10**6])
    def test_model(self, name: str) -> None:
        done = next_tokens("a", "-m", name)
        check_error(done, 3, "xxx … xxx")
        assert len(done.err) < 2000

    def test_field(self, copy: Path) -> None:
        config = json.loads((copy / "config.json").read_bytes()) | {"model_type": "x" * 10**6}
        (copy / "config.json").write_text(json.dumps(config))
        done = next_tokens("a", "-m", str(copy))
        check_error(done, 4, "config.json", "xxx … xxx", "not GPT-2")
        assert len(done.err) < 2000

    def test_option(self, tiny: Path) -> None:
        assert len(next_tokens("a", "-m", str(tiny), "--steps", "x" * 10**6).err) < 2000


class TestWeights:
    @pytest.mark.parametrize("name", FILES)
    def test_broken_file(self, copy: Path, name: str) -> None:
        content, why = FILES[name]
        (copy / "model.safetensors").write_bytes(content)
        check_error(next_tokens("a", "-m", str(copy)), 4, why)

    def test_missing_tensor(self, copy: Path) -> None:
        tensors = load_file(copy / "model.safetensors")
        del tensors["transformer.h.2.attn.c_proj.bias"]
        save_file(tensors, copy / "model.safetensors")
        check_error(next_tokens("a", "-m", str(copy)), 4, "lack the tensor 'transformer.h.2.attn.c_proj.bias'")

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_wrong_shape(self, copy: Path, backend: str) -> None:
        tensors = load_file(copy / "model.safetensors")
        tensors["transformer.ln_f.weight"] = np.zeros(47, np.float32)
        save_file(tensors, copy / "model.safetensors")
        run = next_tokens("a", "-m", str(copy), "--backend", backend)
        check_error(run, 4, "transformer.ln_f.weight", "[47]", "[48]")

    def test_wrong_dtype(self, copy: Path) -> None:
        tensors = load_file(copy / "model.safetensors")
        tensors["transformer.ln_f.weight"] = np.ones(48, np.float64)
        save_file(tensors, copy / "model.safetensors")
        check_error(next_tokens("a", "-m", str(copy)), 4, "transformer.ln_f.weight", "F64")

    @pytest.mark.parametrize(
        "index",
        [
            b"",
            b"{}",
            b'{"weight_map": {}}',
            b'{"weight_map": []}',
            b'{"weight_map": {"a": 1}}',
            b'{"weight_map": {"a": ["b"]}}',
            *(json.dumps({"weight_map": {"a": name}}).encode() for name in NOT_BESIDE),
        ],
    )
    def test_broken_index(self, copy: Path, index: bytes) -> None:
        (copy / "model.safetensors").rename(copy.parent / "x")
        (copy / "model.safetensors.index.json").write_bytes(index)
        check_error(next_tokens("a", "-m", str(copy)), 4, "model.safetensors.index.json")

    def test_missing_shard(self, tmp_path: Path) -> None:
        folder = make_checkpoint(tmp_path / "sharded", max_shard_size="100KB")
        next(folder.glob("model-00002-*")).unlink()
        check_error(next_tokens("a", "-m", str(folder)), 4, "model-00002-", "not beside it")


class TestOutput:
    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        """A result of an earlier run."""
        path = tmp_path / "results" / "old.json"
        path.parent.mkdir()
        path.write_text("old")
        return path

    def check_untouched(self, old: Path) -> None:
        assert old.read_text() == "old"
        assert list(old.parent.iterdir()) == [old]

    @pytest.mark.parametrize("name", ["none/x", "file/x", ".", "a" * 300, "loop", "self"])
    def test_bad_place(self, tiny: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("file").touch()
        Path("loop").symlink_to("none/loop")
        Path("self").symlink_to("self")
        check_error(next_tokens("a", "-m", str(tiny), "--json", "-o", name), 2, "cannot write")
        assert {path.name for path in tmp_path.iterdir()} == {"file", "loop", "self"}

    def test_read_only_folder(self, tiny: Path) -> None:
        """/proc takes no files, even from root."""
        check_error(next_tokens("a", "-m", str(tiny), "-o", "/proc/x.json"), 2, "cannot write '/proc/x.json'")

    def test_place_is_checked_first(self) -> None:
        """Not after minutes of computing."""
        check_error(next_tokens("a", "-m", "./no-model", "-o", "none/x"), 2, "cannot write")

    def test_full_device(self, tiny: Path) -> None:
        run = next_tokens("a", "-m", str(tiny), "--json", "-o", "/dev/full")
        check_error(run, 2, "cannot write '/dev/full': No space left")

    @pytest.mark.parametrize("arguments", [["--help"], ["next-tokens", "a", "--json", "-m"]])
    def test_full_standard_output(self, tiny: Path, arguments: list[str]) -> None:
        if arguments[-1] == "-m":
            arguments = [*arguments, str(tiny)]
        with Path("/dev/full").open("w") as full:
            run = run_process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
        check_error(run, 2, "cannot write to standard output: No space left")

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize("to_file", [True, False])
    def test_disk_that_becomes_full(self, tiny: Path, old: Path, to_file: bool, unbuffered: str) -> None:
        def limit_files() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        arguments = ["next-tokens", "a", "-m", str(tiny), "--json", "-n", "5", "-k", "20"]
        options: dict[str, Any] = {"preexec_fn": limit_files, "environ": {"PYTHONUNBUFFERED": unbuffered}}
        if to_file:
            check_error(run_process(*arguments, "-o", str(old), **options), 2, "cannot write", "too large")
        else:
            with (old.parent.parent / "out").open("w") as out:
                run = run_process(*arguments, capture_output=False, stdout=out, stderr=subprocess.PIPE, **options)
            check_error(run, 2, "cannot write to standard output", "too large")
        self.check_untouched(old)

    @pytest.mark.parametrize("arguments", [["-m", "./none"], ["--steps", "0"], ["--steps", "9999"]])
    def test_failed_run_leaves_the_old_file(self, tiny: Path, old: Path, arguments: list[str]) -> None:
        run = next_tokens("a", "-m", str(tiny), "-o", str(old), *arguments)
        assert run.code in (2, 3, 5)
        self.check_untouched(old)

    def test_what_others_write_stays(self, tiny: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every process of a container may be the first, and the folder be shared by all of them."""
        monkeypatch.setattr(os, "getpid", lambda: 1)
        other = old.with_name("other.json")
        with open_whole(other) as theirs:
            theirs.write("theirs")
            assert next_tokens("a", "-m", str(tiny), "-n", "1", "--json", "-o", str(old)).code == 0
        assert other.read_text() == "theirs"
        assert json.loads(old.read_text(encoding="utf-8"))["command"] == "next-tokens"
        assert sorted(old.parent.iterdir()) == [old, other]

    def test_name_that_is_taken(self, tiny: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "urandom", bytes)
        taken = old.with_name(f".gpt2-inspect.{'00' * 8}.tmp")
        taken.write_text("theirs")
        check_error(next_tokens("a", "-m", str(tiny), "-n", "1", "-o", str(old)), 2, "cannot write")
        assert (old.read_text(), taken.read_text()) == ("old", "theirs")

    @pytest.mark.parametrize("option", ["--output", "--save"])
    @pytest.mark.parametrize(("name", "words"), [("", "empty"), ("new/", "'new/', which names a directory")])
    def test_no_files_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, name: str, words: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        check_error(run_cli("embeddings", "a", "-m", "./none", option, name), 2, f"{option} is {words}", hint=True)
        assert list(tmp_path.iterdir()) == []

    def test_link_and_permissions_stay(self, tiny: Path, old: Path) -> None:
        link = old.parent / "link"
        link.symlink_to(old.name)
        old.chmod(0o600)
        assert next_tokens("a", "-m", str(tiny), "-n", "1", "--json", "-o", str(link)).code == 0
        assert link.is_symlink()
        assert old.read_text().startswith("{")
        assert old.stat().st_mode & 0o777 == 0o600

    def test_closed_streams(self, tiny: Path) -> None:
        """`<&-`, `>&-` and `2>&-` in a shell."""
        arguments = [*command("next-tokens", "a", "-m", str(tiny), "-n", "1"), "--json"]
        for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(
                ["bash", "-c", f'"$@" {closing}', "bash", *arguments], capture_output=True, check=False, timeout=60
            )
            assert (done.returncode, done.stderr) == (0, b""), closing
            assert done.stdout.startswith(b"{") is (">&-" not in closing.replace("2>&-", ""))

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_nobody_reads_the_error(self, unbuffered: str) -> None:
        environ = {"PYTHONUNBUFFERED": unbuffered}
        with Path("/dev/full").open("w") as full:
            run = run_process("next-tokens", "a", "-m", "./none", environ=environ, capture_output=False, stderr=full)
        assert run.code == 3

    @pytest.mark.parametrize("form", ["json", "csv", "table", "--help", "file"])
    def test_closed_pipe(self, tiny: Path, form: str) -> None:
        """`| head -1`."""
        output = ["--json", "-o", "/dev/stdout"] if form == "file" else ["-f", form]
        arguments = ["next-tokens", "a", "-m", str(tiny), "-n", "60", "-k", "384", "--ignore-eos", *output]
        process = subprocess.Popen(
            command(*(["--help"] if form == "--help" else arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None and process.stderr is not None
        if form != "--help":
            assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), err) == (0, b"")


INTERRUPTED_MAIN = """
import os, signal
from gpt2_inspect.backends.numpy_gpt2 import NumpyGPT2
from gpt2_inspect.cli import main

def forward(self, token_ids, cache, forward=NumpyGPT2.forward):
    if cache.length == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return forward(self, token_ids, cache)

NumpyGPT2.forward = forward
main()
"""


def test_more_memory_than_there_is(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(*_: Any, **__: Any) -> None:
        np.empty(2**60, np.uint8)

    monkeypatch.setattr(NumpyGPT2, "forward", forward)
    check_error(next_tokens("hello", "-m", str(tiny)), 6, "memory", hint=False)


def test_no_thread_to_be_had(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would only have read the weights ahead."""

    def start(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)
    assert next_tokens("hello", "-m", str(tiny), "-n", "1").code == 0


def test_end_of_a_file_is_no_interrupt(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(*_: Any, **__: Any) -> None:
        raise EOFError("Ran out of input")

    monkeypatch.setattr(NumpyGPT2, "forward", forward)
    run = next_tokens("hello", "-m", str(tiny))
    assert run.code == 1 and run.err.startswith("error: internal error: EOFError: Ran out of input\n")


class TestFilesOfTheModel:
    """An output must not replace what the model is read from, nor become it."""

    def check_refused(self, folder: Path, output: Path, *arguments: str, option: str = "--output") -> None:
        before = {path: path.read_bytes() for path in folder.iterdir()}
        run = run_cli("embeddings", "a", *arguments, "--format", "json", option, str(output))
        check_error(run, 2, f"cannot write {str(output)!r}: the model is read from it", hint=True)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
    def test_by_name(self, copy: Path, name: str) -> None:
        """The last one is not there yet."""
        self.check_refused(copy, copy / name, "-m", str(copy))

    @pytest.mark.parametrize("kind", ["symbolic", "hard"])
    def test_through_a_link(self, copy: Path, tmp_path: Path, kind: str) -> None:
        link = tmp_path / "link.safetensors"
        if kind == "hard":
            link.hardlink_to(copy / "model.safetensors")
        else:
            link.symlink_to(copy / "model.safetensors")
        self.check_refused(copy, link, "-m", str(copy), option="--save")

    @pytest.mark.parametrize("blob", [False, True])
    def test_in_the_hub_cache(self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blob: bool) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        path = fill_cache(tmp_path, "gpt2", tiny) / "config.json"
        self.check_refused(path.parent, path.resolve() if blob else path, "-m", "gpt2")

    def test_shard(self, tmp_path: Path) -> None:
        folder = make_checkpoint(tmp_path / "sharded", max_shard_size="100KB")
        shard = min(folder.glob("model-00002-*"))
        renamed = shard.rename(folder / "any.name")
        index = folder / "model.safetensors.index.json"
        index.write_text(index.read_text().replace(shard.name, renamed.name))
        self.check_refused(folder, renamed, "-m", str(folder))

    def test_beside_them(self, copy: Path) -> None:
        for _ in range(2):
            for option, name in (("--output", "result.json"), ("--save", "arrays.safetensors")):
                assert run_cli("embeddings", "a", "-m", str(copy), option, str(copy / name)).code == 0


class TestInterrupt:
    def test_in_the_middle_of_a_run(self, tiny: Path, tmp_path: Path) -> None:
        old = tmp_path / "old"
        old.write_text("old")
        arguments = ["next-tokens", "!", "-m", str(tiny), "--ignore-eos", "--json"]
        for output in ([], ["-o", str(old)]):
            done = subprocess.run(
                [sys.executable, "-c", INTERRUPTED_MAIN, *arguments, *output],
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"error: interrupted\n")
        assert old.read_text() == "old"
        assert list(tmp_path.iterdir()) == [old]

    @pytest.mark.parametrize(
        ("sent", "code", "error"),
        [(signal.SIGINT, 130, b"error: interrupted\n"), (signal.SIGTERM, -signal.SIGTERM, b"")],
    )
    def test_from_outside(self, tmp_path: Path, sent: signal.Signals, code: int, error: bytes) -> None:
        model = make_checkpoint(tmp_path / "model", n_positions=8192)
        results = tmp_path / "results"
        results.mkdir()
        arguments = ["next-tokens", "!", "-m", str(model), "-n", "8000", "--ignore-eos", "-o", str(results / "new")]
        process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not list(results.iterdir()) and time.monotonic() < deadline:  # it begins with a temporary file
            time.sleep(0.01)
        process.send_signal(sent)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (code, b"", error)
        assert list(results.iterdir()) == []

    def test_every_signal_that_ends_a_process(self, tmp_path: Path) -> None:
        done = subprocess.run([sys.executable, "-c", SIGNALLED, str(tmp_path)], capture_output=True, check=True)
        ends = json.loads(done.stdout)
        for name in ("SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGABRT", "SIGRTMIN"):
            assert ends[name] == [-getattr(signal, name), []], name
        assert ends["SIGINT"] == [130, []]
        assert ends["init"] == [128 + signal.SIGTERM, []]
        for name in ("SIGPIPE", "SIGCHLD", "ignored"):
            assert ends[name] == [0, ["new"]], name
        assert [name for name, (_, left) in ends.items() if left not in ([], ["new"])] == []

    def test_while_modules_load(self, tiny: Path) -> None:
        """From the first of our own on. Python's answer would be a traceback, or none, where something catches it."""
        arguments = ["next-tokens", "!", "-m", str(tiny), "-n", "1", "-f", "csv"]
        done = subprocess.run([sys.executable, "-c", LOADING, *arguments], capture_output=True, check=True, text=True)
        *ends, finished = done.stdout.splitlines()
        assert len(ends) > 20 and set(ends) == {"130 error: interrupted"}
        assert finished.startswith("0 prompt_index,")


SIGNALLED = """
import json, os, resource, signal, sys
from pathlib import Path
from gpt2_inspect.cli.files import open_whole
from gpt2_inspect.cli.signals import take_over

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
faults_and_stops = ("KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "TSTP", "TTIN", "TTOU")
numbers = signal.valid_signals() - {getattr(signal, f"SIG{name}") for name in faults_and_stops}
folder, ends = Path(sys.argv[1]), {}
for number in [*numbers, "ignored", "init"]:
    pid = os.fork()
    if pid == 0:
        if number == "ignored":  # as nohup does it
            number = signal.SIGHUP
            signal.signal(number, signal.SIG_IGN)
        if number == "init":  # whom a signal without a handler does not end
            number = signal.SIGTERM
            os.kill = lambda *_: None
        take_over(lambda: os._exit(130))
        with open_whole(folder / "new") as file:
            file.write("half")
            signal.raise_signal(number)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = [path for path in folder.iterdir()]
    ends[getattr(number, "name", str(number))] = [code, [path.name for path in left]]
    for path in left:
        path.unlink()
print(json.dumps(ends))
"""
"""Sends each signal to a process that is writing a file; says how it ended, and what was left."""

LOADING = """
import os, signal, sys, tempfile

class Interrupt:
    left = 0
    def find_spec(self, *_):
        self.left -= 1
        if self.left == -1:
            os.kill(os.getpid(), signal.SIGINT)

def end(number):
    with tempfile.TemporaryFile("w+") as written:
        pid = os.fork()
        if pid == 0:
            os.dup2(written.fileno(), 1)
            os.dup2(written.fileno(), 2)
            Interrupt.left = number
            sys.meta_path.insert(0, Interrupt())
            from gpt2_inspect.cli import main
            main()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        written.seek(0)
        return code, written.read().splitlines()

number, code = 3, 130  # behind gpt2_inspect, its version and its cli
while code != 0:
    code, lines = end(number)
    print(code, lines[0] if code == 0 else " / ".join(lines), flush=True)
    number += 1 if number < 20 else 20
"""
"""Interrupts a run when a module is looked for, the next at a later one, and so on until one finishes."""
