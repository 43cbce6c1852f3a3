"""`models`: what is on this machine, and whether it is what it should be; on caches in the hub's documented layout."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoints import COMMIT, fill_cache, make_checkpoint
from gpt2_inspect.models import list_models
from gpt2_inspect.models.check import TOLERANCE, check_models
from gpt2_inspect.models.published import TEXTS
from gpt2_inspect.results.models import ModelChecks, ModelList
from gpt2_inspect.sources.installed import Installed, ModelFiles
from harness import Terminal, check_error, run_cli, run_process
from hub import local_hub
from loaded import HEAVY, NUMPY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

OTHER = "f" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def with_checksums(snapshot: Path) -> Path:
    """Names the blobs of a snapshot as the hub's tools do: by SHA-256, or for small files Git's SHA-1 of a blob."""
    for link in snapshot.iterdir():
        blob = link.resolve()
        raw = blob.read_bytes()
        large = link.suffix == ".safetensors"
        checksum = hashlib.sha256(raw) if large else hashlib.sha1(b"blob %d\0" % len(raw) + raw)
        blob.rename(blob.with_name(checksum.hexdigest()))
        link.unlink()
        link.symlink_to(Path("../../blobs") / checksum.hexdigest())
    return snapshot


class TestList:
    def test_what_is_there(self, cache: Path, tiny: Path) -> None:
        fill_cache(cache, "org/name", tiny, refs=("main", "refs/pr/1"))
        snapshot = fill_cache(cache, "org/name", tiny, OTHER, refs=("v1",))
        (snapshot / "model.safetensors").unlink()
        found = {(model.name, model.revision): model for model in list_models().models}
        assert list(found) == [("pocket", None), ("pocket-zh", None), ("org/name", COMMIT), ("org/name", OTHER)]
        whole, incomplete = found["org/name", COMMIT], found["org/name", OTHER]
        assert (whole.state, whole.missing, whole.refs) == ("whole", (), ("main", "refs/pr/1"))
        assert whole.size_bytes == sum(path.stat().st_size for path in tiny.iterdir())
        assert whole.parameters == found["org/name", OTHER].parameters > 0
        assert (incomplete.state, incomplete.missing) == ("incomplete", ("model.safetensors",))
        assert [model.languages for model in found.values()] == [("en",), ("zh",), (), ()]
        assert [model.default for model in found.values()] == [True, False, False, False]

    def test_others_are_left_out_and_broken_ones_are_not(self, cache: Path, tiny: Path, tmp_path: Path) -> None:
        for name, config in (
            ("bert", '{"model_type": "bert"}'),
            ("broken", "{"),
            ("odd", '{"model_type": "gpt2", "n_head": 5}'),
        ):
            folder = shutil.copytree(tiny, tmp_path / name)
            (folder / "config.json").write_text(config)
            fill_cache(cache, f"org/{name}", folder)
        (cache / "models--empty").mkdir()
        (cache / "datasets--a--b" / "snapshots" / COMMIT).mkdir(parents=True)
        states = {model.name: (model.state, model.parameters) for model in list_models().models[2:]}
        assert states == {"org/broken": ("unusable", None), "org/odd": ("unusable", None)}

    @pytest.mark.parametrize(
        ("card", "languages"),
        [
            ("---\nlanguage: en\n---\nlanguage: fr", ("en",)),
            ("---\ntags:\n- x\nlanguage:\n- zh\n- en\nlicense: mit\n---\n", ("zh", "en")),
            ("---\nlanguage: [de, 'fr']\n---\n", ("de", "fr")),
            ("---\nlicense: mit\n---\n", ()),
            ("language: en", ()),
        ],
    )
    def test_languages_of_a_card(self, tmp_path: Path, card: str, languages: tuple[str, ...]) -> None:
        (tmp_path / "README.md").write_text(card)
        assert Installed(ModelFiles("org/name", "hub", tmp_path, COMMIT)).languages == languages

    def test_default(self, cache: Path, tiny: Path) -> None:
        fill_cache(cache, "openai-community/gpt2", tiny)
        model = next(model for model in list_models().models if model.default)
        assert (model.name, model.languages) == ("openai-community/gpt2", ("en",))
        environ = {"GPT2_INSPECT_MODEL": "pocket-zh"}
        document = json.loads(run_cli("models", "list", "--json", environ=environ).out)
        assert [model["name"] for model in document["models"] if model["default"]] == ["pocket-zh"]

    def test_formats(self, cache: Path, tiny: Path) -> None:
        fill_cache(cache, "org/\x1bname", tiny)
        done = run_cli("models", "list", "--json")
        document = json.loads(done.out)
        assert (done.code, done.err, document["command"]) == (0, "", "models list")
        assert ModelList.from_dict(document).to_dict() == document
        assert len(run_cli("models", "list", "--format", "csv").out.splitlines()) == 4
        assert json.loads(run_cli("models", "list", "-f", "jsonl").out.splitlines()[2])["revision"] == COMMIT
        for columns in (20, 40, 80, 200):
            for command in ("list", "check"):
                environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
                table = run_cli(
                    "models",
                    command,
                    "pocket"[: 6 * (command == "check")] or "-ftable",
                    out=Terminal(),
                    environ=environ,
                ).out
                assert max(map(len, table.splitlines())) <= columns and "\x1b" not in table

    def test_loads_next_to_nothing(self) -> None:
        for arguments in (("list", "--json"), ("path", "pocket"), ("--help",)):
            check_absent(modules_of("models", *arguments), HEAVY | RICH | NUMPY)


class TestPath:
    def test_found(self, cache: Path, tiny: Path) -> None:
        snapshot = fill_cache(cache, "org/name", tiny)
        assert run_cli("models", "path", "org/name").out == f"{snapshot}\n"
        assert run_cli("models", "path", "org/name", "--revision", COMMIT).out == f"{snapshot}\n"
        assert run_cli("models", "path", str(tiny)).out == f"{tiny}\n"

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["org/none"], 3, ("'org/none' is not in the local cache", "models pull org/none")),
            (["./none"], 3, ("does not exist",)),
            (["pocket", "--revision", "v1"], 2, ("--revision is for models from the hub",)),
            (["a b"], 3, ("cannot be a hub id",)),
        ],
    )
    def test_errors(self, arguments: list[str], code: int, words: tuple[str, ...]) -> None:
        check_error(run_cli("models", "path", *arguments), code, *words)


class TestPull:
    def test_from_a_hub(self, tiny: Path, tmp_path: Path) -> None:
        environ = {"HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        with local_hub(tiny) as address:
            done = run_process("models", "pull", "org/tiny", environ={**environ, "HF_ENDPOINT": address})
        folder = Path(done.out.removesuffix("\n"))
        assert done.code == 0 and folder.name == COMMIT and folder.is_relative_to(tmp_path)
        assert "\n" not in done.out.rstrip("\n")  # progress is none of it
        assert (folder / "model.safetensors").read_bytes() == (tiny / "model.safetensors").read_bytes()
        gone = {**environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
        check_error(run_process("models", "pull", "org/tiny", environ=gone), 3, "cannot be reached", "cache already")

    def test_bundled_ones_are_here(self) -> None:
        assert Path(run_cli("models", "pull", "pocket").out.rstrip("\n")).is_dir()

    @pytest.mark.parametrize(
        ("name", "code", "words"),
        [("./x", 2, "is a directory"), ("org/none", 3, "downloads are forbidden"), ("a b", 3, "cannot be a hub id")],
    )
    def test_errors(self, name: str, code: int, words: str) -> None:
        check_error(run_cli("models", "pull", name), code, words)


class TestCheck:
    def test_bundled(self) -> None:
        result, errors = check_models("pocket")
        (model,) = result.models
        assert not errors and model.ok
        found = {check.check: check for check in model.checks}
        assert list(found) == ["files", "config", "weights", "tokenizer", "backends"]
        assert {check.outcome for check in found.values()} == {"ok"}
        assert found["files"].count == found["files"].verified == 5
        assert (found["weights"].count, found["tokenizer"].count) == (52, 8192)
        assert 0 < (found["backends"].difference or 0) < TOLERANCE

    @pytest.mark.parametrize(
        ("damage", "check", "file", "words"),
        [
            (lambda folder: flip(folder / "model.safetensors"), "files", "model.safetensors", "have the checksum"),
            (lambda folder: flip(folder / "config.json"), "files", "config.json", "have the checksum"),
            (lambda folder: (folder / "config.json").resolve().unlink(), "files", "config.json", "is gone"),
            (lambda folder: (folder / "tokenizer.json").unlink(), "files", None, "lacks tokenizer.json"),
        ],
    )
    def test_checksums(
        self, cache: Path, tiny: Path, damage: Callable[[Path], None], check: str, file: str | None, words: str
    ) -> None:
        snapshot = with_checksums(fill_cache(cache, "org/name", tiny))
        result, errors = check_models("org/name")
        assert not errors and result.models[0].checks[0].verified == len(list(snapshot.iterdir()))
        damage(snapshot)
        done = run_cli("models", "check", "org/name", "--json")
        assert done.code == 4 and len(done.err.splitlines()) <= 2 and words in done.err.splitlines()[0]
        document = json.loads(done.out)
        assert ModelChecks.from_dict(document).to_dict() == document
        failed, *others = (each for each in document["models"][0]["checks"] if each["outcome"] != "ok")
        assert (failed["check"], failed["outcome"], failed["file"]) == (check, "failed", file)
        assert {each["outcome"] for each in others} == {"skipped"} and not document["models"][0]["ok"]

    def test_weights(self, tiny: Path, tmp_path: Path) -> None:
        """Where no checksum is known, in a directory, the length and the shapes tell."""
        folder = shutil.copytree(tiny, tmp_path / "short")
        raw = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(raw[:-1])
        done = run_cli("models", "check", str(folder))
        assert done.code == 4 and "model.safetensors" in done.err and "cut off" in done.err
        assert "model.safetensors" in done.out and "FAILED" in done.out
        (folder / "model.safetensors").write_bytes(raw)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"n_positions": 65}))
        assert "has shape [64, 48], config.json asks for [65, 48]" in run_cli("models", "check", str(folder)).err

    def test_sharded_model_lacks_a_shard(self, tmp_path: Path) -> None:
        folder = make_checkpoint(tmp_path, max_shard_size="100KB", n_layer=1)
        assert check_models(str(folder))[1] == []
        next(folder.glob("model-00002*")).unlink()
        done = run_cli("models", "check", str(folder))
        assert done.code == 4 and "model-00002" in done.err

    def test_what_is_named_gpt2_is_held_against_what_is_published(self, cache: Path, tiny: Path) -> None:
        fill_cache(cache, "openai-community/gpt2", tiny)
        done = run_cli("models", "check", "gpt2", "--json")
        assert done.code == 4 and "other tokens than are published" in done.err and "lm-scorer" in done.err
        assert [each["outcome"] for each in json.loads(done.out)["models"][0]["checks"]] == ["ok"] * 5 + ["failed"]

    def test_all(self, cache: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("one", "two"):
            flip(with_checksums(fill_cache(cache, f"org/{name}", tiny)) / "model.safetensors")
        done = run_cli("models", "check", "--json")
        assert done.code == 4
        lines = done.err.splitlines()
        assert [line.partition(":")[0] for line in lines] == ["damaged", "damaged", "error"]
        assert [model["ok"] for model in json.loads(done.out)["models"]] == [True, True, False, False]

    def test_backends_that_differ(self, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from gpt2_inspect.backends.torch_gpt2 import TorchGPT2

        forward = TorchGPT2.forward

        def off(self, token_ids, cache, **options):  # type: ignore[no-untyped-def]
            return forward(self, token_ids + 1, cache, **options)

        monkeypatch.setattr(TorchGPT2, "forward", off)
        check = run_cli("models", "check", str(tiny))
        assert check.code == 4 and "the numpy and the torch backend differ: logprob" in check.err

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["org/none"], 3, "is not in the local cache"),
            (["--revision", "v1"], 2, "--revision is for a model that is named"),
        ],
    )
    def test_errors(self, arguments: list[str], code: int, words: str) -> None:
        check_error(run_cli("models", "check", *arguments, out=io.StringIO()), code, words)


def flip(path: Path) -> None:
    """One bit of the last byte but some."""
    blob = path.resolve()
    raw = bytearray(blob.read_bytes())
    raw[-3] ^= 1
    blob.write_bytes(raw)


def test_published_facts_rate_every_token() -> None:
    for fact in TEXTS:
        assert len(fact.token_ids) == len(fact.values)
        assert all(value > 0 for value in fact.values) is fact.bits
