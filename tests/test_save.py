"""`--save`: names and places that are unusual. What the files hold is tested with the commands that write them."""

from pathlib import Path

import numpy as np
import pytest

from harness import check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

every_command = pytest.mark.parametrize("command", ["embeddings", "attention", "hidden-states", "logits"])


@every_command
@pytest.mark.parametrize("output", ["both.npz", "./here/../both.npz", "link"])
def test_same_file_as_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, output: str) -> None:
    """The result would replace the arrays. It is refused before any model is looked for."""
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    Path("both.npz").write_bytes(b"old")
    Path("link").symlink_to("both.npz")
    run = run_cli(command, "hi", "-m", "./nowhere", "--save", "both.npz", "--output", output, "-f", "csv")
    check_error(run, 2, "--save", "--output", "same file", hint=False)
    assert Path("both.npz").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.npz", "here", "link"]


@every_command
def test_same_new_file_as_output(tmp_path: Path, command: str) -> None:
    path = str(tmp_path / "new.npz")
    run = run_cli(command, "hi", "-m", "./nowhere", "--save", path, "--output", path, "-f", "csv")
    check_error(run, 2, "same file")
    assert list(tmp_path.iterdir()) == []


def test_same_file_as_another_to_save(tmp_path: Path) -> None:
    path = str(tmp_path / "new.npz")
    arguments = ("embeddings", "hi", "-m", "./nowhere", "--save-all", path)
    check_error(run_cli(*arguments, "--save", path), 2, "--save-all and --save are the same file", hint=False)
    run = run_cli(*arguments, "--output", path, "-f", "csv")
    check_error(run, 2, "--save-all and --output are the same file", hint=False)
    check_error(run_cli(*arguments[:-1], "all.txt"), 2, "--save-all is 'all.txt'", "FILE.npz")
    assert list(tmp_path.iterdir()) == []


def test_suffix_in_capitals(tiny: Path, tmp_path: Path) -> None:
    for name in ("A.NPZ", "B.SafeTensors"):
        assert run_cli("embeddings", "hi", "-m", str(tiny), "--save", str(tmp_path / name)).code == 0
    assert sorted(np.load(tmp_path / "A.NPZ")) == ["sum", "wpe", "wte"]
    assert b'"wte"' in (tmp_path / "B.SafeTensors").read_bytes()[:300]


def test_a_suffix_is_no_name(tiny: Path) -> None:
    check_error(run_cli("embeddings", "hi", "-m", str(tiny), "--save", ".npz"), 2, "'.npz'", "FILE.npz")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_link_stays_and_its_file_is_replaced(tiny: Path, tmp_path: Path, suffix: str) -> None:
    link, file = tmp_path / f"link{suffix}", tmp_path / "file"
    file.write_bytes(b"old")
    link.symlink_to(file.name)
    assert run_cli("embeddings", "hi", "-m", str(tiny), "--save", str(link)).code == 0
    assert link.is_symlink() and file.stat().st_size > 1000
    assert sorted(tmp_path.iterdir()) == [file, link]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_devices(tiny: Path, tmp_path: Path, suffix: str) -> None:
    """One takes everything, though it does not know how much; the other takes nothing."""
    null, full = tmp_path / f"null{suffix}", tmp_path / f"full{suffix}"
    null.symlink_to("/dev/null")
    full.symlink_to("/dev/full")
    done = run_cli("hidden-states", "hi", "-m", str(tiny), "--save", str(null))
    assert (done.code, done.err) == (0, "")
    check_error(run_cli("hidden-states", "hi", "-m", str(tiny), "--save", str(full)), 2, "No space left")
