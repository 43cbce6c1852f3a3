"""What is shipped: the bundled model is whole, and both packages contain it."""

import csv
import hashlib
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from gpt2_inspect.sources.bundled import BUNDLED, bundled_model

ROOT = Path(__file__).parent.parent
DATA = Path("gpt2_inspect/data")
MODEL_FILES = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
DOCUMENTS = {"README.md", "ATTRIBUTION.md", "SHA256SUMS"}


def checksums(folder: Path) -> dict[str, str]:
    """File name -> SHA-256, as SHA256SUMS lists them."""
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


every_model = pytest.mark.parametrize("name", BUNDLED)


@every_model
def test_bundled_files_have_their_checksums(name: str) -> None:
    folder = bundled_model(name).folder
    expected = checksums(folder)
    assert expected.keys() == MODEL_FILES
    assert {file: digest((folder / file).read_bytes()) for file in MODEL_FILES} == expected


@every_model
def test_bundled_model_is_small_enough_to_ship(name: str) -> None:
    assert sum(file.stat().st_size for file in bundled_model(name).folder.iterdir()) <= 12 * 2**20


@every_model
def test_transformers_opens_the_bundled_model_as_it_opens_gpt2(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = bundled_model(name).folder
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(model).__name__ == "GPT2LMHeadModel"
    assert model.lm_head.weight is model.transformer.wte.weight
    assert len(tokenizer) == model.config.vocab_size == 8192
    assert tokenizer.eos_token_id == model.config.eos_token_id == 8191
    text = "hello , how are you ?  Fine\n\n你好 🙂"
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert "warning" not in capfd.readouterr().err.lower()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_wheel_contains_the_model(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert {f"{DATA}/{model}/{file}" for model in BUNDLED for file in MODEL_FILES | DOCUMENTS} <= names
        assert {"gpt2_inspect/py.typed", "gpt2_inspect/messages/zh.mo", f"{DATA}/schema.json"} <= names
        templates = {f"gpt2_inspect/render/html/templates/page.{ending}" for ending in ("html", "css", "js")}
        assert templates <= names
        for model in BUNDLED:
            for file, expected in checksums(bundled_model(model).folder).items():
                assert digest(archive.read(f"{DATA}/{model}/{file}")) == expected
    assert wheel.stat().st_size <= 25 * 2**20


def test_source_distribution_contains_the_model_and_what_made_it(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{DATA}/{model}/{file}" for model in BUNDLED for file in MODEL_FILES | DOCUMENTS} <= names
    assert {"training/train_model.py", "tests/test_package.py", "LICENSE", "README.md", "constraints.txt"} <= names


def test_installed_wheel_answers_in_an_empty_environment(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    base = tmp_path / "env"
    venv.create(base, with_pip=True)
    (python,) = base.glob("*/python")
    (wheel,) = built.glob("*.whl")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    # the dependencies are gigabytes: the environment borrows those that run this test, behind its own packages
    site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(base)}))
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    command = python.with_name("gpt2-inspect")
    arguments = ["next-tokens", "hello,how are you", "--steps", "2", "--model", "pocket", "--format", "csv"]
    shown = subprocess.run([command, *arguments], check=True, capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert len(list(csv.reader(shown.stdout.splitlines(keepends=True)))) == 1 + 2 * 5

    where = "import gpt2_inspect, sys; sys.stdout.write(gpt2_inspect.__file__)"
    found = subprocess.run([python, "-c", where], check=True, capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert Path(found.stdout).is_relative_to(site_packages)
