"""Which modules each command loads, asked of a fresh interpreter: start-up time is what users pay at every run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "torch",
    "transformers",
    "huggingface_hub",
    "pydantic",
    "click",
    "requests",
    "httpx",
    "httpx2",
    "regex",
    "yaml",
}
"""Never on the path of the numpy backend."""

NOT_YET = {"numpy", "tokenizers", "rich"}
"""Not before a command has found its arguments good."""

UNUSED = {"numpy.random", "numpy.fft", "numpy.ma", "numpy.polynomial", "numpy.testing", "numpy.typing.mypy_plugin"}

_DRIVER = """
import io, json, os, sys
from gpt2_inspect.cli import run
from gpt2_inspect.cli.streams import Streams
out = io.StringIO()
code = run(sys.argv[1:], Streams(io.BytesIO(), out, io.StringIO(), {}))
sys.stderr.write(json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command and all modules that its interpreter holds at the end."""
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, *arguments], check=True, capture_output=True, encoding="utf-8"
    )
    answer = json.loads(done.stderr)
    return answer["code"], set(answer["modules"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["next-tokens", "--help"], 0),
        (["next-tokens", "x", "--no-such-option"], 2),
        (["next-tokens", "x", "--format", "xml"], 2),
        (["no-such-command"], 2),
    ],
    ids=str,
)
def test_help_and_usage_errors_load_next_to_nothing(arguments: list[str], code: int) -> None:
    actual, modules = loaded_by(*arguments)
    assert actual == code
    assert modules & (HEAVY | NOT_YET) == set()


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
def test_next_tokens_loads_what_it_needs_and_no_more(form: str) -> None:
    code, modules = loaded_by("next-tokens", "hello", "--model", "pocket", "--steps", "2", "--format", form)
    assert code == 0
    assert modules & (HEAVY | UNUSED) == set()
    assert {name for name in modules if name.split(".")[0] == "rich"} & {
        "rich.console",
        "rich.text",
        "rich.style",
    } == set()
    assert ("rich" in modules) is (form == "table")
    assert "gpt2_inspect.analysis.sampling" not in modules
    assert "gpt2_inspect.backends.torch_gpt2" not in modules


@pytest.mark.parametrize(
    "arguments",
    [["--model", "no/such-model", "--offline"], ["--model", "./no-such-directory"], ["--model", "llama"]],
    ids=lambda arguments: arguments[1],
)
def test_a_missing_model_is_found_out_without_numpy(arguments: list[str]) -> None:
    code, modules = loaded_by("next-tokens", "hello", *arguments)
    assert code == 3
    assert modules & (HEAVY | NOT_YET) == set()


def test_the_hub_cache_is_read_without_the_hub_library(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--gpt2"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit, encoding="ascii")
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / commit).symlink_to(tiny)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    code, modules = loaded_by("next-tokens", "hello", "--model", "gpt2", "--steps", "1")
    assert code == 0
    assert modules & HEAVY == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, gpt2_inspect; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert set(done.stdout.split()) & (HEAVY | NOT_YET | {"typer", "dataclasses", "json"}) == set()
