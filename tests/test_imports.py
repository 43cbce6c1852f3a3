"""What each command loads: nothing that it does not need, for that is what makes it quick."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gpt2_inspect.render import FORMATS
from loaded import HEAVY, NUMPY, PARTS_OF_NUMPY, RICH, check_absent, modules_of


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["next-tokens", "--help"], 0),
        (["schema", "score"], 0),
        (["next-tokens"], 2),
        (["next-tokens", "a", "--frobnicate"], 2),
        (["next-tokens", "a", "--steps", "x"], 2),
        (["next-tokens", "a", "--format", "yaml"], 2),
        (["next-tokens", "a", "--device", "tpu"], 2),
        (["next-tokens", "a", "--model", "./none"], 3),
        (["next-tokens", "a", "--model", "gpt2-large", "--offline"], 3),
    ],
)
def test_what_needs_no_model(arguments: list[str], code: int) -> None:
    formats = {f"gpt2_inspect.render.{form.module}" for form in FORMATS.values()}
    check_absent(modules_of(*arguments, code=code), HEAVY | RICH | NUMPY | formats)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "table"])
def test_text_formats(tiny: Path, form: str) -> None:
    loaded = modules_of("next-tokens", "hi", "-m", str(tiny), "-n", "2", "-f", form)
    assert loaded >= NUMPY
    check_absent(loaded, HEAVY | RICH | PARTS_OF_NUMPY)
    modules = {f"gpt2_inspect.render.{each.module}" for each in FORMATS.values()}
    check_absent(loaded, modules - {f"gpt2_inspect.render.{FORMATS[form].module}"})
    check_absent(loaded, {"gpt2_inspect.backends.torch_gpt2", "gpt2_inspect.analysis.sampling"})


def test_many_texts(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hi\n")
    loaded = modules_of("score", "--input", str(tmp_path / "in.txt"), "-m", str(tiny), "--json", "--workers", "1")
    check_absent(loaded, HEAVY | RICH)


def test_bundled_model() -> None:
    loaded = modules_of("next-tokens", "hi", "-n", "2", "--json")
    check_absent(loaded, HEAVY | RICH | PARTS_OF_NUMPY)


def test_table(tiny: Path) -> None:
    """Outside a terminal there are no colours: of rich, only what measures text."""
    loaded = modules_of("next-tokens", "hi", "-m", str(tiny), "-n", "2")
    check_absent(loaded, HEAVY | PARTS_OF_NUMPY | {"rich.console", "rich.text", "rich.style", "rich.markup"})
    assert "rich.cells" in loaded
    check_absent(loaded, {"gpt2_inspect.render.theme"})


def test_coloured_table(tiny: Path) -> None:
    """Colours are a few codes: nothing of rich is loaded for them."""
    plain = modules_of("next-tokens", "hi", "-m", str(tiny), "-n", "2")
    coloured = modules_of("next-tokens", "hi", "-m", str(tiny), "-n", "2", "--color", "always")
    ours = {"theme", "lightness"}
    assert coloured - plain == {f"gpt2_inspect.render.{name}" for name in ours} | {"gpt2_inspect.cli.background"}


def test_bad_weights(tiny: Path, tmp_path: Path) -> None:
    for file in tiny.iterdir():
        if file.name != "model.safetensors":
            (tmp_path / file.name).symlink_to(file)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    check_absent(modules_of("next-tokens", "hi", "-m", str(tmp_path), code=4), HEAVY | RICH)


def test_cached_model(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in the hub's cache is opened without the hub's client."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    folder = tmp_path / "models--gpt2"
    (folder / "snapshots").mkdir(parents=True)
    (folder / "snapshots" / ("a" * 40)).symlink_to(tiny)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    check_absent(modules_of("next-tokens", "hi", "-n", "1", "--json"), HEAVY | RICH)


def test_until_ctrl_c_is_answered() -> None:
    """Before that Python answers it, with a traceback."""
    script = "import sys; before = set(sys.modules); import gpt2_inspect.cli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60, text=True)
    assert done.stdout.split() == ["gpt2_inspect", "gpt2_inspect.cli", "gpt2_inspect.version"]


def test_package() -> None:
    """Importing the package loads none of its parts, until one is used."""
    script = "import sys, gpt2_inspect; print(*sys.modules); gpt2_inspect.load; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60, text=True)
    first, second = done.stdout.splitlines()
    assert {name for name in first.split() if name.startswith("gpt2_inspect")} == {
        "gpt2_inspect",
        "gpt2_inspect.version",
    }
    check_absent(set(first.split()), HEAVY | RICH | NUMPY | {"typer", "dataclasses", "json"})
    check_absent(set(second.split()), HEAVY | RICH | NUMPY | {"typer"})


def test_garbage_is_not_collected_in_a_short_run_and_is_in_a_long_one() -> None:
    script = """if True:
        import gc, json, sys
        from gpt2_inspect.cli import process
        before = [generation["collections"] for generation in gc.get_stats()]
        def leave(code):
            after = [generation["collections"] for generation in gc.get_stats()]
            cycles = [[] for _ in range(process.SELDOM[0] + 1)]
            for cycle in cycles:
                cycle.append(cycle)
            later = [generation["collections"] for generation in gc.get_stats()]
            print(json.dumps([code, before == after, after == later]), file=sys.stderr)
        process._leave = leave
        process.run_process()
    """
    arguments = ["next-tokens", "hello,how are you", "--steps", "200", "--model", "pocket"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stderr) == [0, True, False]
